"""History: everything that was done to labels, the newest first, each to undo or redo."""

from __future__ import annotations

import time
from itertools import groupby

import streamlit as st

from embtune.errors import EmbtuneError, NotFoundError
from embtune.labeling.history import fold
from embtune.labeling.spot_check import SpotCheck
from embtune.project import Project
from embtune.store.journal import EMBEDDING, JUDGEMENT, LABEL_SET, MARK, TASK, VOTES, WEAK_RUN, Action
from pages.shared.layout import plain, title
from pages.shared.session_state import open_session
from pages.shared.spot_check import BULK, spot_check_button, spot_check_text, worth_checking
from pages.shared.state import require_project

SHOWN, READ = 30, 300  # lines on a page, and actions that go into them
WHAT: dict[str, dict] = {
    "Labels given": {"kind": VOTES},
    f"Labels given to more than {BULK}": {"kind": VOTES, "n_at_least": BULK + 1},
    "Label set": {"kind": LABEL_SET},
    "Flags and comments": {"kind": MARK},
    "Similar or different": {"kind": JUDGEMENT},
    "Label tasks": {"kind": TASK},
    "Weak labels in force": {"kind": WEAK_RUN},
    "Active embedding": {"kind": EMBEDDING},
}
ABOUT_RECORDS = (VOTES, MARK, JUDGEMENT)
TIMES = {"Today": 0, "Last 7 days": 6, "Last 30 days": 29}
ICONS = {
    "map": "gesture",
    "session": "keyboard",
    "file": "upload_file",
    "label set": "label",
    "model": "smart_toy",
    "Tune": "model_training",
    "weak supervision": "rule",
}


def filters(project: Project) -> dict:
    """Ask what to show; return it as `project.history` takes it."""
    with st.container(horizontal=True, gap="small"):
        what = st.selectbox("What", list(WHAT), None, key="history_kind", placeholder="Everything")
        who = st.selectbox("Who", project.annotators(), None, key="history_who", placeholder="Everybody")
        label = st.selectbox(
            "Label",
            [label.name for label in project.labels],
            None,
            key="history_label",
            placeholder="Any label",
        )
        when = st.selectbox("When", list(TIMES), None, key="history_when", placeholder="Any time")
    wanted = WHAT.get(what or "", {}) | {
        "annotator": who,
        "label": label,
        "since": None if when is None else _midnight(TIMES[when]),
    }
    if st.session_state.get("history_filters") != wanted:
        st.session_state["history_filters"] = wanted
        st.session_state["history_pages"] = []
    return wanted


def line(project: Project, action: Action, task: str, why: str | None, found: SpotCheck | None) -> None:
    """Draw one action with what can be done with it; `task` is named where there are several."""
    undone = action.undone_at is not None
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small"):
        name = plain(action.summary)
        name = f":gray[~~{name}~~ · {_undone(action)}]" if undone else f"**{name}**"
        text = f":material/{_icon(action)}: {name}  \n:gray[:small[{plain(_quiet(action, task))}]]"
        if undone and (left := action.detail.get("labels_left")):
            said = "; ".join(f"{label} stays: {reason}" for label, reason in left.items())
            text += f"  \n:small[{plain(said)}.]"
        if found is not None:
            text += f"  \n:small[{spot_check_text(found)}]"
        if why is not None:
            text += f"  \n:orange[:small[Cannot be {'redone' if undone else 'undone'}. {plain(why)}]]"
        st.markdown(text, width="stretch")
        if action.kind in ABOUT_RECORDS:
            st.button(
                "",
                key=f"history_open_{action.id}",
                icon=":material/table_rows:",
                type="tertiary",
                help="Open these records as a session",
                on_click=_open_records,
                args=(project, action),
            )
        if worth_checking(action):
            spot_check_button(project, action, "history", found)
        st.button(
            "Redo" if undone else "Undo",
            key=f"history_turn_{action.id}",
            icon=":material/redo:" if undone else ":material/undo:",
            disabled=why is not None,
            on_click=_turn,
            args=(project, action.id, undone),
        )


def sitting(project: Project, actions: list[Action], task: str, why: dict[int, str]) -> None:
    """Draw the answers of a sitting as one line, which opens to show each of them."""
    newest, oldest = actions[0], actions[-1]
    try:
        name = plain(project.session(newest.detail["session"]).name)
    except NotFoundError:
        name = "a session that was deleted"
    n_undone = sum(action.undone_at is not None for action in actions)
    undone = f" · {n_undone:,} undone" if n_undone else ""
    with st.expander(
        f":material/keyboard: **{len(actions):,} answers in “{name}”** :gray[:small[{_at(oldest)} to "
        f"{_at(newest)} · {plain(newest.annotator)}{f' · task {plain(task)}' if task else ''}{undone}]]",
        key=f"history_fold_{oldest.id}",
        on_change="rerun",
    ) as opened:
        if opened.open:
            for action in actions:
                line(project, action, "", why.get(action.id), None)


def page() -> None:
    """Draw the page."""
    project = require_project()
    title(
        "History",
        "Every change of labels, the label set, flags and comments, and what is in force; newest first. "
        "Each can be undone, also in another order.",
    )
    wanted = filters(project)
    if note := st.session_state.pop("history_note", None):
        st.error(note, icon=":material/error:")
    pages = st.session_state["history_pages"]
    found = project.history(READ, before=pages[-1] if pages else None, **wanted)
    lines = fold(found)
    shown = lines[:SHOWN]
    if not shown:
        nothing = all(value is None for value in wanted.values())
        st.markdown(
            "Nothing was done yet. What you label, mark or change in the label set is kept here."
            if nothing
            else "Nothing in the history fits."
        )
    why = project.why_not([action for line in shown for action in line])
    checks = project.spot_check_results([line[0] for line in shown if len(line) == 1])
    ever = project.tasks_ever().values()
    tasks = {task.id: f"{task.name}, deleted" if task.deleted else task.name for task in ever}
    if len(tasks) == 1:
        tasks = {}
    for day, together in groupby(shown, key=lambda line: _day(line[0].created_at)):
        st.markdown(f"##### {day}")
        with st.container(gap="xsmall"):
            for actions in together:
                first = actions[0]
                task = tasks.get(first.task_id or 0, "")
                if len(actions) > 1:
                    sitting(project, actions, task, why)
                else:
                    line(project, first, task, why.get(first.id), checks.get(first.id))
    with st.container(horizontal=True, gap="small"):
        if pages:
            st.button("Newer", key="history_newer", icon=":material/arrow_back:", on_click=pages.pop)
        if len(lines) > SHOWN or len(found) == READ:
            st.button(
                "Older",
                key="history_older",
                icon=":material/arrow_forward:",
                on_click=pages.append,
                args=(shown[-1][-1].id,),
            )
    if st.session_state.pop("history_to_session", False):
        st.switch_page("pages/sessions.py")


def _turn(project: Project, action_id: int, undone: bool) -> None:
    try:
        (project.redo if undone else project.undo)(action_id)
    except EmbtuneError as error:
        st.session_state["history_note"] = plain(str(error))


def _open_records(project: Project, action: Action) -> None:
    try:
        name = f"Records of “{action.summary}”"
        origin = {"action": action.id}
        made = next(
            (one.id for one in project.sessions() if one.origin == origin and one.kind == "list"), None
        )
        if made is None:
            made = project.create_session(project.rows_of_action(action.id), name, origin=origin)
        open_session(made, review=True)
        st.session_state["history_to_session"] = True
    except EmbtuneError as error:
        st.session_state["history_note"] = plain(str(error))


def _icon(action: Action) -> str:
    if action.kind == MARK:
        return "comment" if action.detail.get("mark") == "comment" else "flag"
    if action.kind == JUDGEMENT:
        return "join_inner"
    if action.kind == TASK:
        return "checklist"
    if "split_from" in action.detail:
        return "call_split"
    return ICONS.get(action.place, "sell")


def _undone(action: Action) -> str:
    """Say how an action came to stand no more."""
    run = action.detail.get("replaced_by")
    return f"replaced by run {run}" if run else "undone"


def _quiet(action: Action, task: str) -> str:
    """Say when, who, where, how many, and under which task."""
    place = action.place
    if place == "map" and isinstance(on := action.detail.get("map"), dict):
        place = f"map of {on.get('embedding', '')}".strip()
    elif place == "file":
        place = f"file {action.detail['file']}"
    parts = [_at(action), action.annotator, place]
    if action.n_records and (action.kind not in ABOUT_RECORDS or action.n_records > 1):
        parts.append(f"{action.n_records:,} record{'' if action.n_records == 1 else 's'}")
    if action.kind == VOTES and "run" in action.detail:
        parts.append(f"run {action.detail['run']:,}")
    if task:
        parts.append(f"task {task}")
    return " · ".join(parts)


def _at(action: Action) -> str:
    return time.strftime("%H:%M", time.localtime(action.created_at))


def _day(at: float) -> str:
    if at >= _midnight():
        return "Today"
    if at >= _midnight(1):
        return "Yesterday"
    day = time.localtime(at)
    return f"{time.strftime('%A', day)} {day.tm_mday} {time.strftime('%B %Y', day)}"


def _midnight(days_ago: int = 0) -> float:
    today = time.localtime()
    return time.mktime((today.tm_year, today.tm_mon, today.tm_mday - days_ago, 0, 0, 0, 0, 0, -1))


page()
