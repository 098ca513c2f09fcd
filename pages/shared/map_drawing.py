"""Maps that take a while: start them, wait for them, renew those whose labels have changed."""

from __future__ import annotations

import streamlit as st

from embtune.project import Project
from embtune.work.mapping import GUIDED
from pages.shared.jobs import running_job
from pages.shared.layout import plain


def waiting_for_map(
    project: Project, embedding: str, method: str, meanwhile: str = "until then this is its PCA"
) -> None:
    """Start a map that takes a while if nobody has, and say what stands in for it."""
    wanted = {"embedding": embedding, "method": method}
    name = _called(embedding, method)
    job = running_job(project, "map")
    last = next((j for j in project.jobs(limit=20) if j.kind == "map" and j.parameters == wanted), None)
    if job is None and (last is None or last.state == "done"):
        project.start("map", **wanted)
    elif job is None and last is not None:
        left, right = st.columns([5, 1], vertical_alignment="center")
        left.warning(f"The {name} is not there: its job {last.error or 'was ' + last.state}.")
        right.button("Draw it", on_click=project.start, args=("map",), kwargs=wanted, width="stretch")
        return
    st.caption(f"The {name} is being drawn; {meanwhile}. The map changes by itself.")


def outdated_map(project: Project, embedding: str, method: str) -> None:
    """Say that a map was guided by other labels than there are now, with a way to renew it."""
    wanted = {"embedding": embedding, "method": method}
    if any(job.kind == "map" and job.parameters == wanted for job in project.jobs(active=True)):
        st.caption(f"The {_called(embedding, method)} is being drawn again. The map changes by itself.")
        return
    last = next((j for j in project.jobs(limit=20) if j.kind == "map" and j.parameters == wanted), None)
    why_not = project.why_not_guided()
    words = ["The labels have changed since they guided this map."]
    if why_not:
        words.append(why_not)
    elif last is not None and last.state == "failed":
        words.append(f"The last try to draw it again failed: {last.error}")
    left, right = st.columns([5, 1], vertical_alignment="center")
    left.warning(plain(" ".join(words)))
    right.button(
        "Draw it again",
        key="map_renew",
        on_click=project.start,
        args=("map",),
        kwargs=wanted,
        disabled=why_not is not None,
        width="stretch",
    )


def _called(embedding: str, method: str) -> str:
    """Return how a map is called within a sentence."""
    return f"map of {embedding} that separates your labels" if method == GUIDED else f"UMAP of {embedding}"
