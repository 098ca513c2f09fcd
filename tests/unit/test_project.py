"""The façade over synthetic vectors: what one project can be asked and told."""

import json

import numpy as np
import pytest

import embtune
from embtune.errors import (
    BadInputError,
    ModelError,
    NotFoundError,
    NotReadyError,
    TooFewLabelsError,
    UnknownChoiceError,
    VectorsError,
)


@pytest.fixture
def circle(home, tmp_path):
    """Five records at 0, 10, 20, 90 and 180 degrees."""
    angles = np.deg2rad([0, 10, 20, 90, 180])
    np.save(tmp_path / "circle.npy", 3 * np.column_stack([np.cos(angles), np.sin(angles)]))
    project = embtune.open("circle")
    project.import_records(b"name\nzero\nten\ntwenty\nninety\nhundred-eighty\n", name="c.csv", text="{name}")
    project.embed(vectors=tmp_path / "circle.npy")
    return project


# ---- neighbours and records ------------------------------------------------------------------


def test_neighbors_are_those_computed_by_hand(circle):
    found = circle.neighbors(0, k=4)
    assert [n.record.text for n in found] == ["ten", "twenty", "ninety", "hundred-eighty"]
    assert [n.cosine for n in found] == pytest.approx([0.98481, 0.93969, 0, -1], abs=1e-4)
    assert [n.rank for n in found] == [1, 2, 3, 4]
    assert [n.record.row for n in circle.neighbors(circle.record_ids[3], k=2)] == [2, 1]
    assert len(circle.neighbors(0, k=100)) == 4


def test_what_neighbors_cannot_be_asked(circle):
    with pytest.raises(NotFoundError, match="Project 'circle' has no record 'zzz'"):
        circle.neighbors("zzz")
    with pytest.raises(BadInputError, match="k is 0; it must be at least 1"):
        circle.neighbors(0, k=0)
    with pytest.raises(UnknownChoiceError, match=r"Unknown embedding 'v9'\. Choose one of: raw"):
        circle.neighbors(0, embedding="v9")
    with pytest.raises(NotReadyError, match="These vectors are your own: a free text cannot be encoded"):
        circle.search_by_meaning("anything")


def test_search_is_in_order_of_the_rows(project):
    assert [record.row for record in project.search("STORY alpha 19")] == [57]
    assert [record.row for record in project.search("beta", limit=2)] == [1, 4]


def test_a_record_shows_its_fields_and_labels(project):
    project.label([0], "Beta", source="lasso")
    record = project.record(0)
    assert record.fields == {"title": "Alpha story 0", "body": "Words about alpha, number 0."}
    assert record.text == "Alpha story 0. Words about alpha, number 0."
    assert (record.label, record.source, record.confidence, record.reference_label) == (
        "Beta",
        "lasso",
        1.0,
        "Alpha",
    )
    assert project.record(record.id) == record
    assert [r.row for r in project.records([5, 1, 3])] == [5, 1, 3]


def test_status_has_the_shape_that_scripts_read(project):
    project.label([0, 1], "Alpha")
    project.label([2], "Beta", source="model", confidence=0.5)
    status = project.status()
    assert json.loads(json.dumps(status)) == status
    assert status["project"] == "demo"
    assert (status["n_records"], status["n_reference"], status["n_labelled"]) == (60, 60, 3)
    assert status["annotations"] == {"manual": 2, "model": 1}
    assert status["labels"] == ["Alpha", "Beta", "Gamma"]
    assert status["embeddings"] == [{"name": "raw", "model": "own vectors", "dim": 16, "n_records": 60}]
    assert (status["versions"], status["active_embedding"]) == ([], "raw")


# ---- embedding -------------------------------------------------------------------------------


def test_own_vectors_are_scaled_to_unit_length(circle):
    assert np.linalg.norm(circle.vectors(), axis=1) == pytest.approx(np.ones(5))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.ones((4, 2)), r"new\.npy has 4 rows, but the project has 5 records"),
        (np.ones(5), r"new\.npy must hold a 2-D array .*\(5,\)"),
        (np.array([[1, 0]] * 4 + [[np.nan, 1]]), r"new\.npy has a value that is not finite .* in row 5"),
        (np.array([[1, 0], [0, 0]] + [[1, 1]] * 3), r"new\.npy has only zeros in row 2"),
        (np.array([["a", "b"]] * 5), r"new\.npy must hold floating-point numbers"),
    ],
)
def test_unusable_vectors_are_told_and_the_old_ones_stay(circle, tmp_path, array, message):
    before = circle.vectors().copy()
    np.save(tmp_path / "new.npy", array)
    with pytest.raises(VectorsError, match=message):
        circle.embed(vectors=tmp_path / "new.npy")
    assert (circle.vectors() == before).all()
    assert len(circle.embeddings) == 1


def test_without_records_or_vectors_the_next_step_is_told(home):
    project = embtune.open("empty")
    with pytest.raises(NotReadyError, match="has no records yet: import a file first"):
        project.embed()
    project.import_records(b"a\nx\n", name="a.csv", text="{a}")
    with pytest.raises(NotReadyError, match="is not embedded yet: run `embtune embed`"):
        project.neighbors(0)
    with pytest.raises(ModelError, match="no-such-model"):
        project.embed(model="./no-such-model")


def test_own_vectors_are_replaced_by_no_model_unasked(circle):
    before = circle.require_embedding("raw").file
    assert circle.embed()["n_encoded"] == 0
    assert circle.require_embedding("raw").file == before


def test_other_vectors_make_another_map(circle, tmp_path):
    first = circle.map("raw", "pca").copy()
    np.save(tmp_path / "other.npy", np.eye(5, 3) + 0.1)
    circle.embed(vectors=tmp_path / "other.npy")
    assert circle.find_map("raw", "pca") is None
    assert circle.map("raw", "pca", make=False) is None
    second = circle.map("raw", "pca")
    assert not np.allclose(first, second)
    assert circle.map("raw", "pca", make=False) is second
    assert len(list(circle.folder("maps").glob("*.npy"))) == 1


def test_records_that_came_later_need_vectors_of_their_own(project, axes, tmp_path, label_rows):
    label_rows(project, range(30))
    project.tune("axes")
    vectors = project.vectors("raw").copy()
    project.import_records(b"title,body\nAlpha new,One\nBeta new,Two\n", name="more.csv")
    with pytest.raises(NotReadyError, match=r"The first 60 records have vectors of your own: give .* all 62"):
        project.embed()
    with pytest.raises(NotReadyError, match="The record is newer than the embedding 'raw': embed again"):
        project.neighbors(61)
    with pytest.raises(NotReadyError, match="2 records are newer than the embedding 'raw': embed them first"):
        project.evaluate(maps=False)
    with pytest.raises(NotReadyError, match="2 records are newer than the embedding: embed them first"):
        project.tune("axes")
    np.save(tmp_path / "wrong.npy", np.ones((62, 16)))
    with pytest.raises(BadInputError, match=r"the first 60 rows of .* must be the same"):
        project.embed(vectors=tmp_path / "wrong.npy")
    new = np.zeros((2, 16), dtype=np.float32)
    new[:, :2], new[:, 9] = np.eye(2), 1
    np.save(tmp_path / "more.npy", np.concatenate([vectors, new]))
    assert project.embed(vectors=tmp_path / "more.npy")["extended"] == ["v1"]
    tuned = project.vectors("v1")
    assert tuned.shape == (62, 16)
    assert np.argmax(tuned[60:], axis=1).tolist() == [0, 1]
    assert tuned[60, 9] == pytest.approx(0, abs=1e-6)
    assert project.neighbors(61, k=1, embedding="v1")[0].record.text.startswith("Beta")


@pytest.mark.model
def test_records_that_came_later_are_encoded_alone_and_versions_follow(home, axes, label_rows):
    project = embtune.open("later")
    texts = [f"{name} number {i} about {name.lower()}" for i in range(3) for name in ("Alpha", "Beta")]
    lines = [f"{text},{text.split()[0]}" for text in texts]
    content = "\n".join(["text,topic", *lines]).encode()
    project.import_records(content, name="t.csv", text="{text}", reference_field="topic")
    assert project.embed(device="cpu")["n_encoded"] == 6
    before = project.vectors("raw").copy()
    label_rows(project, range(6))
    project.tune("axes", parameters={"keep": "all"})
    project.import_records(b"text\nSomething else entirely\n", name="more.csv")
    result = project.embed(device="cpu")
    assert (result["n_encoded"], result["n_records"]) == (1, 7)
    assert (project.vectors("raw")[:6] == before).all()
    assert result["extended"] == ["v1"]
    assert np.allclose(project.vectors("v1"), project.vectors("raw"), atol=1e-3)
    assert project.embed(device="cpu")["n_encoded"] == 0
    found = project.search_by_meaning("Something else entirely", k=1)
    assert (found[0].record.row, found[0].cosine) == (6, pytest.approx(1, abs=1e-2))


# ---- measuring -------------------------------------------------------------------------------


def by_hand(vectors, labels, k):
    """Mean share of the query's label among its k nearest others."""
    cosine = vectors @ vectors.T
    np.fill_diagonal(cosine, -np.inf)
    nearest = np.argsort(-cosine, axis=1)[:, :k]
    return (labels[nearest] == labels[:, None]).mean()


def test_top_k_follows_the_protocol(project):
    result = project.evaluate(ks=[5, 10, 1000], maps=False)
    labels = np.tile([0, 1, 2], 20)
    assert result["top_k"] == {
        "5": pytest.approx(by_hand(project.vectors(), labels, 5), abs=1e-4),
        "10": pytest.approx(by_hand(project.vectors(), labels, 10), abs=1e-4),
    }
    assert (result["embedding"], result["measured_on"]) == ("raw", "reference labels")
    assert (result["n_records"], result["n_queries"]) == (60, 60)
    low, high = result["interval"]["10"]
    assert low < result["top_k"]["10"] < high
    assert result["shapes_10"] is None
    assert project.evaluate(ks=[5], n_queries=7, maps=False)["n_queries"] == 7


def test_a_classifier_learns_from_labels_outside_the_measured_records(project, label_rows, tmp_path):
    result = project.evaluate(ks=[5], maps=False)
    assert result["accuracy"] is None
    assert "labels of at least 2 classes are needed" in result["accuracy_note"]
    label_rows(project, range(6))  # on measured records: they teach, and are not tested on
    scores = project.evaluate(ks=[5], maps=False)["classification"]
    assert (scores["n_train"], scores["n_tested"]) == (6, 54)
    project.undo(), project.undo(), project.undo()
    new = "title,body\n" + "".join(f"{name} more {i},x\n" for i in range(4) for name in ("Alpha", "Beta"))
    project.import_records(new.encode(), name="new.csv")
    like = np.zeros((8, 16), dtype=np.float32)
    like[::2, 0] = like[1::2, 1] = 1
    np.save(tmp_path / "all.npy", np.concatenate([project.vectors("raw"), like]))
    project.embed(vectors=tmp_path / "all.npy")
    label_rows(project, range(60, 68))
    scores = project.evaluate(ks=[5], maps=False)
    assert scores["classification"]["n_train"] == 8
    assert scores["classification"]["n_tested"] == 60
    assert scores["accuracy"] == pytest.approx(2 / 3, abs=0.04)  # no Gamma was there to learn


def test_a_result_is_kept_until_labels_or_the_question_change(project, monkeypatch):
    first = project.evaluate(ks=[5], maps=False)
    from embtune.work import measuring

    monkeypatch.setattr(measuring, "score_neighbours", lambda *_, **__: pytest.fail("computed again"))
    assert project.evaluate(ks=[5], maps=False) == first
    assert embtune.open("demo").evaluate(embedding="best", ks=[5], maps=False) == first
    with pytest.raises(pytest.fail.Exception):
        project.evaluate(ks=[10], maps=False)


def test_labels_kept_aside_measure_where_there_are_no_reference_labels(plain_project, label_rows):
    with pytest.raises(TooFewLabelsError, match=r"on 0 labels kept aside .* Label more"):
        plain_project.evaluate(maps=False)
    label_rows(plain_project, range(60))
    aside = plain_project.kept_aside()
    result = plain_project.evaluate(ks=[3], maps=False)
    assert result["measured_on"] == "labels kept aside from training"
    assert result["n_records"] == aside.sum() >= 10
    assert result["classification"]["n_train"] == 60 - aside.sum()
    labels = np.tile([0, 1, 2], 20)[aside]
    assert result["top_k"]["3"] == pytest.approx(by_hand(plain_project.vectors()[aside], labels, 3), abs=1e-4)


def test_among_all_measures_every_label(plain_project, label_rows):
    label_rows(plain_project, range(30))
    result = plain_project.evaluate(ks=[3], among="all", maps=False)
    assert (result["measured_on"], result["n_records"]) == ("all labels", 30)
    with pytest.raises(BadInputError, match="'among' is 'some'; it must be 'reference' or 'all'"):
        plain_project.evaluate(among="some")


def test_quick_predictions_follow_the_labels(project, label_rows):
    assert project.quick_predictions() is None
    label_rows(project, range(0, 30))
    predicted, confidence = project.quick_predictions()
    by_id = {label.id: label.name for label in project.labels}
    right = [by_id[i] == ("Alpha", "Beta", "Gamma")[row % 3] for row, i in enumerate(predicted.tolist())]
    assert np.mean(right) > 0.8
    assert ((confidence >= 0) & (confidence <= 1)).all()
    assert project.quick_predictions()[0] is predicted
