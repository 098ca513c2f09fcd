"""Read a refinery snapshot: checked as a whole before anything of it is returned."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from embtune.errors import BadFileError
from embtune.records.readers.flatten import Flattener
from embtune.records.refinery.archive import MOST_BYTES, read_object
from embtune.records.refinery.associations import Associations, read_associations
from embtune.records.refinery.colors import hex_of
from embtune.records.refinery.entries import Parts
from embtune.records.refinery.model import (
    Attribute,
    Comment,
    Label,
    LookupList,
    Slice,
    Snapshot,
    Task,
    WeakRun,
)
from embtune.records.refinery.slices import Naming, as_slice
from embtune.records.refinery.sources import read_heuristics

_SPANS = "INFORMATION_EXTRACTION"


def read_snapshot(source: Path | bytes, *, name: str | None = None, most_bytes: int = MOST_BYTES) -> Snapshot:
    """Read what refinery exports as a project snapshot, zipped or as JSON. No code in it is run.

    Parameters
    ----------
    source
        Path of the file, or the content of an upload.
    name
        File name shown to the user; needed with an upload.
    most_bytes
        Its JSON may have so many.

    Raises
    ------
    BadFileError
        In one sentence: what is wrong, in which member, part and field, and what to do.
    """
    content, file, place = read_object(source, name, most_bytes=most_bytes)
    try:
        return _Reading(file, Parts(content, place)).snapshot()
    except RecursionError:
        raise BadFileError(
            f"{place} is nested too deeply to be a snapshot. Export the project from refinery again."
        ) from None


class _Reading:
    """One snapshot on its way; ids are refinery's, rows and places embtune's."""

    def __init__(self, file: str, parts: Parts) -> None:
        self._file, self._parts = file, parts
        self._notes: list[str] = []
        self._left_out: Counter[str] = Counter()
        self._users: dict[str, str] = {}

    def snapshot(self) -> Snapshot:
        parts = self._parts
        project = parts.object("project_details_data")
        attributes = self._attributes()
        table, rows = self._records(attributes)
        tasks = self._tasks(attributes)
        ids = self._labels(tasks)
        lists = self._lists()
        self._name_users()
        sources = {own: entry.refers("labeling_task_id", tasks, "a task") for own, entry in self._sources()}
        given = read_associations(parts, rows, ids, sources, self._user)
        heuristics = read_heuristics(parts, tasks, ids, lists, attributes, given.votes)
        fields = {one.name: one.data_type for one in attributes}
        naming = Naming(fields, {own: (task, task.labels[at].name) for own, (task, at) in ids.items()})
        self._count_what_stays(tasks.values(), lists, given)
        return Snapshot(
            file=self._file,
            name=project.text_or("name").strip() or "refinery",
            description=project.text_or("description"),
            table=table,
            attributes=attributes,
            tasks=tuple(tasks.values()),
            lists=lists,
            heuristics=heuristics,
            manual=given.manual,
            weak_runs=self._weak_runs(given),
            slices=self._slices(naming, rows),
            comments=self._comments(rows),
            embeddings=tuple(entry.text("name") for _, entry in parts.with_ids("embeddings_data")),
            left_out=dict(self._left_out),
            notes=(*table.notes, *self._notes),
        )

    def _sources(self) -> Any:
        return self._parts.with_ids("information_sources_data")

    # ---- records --------------------------------------------------------------------------------

    def _attributes(self) -> tuple[Attribute, ...]:
        found: list[tuple[int, Attribute]] = []
        for _, entry in self._parts.with_ids("attributes_data"):
            name = entry.text("name").strip()
            if any(name == other.name for _, other in found):
                raise entry.error("name", f"is the same as another field's: {name[:60]!r}")
            data_type = entry.text_or("data_type", "TEXT")
            self._left_out["code of calculated fields"] += entry.has("source_code")
            attribute = Attribute(name, data_type, entry.flag("is_primary_key"))
            found.append((entry.count("relative_position"), attribute))
        return tuple(attribute for _, attribute in sorted(found, key=lambda one: one[0]))

    def _records(self, attributes: Iterable[Attribute]) -> tuple[Any, dict[str, int]]:
        flattener = Flattener(self._file)
        names = [attribute.name for attribute in attributes]
        rows: dict[str, int] = {}
        other = Counter[str]()
        for own, entry in self._parts.with_ids("records_data"):
            data = entry.values.get("data")
            if not isinstance(data, dict):
                raise entry.error("data", "is no object of fields and values")
            data = {name.strip(): value for name, value in data.items()}
            category = entry.text_or("category", "SCALE")
            other[category] += category != "SCALE"
            flattener.add({**dict.fromkeys(names), **data}, f"records_data[{entry.number}]")
            rows[own] = len(rows)
        if not rows:
            raise BadFileError(
                f"{self._parts.place} holds no records. Export the project again with its records."
            )
        if other.total():
            self._notes.append(f"{other.total():,} records of refinery's test set came as ordinary ones.")
        return flattener.table("json", None, (), truncated=False), rows

    # ---- labels ---------------------------------------------------------------------------------

    def _tasks(self, attributes: Iterable[Attribute]) -> dict[str, Task]:
        labels: defaultdict[str, list[Label]] = defaultdict(list)
        taken: defaultdict[str, set[str]] = defaultdict(set)
        for _, entry in self._parts.with_ids("labeling_task_labels_data"):
            task = entry.text("labeling_task_id")
            color = entry.text_or("color")
            if color and hex_of(color) is None:
                self._notes.append(f"The colour {color[:40]!r} is not known; its label gets another.")
            name = self._distinct(entry.text("name").strip(), taken[task], "label")
            hotkey = entry.text_or("hotkey").strip().lower() or None
            labels[task].append(Label(name, hex_of(color), hotkey))
        fields = {own: entry.text("name") for own, entry in self._parts.with_ids("attributes_data")}
        found: dict[str, Task] = {}
        names: set[str] = set()
        for own, entry in self._parts.with_ids("labeling_tasks_data"):
            field = None
            if entry.has("attribute_id"):
                field = entry.refers("attribute_id", fields, "a field").strip()
            name = self._distinct(entry.text("name").strip(), names, "task")
            found[own] = Task(name, field, entry.text("task_type") == _SPANS, tuple(labels[own]))
        return found

    def _labels(self, tasks: dict[str, Task]) -> dict[str, tuple[Task, int]]:
        places: Counter[str] = Counter()
        found = {}
        for own, entry in self._parts.with_ids("labeling_task_labels_data"):
            task = entry.refers("labeling_task_id", tasks, "a task")
            found[own] = (task, places[task.name])
            places[task.name] += 1
        return found

    def _lists(self) -> tuple[LookupList, ...]:
        terms: defaultdict[str, list[str]] = defaultdict(list)
        blocked: defaultdict[str, list[str]] = defaultdict(list)
        known = dict(self._parts.with_ids("knowledge_bases_data"))
        for entry in self._parts.entries("terms_data"):
            entry.refers("knowledge_base_id", known, "a look-up list")
            put = blocked if entry.flag("blacklisted") else terms
            put[entry.values["knowledge_base_id"]].append(entry.text("value"))
        taken: set[str] = set()
        return tuple(
            LookupList(
                self._distinct(entry.text("name").strip(), taken, "look-up list"),
                entry.text_or("description"),
                tuple(dict.fromkeys(terms[own])),
                tuple(dict.fromkeys(blocked[own])),
            )
            for own, entry in known.items()
        )

    def _distinct(self, name: str, taken: set[str], what: str) -> str:
        """Return a name that no other has, whatever its case."""
        found, number = name, 1
        while found.casefold() in taken:
            number += 1
            found = f"{name} ({number})"
        taken.add(found.casefold())
        if found != name:
            self._notes.append(f"There are two of the name {name!r}: the later {what} became {found!r}.")
        return found

    # ---- the rest -------------------------------------------------------------------------------

    def _weak_runs(self, given: Associations) -> tuple[WeakRun, ...]:
        """The runs whose labels are there; those before them left none."""
        runs = dict(self._parts.with_ids("weak_supervision_task_data"))
        found = []
        for (own, task), votes in given.weak.items():
            entry = runs.get(own)
            names = entry.text_or("selected_information_sources") if entry else ""
            found.append(
                WeakRun(
                    task=task,
                    heuristics=tuple(name.strip() for name in names.split(",") if name.strip()),
                    votes=votes,
                    created_at=entry.time("created_at") if entry else None,
                    finished_at=entry.time("finished_at") if entry else None,
                )
            )
        self._left_out["weak supervision runs without labels"] = max(len(runs) - len(found), 0)
        return tuple(sorted(found, key=lambda run: run.created_at or 0))

    def _slices(self, naming: Naming, rows: dict[str, int]) -> tuple[Slice, ...]:
        inside: defaultdict[str, list[tuple[float, int]]] = defaultdict(list)
        known = dict(self._parts.with_ids("data_slice_data"))
        for entry in self._parts.entries("data_slice_record_association_data"):
            entry.refers("data_slice_id", known, "a slice")
            row = entry.refers("record_id", rows, "a record")
            score = entry.values.get("outlier_score")
            order = -float(score) if isinstance(score, (int, float)) else 0.0
            inside[entry.values["data_slice_id"]].append((order, row))
        taken: set[str] = set()
        found = []
        for own, entry in known.items():
            name = self._distinct(entry.text("name").strip(), taken, "slice")
            if entry.flag("static"):
                listed = tuple(dict.fromkeys(row for _, row in sorted(inside[own], key=lambda one: one[0])))
                empty = "" if listed else "it is a list of records and holds none"
                found.append(Slice(name, rows=listed or None, lost=empty))
            else:
                found.append(
                    as_slice(name, entry.values.get("filter_data"), entry.values.get("filter_raw"), naming)
                )
        return tuple(found)

    def _comments(self, rows: dict[str, int]) -> tuple[Comment, ...]:
        found = []
        for entry in self._parts.entries("comments"):
            row = rows.get(entry.text_or("xfkey")) if entry.text_or("xftype") == "RECORD" else None
            if entry.flag("is_private"):
                self._left_out["private comments"] += 1
            elif row is None:
                self._left_out["comments on other things than records"] += 1
            elif entry.has("comment"):
                user = self._user(entry.text_or("created_by"))
                found.append(Comment(row, entry.text("comment"), user, entry.time("created_at")))
        return tuple(found)

    def _name_users(self) -> None:
        """Find names of users: only the filters of slices have any."""
        for _, entry in self._parts.with_ids("data_slice_data"):
            raw = entry.values.get("filter_raw")
            controls = raw.get("USER_FILTER") if isinstance(raw, dict) else None
            for one in _members(controls, "groupElements"):
                for user in _members(one, "users"):
                    own, name = (user.get(key) for key in ("id", "displayName"))
                    if isinstance(own, str) and isinstance(name, str) and name.strip():
                        self._users[own] = name.strip()

    def _user(self, own: str) -> str:
        return self._users.get(own) or f"refinery user {own[:8]}".strip()

    def _count_what_stays(
        self, tasks: Iterable[Task], lists: Iterable[LookupList], given: Associations
    ) -> None:
        spans = [task for task in tasks if task.spans]
        self._left_out += Counter(
            {
                "span tasks": len(spans),
                "labels of span tasks": sum(len(task.labels) for task in spans),
                "manual spans": given.spans["MANUAL"],
                "weak spans": given.spans["WEAK_SUPERVISION"],
                "votes for spans": given.spans["INFORMATION_SOURCE"],
                "tokens of spans": self._parts.size("record_label_association_tokens_data"),
                "blocked terms": sum(len(one.blocked) for one in lists),
                "embeddings": self._parts.size("embeddings_data"),
                "vectors": self._parts.size("embedding_tensors_data"),
                "logs of runs": self._parts.size("information_source_payloads_data"),
            }
        )
        if given.invalid:
            self._notes.append(
                f"{given.invalid:,} manual labels that refinery set aside, for people disagreed, came too."
            )


def _members(value: Any, name: str) -> list[dict[str, Any]]:
    """Return the objects of a list that may be there."""
    several = value.get(name) if isinstance(value, dict) else None
    return [one for one in several if isinstance(one, dict)] if isinstance(several, list) else []
