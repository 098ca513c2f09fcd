"""Which processor tuning would use, found out beside the page: asking means importing torch, for seconds."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import streamlit as st

from embtune.errors import EmbtuneError
from embtune.project import Project


@st.cache_resource(show_spinner=False)
def _asked(wanted: str) -> Future[str]:
    pool = ThreadPoolExecutor(1, thread_name_prefix="device")
    future = pool.submit(_name, wanted)
    pool.shutdown(wait=False)
    return future


def _name(wanted: str) -> str:
    from embtune.embedding.device import pick_device

    return pick_device(wanted).name


def device_line(project: Project) -> None:
    """Name the device at once if it is known, else as soon as it is."""
    future = _asked(project.settings.device)

    @st.fragment(run_every=None if future.done() else 1.0)
    def line() -> None:
        if not future.done():
            st.caption("device: looking …", text_alignment="right")
            return
        error = future.exception()
        if isinstance(error, EmbtuneError):
            st.caption(str(error), text_alignment="right")
        elif error is not None:
            st.caption("device: unknown; see `embtune doctor`", text_alignment="right")
        else:
            st.caption(f"device: **{future.result()}**", text_alignment="right")

    line()
