"""Maps whose regions can be drawn by hand."""

import numpy as np
import pytest

from embtune.errors import BadInputError
from embtune.evaluation.separation import shapes_accuracy

CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.float32)
FOUR_HEAPS = np.repeat(CORNERS * 100, 5, axis=0) + np.random.default_rng(0).normal(0, 0.1, (20, 2))


def test_one_heap_a_class_is_separated_by_as_many_shapes():
    assert shapes_accuracy(FOUR_HEAPS, np.repeat([3, 1, 0, 2], 5), 4) == 1


def test_a_region_is_given_its_commonest_label():
    labels = np.repeat([0, 1, 2, 3], 5)
    labels[:2] = 9
    assert shapes_accuracy(FOUR_HEAPS, labels, 4) == pytest.approx(18 / 20)


def test_one_shape_gets_the_commonest_class():
    assert shapes_accuracy(FOUR_HEAPS, np.array([0] * 12 + [1] * 8), 1) == pytest.approx(0.6)


def test_axes_of_different_scale_count_alike():
    stretched = FOUR_HEAPS * [1000, 0.001]
    assert shapes_accuracy(stretched, np.repeat([0, 1, 2, 3], 5), 4) == 1


def test_more_shapes_than_points_label_each_rightly():
    assert shapes_accuracy(CORNERS, np.array([0, 1, 0, 1]), 50) == 1
    assert shapes_accuracy(np.zeros((4, 2)), np.array([0, 0, 0, 1]), 3) == 0.75
    assert shapes_accuracy(np.zeros((1, 2)), np.array([5]), 10) == 1


def test_equal_seeds_give_equal_scores():
    xy = np.random.default_rng(0).normal(size=(200, 2))
    labels = np.arange(200) % 3
    assert shapes_accuracy(xy, labels, 7, seed=5) == shapes_accuracy(xy, labels, 7, seed=5)


def test_bad_input_is_told():
    with pytest.raises(BadInputError, match="has 4 points, but there are 3 labels"):
        shapes_accuracy(CORNERS, np.zeros(3, dtype=int), 2)
    with pytest.raises(BadInputError, match="m is 0"):
        shapes_accuracy(CORNERS, np.zeros(4, dtype=int), 0)
    with pytest.raises(BadInputError, match="without points"):
        shapes_accuracy(np.empty((0, 2)), np.empty(0, dtype=int), 2)
