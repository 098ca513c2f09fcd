"""What several unit tests share: labels by text, and a recipe that tunes in no time."""

import json
import sys

import numpy as np
import pytest

from embtune import cli
from embtune.tuning.export import Head, apply_head, head_affine
from embtune.tuning.head_model import HeadModel
from embtune.tuning.recipes import RECIPES
from embtune.tuning.recipes.base import Parameter, Recipe, Tuned
from tests.conftest import synthetic


def keeping(columns, size):
    """A head that keeps some columns of the vectors and empties the others."""
    wanted = np.diag([1.0 if i in columns else 0.0 for i in range(size)])
    return Head(
        config={"input_embedding_size": size, "n_layers": 1, "dropout": 0.0, "skip_dropout": 0.0},
        state={
            "gates_0": np.full(size, 50, dtype=np.float32),  # sigmoid: 1
            "fc_0.weight": (wanted - np.eye(size)).astype(np.float32),
            "fc_0.bias": np.zeros(size, dtype=np.float32),
        },
    )


@pytest.fixture
def axes(monkeypatch):
    """A recipe in no time: `keep=signal` keeps the classes' axes, `all` everything, `noise` the rest."""
    seen = []

    def fit(vectors, training, *, parameters, seed, device, report, corpus=None):
        seen.append(training)
        size = vectors.shape[1]
        columns = {"signal": range(3), "all": range(size), "noise": range(3, size)}[parameters["keep"]]
        head = keeping(set(columns), size)
        report(1, 1, "epochs", "training", {"curve": [{"epoch": 1, "train_loss": 0.5}]})
        return Tuned(
            vectors=apply_head(vectors, *head_affine(head)),
            parameters=dict(parameters),
            seed=seed,
            seconds=0.01,
            device=device.name,
            curve=({"epoch": 1, "train_loss": 0.5},),
            best_epoch=1,
            stopped="max epochs",
            warnings=(),
            libraries={},
            model=HeadModel(head),
        )

    keep = Parameter("keep", "signal", "What is kept.", choices=("signal", "all", "noise"))
    monkeypatch.setitem(RECIPES, "axes", Recipe("axes", "Axes", "", "", (keep,), fit))
    return seen


@pytest.fixture
def label_rows():
    """A function that gives rows the label that their text begins with."""
    return _label_rows


def _label_rows(project, rows, source="manual", **options):
    names = {name: [] for name in ("Alpha", "Beta", "Gamma")}
    for record in project.records(rows):
        names[record.text.split()[0]].append(record.row)
    for name, chosen in names.items():
        if all(label.name != name for label in project.labels):
            project.add_label(name)
        if chosen:
            project.label(chosen, name, source=source, **options)


@pytest.fixture
def faint_project(home, tmp_path):
    """Like `project`, but with the classes' axes under so much noise that keeping those alone is better."""
    import embtune

    rows, vectors = synthetic(dim=768)
    np.save(tmp_path / "vectors.npy", vectors)
    made = embtune.open("demo")
    made.import_records(
        json.dumps(rows).encode(), name="demo.json", text="{title}. {body}", reference_field="topic"
    )
    made.embed(vectors=tmp_path / "vectors.npy")
    return made


@pytest.fixture
def run(monkeypatch, capfd):
    """Run a command line in this process: `run("status", "demo")` gives (exit status, stdout, stderr)."""

    def command(*words):
        monkeypatch.setattr(sys, "argv", ["embtune", *map(str, words)])
        status = 0
        try:
            cli.main()
        except SystemExit as leaving:
            status = leaving.code or 0
        out, err = capfd.readouterr()
        return status, out, err

    return command


@pytest.fixture
def answer(run):
    """Run a command with `--json`, and return the one object it prints."""

    def command(*words):
        status, out, err = run(*words, "--json")
        assert status == 0, err
        assert out.count("\n") == 1  # one object, nothing else
        return json.loads(out)

    return command
