"""What changed around each record: gained and lost neighbours, own label won or lost, regions crossed."""

import json

import numpy as np
import pytest

from embtune.errors import BadInputError, UnknownChoiceError
from embtune.evaluation.changes import (
    crossed,
    label_effect,
    n_voters,
    order_by,
    regions,
    totals,
    turnover,
)
from embtune.jobs.runner import run
from embtune.store.jobs import create_job

# Five records of the classes A A B B and one unlabelled.
LABELS = np.array([0, 0, 1, 1, -1])
BEFORE = np.array([[1, 2], [2, 3], [3, 0], [2, 4], [0, 1]])
AFTER = np.array([[2, 3], [0, 4], [0, 3], [4, 2], [1, 2]])


def on_circle(*degrees):
    angle = np.radians(degrees)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)


def test_gained_and_lost_are_told_place_by_place_whatever_their_order():
    moves = turnover(BEFORE, AFTER)
    assert moves.lost.tolist() == [[1, 0], [1, 1], [0, 0], [0, 0], [1, 0]]
    assert moves.gained.tolist() == [[0, 1], [1, 1], [0, 0], [0, 0], [0, 1]]


def test_lists_of_different_length_are_refused_with_both_shapes():
    with pytest.raises(BadInputError, match=r"\(5, 2\) and \(5, 1\)"):
        turnover(BEFORE, AFTER[:, :1])


def test_own_label_neighbours_are_counted_and_unlabelled_ones_are_of_nobody():
    effect = label_effect(BEFORE, AFTER, LABELS)
    assert effect.before.tolist() == [1, 0, 1, 1, 0]
    assert effect.after.tolist() == [0, 1, 1, 1, 0]
    assert effect.known_after.tolist() == [2, 1, 2, 1, 2]
    assert effect.judged.tolist() == [True, True, True, True, False]


def test_totals_add_up_and_can_leave_out_what_was_trained_on():
    effect = label_effect(BEFORE, AFTER, LABELS)
    everyone = totals(effect)
    assert (everyone.n, everyone.improved, everyone.harmed, everyone.unchanged) == (4, 1, 1, 2)
    assert everyone.share(everyone.harmed) == 0.25
    some = totals(effect, np.array([False, True, True, False, True]))
    assert (some.n, some.improved, some.harmed, some.unchanged) == (2, 1, 0, 1)


def test_a_record_whose_neighbours_have_no_label_is_not_judged():
    lonely = label_effect(np.array([[1], [2], [0]]), np.array([[2], [0], [1]]), np.array([0, -1, -1]))
    assert lonely.judged.tolist() == [False, False, False]
    assert totals(lonely).share(0) == 0.0


def test_orders_hold_only_records_that_fit_and_the_largest_first():
    labels = np.array([0, 0, 0, 1, 1, 1])
    before = np.array([[3, 4], [0, 3], [0, 1], [4, 5], [3, 5], [0, 1]])
    after = np.array([[1, 2], [0, 2], [0, 1], [0, 1], [3, 0], [0, 1]])
    effect, moved = label_effect(before, after, labels), turnover(before, after).gained.sum(axis=1)
    assert order_by("most improved", effect, moved).tolist() == [0, 1]  # +2, +1
    assert order_by("most harmed", effect, moved).tolist() == [3, 4]  # -2, -1
    assert order_by("most changed", effect, moved).tolist() == [0, 3, 1, 4]
    with pytest.raises(UnknownChoiceError, match="most harmed"):
        order_by("best", effect, moved)


def test_a_region_is_the_class_of_most_of_the_nearest_labelled_and_of_the_nearest_in_a_tie():
    vectors = on_circle(0, 5, 12, 20, 30)
    neighbors = np.array([[1, 2, 3, 4], [0, 2, 3, 4], [1, 3, 0, 4], [2, 4, 1, 0], [3, 2, 1, 0]])
    labels = np.array([-1, 0, 1, 1, 1])
    assert regions(vectors, neighbors, labels, 3).tolist() == [1, 1, 1, 1, 1]  # the first: of 0, 1, 1
    assert regions(vectors, neighbors, labels, 2).tolist() == [0, 1, 0, 1, 1]  # ties go to the nearer


def test_where_the_neighbours_have_too_few_labels_all_labelled_records_are_searched():
    vectors = on_circle(0, 1, 2, 60, 70, 80)
    neighbors = np.array([[1], [0], [1], [4], [3], [4]])  # only one is known, most of them unlabelled
    labels = np.array([-1, -1, 0, -1, -1, 1])
    assert regions(vectors, neighbors, labels, 1).tolist() == [
        0,
        0,
        1,
        1,
        1,
        0,
    ]  # a record has no vote on itself


def test_without_any_label_no_region_is_known_and_nothing_crosses():
    none = np.full(3, -1)
    found = regions(on_circle(0, 1, 2), np.array([[1], [0], [1]]), none, 1)
    assert found.tolist() == [-1, -1, -1]
    assert crossed(np.array([0, 0, 1, -1]), np.array([0, 1, -1, 1])).tolist() == [False, True, False, False]


def test_voters_stay_within_half_a_class():
    assert n_voters(np.repeat([0, 1], 100), 25) == 9
    assert n_voters(np.repeat([0, 1], 100), 5) == 5
    assert n_voters(np.array([0, 0, 0, 0, 1, 1, 1, 1, -1, -1]), 25) == 2
    assert n_voters(np.array([-1, 0]), 25) == 1


# ---- of a project ------------------------------------------------------------------------------


@pytest.fixture
def tuned(project, axes, label_rows):
    """Reference labels for all; v1 keeps the classes' axes and has learned from 30 records."""
    label_rows(project, np.arange(30))
    project.tune("axes", parameters={"keep": "signal"})
    return project


def test_nothing_is_computed_unasked(tuned):
    assert tuned.changes("v1") is None


def test_a_version_without_the_noise_improves_records_and_harms_hardly_any(tuned):
    found = tuned.changes("v1", k=10, make=True)
    assert found.before.shape == (60, 10)
    assert found.unseen.n == 30  # the other 30 were learned from
    assert found.all.n == 60
    assert found.unseen.improved > found.unseen.harmed
    assert found.by_reference.all()
    i = int(found.order("most improved")[0])
    own = found.labels[i]
    assert found.effect.after[i] == (found.labels[found.after[i]] == own).sum()
    assert found.effect.change.max() == found.effect.change[i] > 0
    assert (found.gained.sum(axis=1) == found.lost.sum(axis=1)).all()


def test_the_way_back_harms_what_was_improved(tuned):
    there, back = tuned.changes("v1", k=10, make=True), tuned.changes("raw", "v1", k=10, make=True)
    assert (back.all.harmed, back.all.improved) == (there.all.improved, there.all.harmed)


def test_longer_lists_serve_for_shorter_ones_and_labels_are_laid_over_them_anew(tuned):
    long = tuned.changes("v1", k=20, make=True)
    short = tuned.changes("v1", k=10)  # nothing to compute
    assert short.before.tolist() == long.before[:, :10].tolist()
    n = short.effect.judged.sum()
    tuned.label([59], None)  # "none of these": the reference label counts
    assert tuned.changes("v1", k=10).effect.judged.sum() == n


def test_labels_in_force_count_where_there_is_no_reference_label(plain_project, axes):
    plain_project.add_label("A")
    plain_project.add_label("B")
    plain_project.label(np.arange(0, 60, 3), "A")
    plain_project.label(np.arange(1, 60, 3), "B")
    plain_project.tune("axes", parameters={"keep": "signal"})
    found = plain_project.changes("v1", k=8, make=True)
    assert (found.labels >= 0).sum() == 40
    assert not found.by_reference.any()
    assert not found.effect.judged[2]


def test_the_job_tells_the_totals_and_a_deleted_version_leaves_no_lists_behind(tuned):
    job = run(tuned, create_job(tuned.db, tuned.id, "changes", {"version": "v1", "k": 10}))
    assert job.state == "done", job.error
    found = tuned.changes("v1", k=10)
    assert (job.result["improved"], job.result["harmed"]) == (found.unseen.improved, found.unseen.harmed)
    json.dumps(job.result)
    tuned.activate("raw")
    tuned.tune("axes", parameters={"keep": "all"})
    tuned.activate("raw")
    tuned.delete_version("v1")
    tuned.changes("v2", k=10, make=True)
    names = {file.name.split("-")[0] for file in tuned.folder("neighbors").glob("*.npy")}
    assert names == {"raw", "v2"}


def test_what_cannot_be_compared_is_told(tuned):
    with pytest.raises(BadInputError, match="cannot be compared with itself"):
        tuned.changes("raw", "raw")
    with pytest.raises(BadInputError, match="must be 1 to 59"):
        tuned.changes("v1", k=60)
    with pytest.raises(UnknownChoiceError, match="raw, v1"):
        tuned.changes("v7")
