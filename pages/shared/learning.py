"""Is it worth labelling more? The learning curve, and what the next 20 labels would add."""

from __future__ import annotations

import time
from typing import Any

import streamlit as st

from embtune.evaluation.power_law import PowerLaw
from embtune.project import Project
from embtune.work.learning import known_learning_curve
from pages.shared.charts import RAW_COLOR, TUNED_COLOR, apply_style, faded, graph_objects, show
from pages.shared.jobs import ended_card, job_card, last_job, running_job
from pages.shared.layout import told

_RECENT_SECONDS = 900
_COLORS = {"accuracy": TUNED_COLOR, "top_k": RAW_COLOR}


def worth_labelling(project: Project) -> None:
    """Draw the expander with the learning curve of the labels at hand."""
    job = running_job(project, "learning_curve")
    box = st.expander("Is it worth labelling more?", key="tune_learning", on_change="rerun")
    if not box.open:
        return  # nothing is read or drawn for those who do not look
    with box:
        known, fresh = known_learning_curve(project)
        if known is not None:
            _known(project, known)
        if job is not None:
            job_card(project, job.id, key="learning_")
            return
        last = last_job(project, "learning_curve")
        if last is not None and time.time() - (last.finished_at or 0) < _RECENT_SECONDS:
            ended_card(project, last)
        if known is None:
            st.markdown(
                "Propagation, one of the recipes, learns from a part of your labels, then from twice as "
                "many, and so on. How it gets better says what more labels would bring. It takes seconds "
                "for hundreds of labels, a minute for ten thousand."
            )
        elif not fresh:
            st.caption("Labels or records have changed since this was drawn.")
        if not fresh:
            _start(project, "Draw the learning curve" if known is None else "Draw it again")


def _start(project: Project, label: str) -> None:
    if st.button(label, key="learning_start"):
        with told():
            project.start("learning_curve")
            st.rerun()


def _known(project: Project, known: dict[str, Any]) -> None:
    st.markdown(f"**{_headline(known)}**")
    figure, rows = learning_lines(known)
    show(
        figure,
        rows,
        f"{project.name}-learning-curve",
        "learning_chart",
        alt="Accuracy and same-class neighbours against the number of labels",
    )
    st.caption(
        f"{known['model'].capitalize()} over {known['embedding']}, trained on random parts of "
        f"{known['n_labels']:,} labels ({known['draws']} draws) and measured on "
        f"{known['n_measured']:,} records ({known['measured_on']}) that it has not seen. Bands are "
        "95 % intervals; the dotted lines go on as the curve so far suggests."
        if known["law"]["accuracy"]
        else f"Trained on random parts of {known['n_labels']:,} labels and measured on "
        f"{known['n_measured']:,} records ({known['measured_on']}). With so few, no curve can be fitted."
    )


def _headline(known: dict[str, Any]) -> str:
    """Say the plain word, and what the next labels are expected to add."""
    word = known["word"]
    said = f"{word[0].upper()}{word[1:]}."
    gain = known["gain"]
    if gain["accuracy"] is None:
        return f"{said} Label some more, then look again."
    names = {"accuracy": "accuracy", "top_k": f"top_{known['k']:,}"}
    parts = [
        f"{_points(gain[key]['mean'])} points of {name} "
        f"({_points(gain[key]['low'])} to {_points(gain[key]['high'])})"
        for key, name in names.items()
    ]
    return f"{said} The next {gain['accuracy']['more']} labels are expected to add {' and '.join(parts)}."


def _points(share: float) -> str:
    return f"{100 * share:.1f}"


def learning_lines(known: dict[str, Any]) -> tuple[Any, list[dict[str, Any]]]:
    """Draw both scores against the number of labels, with bands and what the fitted law expects."""
    go = graph_objects()
    figure, rows = go.Figure(), []
    sizes = [point["n"] for point in known["points"]]
    names = {"accuracy": "accuracy", "top_k": f"top_{known['k']:,} neighbours"}
    for key, name in names.items():
        mean, low, high = (
            [point[key][part] for point in known["points"]] for part in ("mean", "low", "high")
        )
        color = _COLORS[key]
        figure.add_scatter(
            x=[*sizes, *reversed(sizes)],
            y=[*high, *reversed(low)],
            fill="toself",
            fillcolor=faded(color, 0.2),
            mode="lines",
            line={"width": 0},
            hoverinfo="skip",
            showlegend=False,
            legendgroup=key,
        )
        figure.add_scatter(
            x=sizes,
            y=mean,
            name=name,
            mode="lines+markers",
            line={"color": color, "width": 2.5},
            marker={"size": 7},
            legendgroup=key,
            customdata=list(zip(low, high, strict=True)),
            hovertemplate="%{y:.1%} (%{customdata[0]:.1%} to %{customdata[1]:.1%})",
        )
        law = known["law"][key]
        if law is not None:
            ahead = [round(sizes[-1] * step) for step in (1, 1.25, 1.6, 2)]
            fitted = PowerLaw(law["a"], law["b"], law["c"])
            figure.add_scatter(
                x=ahead,
                # From the point measured: the curve passes near it, and a step there would tell nothing.
                y=[mean[-1] + float(fitted(n) - fitted(sizes[-1])) for n in ahead],
                mode="lines",
                line={"color": color, "width": 1.5, "dash": "dot"},
                hovertemplate="expected %{y:.1%}<extra></extra>",
                showlegend=False,
                legendgroup=key,
            )
        rows += [
            {"score": name, "labels": n, "mean": m, "low": a, "high": b}
            for n, m, a, b in zip(sizes, mean, low, high, strict=True)
        ]
    apply_style(figure, height=300, x="labels learned from", y="")
    figure.update_xaxes(
        type="log", tickvals=[*sizes, 2 * sizes[-1]], ticktext=[f"{n:,}" for n in [*sizes, 2 * sizes[-1]]]
    )
    figure.update_yaxes(tickformat=".0%")
    return figure, rows
