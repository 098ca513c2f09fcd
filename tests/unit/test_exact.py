"""Neighbours of points on a circle, whose cosines are known."""

import numpy as np
import pytest

from embtune.errors import BadInputError, VectorsError
from embtune.neighbors.all_pairs import all_pairs
from embtune.neighbors.exact import ExactIndex, nearest


def on_circle(*degrees: float) -> np.ndarray:
    angle = np.radians(degrees)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)


def random_rows(n: int, d: int = 16, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_query_gives_the_nearest_first_with_their_cosine():
    index = ExactIndex(on_circle(0, 60, 10, 180))
    rows, cosine = index.query(on_circle(0)[0], k=3)
    assert rows.tolist() == [0, 2, 1]
    assert rows.dtype == np.int64
    assert cosine.dtype == np.float32
    assert cosine == pytest.approx([1, np.cos(np.radians(10)), 0.5], abs=1e-6)


def test_query_row_leaves_itself_out_but_not_its_duplicate():
    index = ExactIndex(on_circle(0, 90, 0, 30))
    rows, cosine = index.query_row(0, k=2)
    assert rows.tolist() == [2, 3]
    assert cosine[0] == pytest.approx(1)


def test_equal_cosines_come_in_order_of_row_number_also_where_k_cuts_them():
    index = ExactIndex(np.repeat(np.eye(4, dtype=np.float32)[:2], 5, axis=0))  # rows 0-4 equal, 5-9 equal
    assert index.query(np.eye(4)[0], k=3)[0].tolist() == [0, 1, 2]
    assert index.query(np.eye(4)[0], k=7)[0].tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert index.query_row(2, k=4)[0].tolist() == [0, 1, 3, 4]


@pytest.mark.parametrize(("k", "expected"), [(2, 2), (3, 3), (99, 3)])
def test_k_is_cut_to_what_there_is(k, expected):
    index = ExactIndex(on_circle(0, 10, 20, 30))
    assert len(index.query_row(0, k)[0]) == expected


def test_an_index_of_one_row_has_no_other_neighbour():
    rows, cosine = ExactIndex(on_circle(5)).query_row(0, k=5)
    assert rows.tolist() == []
    assert cosine.tolist() == []


def test_ranks_agree_with_the_order_of_query_row():
    vectors = random_rows(50)
    vectors[7] = vectors[30]
    index = ExactIndex(vectors)
    rows, _ = index.query_row(11, k=49)
    assert index.ranks_of(11, rows).tolist() == list(range(1, 50))
    assert index.ranks_of(11, np.array([11])).tolist() == [0]


def test_the_index_reads_a_memory_map_of_half_precision(tmp_path):
    file = tmp_path / "vectors.npy"
    np.save(file, on_circle(0, 90, 45).astype(np.float16))
    index = ExactIndex(np.load(file, mmap_mode="r"))
    assert index.n == 3
    assert index.query_row(0, 1)[0].tolist() == [2]


def test_bad_questions_are_told_with_both_numbers():
    index = ExactIndex(on_circle(0, 90))
    with pytest.raises(BadInputError, match="k is 0; ask for at least 1"):
        index.query_row(0, k=0)
    with pytest.raises(BadInputError, match="Row 5 does not exist: the index has 2 rows"):
        index.query_row(5, k=1)
    with pytest.raises(BadInputError, match="Row -1 does not exist"):
        index.ranks_of(0, np.array([1, -1]))
    with pytest.raises(VectorsError, match="has 3 numbers, the indexed rows have 2"):
        index.query(np.zeros(3), k=1)
    with pytest.raises(VectorsError, match="got an array of 1 dimensions"):
        ExactIndex(np.zeros(3))


def test_nearest_of_all_rows_matches_hand_order():
    rows, cosine = nearest(on_circle(0, 10, 90, 105), k=2)
    assert rows.tolist() == [[1, 2], [0, 2], [3, 1], [2, 1]]
    assert cosine[0] == pytest.approx([np.cos(np.radians(10)), 0], abs=1e-6)


@pytest.mark.parametrize("block", [1, 7, 1024])
def test_nearest_agrees_with_brute_force_whatever_the_block(block):
    vectors = random_rows(40)
    asked = np.array([3, 39, 0, 12])
    rows, cosine = nearest(vectors, 9, queries=asked, block=block)
    scores = vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    np.fill_diagonal(scores, -2)
    expected = np.argsort(-scores, axis=1)[asked, :9]
    assert rows.tolist() == expected.tolist()
    assert cosine == pytest.approx(np.take_along_axis(scores[asked], expected, axis=1), abs=1e-5)


@pytest.mark.parametrize("block", [1, 7, 64])
@pytest.mark.parametrize(("n", "k"), [(40, 9), (2, 1), (5, 4), (40, 39)])
def test_all_pairs_agrees_with_brute_force(n, k, block):
    vectors = random_rows(n)
    rows, cosine = all_pairs(vectors, k, block=block)
    expected_rows, expected_cosine = nearest(vectors, k)
    assert rows.tolist() == expected_rows.tolist()
    assert cosine == pytest.approx(expected_cosine, abs=1e-6)


def test_all_pairs_takes_the_first_of_equal_ones():
    rows, cosine = all_pairs(np.repeat(np.eye(2, dtype=np.float32), 4, axis=0), k=2, block=3)
    assert rows.tolist() == [[1, 2], [0, 2], [0, 1], [0, 1], [5, 6], [4, 6], [4, 5], [4, 5]]
    assert cosine.tolist() == [[1, 1]] * 8


def test_nearest_hands_many_rows_to_all_pairs(monkeypatch):
    monkeypatch.setattr("embtune.neighbors.exact.FEWEST_ROWS", 10)
    seen = []
    rows, _ = nearest(random_rows(30), 3, block=10, report=lambda done, *rest: seen.append(round(done)))
    # 10 of 30 rows are through with all their pairs: 1 - (20/30)^2 of them all, and so on.
    assert seen == [17, 27, 30]
    assert rows.tolist() == nearest(random_rows(30), 3, queries=np.arange(30))[0].tolist()


def test_nearest_takes_duplicates_but_never_the_row_itself():
    rows, _ = nearest(np.repeat(np.eye(3, dtype=np.float32), 3, axis=0), k=2)
    assert rows[:4].tolist() == [[1, 2], [0, 2], [0, 1], [4, 5]]


def test_nearest_reports_records_and_lets_a_cancel_through():
    seen = []

    def report(done, total=None, unit="", message="", detail=None):
        seen.append((done, total, unit))
        if done >= 4:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        nearest(random_rows(6), 1, block=2, report=report)
    assert seen == [(2, 6, "records"), (4, 6, "records")]


@pytest.mark.parametrize(("n", "k"), [(4, 4), (4, 0), (1, 1)])
def test_nearest_refuses_more_neighbours_than_there_are(n, k):
    with pytest.raises(BadInputError, match=f"k is {k}, but {n} rows have {n - 1} neighbours each"):
        nearest(random_rows(n), k)
