"""Ways to score classes, and the folds that compare them."""

import warnings

import numpy as np
import pytest

from embtune.neighbors.exact import nearest
from embtune.tuning import class_scores
from embtune.tuning.class_scores import NEAR, PropagationScores, Way, Workbench, label_folds
from embtune.tuning.data import TrainingSet

REGRESSION, PROPAGATION = Way("regression", "raw"), Way("propagation", "raw")


def bench_of(labels, n_classes, n_each=20, dimensions=6):
    """A workbench over noisy axes, row i near axis i % n_classes; `labels` is {row: class}."""
    rng = np.random.default_rng(0)
    n = n_each * n_classes
    vectors = 0.3 * rng.normal(size=(n, dimensions)) + np.eye(dimensions)[np.arange(n) % n_classes]
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    training = TrainingSet(
        rows=np.array(list(labels), dtype=np.int64),
        labels=np.array(list(labels.values()), dtype=np.int64),
        weights=np.ones(len(labels), dtype=np.float32),
        names=tuple(f"class {i}" for i in range(n_classes)),
    )
    asked = []

    def view(name):
        asked.append(name)
        return vectors

    return Workbench(view, training)


def some_labels(n_classes, n_each):
    return {row: row % n_classes for row in range(n_classes * n_each)}


# ---- folds -----------------------------------------------------------------------------------


def test_every_label_is_held_out_once_in_every_repeat():
    labels = np.repeat([0, 1, 2], [7, 5, 3])
    folds = label_folds(labels, seed=0, repeats=4)
    assert len(folds) == 12
    held = np.bincount(np.concatenate([held for _, held in folds]), minlength=15)
    assert held.tolist() == [4] * 15
    for kept, out in folds:
        assert sorted([*kept, *out]) == list(range(15))


def test_every_class_is_spread_evenly_over_the_folds():
    labels = np.repeat([0, 1], [30, 6])
    for _, held in label_folds(labels, seed=1, repeats=2):
        assert np.bincount(labels[held]).tolist() == [10, 2]


def test_a_class_with_a_single_label_always_keeps_it():
    labels = np.array([0, 0, 0, 1, 2, 2])
    folds = label_folds(labels, seed=0, repeats=5)
    assert all(3 in kept and 3 not in held for kept, held in folds)
    for kept, _ in folds:
        assert set(labels[kept].tolist()) == {0, 1, 2}


def test_single_labels_alone_give_no_folds():
    assert label_folds(np.arange(5), seed=0) == []
    assert label_folds(np.zeros(0, dtype=np.int64), seed=0) == []


@pytest.mark.parametrize(("n", "repeats"), [(4, 5), (100, 5), (200, 2), (5000, 1)])
def test_few_labels_are_held_out_more_often(n, repeats):
    labels = np.arange(n) % 2
    assert sum(len(held) for _, held in label_folds(labels, seed=0)) == n * repeats


def test_equal_seeds_give_equal_folds_and_others_others():
    labels = np.arange(60) % 3
    first, again, other = (label_folds(labels, seed=seed) for seed in (0, 0, 1))
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a[1], b[1]) for a, b in zip(first, other, strict=True))


# ---- regression ------------------------------------------------------------------------------


@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_a_regression_scores_every_class_with_probabilities(n_classes):
    bench = bench_of(some_labels(n_classes, 6), n_classes)
    weight, bias = bench.regression(REGRESSION, np.arange(6 * n_classes))
    assert (weight.shape, bias.shape) == ((n_classes, 6), (n_classes,))
    scores = bench.score(REGRESSION, np.arange(6 * n_classes))
    assert scores.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert (scores.argmax(axis=1) == np.arange(len(scores)) % n_classes).mean() > 0.9


def test_two_classes_get_what_scikit_learn_gives():
    from sklearn.linear_model import LogisticRegression

    bench = bench_of(some_labels(2, 6), 2)
    vectors = bench.view("raw")
    model = LogisticRegression(C=1.0, class_weight="balanced", tol=1e-3).fit(vectors[:12], np.arange(12) % 2)
    found = bench.score(REGRESSION, np.arange(12))
    assert found == pytest.approx(model.predict_proba(vectors), abs=1e-4)


@pytest.mark.parametrize("present", [[0, 2], [1, 2], [0, 1, 2]])
def test_a_class_that_no_label_of_the_fold_names_is_never_predicted(present):
    labels = {row: row % 4 for row in range(24)}
    bench = bench_of(labels, 4)
    places = np.flatnonzero(np.isin(np.arange(24) % 4, present))
    scores = bench.score(REGRESSION, places)
    absent = [c for c in range(4) if c not in present]
    assert scores.shape == (80, 4)
    assert scores[:, absent].max() < 1e-6
    right = np.isin(np.arange(80) % 4, present)
    assert (scores.argmax(axis=1) == np.arange(80) % 4)[right].mean() > 0.9


def test_one_class_alone_is_predicted_everywhere():
    bench = bench_of(some_labels(3, 4), 3)
    places = np.flatnonzero(np.arange(12) % 3 == 1)
    scores = bench.score(REGRESSION, places)
    assert scores[:, 1] == pytest.approx(1, abs=1e-6)


def test_a_stop_of_the_solver_warns_nobody(monkeypatch):
    monkeypatch.setattr(class_scores, "_STEPS", 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bench_of(some_labels(3, 4), 3).score(REGRESSION, np.arange(12))


# ---- both ways -------------------------------------------------------------------------------


@pytest.mark.parametrize("way", [REGRESSION, PROPAGATION, Way("propagation", "raw", NEAR)])
def test_asking_for_some_rows_gives_those_of_all(way):
    bench = bench_of(some_labels(3, 2), 3)
    every, wanted = np.arange(6), np.array([50, 3, 17])
    assert bench.score(way, every, wanted) == pytest.approx(bench.score(way, every)[wanted], abs=1e-6)


def test_propagation_learns_from_the_labels_it_is_given_alone():
    bench = bench_of({0: 0, 1: 1, 4: 1}, 2)  # row 4 lies among class 0
    without = bench.score(PROPAGATION, np.array([0, 1]))
    with_it = bench.score(PROPAGATION, np.array([0, 1, 2]))
    assert without[4].argmax() == 0
    assert with_it[4, 1] > without[4, 1]


def test_a_graph_is_made_once():
    bench = bench_of(some_labels(3, 2), 3)
    assert bench.graph("raw") is bench.graph("raw")


@pytest.mark.parametrize("way", [REGRESSION, PROPAGATION])
def test_the_rule_for_new_records_agrees_with_the_scores_of_known_ones(way):
    bench = bench_of(some_labels(3, 4), 3)
    scores = bench.score(way, np.arange(12))
    rule = bench.scorer(way, scores, seed=0)
    assert (rule(bench.view("raw")).argmax(axis=1) == scores.argmax(axis=1)).mean() > 0.95


def test_of_many_known_records_a_sample_by_the_seed_is_kept(monkeypatch):
    monkeypatch.setattr(class_scores, "MOST_LANDMARKS", 10)
    bench = bench_of(some_labels(3, 4), 3)
    scores = bench.score(PROPAGATION, np.arange(12))
    first, again, other = (bench.scorer(PROPAGATION, scores, seed=seed) for seed in (0, 0, 1))
    assert first.landmarks.shape == (10, 6)
    assert first.scores.shape == (10, 3)
    assert np.array_equal(first.landmarks, again.landmarks)
    assert not np.array_equal(first.landmarks, other.landmarks)


def test_propagation_as_a_function_gives_the_same_and_keeps_the_graph_of_the_last_vectors(monkeypatch):
    bench = bench_of(some_labels(3, 4), 3)
    vectors, rows, labels = bench.view("raw"), np.arange(12), np.arange(12) % 3
    expected = bench.score(PROPAGATION, rows)
    made = []
    monkeypatch.setattr(
        class_scores, "nearest", lambda given, k: made.append(len(given)) or nearest(given, k)
    )
    score = PropagationScores()
    assert score(vectors, rows, labels, 3, 0) == pytest.approx(expected, abs=1e-6)
    score(vectors, rows[:6], labels[:6], 3, 0)
    assert made == [60]
    score(vectors[:30].copy(), rows, labels, 3, 0)
    assert made == [60, 30]


@pytest.mark.parametrize(
    ("way", "title"),
    [
        (PROPAGATION, "propagation over raw vectors"),
        (Way("propagation", "words", NEAR), "near propagation over vectors and words"),
        (
            Way("regression", "encoder words", c=10.0),
            "logistic regression (C = 10) on the tuned encoder's vectors and words",
        ),
    ],
)
def test_a_way_is_named_as_people_read_it(way, title):
    assert way.title == title
