"""How far the quick model's confidence can be believed, as a figure."""

from __future__ import annotations

from typing import Any

import streamlit as st

from embtune.project import Project
from embtune.work.predicting import Calibration
from pages.shared.charts import TUNED_COLOR, apply_style, graph_objects, show

_LINE = "rgba(128,136,150,.6)"


def calibration_chart(project: Project, embedding: str = "active", *, key: str = "calibration") -> None:
    """Draw confidence against the share that was right, with one sentence, or say that there is none."""
    found = project.calibration(embedding)
    if found is None:
        st.caption("No calibration yet: the quick model needs labels of two classes.")
        return
    st.markdown(sentence(found))
    rows = [
        {
            "confidence": round(one.confidence, 4),
            "right": round(one.right, 4),
            "low": round(one.low, 4),
            "high": round(one.high, 4),
            "records": one.n,
        }
        for one in found.reliability.bins
    ]
    show(
        figure(found),
        rows,
        "calibration",
        key,
        alt="Share of the quick model's predictions that were right, by how sure it was.",
    )


def sentence(found: Calibration) -> str:
    """Say in words how confidence and truth compare, and on what that was measured."""
    known = found.reliability
    gap = known.confidence - known.accuracy
    if abs(gap) < 0.02:
        verdict = "its confidence is about right"
    else:
        verdict = f"it is too {'sure' if gap > 0 else 'unsure'} by {100 * abs(gap):.0f} points"
    on = (
        f"{known.n:,} records with a reference label and none of yours"
        if found.on_reference
        else f"{known.n:,} labels, each predicted by a model that did not know it"
    )
    return (
        f"The quick model is right in **{100 * known.accuracy:.0f} %** of cases, and {verdict} "
        f"(expected calibration error {100 * known.error:.1f} points). Measured on {on}."
    )


def figure(found: Calibration) -> Any:
    """Draw the reliability diagram: a point for each bin of confidence with its 95 % interval."""
    go = graph_objects()
    bins = found.reliability.bins
    made = go.Figure()
    made.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"color": _LINE, "dash": "dot", "width": 1.5},
        name="as sure as right",
        hoverinfo="skip",
    )
    made.add_scatter(
        x=[one.confidence for one in bins],
        y=[one.right for one in bins],
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [one.high - one.right for one in bins],
            "arrayminus": [one.right - one.low for one in bins],
            "thickness": 1.5,
            "width": 4,
        },
        mode="markers+lines",
        marker={"size": 9, "color": TUNED_COLOR},
        line={"color": TUNED_COLOR, "width": 2},
        name="right",
        customdata=[[one.n] for one in bins],
        hovertemplate="confidence %{x:.0%}<br>right %{y:.0%}<br>%{customdata[0]:,} records<extra></extra>",
    )
    apply_style(made, height=320, x="confidence", y="share right", legend=False)
    made.update_layout(hovermode="closest", showlegend=False)
    made.update_xaxes(range=[0, 1.02], tickformat=".0%")
    made.update_yaxes(range=[0, 1.02], tickformat=".0%")
    return made
