"""What is being written of heuristics and not saved yet: kept over other pages, errors, and a reload."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from embtune.errors import EmbtuneError
from embtune.project import Project
from embtune.work.heuristics import Heuristic

NEW = "new"
NOT_EMPTY = "not empty"
"""A condition in the editor: `empty`, turned round."""

_OPEN = "heuristics_open"
_DRAFTS = "heuristics_drafts"
_KEPT = "heuristics_drafts_kept"


@dataclass
class Draft:
    """A heuristic as the editor holds it.

    Attributes
    ----------
    slot
        Number of the heuristic as text, or "new-" and the kind.
    raw
        By field, what its widget holds: "name" and those of the configuration.
    base
        The same as it is stored; a new one's beginning.
    version
        Which version `base` is; None of a new one.
    uid
        Part of the widgets' keys. It stays when a new one is saved: other keys would be other widgets, drawn
        beside the old ones for a moment.
    """

    slot: str
    kind: str
    raw: dict[str, Any]
    base: dict[str, Any]
    version: int | None = None
    uid: int = field(default_factory=lambda: _next_uid())
    trial: dict[str, Any] = field(default_factory=dict)
    _before: dict[str, Any] = field(default_factory=dict)

    @property
    def number(self) -> int | None:
        """The heuristic's number; None of a new one."""
        return int(self.slot) if self.slot.isdecimal() else None

    @property
    def changed(self) -> bool:
        """Whether there is something to save."""
        return self.number is None or self.raw != self.base

    @property
    def config(self) -> dict[str, Any]:
        """The configuration as the façade takes it."""
        return to_config(self.raw)

    def key(self, name: str) -> str:
        """Name a widget of this draft."""
        return f"heuristics_{self.uid}_{name}"

    def bound(
        self, name: str, made: Callable[[Any], Any] | None = None, *, among: Sequence[Any] | None = None
    ) -> dict[str, Any]:
        """Return the options that tie a widget to a field: its key, its value, and what keeps it.

        Parameters
        ----------
        made
            Makes the field's value one that the widget takes.
        among
            What a choice can be; another value leaves it open.
        """
        value = self.raw[name] if made is None else made(self.raw[name])
        options: dict[str, Any] = {"key": self.key(name), "on_change": self._keep, "args": (name,)}
        if among is not None and isinstance(value, list):
            value = [one for one in value if one in among]
        elif among is not None:
            value = value if value in among else None
            options["index"] = None if value is None and None not in among else 0  # None could be cleared to
        hold(self.key(name), value)
        return options

    def _keep(self, name: str) -> None:
        value = st.session_state[self.key(name)]
        if name in self._before and self._before[name] == value:
            return  # the browser has not seen yet what the field was changed to
        self._before.pop(name, None)
        self.raw[name] = value

    def collect(self) -> None:
        """Take up what the widgets hold: what was typed last may come with the click that saves it."""
        for name in self.raw:
            if self.key(name) in st.session_state:
                self._keep(name)

    def put(self, **values: Any) -> None:
        """Change fields from outside their widgets."""
        for name, value in values.items():
            if self.raw.get(name) != value:
                self._before[name] = self.raw.get(name)
                self.raw[name] = value

    def drawn(self) -> None:
        """Note that the widgets were drawn: what they send from now on was made after seeing that."""
        self._before.clear()

    def begin_at(self, raw: dict[str, Any], version: int | None) -> None:
        """Take what is stored for the beginning, and go on with it."""
        self.put(**raw)
        self.base, self.version = dict(raw), version


def hold(key: str, value: Any) -> None:
    """Give a widget its value; setting it again would tell the browser for nothing."""
    if key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value


def _next_uid() -> int:
    st.session_state["heuristics_uid"] = uid = st.session_state.get("heuristics_uid", 0) + 1
    return int(uid)


def to_raw(project: Project, name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the widgets hold of a stored heuristic: of lists, a text with one a line."""
    raw = {key: list(value) if isinstance(value, tuple) else value for key, value in config.items()}
    if "terms" in raw:
        raw["terms"] = "\n".join(raw["terms"])
    if "records" in raw:
        known = project.record_ids
        raw["records"] = "\n".join(known[row] if isinstance(row, int) else row for row in raw["records"])
    if "descriptions" in raw:
        raw["descriptions"] = {str(of): words for of, words in raw["descriptions"].items()}
    if "op" in raw:
        raw |= _raw_condition(raw)
    return raw | {"name": name}


def to_config(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration that the widgets hold."""
    config = {key: value for key, value in raw.items() if key not in ("name", "value_to")}
    for name in ("terms", "records"):
        if name in config:
            config[name] = lines_in(config[name])
    if "op" in config:
        config |= _condition(raw)
    return config


def lines_in(text: str) -> list[str]:
    """Return the lines of a text that hold something, without needless spaces."""
    return [term for line in text.splitlines() if (term := " ".join(line.split()))]


def _raw_condition(config: Mapping[str, Any]) -> dict[str, Any]:
    op, value = config["op"], config.get("value", "")
    if op == "empty":
        return {"op": op if value else NOT_EMPTY, "value": "", "value_to": ""}
    if op.endswith("between") and isinstance(value, list):
        return {"value": str(value[0]), "value_to": str(value[1])}
    several = isinstance(value, list)
    return {"value": "\n".join(map(str, value)) if several else str(value), "value_to": ""}


def _condition(raw: Mapping[str, Any]) -> dict[str, Any]:
    op, value = raw["op"], raw["value"]
    if op in ("empty", NOT_EMPTY):
        return {"op": "empty", "value": op == "empty"}
    if op == "in":
        return {"value": lines_in(value)}
    if op.endswith("between"):
        return {"value": [_number(value), _number(raw["value_to"])]}
    return {"value": _number(value) if op.endswith((">", "<")) else value}


def _number(text: str) -> float | int | str:
    try:
        value = float(text.replace(",", "").strip())
    except ValueError:
        return text
    return int(value) if value.is_integer() else value


def drafts(project: Project) -> dict[str, Draft]:
    """Return what this annotator writes in this project and label task, in this visit or an earlier one."""
    every: dict[tuple[int, int, str], dict[str, Draft]] = st.session_state.setdefault(_DRAFTS, {})
    of = (project.id, project.task.id, project.annotator)
    if of not in every:
        every[of] = _kept_before(project)
    return every[of]


def keep_drafts(project: Project) -> None:
    """Keep what is being written beyond this visit; to be called whenever the page runs.

    What another tab keeps under the same slot stays: this visit's gets a name of its own beside it.

    Raises
    ------
    StorageError
        If the disk cannot take it.
    """
    now = {
        slot: {"kind": one.kind, "raw": one.raw, "base": one.base, "version": one.version}
        for slot, one in drafts(project).items()
        if one.raw != one.base
    }
    of = (project.id, project.task.id, project.annotator)
    kept: dict[str, tuple[str, dict[str, Any]]] = st.session_state.setdefault(_KEPT, {}).get(of, {})
    changes: dict[str, dict[str, Any] | None] = {}
    before: dict[str, dict[str, Any] | None] = {}
    for slot in now | kept:
        name, was = kept.get(slot, (slot, None))
        if now.get(slot) != was:
            changes[name], before[name] = now.get(slot), was
    if changes:
        names = project.heuristics.keep_drafts(changes, before=before)
        named = {slot: kept[slot][0] if slot in kept else slot for slot in now}
        st.session_state[_KEPT][of] = {
            slot: (names.get(name, name), copy.deepcopy(now[slot])) for slot, name in named.items()
        }


def _kept_before(project: Project) -> dict[str, Draft]:
    """Read what was kept; what an older embtune kept gets what its kind has learned to take since."""
    found: dict[str, Draft] = {}
    kept = project.heuristics.drafts()
    kinds = project.heuristics.kinds()
    for slot, one in kept.items():
        kind, raw, base, version = (one.get(name) for name in ("kind", "raw", "base", "version"))
        if kind not in kinds or not (isinstance(raw, dict) and isinstance(base, dict)):
            continue
        fields = kinds[kind].Config.model_fields.items()
        usual = {
            name: each.get_default(call_default_factory=True)
            for name, each in fields
            if not each.is_required() and name not in raw
        }
        usual = to_raw(project, "", usual)
        found[slot] = Draft(slot, kind, usual | raw, usual | base, version)
    st.session_state.setdefault(_KEPT, {})[project.id, project.task.id, project.annotator] = {
        slot: (slot, one) for slot, one in kept.items()
    }
    return found


def begun(project: Project) -> list[Draft]:
    """Return the new ones in which something was written."""
    return [one for one in drafts(project).values() if one.number is None and one.raw != one.base]


def draft_of(project: Project, found: Heuristic) -> Draft:
    """Return what is being written of a heuristic: as it is stored, if nothing was typed yet."""
    known = drafts(project)
    slot = str(found.id)
    draft = known.get(slot)
    if draft is None:
        raw = to_raw(project, found.name, _config(project, found))
        draft = known[slot] = Draft(slot, found.kind, raw, dict(raw), found.version)
    elif not draft.changed and (draft.version, draft.base["name"]) != (found.version, found.name):
        draft.begin_at(to_raw(project, found.name, _config(project, found)), found.version)
    return draft


def _config(project: Project, found: Heuristic) -> dict[str, Any]:
    """Return a heuristic's configuration, with labels that were merged followed."""
    try:
        return project.heuristics.config_of(found.id).model_dump(mode="json")
    except EmbtuneError:  # the editor is where that is mended
        return found.config


def new_draft(project: Project, kind: str, config: Mapping[str, Any]) -> Draft:
    """Return the draft of a new heuristic of a kind: the one that was begun, else one that begins so."""
    known = drafts(project)
    slot = f"{NEW}-{kind}"
    if slot not in known:
        raw = to_raw(project, "", config)
        known[slot] = Draft(slot, kind, raw, dict(raw))
    return known[slot]


def saved(project: Project, draft: Draft, found: Heuristic) -> None:
    """Go on with what is stored now."""
    known = drafts(project)
    known.pop(draft.slot, None)
    draft.slot = str(found.id)
    known[draft.slot] = draft
    draft.begin_at(to_raw(project, found.name, _config(project, found)), found.version)
    open_slot(project, draft.slot)


def forget(project: Project, slot: str) -> None:
    """Let go of a draft."""
    drafts(project).pop(slot, None)


def open_slot(project: Project, slot: str | None) -> None:
    """Open a heuristic by its number, a new one ("new", "new-lookup"), or none; the address follows."""
    st.session_state[_OPEN] = (project.id, project.task.id, slot)
    if slot is None:
        st.query_params.pop("heuristic", None)
    else:
        st.query_params["heuristic"] = slot


def slot_of_visit(project: Project) -> str | None:
    """Return what this visit has opened last in this project and label task."""
    found = st.session_state.get(_OPEN)
    slot: str | None = found[2] if found is not None and found[:2] == (project.id, project.task.id) else None
    return slot


def opened_slot(project: Project) -> str | None:
    """Return what is open: what the address names, also after a way back to it, else this visit's choice."""
    asked = st.query_params.get("heuristic")
    found = st.session_state.get(_OPEN)
    if found is not None and found[:2] != (project.id, project.task.id):
        asked = None  # another project's
    elif found is not None and asked is None:
        asked = found[2]
    if (
        found is None
        or found != (project.id, project.task.id, asked)
        or st.query_params.get("heuristic") != asked
    ):
        open_slot(project, asked)
    return asked
