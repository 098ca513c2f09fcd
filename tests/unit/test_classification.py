"""Classifiers on classes that are plain to see, and scores counted by hand."""

import numpy as np
import pytest

from embtune.errors import BadInputError, TooFewLabelsError
from embtune.evaluation.classification import (
    cross_validated,
    logistic_regression,
    quick_model,
    score_predictions,
)
from embtune.evaluation.wilson import wilson

NAMES = ("left", "up", "right")


def fan(n_each: int = 20, n_classes: int = 3, noise: float = 5) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors around 180, 90 and 0 degrees, a few degrees of noise."""
    labels = np.tile(np.arange(n_classes), n_each)
    angle = np.radians(180 - 90 * labels + np.random.default_rng(0).normal(0, noise, len(labels)))
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32), labels


def test_scores_match_hand_count():
    #                    known: a a a b b c; c is never predicted.
    scores = score_predictions(np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 1, 0]), ("a", "b", "c"))
    assert scores.accuracy == pytest.approx(4 / 6)
    assert scores.confusion.tolist() == [[2, 1, 0], [0, 2, 0], [1, 0, 0]]
    a, b, c = scores.report
    assert (a.label, a.precision, a.recall, a.f1, a.support) == ("a", *[pytest.approx(2 / 3)] * 3, 3)
    assert (b.precision, b.recall, b.f1) == (pytest.approx(2 / 3), 1, pytest.approx(0.8))
    assert (c.precision, c.recall, c.f1, c.support) == (0, 0, 0, 1)
    assert scores.macro_f1 == pytest.approx((2 / 3 + 0.8 + 0) / 3)


def test_macro_f1_leaves_out_a_class_that_does_not_occur():
    assert score_predictions(np.array([0, 1]), np.array([0, 1]), ("a", "b", "c")).macro_f1 == 1


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    # 0 of 10: high = z^2 / (n + z^2) with z^2 = 3.8415.
    [(0, 10, 0, 0.2775), (10, 10, 0.7225, 1), (5, 10, 0.2366, 0.7634), (0, 0, 0, 1)],
)
def test_wilson_interval(right, n, low, high):
    assert wilson(right, n) == pytest.approx((low, high), abs=1e-4)


def test_logistic_regression_learns_what_is_plain():
    vectors, labels = fan()
    scores = logistic_regression(vectors[:30], labels[:30], vectors[30:], labels[30:], NAMES)
    assert scores.accuracy == 1
    assert scores.n == 30
    assert scores.labels == NAMES
    assert scores.low == pytest.approx(wilson(30, 30)[0])


def test_weights_decide_between_contradicting_labels():
    vectors, labels = fan(n_classes=2)
    both = np.vstack([vectors, vectors])
    contradicting = np.concatenate([labels, 1 - labels])
    weights = np.repeat([1.0, 0.1], len(labels))
    names = NAMES[:2]
    assert logistic_regression(both, contradicting, vectors, labels, names, weights=weights).accuracy == 1
    swapped = weights[::-1]
    assert logistic_regression(both, contradicting, vectors, labels, names, weights=swapped).accuracy == 0


def test_classes_unknown_in_training_are_scored_as_wrong():
    vectors, labels = fan()
    known = labels < 2
    scores = logistic_regression(vectors[known], labels[known], vectors, labels, NAMES)
    assert scores.accuracy == pytest.approx(2 / 3)
    assert scores.report[2].recall == 0


def test_cross_validation_predicts_every_record_once():
    vectors, labels = fan()
    scores = cross_validated(vectors, labels, NAMES)
    assert (scores.n, scores.accuracy) == (60, 1)
    assert cross_validated(vectors, labels, NAMES, seed=1).confusion.sum() == 60


def test_cross_validation_leaves_lone_records_out_and_cuts_the_folds():
    vectors, labels = fan(n_each=4)
    labels = np.where(labels == 2, 0, labels)
    labels[2] = 2  # a class of one
    scores = cross_validated(vectors, labels, NAMES)
    assert scores.n == 11
    assert scores.report[2].support == 0


def test_too_few_classes_are_refused_with_the_numbers():
    vectors, labels = fan()
    one = np.zeros(5, dtype=int)
    with pytest.raises(TooFewLabelsError, match="at least 2 classes; there are 5 labels of 1"):
        logistic_regression(vectors[:5], one, vectors, labels, NAMES)
    with pytest.raises(TooFewLabelsError, match="tested on, and there are 0"):
        logistic_regression(vectors, labels, vectors[:0], labels[:0], NAMES)
    with pytest.raises(TooFewLabelsError, match=r"2 classes with at least 2 .* there are 1"):
        cross_validated(vectors[:4], np.array([0, 0, 1, 2]), NAMES)
    with pytest.raises(TooFewLabelsError, match="at least 1 labelled record"):
        quick_model(vectors, np.empty(0, dtype=int), np.empty(0, dtype=int), 3)


def test_bad_input_is_told_with_both_numbers():
    vectors, labels = fan()
    with pytest.raises(BadInputError, match="60 training records, but 59 labels"):
        logistic_regression(vectors, labels[1:], vectors, labels, NAMES)
    with pytest.raises(BadInputError, match="Label 2 is no class: there are 2"):
        cross_validated(vectors, labels, NAMES[:2])
    with pytest.raises(BadInputError, match="Label -1 is no class"):
        quick_model(vectors, np.array([0, 1]), np.array([0, -1]), 3)
    with pytest.raises(BadInputError, match="3 weights for 60 training records"):
        logistic_regression(vectors, labels, vectors, labels, NAMES, weights=np.ones(3))
    with pytest.raises(BadInputError, match="folds is 1"):
        cross_validated(vectors, labels, NAMES, folds=1)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_quick_model_predicts_every_record_from_a_few(n_classes):
    vectors, labels = fan(n_classes=n_classes)
    rows = np.arange(3 * n_classes)
    predicted, probability = quick_model(vectors, rows, labels[rows], 3)
    assert np.array_equal(predicted, labels)
    assert probability.dtype == np.float32
    assert ((probability > 1 / n_classes) & (probability <= 1)).all()


def test_quick_model_is_less_sure_between_classes():
    vectors, labels = fan(n_classes=2, noise=0)
    between = np.array([[np.cos(np.radians(135)), np.sin(np.radians(135))]], dtype=np.float32)
    _, probability = quick_model(np.vstack([vectors, between]), np.arange(40), labels, 2)
    assert probability[-1] == pytest.approx(0.5, abs=0.02)
    assert probability[-1] < probability[:-1].min()


def test_quick_model_of_one_class_orders_by_closeness():
    angle = np.radians([0, 0, 90, 180])
    vectors = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    predicted, closeness = quick_model(vectors, np.array([0, 1]), np.array([4, 4]), 5)
    assert predicted.tolist() == [4, 4, 4, 4]
    assert closeness == pytest.approx([1, 1, 0.5, 0], abs=1e-6)


def test_quick_model_learns_from_a_part_of_very_many_labels(monkeypatch):
    monkeypatch.setattr("embtune.evaluation.classification._QUICK_NUMBERS", 90)
    vectors, labels = fan(n_each=100)
    labels[5] = 2
    first = quick_model(vectors, np.arange(300), labels, 3)
    again = quick_model(vectors, np.arange(300), labels, 3)
    assert (first[0] == np.tile([0, 1, 2], 100)).all()
    assert np.array_equal(first[1], again[1])
