"""What the editor shows of heuristics that learn or compare: nearness, active learner, zero-shot."""

from __future__ import annotations

from typing import Any

import streamlit as st

from embtune.heuristics.learner import CLASSIFIERS
from embtune.project import Project
from embtune.store.labelset import Label
from pages.shared.heuristic_drafts import Draft, hold, lines_in
from pages.shared.heuristic_rules import labels_choice
from pages.shared.state import embedding_names, embedding_title

_RADIUS, _VOTE = "radius", "vote"
_HOW = {_RADIUS: "near to examples", _VOTE: "nearest labels agree"}
_DESCRIBED = 30
_OF = {"any": "any of them", "mean": "their mean"}


def start(project: Project, kind: str) -> dict[str, Any]:
    """Return the configuration that a new one begins with."""
    values = project.heuristics.kinds()[kind].Config.model_fields
    config = {
        name: one.get_default(call_default_factory=True)
        for name, one in values.items()
        if not one.is_required()
    }
    if kind == "zero-shot":  # vectors of another model say nothing to it
        raw = project.find_embedding("raw")
        config["embedding"] = "raw" if raw is not None and raw.model == config["model"] else None
    elif "embedding" in config:
        config["embedding"] = project.active_embedding
    if kind == "nearest":
        config["label"] = project.labels[0].id if project.labels else None
    if "model" in values and config.get("model") is None:
        config["model"] = ""
    return config


def nearest(project: Project, draft: Draft) -> None:
    """Examples and a radius, or a vote of the nearest labels."""
    how = st.segmented_control(
        "Votes where a record is",
        list(_HOW),
        required=True,
        format_func=_HOW.get,
        **draft.bound("how"),
    )
    if how == _RADIUS:
        n = len(lines_in(draft.raw["records"]))
        st.text_area(
            f"Examples: record ids, one a line{f' ({n:,})' if n else ''}",
            height=100,
            placeholder="Empty: the records with a manual label",
            help="A record's id is shown on Neighbors and Records.",
            **draft.bound("records"),
        )
        st.slider(
            "Cosine similarity of at least",
            0.0,
            1.0,
            step=0.01,
            **draft.bound("at_least", lambda value: max(float(value), 0.0)),
        )
        st.segmented_control("To", list(_OF), required=True, format_func=_OF.get, **draft.bound("of"))
    else:
        left, right = st.columns(2)
        left.number_input("Nearest labels that vote", 1, 1000, **draft.bound("k", int))
        with right:
            _confidence(draft, "Share that must agree")
    _embedding(project, draft)


def learner(project: Project, draft: Draft) -> None:
    """A classifier, its embedding, how sure it must be, and which labels it votes for."""
    names = list(CLASSIFIERS)
    left, right = st.columns(2)
    left.selectbox("Classifier", names, **draft.bound("classifier", among=names))
    with right:
        _embedding(project, draft)
    _confidence(draft, "Votes from this confidence on")
    labels_choice(project, draft, "Votes for")
    st.caption(
        "It learns from the manual labels alone, and votes on labelled records without having seen them."
    )


def zero_shot(project: Project, draft: Draft) -> None:
    """A model by name or path, the labels it chooses from, and what stands for them."""
    st.text_input(
        "Model",
        placeholder="A name, or the path of a folder",
        help="An embedding model, which is fast, or one of natural language inference.",
        **draft.bound("model", lambda value: value or ""),
    )
    labels_choice(project, draft, "Chooses from")
    with st.expander(":small[What stands for a label]", key=f"heuristics_{draft.slot}_descriptions"):
        st.text_input("Said of a text, with {} for the label", **draft.bound("statement"))
        chosen = draft.raw["labels"]
        for label in project.labels[:_DESCRIBED]:
            if not chosen or label.id in chosen:
                _description(draft, label)
    names: list[str | None] = [None, *embedding_names(project)]
    st.selectbox(
        "Compares with",
        names,
        format_func=lambda name: "the texts, which it reads" if name is None else f"the vectors of {name}",
        help="Vectors that the same model made save the reading.",
        **draft.bound("embedding", among=names),
    )
    _confidence(draft, "Votes from this confidence on")


def _description(draft: Draft, label: Label) -> None:
    """Ask for the words that stand for a label in place of its name."""
    key = draft.key(f"description_{label.id}")

    def keep() -> None:
        given = {of: words for of, words in draft.raw["descriptions"].items() if of != str(label.id)}
        words = st.session_state[key].strip()
        draft.raw["descriptions"] = given | ({str(label.id): words} if words else {})

    hold(key, draft.raw["descriptions"].get(str(label.id), ""))
    st.text_input(
        label.name,
        key=key,
        placeholder=label.description or label.name,
        on_change=keep,
    )


def _confidence(draft: Draft, title: str) -> None:
    st.slider(title, 0.0, 1.0, step=0.01, **draft.bound("min_confidence", float))


def _embedding(project: Project, draft: Draft) -> None:
    names = embedding_names(project)
    now = draft.raw["embedding"]
    st.selectbox(
        "Embedding",
        names,
        format_func=lambda name: embedding_title(project, name),
        placeholder="Embed the records first" if not names else f"{now} is gone: choose another",
        **draft.bound("embedding", among=names),
    )
