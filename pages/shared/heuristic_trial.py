"""A heuristic tried on ten records: what it votes, what it found in the text, whether it is right."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from embtune.errors import EmbtuneError, NotReadyError
from embtune.project import Project
from embtune.work.heuristic_runs import Trial
from pages.shared.heuristic_drafts import NOT_EMPTY, Draft
from pages.shared.heuristic_examples import examples
from pages.shared.layout import plain

N = 10
AT_ONCE = ("lookup", "regex", "field")
"""Kinds that are quick enough to be tried after every change."""

RANDOM, VOTED, WRONG, LABELLED, CHOSEN = (
    "at random",
    "it votes on",
    "it gets wrong",
    "with a manual label",
    "by their ids",
)
_DRAWN, _MOST_LABELLED = 1000, 5000
_MISSING = {
    "lookup": "Write a term or choose a look-up list to see what it says of ten records.",
    "regex": "Write an expression to see what it says of ten records.",
    "field": "Write a value to see what it says of ten records.",
}


def trial(project: Project, draft: Draft, *, refused: str | None = None) -> None:
    """Draw the trial of what is written now, saved or not; `refused` says why it cannot be."""
    kept = draft.trial
    kept.setdefault("seed", 0)
    quick = draft.kind in AT_ONCE

    def again() -> None:
        kept["seed"] += 1
        kept["wanted"] = True

    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            f"Run on {N}",
            key=f"heuristics_try_{draft.slot}",
            icon=":material/play_arrow:",
            disabled=refused is not None,
            help="Try what is written now on ten records; once more draws ten others. Nothing is kept.",
            on_click=again,
        )
        which = _which(project, draft)
        slot = st.container(width="stretch")
    ids = _chosen_ids(draft) if which == CHOSEN else []
    if refused is not None:
        return
    if _unwritten(draft):
        st.caption(_MISSING[draft.kind])
        return
    asked = _asked(project, draft, which, ids)
    wanted = kept.pop("wanted", False)
    if (quick or wanted) and kept.get("asked") != asked and (ids or which != CHOSEN):
        with st.spinner("Trying it …", show_time=True):
            kept["found"], kept["error"] = _tried(project, draft, which, ids)
        kept["asked"] = asked
    if "asked" not in kept:
        st.caption("See what it says of ten records before it runs over all of them.")
        return
    if kept["asked"] != asked and not quick:
        st.caption(":material/history: These are of before your last change. Run on 10 again.")
    if kept["error"] is not None:
        st.error(kept["error"], icon=":material/error:")
        return
    found: Trial | None = kept["found"]
    if found is not None:
        slot.html(f'<div class="quiet num">{_words(found, kept)}</div>')
        examples(project, draft, found)


def _which(project: Project, draft: Draft) -> str:
    """Choose which records."""
    options = [RANDOM, VOTED, WRONG, LABELLED, CHOSEN]
    now = draft.trial.get("which", VOTED if draft.kind in AT_ONCE else RANDOM)
    key = f"heuristics_which_{draft.slot}"

    def keep() -> None:
        draft.trial["which"] = st.session_state[key]

    return st.selectbox(
        "Which records",
        options,
        index=options.index(now),
        key=key,
        format_func=lambda name: f"records {name}",
        label_visibility="collapsed",
        width=190,
        on_change=keep,
    )


def _chosen_ids(draft: Draft) -> list[str]:
    key = f"heuristics_ids_{draft.slot}"

    def keep() -> None:
        draft.trial["ids"] = st.session_state[key]

    text = st.text_input(
        "Record ids",
        draft.trial.get("ids", ""),
        key=key,
        placeholder="Record ids, with spaces between",
        label_visibility="collapsed",
        on_change=keep,
    )
    return (text or "").replace(",", " ").split()


def _asked(project: Project, draft: Draft, which: str, ids: list[str]) -> str:
    """Return all that the trial's answer hangs on, as one text."""
    lists = [
        (one.id, one.updated_at) for one in project.lookup_lists.all() if one.id in draft.raw.get("lists", ())
    ]
    return json.dumps([draft.config, which, ids, draft.trial["seed"], project.revision, lists], default=str)


def _tried(project: Project, draft: Draft, which: str, ids: list[str]) -> tuple[Trial | None, str | None]:
    """Try it; return what was found, or one sentence."""
    seed = draft.trial["seed"]
    try:
        if which == RANDOM:
            return _run(project, draft, n=N, seed=seed), None
        if which == CHOSEN:
            return _run(project, draft, records=ids), None
        if which == LABELLED:
            return _run(project, draft, records=_drawn(_labelled(project), seed)), None
        if draft.kind not in AT_ONCE:  # too slow to look for them: those of its last run
            what = "hits" if which == VOTED else "wrong"
            if draft.number is None:
                return None, "These are known after its first run."
            rows = project.heuristics.rows(draft.number, what).tolist()
            if not rows:
                return None, "There is no such record in its last run."
            return _run(project, draft, records=_drawn(rows, seed)), None
        if which == VOTED:
            found = _run(project, draft, n=_DRAWN, seed=seed)
            lines = [line for line in found.lines if line.label is not None]
            among = f"votes on {len(lines):,} of {len(found.lines):,} records"
            if len(found.lines) < project.n_records:
                among += " drawn at random"
        else:
            found = _run(project, draft, records=_drawn(_labelled(project), seed, _MOST_LABELLED))
            lines = [line for line in found.lines if line.right is False]
            n_known = sum(line.right is not None for line in found.lines)
            among = f"wrong on {len(lines):,} of {n_known:,} labelled records it votes on"
        draft.trial["among"] = among
        return replace(found, lines=lines[:N]), None
    except EmbtuneError as error:
        return None, plain(str(error))


def _unwritten(draft: Draft) -> bool:
    """Tell whether nothing is written yet, which is no error."""
    raw = draft.raw
    if draft.kind == "lookup":
        return not raw["lists"] and not raw["terms"].strip()
    if draft.kind == "field":
        return raw["op"] not in ("empty", NOT_EMPTY) and not raw["value"].strip()
    return draft.kind == "regex" and not raw["pattern"]


def _run(project: Project, draft: Draft, **options: Any) -> Trial:
    draft.trial["among"] = ""
    return project.heuristics.try_out(kind=draft.kind, config=draft.config, **options)


def _labelled(project: Project) -> list[int]:
    state = project.label_state()
    rows = np.flatnonzero(state.manual & state.labelled).tolist()
    if not rows:
        raise NotReadyError("No record has a manual label yet: label some, for example in a session.")
    return rows


def _drawn(rows: list[int], seed: int, n: int = N) -> list[int]:
    return sorted(random.Random(seed).sample(rows, min(n, len(rows))))


def _words(found: Trial, kept: dict[str, Any]) -> str:
    """Say on how many it voted and how long it took."""
    seconds = f"{found.seconds * 1000:,.0f} ms" if found.seconds < 1 else f"{found.seconds:.1f} s"
    if kept.get("among"):
        return f"{kept['among']} · {seconds}"
    known = [line.right for line in found.lines if line.right is not None]
    right = f" · right on {sum(known)} of {len(known)}" if known else ""
    return f"votes on {found.n_voted} of {len(found.lines)}{right} · {seconds}"
