"""top_k of records on a circle, counted by hand."""

import json

import numpy as np
import pytest

from embtune.errors import BadInputError
from embtune.evaluation.topk import paired_difference, per_class, same_label_share, top_k


def on_circle(*degrees: float) -> np.ndarray:
    angle = np.radians(degrees)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)


FOUR = on_circle(0, 10, 90, 105)  # nearest: 1, 0, 3, 2


@pytest.mark.parametrize(
    ("labels", "expected"),
    [([0, 0, 1, 1], 1.0), ([0, 1, 0, 1], 0.0), ([0, 0, 1, 0], 0.5), ([7, 7, 7, 7], 1.0)],
)
def test_top_1_matches_hand_count(labels, expected):
    top = top_k(FOUR, np.array(labels), [1])
    assert top.mean == (expected,)
    assert top.n_records == 4


def test_larger_k_counts_further_neighbours():
    # Neighbours in order: 0: 1 2 3; 1: 0 2 3; 2: 3 1 0; 3: 2 1 0.
    top = top_k(FOUR, np.array([0, 0, 0, 1]), [1, 2, 3])
    assert top.per_query == pytest.approx(
        np.array([[1, 1, 2 / 3], [1, 1, 2 / 3], [0, 0.5, 2 / 3], [0, 0, 0]]), abs=1e-6
    )
    assert top.mean == pytest.approx((0.5, 0.625, 0.5))
    assert top.queries.tolist() == [0, 1, 2, 3]


def test_k_beyond_the_records_is_skipped_and_named():
    top = top_k(FOUR, np.array([0, 0, 1, 1]), [100, 3, 1, 4, 3])
    assert top.ks == (1, 3)
    assert top.skipped == (4, 100)
    assert top.per_query.shape == (4, 2)


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_records_score_nothing(n):
    top = top_k(FOUR[:n], np.zeros(n, dtype=np.int64), [1, 25])
    assert (top.ks, top.mean, top.low, top.skipped) == ((), (), (), (1, 25))
    assert len(top.queries) == n


def test_a_duplicate_counts_as_a_neighbour():
    top = top_k(on_circle(0, 0, 90, 91), np.array([0, 1, 1, 1]), [1])
    assert top.per_query[:, 0].tolist() == [0, 0, 1, 1]


def cloud(n: int = 300, noise: float = 0.6, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    rows = np.eye(3, 8)[labels] + rng.normal(0, noise, (n, 8))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), labels


def test_queries_are_drawn_without_replacement_and_by_the_seed():
    vectors, labels = cloud()
    top = top_k(vectors, labels, [5], n_queries=100, seed=1)
    assert len(np.unique(top.queries)) == 100
    again = top_k(vectors, labels, [5], n_queries=100, seed=1)
    assert (again.mean, again.low, again.high) == (top.mean, top.low, top.high)
    assert np.array_equal(again.queries, top.queries)
    assert not np.array_equal(top_k(vectors, labels, [5], n_queries=100, seed=2).queries, top.queries)


def test_a_query_scores_the_same_whoever_else_is_asked():
    vectors, labels = cloud()
    some = top_k(vectors, labels, [10], n_queries=50)
    every = top_k(vectors, labels, [10], n_queries=300)
    assert np.array_equal(every.per_query[some.queries], some.per_query)


def test_interval_is_that_of_the_mean_over_queries():
    vectors, labels = cloud()
    top = top_k(vectors, labels, [10])
    half = 1.96 * top.per_query[:, 0].std() / np.sqrt(len(top.queries))
    assert top.low[0] == pytest.approx(top.mean[0] - half, abs=0.3 * half)
    assert top.high[0] == pytest.approx(top.mean[0] + half, abs=0.3 * half)


def test_bad_questions_are_told_with_both_numbers():
    with pytest.raises(BadInputError, match="There are 4 vectors, but 3 labels"):
        top_k(FOUR, np.zeros(3), [1])
    with pytest.raises(BadInputError, match="k is 0"):
        top_k(FOUR, np.zeros(4), [0, 5])
    with pytest.raises(BadInputError, match="n_queries is 0"):
        top_k(FOUR, np.zeros(4), [1], n_queries=0)


def test_reports_queries():
    seen = []
    top_k(FOUR, np.zeros(4), [1], report=lambda *args: seen.append(args[:3]))
    assert seen == [(4, 4, "queries")]


def test_per_class_splits_by_the_query_and_is_ready_for_json():
    labels = np.array([0, 0, 0, 1])
    rows = per_class(top_k(FOUR, labels, [1, 2]), labels, ["a", "b", "never"])
    assert rows == [
        {"label": "a", "n_queries": 3, "top_k": {"1": pytest.approx(2 / 3), "2": pytest.approx(2.5 / 3)}},
        {"label": "b", "n_queries": 1, "top_k": {"1": 0.0, "2": 0.0}},
        {"label": "never", "n_queries": 0, "top_k": {"1": None, "2": None}},
    ]
    json.dumps(rows)


def test_same_label_share_counts_labelled_neighbours():
    assert same_label_share(np.array([1, 1, 2, 1]), 1) == 0.75
    assert same_label_share(np.array([1, -1, 2, -1]), 1) == 0.5
    assert np.isnan(same_label_share(np.array([-1, -1]), 1))


def test_paired_difference_is_a_minus_b_over_the_same_queries():
    labels = np.array([0, 0, 1, 1])
    good = top_k(FOUR, labels, [1])
    bad = top_k(FOUR[[0, 2, 1, 3]], labels, [1])
    difference = paired_difference(good, bad, 1)
    assert (difference.mean, difference.low, difference.high, difference.n) == (1, 1, 1, 4)
    none = paired_difference(good, good, 1)
    assert (none.mean, none.low, none.high) == (0, 0, 0)


def test_pairing_narrows_the_interval():
    clear, labels = cloud(noise=0.5)
    blurred, _ = cloud(noise=0.55)
    a, b = top_k(clear, labels, [10]), top_k(blurred, labels, [10])
    difference = paired_difference(a, b, 10)
    assert difference.mean == pytest.approx(a.mean[0] - b.mean[0])
    assert difference.low < difference.mean < difference.high
    assert difference.high - difference.low < (a.high[0] - a.low[0]) + (b.high[0] - b.low[0])


def test_scores_that_cannot_be_paired_are_refused():
    vectors, labels = cloud()
    a = top_k(vectors, labels, [5], n_queries=100, seed=1)
    b = top_k(vectors, labels, [5, 10], n_queries=100, seed=2)
    with pytest.raises(BadInputError, match=r"different queries.*100 and 100"):
        paired_difference(a, b, 5)
    with pytest.raises(BadInputError, match="k = 10 was not scored in the first of the two; scored are: 5"):
        paired_difference(a, b, 10)
