"""How well a 2-D map lets a person separate the classes by drawing shapes."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadInputError

_MANY_POINTS = 50_000


def shapes_accuracy(xy: NDArray[Any], labels: NDArray[np.int64], m: int, *, seed: int = 0) -> float:
    """Say what share of records m lassos could label rightly.

    The map is cut into m regions (k-means of the standardised coordinates), and every record of a region is
    given the region's commonest label.

    Parameters
    ----------
    xy
        Shape (n, 2), coordinates of the map.
    labels
        Shape (n,), the true class of each record, 0 or more.
    m
        Regions; cut to the number of different points.
    seed
        Of k-means.

    Returns
    -------
    accuracy
        In [0, 1].

    Raises
    ------
    BadInputError
        If there are no records, not as many labels as points, or m is below 1.
    """
    points = np.asarray(xy, dtype=np.float64)
    known = np.asarray(labels, dtype=np.int64)
    if len(points) != len(known):
        raise BadInputError(f"The map has {len(points)} points, but there are {len(known)} labels.")
    if not len(points):
        raise BadInputError("A map without points has no accuracy; give at least 1 labelled record.")
    if m < 1:
        raise BadInputError(f"m is {m}; draw at least 1 shape.")
    regions = _regions(points, m, seed)
    _, classes = np.unique(known, return_inverse=True)
    counts = np.zeros((int(regions.max()) + 1, int(classes.max()) + 1), dtype=np.int64)
    np.add.at(counts, (regions, classes), 1)
    return float(counts.max(axis=1).sum() / len(points))


def _regions(points: NDArray[np.float64], m: int, seed: int) -> NDArray[np.int64]:
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    spread = points.std(axis=0)
    standardised = (points - points.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    means = KMeans(
        n_clusters=min(m, len(points)), n_init=10 if len(points) <= _MANY_POINTS else 1, random_state=seed
    )
    with warnings.catch_warnings():
        # Fewer different points than regions: then every point is a region, which is what is meant.
        warnings.simplefilter("ignore", ConvergenceWarning)
        regions: NDArray[np.int64] = means.fit_predict(standardised).astype(np.int64)
    return regions
