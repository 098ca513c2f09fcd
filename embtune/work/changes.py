"""What a version changed against another embedding, record by record: found once, labels laid over it."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadInputError, NotReadyError
from embtune.evaluation.changes import (
    LabelEffect,
    Totals,
    crossed,
    label_effect,
    n_voters,
    order_by,
    regions,
    totals,
    turnover,
)
from embtune.progress import Report, silent
from embtune.store.artifacts import rows_trained_on

if TYPE_CHECKING:
    from embtune.project import Project

DEFAULT_K = 25
MOST_K = 200


@dataclass(frozen=True)
class Changes:
    """The neighbourhoods of n records under two embeddings, and what labels say of them.

    Attributes
    ----------
    version, against
        The embedding looked at, and the one it is compared with.
    k
        Neighbours of each record.
    before, after
        Shape (n, k): rows of the neighbours under `against` and under `version`, nearest first.
    gained, lost
        Shape (n, k): which of `after` are new, which of `before` are gone.
    labels
        Shape (n,): label number of each record by its reference label, else by the label in force; -1 where
        neither is known.
    by_reference
        Shape (n,): whether that is the reference label.
    effect
        Neighbours of the record's own label, before and after.
    voters
        Nearest labelled records that decide on a region.
    region_before, region_after
        Shape (n,): label number of most of the `voters` nearest labelled records; -1 where there are none.
    crossed
        Shape (n,): whether it lies in another class's region than before.
    trained_on
        Shape (n,): whether one of the two embeddings has learned from this record's label.
    """

    version: str
    against: str
    k: int
    before: NDArray[np.int64]
    after: NDArray[np.int64]
    gained: NDArray[np.bool_]
    lost: NDArray[np.bool_]
    labels: NDArray[np.int64]
    by_reference: NDArray[np.bool_]
    effect: LabelEffect
    voters: int
    region_before: NDArray[np.int64]
    region_after: NDArray[np.int64]
    crossed: NDArray[np.bool_]
    trained_on: NDArray[np.bool_]

    @property
    def n_new(self) -> NDArray[np.int64]:
        """How many neighbours of each record are new; as many are gone. Shape (n,)."""
        counted: NDArray[np.int64] = self.gained.sum(axis=1)
        return counted

    @property
    def unseen(self) -> Totals:
        """Records improved, harmed and unchanged, among those no training has seen."""
        return totals(self.effect, ~self.trained_on)

    @property
    def all(self) -> Totals:
        """Records improved, harmed and unchanged, those that were learned from among them."""
        return totals(self.effect)

    def order(self, by: str) -> NDArray[np.int64]:
        """Rows by "most improved", "most harmed" or "most changed"; those it does not fit are left out.

        Records that were trained on come last: that they moved as they were told proves nothing.
        """
        order = order_by(by, self.effect, self.n_new)
        return order[np.argsort(self.trained_on[order], kind="stable")]


def changes(
    project: Project,
    version: str,
    against: str = "raw",
    k: int = DEFAULT_K,
    *,
    make: bool = False,
) -> Changes | None:
    """Return what `version` changed against another embedding, or None if it was not computed yet.

    Parameters
    ----------
    k
        Neighbours of each record, 1 to 200, and fewer than there are records.
    make
        Compute it now if it is missing; a second or two for thousands of records, more for many.

    Raises
    ------
    BadInputError
        If k is out of range, or an embedding is compared with itself.
    NotReadyError, UnknownChoiceError
        If there is no such embedding.
    """
    first, second, n = _pair(project, version, against, k)
    files = _known(project, (first.name, second.name), k, n)
    if files is None:
        if not make:
            return None
        compute_changes(project, version=version, against=against, k=k)
        files = _known(project, (first.name, second.name), k, n)
        assert files is not None
    stamp = (first.file, second.file, k, *(str(file) for file in files))
    key = (first.name, second.name)
    made = [row.created_at for row in project.versions]
    found: Changes = project.cached(
        ("changes", *key),
        (project.revision, made, stamp),
        lambda: _with_labels(
            project, project.cached(("turnover", *key), stamp, lambda: _read(files, k)), key
        ),
    )
    return found


def compute_changes(
    project: Project,
    *,
    version: str,
    against: str = "raw",
    k: int = DEFAULT_K,
    report: Report = silent,
) -> dict[str, Any]:
    """Find the neighbours of all records under both embeddings, and keep them as files.

    Lists that are known already, or longer ones, are used again. Returns the totals as plain values.
    """
    report(0, None, "", "loading libraries")
    from embtune.embedding.device import pick_device
    from embtune.embedding.matrix import save_matrix
    from embtune.neighbors.exact import nearest

    before = time.perf_counter()
    first, second, n = _pair(project, version, against, k)
    _forget_old(project)
    device = pick_device(project.settings.device).kind
    for i, name in enumerate((second.name, first.name)):
        if _known(project, (name,), k, n) is not None:
            continue

        def told(
            done: float,
            total: float | None = None,
            unit: str = "",
            message: str = "",
            detail: dict[str, Any] | None = None,
            at: int = i * n,
            where: str = name,
        ) -> None:
            report(at + done, 2 * n, "records", f"nearest neighbours in {where}")

        told(0)
        rows, _ = nearest(project.vectors(name)[:n], k, device=device, report=told)
        save_matrix(project.folder("neighbors") / f"{_stem(project, name, n)}-{k}.npy", rows.astype(np.int32))
    found = changes(project, first.name, second.name, k)
    assert found is not None
    unseen = found.unseen
    return {
        "version": first.name,
        "against": second.name,
        "k": k,
        "n_records": n,
        "n_judged": unseen.n,
        "improved": unseen.improved,
        "harmed": unseen.harmed,
        "unchanged": unseen.unchanged,
        "crossed": int(found.crossed.sum()),
        "seconds": round(time.perf_counter() - before, 2),
    }


def _pair(project: Project, version: str, against: str, k: int) -> tuple[Any, Any, int]:
    first, second = project.require_embedding(version), project.require_embedding(against)
    if first.name == second.name:
        raise BadInputError(
            f"The embedding {first.name!r} cannot be compared with itself: choose another one."
        )
    n = min(first.n_rows, second.n_rows)
    if n < 2:
        raise NotReadyError("A single record has no neighbours: import more records.")
    if not 1 <= k <= min(MOST_K, n - 1):
        raise BadInputError(f"k is {k}; with {n:,} records it must be 1 to {min(MOST_K, n - 1):,}.")
    return first, second, n


def _read(files: list[Path], k: int) -> tuple[NDArray[Any], ...]:
    after, before = (np.load(file, allow_pickle=False)[:, :k].astype(np.int64) for file in files)
    moves = turnover(before, after)
    return before, after, moves.gained, moves.lost


def _with_labels(project: Project, lists: tuple[Any, ...], names: tuple[str, str]) -> Changes:
    before, after, gained, lost = lists
    n, k = before.shape
    reference, in_force = project.reference()[:n], project.label_state().label_ids[:n]
    by_reference = reference >= 0
    labels = np.where(by_reference, reference, np.where(in_force >= 0, in_force, -1))
    voters = n_voters(labels, k)
    sides = [
        regions(project.vectors(name), neighbors, labels, voters)
        for name, neighbors in zip(names, (after, before), strict=True)
    ]
    trained = np.zeros(n, dtype=bool)
    versions = {version.name for version in project.versions}
    for name in versions.intersection(names):
        rows = np.array([row for row, _ in rows_trained_on(project.db, project.id, name)], dtype=np.int64)
        trained[rows[rows < n]] = True
    return Changes(
        version=names[0],
        against=names[1],
        k=k,
        before=before,
        after=after,
        gained=gained,
        lost=lost,
        labels=labels,
        by_reference=by_reference,
        effect=label_effect(before, after, labels),
        voters=voters,
        region_before=sides[1],
        region_after=sides[0],
        crossed=crossed(sides[1], sides[0]),
        trained_on=trained,
    )


def _stem(project: Project, name: str, n: int) -> str:
    """Return how the neighbour files of an embedding begin: by its matrix file, so that they never lie."""
    file = project.require_embedding(name).file
    return f"{name}-{n}-{hashlib.blake2b(file.encode(), digest_size=8).hexdigest()}"


def _known(project: Project, names: tuple[str, ...], k: int, n: int) -> list[Path] | None:
    """Files with at least k neighbours for each of those embeddings, or None if one lacks."""
    out = []
    for name in names:
        kept = project.folder("neighbors").glob(f"{_stem(project, name, n)}-*.npy")
        long_enough = sorted((int(file.stem.rsplit("-", 1)[1]), file) for file in kept)
        file = next((file for length, file in long_enough if length >= k), None)
        if file is None:
            return None
        out.append(file)
    return out


def _forget_old(project: Project) -> None:
    """Remove lists of matrices that are gone, as of a deleted version."""
    digests = {_stem(project, row.name, 0).rsplit("-", 1)[1] for row in project.embeddings}
    for file in project.folder("neighbors").glob("*.npy"):
        if not any(digest in file.stem for digest in digests):
            file.unlink(missing_ok=True)
