"""What a person writes of heuristics and has not saved, kept over a reload or a crash."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embtune.errors import StorageError

if TYPE_CHECKING:
    from embtune.project import Project


def kept_drafts(project: Project) -> dict[str, dict[str, Any]]:
    """Return what this annotator is writing under this label task, by name; a damaged file holds nothing."""
    try:
        found = json.loads(_path(project).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: one for name, one in found.items() if isinstance(one, dict)}


def keep_drafts(project: Project, changes: Mapping[str, Mapping[str, Any] | None]) -> None:
    """Keep some drafts, plain JSON, by name, and let go of those that are None; others stay as they are.

    Raises
    ------
    StorageError
        If the disk cannot take them; what was kept before stays.
    """
    kept: dict[str, Any] = {**kept_drafts(project), **changes}
    kept = {name: one for name, one in kept.items() if one is not None}
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
