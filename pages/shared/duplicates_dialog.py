"""Near-duplicates of a record: seen before they get its label too."""

from __future__ import annotations

from html import escape

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from embtune.errors import EmbtuneError
from embtune.labeling.state import NONE_OF_THESE_NAME
from embtune.project import Project, Record
from embtune.work.finding import duplicate_threshold
from pages.shared.chips import chip, label_buttons, label_chip
from pages.shared.layout import plain

SHOWN = 8
NOTE = "neighbors_note"


def offer_duplicates(project: Project, record: Record) -> None:
    """Offer to label a record's near-duplicates that no person has labelled; nothing where there are none."""
    threshold = duplicate_threshold(project)
    rows = project.duplicates_of(record.row, threshold)
    open_rows = rows[~project.label_state().manual[rows]]
    if record.label is not None and len(open_rows):
        # What has the label already, given by a rule or a model, need not be asked about.
        wanted = project.label_state().label_ids[record.row]
        open_rows = open_rows[project.label_state().label_ids[open_rows] != wanted]
    if not len(open_rows):
        return
    many = f"{len(open_rows):,} near-duplicate{'' if len(open_rows) == 1 else 's'}"
    question = "label them too?" if len(open_rows) > 1 else "label it too?"
    if st.button(
        f"{many} without your label (cosine ≥ {_short(threshold)}): {question}",
        key="duplicates_ask",
        type="tertiary",
        icon=":material/content_copy:",
    ):
        duplicates_dialog(project, record, open_rows, threshold)


@st.dialog("Near-duplicates", width="large")
def duplicates_dialog(project: Project, record: Record, rows: NDArray[np.int64], threshold: float) -> None:
    """Show the near-duplicates and ask; the record and they get the label as one action."""
    shown = project.records(rows[:SHOWN])
    cosine = project.vectors("raw")[rows[:SHOWN]] @ project.vectors("raw")[record.row]
    st.html(f'<div class="snippet" style="font-weight:600">{escape(_cut(record.text))}</div>')
    lines = "".join(
        f'<div class="snippet" style="margin:.35em 0"><span class="num quiet">{_short(float(near))}</span> '
        f"{label_chip(project, one.label) if one.label else chip(None)} {escape(_cut(one.text))}</div>"
        for one, near in zip(shown, cosine, strict=True)
    )
    more = len(rows) - len(shown)
    st.html(lines + (f'<div class="quiet">… and {more:,} more</div>' if more > 0 else ""))
    n = len(rows) + 1

    def give(name: str | None) -> None:
        try:
            project.label_group(record.row, name, threshold)
        except EmbtuneError as error:
            st.session_state[NOTE] = plain(str(error))

    if record.label is None:
        if not project.labels:
            st.markdown("Add a label first.")
            return
        st.caption(f"Label all {n:,} records")
        label_buttons(project, "duplicates_give", give, shortcuts=False)
        return
    name = None if record.label == NONE_OF_THESE_NAME else record.label
    with st.container(horizontal=True, gap="small"):
        if st.button(
            f"Label {len(rows):,} record{'' if len(rows) == 1 else 's'} {plain(record.label)}",
            key="duplicates_label",
            type="primary",
            on_click=give,
            args=(name,),
        ):
            st.rerun()
        if st.button("Leave them", key="duplicates_leave"):
            st.rerun()


def _short(cosine: float) -> str:
    """Return a cosine as .95."""
    return f"{cosine:.3f}".rstrip("0").lstrip("0") if cosine < 0.9995 else "1.0"


def _cut(text: str, longest: int = 220) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
