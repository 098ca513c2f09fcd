"""Runs the app's script without a browser and opens one of its pages."""

from __future__ import annotations

import json
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


def component(at, key):
    """The component of that key as the page sends it to the browser; None if it is not on the page."""
    return next((one.proto for one in at.get("bidi_component") if one.proto.id.endswith(f"-{key}")), None)


@pytest.fixture
def given_to():
    """What a component of the page was given to draw: `given_to(at, key)`; None if it is not there."""

    def data(at, key):
        proto = component(at, key)
        return None if proto is None else json.loads(proto.json)

    return data


@pytest.fixture
def browser_sends():
    """Send what a component's browser side would: a state by its name, or `trigger=name, value=…`."""

    def send(at, key, trigger=None, **values):
        states = at._tree.get_widget_states()
        sent = states.widgets.add()
        base = component(at, key).id
        if trigger is None:
            sent.id, sent.json_value = base, json.dumps(values)
        else:
            from streamlit.components.v2.bidi_component.main import _make_trigger_id

            sent.id = _make_trigger_id(base, "events")
            sent.json_trigger_value = json.dumps([{"event": trigger, "value": values["value"]}])
        at._run(states)
        assert not at.exception, at.exception[0].message
        return at

    return send


@pytest.fixture
def labelled(project):
    """The project with 8 labels in each of its 3 classes, as a person would give them."""
    import numpy as np

    for i, label in enumerate(project.labels):
        project.label(np.arange(8) * 3 + i, label.name, source="lasso")
    return project


@pytest.fixture
def tuned(labelled):
    """The labelled project with one version, `v1`, really trained."""
    labelled.tune("quaterion-triplet", seed=0, parameters={"max_epochs": 30})
    return labelled


@pytest.fixture
def started(monkeypatch):
    """The jobs that pages start, as (kind, options); none is run."""
    from embtune.project import Project

    jobs = []
    monkeypatch.setattr(Project, "start", lambda self, kind, /, **options: jobs.append((kind, options)))
    return jobs


@pytest.fixture
def shown():
    """All text a page shows: `shown(at)`."""

    def text(at):
        elements = [*at.markdown, *at.caption, *at.warning, *at.subheader, *at.get("html")]
        return " ".join(getattr(element, "value", None) or element.proto.body for element in elements)

    return text
