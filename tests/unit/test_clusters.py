"""Clusters: found, named by what sets them apart, kept, and outdated when the vectors change."""

import json

import numpy as np
import pytest

from embtune.errors import BadInputError, NotFoundError, UnknownChoiceError
from embtune.exploring.cluster_names import cluster_names, cluster_words
from embtune.exploring.clusters import by_density, by_size, k_means, suggested_k


def heaps(sizes, dim=8, noise=0.05, seed=0):
    """Unit vectors in heaps around axes, and each one's heap."""
    rng = np.random.default_rng(seed)
    heap = np.repeat(np.arange(len(sizes)), sizes)
    vectors = np.eye(dim)[heap] + rng.normal(0, noise, (len(heap), dim))
    order = rng.permutation(len(heap))
    vectors = vectors[order].astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), heap[order]


@pytest.mark.parametrize(("n", "k"), [(1, 1), (3, 3), (10, 4), (1_800, 30), (20_000, 60), (10**6, 60)])
def test_the_suggested_number_is_the_root_of_half_the_records_within_bounds(n, k):
    assert suggested_k(n) == k


def test_k_means_finds_heaps_and_numbers_the_largest_first():
    vectors, heap = heaps([10, 40, 25])
    ids = k_means(vectors, 3)
    assert np.bincount(ids).tolist() == [40, 25, 10]
    assert {(int(a), int(b)) for a, b in zip(ids, heap, strict=True)} == {(0, 1), (1, 2), (2, 0)}
    assert (k_means(vectors, 3) == ids).all()


def test_many_rows_are_clustered_in_batches_and_can_be_stopped(monkeypatch):
    from embtune.errors import JobCancelledError
    from embtune.exploring import clusters

    monkeypatch.setattr(clusters, "AT_ONCE", 50)
    monkeypatch.setattr(clusters, "_BATCH", 32)
    vectors, heap = heaps([60, 40])
    ids = k_means(vectors, 2)
    assert (ids == heap).all()

    def stop(done, total=None, unit="", message="", detail=None):
        if done >= 3:
            raise JobCancelledError

    with pytest.raises(JobCancelledError):
        k_means(vectors, 2, report=stop)


def test_by_density_leaves_what_lies_between_in_none():
    vectors, heap = heaps([30, 30], noise=0.02)
    lone = -(vectors[heap == 0][:1] + vectors[heap == 1][:1]) / 2**0.5  # farther from both than they are
    ids = by_density(np.vstack([vectors, lone]), 10)
    assert ids[-1] == -1
    assert len({(int(a), int(b)) for a, b in zip(ids[:-1], heap, strict=True)}) == 2


def test_wrong_numbers_are_refused_with_what_is_possible():
    vectors, _ = heaps([5])
    with pytest.raises(BadInputError, match="clusters is 6; with 5 records it must be 1 to 5"):
        k_means(vectors, 6)
    with pytest.raises(BadInputError, match="least size of a cluster is 1; with 5 records it must be 2 to 5"):
        by_density(vectors, 1)


def test_clusters_are_renumbered_by_size():
    assert by_size(np.array([7, 7, 3, -1, 3, 3])).tolist() == [1, 1, 0, -1, 0, 0]


def test_words_that_others_hold_too_name_nothing():
    texts = ["the oil price of today"] * 3 + ["the cup match of today"] * 3
    words = cluster_words(texts, np.array([0, 0, 0, 1, 1, 1]))
    assert set(words[0]) == {"oil", "price"}
    assert set(words[1]) == {"cup", "match"}


def test_stop_words_of_any_language_are_left_out_by_how_even_they_are():
    oil = [f"der preis und das öl {i}" for i in "abcdefghij"]
    cup = [f"der pokal und das spiel {i}" for i in "abcdefghij"]
    words = cluster_words(oil + cup, np.repeat([0, 1], 10))
    assert set(words[0]) == {"preis", "öl"}
    assert set(words[1]) == {"pokal", "spiel"}


def test_of_words_that_begin_alike_one_is_taken():
    texts = ["price prices oil"] * 4 + ["cup match"] * 4
    words = cluster_words(texts, np.repeat([0, 1], 4))
    assert len([word for word in words[0] if word.startswith("price")]) == 1


def test_names_have_three_words_and_are_never_equal():
    assert cluster_names([("a", "b", "c", "d"), ("a", "b", "c", "e"), (), ("x",), ("x",)]) == [
        "a, b, c",
        "a, b, c, e",
        "cluster 3",
        "x",
        "x (5)",
    ]


def test_a_project_keeps_its_clusters_and_finds_them_once(project):
    first = project.clusters("raw", k=3)
    assert sorted(first.sizes.tolist()) == [20, 20, 20]
    topics = [
        {name.split()[0] for name in (project.record(int(r)).text for r in first.rows(i))} for i in range(3)
    ]
    assert all(len(one) == 1 for one in topics)  # each class in a cluster of its own
    named = {next(iter(topic)).lower(): name for topic, name in zip(topics, first.names, strict=True)}
    assert all(word in name for word, name in named.items())
    assert project.clusters("raw", k=3).id == first.id
    assert project.clusters("raw").id == first.id  # whatever the number
    second = project.clusters("raw", k=4)
    assert second.id != first.id
    assert [one.id for one in project.clusterings()] == [second.id, first.id]
    assert project.cluster_rows(first.id, 0).tolist() == np.flatnonzero(first.ids == 0).tolist()


def test_clusters_are_outdated_when_the_embedding_changes(project, tmp_path):
    first = project.clusters("raw", k=3)
    project.import_records(
        json.dumps([{"title": "Delta", "body": "new", "topic": "Alpha"}]).encode(),
        name="more.json",
        text="{title}. {body}",
        reference_field="topic",
    )
    vectors = np.vstack([project.vectors("raw"), np.eye(16, dtype=np.float32)[:1]])
    np.save(tmp_path / "more.npy", vectors)
    project.embed(vectors=tmp_path / "more.npy")
    old = project.clustering(first.id)
    assert old.outdated
    assert old.ids[-1] == -1
    assert project.clusters("raw", k=3, make=False) is None
    assert not project.clusters("raw", k=3).outdated


def test_lines_say_how_far_a_cluster_is_labelled_and_what_is_predicted(project):
    found = project.clusters("raw", k=3)
    rows = [found.rows(i) for i in range(3)]
    project.label(rows[0][:10], "Alpha")
    project.label(rows[1][:5], "Beta")
    project.quick_predictions("raw")
    lines = project.cluster_lines(found)
    assert [line.labelled for line in lines] == [0.5, 0.25, 0.0]
    assert [line.label for line in lines][:2] == ["Alpha", "Beta"]
    assert lines[0].purity == 1.0


def test_what_does_not_exist_is_told(project):
    found = project.clusters("raw", k=2)
    with pytest.raises(NotFoundError, match="no cluster 2: the clustering has 2"):
        project.cluster_rows(found.id, 2)
    with pytest.raises(NotFoundError, match="no clustering 99"):
        project.cluster_rows(99, 0)
    with pytest.raises(UnknownChoiceError, match="cluster method 'magic'"):
        project.clusters("raw", "magic")


def test_clusters_go_with_their_version(project, label_rows, axes):
    label_rows(project, range(30))
    project.tune("axes", parameters={"keep": "signal"})
    found = project.clusters("v1", k=3)
    file = project.folder("clusters")
    assert len(list(file.glob("v1-*.npy"))) == 1
    project.activate("raw")
    project.delete_version("v1")
    assert found.id not in [one.id for one in project.clusterings()]
    assert list(file.glob("v1-*.npy")) == []
