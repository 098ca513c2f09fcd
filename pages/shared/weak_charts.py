"""The figures of a run of weak supervision: threshold, reliability, labels beside the manual ones."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
import streamlit as st

from embtune.heuristics.base import ABSTAIN
from embtune.project import Project
from embtune.store.weak_runs import WeakRun
from embtune.weak_supervision.base import KNOWING, WITHOUT_SEEN
from embtune.work.heuristic_corpus import manual_labels
from pages.shared.charts import RAW_COLOR, TUNED_COLOR, Row, apply_style, faded, graph_objects, show
from pages.shared.weak_chosen import threshold_of

_MARK = 0.7
_LINE = "rgba(128,136,150,.6)"
_MOST_LABELS = 40


def thresholds(project: Project, run: WeakRun) -> None:
    """Draw how many records are kept over the confidence, and how right those are."""
    curve: list[dict[str, Any]] = run.metrics.get("curve") or []
    if not curve:
        return
    _heading("Which confidence to ask for", _at_mark(run, curve))
    rows = [
        {name: one[name] for name in ("threshold", "n", "share", "n_checked", "n_right", "accuracy")}
        | {"low": one["low"] if one["n_checked"] else None, "high": one["high"] if one["n_checked"] else None}
        for one in curve
    ]
    show(
        threshold_lines(curve, threshold_of(run)),
        rows,
        f"{project.name}-weak-{run.id}-thresholds",
        "weak_thresholds",
        alt="Records kept and share right over the confidence asked for",
    )


def _at_mark(run: WeakRun, curve: list[dict[str, Any]]) -> str:
    mark = threshold_of(run)
    one = min(curve, key=lambda point: abs(point["threshold"] - mark))
    kept = f"From {one['threshold']:.2f} on {one['n']:,} records without a manual label are kept"
    kept += f" ({100 * one['share']:.0f} %)"
    if not one["n_checked"]:
        return f"{kept}; none of them can be checked."
    return (
        f"{kept}; of {one['n_checked']:,} that can be checked {100 * one['accuracy']:.1f} % are right "
        f"({100 * one['low']:.1f} to {100 * one['high']:.1f})."
    )


def threshold_lines(curve: list[dict[str, Any]], threshold: float) -> Any:
    """Draw share kept and share right, with its band, over the confidence asked for."""
    go = graph_objects()
    figure = go.Figure()
    known = [one for one in curve if one["n_checked"]]
    xs = [one["threshold"] for one in known]
    figure.add_scatter(
        x=[*xs, *reversed(xs)],
        y=[*(one["high"] for one in known), *(one["low"] for one in reversed(known))],
        fill="toself",
        fillcolor=faded(TUNED_COLOR, 0.2),
        mode="lines",
        line={"width": 0},
        hoverinfo="skip",
        showlegend=False,
    )
    figure.add_scatter(
        x=xs,
        y=[one["accuracy"] for one in known],
        name="right, of those that can be checked",
        mode="lines+markers",
        line={"color": TUNED_COLOR, "width": 2.5},
        marker={"size": 7},
        customdata=[[one["low"], one["high"], one["n_checked"]] for one in known],
        hovertemplate="%{y:.1%} of %{customdata[2]:,} (%{customdata[0]:.1%} to %{customdata[1]:.1%})",
    )
    figure.add_scatter(
        x=[one["threshold"] for one in curve],
        y=[one["share"] for one in curve],
        name="records kept",
        mode="lines+markers",
        line={"color": RAW_COLOR, "width": 2.5},
        marker={"size": 7},
        customdata=[[one["n"]] for one in curve],
        hovertemplate="%{customdata[0]:,} (%{y:.1%})",
    )
    for mark in sorted({_MARK, round(threshold, 2)}):
        figure.add_vline(
            x=mark,
            line={"color": _LINE, "width": 1.5, "dash": "dot"},
            annotation_text=f"{mark:.2f}",
            annotation_position="bottom right",
        )
    apply_style(figure, height=330, x="confidence asked for", y="share of the records")
    figure.update_yaxes(tickformat=".0%", range=[0, 1.03])
    figure.update_xaxes(tickformat=".2f")
    return figure


def reliability(project: Project, run: WeakRun) -> None:
    """Draw how often labels of a confidence are right, on manual labels out of fold and on others.

    Manual labels in view of which heuristics were made do not tell.
    """
    metrics = run.metrics
    by = metrics.get("held_out_by")
    parts = []
    if (found := metrics.get("reliability_measured")) is not None:
        parts.append((metrics.get("measured_on", "labels kept aside"), TUNED_COLOR, found))
    if (found := metrics.get("reliability")) is not None and by != KNOWING:
        blind = " and without heuristics made on them" if by == WITHOUT_SEEN else ""
        parts.append((f"manual labels, each left out in turn{blind}", RAW_COLOR, found))
    if not parts:
        if by == KNOWING:
            _heading(
                "How far the confidence can be believed",
                "No label can tell: heuristics that vote here were made in view of the manual labels, and "
                "none is kept aside.",
            )
        return
    _heading(
        "How far the confidence can be believed",
        "Expected calibration error: "
        + "; ".join(f"{100 * one['error']:.1f} points on {one['n']:,} {what}" for what, _, one in parts)
        + ".",
    )
    rows = [
        {"measured on": what, "from": one["start"], "to": one["stop"], "records": one["n"]}
        | {name: round(one[name], 4) for name in ("confidence", "right", "low", "high")}
        for what, _, found in parts
        for one in found["bins"]
    ]
    show(
        reliability_lines(parts),
        rows,
        f"{project.name}-weak-{run.id}-reliability",
        "weak_reliability",
        alt="Share right over the confidence",
    )


def reliability_lines(parts: list[tuple[str, str, dict[str, Any]]]) -> Any:
    """Draw reliability diagrams: a point for each bin of confidence, with its 95 % interval."""
    go = graph_objects()
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"color": _LINE, "dash": "dot", "width": 1.5},
        showlegend=False,
        hoverinfo="skip",
    )
    for what, color, found in parts:
        bins = found["bins"]
        figure.add_scatter(
            x=[one["confidence"] for one in bins],
            y=[one["right"] for one in bins],
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [one["high"] - one["right"] for one in bins],
                "arrayminus": [one["right"] - one["low"] for one in bins],
                "thickness": 1.5,
                "width": 4,
            },
            mode="markers+lines",
            marker={"size": 8, "color": color},
            line={"color": color, "width": 2},
            name=what,
            customdata=[[one["n"]] for one in bins],
            hovertemplate="confidence %{x:.0%}<br>right %{y:.0%} of %{customdata[0]:,}<extra></extra>",
        )
    apply_style(figure, height=330, x="confidence", y="share right")
    figure.update_layout(hovermode="closest")
    figure.update_xaxes(range=[0, 1.02], tickformat=".0%")
    figure.update_yaxes(range=[0, 1.03], tickformat=".0%")
    return figure


def distribution(project: Project, run: WeakRun, threshold: float) -> None:
    """Draw how often each label was given by people and by the run."""
    rows = distribution_rows(project, run, threshold)
    if not rows:
        return
    n_manual, n_weak = (sum(row[of] for row in rows) for of in ("manual", "weak"))
    shown = sorted(rows, key=lambda row: -row["manual"] - row["weak"])[:_MOST_LABELS]
    _heading(
        "Labels beside the manual ones",
        f"Share of the {n_manual:,} manual and of the {n_weak:,} weak labels."
        + (f" The {_MOST_LABELS} most frequent of {len(rows):,}." if len(rows) > len(shown) else ""),
    )
    show(
        _bars(shown, n_manual, n_weak),
        rows,
        f"{project.name}-weak-{run.id}-labels",
        "weak_distribution",
        alt="Share of every label among manual and weak labels",
    )


def distribution_rows(project: Project, run: WeakRun, threshold: float) -> list[Row]:
    """Count records by label, of people and, where they gave no answer, of a run from a confidence on."""
    found = project.weak.labels(run.id)
    if found is None:
        return []
    labels, confidence = found
    weak = np.where(confidence >= threshold - 1e-6, labels, ABSTAIN)
    weak[project.label_state().manual] = ABSTAIN  # there it is only compared
    manual = manual_labels(project)
    return [
        {
            "label": label.name,
            "manual": int((manual == label.id).sum()),
            "weak": int((weak == label.id).sum()),
        }
        for label in project.labels
    ]


def _bars(rows: list[Row], n_manual: int, n_weak: int) -> Any:
    go = graph_objects()
    figure = go.Figure()
    names = [escape(row["label"] if len(row["label"]) < 25 else row["label"][:23] + "…") for row in rows]
    for of, color, n in (("weak", TUNED_COLOR, n_weak), ("manual", RAW_COLOR, n_manual)):
        figure.add_bar(
            y=list(range(len(rows))),
            x=[row[of] / max(n, 1) for row in rows],
            orientation="h",
            name=of,
            marker={"color": color},
            customdata=[[row[of], row["label"]] for row in rows],
            hovertemplate=f"{of}: %{{customdata[0]:,}} (%{{x:.1%}})<extra></extra>",
        )
    height = max(300, min(900, 90 + 34 * len(rows)))
    apply_style(figure, height=height, x="share of the labels", y="")
    figure.update_layout(barmode="group", bargap=0.3, legend={"traceorder": "reversed"}, hovermode="closest")
    figure.update_xaxes(tickformat=".0%", showgrid=True, gridcolor="rgba(128,136,150,.22)")
    figure.update_yaxes(autorange="reversed", tickvals=list(range(len(rows))), ticktext=names, showgrid=False)
    return figure


def _heading(text: str, note: str) -> None:
    st.html(f"<b>{escape(text)}</b><br><span class='quiet num'>{escape(note)}</span>")
