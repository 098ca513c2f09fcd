"""Evaluate: one embedding against another, measured the same way on the same records."""

import time
from html import escape

import streamlit as st

from embtune.errors import EmbtuneError, TooFewLabelsError
from embtune.project import Project
from pages.shared.comparison import charts, headline, notes, verdict_when_made
from pages.shared.jobs import ended_card, job_card, last_job, running_job
from pages.shared.layout import first_choice, plain, title, told
from pages.shared.slice_choice import slice_choice
from pages.shared.state import embedding_names, require_project
from pages.shared.what_changed import what_changed

_RECENT_SECONDS = 900
_VIEWS = ("Scores", "What changed")


def _choose(project: Project) -> list[str]:
    """Let the person choose the two embeddings; one alone where there is no other."""
    names = embedding_names(project)
    if len(names) < 2:
        return names
    newest = project.active_embedding if project.active_embedding != "raw" else names[-1]
    first, between, second = st.columns([5, 2, 5], vertical_alignment="center")
    between.html("<div class='quiet' style='text-align:center'>against</div>")
    chosen = [
        column.selectbox(
            label,
            names,
            index=first_choice(key, names, default),
            key=key,
            bind="query-params",
            label_visibility="collapsed",
        )
        for column, label, key, default in zip(
            (first, second),
            ("Embedding", "Embedding to compare it with"),
            ("evaluate_a", "evaluate_b"),
            ("raw", newest),
            strict=True,
        )
    ]
    return list(dict.fromkeys(chosen))


def _view(names: list[str]) -> str:
    """Let the person choose what to see, where there are two embeddings to compare."""
    if len(names) < 2:
        return _VIEWS[0]
    chosen = st.segmented_control(
        "Show",
        _VIEWS,
        default=_VIEWS[0],
        key="evaluate_view",
        required=True,
        bind="query-params",
        label_visibility="collapsed",
    )
    return chosen or _VIEWS[0]


def _measure(project: Project, names: list[str], label: str, bounds: dict[str, str]) -> None:
    if st.button(label, type="primary", key="evaluate_start"):
        with told():
            project.start("evaluate", embeddings=names, **project.comparison_options(names, **bounds))
            st.rerun()


def _compare_later(names: list[str]) -> None:
    """Say how there can be something to compare raw with."""
    if names == ["raw"]:
        st.page_link(
            "pages/tune.py",
            label="Tune on your labels to have an embedding to compare raw with",
            icon=":material/arrow_forward:",
        )


project = require_project(embedded=True)
left, middle, right = st.columns([3, 3, 4], vertical_alignment="center")
with left:
    title("Evaluate")
with right:
    names = _choose(project)
with middle:
    view = _view(names)
if view == "What changed":
    what_changed(project, *names)
    st.stop()
within = slice_choice(project, "evaluate_slice", label="Measure within")
bounds = {} if within is None else {"slice": within}
job = running_job(project, "evaluate")
if job is not None:
    job_card(project, job.id, key="evaluate_")
else:
    last = last_job(project, "evaluate")
    if last is not None and time.time() - (last.finished_at or 0) < _RECENT_SECONDS:
        ended_card(project, last)

try:
    comparison = project.known_comparison(names, **bounds)
except TooFewLabelsError as error:
    st.warning(plain(str(error)), icon=":material/label:")
    with st.container(horizontal=True):
        st.page_link("pages/map.py", label="Label groups on the map", icon=":material/scatter_plot:")
        st.page_link("pages/sessions.py", label="Label one by one", icon=":material/keyboard:")
    st.stop()
except EmbtuneError as error:  # of the slice: empty, or not to be answered now
    st.error(plain(str(error)), icon=":material/error:")
    st.stop()

what = " and ".join(names) + ("" if within is None else f" within the slice {within}")
if comparison is None:
    if job is None:
        st.markdown(
            f"How often has a record's neighbour the same class? Nothing was measured for {plain(what)} yet. "
            "It takes seconds for hundreds of records, a minute or two for tens of thousands."
        )
        _measure(project, names, f"Measure {' and '.join(names)}", bounds)
        _compare_later(names)
    st.stop()

found, on_what = headline(comparison)
st.header(found, anchor=False)
qualified = " ".join([*notes(comparison), verdict_when_made(project, comparison)])
st.html(f"{escape(on_what)}<br><span class='quiet'>{escape(qualified)}</span>")
if not comparison.fresh and job is None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        changed = "Labels or records" if within is None else "Labels, records or the slice"
        st.markdown(f"{changed} have changed since this was measured.", width="content")
        _measure(project, names, "Measure again", bounds)
_compare_later(names)
charts(project, comparison)
