"""Manual against weak labels: every cell of the matrix opens its records as a session."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from embtune.errors import EmbtuneError
from embtune.project import Project
from embtune.store.weak_runs import WeakRun
from embtune.weak_supervision.base import BLIND, KNOWING, WITHOUT_SEEN
from pages.shared.charts import (
    TUNED_COLOR,
    apply_style,
    as_csv,
    chart_config,
    faded,
    graph_objects,
)
from pages.shared.layout import plain
from pages.shared.weak_chosen import trusted
from pages.shared.weak_form import NOTE
from pages.shared.weak_sessions import open_cell

_MOST_LABELS = 30
_MOST_LISTED = 6
_CLICKS = "weak_confusion_clicks"


def confusion(project: Project, run: WeakRun, threshold: float) -> None:
    """Draw the matrix, and list what is mistaken most often; a click on either opens the records."""
    found = project.weak.confusion(run.id, threshold=threshold)
    if found is None:
        return
    rows, columns, counts = found
    n = int(counts.sum())
    st.html(
        "<b>Manual against weak</b><br><span class='quiet'>Rows are manual labels, columns what weak "
        f"supervision says of the same records{escape(_knowing(run))} Click a cell to open its records."
        "</span>"
    )
    if not n:
        st.caption("No record has a manual label: label some to see where the heuristics go wrong.")
        return
    kept = _shown(counts)
    name = f"{project.name}-weak-{run.id}-confusion"
    clicks = st.session_state.setdefault(_CLICKS, 0)
    key = (
        f"weak_confusion_{clicks}"  # a new one after every click, so that the same cell can be clicked again
    )

    def clicked() -> None:
        points = st.session_state[key]["selection"]["points"]
        st.session_state[_CLICKS] = clicks + 1
        if points:
            row, column = points[0]["customdata"][:2]
            go_to(project, run, rows[row], columns[column] if column < len(rows) else None, threshold)

    st.plotly_chart(
        matrix(rows, columns, counts, kept),
        key=key,
        config=chart_config(name),
        on_select=clicked,
        selection_mode="points",
        alt="Records by manual and weak label",
    )
    if len(kept) < len(rows):
        st.caption(f"The {len(kept)} labels with most manual records of {len(rows):,}; the data has all.")
    data = [
        {"manual": manual, "weak": weak, "records": int(counts[i, j])}
        for i, manual in enumerate(rows)
        for j, weak in enumerate(columns)
    ]
    st.download_button(
        "Data (CSV)",
        as_csv(data),
        f"{name}.csv",
        "text/csv",
        key="weak_confusion_csv",
        on_click="ignore",
        type="tertiary",
        icon=":material/download:",
    )
    _mistaken(project, run, rows, counts, threshold)


def _knowing(run: WeakRun) -> str:
    """Say whether the run knew the manual labels it is held against, and where to look if it did."""
    by = run.metrics.get("held_out_by")
    if by == BLIND:
        return " without knowing those labels."
    if by == WITHOUT_SEEN:
        return (
            " without knowing those labels, and without the votes of heuristics made in view of them, which "
            "count elsewhere."
        )
    if by != KNOWING:
        return "; it may have known those labels."
    where = f": the figures on {trusted(run)} are the ones to believe" if trusted(run) else ""
    return (
        "; heuristics that vote here were made in view of those labels, so it is right more often than "
        f"elsewhere{where}."
    )


def go_to(project: Project, run: WeakRun, manual: str, weak: str | None, threshold: float) -> None:
    """Open the records of a cell as soon as the page runs again; an empty cell opens nothing."""
    try:
        open_cell(project, run, manual, weak, threshold)
    except EmbtuneError as error:
        st.session_state[NOTE] = plain(str(error))


def _shown(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Places of the labels that are drawn: all, or those with most manual records, in their order."""
    most = np.argsort(-counts.sum(axis=1), kind="stable")[:_MOST_LABELS]
    return np.sort(most)


def _mistaken(
    project: Project, run: WeakRun, rows: list[str], counts: NDArray[np.int64], threshold: float
) -> None:
    """List the pairs of labels that are mistaken most often, each to be opened."""
    wrong = counts[:, :-1].copy()
    right = int(np.trace(wrong))
    np.fill_diagonal(wrong, 0)
    n_wrong, n_none = int(wrong.sum()), int(counts[:, -1].sum())
    st.markdown(
        f"{right:,} of {int(counts.sum()):,} the same, {n_wrong:,} different, "
        f"{n_none:,} without a weak label." + (" Mistaken most often:" if n_wrong else "")
    )
    order = np.argsort(-wrong, axis=None, kind="stable")[:_MOST_LISTED]
    with st.container(horizontal=True, gap="small"):
        for place in order.tolist():
            i, j = divmod(place, len(rows))
            if not wrong[i, j]:
                break
            st.button(
                f"{plain(rows[i])} → {plain(rows[j])} **{int(wrong[i, j]):,}**",
                key=f"weak_cell_{i}_{j}",
                help=f"Open the records labelled {rows[i]} that weak supervision takes for {rows[j]}",
                on_click=go_to,
                args=(project, run, rows[i], rows[j], threshold),
            )


def matrix(rows: list[str], columns: list[str], counts: NDArray[np.int64], kept: NDArray[np.int64]) -> Any:
    """Draw shares of each manual label (rows); a point that cannot be seen on each cell takes the click."""
    go = graph_objects()
    places = [*kept.tolist(), len(rows)]
    part = counts[np.ix_(kept, places)]
    shares = part / np.maximum(counts[kept].sum(axis=1, keepdims=True), 1)
    xs, ys = list(range(len(places))), list(range(len(kept)))
    figure = go.Figure(
        go.Heatmap(
            x=xs,
            y=ys,
            z=shares.tolist(),
            zmin=0,
            zmax=1,
            colorscale=[[0, faded(TUNED_COLOR, 0.0)], [1, TUNED_COLOR]],
            showscale=False,
            xgap=2,
            ygap=2,
            hoverinfo="skip",
        )
    )
    cells = [(i, j) for i in ys for j in xs]
    figure.add_scatter(
        x=[j for _, j in cells],
        y=[i for i, _ in cells],
        mode="markers",
        marker={"size": 12, "opacity": 0},
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
        customdata=[
            [int(kept[i]), int(places[j]), rows[kept[i]], columns[places[j]], int(part[i, j]), shares[i, j]]
            for i, j in cells
        ],
        hovertemplate="labelled %{customdata[2]}, weak supervision: %{customdata[3]}<br>"
        "%{customdata[4]:,} records (%{customdata[5]:.0%})<extra></extra>",
        showlegend=False,
    )
    small = len(kept) > 14
    figure.update_layout(
        annotations=[
            {
                "x": j,
                "y": i,
                "text": f"{part[i, j]:,}",
                "showarrow": False,
                "font": {"size": 10 if small else 13} | ({"color": "#FFFFFF"} if shares[i, j] > 0.5 else {}),
            }
            for i, j in cells
            if part[i, j] or len(kept) <= 8
        ]
    )
    height = max(320, min(900, 120 + (26 if small else 40) * len(kept)))
    apply_style(figure, height=height, x="weak supervision says", y="labelled by people", legend=False)
    figure.update_layout(hovermode="closest", hoverdistance=-1, dragmode=False)
    figure.update_yaxes(
        tickvals=ys, ticktext=[_short(rows[i]) for i in kept], range=[len(ys) - 0.5, -0.5], showgrid=False
    )
    figure.update_xaxes(
        tickvals=xs, ticktext=[_short(columns[i]) for i in places], range=[-0.5, len(xs) - 0.5]
    )
    figure.update_xaxes(fixedrange=True, ticks="", tickangle=0 if len(kept) <= 6 else -35)
    figure.update_yaxes(fixedrange=True, ticks="")
    return figure


def _short(name: str, most: int = 22) -> str:
    return escape(name if len(name) <= most else name[: most - 1] + "…")  # plotly reads simple HTML
