"""The editor of one heuristic: its name and what its kind needs, save, versions, run, and the trial below."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from embtune.errors import EmbtuneError
from embtune.project import Project
from embtune.work.heuristics import Heuristic
from pages.shared import heuristic_models, heuristic_programs, heuristic_rules, heuristic_suggestions
from pages.shared.heuristic_bin import DELETED
from pages.shared.heuristic_drafts import (
    NEW,
    Draft,
    begun,
    draft_of,
    drafts,
    forget,
    new_draft,
    open_slot,
    saved,
)
from pages.shared.heuristic_trial import trial
from pages.shared.jobs import ago, duration
from pages.shared.layout import plain

_ERROR = "heuristics_editor_error"

_send_typed = st.components.v2.component(
    "embtune_heuristic_typing",
    js=(Path(__file__).parent / "heuristic_typing.js").read_text(encoding="utf-8"),
)

# What was open before stands beside what is opened for as long as that is drawn.
_CSS = """
<style>
  div:has(> [class*="st-key-heuristics_open_"]) ~ div:has(> [class*="st-key-heuristics_open_"]) {
    display: none;}
  div:has(> .st-key-heuristics_typing) {display: none;}
</style>
"""
_GROUPS = {
    "Rules": ("lookup", "regex", "field"),
    "From examples": ("nearest", "learner"),
    "Models and code": ("zero-shot", "llm", "code"),
}
_ICONS = {
    "lookup": "list_alt",
    "regex": "regular_expression",
    "field": "rule",
    "nearest": "adjust",
    "learner": "school",
    "zero-shot": "psychology_alt",
    "llm": "forum",
    "code": "code",
}
_ABOUT = {
    "lookup": "Terms that mean a label: goal, striker, penalty",
    "regex": "A pattern, such as a score of 3-1",
    "field": "A field's value, a range, a text's length",
    "nearest": "What is like these examples",
    "learner": "Learns from your labels, votes where it is sure",
    "zero-shot": "A model that knows the labels' names alone",
    "llm": "Asks a model about one record at a time",
    "code": "A few lines that look at one record",
}
_EDITORS: dict[str, Callable[[Project, Draft], None]] = {
    "lookup": heuristic_rules.lookup,
    "regex": heuristic_rules.regex,
    "field": heuristic_rules.field,
    "nearest": heuristic_models.nearest,
    "learner": heuristic_models.learner,
    "zero-shot": heuristic_models.zero_shot,
    "code": heuristic_programs.code,
    "llm": heuristic_programs.llm,
}


def begin(project: Project, kind: str) -> None:
    """Open a new heuristic of a kind in the editor."""
    made = dict.fromkeys(_GROUPS["Rules"], heuristic_rules) | {
        "code": heuristic_programs,
        "llm": heuristic_programs,
    }
    start = made.get(kind, heuristic_models).start
    open_slot(project, new_draft(project, kind, start(project, kind)).slot)


def kind_choice(project: Project) -> None:
    """Choose a kind in words."""
    kinds = project.heuristics.kinds()
    st.subheader("New heuristic", anchor=False)
    written = {one.kind for one in begun(project)}
    for group, names in _GROUPS.items():
        st.html(f'<div class="quiet">{group}</div>')
        for name in names:
            if name not in kinds:
                continue
            why_not = heuristic_programs.why_not(project, name)
            note = " *Begun, not saved.*" if name in written else ""
            with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
                st.button(
                    kinds[name].title,
                    key=f"heuristics_new_{name}",
                    icon=f":material/{_ICONS[name]}:",
                    width=190,
                    help=kinds[name].about,
                    on_click=begin,
                    args=(project, name),
                )
                off = " (off here)" if why_not else ""
                st.caption(f"{_ABOUT[name]}{off}{note}", width="stretch")


def go_on(project: Project) -> None:
    """Offer to go on with what was begun and not saved."""
    for one in begun(project):
        another = f" ({one.slot.partition('.')[2]})" if "." in one.slot else ""  # of another tab
        st.button(
            f"Go on with the {project.heuristics.kinds()[one.kind].title.lower()} you began{another}",
            key=f"heuristics_go_on_{one.slot.removeprefix(f'{NEW}-')}",
            icon=f":material/{_ICONS[one.kind]}:",
            on_click=open_slot,
            args=(project, one.slot),
        )


def editor(project: Project, slot: str, found: Heuristic | None, *, running: bool) -> None:
    """Draw the editor of what is open, and its trial."""
    if found is not None:
        draft = draft_of(project, found)
    elif slot in drafts(project):
        draft = drafts(project)[slot]
    else:
        begin(project, slot.removeprefix(f"{NEW}-"))  # a new one of the address
        draft = drafts(project)[slot]
    st.html(_CSS)
    with st.container(key="heuristics_typing"):
        _send_typed(key="heuristics_typing_sent")
    with st.container(key=f"heuristics_open_{draft.uid}"):
        with st.container(border=True, gap="xsmall", key="heuristics_editor"):
            _form(project, draft, found, running=running)
        refused = heuristic_programs.why_not(project, draft.kind)
        if draft.kind == "llm" and refused is None:
            st.caption(
                "Run on 10 sends the texts of up to ten records to "
                f"`{heuristic_programs.address(project)}`; what was answered before is not asked again."
            )
        trial(project, draft, refused=refused)


def _form(project: Project, draft: Draft, found: Heuristic | None, *, running: bool) -> None:
    _head(project, draft, found, project.heuristics.kinds()[draft.kind].title)
    if found is not None and found.description:
        st.caption(plain(found.description))
    if error := st.session_state.pop(_ERROR, None):
        st.error(error, icon=":material/error:")
    if found is not None and draft.version != found.version:
        st.warning(
            f"It was changed elsewhere to version {found.version} while you wrote. Saving yours makes it the "
            "newest version; discarding shows theirs.",
            icon=":material/call_split:",
        )
    _name_and_label(project, draft)
    _EDITORS[draft.kind](project, draft)
    draft.drawn()
    _actions(project, draft, found, running=running)


def _name_and_label(project: Project, draft: Draft) -> None:
    place = st.container()
    if "label" in draft.raw:
        place, right = st.columns([3, 2])
        with right:
            near = "what is near" if draft.kind == "nearest" else None
            heuristic_rules.label_choice(project, draft, any_label=near)
    place.text_input("Name", max_chars=200, placeholder="After what it does", **draft.bound("name"))


def _head(project: Project, draft: Draft, found: Heuristic | None, kind: str) -> None:
    """Say what it is and where it stands."""
    icon = _ICONS.get(draft.kind, "rule")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if found is None:
            st.markdown(f":material/{icon}: **{kind}** :gray[:small[new]]", width="stretch")
            st.button(
                "Another kind",
                key="heuristics_other_kind",
                type="tertiary",
                icon=":material/arrow_back:",
                on_click=open_slot,
                args=(project, NEW),
            )
            return
        run = found.run
        when = f" · ran {ago(run.created_at)} in {duration(run.seconds)}" if run else ""
        st.markdown(
            f":material/{icon}: **{kind}** :gray[:small[version {found.version} · {found.state}{when}]]",
            width="stretch",
        )
        _more(project, draft, found)


def _more(project: Project, draft: Draft, found: Heuristic) -> None:
    """Versions, a copy, and away with it."""
    with st.popover("", icon=":material/more_vert:", help="Versions, copy, delete", type="tertiary"):
        with st.container(horizontal=True, gap="small"):
            st.button(
                "Duplicate",
                key="heuristics_copy",
                icon=":material/content_copy:",
                on_click=_told,
                args=(_duplicate, project, found),
            )
            st.button(
                "Delete",
                key="heuristics_delete",
                icon=":material/delete:",
                on_click=_told,
                args=(_delete, project, found),
            )
        st.markdown("**Versions**")
        for one in project.heuristics.versions(found.id)[:15]:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                said = plain(_said(project, found.kind, one.config))
                st.markdown(
                    f"**{one.version}** {said}  \n:gray[:small[{ago(one.created_at)} · "
                    f"{plain(one.created_by)}]]",
                    width=260,
                )
                if one.version != found.version:
                    st.button(
                        "Restore",
                        key=f"heuristics_restore_{one.version}",
                        on_click=_told,
                        args=(_restore, project, draft, found, one.version),
                    )
                else:
                    st.caption("in force", width="content")


def _said(project: Project, kind: str, config: dict[str, Any]) -> str:
    book = project.heuristics
    try:
        return book.says(kind, book.kinds()[kind].Config(**config))
    except ValueError:  # of an older embtune
        return "a configuration that cannot be read"


def _actions(project: Project, draft: Draft, found: Heuristic | None, *, running: bool) -> None:
    """Save, discard, and run over all records."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Save",
            key="heuristics_save",
            type="primary" if draft.changed else "secondary",
            disabled=not draft.changed,
            on_click=_told,
            args=(save, project, draft, found),
        )
        if draft.changed and (draft.raw != draft.base or found is None):
            st.button(
                "Discard",
                key="heuristics_discard",
                type="tertiary",
                on_click=_discard,
                args=(project, draft, found),
            )
        if found is None:
            return
        refused = heuristic_programs.why_not(project, draft.kind)
        asks = draft.kind == "llm"
        pressed = st.button(
            f"Run on all {project.n_records:,}",
            key="heuristics_run_one",
            icon=":material/play_circle:",
            disabled=running or draft.changed or refused is not None,
            help=refused or ("Save it first." if draft.changed else None),
            on_click=None if asks else _told,
            args=None if asks else (_run, project, found),
        )
        if pressed and asks:
            heuristic_programs.ask_dialog(project, found.id)


def _told(act: Callable[..., object], *given: Any) -> None:
    """Do something; keep in one sentence why it could not be done."""
    try:
        act(*given)
    except EmbtuneError as error:
        st.session_state[_ERROR] = plain(str(error))


def save(project: Project, draft: Draft, found: Heuristic | None) -> None:
    """Keep what was written, as a new version of its heuristic or as a new one."""
    book = project.heuristics
    draft.collect()
    name = " ".join(draft.raw["name"].split())
    config = draft.config
    if config.get("label", 0) is None and draft.kind != "nearest":
        config.pop("label")
    if found is None:
        saved(project, draft, book.add(draft.kind, name or None, **config))
        heuristic_suggestions.done_with_one()
        return
    by_itself = not name or (name == found.name == found.says)
    if by_itself:
        checked = book.checked(draft.kind, **config)
        says = book.says(draft.kind, checked)
        taken = {one.name.casefold() for one in book.all() if one.id != found.id}
        name = found.name if says.casefold() in taken else says[:200]
    saved(project, draft, book.change(found.id, name=name, **config))
    heuristic_suggestions.done_with_one()


def _run(project: Project, found: Heuristic) -> None:
    project.heuristics.start([found.id])
    heuristic_suggestions.done_with_one()


def _discard(project: Project, draft: Draft, found: Heuristic | None) -> None:
    if found is None:
        forget(project, draft.slot)
        open_slot(project, NEW)
    else:
        draft.put(**draft.base)  # the next run brings what was stored since


def _restore(project: Project, draft: Draft, found: Heuristic, version: int) -> None:
    saved(project, draft, project.heuristics.restore(found.id, version))


def _duplicate(project: Project, found: Heuristic) -> None:
    open_slot(project, str(project.heuristics.duplicate(found.id).id))


def _delete(project: Project, found: Heuristic) -> None:
    project.heuristics.delete(found.id)
    forget(project, str(found.id))
    st.session_state[DELETED] = (project.id, found.id, found.name)
    open_slot(project, None)
