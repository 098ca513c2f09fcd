"""Guide a map by labels: weaken the graph's ties between records that are not known to belong together."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadInputError

UNKNOWN_DISTANCE = 1.0
FAR_DISTANCE = 5.0


def intersect_with_labels(
    graph: Any,
    labels: NDArray[np.int64],
    *,
    unknown_distance: float = UNKNOWN_DISTANCE,
    far_distance: float = FAR_DISTANCE,
) -> Any:
    """Intersect a neighbourhood graph with what labels say of which records belong together.

    Parameters
    ----------
    graph
        scipy CSR matrix (n, n), symmetric, weights in (0, 1], as `embtune.maps.layout.fuzzy_graph` makes it.
    labels
        Shape (n,), the class of each record, -1 where it is not known.
    unknown_distance
        How far apart two records count of which one has no label: its edge is weighed by exp of minus that.
    far_distance
        The same for two of different classes. Records of one class keep their edges as they are.

    Returns
    -------
    graph
        CSR matrix (n, n), symmetric, weights in (0, 1]; every record that had a neighbour has one of weight
        1 again.

    Raises
    ------
    BadInputError
        If there are not as many labels as records, or a distance is below 0.

    Notes
    -----
    The categorical intersection of UMAP's supervised mode, McInnes and Healy (2018), arXiv:1802.03426, and
    umap-learn's `discrete_metric_simplicial_set_intersection`, with its reset of local connectivity: a record
    all of whose neighbours are unlabelled stays as tightly bound to them as it was.
    """
    import scipy.sparse

    classes = np.asarray(labels, dtype=np.int64)
    n = graph.shape[0]
    if classes.shape != (n,):
        raise BadInputError(f"The graph has {n} records, but the labels have the shape {classes.shape}.")
    if unknown_distance < 0 or far_distance < 0:
        raise BadInputError(
            f"The distances are {unknown_distance} and {far_distance}; both must be 0 or more."
        )
    one = np.repeat(np.arange(n), np.diff(graph.indptr))
    ours, theirs = classes[one], classes[graph.indices]
    apart = np.where(ours != theirs, far_distance, 0.0)
    apart[(ours < 0) | (theirs < 0)] = unknown_distance
    weights = graph.data * np.exp(-apart)
    largest = np.zeros(n)
    np.maximum.at(largest, one, weights)
    weights /= np.where(largest > 0, largest, 1.0)[one]
    one_way = scipy.sparse.csr_matrix((weights, graph.indices.copy(), graph.indptr.copy()), shape=(n, n))
    other_way = one_way.T.tocsr()
    guided = (one_way + other_way - one_way.multiply(other_way)).tocsr()
    guided.eliminate_zeros()
    guided.sort_indices()
    return guided
