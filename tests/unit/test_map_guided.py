"""Maps that labels guide: which ties they loosen, which labels may, and when such a map is out of date."""

import math

import numpy as np
import pytest
import scipy.sparse

import embtune
from embtune.errors import BadInputError, TooFewLabelsError
from embtune.maps.guided import intersect_with_labels
from embtune.maps.projection import umap_map
from embtune.store.artifacts import find_evaluation, put_evaluation
from embtune.work.mapping import guide


def graph_of(edges, n):
    dense = np.zeros((n, n))
    for i, j, weight in edges:
        dense[i, j] = dense[j, i] = weight
    return scipy.sparse.csr_matrix(dense)


def test_ties_to_unlabelled_and_to_other_classes_are_loosened_and_the_strongest_is_whole_again():
    # 0 and 1 of one class, 2 of another, 3 unlabelled.
    graph = graph_of([(0, 1, 0.5), (0, 2, 1.0), (0, 3, 1.0)], 4)
    guided = intersect_with_labels(graph, np.array([7, 7, 8, -1])).toarray()
    # Row 0 becomes .5, e^-5, e^-1, divided by .5. Rows 1, 2 and 3 have one tie each: 1.
    # A tie is then a + b - ab of its two directions, and so 1 where either is.
    assert guided[0] == pytest.approx([0, 1, 1, 1])
    # With a second tie for 2 and 3 it is seen: row 2 has e^-5 and .4 e^-1, row 3 has e^-1 and .4 e^-1.
    graph = graph_of([(0, 1, 0.5), (0, 2, 1.0), (0, 3, 1.0), (2, 3, 0.4)], 4)
    guided = intersect_with_labels(graph, np.array([7, 7, 8, -1])).toarray()
    out, back = math.exp(-5) / 0.5, math.exp(-5) / (0.4 * math.exp(-1))
    assert guided[0, 2] == pytest.approx(out + back - out * back)
    assert guided[[0, 0, 2], [1, 3, 3]] == pytest.approx(1)
    assert np.array_equal(guided, guided.T)


def test_without_any_label_the_strongest_tie_of_each_stays_and_none_is_lost():
    graph = graph_of([(0, 1, 1.0), (1, 2, 0.5)], 3)
    guided = intersect_with_labels(graph, np.full(3, -1)).toarray()
    assert guided[0, 1] == pytest.approx(1)
    assert guided[1, 2] == pytest.approx(1)  # the only tie of 2
    assert graph.toarray()[1, 2] == 0.5  # the given graph is left as it was


def test_what_does_not_fit_is_told():
    graph = graph_of([(0, 1, 1.0)], 2)
    with pytest.raises(BadInputError, match=r"The graph has 2 records, but the labels have the shape \(3,\)"):
        intersect_with_labels(graph, np.zeros(3, dtype=int))
    with pytest.raises(BadInputError, match=r"The distances are -1 and 5\.0; both must be 0 or more"):
        intersect_with_labels(graph, np.zeros(2, dtype=int), unknown_distance=-1)


def mixed(n_each=60):
    """Two classes that overlap."""
    rng = np.random.default_rng(0)
    rows = np.repeat(np.eye(2, 8), n_each, axis=0) + rng.normal(0, 0.6, (2 * n_each, 8))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True), np.repeat([0, 1], n_each)


def same_class_share(xy, classes):
    gap = np.linalg.norm(xy[:, None] - xy[None], axis=2)
    np.fill_diagonal(gap, np.inf)
    near = gap.argsort(axis=1)[:, :5]
    return (classes[near] == classes[:, None]).mean()


def test_labels_separate_a_map_and_the_seed_decides_the_rest():
    vectors, classes = mixed()
    plain, guided = umap_map(vectors, seed=1), umap_map(vectors, seed=1, labels=classes)
    assert same_class_share(plain, classes) < 0.85
    assert same_class_share(guided, classes) > 0.95
    assert np.array_equal(umap_map(vectors, seed=1, labels=classes), guided)


def test_a_map_begins_where_it_is_told():
    vectors, _ = mixed()
    other = umap_map(vectors, seed=1)
    turned = (other @ [[0, 1], [-1, 0]]).astype(np.float32)  # as no PCA would begin
    again = umap_map(vectors, seed=2, start=turned * 30 + 4)
    for axis in (0, 1):
        assert np.corrcoef(again[:, axis], turned[:, axis])[0, 1] > 0.8
    with pytest.raises(BadInputError, match=r"The start has the shape \(3, 2\); 120 vectors need \(120, 2\)"):
        umap_map(vectors, start=other[:3])
    with pytest.raises(BadInputError, match="The start has values that are not finite"):
        umap_map(vectors, start=np.full((120, 2), np.nan))


def test_reference_labels_never_guide_a_map(project):
    assert (project.reference() >= 0).all()
    assert guide(project).n == 0
    assert project.why_not_guided() == (
        "It takes at least 2 labels with 2 records each; none has that many now."
    )
    with pytest.raises(TooFewLabelsError, match="cannot guide the map of 'demo' yet"):
        project.make_map(method="umap-labels")


def test_labels_kept_aside_never_guide_a_map_and_nor_does_a_label_with_one_record(plain_project):
    aside = plain_project.kept_aside()
    assert aside.any()
    for name in ("Odd", "Even", "Once"):
        plain_project.add_label(name)
    plain_project.label(np.flatnonzero(aside), "Odd")
    free = np.flatnonzero(~aside)
    plain_project.label(free[0], "Once")
    assert "kept aside for measuring do not count" in plain_project.why_not_guided()
    plain_project.label(free[1:4], "Odd")
    assert plain_project.why_not_guided().startswith(
        "It takes at least 2 labels with 2 records each; only 1 has that many now"
    )
    plain_project.label(free[4:9], "Even")
    found = guide(plain_project)
    assert (found.n, found.n_classes) == (8, 2)
    assert np.flatnonzero(found.labels >= 0).tolist() == free[1:9].tolist()
    assert plain_project.why_not_guided() is None


def test_a_guided_map_knows_its_labels_and_when_they_have_changed(project):
    project.label([0, 3, 6], "Alpha")
    project.label([1, 4, 7], "Beta")
    made = project.make_map(method="umap-labels")
    assert made["n_labels"] == 6
    kept = project.find_map("raw", "umap-labels").detail["labels"]
    assert (kept["n"], kept["n_classes"]) == (6, 2)
    assert not project.map_outdated("raw", "umap-labels")
    assert not project.map_outdated("raw", "umap")  # there is none

    project.label(9, "Alpha")
    assert project.map_outdated("raw", "umap-labels")
    assert project.map("raw", "umap-labels", make=False) is not None  # old, and still there to see
    project.undo()
    assert not project.map_outdated("raw", "umap-labels")
    project.label(0, "Beta")  # the same records, other labels
    assert project.map_outdated("raw", "umap-labels")
    project.make_map(method="umap-labels")
    assert not project.map_outdated("raw", "umap-labels")


def test_other_maps_do_not_age_with_the_labels(project):
    project.make_map(method="umap")
    project.label([0, 3], "Alpha")
    assert not project.map_outdated("raw", "umap")


def test_the_umap_of_a_version_begins_at_that_of_raw(project, axes):
    project.label(range(0, 30, 3), "Alpha")
    project.label(range(1, 30, 3), "Beta")
    project.tune("axes", parameters={"keep": "all"})
    project.make_map(embedding="v1", method="umap")
    assert project.find_map("v1", "umap").detail["start"] == "pca"  # nothing to begin from yet
    project.make_map(method="umap")
    assert project.find_map("raw", "umap").detail["start"] == "pca"
    project.make_map(embedding="v1", method="umap")
    assert project.find_map("v1", "umap").detail["start"] == "umap of raw"


def test_a_score_kept_without_shapes_20_is_made_again(project):
    first = project.evaluate(ks=[5], maps=False)
    assert first["shapes_10"] is None
    assert first["shapes_20"] is None
    from embtune.store import artifacts

    with project.db.read() as connection:
        key = connection.execute(artifacts.evaluations.select()).one().fingerprint
    old = {name: value for name, value in first.items() if name != "shapes_20"} | {"seconds": -1}
    put_evaluation(project.db, project.id, "raw", key, old)
    again = embtune.open("demo").evaluate(ks=[5], maps=False)
    assert "shapes_20" in again
    assert again["seconds"] >= 0
    assert "shapes_20" in find_evaluation(project.db, project.id, "raw", key)
