"""Near-duplicates: grouped by what is alike, and labelled together when asked."""

import json

import numpy as np
import pytest

from embtune.errors import BadInputError
from embtune.exploring.duplicates import duplicate_groups, suggested_threshold
from embtune.neighbors.exact import nearest


def circle(*degrees):
    angles = np.deg2rad(degrees)
    return np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)


def grouped(vectors, threshold, k=3):
    return duplicate_groups(*nearest(vectors, k), threshold)


def test_groups_hold_what_is_alike_by_a_chain_and_the_largest_comes_first():
    # cos 5° = .996, cos 10° = .985
    found = grouped(circle(0, 5, 90, 10, 95, 180), 0.99)
    assert [one.tolist() for one in found.as_lists()] == [[1, 0, 3], [2, 4]]
    assert found.group.tolist() == [0, 0, 1, 0, 1, -1]
    assert found.sizes.tolist() == [3, 2]
    assert found.representatives.tolist() == [1, 2]  # 5° is alike with both others


def test_the_same_record_twice_is_a_group_at_a_threshold_of_one():
    found = grouped(circle(30, 80, 30), 1.0, k=2)
    assert [one.tolist() for one in found.as_lists()] == [[0, 2]]


def test_without_near_duplicates_there_is_no_group():
    found = grouped(circle(0, 60, 120), 0.95, k=2)
    assert len(found) == 0
    assert found.rows.tolist() == []
    assert found.group.tolist() == [-1, -1, -1]


def test_the_threshold_follows_how_alike_records_usually_are():
    assert suggested_threshold(np.full((5, 2), 0.6)) == 0.95  # .4 apart: a fifth would be .08
    assert suggested_threshold(np.full((5, 2), 0.9)) == 0.98
    assert suggested_threshold(np.full((5, 2), 0.9999)) == 0.999


@pytest.mark.parametrize("threshold", [0, 1.2, -0.5])
def test_a_threshold_that_no_cosine_has_is_refused(threshold):
    with pytest.raises(BadInputError, match="above 0 and at most 1"):
        grouped(circle(0, 5), threshold, k=1)


@pytest.fixture
def twins(home, tmp_path):
    """Six records: 0, 1, 2 nearly the same, 3 and 4 nearly the same, 5 alone."""
    import embtune

    made = embtune.open("twins")
    rows = [{"text": f"text {i}"} for i in range(6)]
    made.import_records(json.dumps(rows).encode(), name="t.json", text="{text}")
    np.save(tmp_path / "v.npy", circle(0, 4, 8, 90, 94, 200))
    made.embed(vectors=tmp_path / "v.npy")
    for name in ("A", "B"):
        made.add_label(name)
    return made


def test_a_project_lists_its_groups_and_those_of_a_record(twins):
    groups = twins.duplicate_groups(0.99)
    assert [sorted(one.tolist()) for one in groups] == [[0, 1, 2], [3, 4]]
    assert twins.duplicates_of(0, 0.99).tolist() == [1, 2]
    assert twins.duplicates_of(0, 0.995).tolist() == [1]  # cos 4° = .9976, cos 8° = .990
    assert twins.duplicates_of(5, 0.95).tolist() == []


def test_lists_are_kept_on_disk_and_not_computed_again(twins, monkeypatch):
    assert twins.near_duplicates(0.99, make=False) is None
    twins.near_duplicates(0.99)
    twins._cache.clear()
    monkeypatch.setattr("embtune.work.finding.compare_all", lambda *a, **k: pytest.fail("compared again"))
    assert len(twins.near_duplicates(0.99)) == 2


def test_label_group_labels_all_at_once_but_not_what_a_person_said(twins):
    twins.label([1], "B")
    action = twins.label_group(0, "A", 0.99)
    names = [record.label for record in twins.records([0, 1, 2, 3])]
    assert names == ["A", "B", "A", None]
    assert action.n_records == 2
    assert action.detail["threshold"] == 0.99
    twins.undo(action.id)
    assert [record.label for record in twins.records([0, 1, 2])] == [None, "B", None]
    twins.label_group(0, "A", 0.99, relabel=True)
    assert [record.label for record in twins.records([0, 1, 2])] == ["A", "A", "A"]
