"""Another view of the records: their vectors and their words side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embtune.work.heuristic_corpus import all_texts

if TYPE_CHECKING:
    from embtune.project import Project


def words_beside(project: Project, vectors: NDArray[Any]) -> tuple[NDArray[np.float32], Any] | None:
    """Vectors with words, shape (n, d + w), rows of unit length, and their neighbour graph.

    None where the texts have too few words. Made once for all labels; see `embtune.tuning.words`.
    """

    def make() -> tuple[NDArray[np.float32], Any] | None:
        from embtune.neighbors.exact import nearest
        from embtune.tuning.blend_model import with_words
        from embtune.tuning.propagation import SIZES, rank_weighted_graph
        from embtune.tuning.words import WordView

        texts = all_texts(project)
        words = WordView.fit(texts)
        if words is None or len(texts) < 2:
            return None
        both = with_words(vectors, words.transform(texts))
        return both, rank_weighted_graph(*nearest(both, min(max(SIZES), len(both) - 1)))

    row = project.require_embedding("raw")
    found: tuple[NDArray[np.float32], Any] | None = project.cached("words beside", row.file, make)
    return found
