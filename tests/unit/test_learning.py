"""The learning curve: nested subsets, nothing trained on is measured, and a gain one can rely on."""

import json

import numpy as np
import pytest

from embtune.errors import BadInputError, TooFewLabelsError
from embtune.evaluation.learning import (
    blended,
    logistic_scores,
    measure_curve,
    nested_draws,
    subset_sizes,
)
from embtune.evaluation.power_law import (
    ENOUGH,
    GO_ON,
    SLOWING,
    TOO_FEW,
    Gain,
    PowerLaw,
    advice,
    expected_gain,
    fit_power_law,
    spread,
)
from embtune.jobs.runner import run
from embtune.store.jobs import create_job
from embtune.work.learning import known_learning_curve


@pytest.mark.parametrize(
    ("n", "n_classes", "expected"),
    [
        (256, 4, (8, 16, 32, 64, 128, 256)),
        (40, 4, (8, 12, 18, 27, 40)),  # half as many labels would leave too few sizes
        (7, 2, ()),
        (600, 150, (178, 267, 400, 600)),  # at least one for each class
    ],
)
def test_sizes_roughly_double_up_to_all_labels(n, n_classes, expected):
    assert subset_sizes(n, n_classes) == expected


def test_a_subset_of_one_class_gets_a_record_of_another():
    labels = np.array([0] * 99 + [1])
    for order in nested_draws(labels, (8, 16, 32, 64, 100), 20, seed=0):
        assert sorted(order.tolist()) == list(range(100))
        assert len(set(labels[order[:8]].tolist())) == 2


def test_blended_rows_are_of_unit_length_and_raw_counts_half():
    row = blended(np.array([[1.0, 0.0]]), np.array([[0.0, 0.5]]))
    assert row[0] == pytest.approx([0.5**0.5, 0, 0, 0.5**0.5])


def test_scores_of_a_class_without_a_label_are_zero():
    vectors = np.eye(4, dtype=np.float32)
    scores = logistic_scores(vectors, np.array([0, 3]), np.array([0, 2]), 3, 0)
    assert scores.shape == (4, 3)
    assert scores[:, 1].tolist() == [0, 0, 0, 0]
    assert scores.argmax(axis=1)[[0, 3]].tolist() == [0, 2]


def test_the_power_law_that_made_the_scores_is_found_again():
    sizes = np.array([8, 16, 32, 64, 128, 256])
    made = PowerLaw(0.9, 1.2, 0.6)
    found = fit_power_law(sizes, made(sizes))
    assert found(512) == pytest.approx(0.9 - 1.2 * 512**-0.6, abs=1e-3)
    assert found.a == pytest.approx(0.9, abs=0.005)


def test_a_curve_that_falls_is_taken_for_flat_not_for_one_that_rises():
    law = fit_power_law([8, 16, 32, 64], [0.8, 0.79, 0.78, 0.77])
    assert law(84) - law(64) == pytest.approx(0, abs=0.002)


def with_means(means, draws=5, m=400, seed=0):
    """Scores of `m` records, right with the probability of each size."""
    drawn = np.random.default_rng(seed).random((1, draws, m))
    return (drawn < np.asarray(means)[:, None, None]).astype(np.float32)


def test_the_expected_gain_is_that_of_the_law_and_within_its_interval():
    sizes, law = (8, 16, 32, 64, 128), PowerLaw(0.9, 1.0, 0.5)
    gain = expected_gain(sizes, with_means(law(np.array(sizes))), n_bootstrap=50)
    true = float(law(148) - law(128))
    assert gain.low <= true <= gain.high
    assert gain.mean == pytest.approx(true, abs=0.004)


def test_three_sizes_are_too_few_for_a_curve():
    assert expected_gain((8, 12, 18), with_means([0.5, 0.6, 0.7])) is None


@pytest.mark.parametrize(
    ("gains", "word"),
    [
        ([Gain(20, 0.0005, 0, 0.002), Gain(20, 0.0001, 0, 0.001)], ENOUGH),
        ([Gain(20, 0.0005, 0, 0.002), Gain(20, 0.004, 0.002, 0.006)], SLOWING),
        ([Gain(20, 0.02, 0.01, 0.03), Gain(20, 0.004, 0.002, 0.006)], GO_ON),
        ([Gain(20, 0.02, -0.01, 0.08), Gain(20, 0.004, 0.002, 0.006)], TOO_FEW),
        ([None, None], TOO_FEW),
    ],
)
def test_the_word_follows_the_score_that_has_most_to_gain(gains, word):
    assert advice(gains) == word


def test_the_interval_lies_around_the_mean_and_is_wider_where_draws_differ():
    scores = np.stack([np.full((4, 50), 0.5), np.repeat([[0.2], [0.4], [0.6], [0.8]], 50, axis=1)])
    mean, low, high = spread(scores.astype(np.float32))
    assert mean == pytest.approx([0.5, 0.5])
    assert high[0] - low[0] == pytest.approx(0, abs=1e-6)
    assert low[1] < 0.5 < high[1]


def test_every_model_sees_only_its_subset_and_never_a_measured_record():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(60, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    labels = np.arange(60) % 2
    seen = []

    def fit(_vectors, rows, known, n_classes, _seed):
        seen.append(set(rows.tolist()))
        assert (known == labels[rows]).all()
        return np.tile([1.0, 0.0], (60, 1))  # always the first class

    trained, measured = np.arange(40), np.arange(40, 60)
    curve = measure_curve(
        vectors, trained, labels[:40], measured, labels[40:], 2, 3, fit=fit, draws=3, seed=1
    )
    assert curve.sizes == (8, 12, 18, 27, 40)
    assert [len(one) for one in seen] == [8, 8, 8, 12, 12, 12, 18, 18, 18, 27, 27, 27, 40]
    assert not set.union(*seen) & set(measured.tolist())
    assert all(any(small < large for large in seen) for small in seen[:3])  # nested
    assert curve.accuracy.shape == (5, 3, 20)
    assert curve.accuracy.mean() == 0.5


def test_a_record_trained_and_measured_on_is_refused():
    with pytest.raises(BadInputError, match="trained and measured on"):
        measure_curve(np.eye(4), np.array([0, 1]), np.array([0, 1]), np.array([1, 2]), np.array([0, 1]), 2, 1)


def test_one_class_is_too_few():
    with pytest.raises(TooFewLabelsError, match="9 labels of 1 class "):
        measure_curve(np.eye(12), np.arange(9), np.zeros(9, int), np.array([10]), np.array([0]), 2, 1)


# ---- of a project ------------------------------------------------------------------------------


def test_a_project_gets_its_curve_once_and_anew_when_labels_change(project, label_rows):
    label_rows(project, np.arange(40))
    assert known_learning_curve(project) == (None, False)
    job = run(project, create_job(project.db, project.id, "learning_curve", {"draws": 2}))
    assert job.state == "done", job.error
    found = job.result
    json.dumps(found)
    assert (found["n_labels"], found["n_measured"]) == (40, 20)  # reference labels that are not learned from
    assert found["measured_on"] == "reference labels"
    assert [point["n"] for point in found["points"]] == [8, 12, 18, 27, 40]
    assert found["points"][-1]["accuracy"]["mean"] > 0.9
    known, fresh = known_learning_curve(project, draws=2)
    assert fresh
    assert known == found
    label_rows(project, [41])
    assert known_learning_curve(project, draws=2) == (found, False)


def test_too_few_labels_are_told(project):
    with pytest.raises(TooFewLabelsError, match="0 labels of 0 classes"):
        project.learning_curve()
