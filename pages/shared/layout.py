"""What every page looks like: spacing, headings, empty states, and how errors are shown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import streamlit as st

from embtune.errors import EmbtuneError

_CSS = """
<style>
  .block-container {padding: 1.4rem 2.4rem 2rem 2.4rem; max-width: 1760px;}
  .block-container h1 {padding: .2rem 0 .4rem;}
  .snippet {padding-left: .5em; font-size: .87em; line-height: 1.35;}
  [data-testid="stSidebarContent"] .block-container {padding-top: 1rem;}
  [data-testid="stSidebarUserContent"] {padding-top: .5rem;}
  .chip {display: inline-block; padding: 0 .45em; border-radius: .4em; font-size: .82em; line-height: 1.6;
         border: 1px solid; white-space: nowrap;}
  .quiet {opacity: .68; font-size: .88em;}
  .num {font-variant-numeric: tabular-nums;}
  kbd {font-size: .78em; padding: 0 .35em; border: 1px solid; border-radius: .25em; opacity: .75;}
</style>
"""


def style() -> None:
    """Apply the few rules that the theme cannot express."""
    st.html(_CSS)


def title(text: str, note: str = "") -> None:
    """Draw the page's heading with one quiet line under it."""
    st.title(text, anchor=False)
    if note:
        st.caption(note)


def empty(message: str, *, to: str | None = None, action: str = "") -> None:
    """Say what is missing and where to get it: an empty page's only content."""
    with st.container(border=True):
        st.markdown(message)
        if to is not None:
            st.page_link(f"pages/{to}.py", label=action, icon=":material/arrow_forward:")


def plain(text: str) -> str:
    """Return a text that markdown shows as it is: names and file contents may hold any character."""
    return re.sub(r"[\\`*\[\]$<~]|(?<!\w)_|_(?!\w)|:(?=\w)", r"\\\g<0>", text)


def first_choice(key: str, options: Sequence[str], default: str) -> int:
    """Return the index a select box starts with; once it has a value of its own, that one counts.

    A value that is none of the options any more, as of a deleted version, is forgotten.
    """
    if st.session_state.get(key, options[0]) not in options:
        del st.session_state[key]
    # Streamlit wants one or the other: a value in the session, or a start.
    return 0 if key in st.session_state else options.index(default)


@contextmanager
def told() -> Iterator[None]:
    """Show a known error as one sentence in place of a traceback."""
    try:
        yield
    except EmbtuneError as error:
        st.error(plain(str(error)), icon=":material/error:")
