"""Records that come later: vectors from the version's model, a place on the map, and nothing moved."""

import json
from dataclasses import replace

import numpy as np
import pytest

import embtune
from embtune.errors import BadInputError
from embtune.maps.placing import place_by_directions, place_by_neighbors
from embtune.maps.projection import pca_map
from embtune.store.artifacts import put_map
from tests.conftest import synthetic


def circle(*degrees):
    angles = np.radians(degrees)
    return np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)


def test_a_new_record_lies_between_its_neighbours_by_their_nearness():
    known, xy = circle(0, 90, 180), np.array([[0, 0], [10, 0], [0, 99]], dtype=np.float32)
    # Halfway between the first two: equal weights, whatever the bandwidth.
    assert place_by_neighbors(known, xy, circle(45), k=2) == pytest.approx(np.array([[5, 0]]), abs=1e-4)
    # log2(3) = 1.585: the nearest counts 1, the other .585, however far it is.
    placed = place_by_neighbors(known, xy, circle(10), k=2)
    assert placed == pytest.approx(np.array([[10 * 0.58496 / 1.58496, 0]]), abs=1e-3)


def test_fewer_known_records_than_neighbours_asked_for_are_all_used():
    placed = place_by_neighbors(circle(0), np.array([[3, 4]], dtype=np.float32), circle(20, 200))
    assert placed.tolist() == [[3, 4], [3, 4]]


def test_a_pca_map_takes_new_records_by_its_own_directions():
    rng = np.random.default_rng(0)
    known = (rng.normal(size=(50, 4)) * [4, 2, 1, 0.5] + 3).astype(np.float32)
    xy = pca_map(known)
    assert place_by_directions(known, xy, known[:7]) == pytest.approx(xy[:7], abs=1e-4)
    step = known[:1] - known[1:2]  # linear: a difference of vectors is a difference of places
    moved = place_by_directions(known, xy, known[2:3] + step)
    assert moved == pytest.approx(xy[2:3] + xy[:1] - xy[1:2], abs=1e-4)


def test_what_placing_refuses():
    with pytest.raises(BadInputError, match="2 known vectors need one place each"):
        place_by_neighbors(circle(0, 9), np.zeros((3, 2)), circle(5))
    with pytest.raises(BadInputError, match="widths must agree"):
        place_by_directions(circle(0, 9), np.zeros((2, 2)), np.zeros((1, 3)))


@pytest.fixture
def half(tmp_path):
    """Half of 120 records, embedded, labelled, mapped; a function brings the others in and embeds them."""
    rows, vectors = synthetic(n_each=40)
    np.save(tmp_path / "vectors.npy", vectors)
    np.save(tmp_path / "half.npy", vectors[:60])
    project = embtune.open("half")

    def bring(part, name):
        project.import_records(
            json.dumps(part).encode(), name=name, text="{title}. {body}", reference_field="topic"
        )

    bring(rows[:60], "a.json")
    project.embed(vectors=tmp_path / "half.npy")
    for i, label in enumerate(project.labels):
        project.label(np.arange(6) * 3 + i, label.name)

    def later():
        bring(rows[60:], "b.json")
        return project.embed(vectors=tmp_path / "vectors.npy")

    return project, later


def test_later_records_get_vectors_places_and_neighbours_without_a_new_tuning(half):
    project, later = half
    project.tune("propagate")
    assert project.n_appended("v1") == 0
    for name in ("raw", "v1"):
        for method in ("pca", "umap"):
            project.make_map(embedding=name, method=method)
    before = {(m.embedding, m.method): project.map(m.embedding, m.method).copy() for m in project.maps}
    old_vectors = project.vectors("v1").copy()
    result = later()
    assert result["extended"] == ["v1"]
    assert sorted(result["extended_maps"]) == ["pca of raw", "pca of v1", "umap of raw", "umap of v1"]
    assert project.vectors("v1").shape == (120, old_vectors.shape[1])
    assert np.array_equal(project.vectors("v1")[:60], old_vectors)
    for (name, method), xy in before.items():
        now = project.map(name, method, make=False)
        assert now.shape == (120, 2)
        assert np.array_equal(now[:60], xy)
        assert project.find_map(name, method).detail["placed"] == 60
        assert project.n_placed(name, method) == 60
    assert project.n_appended("v1") == 60
    classes = np.arange(120) % 3
    near = [classes[project.neighbor_rows(row, 10, "v1")[0]] == classes[row] for row in range(60, 120)]
    assert np.mean(near) > 0.8
    # On the map of the version they lie with their own: the middle of their class is the nearest of three.
    xy = project.map("v1", "umap")
    middles = np.array([xy[:60][classes[:60] == c].mean(axis=0) for c in range(3)])
    nearest = np.linalg.norm(xy[60:, None] - middles, axis=2).argmin(axis=1)
    assert (nearest == classes[60:]).mean() > 0.8
    predicted, _ = project.quick_predictions("v1")
    assert len(predicted) == 120


def test_records_that_came_in_two_goes_are_placed_by_those_the_map_was_drawn_from(half, tmp_path):
    project, later = half
    project.make_map(embedding="raw", method="pca")
    first = project.map("raw", "pca").copy()
    later()
    second = project.map("raw", "pca").copy()
    rows, _ = synthetic(n_each=2, seed=5)
    more = np.vstack([np.load(tmp_path / "vectors.npy"), project.vectors("raw")[60:66]])
    np.save(tmp_path / "more.npy", more)
    renamed = [row | {"title": row["title"] + " again"} for row in rows]
    project.import_records(json.dumps(renamed).encode(), name="c.json", text="{title}. {body}")
    project.embed(vectors=tmp_path / "more.npy")
    third = project.map("raw", "pca", make=False)
    assert np.array_equal(third[:60], first)
    assert np.array_equal(third[:120], second)
    assert third[120:] == pytest.approx(second[60:66], abs=1e-5)  # equal vectors, equal places
    assert project.n_placed("raw", "pca") == 66


def test_a_map_of_other_vectors_is_not_extended(half, tmp_path):
    project, _ = half
    project.make_map(embedding="raw", method="pca")
    rows, vectors = synthetic(n_each=40)
    turned = np.roll(vectors, 1, axis=1)
    np.save(tmp_path / "turned.npy", turned)
    project.import_records(
        json.dumps(rows[60:]).encode(), name="b.json", text="{title}. {body}", reference_field="topic"
    )
    assert project.embed(vectors=tmp_path / "turned.npy")["extended_maps"] == []
    assert project.map("raw", "pca", make=False) is None


def test_a_map_that_was_already_out_of_date_is_left_to_be_drawn_anew(half):
    project, later = half
    project.make_map(embedding="raw", method="pca")
    made = project.find_map("raw", "pca")
    put_map(
        project.db,
        project.id,
        embedding="raw",
        method="pca",
        n_rows=60,
        file=made.file,
        detail={"vectors": "some file that was replaced"},
    )
    assert later()["extended_maps"] == []
    assert project.n_placed("raw", "pca") == 0


def test_a_version_that_kept_no_count_says_nothing_of_later_records(half, axes, monkeypatch):
    project, later = half
    project.tune("axes")
    later()
    assert project.n_appended("v1") == 60
    row = replace(project.version("v1"), labels={"n": 18})  # as an earlier release wrote it
    monkeypatch.setattr(type(project), "version", lambda self, name: row)
    assert project.n_appended("v1") == 0


@pytest.mark.model
def test_later_records_are_found_by_meaning_in_a_tuned_version():
    topics = {
        "sport": ["The team won the match", "A goal in extra time", "The coach praised her players"],
        "money": ["Shares rose at the exchange", "The bank raised its rates", "Profits fell this quarter"],
    }
    project = embtune.open("texts")

    def bring(start, stop):
        rows = [
            {"id": f"{name} {i} {j}", "text": f"{text} on day {i}."}
            for i in range(start, stop)
            for name, texts in topics.items()
            for j, text in enumerate(texts)
        ]
        project.import_records(json.dumps(rows).encode(), name=f"{start}.json", text="{text}")
        project.embed()

    bring(0, 4)
    for name in topics:
        project.add_label(name)
        project.label([r.row for r in project.records(range(24)) if _is(r, topics[name])][:8], name)
    project.tune("propagate")
    bring(4, 6)
    assert project.find_embedding("v1").n_rows == 36
    found = project.search_by_meaning("The players scored a goal", k=12, embedding="v1")
    assert sum(_is(one.record, topics["sport"]) for one in found) >= 10
    assert any(one.record.row >= 24 for one in found)


def _is(record, texts):
    return any(record.text.startswith(text) for text in texts)
