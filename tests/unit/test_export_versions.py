"""Every kind of version leaves as a model that other programs load, and gives the vectors promised."""

import json
from pathlib import Path

import numpy as np
import pytest

import embtune
from embtune.errors import StorageError
from embtune.tuning.blend_model import BlendModel
from embtune.tuning.encoder_model import EncoderModel
from embtune.tuning.export import transform_head
from embtune.work.distilling import distillation, distilled_head, in_words, needs_distilling

pytestmark = pytest.mark.model

TEXTS = ["A goal in the last minute", "The bank raised its rates again"]
TOPICS = {
    "sport": ["The team won the match", "A goal in extra time", "The coach praised her players"],
    "money": ["Shares rose at the exchange", "The bank raised its rates", "Profits fell this quarter"],
}


@pytest.fixture(autouse=True)
def one_thread():
    """Matrices this small are slower on several, and on a busy machine very much so."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def spread():
    """A project of 72 texts in two topics, a third of them labelled, tuned by propagation."""
    project = embtune.open("texts")
    rows = [
        {"text": f"{text} on day {i}.", "topic": name}
        for i in range(12)
        for name, texts in TOPICS.items()
        for text in texts
    ]
    project.import_records(json.dumps(rows).encode(), name="t.json", text="{text}", reference_field="topic")
    project.embed()
    for name in TOPICS:
        project.label([row for row in range(24) if rows[row]["topic"] == name], name)
    project.tune("propagate")
    return project


def least_cosine(left, right):
    left, right = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (left, right))
    return float((left * right).sum(axis=1).min())


def loaded(folder, kind):
    if kind == "servable":
        from embtune.tuning import quaterion_compat  # noqa: F401

        # isort: split
        from quaterion_models import SimilarityModel

        return SimilarityModel.load(str(folder)).encode(TEXTS)
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(folder), device="cpu").encode(TEXTS)


def raw(project):
    return np.stack([project.encode_query(text, "raw") for text in TEXTS])


def test_a_version_that_does_not_fold_is_exported_as_what_it_was_distilled_into(
    spread, tmp_path, monkeypatch
):
    assert needs_distilling(spread, "v1")
    assert distillation(spread, "v1") is None
    result = spread.export_model("v1", tmp_path / "st")
    about = distillation(spread, "v1")
    assert result["distilled"] == about
    assert result["in_words"] == in_words(about)
    assert about["loss"] == pytest.approx(1 - about["cosine"], abs=1e-4)
    # A fifth of 72 records is held out, and all of these have a reference label that no training saw.
    assert about["n_learned"] == 72 - 14
    assert about["n_held_out"] == about["n_measured"] == 14
    assert about["measured_on"] == "reference labels"
    assert set(about["top_k"]) == {"raw", "version", "distilled"}
    assert f"{100 * about['top_k']['distilled']:.1f} % same-label neighbours" in result["in_words"]
    head, _ = distilled_head(spread, "v1")
    wanted = transform_head(head, raw(spread))
    assert least_cosine(loaded(tmp_path / "st", "sentence-transformer"), wanted) > 0.9999
    model = spread.tuned_model("v1")
    assert isinstance(model, BlendModel)

    def again(*_, **__):
        raise AssertionError("distilled twice")

    monkeypatch.setattr("embtune.tuning.distillation.distil", again)
    spread.export_model("v1", tmp_path / "servable", kind="servable")
    assert least_cosine(loaded(tmp_path / "servable", "servable"), wanted) > 0.9999
    card = (tmp_path / "st" / "README.md").read_text(encoding="utf-8")
    assert result["in_words"] in card
    assert 'base_model: "all-MiniLM-L6-v2"' in card


def test_a_damaged_distillation_is_made_anew(spread):
    distilled_head(spread, "v1")
    place = spread.path(spread.version("v1").folder) / "distilled"
    (place / "head.safetensors").write_bytes(b"torn")
    head, _ = distilled_head(spread, "v1")
    assert transform_head(head, raw(spread)).shape == (2, spread.vectors("v1").shape[1])


@pytest.mark.parametrize("kind", ["sentence-transformer", "servable"])
def test_a_tuned_encoder_is_exported_as_it_is(spread, tmp_path, monkeypatch, kind):
    base = Path(spread.model_path(spread.require_embedding("raw")))
    model = EncoderModel(base)
    monkeypatch.setattr(type(spread), "tuned_model", lambda self, version: model)
    result = spread.export_model("v1", tmp_path / "out", kind=kind)
    assert result["distilled"] is None
    assert least_cosine(loaded(tmp_path / "out", kind), raw(spread)) > 0.9999


def test_a_blend_with_a_tuned_encoder_is_distilled_behind_that_encoder(spread, tmp_path, monkeypatch):
    from sentence_transformers import SentenceTransformer

    other = SentenceTransformer(spread.model_path(spread.require_embedding("raw")), device="cpu")
    other.state_dict()["0.model.embeddings.word_embeddings.weight"].mul_(0.7)  # as if it had been trained
    other.save(str(tmp_path / "encoder"), create_model_card=False)
    found = spread.tuned_model("v1")
    model = BlendModel(
        found.names,
        found.scorers,
        found.raw_share,
        found.sharpness,
        found.center,
        found.rest,
        found.words,
        EncoderModel(tmp_path / "encoder"),
    )
    monkeypatch.setattr(type(spread), "tuned_model", lambda self, version: model)
    result = spread.export_model("v1", tmp_path / "out")
    assert result["distilled"]["from"] == "tuned encoder"
    head, _ = distilled_head(spread, "v1")
    before = other.encode(TEXTS, normalize_embeddings=True)
    assert least_cosine(before, raw(spread)) < 0.999
    exported = loaded(tmp_path / "out", "sentence-transformer")
    assert least_cosine(exported, transform_head(head, before)) > 0.9999


def test_a_failure_leaves_nothing_behind(spread, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    distilled_head(spread, "v1")
    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(StorageError, match=r"out cannot be written: No space left on device\."):
        spread.export_model("v1", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
