"""Which records are looked at next: the middle of every region, the unseen and the doubtful ones first."""

import numpy as np
import pytest

from embtune.errors import NotReadyError
from embtune.labeling.accepting import page_size, worth_showing
from embtune.neighbors.covering import covering


@pytest.fixture
def spots():
    """Four spots of 40, 30, 20 and 10 records."""
    generator = np.random.default_rng(0)
    of = np.repeat(np.arange(4), (40, 30, 20, 10))
    vectors = np.eye(8)[of] + generator.normal(0, 0.05, (100, 8))
    return of, (vectors / np.linalg.norm(vectors, axis=1)[:, None]).astype(np.float32)


def test_the_largest_region_comes_first_and_each_once(spots):
    of, vectors = spots
    rows = covering(vectors, np.zeros(100, dtype=bool), 4)
    assert of[rows[:4]].tolist() == [0, 1, 2, 3]
    assert sorted(rows.tolist()) == list(range(100))


def test_the_middle_of_a_region_stands_for_it(spots):
    of, vectors = spots
    first = covering(vectors, np.zeros(100, dtype=bool), 4)[0]
    middle = vectors[of == 0].mean(axis=0)
    assert first == ((vectors - middle) ** 2).sum(axis=1).argmin()


def test_a_region_with_a_label_comes_after_those_without(spots):
    of, vectors = spots
    labelled = np.zeros(100, dtype=bool)
    labelled[:2] = True  # of the largest
    rows = covering(vectors, labelled, 4)
    assert of[rows[:4]].tolist() == [1, 2, 3, 0]
    assert not np.isin(rows, [0, 1]).any()


def test_regions_gather_where_there_is_much_to_learn(spots):
    of, vectors = spots
    weights = np.where(of == 2, 1.0, 0.001).astype(np.float32)
    rows = covering(vectors, np.zeros(100, dtype=bool), 4, weights=weights)
    assert (of[rows[:4]] == 2).sum() >= 2


def test_one_record_or_none_is_left(spots):
    _, vectors = spots
    labelled = np.ones(100, dtype=bool)
    assert not len(covering(vectors, labelled, 4))
    labelled[7] = False
    assert covering(vectors, labelled, 4).tolist() == [7]


def test_records_are_sorted_by_how_typical_they_are(project):
    rows = project.rows_matching({"label": None}, sort={"by": "typical"})
    assert sorted(rows.tolist()) == list(range(60))
    assert {row % 3 for row in rows[:8].tolist()} == {0, 1, 2}  # 8 regions, of all three classes
    project.label(rows[:8], "Alpha", source="session")
    again = project.rows_matching({"label": None}, sort={"by": "typical"})
    assert not np.isin(again, rows[:8]).any()


def test_without_vectors_nothing_is_typical(home):
    import embtune

    made = embtune.open("bare")
    made.import_records(b'[{"t": "one"}, {"t": "two"}]', name="x.json", text="{t}")
    with pytest.raises(NotReadyError, match="not embedded yet"):
        made.rows_matching(sort={"by": "typical"})


def test_pages_grow_with_the_labels_and_are_large_for_many_kinds():
    assert [page_size(n) for n in (0, 99, 100, 300)] == [25, 25, 50, 100]
    assert page_size(0, 77) == 100
    assert worth_showing(77) == pytest.approx(1.2 / 77)
    assert worth_showing(2) == 0.5


def test_where_records_are_equal_there_are_as_many_regions_as_differ():
    vectors = np.repeat(np.eye(8, dtype=np.float32)[:2], (6, 4), axis=0)
    rows = covering(vectors, np.zeros(10, dtype=bool), 5)
    assert sorted(rows.tolist()) == list(range(10))
    assert [row < 6 for row in rows[:2].tolist()] == [True, False]  # one of each, the larger region first


def test_every_spot_has_its_middle_among_the_first_whatever_the_seed(spots):
    of, vectors = spots
    for seed in range(20):
        rows = covering(vectors, np.zeros(100, dtype=bool), 6, seed=seed)
        assert set(of[rows[:6]].tolist()) == {0, 1, 2, 3}
        assert rows.tolist() == covering(vectors, np.zeros(100, dtype=bool), 6, seed=seed).tolist()
