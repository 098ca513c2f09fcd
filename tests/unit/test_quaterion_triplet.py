import math
import random
from types import SimpleNamespace

import numpy as np
import pytest

from embtune.errors import BadInputError, JobCancelledError, TooFewLabelsError, VectorsError
from embtune.progress import silent
from embtune.tuning.data import TrainingSet
from embtune.tuning.export import apply_head
from embtune.tuning.recipes import RECIPES

CPU = SimpleNamespace(kind="cpu", name="a CPU")
DIMENSIONS = 12


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def clouds(n_per_class, n_classes=3, noise=1.0):
    """Rows around one random direction per class, and their classes."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(n_classes), n_per_class)
    centres = rng.normal(size=(n_classes, DIMENSIONS))
    return unit(centres[labels] + noise * rng.normal(size=(len(labels), DIMENSIONS))), labels


def training_set(rows, labels, names=None, weights=None):
    return TrainingSet(
        rows=np.asarray(rows, dtype=np.int64),
        labels=np.asarray(labels, dtype=np.int64),
        weights=np.ones(len(rows), dtype=np.float32) if weights is None else weights,
        names=names or tuple(f"class {index}" for index in range(max(labels) + 1)),
    )


def fit(vectors, training, *, seed=0, report=silent, **parameters):
    parameters = {"max_epochs": 8, "patience": 8, "lr": 0.01, "batch_size": 32} | parameters
    return RECIPES["quaterion-triplet"].fit(
        vectors, training, parameters=parameters, seed=seed, device=CPU, report=report
    )


@pytest.fixture(scope="module")
def data():
    return clouds(40)


@pytest.fixture(scope="module")
def tuned(data):
    vectors, labels = data
    return fit(vectors, training_set(range(len(labels)), labels), max_epochs=30, patience=30, lr=0.05)


def same_label_share(vectors, labels, k=10):
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -2)
    return (labels[np.argsort(-similarity, axis=1)[:, :k]] == labels[:, None]).mean()


def test_training_lowers_the_loss_and_gathers_the_classes(data, tuned):
    vectors, labels = data
    losses = [point["train_loss"] for point in tuned.curve]
    assert losses[-1] < losses[0] - 0.05
    assert same_label_share(tuned.vectors, labels) > same_label_share(vectors, labels) + 0.02


def test_the_result_tells_how_it_was_made(tuned):
    assert tuned.vectors.shape == (120, DIMENSIONS)
    assert tuned.vectors.dtype == np.float32
    assert np.linalg.norm(tuned.vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert tuned.device == "a CPU"
    assert tuned.seed == 0
    assert tuned.seconds > 0
    assert tuned.parameters["margin"] == 0.5
    assert tuned.stopped == "max epochs"
    assert [point["epoch"] for point in tuned.curve] == list(range(1, 31))
    assert set(tuned.curve[0]) == {"epoch", "train_loss", "validation_loss", "seconds"}
    best = min(tuned.curve, key=lambda point: point["validation_loss"])
    assert tuned.best_epoch == best["epoch"]
    assert tuned.warnings == ()
    assert tuned.libraries["quaterion"] == "0.1.35"
    assert set(tuned.libraries) >= {"torch", "quaterion-models", "pytorch-lightning", "numpy", "embtune"}


def test_the_vectors_are_the_head_applied_to_the_raw_ones(data, tuned):
    assert apply_head(data[0], *tuned.model.affine()) == pytest.approx(tuned.vectors, abs=1e-6)


def test_the_same_seed_gives_the_same_vectors_and_leaves_global_randomness_alone(data):
    import torch

    vectors, labels = data
    training = training_set(range(len(labels)), labels)
    torch.manual_seed(5)
    random.seed(5)
    expected = (torch.rand(1).item(), random.random())
    torch.manual_seed(5)
    random.seed(5)
    first = fit(vectors, training, seed=3, max_epochs=2, dropout=0.1)
    assert (torch.rand(1).item(), random.random()) == expected
    again = fit(vectors, training, seed=3, max_epochs=2, dropout=0.1)
    other = fit(vectors, training, seed=4, max_epochs=2, dropout=0.1)
    assert np.array_equal(first.vectors, again.vectors)
    assert not np.array_equal(first.vectors, other.vectors)


def test_only_labelled_rows_are_trained_on_but_all_are_tuned(data):
    vectors, labels = data
    rows = np.flatnonzero(np.arange(len(labels)) % 2 == 0)
    first = fit(vectors, training_set(rows, labels[rows]), max_epochs=2)
    changed = vectors.copy()
    changed[1::2] = changed[1::2][::-1]
    second = fit(changed, training_set(rows, labels[rows]), max_epochs=2)
    assert np.array_equal(first.vectors[rows], second.vectors[rows])
    assert len(first.vectors) == len(vectors)


def test_memory_mapped_half_precision_vectors_do(data, tmp_path):
    vectors, labels = data
    np.save(tmp_path / "raw.npy", vectors.astype(np.float16))
    mapped = np.load(tmp_path / "raw.npy", mmap_mode="r")
    assert fit(mapped, training_set(range(len(labels)), labels), max_epochs=1).vectors.dtype == np.float32


def test_it_stops_early_and_goes_back_to_the_best_epoch(data):
    vectors, labels = data
    training = training_set(range(len(labels)), labels)
    parameters = {"max_epochs": 60, "patience": 2, "lr": 0.5}
    best = fit(vectors, training, **parameters)
    assert best.stopped == "early stopping"
    assert best.best_epoch == len(best.curve) - 2
    last = fit(vectors, training, restore_best=False, **parameters)
    assert last.curve[-1]["validation_loss"] == best.curve[-1]["validation_loss"]
    assert not np.array_equal(best.vectors, last.vectors)
    until_best = fit(vectors, training, **(parameters | {"max_epochs": best.best_epoch}))
    assert np.array_equal(best.vectors, until_best.vectors)


def test_progress_is_told_in_epochs_with_the_curve(data):
    vectors, labels = data
    reports = []
    fit(
        vectors,
        training_set(range(len(labels)), labels),
        max_epochs=3,
        report=lambda *given: reports.append(given),
    )
    assert {unit_of_work for _, _, unit_of_work, *_ in reports} == {"epochs"}
    done = [given[0] for given in reports]
    assert done == sorted(done)
    assert done[-1] == 3
    assert reports[-2][1] == 3
    assert len(reports[-1][4]["curve"]) == 3
    assert reports[-1][4]["best_epoch"] in (1, 2, 3)


@pytest.mark.parametrize("calls", [1, 2, 4])
def test_a_cancel_comes_out_as_it_went_in(data, calls):
    vectors, labels = data
    count = 0

    def report(*_):
        nonlocal count
        count += 1
        if count == calls:
            raise JobCancelledError("stopped")

    with pytest.raises(JobCancelledError, match="stopped"):
        fit(vectors, training_set(range(len(labels)), labels), max_epochs=1000, patience=1000, report=report)
    assert count == calls


def test_a_long_epoch_is_told_of_while_it_runs(data, monkeypatch):
    from embtune.tuning import quaterion_training

    monkeypatch.setattr(quaterion_training, "_SECONDS_BETWEEN_REPORTS", 0.0)
    vectors, labels = data
    done = []
    fit(
        vectors,
        training_set(range(len(labels)), labels),
        max_epochs=1,
        report=lambda given, *_: done.append(given),
    )
    assert len({value for value in done if 0 < value < 1}) == 3  # 96 of 120 rows, in batches of 32


def test_a_class_with_one_label_is_left_out_with_a_warning(data):
    vectors, labels = data
    training = training_set([*range(80), 119], [*labels[:80], 2], ("World", "Sports", "Business"))
    result = fit(vectors, training, max_epochs=1)
    assert result.warnings == ("Left out 'Business': it has 1 label, and a class needs at least 2.",)


def test_two_classes_of_two_labels_are_enough(data):
    vectors, _ = data
    result = fit(vectors, training_set([0, 1, 40, 41], [0, 0, 1, 1]), max_epochs=2)
    assert result.warnings == (
        "Too few labels to set any aside for validation: the training stops by its own loss, "
        "which says little about other records.",
    )
    assert set(result.curve[0]) == {"epoch", "train_loss", "seconds"}
    assert np.isfinite(result.vectors).all()


def test_without_validation_it_stops_by_its_own_loss(data):
    vectors, labels = data
    training = training_set(range(len(labels)), labels)
    result = fit(vectors, training, validation=0, max_epochs=100, patience=1, lr=0.9)
    assert result.stopped == "early stopping"
    assert result.warnings == ()


def test_one_class_is_refused(data):
    with pytest.raises(TooFewLabelsError, match="there are 3 in 'class 0'; 1 more such class is missing"):
        fit(data[0], training_set([0, 1, 2], [0, 0, 0]))


def test_a_last_batch_of_one_row_and_equal_rows_break_nothing():
    vectors = unit(np.ones((9, DIMENSIONS)))
    labels = [0, 0, 0, 0, 1, 1, 1, 1, 1]
    result = fit(vectors, training_set(range(9), labels), validation=0, batch_size=4, max_epochs=3)
    assert np.isfinite(result.vectors).all()
    assert all(math.isfinite(point["train_loss"]) for point in result.curve)


def test_records_sorted_by_class_give_validation_batches_of_mixed_classes():
    from embtune.tuning.quaterion_loaders import validation_loader

    _, labels = clouds(64, n_classes=2)
    parameters = RECIPES["quaterion-triplet"].parse({"batch_size": 32})
    loader = validation_loader(training_set(range(128), labels), np.arange(128), parameters, 0)
    for _, _, targets in loader:
        assert len(set(targets["groups"].tolist())) == 2


def test_weights_matter_only_on_demand(data):
    vectors, labels = data
    weights = np.where(np.arange(len(labels)) % 2, 1.0, 0.01).astype(np.float32)
    plain = training_set(range(len(labels)), labels)
    weighted = training_set(range(len(labels)), labels, weights=weights)
    published = fit(vectors, plain, max_epochs=1)
    assert np.array_equal(published.vectors, fit(vectors, weighted, max_epochs=1).vectors)
    drawn = fit(vectors, weighted, max_epochs=1, use_weights=True)
    assert not np.array_equal(published.vectors, drawn.vectors)


@pytest.mark.parametrize(
    ("distance", "mining"), [("euclidean", "hard"), ("manhattan", "semi_hard"), ("cosine", "all")]
)
def test_other_distances_and_minings_train(data, distance, mining):
    vectors, labels = data
    result = fit(
        vectors, training_set(range(len(labels)), labels), distance=distance, mining=mining, max_epochs=2
    )
    assert np.isfinite(result.vectors).all()


def test_a_batch_that_would_not_fit_in_memory_is_refused(data):
    with pytest.raises(BadInputError, match="'batch_size' must be at most 128 with mining=semi_hard"):
        fit(data[0], training_set([0, 1, 40, 41], [0, 0, 1, 1]), mining="semi_hard", batch_size=256)


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (np.ones(12), r"must be a matrix, one row per record, not of shape \(12,\)"),
        (np.ones((3, 2)), "rows 0 to 3, but there are 3 vectors"),
        (
            np.array([[1, 0], [0, 1], [np.nan, 0], [1, 0]]),
            "Row 2 of the vectors holds values that are not",
        ),
    ],
)
def test_unusable_vectors_are_refused(vectors, message):
    with pytest.raises(VectorsError, match=message):
        fit(vectors, training_set([0, 1, 2, 3], [0, 0, 1, 1]))


def test_nothing_is_printed(data, capfd):
    vectors, labels = data
    fit(vectors, training_set(range(len(labels)), labels), max_epochs=1)
    assert capfd.readouterr() == ("", "")
