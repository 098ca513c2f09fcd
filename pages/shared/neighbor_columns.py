"""A record's neighbours under raw and under a tuned version, side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

import numpy as np
import streamlit as st

from embtune.neighbors.compare import Neighborhood, Share
from embtune.project import Project, Record
from embtune.work.judging import kept_for_measuring
from pages.shared.layout import plain
from pages.shared.record_card import short
from pages.shared.record_list import Judging, Line, record_list
from pages.shared.state import embedding_title

PAGE = 25
KINDS = {"raw": "lost", "tuned": "new"}


def neighbor_column(
    project: Project,
    record: Record,
    name: str,
    around: Neighborhood,
    *,
    other: str | None,
    first: int,
    on_open: Callable[[int], None],
    on_label: Callable[[int, str | None], None],
    judging: Judging,
) -> int | None:
    """Draw one side, from rank `first` (0-based) on; return the number of a session that was started."""
    side = "raw" if name == "raw" else "tuned"
    started = None
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.html(_header(project, record, name, around, changed=other is not None), width="stretch")
        if st.button(
            f"Start session with these {len(around.rows):,}",
            key=f"neighbors_session_{side}",
            help="Go through them one by one, nearest first",
        ):
            started = project.create_session(
                around.rows,
                f"Similar to “{short(record.text)}”",
                kind="similar",
                origin={"record": record.id, "embedding": name, "k": len(around.rows)},
                cosine=around.cosine,
            )
    shown = slice(first, first + PAGE)
    lines = [
        Line(
            neighbor,
            float(cosine),
            rank,
            *(_mark(side, other, rank, int(there), bool(kept)) if other else ()),
        )
        for rank, (neighbor, cosine, there, kept) in enumerate(
            zip(
                project.records(around.rows[shown]),
                around.cosine[shown],
                around.other_ranks[shown],
                around.kept[shown],
                strict=True,
            ),
            start=first + 1,
        )
    ]
    record_list(
        f"neighbors_list_{side}",
        project,
        lines,
        on_open=on_open,
        on_label=on_label,
        judging=judging,
        open_title="See the neighbours of this one",
    )
    return started


def training_note(project: Project, row: int, around: Sequence[Neighborhood], first: int) -> None:
    """Say where the buttons are which marks would train nothing: those that touch what is measured on."""
    measured = kept_for_measuring(project)
    neighbors = np.unique(np.concatenate([side.rows[first : first + PAGE] for side in around]))
    why = f"{'reference label' if project.measures_on_reference else 'label kept aside'} to measure with"
    n = int(measured[neighbors].sum())
    if measured[row]:
        said = f"Marks ≈ ≠ on this record train nothing: it has a {why}."
    elif n == 1:
        said = f"A mark ≈ ≠ with one of these neighbours trains nothing: it has a {why}."
    elif n:
        said = f"Marks ≈ ≠ with {n:,} of these neighbours train nothing: each has a {why}."
    else:
        return
    st.html(f'<span class="quiet num">{said}</span>')


def judgement_line(project: Project) -> None:
    """Say under the neighbours what was said of their similarity so far, and take back the last of it."""
    counts = project.judgement_book.counts()
    last = project.judgement_book.last()
    if not (counts.similar or counts.different or counts.triplets or last):
        st.html(
            '<span class="quiet">Mark a neighbour ≈ similar or ≠ different to this record, or say that it is '
            "closer than another one: the recipe Quaterion learns from that too.</span>"
        )
        return
    n = counts.similar + counts.different + counts.triplets
    left_out = project.n_judgements_left_out()
    if left_out and left_out == n:
        use = "the recipe Quaterion cannot use them, for they touch records that are kept for measuring"
    else:
        use = "they are used by the recipe Quaterion"
        use += f", but for {left_out:,} that touch records kept for measuring" if left_out else ""
    said = (
        f"<b>{counts.similar:,}</b> similar, <b>{counts.different:,}</b> different, "
        f"<b>{counts.triplets:,}</b> triplet{'' if counts.triplets == 1 else 's'}: {use}"
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.html(f'<span class="num">{said}</span>', width="content")
        if last is not None:
            st.button(
                "Undo the last",
                key="neighbors_undo_judgement",
                type="tertiary",
                icon=":material/undo:",
                help=plain(last.summary),
                on_click=project.undo,
                args=(last.id,),  # the one that is shown, whatever came after it
            )


def tuning_needs(project: Project) -> None:
    """Say in the place of the right side what Tune would need, and lead there."""
    ready = project.readiness()
    with st.container(border=True):
        st.markdown("**No tuned version yet.** Here the same record's neighbours will stand under your own.")
        if ready["enough"]:
            n = ready["n"]
            st.markdown(f"{n:,} labels are enough to begin: Tune makes the first version from them.")
        for sentence in ready["missing"]:
            st.markdown(plain(sentence))
        counts = ready["counts"]
        if counts:
            st.caption(" · ".join(f"{plain(label)} {n:,}" for label, n in counts.items()))
        if ready["enough"]:
            st.page_link("pages/tune.py", label="Tune on these labels", icon=":material/arrow_forward:")
        else:
            st.page_link("pages/map.py", label="Label records on the map", icon=":material/arrow_forward:")
            st.page_link("pages/tune.py", label="See what Tune needs", icon=":material/arrow_forward:")


def _header(project: Project, record: Record, name: str, around: Neighborhood, *, changed: bool) -> str:
    shares = project.neighbor_shares(record.row, around)
    title = f"<b>{escape(embedding_title(project, name))}</b>"
    main = (
        f"same label {_share(shares.labels)}"
        if shares.labels is not None
        else "label the record to see the same-label share"
    )
    quiet = []
    if changed:
        quiet.append(f"{around.n_changed:,} {'lost' if name == 'raw' else 'new'}")
    if shares.reference is not None:
        quiet.append(f"by reference label {_share(shares.reference)}")
    below = f'<div class="quiet num">{" · ".join(quiet)}</div>' if quiet else ""
    return f'<div class="num" style="line-height:1.35">{title} · {main}{below}</div>'


def _share(share: Share) -> str:
    if share.labelled == share.n:
        return f"<b>{share.same:,}</b> of {share.n:,}"
    return f"<b>{share.same:,}</b> of {share.labelled:,} labelled"


def _mark(side: str, other: str | None, rank: int, there: int, kept: bool) -> tuple[str, str, str, str]:
    """Return a neighbour's mark, its rank under the other embedding, a sentence on both, and a tone."""
    if there == 0:
        return KINDS[side], f"not in {other}", f"This record is not in {other} yet", ""
    raw, tuned = (rank, there) if side == "raw" else (there, rank)
    moved = raw - tuned
    arrow = f"↑{moved:,}" if moved > 0 else f"↓{-moved:,}" if moved < 0 else "="
    tuned_name = other if side == "raw" else "the tuned version"
    told = f"Rank {raw:,} under raw, {tuned:,} under {tuned_name}"
    if kept:
        return arrow, f"#{there:,} in {other}", told, ""
    return KINDS[side], f"#{there:,} in {other}", told, "lost" if side == "raw" else "gained"
