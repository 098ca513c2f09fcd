"""A refinery project brought over: do its look-ups find what they found, and do weak labels agree.

The snapshot is imported and embedded, its heuristics are run and weak supervision on them, all through the
public API. Coverage of each heuristic stands beside refinery's own statistics; weak labels beside refinery's
and beside the manual ones. On a record with a manual label ours is what the model says without that label
(out of fold, or kept aside); refinery's was made with all of them in view.

    python benchmarks/refinery.py --data DIR [--models combined,majority,precision,dawid-skene] [--json]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from corpus import facts, home_folder, machine, markdown

SNAPSHOT = "snapshot_data.json.zip"


def measure(path: Path, models: list[str]) -> dict[str, Any]:
    """Import, run, supervise, compare."""
    import embtune
    from embtune.records.refinery import checked, read_snapshot
    from embtune.work.refinery import import_refinery

    snapshot = read_snapshot(path)
    stored = {one.name: one.coverage for one in snapshot.heuristics}
    why = {check.name: check.why for check in checked(snapshot)}
    project = embtune.open("refinery")
    import_refinery(project, path)
    project.embed()
    project.heuristics.run()
    heuristics = [
        {
            "name": line.heuristic.name,
            "kind": line.heuristic.kind,
            "refinery": stored.get(line.heuristic.name),
            "embtune": line.numbers.hits,
            "precision": line.numbers.precision if line.numbers.n_known else None,
            "n_known": line.numbers.n_known,
            "why": why.get(line.heuristic.name, ""),
        }
        for line in project.heuristics.lines()
        if line.numbers is not None
    ]
    theirs, their_confidence = project.weak.labels()
    state = project.label_state()
    manual = np.where(state.manual & state.labelled, state.label_ids, -1)
    runs = [line_of("refinery's own", theirs, their_confidence, theirs, their_confidence, manual)]
    for name in models:
        project.weak.run(name)
        runs.append(line_of(name, *project.weak.labels(), theirs, their_confidence, manual))
    return {"heuristics": heuristics, "n_manual": int((manual >= 0).sum()), "weak": runs}


def line_of(
    name: str,
    labels: np.ndarray,
    confidence: np.ndarray,
    theirs: np.ndarray,
    their_confidence: np.ndarray,
    manual: np.ndarray,
) -> dict[str, Any]:
    """Compare one set of weak labels with refinery's and with the manual ones."""
    both = (labels >= 0) & (theirs >= 0)
    sure = both & (confidence > 0.7) & (their_confidence > 0.7)
    known = (labels >= 0) & (manual >= 0)
    return {
        "name": name,
        "n": int((labels >= 0).sum()),
        "n_sure": int((confidence > 0.7).sum()),
        "agrees": float((labels == theirs)[both].mean()),
        "agrees_sure": float((labels == theirs)[sure].mean()),
        "n_manual": int(known.sum()),
        "right": float((labels == manual)[known].mean()),
    }


def table(result: dict[str, Any]) -> str:
    """Return the result for people."""
    lines = [
        [
            one["name"],
            one["kind"],
            str(one["refinery"]),
            str(one["embtune"]),
            "" if one["precision"] is None else f"{one['precision']:.2f} of {one['n_known']}",
            one["why"],
        ]
        for one in result["heuristics"]
    ]
    weak = [
        [
            one["name"],
            f"{one['n']:,}",
            f"{one['n_sure']:,}",
            f"{one['agrees']:.3f}",
            f"{one['agrees_sure']:.3f}",
            f"{one['right']:.3f} of {one['n_manual']}",
        ]
        for one in result["weak"]
    ]
    head = ["weak labels", "records", "above 0.7", "as refinery's", "where both above 0.7", "right, manual"]
    return "\n".join(
        [
            markdown(["heuristic", "kind", "refinery covers", "here", "right, manual labels", ""], lines),
            "",
            markdown(head, weak),
            facts(result["machine"]),
        ]
    )


def main() -> None:
    """Parse the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help=f"folder or path of {SNAPSHOT}")
    parser.add_argument("--models", default="combined,majority,precision,dawid-skene", help="with commas")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    arguments = parser.parse_args()
    places = [
        arguments.data,
        arguments.data / SNAPSHOT,
        arguments.data / "refinery_conversational_ai" / SNAPSHOT,
    ]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise SystemExit(f"There is no {SNAPSHOT} in {arguments.data}.")
    with home_folder():
        result = measure(path, arguments.models.split(",")) | {
            "benchmark": "refinery",
            "machine": machine(),
        }
    print(json.dumps(result) if arguments.json else table(result))


if __name__ == "__main__":
    main()
