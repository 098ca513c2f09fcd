"""Probabilities that can be believed: reliability, temperature scaling, pooling."""

import numpy as np
import pytest

from embtune.evaluation.calibration import fit_exponents, pooled, reliability


def test_reliability_matches_a_count_by_hand():
    # Two of 0.95 (both right), four of 0.62 (one right): gaps 0.05 and 0.37.
    found = reliability(np.array([0.95, 0.95, 0.62, 0.62, 0.62, 0.62]), np.array([1, 1, 1, 0, 0, 0], bool))
    unsure, sure = found.bins
    assert (unsure.n, unsure.right, unsure.confidence) == (4, 0.25, pytest.approx(0.62))
    assert (sure.start, sure.stop, sure.n, sure.right) == (0.9, 1.0, 2, 1.0)
    assert found.error == pytest.approx((4 * 0.37 + 2 * 0.05) / 6)
    assert found.accuracy == pytest.approx(0.5)
    assert found.confidence == pytest.approx((2 * 0.95 + 4 * 0.62) / 6)


def test_each_bin_has_its_wilson_interval():
    # 8 of 10: (0.8 + 1.92073/10 ± 1.96 sqrt(0.016 + 0.0960365/10)) / (1 + 3.84146/10), worked out by hand.
    only = reliability(np.full(10, 0.8), np.arange(10) < 8).bins[0]
    assert only.low == pytest.approx(0.4902, abs=1e-4)
    assert only.high == pytest.approx(0.9433, abs=1e-4)


def test_a_confidence_of_one_belongs_to_the_last_bin_and_an_edge_to_the_bin_above():
    found = reliability(np.array([1.0, 0.3]), np.array([True, False]))
    assert [(one.start, one.n) for one in found.bins] == [(0.3, 1), (0.9, 1)]


def test_no_prediction_is_an_error():
    with pytest.raises(ValueError, match="There are 0 confidences for 0 answers"):
        reliability(np.empty(0), np.empty(0, bool))


def test_temperature_scaling_finds_the_temperature_that_the_scores_were_made_with():
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 2, (6000, 4))
    labels = (logits + generator.gumbel(size=logits.shape)).argmax(axis=1)  # draws from their softmax
    too_sure = 2.5 * logits
    (exponent,) = fit_exponents([too_sure], labels, start=(1.0,))
    assert 1 / exponent == pytest.approx(2.5, rel=0.05)
    found = pooled([too_sure], (exponent,))
    right = found.argmax(axis=1) == labels
    assert reliability(found.max(axis=1), right).error < 0.02
    assert reliability(pooled([too_sure], (1.0,)).max(axis=1), right).error > 0.08


def test_a_part_that_knows_nothing_hardly_counts():
    generator = np.random.default_rng(1)
    logits = generator.normal(0, 2, (2000, 3))
    labels = (logits + generator.gumbel(size=logits.shape)).argmax(axis=1)
    good, noise = fit_exponents([logits, generator.normal(0, 2, logits.shape)], labels, start=(1.0, 1.0))
    assert good == pytest.approx(1.0, rel=0.15)
    assert noise < 0.1


def test_without_labels_the_exponents_stay_where_they_start():
    assert fit_exponents([np.empty((0, 3))], np.empty(0, np.int64), start=(2.0,)) == pytest.approx((2.0,))


def test_pooling_multiplies_and_normalises():
    first, second = np.log([[0.8, 0.2]]), np.log([[0.6, 0.4]])
    assert pooled([first, second], (1.0, 1.0))[0, 0] == pytest.approx(0.48 / (0.48 + 0.08))
    assert pooled([first], (2.0,))[0, 0] == pytest.approx(0.64 / 0.68)
