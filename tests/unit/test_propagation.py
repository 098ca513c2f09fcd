"""Label propagation: the graph that labels travel over, and how far they get."""

import numpy as np
import pytest

from embtune.errors import JobCancelledError
from embtune.neighbors.exact import nearest
from embtune.tuning import propagation
from embtune.tuning.propagation import class_seeds, neighbour_scores, propagate, rank_weighted_graph


def cloud_graph(n=40, dimensions=6, sizes=(3, 6)):
    """The graph of random unit vectors, and the same as a dense matrix."""
    vectors = np.random.default_rng(0).normal(size=(n, dimensions)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rows, cosine = nearest(vectors, max(sizes))
    graph = rank_weighted_graph(rows, cosine, sizes)
    return graph, graph.toarray()


def seeds_of(n, labelled, n_classes):
    """Seeds of weight 1 from {row: class}."""
    rows, labels = np.array(list(labelled)), np.array(list(labelled.values()))
    return class_seeds(n, rows, labels, np.ones(len(rows), dtype=np.float32), n_classes)


def closed_form(dense, seeds, alpha):
    """(1 - a) (I - a S)^-1 Y, as each record's class shares."""
    solved = (1 - alpha) * np.linalg.solve(np.eye(len(dense)) - alpha * dense.astype(np.float64), seeds)
    return solved / solved.sum(axis=1, keepdims=True)


# ---- the graph -------------------------------------------------------------------------------


def test_a_near_neighbour_counts_once_for_every_size_it_is_within():
    rows = np.array([[1, 2], [0, 2], [1, 0]])
    cosine = np.array([[0.8, 0.5], [0.8, 0.6], [0.6, 0.5]], dtype=np.float32)
    # Rank 1 is within both sizes, rank 2 within the larger one: weights 2 c^3 and c^3, both ways added up.
    ab = 2 * 0.8**3 + 2 * 0.8**3
    ac = 0.5**3 + 0.5**3
    bc = 0.6**3 + 2 * 0.6**3
    a, b, c = ab + ac, ab + bc, ac + bc
    expected = [
        [0, ab / np.sqrt(a * b), ac / np.sqrt(a * c)],
        [ab / np.sqrt(a * b), 0, bc / np.sqrt(b * c)],
        [ac / np.sqrt(a * c), bc / np.sqrt(b * c), 0],
    ]
    found = rank_weighted_graph(rows, cosine, sizes=(1, 2)).toarray()
    assert found == pytest.approx(np.array(expected), abs=1e-6)


def test_sizes_beyond_the_neighbours_at_hand_count_like_the_largest_there_is():
    rows = np.array([[1, 2], [0, 2], [1, 0]])
    cosine = np.array([[0.8, 0.5], [0.8, 0.6], [0.6, 0.5]], dtype=np.float32)
    cut = rank_weighted_graph(rows, cosine, sizes=(1, 90)).toarray()
    assert cut == pytest.approx(rank_weighted_graph(rows, cosine, sizes=(1, 2)).toarray())


def test_the_graph_is_symmetric_and_spreading_over_it_never_grows():
    _, dense = cloud_graph()
    assert dense == pytest.approx(dense.T, abs=1e-7)
    values = np.linalg.eigvalsh(dense)
    assert values.max() == pytest.approx(1, abs=1e-5)
    assert values.min() >= -1 - 1e-5
    assert np.diag(dense).max() == 0


def test_an_opposite_neighbour_is_no_neighbour():
    rows = np.array([[1], [0], [0]])
    cosine = np.array([[0.9], [0.9], [-0.4]], dtype=np.float32)
    dense = rank_weighted_graph(rows, cosine).toarray()
    assert dense[0, 1] == pytest.approx(1)
    assert np.isfinite(dense).all()
    assert dense[2].tolist() == [0, 0, 0]


# ---- seeds -----------------------------------------------------------------------------------


def test_every_class_sends_out_the_same_in_all_however_many_labels_it_has():
    rows, labels = np.array([0, 1, 2, 4]), np.array([0, 0, 0, 1])
    weights = np.array([1.0, 0.5, 0.5, 0.25], dtype=np.float32)
    seeds = class_seeds(5, rows, labels, weights, 3)
    assert seeds.tolist() == [[0.5, 0, 0], [0.25, 0, 0], [0.25, 0, 0], [0, 0, 0], [0, 1, 0]]


# ---- spreading -------------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [0.5, 0.9, 0.95, 0.99])
def test_it_gives_what_solving_the_equations_gives(alpha):
    graph, dense = cloud_graph()
    seeds = seeds_of(40, {0: 0, 7: 0, 13: 1, 21: 2}, 3)
    found = propagate(graph, seeds, alphas=(alpha,))
    assert found == pytest.approx(closed_form(dense, seeds, alpha), abs=3e-3)


def test_several_alphas_give_the_mean_of_each():
    graph, dense = cloud_graph()
    seeds = seeds_of(40, {0: 0, 13: 1}, 2)
    expected = (closed_form(dense, seeds, 0.5) + closed_form(dense, seeds, 0.9)) / 2
    assert propagate(graph, seeds, alphas=(0.5, 0.9)) == pytest.approx(expected, abs=3e-3)


def test_shares_sum_to_1_and_are_the_same_every_time():
    graph, _ = cloud_graph()
    seeds = seeds_of(40, {0: 0, 13: 1, 14: 2}, 3)
    scores = propagate(graph, seeds)
    assert scores.shape == (40, 3)
    assert scores.min() >= 0
    assert scores.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert np.array_equal(scores, propagate(graph, seeds))


def test_records_that_no_label_reaches_have_equal_shares():
    rows = np.array([[1], [0], [3], [2]])  # two islands
    graph = rank_weighted_graph(rows, np.full((4, 1), 0.9, dtype=np.float32))
    scores = propagate(graph, seeds_of(4, {0: 1}, 4))
    assert scores[:2] == pytest.approx(np.array([[0, 1, 0, 0]] * 2))
    assert scores[2:] == pytest.approx(0.25)


def test_half_way_between_two_labels_both_count_the_same():
    path = np.array([[1, 1], [0, 2], [1, 3], [2, 4], [3, 3]])
    graph = rank_weighted_graph(path, np.full((5, 2), 0.8, dtype=np.float32), sizes=(2,))
    scores = propagate(graph, seeds_of(5, {0: 0, 4: 1}, 2))
    assert scores[2] == pytest.approx([0.5, 0.5], abs=1e-5)
    assert scores[0, 0] > scores[1, 0] > 0.5 > scores[3, 0] > scores[4, 0]


def test_more_classes_than_fit_a_block_come_out_alike(monkeypatch):
    graph, _ = cloud_graph()
    seeds = seeds_of(40, {row: row for row in range(5)}, 5)
    whole = propagate(graph, seeds)
    monkeypatch.setattr(propagation, "_BLOCK_COLUMNS", 2)
    assert propagate(graph, seeds) == pytest.approx(whole, abs=1e-6)


def test_a_cancel_comes_out_as_it_went_in():
    graph, _ = cloud_graph()
    seen = []

    def report(done, total, *_):
        seen.append((done, total))
        if len(seen) == 3:
            raise JobCancelledError("stopped")

    with pytest.raises(JobCancelledError, match="stopped"):
        propagate(graph, seeds_of(40, {0: 0, 13: 1}, 2), report=report)
    assert [done for done, _ in seen] == [2, 3, 4]
    assert all(done <= total for done, total in seen)


# ---- records outside the graph ---------------------------------------------------------------


def test_a_new_record_has_the_mean_scores_of_its_neighbours_by_cosine_cubed():
    scores = np.array([[1, 0], [0.5, 0.5], [0, 1]], dtype=np.float32)
    rows = np.array([[0, 2], [1, 1]])
    cosine = np.array([[0.8, 0.4], [0.9, 0.3]], dtype=np.float32)
    # 0.8^3 : 0.4^3 is 8 : 1.
    assert neighbour_scores(rows, cosine, scores) == pytest.approx(np.array([[8 / 9, 1 / 9], [0.5, 0.5]]))


def test_a_new_record_unlike_all_known_ones_has_their_plain_mean():
    scores = np.array([[1, 0], [0, 1]], dtype=np.float32)
    found = neighbour_scores(np.array([[0, 1]]), np.array([[-0.2, -0.7]], dtype=np.float32), scores)
    assert found == pytest.approx(np.array([[0.5, 0.5]]))
