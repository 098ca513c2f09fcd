"""Base models compared on the labels at hand: same records, honest intervals, and one sentence."""

import json

import numpy as np
import pytest

from embtune.errors import BadInputError, JobCancelledError, ModelError, TooFewLabelsError
from embtune.evaluation.base_models import (
    StartScores,
    better_start,
    fitting_k,
    sample_labelled,
    score_start,
)
from embtune.jobs.runner import run
from embtune.store.jobs import create_job
from embtune.work.base_models import known_models
from tests.conftest import synthetic


def scored(top_k, right, n=400, k=10):
    """Scores with those means: the first records are the ones that are found and right."""
    at = np.arange(n) / n
    return StartScores((at < top_k).astype(np.float32), (at < right).astype(np.float32), k)


def test_a_sample_takes_of_every_class_its_share_and_no_single_record():
    labels = np.array([0] * 80 + [1] * 20 + [2])
    places = sample_labelled(labels, 50, seed=0)
    assert np.bincount(labels[places]).tolist() == [40, 10]
    assert places.tolist() == sample_labelled(labels, 50, seed=0).tolist()
    assert len(sample_labelled(labels, 2000, seed=0)) == 100


def test_too_few_labels_are_told_with_their_number():
    with pytest.raises(TooFewLabelsError, match="there are 9 of 1"):
        sample_labelled(np.array([0] * 9 + [1]), 2000, 0)


@pytest.mark.parametrize(("n_each", "k"), [(200, 100), (50, 25), (20, 10), (4, 5)])
def test_k_stays_within_half_a_class(n_each, k):
    assert fitting_k(np.repeat([0, 1, 2], n_each)) == k


def test_scores_are_counted_by_hand():
    # Four records a side; the last of the second class lies with the first.
    vectors = np.array([[1, 0]] * 4 + [[0, 1]] * 3 + [[1, 0]], dtype=np.float32)
    labels = np.array([0] * 4 + [1] * 4)
    found = score_start(vectors, labels, 3)
    assert found.top_k[7] == 0
    assert found.top_k[4:7] == pytest.approx([2 / 3] * 3, abs=0.34)  # its third neighbour is any other
    assert found.right[7] == 0
    assert found.right[:7].sum() == 7


def test_a_difference_beyond_its_interval_names_the_better_start():
    sentence, best = better_start(["a", "b"], [scored(0.5, 0.7), scored(0.7, 0.7)], [10, 10])
    assert best == "b"
    assert sentence.startswith("b is the better start: +20.0 points (95 % interval +1")
    assert sentence.endswith("of top_10 above a.")


def test_a_difference_within_its_interval_is_called_chance_and_the_faster_is_named():
    sentence, best = better_start(["a", "b"], [scored(0.5, 0.7), scored(0.505, 0.7)], [100, 10])
    assert best is None
    assert "cannot be told apart" in sentence
    assert sentence.endswith("may be chance; a is the faster one.")


def test_where_neighbours_are_alike_the_predictions_decide():
    sentence, best = better_start(["a", "b"], [scored(0.5, 0.9), scored(0.5, 0.7)], [10, 10])
    assert best == "a"
    assert "of accuracy above b" in sentence


def test_two_that_are_better_at_different_things_are_both_told():
    sentence, best = better_start(["a", "b"], [scored(0.5, 0.9), scored(0.7, 0.7)], [10, 10])
    assert best is None
    assert sentence.startswith("b finds better neighbours")
    assert "a predicts better (+20.0 points" in sentence


def test_one_model_alone_and_none_are_told():
    assert better_start(["a"], [scored(0.5, 0.5)], [10])[0].startswith("Only a could be measured")
    assert better_start([], [], [])[1] is None


# ---- of a project ------------------------------------------------------------------------------


@pytest.fixture
def models(monkeypatch):
    """Two models by name that encode the synthetic records: `clear` as they are, `blurred` with noise."""
    rows, vectors = synthetic()
    by_text = {f"{row['title']}. {row['body']}": vector for row, vector in zip(rows, vectors, strict=True)}
    asked = {}

    class Fake:
        dim = 16

        def __init__(self, name):
            self.name = name

        def encode(self, texts, report=None):
            asked[self.name] = list(texts)
            found = np.array([by_text[text] for text in texts])
            if self.name == "blurred":
                found = found + np.random.default_rng(0).normal(0, 2, found.shape)
            return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)

    def resolve(name):
        if name not in ("clear", "blurred"):
            raise ModelError(f"There is no model {name!r}.")
        return name

    monkeypatch.setattr("embtune.embedding.models.resolve_model", resolve)
    monkeypatch.setattr("embtune.embedding.encoder.Encoder.load", lambda name, _device: Fake(name))
    return asked


def test_models_are_measured_on_the_same_labelled_records_and_a_missing_one_has_its_error(
    project, label_rows, models
):
    label_rows(project, np.arange(45))
    job = run(
        project, create_job(project.db, project.id, "base_models", {"names": ["clear", "nope", "blurred"]})
    )
    assert job.state == "done", job.error
    found = job.result
    json.dumps(found)
    assert models["clear"] == models["blurred"]
    assert len(models["clear"]) == 45
    assert [m["error"] for m in found["models"]] == [None, "There is no model 'nope'.", None]
    assert found["best"] == "clear"
    assert found["models"][0]["top_k"] > found["models"][2]["top_k"]
    assert known_models(project) == (found, True)
    label_rows(project, [50])
    assert known_models(project) == (found, False)


def test_reference_labels_are_never_used(project, models):
    with pytest.raises(TooFewLabelsError):
        project.compare_models(["clear"])  # 60 reference labels, none given
    assert models == {}


def test_a_cancel_is_no_error_of_a_model(project, label_rows, models):
    label_rows(project, np.arange(45))

    def cancel(*_args, **_more):
        raise JobCancelledError("stop")

    with pytest.raises(JobCancelledError):
        project.compare_models(["clear"], report=cancel)


def test_no_name_at_all_is_refused(project):
    with pytest.raises(BadInputError, match="0 base models were named"):
        project.compare_models(["  "])


@pytest.mark.model
def test_a_model_folder_is_measured_beside_the_packaged_one(project, label_rows, tmp_path):
    """A second model folder: the same one without its transformer's layers but the first."""
    from sentence_transformers import SentenceTransformer

    from embtune.embedding.models import resolve_model

    stump = SentenceTransformer(resolve_model().path, device="cpu")
    stump.transformers_model.encoder.layer = stump.transformers_model.encoder.layer[:1]
    stump.transformers_model.config.num_hidden_layers = 1
    stump.save(str(tmp_path / "stump"))
    label_rows(project, np.arange(45))
    found = project.compare_models(["all-MiniLM-L6-v2", str(tmp_path / "stump")], device="cpu")
    assert [(m["error"], m["dim"]) for m in found["models"]] == [(None, 384), (None, 384)]
    packaged, first_layer = found["models"]
    assert first_layer["records_per_second"] > packaged["records_per_second"]
    assert packaged["top_k"] != first_layer["top_k"]
