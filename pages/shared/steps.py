"""The server's end of the browser's queue of steps: each is taken once, in its order.

Streamlit folds presses that arrive while the page is still being drawn into one: fine for a form, but a
person who types labels would lose some. So the browser keeps its steps until they are confirmed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

SCRIPT = (Path(__file__).parent / "step_queue.js").read_text(encoding="utf-8") + "\n"


def new_steps(key: str) -> tuple[list[dict[str, Any]], bool]:
    """Return the steps of that component which were not taken yet, and mark them as taken.

    The second value tells that a server before this one may have taken them: the browser has been through
    confirmed steps that this visit knows nothing of.
    """
    value = st.session_state[key].get("steps") or {}
    client, steps = value.get("client"), value.get("steps") or []
    known = taken(key)
    last = known["seq"] if known is not None and known["client"] == client else 0
    fresh = [step for step in steps if step["seq"] > last]
    if fresh:
        st.session_state[f"{key}_taken"] = {"client": client, "seq": fresh[-1]["seq"]}
    return fresh, last == 0 and bool(fresh) and fresh[0]["seq"] > 1


def taken(key: str) -> dict[str, Any] | None:
    """Return which step of which browser was the last one taken."""
    return st.session_state.get(f"{key}_taken")
