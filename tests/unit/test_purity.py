"""The estimated purity of a selection and its interval."""

import numpy as np
import pytest
from scipy.stats import beta

from embtune.evaluation.purity import PRIOR, SIZES, as_if_typical, estimate_purity, learn_from_held_out


def test_interval_is_the_beta_distribution_out_to_whole_records():
    # Four records of 0.8: variance 0.16/4 of draws + 0.16 * (0.1 + 1/100) = 0.0576; 0.16/0.0576 - 1 = 1.7778.
    found = estimate_purity(np.full(4, 0.8), correlation=0.1, n_labels=99)
    low, high = beta.ppf([0.025, 0.975], 0.8 * 1.77778, 0.2 * 1.77778)
    assert found.share == pytest.approx(0.8)
    assert 0.0 < low < 0.25 < 0.75 < high < 1.0
    assert (found.low, found.high) == (0.0, 1.0)  # out to whole records of four


def test_records_seen_inside_count_as_draws_besides():
    # As above, and 12 looked at, 6 right: (0.8 * 1.7778 + 6) / (1.7778 + 12).
    found = estimate_purity(np.full(4, 0.8), correlation=0.1, n_labels=99, seen=12, seen_right=6)
    assert found.share == pytest.approx((0.8 * 1.77778 + 6) / 13.77778, abs=1e-4)


def test_more_records_more_labels_and_errors_that_average_out_make_it_narrower():
    def width(n, **options):
        found = estimate_purity(np.full(n, 0.9), **options)
        return found.high - found.low

    assert width(1000, correlation=0.1, n_labels=50) < width(20, correlation=0.1, n_labels=50)
    assert width(1000, correlation=0.02, n_labels=50) < width(1000, correlation=0.1, n_labels=50)
    assert width(1000, correlation=0.1, n_labels=500) < width(1000, correlation=0.1, n_labels=5)
    assert width(1000, correlation=0.1, n_labels=500) > 0.2  # of errors in common, no number is enough


def test_nothing_is_surer_than_the_labels_it_rests_on():
    few = estimate_purity(np.ones(500), correlation=0.0, n_labels=3)
    many = estimate_purity(np.ones(500), correlation=0.0, n_labels=3000)
    assert few.low < 0.8 < 0.99 < many.low
    assert many.high <= 1.0


def test_answers_to_hard_records_do_not_count_against_the_easy_ones():
    # Two answers, of which 0.6 each was expected, one right: 0.2 less than expected of 2 * 0.9.
    assert as_if_typical(np.array([True, False]), np.array([0.6, 0.6]), 0.9) == pytest.approx(1.6)
    assert as_if_typical(np.array([True, True]), np.array([0.1, 0.1]), 0.9) == 2.0


def _places(alike, n_places=60, n_each=5, seed=0):
    """Five labels at each of some places, predicted at a half; the errors of a place are alike, or not."""
    generator = np.random.default_rng(seed)
    places = np.linalg.qr(generator.normal(size=(64, n_places)))[0].T.repeat(n_each, axis=0)
    labels = (
        generator.integers(0, 2, n_places).repeat(n_each) if alike else generator.integers(0, 2, len(places))
    )
    folds = np.arange(n_places).repeat(n_each) % 5
    return places.astype(np.float32), np.full((len(places), 2), 0.5), labels, folds


def test_errors_that_go_together_at_a_place_are_found():
    found = learn_from_held_out(*_places(alike=True), n_blocks=60)
    # Neighbourhoods of 3 out of 5 alike: 300 pairs of correlation 1 beside the 50 of the prior.
    assert found.correlation[SIZES.index(3)] == pytest.approx((300 + 50 * PRIOR) / 350)
    # Those of 40 hold eight places, which have nothing to do with each other.
    assert found.correlation[SIZES.index(40)] < 0.3


def test_errors_of_their_own_do_not_go_together():
    found = learn_from_held_out(*_places(alike=False), n_blocks=60)
    assert (found.correlation <= PRIOR).all()


def test_without_neighbourhoods_the_prior_stands():
    found = learn_from_held_out(
        np.eye(3, dtype=np.float32), np.full((3, 2), 0.5), np.array([0, 1, 1]), np.arange(3), n_blocks=3
    )
    assert found.correlation_of(0.01) == PRIOR


def test_what_is_farther_from_all_labels_than_anything_held_out_was_not_tested():
    vectors, *others = _places(alike=False)
    found = learn_from_held_out(vectors, *others, n_blocks=60)
    assert found.untested(vectors[:10]) == 0.0
    assert found.untested(-vectors.sum(axis=0, keepdims=True)) == 1.0


def test_of_what_was_not_tested_little_is_believed():
    found = estimate_purity(np.full(200, 0.95), correlation=0.02, n_labels=500, untested=1.0)
    assert found.share == pytest.approx(0.475)
    assert found.low == 0.0
    assert found.high == 1.0
    partly = estimate_purity(np.full(200, 0.95), correlation=0.02, n_labels=500, untested=0.3)
    surely = estimate_purity(np.full(200, 0.95), correlation=0.02, n_labels=500)
    assert partly.low < surely.low - 0.1


def test_models_that_disagree_make_it_wider():
    # A jackknife of two: (1/2) * (0.1^2 + 0.1^2) = 0.01 more variance.
    agreed = estimate_purity(np.full(1000, 0.5), correlation=0.0, n_labels=1e6, without=[0.5, 0.5])
    apart = estimate_purity(np.full(1000, 0.5), correlation=0.0, n_labels=1e6, without=[0.4, 0.6])
    assert agreed.high - agreed.low < 0.07
    assert apart.high - apart.low == pytest.approx(4 * 0.1, rel=0.1)
