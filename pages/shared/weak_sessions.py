"""Records behind a figure of weak supervision, opened as a session."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embtune.project import Project
from embtune.store.weak_runs import WeakRun
from pages.shared.heuristic_sessions import open_records


def open_cell(project: Project, run: WeakRun, manual: str, weak: str | None, threshold: float) -> None:
    """Open the records of a cell of the confusion matrix; nothing happens if there are none."""
    rows = project.weak.cell_rows(manual, weak, run.id, threshold=threshold)
    said = "no weak label" if weak is None else weak
    open_records(
        project,
        rows,
        f"Labelled {manual}, weak supervision: {said}",
        origin={"weak run": run.id, "manual": manual, "weak": weak, "from": threshold},
        why=lambda: _said(project, rows, run),
        review=True,
    )


def open_differing(project: Project, first: WeakRun, second: WeakRun) -> None:
    """Open the records to which two runs give different labels."""
    rows = differing(project, first, second)

    def why() -> list[str]:
        both = zip(_said(project, rows, first), _said(project, rows, second), strict=True)
        return [f"{one}; {other}" for one, other in both]

    open_records(
        project,
        rows,
        f"Runs {first.id:,} and {second.id:,} differ",
        origin={"weak runs": [first.id, second.id]},
        why=why,
        review=True,
    )


def differing(project: Project, first: WeakRun, second: WeakRun) -> NDArray[np.int64]:
    """Rows of the records to which both runs give a label, and not the same."""
    one, other = _labels(project, first), _labels(project, second)
    return np.flatnonzero((one >= 0) & (other >= 0) & (one != other))


def agreement(project: Project, first: WeakRun, second: WeakRun) -> dict[str, int]:
    """Count records by what two runs say: `same`, `differ`, `first` (it alone), `second`."""
    one, other = _labels(project, first), _labels(project, second)
    mine, theirs = one >= 0, other >= 0
    return {
        "same": int((mine & (one == other)).sum()),
        "differ": int((mine & theirs & (one != other)).sum()),
        "first": int((mine & ~theirs).sum()),
        "second": int((theirs & ~mine).sum()),
    }


def _labels(project: Project, run: WeakRun) -> NDArray[np.int64]:
    found = project.weak.labels(run.id)
    return np.full(project.n_records, -1, dtype=np.int64) if found is None else found[0]


def _said(project: Project, rows: NDArray[np.int64], run: WeakRun) -> list[str]:
    """Say of each record what a run says of it."""
    found = project.weak.labels(run.id)
    if found is None:
        return [f"run {run.id:,}: nothing"] * len(rows)
    names = {label.id: label.name for label in project.labels}
    return [
        f"run {run.id:,}: nothing"
        if label < 0
        else f"run {run.id:,}: {names.get(label, 'a label that is gone')}, {sure:.0%} sure".replace("%", " %")
        for label, sure in zip(found[0][rows].tolist(), found[1][rows].tolist(), strict=True)
    ]
