"""Shapes whose contents can be counted on paper."""

import numpy as np
import pytest

from embtune.errors import BadInputError
from embtune.maps.shapes import central_and_odd, points_in_box, points_in_polygon, points_in_shapes

SQUARE = np.array([[0, 0], [2, 0], [2, 2], [0, 2]], dtype=float)


def inside(polygon, *points) -> list[bool]:
    return points_in_polygon(np.array(points, dtype=np.float32).reshape(-1, 2), np.asarray(polygon)).tolist()


def test_square_encloses_its_middle_only():
    assert inside(SQUARE, (1, 1), (3, 1), (-1, 1), (1, 3), (1, -1)) == [True, False, False, False, False]


def test_left_and_lower_edges_are_in_right_and_upper_out():
    assert inside(SQUARE, (0, 1), (1, 0), (2, 1), (1, 2), (0, 0), (2, 2)) == [
        True, True, False, False, True, False,
    ]  # fmt: skip


def test_direction_and_a_repeated_last_vertex_do_not_matter():
    closed = np.vstack([SQUARE, SQUARE[:1]])
    assert inside(SQUARE[::-1], (1, 1), (3, 1)) == inside(closed, (1, 1), (3, 1)) == [True, False]


def test_concave_polygon_leaves_its_notch_out():
    # A "U": the notch is open above, between x = 1 and x = 2.
    u = [[0, 0], [3, 0], [3, 3], [2, 3], [2, 1], [1, 1], [1, 3], [0, 3]]
    assert inside(u, (0.5, 2), (1.5, 2), (2.5, 2), (1.5, 0.5)) == [True, False, True, True]


def test_ray_through_a_vertex_counts_once():
    diamond = [[0, -1], [1, 0], [0, 1], [-1, 0]]
    assert inside(diamond, (-0.5, 0), (-2, 0), (0.5, 0), (2, 0)) == [True, False, True, False]


def test_what_a_crossing_line_encloses_twice_is_outside():
    pentagram = [[np.sin(i * 4 * np.pi / 5), np.cos(i * 4 * np.pi / 5)] for i in range(5)]
    assert inside(pentagram, (0, 0), (0, 0.8)) == [False, True]


def test_too_few_vertices_or_points_enclose_nothing():
    assert inside(SQUARE[:2], (1, 0)) == [False]
    assert inside(np.empty((0, 2)), (1, 0)) == [False]
    assert inside(SQUARE) == []


def test_point_without_a_place_is_never_inside():
    assert inside(SQUARE, (np.nan, 1), (1, np.nan), (1, 1)) == [False, False, True]


def test_many_points_agree_with_a_plain_loop():
    rng = np.random.default_rng(0)
    angle = np.sort(rng.uniform(0, 2 * np.pi, 60))
    polygon = np.stack([np.cos(angle), np.sin(angle)], axis=1) * rng.uniform(0.3, 1, (60, 1))
    xy = rng.uniform(-1, 1, (500, 2)).astype(np.float32)

    def slowly(x, y):
        odd = False
        for (ax, ay), (bx, by) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
            if (ay > y) != (by > y) and x < ax + (y - ay) * (bx - ax) / (by - ay):
                odd = not odd
        return odd

    assert points_in_polygon(xy, polygon).tolist() == [slowly(x, y) for x, y in xy.astype(float)]


def test_bad_polygons_are_told():
    with pytest.raises(BadInputError, match="Vertex 2 of the polygon's 3 is not a finite number"):
        inside([[0, 0], [np.nan, 1], [1, 1]], (0, 0))
    with pytest.raises(BadInputError, match=r"polygon must have the shape \(n, 2\).*it has \(2, 3\)"):
        inside(np.ones((2, 3)), (0, 0))


def test_box_takes_its_border_and_corners_in_any_order():
    xy = np.array([[0, 0], [1, 1], [2, 2], [2.1, 1]])
    assert points_in_box(xy, 2, 0, 0, 2).tolist() == [True, True, True, False]


def test_shapes_are_a_union():
    xy = np.array([[1.0, 1.0], [11.0, 1.0], [5.0, 1.0]])
    assert points_in_shapes(xy, [SQUARE, SQUARE + np.array([10, 0])]).tolist() == [True, True, False]
    assert points_in_shapes(xy, []).tolist() == [False, False, False]


def test_central_and_odd_ones_of_a_circle_arc():
    angle = np.radians([0, 10, 20, 30, 100, 200])
    vectors = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    # Mean direction of 0, 10, 20, 30, 100 degrees is near 29.
    central, odd = central_and_odd(vectors, np.array([0, 1, 2, 3, 4]), n=2)
    assert central.tolist() == [3, 2]
    assert odd.tolist() == [4, 0]


@pytest.mark.parametrize(("m", "n_central", "n_odd"), [(0, 0, 0), (1, 1, 0), (3, 2, 1), (5, 3, 2), (6, 3, 3)])
def test_central_and_odd_share_no_record(m, n_central, n_odd):
    vectors = np.eye(8, dtype=np.float32)
    central, odd = central_and_odd(vectors, np.arange(m), n=3)
    assert (len(central), len(odd)) == (n_central, n_odd)
    assert not set(central.tolist()) & set(odd.tolist())
