"""Runs the app's script without a browser and opens one of its pages."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def open_page(home, monkeypatch):
    """Open a page by its file's name, on a project: `open_page("map", project)` gives an AppTest."""
    import streamlit as st
    from streamlit.testing.v1 import AppTest

    monkeypatch.chdir(ROOT)
    st.cache_resource.clear()
    st.cache_data.clear()

    def opened(name: str, project=None, **state):
        at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        if project is not None:
            at.session_state["project"] = project.name
        for key, value in state.items():
            at.session_state[key] = value
        at.run()
        at.switch_page(f"pages/{name}.py")
        at.run()
        assert not at.exception, at.exception[0].message
        return at

    return opened
