"""The recipe `quaterion` on frozen vectors: losses, heads, weights, judgements."""

import math
import random
from types import SimpleNamespace

import numpy as np
import pytest

from embtune.errors import BadInputError, JobCancelledError, NotReadyError, TooFewLabelsError
from embtune.progress import silent
from embtune.tuning.data import TrainingSet
from embtune.tuning.export import transform_head
from embtune.tuning.judgements import Judgements
from embtune.tuning.model import Corpus, Records
from embtune.tuning.recipes.quaterion import RECIPE
from embtune.tuning.sampling import draw, label_chances, length_sorted_batches

CPU = SimpleNamespace(kind="cpu", name="a CPU")
DIMENSIONS = 12
LOSSES = ("softmax", "cosface", "arcface", "center", "circle", "triplet")


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def clouds(n_per_class, n_classes=3, noise=1.0):
    """Rows around one random direction per class, and their classes."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(n_classes), n_per_class)
    centres = rng.normal(size=(n_classes, DIMENSIONS))
    return unit(centres[labels] + noise * rng.normal(size=(len(labels), DIMENSIONS))), labels


def training_set(rows, labels, weights=None):
    return TrainingSet(
        rows=np.asarray(rows, dtype=np.int64),
        labels=np.asarray(labels, dtype=np.int64),
        weights=np.ones(len(rows), dtype=np.float32) if weights is None else weights.astype(np.float32),
        names=tuple(f"class {index}" for index in range(max(labels, default=-1) + 1)),
    )


def fit(vectors, training, *, seed=0, report=silent, corpus=None, **parameters):
    parameters = {"max_epochs": 8, "patience": 8, "lr": 0.01, "batch_size": 32} | parameters
    return RECIPE.fit(
        vectors, training, parameters=parameters, seed=seed, device=CPU, corpus=corpus, report=report
    )


def gap(vectors, labels):
    """How much nearer, in mean cosine, records of one label are to each other than to the others."""
    cosines, same = vectors @ vectors.T, labels[:, None] == labels[None, :]
    return cosines[same & ~np.eye(len(labels), dtype=bool)].mean() - cosines[~same].mean()


@pytest.fixture(scope="module")
def data():
    return clouds(40)


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_gathers_the_classes(data, loss):
    vectors, labels = data
    result = fit(vectors, training_set(range(120), labels), loss=loss, max_epochs=30, patience=30, lr=0.05)
    assert gap(result.vectors, labels) > gap(vectors, labels) + 0.01
    assert result.curve[-1]["train_loss"] < result.curve[0]["train_loss"]
    assert np.linalg.norm(result.vectors, axis=1) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("head", ["skip-connection", "gated", "widening", "stacked"])
def test_every_head_gives_new_records_what_it_gives_old_ones(data, head, tmp_path):
    vectors, labels = data
    result = fit(vectors, training_set(range(120), labels), head=head, n_layers=2, max_epochs=3)
    assert not np.allclose(result.vectors, vectors, atol=1e-3)
    assert result.model.transform(Records(vectors[5:9])) == pytest.approx(result.vectors[5:9], abs=1e-5)
    assert (result.model.affine() is None) == (head in ("widening", "stacked"))
    result.model.save(tmp_path)
    again = type(result.model).load(tmp_path)
    assert np.array_equal(again.transform(Records(vectors)), result.model.transform(Records(vectors)))


@pytest.mark.parametrize("head", ["skip-connection", "gated", "widening", "stacked", "none"])
def test_an_untrained_head_changes_little_and_its_arrays_say_what_the_module_does(data, head):
    import torch

    from embtune.tuning.quaterion_heads import make_head, trained_head

    torch.manual_seed(0)
    module = make_head(head, DIMENSIONS, {"dropout": 0.0, "n_layers": 2}).eval()
    with torch.no_grad():
        expected = module(torch.from_numpy(data[0])).numpy()
    made = transform_head(trained_head(head, module), data[0])
    assert made == pytest.approx(unit(expected), abs=1e-5)
    assert (made * data[0]).sum(axis=1).min() > 0.99


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("sizes", [(2, 2), (1, 2, 3), (40, 2), tuple([2] * 60)])
def test_label_sets_of_any_shape_train(loss, sizes):
    rng = np.random.default_rng(1)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    vectors = unit(rng.normal(size=(len(labels), DIMENSIONS)))
    result = fit(vectors, training_set(range(len(labels)), labels), loss=loss, max_epochs=2, balance=1.0)
    assert np.isfinite(result.vectors).all()


def test_the_same_seed_gives_the_same_vectors_and_leaves_global_randomness_alone(data):
    import torch

    vectors, labels = data
    training = training_set(range(120), labels)
    judgements = Judgements(
        pairs=np.array([[0, 1], [0, 50]]),
        scores=np.array([1, 0], dtype=np.float32),
        triplets=np.array([[0, 1, 50]]),
    )

    def one(seed):
        return fit(
            vectors, training, seed=seed, head="widening", dropout=0.1, corpus=Corpus(judgements=judgements)
        ).vectors

    torch.manual_seed(5)
    random.seed(5)
    expected = (torch.rand(1).item(), random.random())
    torch.manual_seed(5)
    random.seed(5)
    first = one(3)
    assert (torch.rand(1).item(), random.random()) == expected
    assert np.array_equal(first, one(3))
    assert not np.array_equal(first, one(4))


def test_weights_matter_where_they_differ_and_only_on_demand(data):
    vectors, labels = data
    weights = np.where(np.arange(120) % 2, 1.0, 0.01)
    plain = fit(vectors, training_set(range(120), labels), max_epochs=1)
    weighted = training_set(range(120), labels, weights)
    assert np.array_equal(fit(vectors, weighted, max_epochs=1, use_weights=False).vectors, plain.vectors)
    assert not np.array_equal(fit(vectors, weighted, max_epochs=1).vectors, plain.vectors)


def test_equal_chances_draw_every_label_once_and_others_as_often_as_they_say():
    rng = np.random.default_rng(0)
    assert sorted(draw(np.full(7, 0.3), rng).tolist()) == list(range(7))
    counts = np.bincount(draw(np.array([4.0, 2.0, 1.0, 1.0]), rng), minlength=4)
    assert counts.tolist() in ([2, 1, 1, 0], [2, 1, 0, 1])
    assert draw(np.zeros(0), rng).tolist() == []


def test_balance_evens_the_classes_out_and_weights_count_within_them():
    training = training_set(range(4), [0, 0, 0, 1], np.array([1.0, 0.5, 0.5, 1.0]))
    everything = np.arange(4)
    assert label_chances(training, everything, use_weights=False, balance=0.0).tolist() == [1, 1, 1, 1]
    assert label_chances(training, everything, use_weights=False, balance=1.0) == pytest.approx(
        [1 / 3, 1 / 3, 1 / 3, 1]
    )
    assert label_chances(training, everything, use_weights=True, balance=1.0) == pytest.approx(
        [0.5, 0.25, 0.25, 1]
    )


def test_batches_hold_texts_of_alike_lengths_and_every_one_once():
    lengths = np.arange(100) % 10
    batches = length_sorted_batches(np.arange(100), lengths, 10, np.random.default_rng(0))
    assert sorted(np.concatenate(batches).tolist()) == list(range(100))
    assert all(len(set(lengths[batch])) == 1 for batch in batches)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        # cosines [0.6, 0.8] to the prototypes; scale 2; class 0
        ("softmax", math.log(1 + math.exp(2 * (0.8 - 0.6)))),
        ("cosface", math.log(1 + math.exp(2 * (0.8 - (0.6 - 0.25))))),
        ("arcface", math.log(1 + math.exp(2 * (0.8 - math.cos(math.acos(0.6) + 0.25))))),
    ],
)
def test_prototype_losses_are_what_their_papers_say(kind, expected):
    import torch

    from embtune.tuning.quaterion_losses import PrototypeLoss

    loss = PrototypeLoss(2, 2, kind=kind, scale=2.0, margin=0.25, class_means=np.eye(2, dtype=np.float32))
    found = loss(torch.tensor([[3.0, 4.0]]), torch.tensor([0])).item()
    assert found == pytest.approx(expected, abs=1e-5)


def test_a_diverged_training_is_told(data, monkeypatch):
    from embtune.tuning import quaterion_losses

    def explode(self, embeddings, groups):
        return embeddings.square().sum() * float("inf")

    monkeypatch.setattr(quaterion_losses.CircleLoss, "forward", explode)
    vectors, labels = data
    with pytest.raises(BadInputError, match=r"The training diverged: choose an lr below 1\."):
        fit(vectors, training_set(range(120), labels), lr=1.0, loss="circle")


def test_nothing_to_train_is_refused(data):
    with pytest.raises(BadInputError, match="there is nothing to train: choose a head, or train the encoder"):
        fit(data[0], training_set(range(120), data[1]), head="none")
    with pytest.raises(NotReadyError, match=r"these vectors came without: choose encoder=frozen\."):
        fit(data[0], training_set(range(120), data[1]), encoder="all")
    with pytest.raises(BadInputError, match="'batch_size' must be at most 128 with mining=semi_hard"):
        fit(data[0], training_set(range(120), data[1]), loss="triplet", mining="semi_hard", batch_size=256)


def test_a_cancel_comes_out_as_it_went_in(data):
    def report(done, *_):
        if done >= 1:
            raise JobCancelledError("stopped")

    with pytest.raises(JobCancelledError, match="stopped"):
        fit(data[0], training_set(range(120), data[1]), report=report)


def no_judgements(**given):
    return Judgements(
        **{
            "pairs": np.zeros((0, 2), dtype=np.int64),
            "scores": np.zeros(0, dtype=np.float32),
            "triplets": np.zeros((0, 3), dtype=np.int64),
        }
        | given
    )


def judged(labels, kind, n=60):
    """Pairs and triplets that say what the labels say."""
    rng = np.random.default_rng(2)
    pairs = np.sort(rng.permutation(len(labels))[: 2 * (len(labels) // 2)].reshape(-1, 2), axis=1)
    anchors = rng.integers(0, len(labels), n)
    closer = np.array(
        [rng.choice(np.flatnonzero((labels == labels[a]) & (np.arange(len(labels)) != a))) for a in anchors]
    )
    farther = np.array([rng.choice(np.flatnonzero(labels != labels[a])) for a in anchors])
    alike = np.sort(np.stack([anchors, closer], axis=1), axis=1)
    scores = (labels[pairs[:, 0]] == labels[pairs[:, 1]]).astype(np.float32)
    triplets = np.stack([anchors, closer, farther], axis=1)
    return {
        "pairs": no_judgements(
            pairs=np.concatenate([pairs, alike]),
            scores=np.concatenate([scores, np.ones(n, dtype=np.float32)]),
        ),
        "similar pairs": no_judgements(pairs=alike, scores=np.ones(n, dtype=np.float32)),
        "triplets": no_judgements(triplets=triplets),
        "both": no_judgements(pairs=pairs, scores=scores, triplets=triplets),
    }[kind]


@pytest.mark.parametrize("kind", ["pairs", "similar pairs", "triplets", "both"])
def test_judgements_alone_gather_what_they_say_is_alike(data, kind):
    vectors, labels = data
    corpus = Corpus(judgements=judged(labels, kind))
    result = fit(vectors, training_set([], []), corpus=corpus, max_epochs=20, patience=20, lr=0.02)
    assert result.warnings[0] == (
        "There are too few labels to learn from: it was trained on pairs and triplets alone."
    )
    assert gap(result.vectors, labels) > gap(vectors, labels) + 0.01


@pytest.mark.parametrize("kind", ["pairs", "similar pairs", "triplets", "both"])
def test_judgements_count_beside_labels(data, kind):
    vectors, labels = data
    training = training_set(range(120), labels)
    corpus = Corpus(judgements=judged(labels, kind))
    plain = fit(vectors, training, max_epochs=1)
    with_both = fit(vectors, training, max_epochs=1, corpus=corpus)
    assert not np.allclose(with_both.vectors, plain.vectors, atol=1e-6)
    assert np.isfinite(with_both.vectors).all()


def test_one_pair_is_enough_and_no_labels_without_judgements_are_too_few(data):
    vectors, _ = data
    pair = no_judgements(pairs=np.array([[3, 90]]), scores=np.array([0], dtype=np.float32))
    result = fit(vectors, training_set([0], [0]), corpus=Corpus(judgements=pair), lr=0.1)
    assert result.vectors[3] @ result.vectors[90] <= vectors[3] @ vectors[90] + 1e-4
    with pytest.raises(TooFewLabelsError):
        fit(vectors, training_set([0], [0]), corpus=Corpus(judgements=no_judgements()))


def test_judgements_on_other_rows_than_the_labelled_train_too(data):
    vectors, labels = data
    rows = np.arange(0, 120, 3)
    corpus = Corpus(judgements=judged(labels, "both"))
    result = fit(vectors, training_set(rows, labels[rows]), corpus=corpus, max_epochs=2)
    assert result.vectors.shape == vectors.shape
