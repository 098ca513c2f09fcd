"""The legend of the map: what the colours mean, how many there are of each, and which of them show."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from embtune.labeling.labelset import UNLABELLED_COLOR
from pages.shared.map_coloring import Coloring

MOST_PILLS = 14
LATER = "◇"


def visible_points(
    colors: Coloring, n: int, hidden: set[int], later: NDArray[np.bool_] | None = None
) -> NDArray[np.bool_]:
    """Tell which points show, given the hidden places of the legend; hiding all shows all.

    `later` are records to hide besides, shape (n,).
    """
    codes = np.where(colors.codes[:n] < 0, len(colors.names), colors.codes[:n])
    visible = ~np.isin(codes, sorted(hidden))
    if later is not None:
        visible &= ~later
    return visible if visible.any() else np.ones(n, dtype=bool)


def legend(colors: Coloring) -> set[int]:
    """Show the categories with their counts; return the hidden ones (the last place is "unlabelled")."""
    if colors.values is not None:
        return set()
    counts = colors.counts
    places = [i for i, count in enumerate(counts.tolist()) if count]
    names = {i: colors.names[i] if i < len(colors.names) else colors.rest for i in places}
    if len(places) > MOST_PILLS:
        chosen = st.multiselect(
            "Show only", places, key=f"map_show_{colors.title}", format_func=names.get,
            label_visibility="collapsed", placeholder="show only …",
        )  # fmt: skip
        return set(places) - set(chosen) if chosen else set()
    key = f"map_legend_{len(places)}_{abs(hash((colors.title, tuple(names.items())))) % 10**8}"
    shown = st.pills(
        "Legend",
        places,
        default=places,
        selection_mode="multi",
        key=key,
        format_func=lambda i: f"{names[i]} {counts[i]:,}",
        label_visibility="collapsed",
    )
    rules = "".join(
        f".st-key-{key} button:nth-of-type({at}) {{border-left: .5em solid "
        f"{colors.colors[i] if i < len(colors.colors) else UNLABELLED_COLOR} !important;}}"
        for at, i in enumerate(places, start=1)
    )
    st.html(f"<style>{rules}</style>")
    return set(places) - set(shown)


def later_legend(n: int) -> bool:
    """Show how the records that came later are drawn, if there are any; return whether they show."""
    if not n:
        return True
    shown = st.pills(
        "Later records",
        [LATER],
        default=[LATER],
        selection_mode="multi",
        key="map_legend_later",
        format_func=lambda _: f"{LATER} came later {n:,}",
        label_visibility="collapsed",
        help="Records that the map, or the version that it shows, has not seen: placed among the others.",
    )
    return bool(shown)
