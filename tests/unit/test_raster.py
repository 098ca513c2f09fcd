"""Pictures small enough to look at pixel by pixel."""

import io

import numpy as np
import pytest

from embtune.errors import BadInputError
from embtune.maps.raster import rasterize

RED, BLUE, GREY = (255, 0, 0), (0, 0, 255), (128, 128, 128)


def pixels(raster) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(raster.png)))


def paint(points, colors, on_top=None, size=4):
    # So many points that a point is one pixel and no cross.
    xy = np.repeat(np.array(points, dtype=float), 5, axis=0)
    rgb = np.repeat(np.array(colors, dtype=np.uint8), 5, axis=0)
    marks = None if on_top is None else np.repeat(np.array(on_top), 5)
    return rasterize(xy, rgb, width=size, height=size, x_range=(0, 4), y_range=(0, 4), on_top=marks)


def test_a_point_lands_in_its_pixel_and_high_y_is_above():
    picture = pixels(paint([(0.5, 3.5), (3.5, 0.5)], [RED, BLUE]))
    assert picture[0, 0].tolist() == [255, 0, 0, 255]
    assert picture[3, 3].tolist() == [0, 0, 255, 255]
    assert (picture[..., 3] > 0).sum() == 2


def test_colours_that_meet_are_averaged():
    picture = pixels(paint([(1.5, 1.5), (1.5, 1.5)], [RED, BLUE]))
    assert picture[2, 1, :3].tolist() == [128, 0, 128]


def test_labelled_points_hide_those_beneath():
    picture = pixels(paint([(1.5, 1.5), (1.5, 1.5), (0.5, 0.5)], [RED, GREY, GREY], [True, False, False]))
    assert picture[2, 1, :3].tolist() == [255, 0, 0]
    assert picture[3, 0, :3].tolist() == [128, 128, 128]


def test_dense_pixels_are_more_opaque():
    xy = np.array([[0.5, 0.5]] * 50 + [[3.5, 3.5]])
    raster = rasterize(xy, np.full((51, 3), 9, np.uint8), width=4, height=4, x_range=(0, 4), y_range=(0, 4))
    picture = pixels(raster)
    assert picture[3, 0, 3] == 255
    assert 80 < picture[0, 3, 3] < 100


def test_a_lone_point_on_a_large_picture_is_a_cross():
    raster = rasterize(
        np.array([[5.0, 5.0]]),
        np.array([RED], np.uint8),
        width=90,
        height=60,
        x_range=(0, 10),
        y_range=(0, 10),
    )
    assert (pixels(raster)[..., 3] > 0).sum() == 5


def test_ranges_hold_all_points_with_a_margin():
    raster = rasterize(np.array([[0.0, 10.0], [100.0, 20.0]]), np.zeros((2, 3), np.uint8))
    assert raster.x_range == (-2, 102)
    assert raster.y_range == (9.8, 20.2)
    assert pixels(raster).shape == (600, 900, 4)


def test_points_outside_or_without_a_place_are_not_painted():
    assert pixels(paint([(9, 9), (np.nan, 1)], [RED, BLUE])).sum() == 0
    assert rasterize(np.empty((0, 2)), np.empty((0, 3), np.uint8)).x_range == (-1, 1)


def test_bad_input_is_told():
    xy = np.zeros((2, 2))
    with pytest.raises(BadInputError, match=r"2 points need colours of shape \(2, 3\), not \(3, 3\)"):
        rasterize(xy, np.zeros((3, 3), np.uint8))
    with pytest.raises(BadInputError, match="on_top has 1 marks for 2 points"):
        rasterize(xy, np.zeros((2, 3), np.uint8), on_top=np.array([True]))
    with pytest.raises(BadInputError, match=r"x_range is \(1.0, 0.0\)"):
        rasterize(xy, np.zeros((2, 3), np.uint8), x_range=(1, 0))
    with pytest.raises(BadInputError, match="picture of 0 x 5 pixels"):
        rasterize(xy, np.zeros((2, 3), np.uint8), width=0, height=5)
