"""Colours and hotkeys of labels: one palette, the same on every page."""

from __future__ import annotations

import math
from collections.abc import Collection
from functools import lru_cache

# Okabe & Ito (2008), "Color Universal Design"; their black gives way to a brown that shows on dark pages too.
OKABE_ITO = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#F0E442", "#8C6D46")
UNLABELLED_COLOR = "#B8BCC4"
NONE_COLOR = "#5C6270"
_LOOKS_ALIKE = 45.0  # distance in red, green and blue of 0 to 255

# S, B, U, F belong to the session card, C and R to the browser page itself.
HOTKEYS = "123456789" + "adeghijklmnopqtvwxyz"


def color_for(position: int) -> str:
    """Return the colour of the label at that place (0-based) of the label set.

    The first eight are Okabe–Ito's; later ones come from colorcet's Glasbey set, whose members are as
    far from each other as can be (Glasbey et al. 2007, doi:10.1002/col.20327), but for those that look
    like one of the eight or like a record without a label.
    """
    if position < len(OKABE_ITO):
        return OKABE_ITO[position]
    palette = _later_colors()
    return palette[(position - len(OKABE_ITO)) % len(palette)]


@lru_cache(maxsize=1)
def _later_colors() -> tuple[str, ...]:
    from colorcet import glasbey_bw_minc_20_minl_30

    taken = [_channels(color) for color in (*OKABE_ITO, UNLABELLED_COLOR, NONE_COLOR)]
    found = [[round(255 * value) for value in color] for color in glasbey_bw_minc_20_minl_30]
    return tuple(
        "#" + "".join(f"{value:02X}" for value in color)
        for color in found
        if min(math.dist(color, other) for other in taken) > _LOOKS_ALIKE
    )


def _channels(color: str) -> list[int]:
    return [int(color[i : i + 2], 16) for i in (1, 3, 5)]


def hotkey_for(taken: Collection[str | None]) -> str | None:
    """Return the first free hotkey, or None when all are taken."""
    return next((key for key in HOTKEYS if key not in taken), None)


def is_color(value: str) -> bool:
    """Tell whether a text is a colour like #0072B2."""
    return len(value) == 7 and value[0] == "#" and all(ch in "0123456789abcdefABCDEF" for ch in value[1:])
