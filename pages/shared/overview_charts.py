"""The figures of the Overview: labels by class and source, how they came, how sure the quick model is."""

from __future__ import annotations

from datetime import datetime
from html import escape
from itertools import pairwise
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from embtune.labeling.labelset import UNLABELLED_COLOR
from embtune.labeling.state import SOURCES
from embtune.work.overview import Progress, Standing
from pages.shared.charts import TUNED_COLOR, apply_style, graph_objects
from pages.shared.map_coloring import SOURCE_COLORS

MOST_LABELS = 15
_BINS = 10
_WORDS = {
    "manual": "by hand",
    "lasso": "by shape or cluster",
    "session": "in sessions",
    "import": "imported",
    "heuristic": "by heuristics",
    "weak supervision": "by weak supervision",
    "model": "by a model",
}


def coverage_bar(now: Standing) -> str:
    """Return one bar over all records, cut by who gave the label; the rest is grey."""
    parts = [(name, n, SOURCE_COLORS[name]) for name, n in now.by_source.items()]
    bar = "".join(
        f'<div style="width:{100 * n / now.n:.3f}%;background:{color}" '
        f'title="{escape(_WORDS[name])}: {n:,}"></div>'
        for name, n, color in parts
    )
    words = [
        f'<span><span style="display:inline-block;width:.7em;height:.7em;border-radius:.2em;'
        f'background:{color}"></span> {n:,} {escape(_WORDS[name])}</span>'
        for name, n, color in parts
    ]
    if now.n_none:
        words.append(f"<span>{now.n_none:,} none of these</span>")
    words.append(f"<span>{now.n - now.n_labelled - now.n_none:,} to do</span>")
    return (
        f'<div style="display:flex;height:.9em;border-radius:.45em;overflow:hidden;'
        f'background:{UNLABELLED_COLOR}40">{bar}</div>'
        f'<div class="quiet num" style="display:flex;flex-wrap:wrap;gap:.1em 1.2em;margin-top:.4em">'
        f"{''.join(words)}</div>"
    )


def labels_chart(now: Standing) -> tuple[Any, list[dict[str, Any]], int]:
    """Draw records by label, cut by source; return figure, data and how many small labels are not drawn."""
    go = graph_objects()
    sums = now.counts.sum(axis=1)
    drawn = np.argsort(-sums, kind="stable")[:MOST_LABELS]
    names = [_short(now.labels[i]) for i in drawn.tolist()]
    figure = go.Figure()
    for source in now.by_source or {"manual": 0}:
        figure.add_bar(
            y=names,
            x=now.counts[drawn, SOURCES.index(source)].tolist(),
            orientation="h",
            name=_WORDS[source],
            marker={"color": SOURCE_COLORS[source]},
            hovertemplate="%{y}: %{x:,} " + _WORDS[source] + "<extra></extra>",
        )
    apply_style(figure, height=80 + 26 * max(3, len(names)), x="", y="", legend=False)
    figure.update_layout(barmode="stack", hovermode="closest", bargap=0.35, showlegend=False)
    figure.update_yaxes(autorange="reversed", showgrid=False, ticks="")
    figure.update_xaxes(showgrid=True, gridcolor="rgba(128,136,150,.22)", tickformat=",d", rangemode="tozero")
    rows = [
        {"label": name} | {s: int(now.counts[i, SOURCES.index(s)]) for s in now.by_source}
        for i, name in enumerate(now.labels)
    ]
    return figure, rows, len(now.labels) - len(drawn)


def progress_chart(progress: Progress) -> tuple[Any, list[dict[str, Any]]]:
    """Draw how many of the labels that stand now had been given by when, cut by source."""
    go = graph_objects()
    times = [datetime.fromtimestamp(at) for at in progress.at.tolist()]
    figure = go.Figure()
    for source, counts in reversed(progress.by_source.items()):
        figure.add_scatter(
            x=times,
            y=counts.tolist(),
            name=_WORDS[source],
            mode="lines" if len(times) > 1 else "markers",
            stackgroup="all",
            line={"width": 1, "color": SOURCE_COLORS[source], "shape": "vh"},
            hovertemplate="%{y:,}",
        )
    apply_style(figure, height=230, x="", y="", legend=False)
    figure.update_layout(showlegend=False)  # the bar on top says what the colours are
    figure.update_yaxes(tickformat=",d", rangemode="tozero")
    rows = [
        {"until": at.isoformat(timespec="minutes")}
        | {source: int(counts[i]) for source, counts in progress.by_source.items()}
        for i, at in enumerate(times)
    ]
    return figure, rows


def confidence_chart(confidence: NDArray[np.float32]) -> tuple[Any, list[dict[str, Any]]]:
    """Draw how sure the quick model is of the records without a label, ten bars."""
    go = graph_objects()
    counts, edges = np.histogram(confidence, bins=_BINS, range=(0, 1))
    names = [f"{100 * low:.0f}–{100 * high:.0f} %" for low, high in pairwise(edges)]
    figure = go.Figure(
        go.Bar(
            x=((edges[:-1] + edges[1:]) / 2).tolist(),
            y=counts.tolist(),
            customdata=names,
            marker={"color": TUNED_COLOR},
            hovertemplate="%{customdata} sure: %{y:,} records<extra></extra>",
        )
    )
    apply_style(figure, height=230, x="confidence", y="", legend=False)
    figure.update_layout(hovermode="closest", bargap=0.12)
    figure.update_yaxes(tickformat=",d")
    figure.update_xaxes(tickformat=".0%", tickvals=[0, 0.25, 0.5, 0.75, 1], range=[0, 1.01])
    rows = [{"confidence": name, "records": int(n)} for name, n in zip(names, counts.tolist(), strict=True)]
    return figure, rows


def share_words(part: int, whole: int) -> str:
    """Return a share as people say it: "17 %", "under 1 %"."""
    if not part:
        return "0 %"
    share = 100 * part / whole
    return "under 1 %" if share < 1 else f"{share:.0f} %" if share < 99.5 or part == whole else "over 99 %"


def _short(name: str, most: int = 24) -> str:
    return escape(name if len(name) <= most else name[: most - 1] + "…")


def quiet(text: str) -> None:
    """Draw a quiet line."""
    st.html(f'<div class="quiet num">{text}</div>')
