"""What the benchmarks share: the published experiment's files as a project, and the machine's size."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

TEMPLATE = "{Title}. {Description}"
LABELLED = ("train.json", "val.json")
REFERENCE = "test.json"


def seed_folder(folder: Path) -> Path:
    """Return the folder that holds train.json, val.json and test.json, or end with a sentence."""
    if not (folder / REFERENCE).is_file() and (folder / "ag_news_seed").is_dir():
        folder = folder / "ag_news_seed"
    absent = [name for name in (*LABELLED, REFERENCE) if not (folder / name).is_file()]
    if absent:
        raise SystemExit(f"There is no {absent[0]} in {folder}: give the folder ag_news_seed.")
    return folder


def seed_project(folder: Path, *, vectors: Path | None = None) -> tuple[Any, dict[str, Any]]:
    """Import and embed the experiment's 20,000 records through the public API; return project and figures.

    A project that is there already is used as it is. `vectors` spares the encoding.
    """
    import embtune

    project = embtune.open("seed")
    for name in LABELLED:
        project.import_records(folder / name, text=TEMPLATE, label_field="label")
    project.import_records(folder / REFERENCE, text=TEMPLATE, reference_field="label")
    embedded = project.embed(vectors=vectors) if vectors else project.embed()
    return project, embedded


def machine() -> dict[str, Any]:
    """Return what a figure depends on: cores, memory, versions."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = (
        os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3 if os.name == "posix" else None
    )
    names = (
        "torch",
        "sentence-transformers",
        "quaterion",
        "pytorch-lightning",
        "streamlit",
        "plotly",
        "numpy",
    )
    return {
        "cores": cores,
        "memory_gib": round(memory) if memory else None,
        "python": platform.python_version(),
        "versions": {name: version(name) for name in names},
    }


def say(text: str) -> None:
    """Tell progress where it does not mix with the result."""
    print(text, file=sys.stderr, flush=True)
