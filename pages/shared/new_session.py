"""A new session: the one advised now, and every other kind with what it is for and what it needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from embtune.labeling.session_kinds import AROUND, GROUPS, KINDS, Kind, advice, enough_to_predict
from embtune.project import Project
from pages.shared.check_predictions import can_check, check_predictions
from pages.shared.layout import plain, told
from pages.shared.record_card import short
from pages.shared.session_state import open_session
from pages.shared.spot_check import worth_checking
from pages.shared.state import choose_annotator, embedding_names, embedding_title

ADVISED = 50
"""How many records the advised session has."""

PREDICTIONS = "predictions"


def new_session(project: Project, *, expanded: bool, primary: bool) -> None:
    """Draw the advised session in one line, and the form for all kinds under it."""
    advised = advice(project)
    with st.container(border=True):
        if advised is not None:
            kind = KINDS[advised.kind]
            n = enough_to_predict(project) if advised.kind == "typical" else ADVISED
            with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
                st.markdown(f"**Next: {kind.title}**  \n:gray[{advised.why}]", width="stretch")
                words = {"annotators": "Settle them", PREDICTIONS: "Check a page"}
                if st.button(
                    words.get(advised.kind, f"Start with {n}"),
                    key="session_advised",
                    type="primary" if primary else "secondary",
                ):
                    if advised.kind == PREDICTIONS:
                        check_predictions(project)
                    _start(project, advised.kind, n=n)
        with st.expander("Choose another kind", expanded=expanded, key="session_kinds"):
            _form(project, advised.kind if advised else "errors")


def who_labels(project: Project) -> None:
    """Let a person say under which name they label."""
    with st.popover(f"As {plain(project.annotator)}", icon=":material/person:", help="Who labels"):
        if "session_annotator" not in st.session_state:
            st.session_state["session_annotator"] = project.annotator
        st.text_input(
            "Your name",
            key="session_annotator",
            max_chars=200,
            on_change=lambda: choose_annotator(st.session_state["session_annotator"]),
        )
        st.caption(
            "Every label is kept with the name of who gave it. For a second opinion, another person gives "
            "another name here and starts a session of that kind."
        )


@st.fragment
def _form(project: Project, advised: str) -> None:
    group = st.segmented_control(
        "What for",
        GROUPS,
        key="session_group",
        default=KINDS[advised].group,
        required=True,
        label_visibility="collapsed",
    )
    kinds = [kind for kind in KINDS.values() if kind.group == group]
    kinds.sort(key=lambda kind: kind.name != advised)
    name = st.radio(
        "Kind",
        [kind.name for kind in kinds],
        key=f"session_kind_{GROUPS.index(group)}",
        format_func=lambda one: KINDS[one].title,
        captions=[kind.when for kind in kinds],
        label_visibility="collapsed",
    )
    kind = KINDS[name]
    if name == "shape":
        st.page_link(
            "pages/map.py",
            label="Draw the shape on the map, then “Label one by one”",
            icon=":material/scatter_plot:",
        )
        return
    if name == PREDICTIONS:
        if can_check(project):
            if st.button("Check predictions on Records", key="session_check"):
                check_predictions(project)
        else:
            st.caption("Label a few records of two labels first: until then nothing is predicted.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        options = _options(project, kind)
        n = None
        if name != "spot check":
            n = st.number_input("How many at most", 1, 100_000, 100, key="session_size", width=150)
        ready = all(options.get(one) is not None for one in kind.needs) and options.pop("ready", True)
        if st.button("Start session", key="session_create", disabled=not ready):
            _start(project, name, **({} if n is None else {"n": int(n)}), **options)


def _start(project: Project, kind: str, **options: Any) -> None:
    with told():
        with st.spinner("Choosing the records …"):
            made = project.sessions_book.create_of(kind, **options)
        open_session(made)
        st.rerun()


def _options(project: Project, kind: Kind) -> dict[str, Any]:
    """Draw what a kind needs to know; return it."""
    options: dict[str, Any] = {}
    if kind.name in _ASK:
        options |= _ASK[kind.name](project)
    names = embedding_names(project)
    if "embedding" in kind.options and "embedding" not in options and len(names) > 1:
        tuned = [one for one in names if one != "raw"] if kind.name == "raw-tuned" else names
        active = project.active_embedding
        options["embedding"] = st.selectbox(
            "Under",
            tuned,
            index=tuned.index(active) if active in tuned else len(tuned) - 1,
            key=f"session_under_{kind.name}",
            format_func=lambda one: embedding_title(project, one),
            width=130,
        )
    if kind.group == AROUND:
        options["unlabelled"] = st.checkbox("only those without an answer", True, key="session_unlabelled")
    return options


def _ask_record(project: Project) -> dict[str, Any]:
    words = st.text_input(
        "Record", key="session_record", placeholder="words of its text, or its id", width="stretch"
    )
    row = st.session_state.get("neighbors_row")
    if words.strip():
        found = project.search_ids(words, limit=1) or project.search(words, limit=1)
    else:
        found = project.records([row]) if isinstance(row, int) and row < project.n_records else []
    if found:
        st.caption(f"“{plain(short(found[0].text, 90))}”", width="stretch")
    elif words.strip():
        st.caption("No record has these words.")
    return {"record": found[0].id if found else None}


def _ask_slice(project: Project) -> dict[str, Any]:
    names = [one.name for one in project.slices()]
    if not names:
        st.caption("There is no slice yet: save a filter on Records.", width="stretch")
        return {"ready": False}
    return {"slice": st.selectbox("Slice", names, key="session_slice", width=260)}


def _ask_cluster(project: Project) -> dict[str, Any]:
    found = project.clusters("active", make=False)
    if found is None:
        if st.button("Find clusters", key="session_find_clusters"):
            with told(), st.spinner("Finding clusters …"):
                project.clusters("active")
                st.rerun(scope="fragment")
        return {"cluster": None}
    chosen = st.selectbox(
        "Cluster",
        range(len(found.names)),
        key="session_cluster",
        format_func=lambda i: f"{found.names[i]} · {found.sizes[i]:,}",
        width=320,
    )
    return {"cluster": chosen, "embedding": found.embedding}


def _ask_label(project: Project) -> dict[str, Any]:
    names = [label.name for label in project.labels]
    return {"label": st.selectbox("Label", names, key="session_label", width=220)}


def _ask_threshold(project: Project) -> dict[str, Any]:
    return {
        "threshold": st.slider("Cosine from", 0.9, 0.999, 0.95, 0.005, key="session_threshold", width=220)
    }


def _ask_other(project: Project) -> dict[str, Any]:
    others = [name for name in project.answered_by() if name != project.annotator]
    if not others:
        st.caption("Nobody else has labelled yet: give your own name at the top right.", width="stretch")
        return {"ready": False}
    return {"of": st.selectbox("On the answers of", others, key="session_other", width=220)}


def _ask_action(project: Project) -> dict[str, Any]:
    found = {action.id: action for action in project.history(100) if worth_checking(action)}
    if not found:
        st.caption("There was no bulk action yet that could be checked.", width="stretch")
        return {"action": None}
    return {
        "action": st.selectbox(
            "Action",
            list(found),
            key="session_action",
            format_func=lambda one: found[one].summary,
            width=360,
        )
    }


_ASK: dict[str, Callable[[Project], dict[str, Any]]] = {
    "similar": _ask_record,
    "slice": _ask_slice,
    "cluster": _ask_cluster,
    "unlikely": _ask_label,
    "duplicates": _ask_threshold,
    "second": _ask_other,
    "spot check": _ask_action,
}
