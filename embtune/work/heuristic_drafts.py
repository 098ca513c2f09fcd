"""What a person writes of heuristics and has not saved, kept over a reload or a crash."""

from __future__ import annotations

import hashlib
import itertools
import json
import threading
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embtune.errors import StorageError

if TYPE_CHECKING:
    from embtune.project import Project

_LOCK = threading.Lock()
"""Two tabs of one person must not write over each other's half."""


def kept_drafts(project: Project) -> dict[str, dict[str, Any]]:
    """Return what this annotator is writing under this label task, by name; a damaged file holds nothing."""
    try:
        found = json.loads(_path(project).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: one for name, one in found.items() if isinstance(one, dict)}


def keep_drafts(
    project: Project,
    changes: Mapping[str, Mapping[str, Any] | None],
    *,
    before: Mapping[str, Mapping[str, Any] | None] | None = None,
) -> dict[str, str]:
    """Keep some drafts, plain JSON, by name, and let go of those that are None; others stay as they are.

    Parameters
    ----------
    before
        What the caller knows to be kept under each of these names. Where something else is kept by now,
        another tab's, it stays, and the change is kept under a name of its own. If None, all is written over.

    Returns
    -------
    dict
        The names of their own, by name.

    Raises
    ------
    StorageError
        If the disk cannot take them; what was kept before stays.
    """
    with _LOCK:
        kept: dict[str, Any] = {**kept_drafts(project)}
        names: dict[str, str] = {}
        for name, one in changes.items():
            theirs = kept.get(name)
            if before is None or theirs is None or _same(theirs, before.get(name)):
                kept[name] = one
            elif one is not None and not _same(theirs, one):
                names[name] = own = _free_name(name, kept)
                kept[own] = one
        _write(project, {name: one for name, one in kept.items() if one is not None})
    return names


def _same(one: Mapping[str, Any], other: Mapping[str, Any] | None) -> bool:
    return json.dumps(one) == json.dumps(other)  # as the file has it: numbers that are keys are texts there


def _free_name(name: str, kept: Mapping[str, Any]) -> str:
    first = name.split(".")[0]
    return next(own for i in itertools.count(2) if (own := f"{first}.{i}") not in kept)


def _write(project: Project, kept: Mapping[str, Any]) -> None:
    path = _path(project)
    temporary = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        if not kept:
            path.unlink(missing_ok=True)
            return
        temporary.write_text(json.dumps(kept), encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StorageError(
            f"What you write cannot be kept in {path.parent} ({error.strerror or error}): save it, or free "
            "some space."
        ) from error


def _path(project: Project) -> Path:
    who = hashlib.sha256(project.annotator.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return project.folder("drafts") / f"heuristics-{project.task.id}-{who}.json"
