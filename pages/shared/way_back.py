"""The browser's Back: one step for each thing that a person does."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_mount = st.components.v2.component(
    "embtune_way_back", js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
)


def one_step_back() -> None:
    """Make every change of the address that one click brings about one step of the browser's history."""
    st.html("<style>div:has(> .st-key-way_back) {display: none;}</style>")
    with st.container(key="way_back"):
        _mount(key="way_back_kept")
