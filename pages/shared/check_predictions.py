"""Predictions page by page: the wrong ones are mended with a key each, the rest accepted with one."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence

import numpy as np
import streamlit as st

from embtune.errors import ConflictError
from embtune.labeling.accepting import page_size
from embtune.project import Project
from pages.shared.records_done import note_done
from pages.shared.records_state import View, change, refresh


def check_address(n_labelled: int, n_labels: int = 0, seed: int = 0) -> dict[str, str]:
    """Return the part of the Records page's address that shows unlabelled records, the typical ones first.

    Typical and not the least sure first: in a page of what the model doubts half is wrong, and costs a key
    each; of typical records most are right, and each stands for many.
    """
    return {
        "q": json.dumps({"label": None}, separators=(",", ":")),
        "sort": json.dumps({"by": "typical", "seed": seed}, separators=(",", ":")),
        "size": str(page_size(n_labelled, n_labels)),
    }


def can_check(project: Project) -> bool:
    """Whether there is something predicted to be looked through."""
    return bool((project.label_state().label_ids == -1).any()) and project.can_predict()


def check_predictions(project: Project) -> None:
    """Open the Records page on unlabelled records, their predictions beside them."""
    st.session_state.pop("records_view", None)
    st.session_state.pop("records_shown", None)
    n = int(project.label_state().labelled.sum())
    address = check_address(n, len(project.labels), random.randrange(1_000_000))
    st.switch_page("pages/records.py", query_params={"project": project.name, **address})


def accept_page(project: Project, view: View, rows: Sequence[int], labels: Sequence[int]) -> None:
    """Label a page of the Records table as the person saw it predicted, and go on with the next one."""
    at, shown = np.array(rows, dtype=np.int64), np.array(labels, dtype=np.int64)
    try:
        note_done(project.accept_predictions(at, shown=shown, detail={"from": "Records"}))
    except ConflictError:
        refresh()  # somebody was faster with all of it: show what is left
        raise
    still = project.still_matching(view.query, at) if view.query else None
    if still is not None and not still.any():
        refresh()  # what was labelled leaves this view, and the next records move up
    else:
        change(project, page=view.page + 1)
