"""The parts of the benchmarks that decide whether a figure is fair."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))

    def load(name):
        spec = importlib.util.spec_from_file_location(f"benchmark_{name}", FOLDER / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        return module

    return load


def test_a_random_draw_holds_every_class_and_as_many_labels_as_asked(benchmark):
    labels = ["common"] * 97 + ["rare", "rarer", "rarest"]
    for seed in range(5):
        drawn = benchmark("corpus").draw_random(labels, 8, seed)
        assert len(set(drawn.tolist())) == 8
        assert {labels[i] for i in drawn} == set(labels)


def test_a_draw_by_class_takes_all_of_a_class_that_has_fewer(benchmark):
    labels = ["a"] * 10 + ["b"] * 2
    drawn = benchmark("corpus").draw_per_class(labels, 3, 0)
    assert [labels[i] for i in drawn] == ["a"] * 3 + ["b"] * 2


def test_pairs_of_setfit_are_half_alike_and_never_a_text_with_itself_where_it_has_company(benchmark):
    labels = np.array(["a", "a", "b", "b", "b", "alone"])
    left, right, same = benchmark("setfit_baseline").contrastive_pairs(labels, iterations=4, seed=0)
    assert len(left) == 2 * 4 * 6
    assert same.mean() == 0.5
    assert ((labels[left] == labels[right]) == (same == 1)).all()
    assert set(left[left == right].tolist()) == {5}


def test_known_texts_are_not_encoded_again(benchmark):
    known = np.eye(3, dtype=np.float32)[:2]

    class Encoder:
        def encode(self, texts):
            assert texts == ["new"]
            return np.array([[0.0, 0.0, 1.0]], dtype=np.float32)

    class Project:
        def encoder(self, model, device):
            return Encoder()

    project = Project()
    benchmark("vectors").remember(project, ["one", "two"], known)
    encoder = project.encoder(None, None)
    assert encoder.encode(["two", "new", "one"]).tolist() == [[0, 1, 0], [0, 0, 1], [1, 0, 0]]


def test_shares_count_the_neighbours_of_those_who_ask(benchmark):
    # Four points on a circle: 0 and 1 are close, 2 and 3 are close; record 1 is labelled like the far pair.
    angles = np.deg2rad([0, 10, 90, 105])
    vectors = np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)
    labels = np.array([0, 1, 1, 1])
    found = benchmark("unseen").shares(vectors, labels, np.array([0, 3]), (1, 3))
    assert found == {"1": 0.5, "3": round((0 + 2 / 3) / 2, 4)}
