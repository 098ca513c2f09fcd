"""Maps of points whose layout is known, and of too few points for any."""

import numpy as np
import pytest

from embtune.errors import BadInputError, VectorsError
from embtune.maps.layout import curve, fuzzy_graph
from embtune.maps.projection import METHODS, pca_map, umap_map
from embtune.neighbors.exact import nearest


def groups(n_each: int = 30, n_groups: int = 3, d: int = 12, noise: float = 0.1) -> np.ndarray:
    rng = np.random.default_rng(0)
    rows = np.repeat(np.eye(n_groups, d), n_each, axis=0) + rng.normal(0, noise, (n_each * n_groups, d))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_pca_finds_the_two_wide_directions_in_order():
    # Wide along the third column, less along the first, nothing along the second.
    vectors = np.array([[1, 0, 5], [-1, 0, 5], [1, 0, -5], [-1, 0, -5]], dtype=float) + 7
    assert pca_map(vectors) == pytest.approx(np.array([[5, 1], [5, -1], [-5, 1], [-5, -1]]), abs=1e-5)


def test_pca_signs_do_not_depend_on_the_order_of_the_records():
    vectors = groups()
    order = np.random.default_rng(1).permutation(len(vectors))
    assert pca_map(vectors)[order] == pytest.approx(pca_map(vectors[order]), abs=1e-4)


def test_pca_of_wide_vectors_agrees_with_a_full_decomposition():
    vectors = np.random.default_rng(0).normal(size=(50, 600)) * np.r_[9, 5, np.ones(598)]
    _, _, directions = np.linalg.svd(vectors - vectors.mean(0), full_matrices=False)
    expected = np.abs((vectors - vectors.mean(0)) @ directions[:2].T)
    assert np.abs(pca_map(vectors)) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("method", ["pca", "umap"])
@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5, 6, 14, 16])
def test_few_records_still_make_a_map(method, n):
    xy = METHODS[method](groups()[:n], seed=0)
    assert xy.shape == (n, 2)
    assert xy.dtype == np.float32
    assert np.isfinite(xy).all()


@pytest.mark.parametrize("method", ["pca", "umap"])
def test_records_that_are_all_equal_make_a_map(method):
    xy = METHODS[method](np.tile(groups()[:1], (20, 1)), seed=0)
    assert np.isfinite(xy).all()


def test_one_column_is_a_line():
    xy = pca_map(np.array([[1.0], [2.0], [6.0]]))
    assert xy[:, 0] == pytest.approx([-2, -1, 3])
    assert xy[:, 1].tolist() == [0, 0, 0]


def test_umap_keeps_groups_apart_and_is_centred():
    vectors = groups()
    xy = umap_map(vectors, n_neighbors=10)
    assert xy.mean(axis=0) == pytest.approx([0, 0], abs=1e-4)
    gap = np.linalg.norm(xy[:, None] - xy[None], axis=2)
    np.fill_diagonal(gap, np.inf)
    assert (gap.argmin(axis=1) // 30 == np.arange(90) // 30).all()


def test_umap_depends_on_the_seed_and_on_nothing_else(monkeypatch):
    vectors = np.repeat(groups(n_each=20), 25, axis=0)  # 1,500 records: two threads and more
    monkeypatch.setattr("embtune.maps.projection._EPOCHS_SMALL", 20)
    first = umap_map(vectors, seed=3)
    monkeypatch.setattr("embtune.maps.layout.os.cpu_count", lambda: 1)
    assert np.array_equal(umap_map(vectors, seed=3), first)
    assert not np.array_equal(umap_map(vectors, seed=4), first)


def test_umap_takes_known_neighbours():
    vectors = groups()
    assert np.array_equal(umap_map(vectors, knn=nearest(vectors, 20)), umap_map(vectors))


def test_umap_reports_epochs_and_stops_when_told():
    seen = []

    def report(done, total=None, unit="", message="", detail=None):
        seen.append((done, total, unit))
        if unit == "epochs" and done == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        umap_map(groups(), report=report)
    assert seen[0] == (90, 90, "records")
    assert seen[-1] == (3, 500, "epochs")


def test_bad_parameters_are_told():
    vectors = groups()
    with pytest.raises(BadInputError, match="n_neighbors is 1"):
        umap_map(vectors, n_neighbors=1)
    with pytest.raises(BadInputError, match="min_dist is 5"):
        umap_map(vectors, min_dist=5)
    with pytest.raises(BadInputError, match=r"knn has the shapes \(90, 3\).*90 vectors with 14 neighbours"):
        umap_map(vectors, knn=nearest(vectors, 3))
    vectors[17, 2] = np.nan
    with pytest.raises(VectorsError, match=r"not finite.*\(row 17\)"):
        umap_map(vectors)
    with pytest.raises(VectorsError, match="got an array of 1 dimensions"):
        pca_map(np.zeros(3))


def test_memberships_sum_to_log2_of_the_neighbourhood():
    # Distances 1, 2, 3 to three neighbours: 1 + exp(-1/s) + exp(-2/s) = log2(4) has s = 1 / ln(golden ratio).
    rows = np.array([[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]])
    graph = fuzzy_graph(rows, np.tile(np.float32([1, 2, 3]), (4, 1))).toarray()
    near = 2 / (1 + 5**0.5)
    # Of 0 and 1 each is the other's nearest: 1 + 1 - 1 * 1. Of 0 and 2: second and nearest, again 1.
    # Of 0 and 3: third and nearest. Of 1 and 2: second and second.
    assert graph[0, 1] == pytest.approx(1)
    assert graph[1, 2] == pytest.approx(2 * near - near**2, abs=1e-4)
    assert np.array_equal(graph, graph.T)
    assert np.diag(graph).tolist() == [0, 0, 0, 0]


def test_curve_is_the_published_one():
    # Default of UMAP: min_dist 0.1, spread 1 (McInnes et al. 2018, section 4).
    assert curve(0.1) == pytest.approx((1.577, 0.895), abs=1e-3)
