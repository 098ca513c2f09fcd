"""Colours, hotkeys and names that labels can have: one palette, the same on every page."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from functools import lru_cache

from embtune.errors import BadInputError
from embtune.labeling.state import NONE_OF_THESE_NAME
from embtune.store.labelset import Label

# Okabe & Ito (2008), "Color Universal Design"; their black gives way to a brown that shows on dark pages too.
OKABE_ITO = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#F0E442", "#8C6D46")
UNLABELLED_COLOR = "#B8BCC4"
NONE_COLOR = "#5C6270"
_LOOKS_ALIKE = 45.0  # distance in red, green and blue of 0 to 255

# S, B, U, F, N belong to the session card, C and R to the browser page itself, 0 is "none of these", and
# / and ? find and explain.
RESERVED = frozenset("sbufncr0/?")
HOTKEYS = "".join(key for key in "123456789abcdefghijklmnopqrstuvwxyz" if key not in RESERVED)


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


def free_color(position: int, taken: Collection[str]) -> str:
    """Return the colour of a place, or the next one that no label has."""
    every = range(position, position + len(taken) + 1)
    return next((color for at in every if (color := color_for(at)) not in taken), color_for(position))


def is_color(value: str) -> bool:
    """Tell whether a text is a colour like #0072B2."""
    return len(value) == 7 and value[0] == "#" and all(ch in "0123456789abcdefABCDEF" for ch in value[1:])


def checked_name(name: str, others: Sequence[Label]) -> str:
    """Return a label's name without spaces around it, if it can stand beside the others."""
    name = name.strip()
    if not name or len(name) > 200 or not name.isprintable():
        raise BadInputError("A label needs a name of 1 to 200 printable characters.")
    if name.casefold() == NONE_OF_THESE_NAME:
        raise BadInputError(f"{name!r} is what a record is answered that no label fits: take another name.")
    if any(label.name.casefold() == name.casefold() for label in others):
        raise BadInputError(f"There is a label {name!r} already.")
    return name


def checked_color(color: str) -> str:
    """Return a colour like #0072B2 in upper case."""
    if not is_color(color):
        raise BadInputError(f"{color!r} is no colour; write it like #0072B2.")
    return color.upper()


def checked_hotkey(hotkey: str | None, others: Sequence[Label]) -> str | None:
    """Return a key in lower case, None for none, if labels may have it and none of the others has."""
    key = (hotkey or "").strip().casefold()
    if not key:
        return None
    free = hotkey_for([label.hotkey for label in others])
    instead = f"take a free one, such as {free!r}" if free else "no key is free"
    if key not in HOTKEYS:
        raise BadInputError(
            f"The key {key!r} cannot be a label's (1 to 9 and letters can, but for S, B, U, F, N, C and R): "
            f"{instead}."
        )
    owner = next((label.name for label in others if label.hotkey == key), None)
    if owner is not None:
        raise BadInputError(f"The key {key!r} belongs to {owner!r}: {instead}, or change that label's first.")
    return key
