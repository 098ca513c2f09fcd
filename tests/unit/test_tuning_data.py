import numpy as np
import pytest

from embtune.errors import BadInputError, TooFewLabelsError
from embtune.tuning.data import TrainingSet, check_training_set, stratified_split


def training_set(labels, names, weights=None):
    labels = np.array(labels, dtype=np.int64)
    weights = np.ones(len(labels)) if weights is None else weights
    return TrainingSet(
        rows=np.arange(10, 10 + len(labels), dtype=np.int64),
        labels=labels,
        weights=np.asarray(weights, dtype=np.float32),
        names=tuple(names),
    )


def test_a_sound_set_passes_unchanged():
    given = training_set([0, 1, 0, 1], ["World", "Sports"])
    checked, warnings = check_training_set(given)
    assert checked is given
    assert warnings == []


def test_a_class_with_one_label_is_left_out_and_the_others_renumbered():
    given = training_set([2, 1, 0, 2, 0], ["World", "Sports", "Business"], [1, 1, 0.5, 0.75, 1])
    checked, warnings = check_training_set(given)
    assert warnings == ["Left out 'Sports': it has 1 label, and a class needs at least 2."]
    assert checked.names == ("World", "Business")
    assert checked.rows.tolist() == [10, 12, 13, 14]
    assert checked.labels.tolist() == [1, 0, 1, 0]
    assert checked.weights.tolist() == [1, 0.5, 0.75, 1]


def test_one_label_is_enough_for_who_says_so():
    given = training_set([2, 1, 0, 2], ["World", "Sports", "Business"])
    assert check_training_set(given, least=1) == (given, [])
    with pytest.raises(TooFewLabelsError) as caught:
        check_training_set(training_set([0], ["World"]), least=1)
    assert str(caught.value) == (
        "Tuning needs at least 2 classes with 1 label each: there is 1 in 'World'; "
        "1 more such class is missing."
    )


def test_a_class_without_labels_is_left_out_silently():
    checked, warnings = check_training_set(training_set([0, 0, 2, 2], ["World", "Sports", "Business"]))
    assert checked.names == ("World", "Business")
    assert checked.labels.tolist() == [0, 0, 1, 1]
    assert warnings == []


@pytest.mark.parametrize(
    ("labels", "rest"),
    [
        ([], "there are no labels yet; 2 more such classes are missing."),
        ([0], "there is 1 in 'World'; 2 more such classes are missing."),
        ([0, 0, 0], "there are 3 in 'World'; 1 more such class is missing."),
        ([0, 0, 0, 1], "there are 3 in 'World' and 1 in 'Sports'; 1 more such class is missing."),
        (
            [0, 1, 2],
            "there are 1 in 'World', 1 in 'Sports' and 1 in 'Business'; 2 more such classes are missing.",
        ),
    ],
)
def test_fewer_than_two_classes_are_refused_with_what_is_there(labels, rest):
    with pytest.raises(TooFewLabelsError) as caught:
        check_training_set(training_set(labels, ["World", "Sports", "Business"]))
    assert str(caught.value) == f"Tuning needs at least 2 classes with 2 labels each: {rest}"


def test_many_classes_are_counted_not_listed():
    labels = [*range(9), 0]
    with pytest.raises(TooFewLabelsError, match="there are 9 classes, but 1 with that many; 1 more such"):
        check_training_set(training_set(labels, [f"c{i}" for i in range(9)]))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (training_set([0, 2], ["a", "b"]), "Labels must be from 0 to 1.*they run from 0 to 2"),
        (training_set([0, 1], ["a", "b"], [1, 0]), "above 0 and at most 1; they run from 0 to 1"),
        (training_set([0, 1], ["a", "b"], [1]), r"equally long, not \(2,\), \(2,\) and \(1,\)"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(given, message):
    with pytest.raises(BadInputError, match=message):
        check_training_set(given)


def test_the_split_takes_its_share_of_every_class():
    labels = np.repeat([0, 1, 2], [100, 50, 10])
    split = stratified_split(labels, validation=0.2, seed=0)
    assert np.bincount(labels[split.validation]).tolist() == [20, 10, 2]
    assert np.bincount(labels[split.train]).tolist() == [80, 40, 8]
    assert sorted([*split.train, *split.validation]) == list(range(160))


def test_the_split_follows_the_seed():
    labels = np.repeat([0, 1], 50)
    first, again, other = (stratified_split(labels, seed=seed).validation.tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_small_classes_go_whole_into_training():
    labels = np.repeat([0, 1, 2], [20, 20, 7])  # a fifth of 7 is one label, which has no positive
    split = stratified_split(labels, validation=0.2, seed=0)
    assert np.bincount(labels[split.validation], minlength=3).tolist() == [4, 4, 0]


def test_training_keeps_two_of_every_class():
    labels = np.repeat([0, 1], [4, 5])
    split = stratified_split(labels, validation=0.9, seed=0)
    assert np.bincount(labels[split.train]).tolist() == [2, 2]


@pytest.mark.parametrize(("sizes", "validation"), [([3, 3], 0.2), ([100, 3], 0.2), ([100, 100], 0.0)])
def test_a_validation_part_without_two_classes_stays_empty(sizes, validation):
    split = stratified_split(np.repeat([0, 1], sizes), validation=validation, seed=0)
    assert split.validation.tolist() == []
    assert len(split.train) == sum(sizes)


def test_a_share_out_of_range_is_refused():
    with pytest.raises(BadInputError, match="from 0 to below 1, not 1"):
        stratified_split(np.array([0, 1]), validation=1, seed=0)
