"""Records that came after a version was made or a map was drawn: say so, and offer a way on."""

from __future__ import annotations

import streamlit as st

from embtune.project import Project


def later_records(project: Project, embedding: str, method: str) -> None:
    """Say how many records of a map came later, with a way to draw it anew."""
    placed = project.n_placed(embedding, method)
    unseen = 0 if embedding == "raw" else project.n_appended(embedding)
    if not placed and not unseen:
        return
    words = []
    if unseen:
        words.append(later_words(unseen))
    if placed:
        words.append(f"This map was drawn without {placed:,} records, which were placed among the others.")
    wanted = {"embedding": embedding, "method": method}
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(" ".join(words), width="content")
        if placed and any(
            job.kind == "map" and job.parameters == wanted for job in project.jobs(active=True)
        ):
            st.caption("It is being drawn again.", width="content")
        elif placed:
            st.button(
                "Draw it again with them",
                key="map_with_later",
                type="tertiary",
                on_click=project.start,
                args=("map",),
                kwargs=wanted,
            )


def later_words(n: int) -> str:
    """Say of a version how many records it never saw."""
    records = "1 record" if n == 1 else f"{n:,} records"
    return f"{records} came later: placed by the model, not part of its training."
