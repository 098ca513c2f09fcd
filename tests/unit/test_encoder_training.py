"""Training a base model itself, on a tiny one made here."""

import math

import numpy as np
import pytest

from embtune.embedding.device import Device
from embtune.errors import BadFileError, BadInputError, JobCancelledError, ModelError, NotReadyError
from embtune.progress import silent
from embtune.tuning.data import Split, TrainingSet
from embtune.tuning.encoder_model import EncoderModel
from embtune.tuning.judgements import Judgements
from embtune.tuning.model import Corpus, Records, load_model, save_model
from embtune.tuning.recipes.quaterion import RECIPE

CPU = Device("cpu", "a CPU", bfloat16=False)
WORDS = {
    0: ["ferry", "harbour", "island", "sail", "tide"],
    1: ["goal", "match", "coach", "league", "score"],
    2: ["shares", "market", "profit", "bank", "price"],
}
OTHERS = ["the", "a", "of", "today", "was", "and", "in", "on"]


def sentences(n_per_class, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(3), n_per_class)
    texts = []
    for label in labels:
        words = [*rng.choice(WORDS[label], 2), *rng.choice(OTHERS, rng.integers(2, 7))]
        texts.append(" ".join(rng.permutation(words)))
    return texts, labels


@pytest.fixture(autouse=True)
def one_thread():
    """On matrices this small a second thread only waits."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """The folder of a two-layer BERT of 16 values, with random weights."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("base")
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS[0], *WORDS[1], *WORDS[2], *OTHERS]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = BertConfig(
            vocab_size=len(vocabulary),
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=64,
            initializer_range=0.2,
        )
        BertModel(config).save_pretrained(folder / "bert")
    numbered = {word: index for index, word in enumerate(vocabulary)}
    BertTokenizerFast(vocab=numbered, model_max_length=32).save_pretrained(folder / "bert")
    transformer = Transformer(str(folder / "bert"), max_seq_length=32)
    model = SentenceTransformer(modules=[transformer, Pooling(16), Normalize()], device="cpu")
    model.save(str(folder / "model"), create_model_card=False)
    return str(folder / "model")


def training_set(labels):
    return TrainingSet(
        rows=np.arange(len(labels)),
        labels=np.asarray(labels, dtype=np.int64),
        weights=np.ones(len(labels), dtype=np.float32),
        names=("sea", "sport", "money"),
    )


def fit(base, texts, labels, *, report=silent, folder=None, device=CPU, seed=0, split=None, **parameters):
    from embtune.tuning.encoder_training import fit_encoder

    given = {
        "encoder": "all",
        "batch_size": 8,
        "lr_encoder": 0.01,
        "lr": 0.01,
        "epochs_encoder": 4,
    } | parameters
    return fit_encoder(
        texts,
        training_set(labels),
        split or Split(np.arange(len(labels)), np.zeros(0, dtype=np.int64)),
        parameters=RECIPE.parse(given),
        seed=seed,
        device=device,
        report=report,
        folder=folder,
        model_path=base,
    )


def records(texts):
    return Records(np.zeros((len(texts), 16), dtype=np.float32), lambda: texts, CPU)


def raw(base, texts):
    return EncoderModel(base).transform(records(texts))


def gap(vectors, labels):
    cosines, same = vectors @ vectors.T, labels[:, None] == labels[None, :]
    return cosines[same & ~np.eye(len(labels), dtype=bool)].mean() - cosines[~same].mean()


@pytest.fixture(scope="module")
def trained(base):
    return fit(base, *sentences(20))


@pytest.mark.parametrize("bfloat16", [False, True])
def test_training_moves_the_loss_and_the_vectors_do_not_collapse(base, bfloat16):
    texts, labels = sentences(20)
    made = fit(base, texts, labels, precision="bfloat16" if bfloat16 else "float32", epochs_encoder=8)
    losses = [point["train_loss"] for point in made.curve]
    assert losses[-1] < losses[0] * 0.8
    new, truth = sentences(10, seed=1)
    vectors = made.model.transform(records(new))
    assert gap(vectors, truth) > gap(raw(base, new), truth) + 0.1
    between = (vectors @ vectors.T)[truth[:, None] != truth[None, :]]
    assert between.mean() < 0.9
    names, probabilities = made.model.scores(records(new))
    assert names == ("sea", "sport", "money")
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert (probabilities.argmax(axis=1) == truth).mean() > 0.9


def test_the_model_comes_back_from_disk_as_it_was(trained, tmp_path):
    texts, _ = sentences(3, seed=1)
    expected = trained.model.transform(records(texts))
    (tmp_path / "v").mkdir()
    trained.model.save(tmp_path / "v")
    back = EncoderModel.load(tmp_path / "v")
    assert np.array_equal(back.transform(records(texts)), expected)
    assert np.array_equal(back.probabilities(expected)[1], trained.model.probabilities(expected)[1])
    assert back.affine() is None
    assert back.needs_texts
    assert [file.suffix for file in (tmp_path / "v").rglob("*.bin")] == []
    (tmp_path / "v" / "classes.safetensors").write_bytes(b"torn")
    with pytest.raises(BadFileError, match=r"The encoder in .* cannot be read: .*Tune again\."):
        EncoderModel.load(tmp_path / "v")


def test_exports_of_an_encoder_with_a_bent_head_give_its_vectors(base, tmp_path):
    from sentence_transformers import SentenceTransformer

    texts, labels = sentences(6)
    model = fit(base, texts, labels, epochs_encoder=1, head="widening").model
    expected = model.transform(records(texts))
    model.save_sentence_transformer(tmp_path / "st")
    assert SentenceTransformer(str(tmp_path / "st"), device="cpu").encode(texts) == pytest.approx(
        expected, abs=1e-4
    )
    model.save_servable(tmp_path / "servable")
    from quaterion_models import SimilarityModel

    served = SimilarityModel.load(str(tmp_path / "servable")).encode(texts)
    served /= np.linalg.norm(served, axis=1, keepdims=True)
    assert served == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(("accumulate", "stop_at"), [(1, 2), (1, 5), (3, 4), (3, 11)])
def test_a_cancelled_training_goes_on_and_ends_as_an_uninterrupted_one(
    base, tmp_path, monkeypatch, accumulate, stop_at
):
    from embtune.tuning import encoder_loop

    monkeypatch.setattr(encoder_loop, "_SECONDS_BETWEEN_REPORTS", 0.0)
    monkeypatch.setattr(encoder_loop, "_SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    texts, labels = sentences(12)
    split = Split(np.arange(0, 36, 2), np.arange(1, 36, 2))
    how = {
        "split": split,
        "accumulate": accumulate,
        "batch_size": 4,
        "epochs_encoder": 3,
        "head": "skip-connection",
        "dropout": 0.1,
    }
    whole = fit(base, texts, labels, **how).model.transform(records(texts))
    first_steps = []

    def stop(done, total=None, unit="", *_):
        if unit == "steps" and total is not None and done >= stop_at:
            raise JobCancelledError("stopped")

    def listen(done, total=None, unit="", *_):
        if unit == "steps" and total is not None:
            first_steps.append(done)

    folder = tmp_path / "kept"
    with pytest.raises(JobCancelledError, match="stopped"):
        fit(base, texts, labels, folder=folder, report=stop, **how)
    made = fit(base, texts, labels, folder=folder, report=listen, **how)
    assert first_steps[0] == stop_at - stop_at % 5 % accumulate  # five batches an epoch; whole steps are kept
    assert np.array_equal(made.model.transform(records(texts)), whole)
    assert [point["epoch"] for point in made.curve] == sorted({point["epoch"] for point in made.curve})
    assert not folder.exists()


def test_another_training_does_not_go_on_from_a_checkpoint(base, tmp_path):
    texts, labels = sentences(8)

    def stop(done, total=None, unit="", *_):
        if unit == "steps" and done >= 2:
            raise JobCancelledError("stopped")

    from embtune.tuning import encoder_loop

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoder_loop, "_SECONDS_BETWEEN_REPORTS", 0.0)
        with pytest.raises(JobCancelledError):
            fit(base, texts, labels, folder=tmp_path, report=stop)
    assert [file.suffix for file in tmp_path.iterdir()] == [".pt"]
    changed = np.array([*labels[:-1], 0])
    expected = fit(base, texts, changed).model.transform(records(texts))
    made = fit(base, texts, changed, folder=tmp_path)
    assert np.array_equal(made.model.transform(records(texts)), expected)


def test_a_torn_checkpoint_is_passed_over(base, tmp_path, monkeypatch):
    from embtune.tuning.checkpoints import Checkpoint

    texts, labels = sentences(4)
    monkeypatch.setattr(Checkpoint, "_path", lambda self, folder: folder / "known.pt")
    (tmp_path / "known.pt").write_bytes(b"torn")
    expected = fit(base, texts, labels, epochs_encoder=1).model.transform(records(texts))
    made = fit(base, texts, labels, epochs_encoder=1, folder=tmp_path)
    assert np.array_equal(made.model.transform(records(texts)), expected)


def weights(folder):
    from safetensors.numpy import load_file

    return load_file(f"{folder}/model.safetensors")


def changed_layers(base, model):
    before, after = weights(base), weights(model.encoder)
    return {
        name.split(".")[2] if "layer." in name else name.split(".")[0]
        for name in before
        if not np.array_equal(before[name], after[name])
    }


def test_only_the_layers_asked_for_are_trained(base):
    texts, labels = sentences(4)
    last = fit(base, texts, labels, encoder="last layers", n_layers_trained=1, epochs_encoder=1)
    assert changed_layers(base, last.model) == {"1"}
    whole = fit(base, texts, labels, epochs_encoder=1)
    assert changed_layers(base, whole.model) == {"embeddings", "0", "1"}


def test_earlier_layers_learn_more_slowly_with_layer_decay(base):
    from embtune.embedding.models import load_sentence_transformer, resolve_model
    from embtune.tuning.encoder_layers import parameter_groups

    model = load_sentence_transformer(resolve_model(base))
    groups = parameter_groups(model, which="all", n_layers=1, lr=0.1, layer_decay=0.5)
    assert [group["lr"] for group in groups] == pytest.approx([0.025, 0.05, 0.1])
    count = sum(parameter.numel() for group in groups for parameter in group["params"])
    assert count == sum(parameter.numel() for parameter in model.parameters())


def test_it_goes_back_to_the_best_epoch(base):
    texts, labels = sentences(10)
    split = Split(np.arange(0, 30, 2), np.arange(1, 30, 2))
    made = fit(base, texts, labels, split=split, epochs_encoder=30, lr_encoder=0.1, lr=0.1, patience=2)
    watched = {point["epoch"]: point["validation_loss"] for point in made.curve if "validation_loss" in point}
    assert made.best_epoch == min(watched, key=watched.get)
    assert made.stopped in ("early stopping", "max epochs")


def test_a_diverged_training_is_told(base, monkeypatch):
    from embtune.tuning.quaterion_losses import PrototypeLoss

    monkeypatch.setattr(
        PrototypeLoss, "forward", lambda self, embeddings, groups: embeddings.sum() * math.nan
    )
    with pytest.raises(BadInputError, match=r"The training diverged: choose an lr_encoder below 0\.01\."):
        fit(base, *sentences(4))


def test_the_same_seed_gives_the_same_vectors_and_leaves_global_randomness_alone(base):
    import torch

    texts, labels = sentences(4)
    torch.manual_seed(5)
    expected = torch.rand(1).item()
    torch.manual_seed(5)
    one, two, other = (
        fit(base, texts, labels, seed=seed, epochs_encoder=1).model.transform(records(texts))
        for seed in (1, 1, 2)
    )
    assert torch.rand(1).item() == expected
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("loss", ["center", "triplet"])
def test_other_losses_train_an_encoder(base, loss):
    texts, labels = sentences(10)
    model = fit(base, texts, labels, loss=loss, margin=0.2, epochs_encoder=8).model
    assert gap(model.transform(records(texts)), labels) > gap(raw(base, texts), labels) + 0.015
    assert (model.scores(records(texts)) is None) == (loss != "center")


def test_the_recipe_trains_an_encoder_on_labels_and_judgements_of_other_records(base, tmp_path):
    texts, labels = sentences(10)
    asked = []

    def read(rows):
        asked.append(rows)
        return [texts[row] for row in (range(30) if rows is None else rows)]

    judgements = Judgements(
        pairs=np.array([[1, 2], [1, 29]]),
        scores=np.array([1, 0], dtype=np.float32),
        triplets=np.array([[12, 13, 1]]),
    )
    corpus = Corpus(texts=read, model_path=base, judgements=judgements)
    training = TrainingSet(
        rows=np.arange(0, 30, 2),
        labels=labels[::2],
        weights=np.ones(15, dtype=np.float32),
        names=("sea", "sport", "money"),
    )
    parameters = {"encoder": "all", "batch_size": 8, "lr_encoder": 1e-3, "epochs_encoder": 2}
    vectors = raw(base, texts)
    made = RECIPE.fit(
        vectors,
        training,
        parameters=parameters,
        device=CPU,
        corpus=corpus,
    )
    assert asked[0].tolist() == [*range(0, 30, 2), 1, 13, 29]
    assert gap(made.vectors, labels) > gap(vectors, labels)
    assert made.libraries["sentence-transformers"] != "not installed"
    save_model(tmp_path / "v1", made)
    back = load_model(tmp_path / "v1")
    assert back.transform(Records(vectors, lambda: texts, CPU)) == pytest.approx(made.vectors, abs=1e-5)
    nothing = np.zeros(0, dtype=np.int64)
    alone = TrainingSet(nothing, nothing, np.zeros(0, dtype=np.float32), ())
    result = RECIPE.fit(vectors, alone, parameters=parameters, device=CPU, corpus=corpus)
    assert result.warnings == (
        "There are too few labels to learn from: it was trained on pairs and triplets alone.",
    )
    assert np.isfinite(result.vectors).all()
    assert not np.allclose(result.vectors, vectors, atol=1e-3)


def test_long_texts_and_none_are_read(base):
    texts, labels = sentences(4)
    texts[0], texts[1], texts[2] = "", "tide " * 5000, "half a pair \ud800"
    made = fit(base, texts, labels, epochs_encoder=1, max_tokens=8)
    assert np.isfinite(made.model.transform(records(texts))).all()


def test_what_is_missing_is_told(base, tmp_path):
    from embtune.tuning.encoder_training import train_encoder

    nothing = np.zeros(0, dtype=np.int64)
    with pytest.raises(ModelError):
        fit(str(tmp_path), *sentences(2))
    with pytest.raises(NotReadyError, match="neither labels nor judgements"):
        train_encoder(
            ["a"],
            TrainingSet(nothing, nothing, np.zeros(0, dtype=np.float32), ()),
            Split(nothing, nothing),
            device=CPU,
            model_path=base,
        )


def test_progress_is_told_in_steps_with_the_curve(base, monkeypatch, capfd):
    from embtune.tuning import encoder_loop

    monkeypatch.setattr(encoder_loop, "_SECONDS_BETWEEN_REPORTS", 0.0)
    told = []
    fit(base, *sentences(8), report=lambda *given: told.append(given))
    steps = [given for given in told if given[2] == "steps" and given[1] is not None]
    assert [given[0] for given in steps[:4]] == [0, 1, 2, 3]
    assert steps[-1][:2] == (12, 12)
    assert steps[-1][4]["curve"][-1]["epoch"] == 4
    assert capfd.readouterr() == ("", "")
