"""The propagate recipe, end to end on clusters of a few records."""

from types import SimpleNamespace

import numpy as np
import pytest

from embtune.errors import BadInputError, JobCancelledError, TooFewLabelsError, VectorsError
from embtune.progress import silent
from embtune.tuning.data import TrainingSet
from embtune.tuning.model import Corpus, Records
from embtune.tuning.recipes import RECIPES

CPU = SimpleNamespace(kind="cpu", name="a CPU")
DIMENSIONS = 16


def clusters(n_each=40, n_classes=3, noise=0.25, dimensions=DIMENSIONS):
    """Unit vectors around one axis each, in turns, and their classes."""
    rng = np.random.default_rng(0)
    labels = np.arange(n_each * n_classes) % n_classes
    vectors = np.eye(dimensions)[labels] + noise * rng.normal(size=(len(labels), dimensions))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), labels


def training_set(labelled, n_classes=3, weights=None):
    """Labels from {row: class}."""
    return TrainingSet(
        rows=np.array(list(labelled), dtype=np.int64),
        labels=np.array(list(labelled.values()), dtype=np.int64),
        weights=np.array(weights or [1.0] * len(labelled), dtype=np.float32),
        names=tuple(f"class {i}" for i in range(n_classes)),
    )


def fit(vectors, training, *, texts=None, seed=0, report=silent, **parameters):
    corpus = Corpus(texts=lambda rows: texts) if texts is not None else None
    return RECIPES["propagate"].fit(
        vectors, training, parameters=parameters, seed=seed, device=CPU, corpus=corpus, report=report
    )


def predicted(result, vectors):
    names, scores = result.model.scores(Records(vectors))
    return names, scores.argmax(axis=1)


def same_class_share(vectors, labels, k=10):
    cosine = vectors @ vectors.T
    np.fill_diagonal(cosine, -2)
    return (labels[np.argsort(-cosine, axis=1)[:, :k]] == labels[:, None]).mean()


def test_one_label_a_class_gathers_the_classes():
    vectors, labels = clusters(noise=0.35)
    result = fit(vectors, training_set({0: 0, 1: 1, 2: 2}))
    assert result.vectors.shape == (120, DIMENSIONS + 3)
    assert result.vectors.dtype == np.float32
    assert np.linalg.norm(result.vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert same_class_share(result.vectors, labels) > same_class_share(vectors, labels) + 0.03


def test_the_result_tells_how_it_was_made():
    vectors, _ = clusters()
    result = fit(vectors, training_set({0: 0, 1: 1, 2: 2}), raw_share=1.0, alpha_low=0.5)
    assert result.parameters == {
        "words": True,
        "alpha_low": 0.5,
        "alpha_high": 0.95,
        "raw_share": 1.0,
        "sharpness": 2.0,
    }
    assert (result.device, result.seed, result.warnings, result.curve) == ("a CPU", 0, (), ())
    assert result.model.kind == "blend"
    assert result.model.needs_texts is False
    assert set(result.libraries) >= {"torch", "scipy", "numpy", "embtune"}


def test_the_same_seed_gives_the_same_vectors():
    vectors, labels = clusters()
    texts = [f"word{label} other{i % 70} more{(i * 7) % 70}" for i, label in enumerate(labels)]
    first, again = (fit(vectors, training_set({0: 0, 1: 1, 2: 2}), texts=texts, seed=4) for _ in range(2))
    assert first.model.needs_texts is True
    assert np.array_equal(first.vectors, again.vectors)


def test_two_classes_with_one_label_each_are_enough():
    vectors, labels = clusters(n_classes=2)
    result = fit(vectors, training_set({0: 0, 1: 1}, n_classes=2))
    names, found = predicted(result, vectors)
    assert names == ("class 0", "class 1")
    assert (found == labels).mean() > 0.95


def test_a_class_without_a_label_is_left_out_silently():
    vectors, _ = clusters()
    result = fit(vectors, training_set({0: 0, 2: 2}))
    assert result.warnings == ()
    assert result.model.names == ("class 0", "class 2")
    assert result.vectors.shape == (120, DIMENSIONS + 2)


def test_a_class_with_far_more_labels_does_not_swallow_the_others():
    vectors, labels = clusters(noise=0.35)
    many = {int(row): 0 for row in np.flatnonzero(labels == 0)[:35]}
    _, found = predicted(fit(vectors, training_set(many | {1: 1, 2: 2})), vectors)
    rest = labels > 0
    assert (found == labels)[rest].mean() > 0.9


def test_a_label_that_is_hardly_sure_loses_against_sure_ones():
    vectors, labels = clusters()
    right = {row: row % 3 for row in range(12)}
    wrong = {int(row): 0 for row in np.flatnonzero(labels == 1)[-6:]}
    given = right | wrong
    heard = fit(vectors, training_set(given), raw_share=0.1)
    hushed = fit(vectors, training_set(given, weights=[1.0] * 12 + [0.01] * 6), raw_share=0.1)
    rows = list(wrong)
    of_class_1 = [DIMENSIONS + 1] * len(rows), [DIMENSIONS] * len(rows)
    assert (hushed.vectors[rows, of_class_1[0]] > hushed.vectors[rows, of_class_1[1]]).all()
    assert hushed.vectors[rows, of_class_1[0]].mean() > heard.vectors[rows, of_class_1[0]].mean()


def test_known_records_that_come_again_get_nearly_their_vectors():
    vectors, _ = clusters()
    result = fit(vectors, training_set({row: row % 3 for row in range(9)}))
    again = result.model.transform(Records(vectors))
    assert (again * result.vectors).sum(axis=1).min() > 0.9


def test_words_tell_apart_what_the_vectors_cannot():
    rng = np.random.default_rng(0)
    vectors = np.tile(np.eye(DIMENSIONS, dtype=np.float32)[0], (120, 1))
    labels = np.arange(120) % 2
    texts = [
        " ".join(f"{('sport', 'stock')[label]}{j}" for j in rng.integers(30, size=8)) for label in labels
    ]
    training = training_set({row: row % 2 for row in range(10)}, n_classes=2)
    with_words = fit(vectors, training, texts=texts, raw_share=0.1)
    without = fit(vectors, training, texts=texts, raw_share=0.1, words=False)
    assert without.model.needs_texts is False
    assert same_class_share(with_words.vectors, labels) > same_class_share(without.vectors, labels) + 0.2


def test_texts_of_too_few_words_are_done_without():
    vectors, _ = clusters()
    result = fit(vectors, training_set({0: 0, 1: 1, 2: 2}), texts=["same"] * 120)
    assert result.model.needs_texts is False


def test_memory_mapped_half_precision_vectors_do(tmp_path):
    vectors, labels = clusters()
    np.save(tmp_path / "raw.npy", vectors.astype(np.float16))
    mapped = np.load(tmp_path / "raw.npy", mmap_mode="r")
    result = fit(mapped, training_set({0: 0, 1: 1, 2: 2}))
    assert result.vectors.dtype == np.float32
    assert same_class_share(result.vectors, labels) > 0.95


@pytest.mark.parametrize(
    ("labelled", "message"),
    [
        (
            {},
            "at least 2 classes with 1 label each: there are no labels yet; 2 more such classes are missing",
        ),
        (
            {3: 1},
            "at least 2 classes with 1 label each: there is 1 in 'class 1'; 1 more such class is missing",
        ),
    ],
)
def test_labels_of_fewer_than_two_classes_are_refused(labelled, message):
    with pytest.raises(TooFewLabelsError, match=message):
        fit(clusters()[0], training_set(labelled))


def test_vectors_that_are_not_finite_are_refused():
    vectors, _ = clusters()
    vectors[70, 3] = np.inf
    with pytest.raises(VectorsError, match="Row 70 of the vectors holds values that are not finite"):
        fit(vectors, training_set({0: 0, 1: 1}))


def test_labels_beyond_the_vectors_are_refused():
    with pytest.raises(VectorsError, match="rows 0 to 120, but there are 120 vectors"):
        fit(clusters()[0], training_set({0: 0, 120: 1}))


def test_a_parameter_out_of_range_is_refused():
    with pytest.raises(BadInputError, match=r"'alpha_low' must be a number from 0\.01 to 0\.999, not 1"):
        fit(clusters()[0], training_set({0: 0, 1: 1}), alpha_low=1)


def test_a_cancel_comes_out_as_it_went_in():
    def report(*_, **__):
        raise JobCancelledError("stopped")

    with pytest.raises(JobCancelledError, match="stopped"):
        fit(clusters()[0], training_set({0: 0, 1: 1}), report=report)


def test_nothing_is_printed(capfd):
    fit(clusters()[0], training_set({0: 0, 1: 1}))
    assert capfd.readouterr() == ("", "")
