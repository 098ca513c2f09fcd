"""Ways to score the classes of every record from some labels: propagation and logistic regression."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.neighbors.exact import nearest
from embtune.progress import Report, silent
from embtune.tuning.blend_model import MOST_LANDMARKS, Scorer, softmax
from embtune.tuning.data import TrainingSet
from embtune.tuning.model import Matrix
from embtune.tuning.propagation import ALPHAS, SIZES, class_seeds, propagate, rank_weighted_graph

NEAR = (0.5,)
"""Alphas with which labels hardly travel beyond their neighbours."""

_STEPS = 100  # of the solver


@dataclass(frozen=True)
class Way:
    """One way to get class scores: `propagation` with alphas, or `regression` with its C, over a view."""

    kind: str
    view: str
    alphas: tuple[float, ...] = ALPHAS
    c: float = 1.0

    @property
    def title(self) -> str:
        """The way as people read it."""
        over = {
            "raw": "raw vectors",
            "words": "vectors and words",
            "encoder": "the tuned encoder's vectors",
            "encoder words": "the tuned encoder's vectors and words",
        }[self.view]
        if self.kind == "regression":
            return f"logistic regression (C = {self.c:g}) on {over}"
        reach = "near " if self.alphas == NEAR else ""
        return f"{reach}propagation over {over}"


@dataclass
class Workbench:
    """The views of all records, their graphs, and what was computed from them so far."""

    view: Callable[[str], Matrix]
    """Gives the vectors of all n records under a view; see `views_of`."""
    training: TrainingSet
    device: str = "cpu"
    _graphs: dict[str, Any] = field(default_factory=dict)
    _fitted: dict[Way, tuple[Matrix, Matrix]] = field(default_factory=dict)

    @property
    def n_classes(self) -> int:
        """How many classes there are."""
        return len(self.training.names)

    def graph(self, view: str, report: Report = silent) -> Any:
        """Return the graph of a view, made once."""
        if view not in self._graphs:
            vectors = self.view(view)
            rows, cosine = nearest(vectors, min(max(SIZES), len(vectors) - 1), report=report)
            self._graphs[view] = rank_weighted_graph(rows, cosine)
        return self._graphs[view]

    def with_views(self, view: Callable[[str], Matrix]) -> Workbench:
        """Return a bench with another encoder behind its views; graphs that do not hang on it are kept."""
        graphs = {name: graph for name, graph in self._graphs.items() if "encoder" not in name}
        return Workbench(view, self.training, self.device, graphs)

    def score(
        self,
        way: Way,
        places: NDArray[np.int64],
        wanted: NDArray[np.int64] | None = None,
        report: Report = silent,
    ) -> Matrix:
        """Score records from some of the labels.

        Parameters
        ----------
        places
            Positions into the training set: the labels to learn from.
        wanted
            Rows to score; all with None.

        Returns
        -------
        Matrix
            Shape (len(wanted), C), rows sum to 1.
        """
        if way.kind == "propagation":
            seeds = class_seeds(
                len(self.view(way.view)),
                self.training.rows[places],
                self.training.labels[places],
                self.training.weights[places],
                self.n_classes,
            )
            scores = propagate(
                self.graph(way.view), seeds, alphas=way.alphas, device=self.device, report=report
            )
            return scores if wanted is None else scores[wanted]
        weight, bias = self.regression(way, places)
        vectors = self.view(way.view)
        return softmax((vectors if wanted is None else vectors[wanted]) @ weight.T + bias)

    def regression(self, way: Way, places: NDArray[np.int64]) -> tuple[Matrix, Matrix]:
        """Fit a logistic regression; return weight (C, d) and bias (C,), also for two or absent classes."""
        if len(places) < len(self.training.rows):
            return self._fit(way, places)
        # On all labels it is asked for twice: for the scores, and for the rule for later records.
        if way not in self._fitted:
            self._fitted[way] = self._fit(way, places)
        return self._fitted[way]

    def _fit(self, way: Way, places: NDArray[np.int64]) -> tuple[Matrix, Matrix]:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        vectors = self.view(way.view)[self.training.rows[places]]
        labels = self.training.labels[places]
        weight = np.zeros((self.n_classes, vectors.shape[1]), dtype=np.float32)
        bias = np.full(self.n_classes, -30.0, dtype=np.float32)  # a class that no label names
        present = np.unique(labels)
        if len(present) == 1:
            bias[present] = 0
            return weight, bias
        model = LogisticRegression(C=way.c, class_weight="balanced", tol=1e-3, max_iter=_STEPS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            warnings.filterwarnings("ignore", message="The number of unique classes is greater than 50%")
            model.fit(vectors, labels, sample_weight=self.training.weights[places])
        coefficients, intercept = model.coef_, model.intercept_
        if len(present) == 2:
            coefficients = np.vstack([np.zeros_like(coefficients), coefficients])
            intercept = np.concatenate([[0.0], intercept])
        weight[present], bias[present] = coefficients, intercept
        return weight, bias

    def scorer(self, way: Way, scores: Matrix, *, seed: int) -> Scorer:
        """Return the rule for records that come later; `scores`, shape (n, C), are those of all records."""
        if way.kind == "regression":
            weight, bias = self.regression(way, np.arange(len(self.training.rows)))
            return Scorer(view=way.view, weight=weight, bias=bias)
        vectors = self.view(way.view)
        rows = np.arange(len(vectors))
        if len(rows) > MOST_LANDMARKS:
            rows = np.sort(np.random.default_rng(seed).choice(len(rows), MOST_LANDMARKS, replace=False))
        return Scorer(view=way.view, landmarks=vectors[rows].astype(np.float16), scores=scores[rows])


class PropagationScores:
    """Propagation as a function of vectors and labels; the graph of the last vectors is kept."""

    def __init__(self) -> None:
        self._vectors: Any = None
        self._graph: Any = None

    def __call__(
        self,
        vectors: NDArray[Any],
        rows: NDArray[np.int64],
        labels: NDArray[np.int64],
        n_classes: int,
        seed: int,
    ) -> Matrix:
        """Return class scores of all n records, shape (n, n_classes), from labels at some rows."""
        if self._vectors is not vectors:
            matrix = np.ascontiguousarray(vectors, dtype=np.float32)
            found = nearest(matrix, min(max(SIZES), len(matrix) - 1))
            self._vectors, self._graph = vectors, rank_weighted_graph(*found)
        seeds = class_seeds(len(vectors), rows, labels, np.ones(len(rows), dtype=np.float32), n_classes)
        return propagate(self._graph, seeds)


def label_folds(
    labels: NDArray[np.int64], *, seed: int, n_folds: int = 3, repeats: int | None = None
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Split labels into folds, each class spread evenly over them.

    Parameters
    ----------
    labels
        Shape (m,), class indices.
    repeats
        How often with other draws; by default more for few labels, five at most.

    Returns
    -------
    list of (kept, held out)
        Positions. A class with a single label is always kept: without it, it could not be predicted.
    """
    if repeats is None:
        repeats = int(np.clip(500 // max(len(labels), 1), 1, 5))
    rng = np.random.default_rng(seed)
    sizes = np.bincount(labels)
    folds = []
    for _ in range(repeats):
        fold = np.empty(len(labels), dtype=np.int64)
        for label in np.flatnonzero(sizes):
            members = rng.permutation(np.flatnonzero(labels == label))
            fold[members] = (np.arange(len(members)) + rng.integers(n_folds)) % n_folds
        fold[sizes[labels] == 1] = -1
        for i in range(n_folds):
            held = np.flatnonzero(fold == i)
            if len(held):
                folds.append((np.flatnonzero(fold != i), held))
    return folds
