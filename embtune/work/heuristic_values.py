"""What a person writes of a heuristic, as the database keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from embtune.errors import BadInputError

if TYPE_CHECKING:
    from embtune.project import Project

LONGEST_NAME = 200


def numbered(project: Project, values: Mapping[str, Any]) -> dict[str, Any]:
    """Replace names of labels and lists by their numbers, and record ids by their rows."""
    out = dict(values)
    if isinstance(out.get("label"), str):
        out["label"] = project.label_named(out["label"]).id
    if "labels" in out:
        out["labels"] = [
            project.label_named(one).id if isinstance(one, str) else one for one in out["labels"]
        ]
    if "lists" in out:
        book = project.lookup_lists
        out["lists"] = [book.get(one).id if isinstance(one, str) else one for one in out["lists"]]
    if out.get("records"):
        out["records"] = project.rows_of(out["records"]).tolist()
    return out


def clean_name(name: str) -> str:
    """Return a name without spaces to spare; raise BadInputError where it is empty or too long."""
    clean = " ".join(name.split())
    if not clean:
        raise BadInputError("A heuristic needs a name.")
    if len(clean) > LONGEST_NAME:
        raise BadInputError(f"The name has {len(clean)} characters; {LONGEST_NAME} are the most.")
    return clean
