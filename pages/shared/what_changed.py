"""What a version changed, record by record: who won neighbours of its own label, and who lost them."""

from __future__ import annotations

import time
from html import escape

import streamlit as st

from embtune.evaluation.changes import ORDERS, Totals
from embtune.project import Project
from embtune.work.changes import DEFAULT_K, MOST_K, Changes
from pages.shared.chips import label_chip
from pages.shared.jobs import ended_card, job_card, last_job, running_job
from pages.shared.layout import told
from pages.shared.record_card import record_style, record_text, short
from pages.shared.record_list import Line, record_list
from pages.shared.state import go_to_record

MOST_ROWS = 200
_RECENT_SECONDS = 900
_NOTHING = {
    "most improved": "No record with a label has won neighbours of its own label.",
    "most harmed": "No record with a label has lost neighbours of its own label.",
    "most changed": "Every record has the neighbours it had.",
}


def what_changed(project: Project, against: str, version: str) -> None:
    """Draw the totals, the records in the order asked for, and one record's gained and lost neighbours."""
    if (row := st.session_state.pop("changes_open", None)) is not None:
        _to_neighbors(project, row, against, version)
    left, right = st.columns([5, 1], vertical_alignment="bottom")
    most = min(MOST_K, project.n_records - 1)
    with right:
        k = st.number_input(
            "neighbours", 1, max(most, 1), min(DEFAULT_K, max(most, 1)), key="changes_k", bind="query-params"
        )
    job = running_job(project, "changes")
    if job is not None:
        job_card(project, job.id, key="changes_")
        return
    found = None
    with left, told():
        found = project.changes(version, against, int(k))
        if found is None:
            _start(project, against, version, int(k))
            return
        st.html(_on_what(found))
    if found is not None:
        _totals(found)
        _records(project, found)


def _start(project: Project, against: str, version: str, k: int) -> None:
    st.markdown(
        f"Which neighbours did every record gain and lose from {against} to {version}, and do the new ones "
        "have its label? It takes a second for thousands of records, some for tens of thousands."
    )
    if st.button("Find what changed", type="primary", key="changes_start"):
        project.start("changes", version=version, against=against, k=k)
        st.rerun()
    last = last_job(project, "changes")
    if last is not None and time.time() - (last.finished_at or 0) < _RECENT_SECONDS:
        ended_card(project, last)


def _on_what(found: Changes) -> str:
    n_reference, n_known = int(found.by_reference.sum()), int((found.labels >= 0).sum())
    by = [
        f"{n:,} by {what}"
        for n, what in (
            (n_reference, "reference label"),
            (n_known - n_reference, "the label in force"),
        )
        if n
    ]
    told = (
        f"The {found.k:,} nearest of each of {len(found.labels):,} records, {found.against} against "
        f"{found.version}. Class known of {n_known:,}" + (f": {', '.join(by)}." if by else ".")
    )
    return (
        f"{told}<br><span class='quiet'>A record lies in the region of the class that most of its "
        f"{found.voters} nearest labelled records have.</span>"
    )


def _totals(found: Changes) -> None:
    """Draw the shares improved, unchanged and harmed, all alike, and what they are shares of."""
    shown, everyone = found.unseen, found.all
    n_trained = everyone.n - shown.n
    if not shown.n:
        shown = everyone
    columns = st.columns(4)
    for column, name, count, note in (
        (columns[0], "improved", shown.improved, "more neighbours of their own label"),
        (columns[1], "harmed", shown.harmed, "fewer neighbours of their own label"),
        (columns[2], "unchanged", shown.unchanged, "as many as before"),
    ):
        with column.container(border=True, height="stretch"):
            st.html(_figure(_percent(shown, count), f"{name} · {count:,}", note))
    n_crossed = int(found.crossed.sum())
    with columns[3].container(border=True, height="stretch"):
        st.html(_figure(f"{n_crossed:,}", "crossed", "lie in another class's region than before"))
    if not everyone.n:
        st.caption("No record with a label has a labelled neighbour: label more to see gain and harm.")
    elif n_trained and found.unseen.n:
        st.caption(
            f"Shares of {shown.n:,} records with a known class. {n_trained:,} more were trained on and are "
            f"left out of them: {everyone.improved - shown.improved:,} of those improved, "
            f"{everyone.harmed - shown.harmed:,} harmed."
        )
    elif n_trained:
        st.caption(f"All {shown.n:,} records with a known class were trained on: on others, expect less.")
    else:
        st.caption(f"Shares of {shown.n:,} records with a known class; none was trained on.")


def _figure(number: str, name: str, note: str) -> str:
    return (
        f"<div class='num'><span style='font-size:1.5rem;font-weight:600'>{number}</span> {escape(name)}<br>"
        f"<span class='quiet'>{escape(note)}</span></div>"
    )


def _percent(shown: Totals, count: int) -> str:
    return f"{100 * shown.share(count):.1f} %" if shown.n else "–"


def _records(project: Project, found: Changes) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        by = st.segmented_control(
            "Order",
            list(ORDERS),
            default="most improved",
            key="changes_order",
            required=True,
            label_visibility="collapsed",
            format_func=str.capitalize,
            width="content",
        )
        by = by or "most improved"
        order = found.order(by)
        more = f"the first {MOST_ROWS:,} of {len(order):,} records" if len(order) > MOST_ROWS else ""
        st.caption(more or f"{len(order):,} {'record' if len(order) == 1 else 'records'}", width="content")
    if not len(order):
        st.info(_NOTHING[by])
        return
    rows = order[:MOST_ROWS]
    # Another order is another table: its first line is the one to begin with.
    chosen = st.dataframe(
        _lines(project, found, rows),
        hide_index=True,
        height=36 * min(len(rows), 8) + 40,
        key=f"changes_table_{by.replace(' ', '_')}_{found.against}_{found.version}_{found.k}",
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "record": st.column_config.TextColumn(width="large"),
            "change": st.column_config.NumberColumn(
                format="%+d", help="Neighbours with the record's own label, won or lost"
            ),
            "before": st.column_config.NumberColumn(help=f"Neighbours with its label under {found.against}"),
            "after": st.column_config.NumberColumn(help=f"Neighbours with its label under {found.version}"),
            "new": st.column_config.NumberColumn(help="Neighbours gained; as many are lost"),
            "region": st.column_config.TextColumn(help="Class around it, before → after where it crossed"),
            "trained on": st.column_config.CheckboxColumn(help="The tuning has learned from this label"),
        },
    )
    picked = chosen["selection"]["rows"]
    _one(project, found, int(rows[picked[0]] if picked and picked[0] < len(rows) else rows[0]))


def _lines(project: Project, found: Changes, rows: list[int]) -> list[dict]:
    names = _names(project)
    counted = found.n_new
    return [
        {
            "record": short(record.text, 140),
            "label": names.get(int(found.labels[record.row])),
            "before": int(found.effect.before[record.row]) if found.labels[record.row] >= 0 else None,
            "after": int(found.effect.after[record.row]) if found.labels[record.row] >= 0 else None,
            "change": int(found.effect.change[record.row]) if found.effect.judged[record.row] else None,
            "new": int(counted[record.row]),
            "region": _region(found, record.row, names),
            "trained on": bool(found.trained_on[record.row]),
        }
        for record in project.records(rows)
    ]


def _names(project: Project) -> dict[int, str]:
    return {label.id: label.name for label in project.labels}


def _region(found: Changes, row: int, names: dict[int, str]) -> str:
    before, after = (names.get(int(side[row]), "–") for side in (found.region_before, found.region_after))
    return after if before == after else f"{before} → {after}"


def _one(project: Project, found: Changes, row: int) -> None:
    """Draw a record with what it lost at the left and what it gained at the right."""
    record_style()
    names = _names(project)
    record = project.record(row)
    with st.container(border=True):
        record_text(record.text)
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            known = names.get(int(found.labels[row]))
            by = "reference label" if found.by_reference[row] else "label in force" if known else ""
            trained = " · trained on" if found.trained_on[row] else ""
            st.html(
                f"{label_chip(project, known)} <span class='quiet'>{by}{trained} · region "
                f"{escape(_region(found, row, names))}</span>",
                width="stretch",
            )
            if st.button("Open on Neighbors", key="changes_neighbors", icon=":material/join_inner:"):
                _to_neighbors(project, row, found.against, found.version)
    left, right = st.columns(2, gap="medium")
    for column, title, lists, flags, side in (
        (left, f"Lost from {found.against}", found.before, found.lost, "lost"),
        (right, f"Gained in {found.version}", found.after, found.gained, "gained"),
    ):
        ranks = [i for i, flag in enumerate(flags[row].tolist(), start=1) if flag]
        rows = [int(lists[row, rank - 1]) for rank in ranks]
        own = sum(bool(found.labels[other] == found.labels[row] >= 0) for other in rows)
        with column:
            of_own = f" · {own:,} with its own label" if found.labels[row] >= 0 else ""
            st.html(f"<b>{escape(title)}</b> <span class='num'>· {len(rows):,}{of_own}</span>")
            if not rows:
                st.caption("None: all of its neighbours stayed.")
                continue
            record_list(
                f"changes_{side}",
                project,
                [
                    Line(other, None, rank, *_mark(found, row, other.row, names))
                    for other, rank in zip(project.records(rows), ranks, strict=True)
                ],
                on_open=_ask_to_open,
                open_title="See the neighbours of this one",
            )


def _mark(found: Changes, row: int, other: int, names: dict[int, str]) -> tuple[str, str, str, str]:
    """Name a neighbour's class as it was counted; green is the record's own label, orange another one."""
    if found.labels[other] < 0:
        return "", "", "", ""
    if found.labels[other] == found.labels[row]:
        return "own label", "", "Counted as a neighbour of its own label", "gained"
    name = names.get(int(found.labels[other]), "")
    return name, "", f"Counted as {name}", "lost" if found.labels[row] >= 0 else ""


def _ask_to_open(row: int) -> None:
    st.session_state["changes_open"] = row  # a callback cannot leave the page


def _to_neighbors(project: Project, row: int, against: str, version: str) -> None:
    go_to_record(row)
    st.session_state["neighbors_v"] = version if version != "raw" else against
    # Named anew: bound choices of this page in the address would keep it from being left.
    st.switch_page("pages/neighbors.py", query_params={"project": project.name})
