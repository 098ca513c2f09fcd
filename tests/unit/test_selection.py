"""What was drawn on a map, resolved to records: squares on a grid of points, counted by hand."""

import numpy as np
import pytest

from embtune.errors import BadInputError
from embtune.maps.selection import Selection, Shape, shapes_of

# Row r lies at (r % 5, r // 5): 0..4 in the lowest line, 20..24 in the highest.
GRID = np.array([(x, y) for y in range(5) for x in range(5)], dtype=np.float32)


def square(x0, y0, x1, y1):
    return Shape((x0, x1, x1, x0), (y0, y0, y1, y1))


CORNER = square(-0.5, -0.5, 1.5, 1.5)  # rows 0, 1, 5, 6
MIDDLE = square(0.5, 0.5, 2.5, 2.5)  # rows 6, 7, 11, 12


def rows(selection, visible=None):
    return selection.rows(GRID, visible).tolist()


def test_nothing_drawn_selects_nothing():
    assert rows(Selection()) == []
    assert Selection().draw((), "add") == Selection()


def test_a_square_selects_what_is_in_it():
    assert rows(Selection().draw([CORNER], "replace")) == [0, 1, 5, 6]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("replace", [6, 7, 11, 12]),
        ("add", [0, 1, 5, 6, 7, 11, 12]),
        ("remove", [0, 1, 5]),
    ],
)
def test_a_second_square(mode, expected):
    drawn = Selection().draw([CORNER], "replace").draw([MIDDLE], mode)
    assert rows(drawn) == expected


def test_shapes_count_in_the_order_they_were_drawn():
    selection = Selection().draw([CORNER], "add").draw([MIDDLE], "remove").draw([MIDDLE], "add")
    assert rows(selection) == [0, 1, 5, 6, 7, 11, 12]
    assert rows(Selection().draw([MIDDLE], "remove").draw([CORNER], "add")) == [0, 1, 5, 6]


def test_several_shapes_at_once_are_one_step():
    assert rows(Selection().draw([CORNER, MIDDLE], "replace")) == [0, 1, 5, 6, 7, 11, 12]


def test_a_record_taken_out_stays_out_until_a_new_selection_begins():
    selection = Selection().draw([CORNER], "replace").without(1)
    assert rows(selection) == [0, 5, 6]
    assert rows(selection.draw([MIDDLE], "add")) == [0, 5, 6, 7, 11, 12]
    assert rows(selection.draw([CORNER], "replace")) == [0, 1, 5, 6]
    assert rows(selection.without(999)) == [0, 5, 6]


def test_hidden_points_are_never_selected():
    visible = np.ones(25, dtype=bool)
    visible[[0, 6]] = False
    assert rows(Selection().draw([CORNER], "replace"), visible) == [1, 5]


def test_a_concave_lasso_leaves_out_its_bay():
    u = Shape((-0.5, 2.5, 2.5, 1.5, 1.5, 0.5, 0.5, -0.5), (-0.5, -0.5, 2.5, 2.5, 0.5, 0.5, 2.5, 2.5))
    assert rows(Selection().draw([u], "replace")) == [0, 1, 2, 5, 7, 10, 12]


def test_the_journal_gets_plain_values():
    selection = Selection().draw([CORNER], "replace").draw([MIDDLE], "remove").without(5).without(0)
    assert selection.as_dict() == {
        "shapes": [
            {"x": [-0.5, 1.5, 1.5, -0.5], "y": [-0.5, -0.5, 1.5, 1.5], "adds": True},
            {"x": [0.5, 2.5, 2.5, 0.5], "y": [0.5, 0.5, 2.5, 2.5], "adds": False},
        ],
        "left_out": [0, 5],
    }


# ---- what a browser sends --------------------------------------------------------------------


def test_lassos_and_boxes_are_read_from_an_event():
    event = {
        "selection": {
            "lasso": [{"x": [0, 1, 1], "y": [0, 0, 1]}],
            "box": [{"x": [2.5, 0.5], "y": [0.5, 2.5]}],
            "points": [],
        }
    }
    lasso, box = shapes_of(event)
    assert lasso == Shape((0.0, 1.0, 1.0), (0.0, 0.0, 1.0))
    assert rows(Selection((box,))) == [6, 7, 11, 12]


@pytest.mark.parametrize(
    "event",
    [
        None,
        {},
        {"selection": None},
        {"selection": {"lasso": None, "box": None}},
        {"selection": {"lasso": [], "box": []}},
        {"selection": {"lasso": [{"x": [1, 2], "y": [1, 2]}]}},
    ],
)
def test_events_without_a_shape(event):
    assert shapes_of(event) == ()


@pytest.mark.parametrize(
    "flat",
    [
        Shape((1, 1, 1), (1, 1, 1)),
        Shape((0, 2, 4), (0, 2, 4)),
        square(1.2, 1.2, 1.2, 3.8),
    ],
)
def test_a_shape_without_an_inside_selects_nothing(flat):
    assert rows(Selection((flat,))) == []


def test_a_shape_with_a_corner_that_is_no_number_is_told():
    with pytest.raises(BadInputError, match="Vertex 2 of the polygon's 3 is not a finite number"):
        rows(Selection((Shape((0, float("nan"), 1), (0, 0, 1)),)))
