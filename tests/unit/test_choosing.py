"""Choosing between ways to score classes, by figures counted by hand."""

import numpy as np
import pytest

from embtune.tuning.choosing import Trial, choose

LABELS = np.zeros(100, dtype=np.int64)
EACH_ONCE = np.arange(100)
EVEN = np.ones(100)


def trial(name, n_right=None, *, predicted=None, elsewhere=0, n_folds=1, is_mean=False):
    """A way that has the first `n_right` of 100 labels right, and differs on `elsewhere` of 100 others."""
    if predicted is None:
        predicted = (np.arange(100) >= n_right).astype(np.int64)
    others = np.tile((np.arange(100) < elsewhere).astype(np.int64), (n_folds, 1))
    return Trial(name, np.asarray(predicted), others, is_mean)


def verdict(*trials):
    """Choose, each of the 100 labels held out once and all as sure."""
    return choose(trials, LABELS, EACH_ONCE, EVEN)


def test_ways_that_are_equally_good_leave_the_default():
    found = verdict(trial("propagation", 80), trial("regression", 80), trial("the mean of both", 80))
    assert found.chosen == 0
    assert [row["chosen"] for row in found.rows] == [True, False, False]
    assert [row["difference"] for row in found.rows] == [0, 0, 0]
    assert found.reason == (
        "Propagation is right on 80.0 % of held-out labels, the best other, regression, on 80.0 %: "
        "no difference beyond chance."
    )


def test_a_challenger_that_is_better_beyond_chance_wins():
    found = verdict(trial("propagation", 70), trial("regression", 90))
    row = found.rows[1]
    # 20 labels of 100 gained: the mean is 0.2, its standard error sqrt(0.2 * 0.8 / 100) = 0.04, and with
    # one label more that goes the other way sqrt(0.04**2 + 0.01**2) = 0.041231.
    assert (row["accuracy"], row["difference"]) == (0.9, 0.2)
    assert (row["low"], row["high"]) == pytest.approx(
        (0.2 - 1.96 * 0.041231, 0.2 + 1.96 * 0.041231), abs=1e-4
    )
    assert found.chosen == 1
    assert row["chosen"] is True
    assert found.reason == (
        "Regression is right on 90.0 % of held-out labels, propagation on 70.0 %; "
        "the difference is beyond chance."
    )


def test_a_lead_that_chance_may_give_does_not_win():
    # 3 labels of 100 gained: 0.03 - 1.96 * sqrt(0.03 * 0.97 / 100) < 0.
    found = verdict(trial("propagation", 80), trial("regression", 83))
    assert found.rows[1]["low"] < 0 < found.rows[1]["difference"]
    assert found.chosen == 0
    assert found.reason.endswith("regression, on 83.0 %: no difference beyond chance.")


def test_the_best_of_several_that_are_better_wins_and_is_named():
    found = verdict(trial("propagation", 50), trial("a", 80), trial("b", 90), trial("c", 90))
    assert found.chosen == 2
    assert found.reason.startswith("B is right on 90.0 %")


def test_a_way_that_is_worse_is_never_chosen():
    found = verdict(trial("propagation", 90), trial("regression", 60))
    assert found.rows[1]["high"] < 0
    assert found.chosen == 0


def test_a_win_is_refused_where_the_two_differ_far_more_on_unlabelled_records():
    found = verdict(trial("propagation", 70), trial("regression", 90, elsewhere=60))
    row = found.rows[1]
    # They differ on 20 of 100 labels, with error 0.04, and on 60 of 100 others.
    assert (row["differs_here"], row["differs_elsewhere"]) == (0.2, 0.6)
    assert row["unseen"] == pytest.approx(0.6 - 0.2 - 1.96 * 0.041231, abs=1e-4)
    assert row["low"] > 0
    assert found.chosen == 0
    assert found.reason == (
        "Propagation is right on 70.0 % of held-out labels, the best other, regression, on 90.0 %. But the "
        "two differ on 60 % of the unlabelled records and on only 20 % of the labelled ones: the labels "
        "cannot settle it, so the one that follows the unlabelled records was kept."
    )


def test_the_same_win_counts_where_they_differ_elsewhere_as_much_as_here():
    found = verdict(trial("propagation", 70), trial("regression", 90, elsewhere=25))
    assert found.rows[1]["unseen"] == 0
    assert found.chosen == 1


def test_every_fold_s_model_is_asked_of_the_unlabelled_records():
    # On 40 of 100 in one fold and on none in the other: 20 % in the mean.
    odd = Trial("regression", trial("", 90).predicted, np.array([[1] * 40 + [0] * 60, [0] * 100]))
    found = verdict(trial("propagation", 70, n_folds=2), odd)
    assert found.rows[1]["differs_elsewhere"] == 0.2


def test_without_unlabelled_records_the_labels_decide():
    nothing = np.zeros((3, 0), dtype=np.int64)
    trials = [Trial(name, trial("", n).predicted, nothing) for name, n in (("one", 70), ("two", 90))]
    found = verdict(*trials)
    assert (found.rows[1]["unseen"], found.chosen) == (0, 1)


def test_a_label_that_is_held_out_ten_times_is_one_observation():
    # 3 of 100 labels gained is chance; ten repeats of the same labels must not make it look like 1,000.
    default, challenger = trial("propagation", 80), trial("regression", 83)
    once = verdict(default, challenger)
    often = choose(
        [
            Trial(t.name, np.tile(t.predicted, 10), np.zeros((10, 100), dtype=np.int64))
            for t in (default, challenger)
        ],
        np.tile(LABELS, 10),
        np.tile(EACH_ONCE, 10),
        np.ones(1000),
    )
    assert often.chosen == 0
    assert often.rows == once.rows


def test_a_label_held_out_twice_counts_as_half_right_where_it_was_right_once():
    labels, groups = np.array([0, 1, 0, 1]), np.array([7, 3, 7, 3])
    default = trial("propagation", predicted=[0, 0, 0, 0])  # label 7 right twice, label 3 never
    other = trial("regression", predicted=[0, 1, 1, 0])  # each right once
    found = choose([default, other], labels, groups, np.ones(4))
    assert [row["accuracy"] for row in found.rows] == [0.5, 0.5]
    assert found.rows[1]["differs_here"] == 0.5


def test_a_label_that_is_less_sure_counts_less():
    default = trial("propagation", predicted=[0, 1])
    other = trial("regression", predicted=[1, 0])
    found = choose([default, other], np.zeros(2, dtype=np.int64), np.arange(2), np.array([0.9, 0.3]))
    assert [row["accuracy"] for row in found.rows] == [0.75, 0.25]


def test_a_way_alone_is_used():
    found = verdict(trial("propagation", 80))
    assert found.chosen == 0
    assert found.rows[0]["accuracy"] == 0.8
    assert found.reason == "Propagation was used: the time was too short to try anything against it."


# ---- the mean of the default and another way ---------------------------------------------------


@pytest.mark.parametrize("n_right", [80, 82])
def test_a_mean_that_is_no_worse_is_taken_where_the_labels_part_nothing(n_right):
    found = verdict(
        trial("propagation", 80), trial("regression", 80), trial("the mean of both", n_right, is_mean=True)
    )
    assert found.chosen == 2
    assert found.reason == (
        f"The mean of both is right on {n_right}.0 % of held-out labels, propagation alone on 80.0 %; where "
        "the labels do not part two ways, their mean is the safer."
    )


def test_a_mean_that_is_worse_is_not_taken():
    found = verdict(trial("propagation", 80), trial("the mean of both", 79, is_mean=True))
    assert found.chosen == 0
    assert found.reason.endswith("the best other, the mean of both, on 79.0 %: no difference beyond chance.")


def test_a_mean_is_not_taken_where_the_labels_are_not_like_the_rest():
    found = verdict(trial("propagation", 80), trial("the mean of both", 80, elsewhere=30, is_mean=True))
    # They differ on no label, and on 30 of 100 others; one label more might be such a one.
    assert found.rows[1]["unseen"] == pytest.approx(0.3 - 1.96 * 0.01)
    assert found.chosen == 0


def test_a_way_that_is_better_beyond_chance_goes_before_a_mean_that_is_not():
    found = verdict(
        trial("propagation", 70), trial("regression", 90), trial("the mean of both", 71, is_mean=True)
    )
    assert found.chosen == 1
    assert found.reason.endswith("the difference is beyond chance.")
