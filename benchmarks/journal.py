"""Undo and redo of one large action: the seconds until the labels in force are known again.

Another 30,000 votes stand beside it. The goal: under a second for an action on 20,000 records.

    python benchmarks/journal.py [--n 20000] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np


def seconds(work: Callable[[], Any]) -> float:
    """Run something once; return how long it took."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure(n: int) -> dict[str, float | int]:
    """Label n records as one action in a new project; return the seconds of each step."""
    import embtune

    project = embtune.open("journal")
    lines = "\n".join(json.dumps({"text": f"text {i}"}) for i in range(n))
    project.import_records(lines.encode(), name="records.jsonl", text="{text}")
    for name in ("One", "Two"):
        project.add_label(name)
    generator = np.random.default_rng(0)
    for _ in range(30):
        project.label(generator.permutation(n)[:1000], "Two")
    project.label_state()
    action = None

    def label() -> None:
        nonlocal action
        action = project.label(np.arange(n), "One", source="lasso")
        project.label_state()

    out: dict[str, float | int] = {"n": n, "label": seconds(label)}
    assert action is not None
    number = action.id

    def turn(step: Callable[[int], Any]) -> Callable[[], None]:
        def turned() -> None:
            step(number)
            project.label_state()

        return turned

    out["undo"] = seconds(turn(project.undo))
    assert int(project.label_state().labelled.sum()) < n
    out["redo"] = seconds(turn(project.redo))
    assert int(project.label_state().labelled.sum()) == n
    out["history"] = seconds(lambda: project.why_not(project.history(100)))
    fresh = embtune.open("journal")
    out["first read"] = seconds(fresh.label_state)
    out["delete label"] = seconds(lambda: (project.label_set.delete("One"), project.label_state()))
    out["undo that"] = seconds(lambda: (project.undo(), project.label_state()))
    return out


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--n", type=int, default=20_000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["EMBTUNE_HOME"] = home
        found = measure(given.n)
    if given.json:
        print(json.dumps(found))
        return
    print(f"one action on {found['n']:,} records")
    for name, value in found.items():
        if name != "n":
            print(f"{name:>14}  {value:6.3f} s")


if __name__ == "__main__":
    main()
