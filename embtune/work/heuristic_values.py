"""What a person writes of a heuristic, as the database keeps it."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from embtune.errors import BadInputError, UnknownChoiceError
from embtune.store.labelset import label_rows

if TYPE_CHECKING:
    from embtune.heuristics.base import Config, Kind
    from embtune.project import Project

LONGEST_NAME = 200
_MOST = 2**63 - 1  # a database's numbers end there
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def numbered(project: Project, values: Mapping[str, Any]) -> dict[str, Any]:
    """Replace names of labels and lists by their numbers, and record ids by their rows.

    Raises
    ------
    UnknownChoiceError
        If there is no such label or list.
    BadInputError
        If labels, lists or records are given as something else than names and numbers, or a text cannot be
        kept.
    """
    out = dict(values)
    for key, value in out.items():
        if not storable(json.dumps(value, ensure_ascii=False, default=str)):
            raise BadInputError(f"{key!r} holds half a character: write it anew.")
    if isinstance(out.get("label"), str):
        out["label"] = project.label_named(out["label"]).id
    if "labels" in out:
        out["labels"] = [
            project.label_named(one).id if isinstance(one, str) else one
            for one in _several(out["labels"], "labels", "labels")
        ]
    if "lists" in out:
        book = project.lookup_lists
        out["lists"] = [book.get(one).id for one in _several(out["lists"], "lists", "look-up lists")]
    if out.get("records") is not None:
        out["records"] = project.rows_of(_several(out["records"], "records", "records")).tolist()
    return out


def _several(value: Any, key: str, what: str) -> list[Any]:
    """Return a list of names and numbers as one; a text would be read letter by letter."""
    if not isinstance(value, Iterable) or isinstance(value, (str, bytes, Mapping)):
        raise BadInputError(f'{key!r} takes a list of {what}, such as ["…"], not {_short(value)}.')
    several = list(value)
    for one in several:
        is_number = hasattr(one, "__index__") and not isinstance(one, bool) and abs(int(one)) <= _MOST
        if not (is_number or isinstance(one, str)):
            raise BadInputError(f"{key!r} takes names or numbers of {what}, not {_short(one)}.")
    return several


def refuse_flags(values: Mapping[str, Any]) -> None:
    """Refuse true and false as labels: a configuration would read them as the numbers 1 and 0."""
    for key in ("label", "labels"):
        given = values.get(key)
        for one in given if isinstance(given, (list, tuple)) else [given]:
            if isinstance(one, bool):
                raise BadInputError(f"{key!r} takes the name or number of a label, not {_short(one)}.")


def refuse_unknown_labels(project: Project, numbers: Collection[int]) -> None:
    """Refuse numbers that no label of the project's label task has, or had before it was merged or deleted.

    Raises
    ------
    UnknownChoiceError
        Naming the first.
    """
    labels = project.labels
    unknown = set(numbers) - {label.id for label in labels}
    if unknown:
        with project.db.read() as connection:
            rows = label_rows(connection, project.id).values()
        unknown -= {row.id for row in rows if row.task_id == project.task.id}
    if unknown:
        raise UnknownChoiceError("label", str(min(unknown)), [label.name for label in labels])


def clean_name(name: str) -> str:
    """Return a name without spaces to spare; raise BadInputError where it is none, empty or too long."""
    clean = " ".join(_text(name, "name").split())
    if not clean:
        raise BadInputError("A heuristic needs a name.")
    if len(clean) > LONGEST_NAME:
        raise BadInputError(f"The name has {len(clean)} characters; {LONGEST_NAME} are the most.")
    return clean


def clean_description(description: str) -> str:
    """Return a description without spaces around it; raise BadInputError where it is no text."""
    return _text(description, "description").strip()


def free_name(wanted: str, taken: Iterable[str]) -> str:
    """Return a name, shortened and numbered if need be, that is not taken in any case."""
    known = {name.casefold() for name in taken}
    base = " ".join(wanted.split())[: LONGEST_NAME - 10] or "heuristic"
    name, i = base, 2
    while name.casefold() in known:
        name, i = f"{base} ({i})", i + 1
    return name


def storable(text: str) -> bool:
    """Tell whether a database can keep a text: no zero character, no half of a surrogate pair."""
    return not _UNSTORABLE.search(text)


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise BadInputError(f"The {what} of a heuristic is a text, not {_short(value)}.")
    if not storable(value):
        raise BadInputError(f"The {what} {_short(value)} holds characters that are none: write it anew.")
    return value


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"


def says(project: Project, kind: Kind, config: Config) -> str:
    """Say in a few words what a heuristic does, with look-up lists by their names."""
    said = kind.describe(config, {label.id: label.name for label in project.labels})
    lists = getattr(config, "lists", ())
    if not lists:
        return said
    names = {one.id: one.name for one in project.lookup_lists.all()}
    counted = f"{len(lists)} look-up list{'' if len(lists) == 1 else 's'}"
    return said.replace(counted, " and ".join(names.get(one, "a list that is gone") for one in lists), 1)
