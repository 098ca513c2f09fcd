"""What became of a tuned version: labels given since, and how it is removed."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from embtune.errors import BadInputError, EmbtuneError, TooFewLabelsError
from embtune.store import artifacts
from embtune.store.clusterings import list_clusterings
from embtune.tuning.data import check_training_set
from embtune.work.slice_masks import slice_stamp
from embtune.work.tuning import training_set

if TYPE_CHECKING:
    from embtune.project import Project


@dataclass(frozen=True)
class LabelsSince:
    """How the labels of now differ from those a version learned from, in records."""

    new: int
    changed: int
    gone: int

    def __bool__(self) -> bool:
        return bool(self.new or self.changed or self.gone)


def labels_since(project: Project, name: str, *, min_confidence: float = 0.7) -> LabelsSince:
    """Compare the labels a tuning would use now with those that a version was trained on.

    Of a version that learned from a slice, both are the slice's, as long as it is there. Of one that learned
    another label task, nothing is new: what this task's labels are has no bearing on it.
    """
    from embtune.tuning.recipes import RECIPES

    version = project.version(name)
    if version.labels.get("task") not in (None, project.task.id):
        return LabelsSince(0, 0, 0)
    within, stamp = version.labels.get("slice"), None
    try:
        stamp = slice_stamp(project, within)
    except EmbtuneError:
        within = None

    def count() -> LabelsSince:
        rows = artifacts.rows_trained_on(project.db, project.id, name)
        before = {row: label_id for row, label_id in rows if label_id}
        training = training_set(project, min_confidence=min_confidence, slice=within)
        with contextlib.suppress(TooFewLabelsError):  # a tuning would leave the same classes out
            least = RECIPES[version.recipe].least_labels if version.recipe in RECIPES else 2
            training, _ = check_training_set(training, least=least)
        ids = {label.name: label.id for label in project.labels}
        now = {
            row: ids[training.names[label]]
            for row, label in zip(training.rows.tolist(), training.labels.tolist(), strict=True)
        }
        both = before.keys() & now.keys()
        return LabelsSince(
            new=len(now.keys() - before.keys()),
            changed=sum(before[row] != now[row] for row in both),
            gone=len(before.keys() - now.keys()),
        )

    found: LabelsSince = project.cached(
        ("labels since", name), (project.revision, version.created_at, min_confidence, stamp), count
    )
    return found


def delete_version(project: Project, name: str) -> None:
    """Remove a version with its vectors, its maps, its scores and its files.

    What was exported from it stays.

    Raises
    ------
    BadInputError
        If it is the active embedding.
    NotReadyError, UnknownChoiceError
        If there is no such version.
    """
    version = project.version(name)
    if project.active_embedding == version.name:
        raise BadInputError(
            f"Version {version.name!r} is the active embedding: make another one active, then delete it."
        )
    files = [m.file for m in project.maps if m.embedding == version.name]
    files += [row.file for row in project.embeddings if row.name == version.name]
    files += [row.file for row in list_clusterings(project.db, project.id) if row.embedding == version.name]
    artifacts.delete_version(project.db, project.id, version.name)
    # Rows first: files that nothing names do no harm, rows that name no file would.
    for file in files:
        project.path(file).unlink(missing_ok=True)
    shutil.rmtree(project.path(version.folder), ignore_errors=True)
