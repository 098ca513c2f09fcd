"""What the benchmarks share: data sets as projects, draws of labels, tables, the machine's size."""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

TEMPLATE = "{Title}. {Description}"
LABELLED = ("train.json", "val.json")
REFERENCE = "test.json"
SPREAD = "mean ± standard deviation over seeds"

Row = dict[str, Any]


def seed_folder(folder: Path) -> Path:
    """Return the folder that holds train.json, val.json and test.json, or end with a sentence."""
    if not (folder / REFERENCE).is_file() and (folder / "ag_news_seed").is_dir():
        folder = folder / "ag_news_seed"
    absent = [name for name in (*LABELLED, REFERENCE) if not (folder / name).is_file()]
    if absent:
        raise SystemExit(f"There is no {absent[0]} in {folder}: give the folder ag_news_seed.")
    return folder


def seed_rows(folder: Path, *names: str) -> list[Row]:
    """Return the records of those files of the published experiment, in order."""
    return [row for name in names for row in json.loads((folder / name).read_text(encoding="utf-8"))]


def banking_rows(folder: Path) -> tuple[list[Row], list[Row]]:
    """Return the records of banking77's train.csv and test.csv, or end with a sentence."""
    if not (folder / "test.csv").is_file() and (folder / "banking77").is_dir():
        folder = folder / "banking77"
    found = []
    for name in ("train.csv", "test.csv"):
        if not (folder / name).is_file():
            raise SystemExit(f"There is no {name} in {folder}: give the folder banking77.")
        with (folder / name).open(encoding="utf-8", newline="") as file:
            found.append(list(csv.DictReader(file)))
    return found[0], found[1]


def texts_of(rows: Sequence[Row], template: str) -> list[str]:
    """Return the records' texts, exactly as a project makes them."""
    from embtune.records.template import TextTemplate

    parsed = TextTemplate.parse(template)
    return [parsed.render(row) for row in rows]


def as_file(rows: Sequence[Row]) -> bytes:
    """Return records as the content of a JSON file, which is what a project imports."""
    return json.dumps(list(rows)).encode()


def seed_project(folder: Path, *, vectors: Path | None = None) -> tuple[Any, dict[str, Any]]:
    """Import and embed the experiment's 20,000 records through the public API; return project and figures.

    A project that is there already is used as it is. `vectors`, a matrix of the default model's vectors in
    the files' order, spares the encoding.
    """
    import embtune

    project = embtune.open("seed")
    for name in LABELLED:
        project.import_records(folder / name, text=TEMPLATE, label_field="label")
    project.import_records(folder / REFERENCE, text=TEMPLATE, reference_field="label")
    if vectors is not None:
        from vectors import remember

        remember(project, texts_of(seed_rows(folder, *LABELLED, REFERENCE), TEMPLATE), np.load(vectors))
    return project, project.embed()


@contextmanager
def home_folder(kept: Path | None = None) -> Iterator[Path]:
    """Make EMBTUNE_HOME a temporary folder, or `kept`; to be entered before anything opens a project."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = kept or Path(temporary)
        os.environ["EMBTUNE_HOME"] = str(folder)
        yield folder


def draw_per_class(labels: Sequence[str], n: int | None, seed: int) -> NDArray[np.int64]:
    """Draw n records of every class (all of a smaller one; all of all with None); positions, ascending."""
    if n is None:
        return np.arange(len(labels))
    order = np.random.default_rng(seed).permutation(len(labels))
    known = np.asarray(labels)[order]
    return np.sort(np.concatenate([order[known == name][:n] for name in np.unique(known)]))


def draw_random(labels: Sequence[str], n: int, seed: int) -> NDArray[np.int64]:
    """Draw n records at random, of every class at least one; positions, ascending."""
    order = np.random.default_rng(seed).permutation(len(labels))
    _, first = np.unique(np.asarray(labels)[order], return_index=True)
    if n < len(first):
        raise SystemExit(f"{n} labels cannot hold one of each of {len(first)} classes: ask for more.")
    others = np.delete(order, first)[: n - len(first)]
    return np.sort(np.concatenate([order[first], others]))


def own_predictions(project: Any, version: str, rows: NDArray[np.int64]) -> NDArray[np.str_] | None:
    """Return the classes that the version itself gives those rows; None where it tells no classes.

    A blend's vectors end with its class scores: for records of its graph these are what it propagated, which
    the model alone, made for records that come later, could only come near to.
    """
    from embtune.embedding.device import pick_device
    from embtune.tuning.model import Records

    model = project.tuned_model(version)
    if model.kind == "blend":
        return np.asarray(model.names)[project.vectors(version)[rows, -len(model.names) :].argmax(axis=1)]
    asked = Records(
        project.vectors("raw")[rows],
        lambda: [record.text for record in project.records(rows)],
        pick_device(project.settings.device),
    )
    scored = model.scores(asked)
    return None if scored is None else np.asarray(scored[0])[scored[1].argmax(axis=1)]


def own_accuracy(project: Any, version: str, rows: NDArray[np.int64], truth: Sequence[str]) -> float | None:
    """Return the share of those rows that the version's own model predicts rightly."""
    predicted = own_predictions(project, version, rows)
    return None if predicted is None else float((predicted == np.asarray(truth)).mean())


def reference_names(project: Any) -> tuple[NDArray[np.int64], NDArray[np.str_]]:
    """Return the rows with a reference label and those labels' names."""
    known = project.reference()
    rows = np.flatnonzero(known >= 0)
    names = {label.id: label.name for label in project.labels}
    return rows, np.array([names[i] for i in known[rows].tolist()])


def machine() -> dict[str, Any]:
    """Return what a figure depends on: processor, cores, memory, versions."""
    from embtune.embedding.device import pick_device
    from embtune.tuning.recipes.base import library_versions

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = (
        os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3 if os.name == "posix" else None
    )
    device = pick_device()
    names = (
        *("torch", "sentence-transformers", "quaterion", "pytorch-lightning", "streamlit", "plotly"),
        *("scikit-learn", "numba", "numpy"),
    )
    return {
        "cores": cores,
        "memory_gib": round(memory) if memory else None,
        "device": device.name,
        "bfloat16": device.bfloat16,
        "python": platform.python_version(),
        "versions": library_versions(names),
    }


def facts(about: dict[str, Any]) -> str:
    """Return what `machine` gave as a line for people."""
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    return (
        f"{about['cores']} cores, {about['memory_gib']} GiB, device: {about['device']}, "
        f"bfloat16: {about['bfloat16']}; Python {about['python']}, {versions}"
    )


def spread(values: Sequence[float | None], digits: int = 4, sign: str = "") -> str:
    """Return a mean, with the standard deviation where there are several; empty without any value."""
    known = [value for value in values if value is not None]
    if not known:
        return ""
    mean = f"{statistics.mean(known):{sign}.{digits}f}"
    return mean if len(known) == 1 else f"{mean} ± {statistics.stdev(known):.{digits}f}"


def markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return a table as Markdown has it."""
    cells = [list(head), ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in cells)


def numbers(text: str) -> list[int]:
    """Parse whole numbers with commas between them, for argparse."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of whole numbers such as 8,16") from error


def options_of(given: Sequence[str]) -> dict[str, str]:
    """Return the key=value options of a recipe, or end with a sentence."""
    wrong = [option for option in given if "=" not in option]
    if wrong:
        raise SystemExit(f"--set takes key=value, not {wrong[0]!r}.")
    return dict(option.split("=", 1) for option in given)


def options_for(recipe: str, given: Sequence[str]) -> dict[str, str]:
    """Return those of the key=value options that the recipe knows."""
    from embtune.tuning.recipes import RECIPES

    known = {parameter.name for parameter in RECIPES[recipe].parameters}
    return {key: value for key, value in options_of(given).items() if key in known}


def named(recipe: str, options: dict[str, str]) -> str:
    """Return a recipe's name with what was set."""
    return " ".join([recipe, *(f"{key}={value}" for key, value in options.items())])


def say(text: str) -> None:
    """Tell progress where it does not mix with the result."""
    print(text, file=sys.stderr, flush=True)
