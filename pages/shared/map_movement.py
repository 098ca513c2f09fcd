"""The way from the map of raw to that of a tuned version, played; and who changed sides on it."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from embtune.labeling.labelset import UNLABELLED_COLOR
from embtune.maps.movement import frames, sample
from embtune.project import Project
from embtune.work.moving import METHODS, Movement
from pages.shared.chips import colors as label_colors
from pages.shared.layout import plain
from pages.shared.map_chart import HEIGHT
from pages.shared.map_coloring import Coloring, coloring
from pages.shared.state import go_to_record

MOST_DRAWN = 3_000  # each is an element of the page that moves twelve times
N_FRAMES = 12
FRAME_MS = 110
N_TEXTS = 2  # of each kind, so that gain and harm are seen together
INTO, OUT, OTHER = "#2477CE", "#D0400F", "#7A8599"


def movement_toggle(project: Project, embedding: str, method: str) -> bool:
    """Offer the movement in a project that has a version; return whether it is wanted and can be shown."""
    if not project.versions:
        return False
    reason = _why_not(embedding, method)
    wanted = st.toggle(
        "Show the movement",
        key="map_movement",
        disabled=reason is not None,
        help=reason or f"Play the way of every record from the map of raw to that of {embedding}",
    )
    return wanted and reason is None


def _why_not(embedding: str, method: str) -> str | None:
    if embedding == "raw":
        return "Choose a tuned version above: the movement goes from raw to it."
    if method not in METHODS:
        return "Choose PCA or UMAP: a map that labels guided moves by what it was told."
    return None


def movement_chart(project: Project, moved: Movement, embedding: str, method: str) -> None:
    """Draw the animation with its play button, its slider and its legend."""
    label_of = coloring(project, "label", embedding)
    figure, n_drawn = project.cached(
        ("movement figure", embedding, method),
        (project.revision, id(moved)),
        lambda: movement_figure(moved, label_of, embedding),
    )
    st.plotly_chart(
        figure,
        key="map_movement_chart",
        width="stretch",
        config={"displaylogo": False, "scrollZoom": True, "modeBarButtonsToRemove": ["select2d", "lasso2d"]},
        alt=f"Animation of the {method.upper()} of raw turning into that of {embedding}",
    )
    _legend(label_of, len(moved.before))
    total = len(moved.before)
    drawn = f"{total:,} points"
    if n_drawn < total:
        drawn = f"{n_drawn:,} of {drawn} drawn, evenly chosen; all are counted"
    st.caption(
        f"{drawn} · the map of {embedding} is turned and scaled to lie over that of raw · a record's region "
        f"is the label that most of its {moved.k} nearest labelled records on the map have"
    )


def movement_figure(moved: Movement, label_of: Coloring, embedding: str) -> tuple[Any, int]:
    """Build the animated figure; return it and the number of points drawn."""
    import plotly.graph_objects as go

    n = len(moved.before)
    found = moved.crossings
    kind = np.select([found.out_of_own, found.into_own, found.crossed], [3, 2, 1], 0)
    codes = label_of.codes[:n]
    drawn = sample((codes + 1) * 4 + kind, MOST_DRAWN)
    drawn = drawn[np.argsort(codes[drawn] >= 0, kind="stable")]  # labelled ones above the grey
    palette = np.array([*label_of.colors, UNLABELLED_COLOR])
    size = 7 if len(drawn) <= 1000 else 5
    groups = [np.arange(len(drawn)), *(np.flatnonzero(kind[drawn] == value) for value in (1, 2, 3))]
    way = frames(moved.before[drawn], moved.after[drawn], N_FRAMES)

    def at(step: int) -> list[dict[str, Any]]:
        return [{"x": way[step, rows, 0], "y": way[step, rows, 1]} for rows in groups]

    known = codes[drawn] >= 0
    markers: list[dict[str, Any]] = [
        {
            "size": size,
            "color": palette[codes[drawn]].tolist(),
            "opacity": np.where(known, 0.9, 0.45),
            "line": {"width": 0},
        },
        _mark("circle-open", size + 4, OTHER, 1.0),
        _mark("circle-open", size + 6, INTO, 2.0),
        _mark("x-thin-open", size + 3, OUT, 2.2),
    ]
    figure = go.Figure(
        data=[
            go.Scatter(mode="markers", marker=marker, hoverinfo="skip", **place)
            for marker, place in zip(markers, at(0), strict=True)
        ],
        frames=[
            go.Frame(name=str(step), data=at(step), traces=list(range(len(groups))))
            for step in range(N_FRAMES)
        ],
    )
    both = np.concatenate([moved.before, moved.after])
    low, high = both.min(axis=0), both.max(axis=0)
    pad = np.maximum((high - low) * 0.03, 1e-6)
    axis = {"showgrid": False, "zeroline": False, "showticklabels": False, "title": None}
    figure.update_layout(
        height=HEIGHT,
        margin={"l": 0, "r": 0, "t": 0, "b": 74},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(127,140,160,0.06)",
        showlegend=False,
        dragmode="pan",
        xaxis={**axis, "range": [float(low[0] - pad[0]), float(high[0] + pad[0])]},
        yaxis={**axis, "range": [float(low[1] - pad[1]), float(high[1] + pad[1])]},
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": "#8A93A3", "activecolor": "#0B5CAD"},
        updatemenus=[_player()],
        sliders=[_slider(embedding)],
    )
    return figure, len(drawn)


def movement_panel(project: Project, moved: Movement, embedding: str) -> None:
    """Say how many crossed, into their own class and out of it alike, and show who."""
    counts = moved.counts
    st.markdown(f"### From raw to {embedding}")
    if not counts["labelled"]:
        st.caption("No record has a label: there are no regions to cross.")
        return
    st.markdown(
        f"**{counts['crossed']:,}** of {counts['records']:,} records crossed on the map into another "
        "label's region."
    )
    left, right = st.columns(2, gap="small")
    for side, color, sign, words, which in (
        (left, INTO, "◯", "into their own class", "into_own"),
        (right, OUT, "✕", "out of their own class", "out_of_own"),
    ):
        side.html(
            f'<div style="border-left:.3em solid {color};padding:.1em .6em"><div class="num" '
            f'style="font-size:1.5em;font-weight:600"><span style="color:{color}">{sign}</span> '
            f"{counts[which]:,}</div><div>{words}</div>"
            f'<div class="quiet num">{counts[f"unseen_{which}"]:,} not trained on</div></div>'
        )
    rest = [
        f"{counts[which]:,} crossed {words}"
        for which, words in (
            ("between_others", "between two classes that are not theirs"),
            ("not_known", "whose class nobody knows"),
        )
        if counts[which]
    ]
    st.caption(
        f"The {counts['unseen']:,} records of known class that {embedding} did not learn from are the fair "
        f"test: of the others it was told. {' and '.join(rest)}{'.' if rest else ''}"
    )
    for title, rows, color, key in (
        ("Reached their own class", moved.into_own, INTO, "into"),
        ("Left their own class", moved.out_of_own, OUT, "out"),
    ):
        _texts(project, moved, title, rows, color, key, embedding)


def _texts(
    project: Project,
    moved: Movement,
    title: str,
    rows: NDArray[np.int64],
    color: str,
    key: str,
    embedding: str,
) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{title}**", width="content")
        if len(rows) and st.button(
            f"Review {'it' if len(rows) == 1 else f'all {len(rows):,}'}",
            key=f"map_moved_review_{key}",
            icon=":material/keyboard:",
            type="tertiary",
        ):
            session = project.create_session(
                rows, f"{title} from raw to {embedding}", kind="shape", origin={"movement": embedding}
            )
            st.query_params["session"] = str(session)
            st.session_state["session_open"] = session
            st.switch_page("pages/sessions.py")
    if not len(rows):
        st.caption("None.")
    names = {label.id: label.name for label in project.labels}
    chips = label_colors(project)
    for record in project.records(rows[:N_TEXTS]):
        before, after = (
            names.get(int(region[record.row]), "?")
            for region in (moved.crossings.before, moved.crossings.after)
        )
        text, button = st.columns([9, 1], vertical_alignment="center", gap="small")
        way = " → ".join(
            f'<span style="border-bottom:.15em solid {chips.get(name, UNLABELLED_COLOR)}">'
            f"{escape(name)}</span>"
            for name in (before, after)
        )
        shown = record.text if len(record.text) <= 110 else record.text[:109] + "…"
        text.html(
            f'<div class="snippet" style="border-left:.3em solid {color}">'
            f'<div class="quiet">{way}</div>{escape(shown)}</div>'
        )
        if button.button(
            "",
            icon=":material/arrow_forward:",
            key=f"map_moved_{key}_{record.row}",
            help="See its neighbours under raw and " + plain(embedding),
            type="tertiary",
        ):
            go_to_record(record.row)
            st.switch_page("pages/neighbors.py")


def _legend(label_of: Coloring, n: int) -> None:
    counts = np.bincount(label_of.codes[:n] + 1, minlength=len(label_of.names) + 1)
    parts = [
        (name, color)
        for name, color, count in zip(label_of.names, label_of.colors, counts[1:].tolist(), strict=True)
        if count
    ]
    if counts[0]:
        parts.append(("unlabelled", UNLABELLED_COLOR))
    dots = "".join(
        f'<span style="white-space:nowrap"><span style="color:{color}">●</span> {escape(name)}</span>'
        for name, color in parts[:30]
    )
    marks = "".join(
        f'<span style="white-space:nowrap"><span style="color:{color};font-weight:700">{sign}</span> '
        f"{words}</span>"
        for sign, color, words in (
            ("◯", INTO, "crossed into its own class"),
            ("✕", OUT, "crossed out of its own class"),
            ("◯", OTHER, "crossed otherwise"),
        )
    )
    st.html(f'<div class="quiet" style="display:flex;flex-wrap:wrap;gap:.2em 1.1em">{marks}{dots}</div>')


def _mark(symbol: str, size: int, color: str, width: float) -> dict[str, Any]:
    return {"symbol": symbol, "size": size, "color": color, "line": {"width": width, "color": color}}


def _player() -> dict[str, Any]:
    play = {
        "mode": "immediate",
        "fromcurrent": False,
        "frame": {"duration": FRAME_MS, "redraw": False},
        "transition": {"duration": 0},
    }
    stop = {"mode": "immediate", "frame": {"duration": 0, "redraw": False}, "transition": {"duration": 0}}
    return {
        "type": "buttons",
        "direction": "left",
        "showactive": False,
        "x": 0,
        "xanchor": "left",
        "y": 0,
        "yanchor": "top",
        "pad": {"t": 18, "l": 2},
        "bgcolor": "#0B5CAD",
        "bordercolor": "#0B5CAD",
        "font": {"color": "white"},
        "buttons": [
            {"label": "▶ Play", "method": "animate", "args": [None, play]},
            {"label": "❚❚", "method": "animate", "args": [[None], stop]},
        ],
    }


def _slider(embedding: str) -> dict[str, Any]:
    still = {"mode": "immediate", "frame": {"duration": 0, "redraw": False}, "transition": {"duration": 0}}
    last = N_FRAMES - 1
    return {
        "active": 0,
        "x": 0.25,  # clear of the buttons on a small screen
        "len": 0.73,
        "y": 0,
        "yanchor": "top",
        "pad": {"t": 14, "b": 0},
        "currentvalue": {"visible": False},
        "ticklen": 3,
        "transition": {"duration": 0},
        "steps": [
            {
                "label": {0: "raw", last: embedding}.get(step, ""),
                "method": "animate",
                "args": [[str(step)], still],
            }
            for step in range(N_FRAMES)
        ],
    }
