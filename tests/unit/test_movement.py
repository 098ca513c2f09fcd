"""From one map to another: laid over, cut into pictures, and who crossed into another class's region."""

import numpy as np
import pytest

from embtune.errors import BadInputError
from embtune.maps.movement import crossings, frames, procrustes, region_neighbors, regions, sample

SQUARE = np.array([[0, 0], [4, 0], [4, 2], [0, 2]], dtype=float)


@pytest.mark.parametrize("mirrored", [1, -1])
def test_a_map_that_was_turned_mirrored_scaled_and_shifted_comes_back(mirrored):
    angle = np.radians(130)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = (SQUARE * [1, mirrored]) @ turn * 7 + [100, -3]
    assert procrustes(moved, SQUARE) == pytest.approx(SQUARE, abs=1e-4)


def test_a_map_that_agrees_little_is_not_shrunk():
    rng = np.random.default_rng(0)
    fixed, other = rng.normal(size=(200, 2)), rng.normal(size=(200, 2)) * 50
    laid = procrustes(other, fixed)
    assert np.linalg.norm(laid - laid.mean(0)) == pytest.approx(np.linalg.norm(fixed - fixed.mean(0)), 1e-4)
    assert laid.mean(axis=0) == pytest.approx(fixed.mean(axis=0), abs=1e-5)


def test_a_map_of_equal_points_stays_a_point_and_none_stays_none():
    assert procrustes(np.ones((4, 2)), SQUARE).tolist() == [[2, 1]] * 4
    assert procrustes(np.empty((0, 2)), np.empty((0, 2))).shape == (0, 2)
    with pytest.raises(BadInputError, match=r"shapes \(4, 2\) and \(3, 2\); both must be \(n, 2\)"):
        procrustes(SQUARE, SQUARE[:3])


def test_pictures_go_straight_from_the_first_map_to_the_last_and_slowly_at_both_ends():
    way = frames(np.array([[0.0, 0.0]]), np.array([[10.0, -20.0]]), 5)
    # 3 t^2 - 2 t^3 at quarters: 0, 10/64, 1/2, 54/64, 1.
    assert way[:, 0, 0] == pytest.approx([0, 1.5625, 5, 8.4375, 10])
    assert way[:, 0, 1] == pytest.approx([0, -3.125, -10, -16.875, -20])
    with pytest.raises(BadInputError, match="n is 1; a movement has at least 2 pictures"):
        frames(SQUARE, SQUARE, 1)


def on_line(*x):
    return np.array([[value, 0.0] for value in x])


def test_a_region_is_the_majority_of_the_nearest_other_labelled_records():
    #              a    a    b    b    b   none none
    xy = on_line(0.0, 1.0, 3.0, 4.0, 5.0, 0.4, 2.4)
    classes = np.array([0, 0, 1, 1, 1, -1, -1])
    # k = 3. At 0: itself out; 1, 3, 4 are a b b. At 1: 0, 3, 4 are a b b. At 3: 4, then 1 and 5: b a b.
    # At 4: 3, 5, 1: b b a. At 5: 4, 3, 1: b b a. At .4: 0, 1, 3: a a b. At 2.4: 3, 1, 4: b a b.
    assert regions(xy, classes, 3).tolist() == [1, 1, 1, 1, 1, 0, 1]


def test_of_equally_common_classes_the_nearest_decides():
    xy = on_line(0.0, 1.0, -2.0)
    assert regions(xy, np.array([-1, 5, 9]), 2).tolist()[0] == 5
    # Two and two: at 0 the nearest is of class 9, though 5 has the second and third.
    xy = on_line(0.0, 1.0, -1.5, 2.0, -3.0)
    assert regions(xy, np.array([-1, 9, 5, 5, 9]), 4).tolist()[0] == 9


def test_few_labels_or_none_still_give_an_answer():
    xy = on_line(0.0, 1.0, 2.0)
    assert regions(xy, np.array([-1, -1, -1])).tolist() == [-1, -1, -1]
    assert regions(xy, np.array([3, -1, -1])).tolist() == [-1, 3, 3]  # nobody but itself for the first
    assert regions(np.zeros((4, 2)), np.array([2, 2, -1, -1]), 1).tolist() == [2, 2, 2, 2]
    assert regions(np.empty((0, 2)), np.empty(0, dtype=int)).shape == (0,)
    with pytest.raises(BadInputError, match=r"shape \(3, 2\), but there are 2 classes"):
        regions(xy, np.array([1, 2]))
    with pytest.raises(BadInputError, match="k is 0"):
        regions(xy, np.array([1, 2, 3]), 0)


@pytest.mark.parametrize(("per_class", "expected"), [(1000, 15), (30, 15), (20, 10), (2, 1), (1, 1)])
def test_a_region_asks_half_a_class_where_labels_are_few(per_class, expected):
    assert region_neighbors(np.r_[np.repeat([0, 1, 2], per_class), -1]) == expected


def test_crossings_are_right_or_wrong_by_what_is_known():
    before = np.array([0, 0, 1, 1, 0, -1, 0])
    after = np.array([0, 1, 0, 2, 1, 1, 1])
    known = np.array([0, 1, 1, 0, -1, 1, 2])
    found = crossings(before, after, known)
    assert found.crossed.tolist() == [False, True, True, True, True, False, True]
    assert np.flatnonzero(found.into_own).tolist() == [1]
    assert np.flatnonzero(found.out_of_own).tolist() == [2]
    assert not crossings(before, after).into_own.any()
    with pytest.raises(BadInputError, match="The regions have the shapes"):
        crossings(before, after[:3])


def test_a_sample_keeps_the_shares_and_depends_on_the_seed_alone():
    strata = np.array([0] * 70 + [5] * 20 + [-1] * 10)[np.random.default_rng(1).permutation(100)]
    rows = sample(strata, 10, seed=3)
    assert [int((strata[rows] == s).sum()) for s in (0, 5, -1)] == [7, 2, 1]
    assert rows.tolist() == sorted(set(rows.tolist()))
    assert np.array_equal(sample(strata, 10, seed=3), rows)
    assert not np.array_equal(sample(strata, 10, seed=4), rows)
    assert sample(strata, 100).tolist() == sample(strata, 500).tolist() == list(range(100))
    assert len(sample(strata, 33)) == 33  # shares that are no whole numbers


@pytest.fixture
def moved(project, axes):
    """Alpha and Beta labelled, a version that keeps only the noise, and both PCAs."""
    project.label(range(0, 30, 3), "Alpha")
    project.label(range(1, 30, 3), "Beta")
    project.tune("axes", parameters={"keep": "noise"})
    return project


def test_a_movement_counts_what_it_marks_and_leaves_the_stored_maps_alone(moved):
    stored = moved.map("v1", "pca").copy()
    found = moved.movement("v1", "pca")
    counts = found.counts
    assert counts["records"] == 60
    assert counts["labelled"] == 20
    assert counts["unseen"] == 40  # all have a reference label, 20 were trained on
    assert counts["crossed"] == (
        counts["into_own"] + counts["out_of_own"] + counts["between_others"] + counts["not_known"]
    )
    assert counts["out_of_own"] > counts["into_own"]  # noise separates nothing: harm is counted as it is
    left = found.out_of_own
    assert (found.crossings.before[left] == found.known[left]).all()
    assert found.trained[left].tolist() == sorted(found.trained[left].tolist())  # the fair ones first
    assert counts["unseen_out_of_own"] == int((~found.trained[left]).sum())
    assert np.array_equal(moved.map("v1", "pca"), stored)
    raw = moved.map("raw", "pca")
    assert np.linalg.norm(found.after) == pytest.approx(np.linalg.norm(raw), rel=1e-3)


def test_a_movement_is_computed_once_until_labels_or_maps_change(moved):
    first = moved.movement("v1", "pca")
    assert moved.movement("v1", "pca") is first
    moved.label(50, "Gamma")
    assert moved.movement("v1", "pca") is not first


def test_a_movement_waits_for_its_maps_and_says_what_it_cannot_show(moved):
    assert moved.movement("v1", "umap") is None
    moved.make_map(embedding="v1", method="umap")
    assert moved.movement("v1", "umap") is None
    moved.make_map(method="umap")
    assert moved.movement("v1", "umap").before.shape == (60, 2)
    with pytest.raises(BadInputError, match="name a version such as v1"):
        moved.movement("raw", "umap")
    with pytest.raises(BadInputError, match="shown on pca or umap, not on 'umap-labels'"):
        moved.movement("v1", "umap-labels")
