from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest

from embtune.embedding import encoder as module
from embtune.embedding.device import Device
from embtune.embedding.encoder import Encoder
from embtune.embedding.models import ResolvedModel, resolve_model
from embtune.errors import JobCancelledError, ModelError, UnknownChoiceError

CPU = Device("cpu", "this computer's processor (2 cores)", bfloat16=False)
CPU_WITH_BFLOAT16 = Device("cpu", "this computer's processor (2 cores)", bfloat16=True)
TEXTS = [
    "The council voted to close the old bridge.",
    "Goal!",
    "",
    "A ferry crossing that used to take the better part of a day now takes forty minutes, and the islanders "
    "cannot agree whether that is good news. " * 3,
    "Shares in the shipyard fell by a tenth.",
]


def lists(parts):
    return [part.tolist() for part in parts]


def test_batches_are_filled_longest_first_up_to_the_budget():
    lengths = np.array([2, 9, 4, 4, 1, 30])
    assert lists(module._batches(lengths, budget=12)) == [[5], [1], [2, 3, 0], [4]]


def test_windows_hold_few_long_texts_and_many_short_ones(monkeypatch):
    monkeypatch.setattr(module, "_WINDOW_RECORDS", 3)
    monkeypatch.setattr(module, "_WINDOW_CHARACTERS", 100)
    characters = np.array([1, 60, 5000, 1, 40, 1, 1])
    assert lists(module._windows(characters, limit=80)) == [[2], [1, 4], [0, 3, 5], [6]]
    assert lists(module._windows(np.array([], dtype=np.int64), limit=80)) == []


class WordModel:
    """A model of 2 values that counts a text's words and its letters e, with a word as a token."""

    prompts: ClassVar[dict[str, str]] = {}
    default_prompt_name = None
    transformers_model = None
    max_seq_length = 8
    tokenizer = SimpleNamespace(padding_side="right")

    def __init__(self):
        self.tokenized = []
        self.shapes = []
        self.room = 10**9

    def get_embedding_dimension(self):
        return 2

    def preprocess(self, texts, prompt=None):
        import torch

        self.tokenized += texts
        words = [text.split()[: self.max_seq_length] for text in texts]
        mask = torch.zeros(len(texts), max(map(len, words)), dtype=torch.long)
        ids = torch.zeros_like(mask)
        for row, found in enumerate(words):
            columns = (
                slice(None, len(found))
                if self.tokenizer.padding_side == "right"
                else slice(-len(found), None)
            )
            mask[row, columns] = 1
            ids[row, columns] = torch.tensor([1 + word.count("e") for word in found])
        return {"input_ids": ids, "attention_mask": mask, "modality": "text"}

    def __call__(self, features):
        import torch

        ids, mask = features["input_ids"], features["attention_mask"]
        if ids.numel() > self.room:
            raise torch.OutOfMemoryError
        self.shapes.append(tuple(ids.shape))
        return {"sentence_embedding": torch.stack([(ids * mask).sum(1), mask.sum(1)], dim=1).double()}


def with_model(model):
    return Encoder(model, ResolvedModel("words", "words", "folder", None), CPU)


def expected(*pairs):
    vectors = np.array(pairs, dtype=float)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize("side", ["right", "left"])
def test_order_is_kept_and_padding_stays_out(side):
    model = WordModel()
    model.tokenizer = SimpleNamespace(padding_side=side)
    vectors = with_model(model).encode(["one", "two three e", "seven eee", "x"], batch_size=1)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, expected((2, 1), (6, 3), (7, 2), (1, 1)), rtol=1e-6)


def test_a_batch_is_no_wider_than_its_longest_text(monkeypatch):
    monkeypatch.setitem(module._TOKENS_PER_UNIT, "cpu", 4)
    model = WordModel()
    with_model(model).encode(["a b c", "a", "a", "a b", "a b"], batch_size=1)
    assert model.shapes == [(1, 3), (2, 2), (2, 1)]


def test_progress_is_told_per_batch_and_cancel_passes(monkeypatch):
    monkeypatch.setitem(module._TOKENS_PER_UNIT, "cpu", 4)
    told = []

    def report(done, total=None, unit="", message="", detail=None):
        told.append((done, total, unit))
        if done >= 3:
            raise JobCancelledError("stopped")

    with pytest.raises(JobCancelledError):
        with_model(WordModel()).encode(["a b c", "a", "a", "a b", "a b"], batch_size=1, report=report)
    assert told == [(0, 5, "records"), (1, 5, "records"), (3, 5, "records")]


def test_no_texts():
    assert with_model(WordModel()).encode([]).shape == (0, 2)


def test_one_text_instead_of_a_list_is_refused():
    with pytest.raises(TypeError, match="a list of texts"):
        with_model(WordModel()).encode("one")


def test_a_batch_that_does_not_fit_is_halved():
    model = WordModel()
    model.room = 5
    vectors = with_model(model).encode(["a b", "e b", "a", "e", "a b"])
    np.testing.assert_allclose(vectors, expected((2, 2), (3, 2), (1, 1), (2, 1), (2, 2)), rtol=1e-6)
    assert all(rows * width <= 5 for rows, width in model.shapes)
    model.room = 1
    with pytest.raises(
        ModelError, match="has too little memory for the model 'words': choose the device 'cpu'"
    ):
        with_model(model).encode(["a b"])


def test_a_huge_text_is_cut_before_it_is_tokenized():
    model = WordModel()
    with_model(model).encode(["word " * 200_000])
    assert max(map(len, model.tokenized)) == 8 * 20


def test_a_text_of_few_tokens_is_cut_later():
    model = WordModel()
    # Of 2,000 letters a word, 10,240 characters hold five whole ones and 235 letters of the sixth.
    text = " ".join(["e" * 2000] * 9)
    np.testing.assert_allclose(
        with_model(model).encode([text, "x" * 10**6, " " * 10**6 + "a e", ""]),
        [*expected((5 * 2001 + 236, 6), (1, 1), (3, 2)), (0, 0)],
        rtol=1e-6,
    )
    assert max(map(len, model.tokenized)) == 8 * 1280


def test_half_a_surrogate_pair_is_replaced():
    model = WordModel()
    with_model(model).encode(["caf\u00e9 \ud83d"])
    assert model.tokenized == ["café ?"]


def test_bags_of_words_are_computed_batch_by_batch():
    import torch

    class BagModel(WordModel):
        def preprocess(self, texts, prompt=None):
            return {"input_ids": torch.tensor([len(text) for text in texts])}

        def __call__(self, features):
            self.shapes.append(len(features["input_ids"]))
            return {
                "sentence_embedding": torch.stack(
                    [features["input_ids"], features["input_ids"] * 0], 1
                ).float()
            }

    model = BagModel()
    np.testing.assert_array_equal(
        with_model(model).encode(["ab", "", "a", "abc", "a"], batch_size=2),
        [[1, 0], [0, 0], [1, 0], [1, 0], [1, 0]],
    )
    assert model.shapes == [2, 2, 1]


def test_an_unlimited_transformer_is_held_to_its_positions():
    model = WordModel()
    model.max_seq_length = int(1e30)
    model.transformers_model = SimpleNamespace(config=SimpleNamespace(max_position_embeddings=514))
    assert with_model(model).max_tokens == 512
    assert model.max_seq_length == 512


def test_unknown_precision_is_told():
    with pytest.raises(UnknownChoiceError, match="Unknown precision 'int4'"):
        Encoder.load(ResolvedModel("m", "m", "folder", None), CPU, precision="int4")


def test_a_model_that_cannot_be_loaded_is_told(tmp_path):
    (tmp_path / "modules.json").write_text("not json")
    with pytest.raises(ModelError, match=r"The model .* cannot be loaded: .* Check that it is a whole"):
        Encoder.load(resolve_model(str(tmp_path)), CPU)


@pytest.fixture(scope="module")
def resolved():
    try:
        found = resolve_model()
    except ModelError as error:
        pytest.skip(str(error))
    if found.origin == "hub":
        pytest.skip("the default model is neither in its package nor in the hub's cache")
    return found


@pytest.fixture(scope="module")
def float32(resolved):
    return Encoder.load(resolved, CPU)


@pytest.mark.model
def test_vectors_are_sentence_transformers_own(float32):
    vectors = float32.encode(TEXTS)
    theirs = float32.sentence_transformer.encode(TEXTS)
    assert (float32.name, float32.dim, float32.max_tokens) == ("all-MiniLM-L6-v2", 384, 256)
    assert (float32.dtype, float32.probe_cosine) == ("float32", None)
    assert (vectors.shape, vectors.dtype) == ((5, 384), np.float32)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)
    assert (vectors * theirs).sum(axis=1).min() > 0.999999


@pytest.mark.model
def test_vectors_do_not_depend_on_the_company_they_are_in(float32):
    together = float32.encode(TEXTS)
    np.testing.assert_array_equal(float32.encode(TEXTS), together)
    alone = np.concatenate([float32.encode([text]) for text in TEXTS])
    assert (alone * together).sum(axis=1).min() > 0.9999
    assert (float32.encode(TEXTS[::-1], batch_size=2)[::-1] * together).sum(axis=1).min() > 0.9999


@pytest.mark.model
def test_a_huge_text_has_the_vector_of_its_beginning(float32):
    words = "The quiet harbour town woke to snow. "
    huge, beginning, blanks = float32.encode([words * 30_000, words * 60, " " * 10**6 + words])
    assert huge @ beginning > 0.9999
    assert blanks @ float32.encode([words])[0] > 0.9999


@pytest.mark.model
def test_loading_leaves_no_trace(resolved, capfd):
    import torch
    from transformers.utils import logging as transformers_logging

    before = (
        torch.get_default_dtype(),
        torch.get_num_threads(),
        transformers_logging.is_progress_bar_enabled(),
    )
    Encoder.load(resolved, CPU).encode(TEXTS)
    after = (
        torch.get_default_dtype(),
        torch.get_num_threads(),
        transformers_logging.is_progress_bar_enabled(),
    )
    assert after == before
    assert capfd.readouterr() == ("", "")


@pytest.mark.model
def test_bfloat16_where_it_is_native_and_close(resolved, float32):
    import torch

    fast = Encoder.load(resolved, CPU_WITH_BFLOAT16)
    assert fast.dtype == "bfloat16"
    assert fast.probe_cosine >= 0.999
    assert (fast.encode(TEXTS) * float32.encode(TEXTS)).sum(axis=1).min() >= 0.999
    assert fast.sentence_transformer.dtype == torch.float32


@pytest.mark.model
def test_float32_where_bfloat16_is_not_close(resolved, float32, monkeypatch):
    monkeypatch.setattr(module, "_PROBES", TEXTS[:2])
    monkeypatch.setattr(module, "MIN_PROBE_COSINE", 0.9999999)
    careful = Encoder.load(resolved, CPU_WITH_BFLOAT16)
    assert careful.dtype == "float32"
    assert 0.999 <= careful.probe_cosine < 0.9999999
    np.testing.assert_array_equal(careful.encode(TEXTS), float32.encode(TEXTS))


@pytest.mark.model
@pytest.mark.parametrize(("precision", "device"), [("float32", CPU_WITH_BFLOAT16), ("bfloat16", CPU)])
def test_precision_can_be_insisted_on(resolved, precision, device, monkeypatch):
    monkeypatch.setattr(module, "_PROBES", TEXTS[:2])
    assert Encoder.load(resolved, device, precision=precision).dtype == precision
