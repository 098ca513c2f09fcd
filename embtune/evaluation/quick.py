"""A quick model of the labels at hand: calibrated class probabilities for every record in under a second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.evaluation.blocks import block_folds, label_blocks
from embtune.evaluation.calibration import fit_exponents, pooled
from embtune.evaluation.names import NameHints, name_hints
from embtune.tuning.propagation import class_seeds, propagate

Matrix = NDArray[np.float32]

REACHES = (0.5, 0.9, 0.95)
"""How far labels travel over the graph, three ways: near ones are better once labels are many."""

START = {"regression": 1.0, "propagation": 1.0, "prior": 1.0, "names": 0.5}
"""What each part counts before labels say better; the prior is how common each class is."""

_QUICK_NUMBERS = 400_000  # records x classes that a regression learns from in about a second
_STEPS = 40  # of its solver
_BLOCK = 65_536
_FOLDS, _FOLDS_OF_MANY = 5, 2
_MANY_COLUMNS = 250  # folds times classes that are propagated at once
_FLOOR = 1e-6
_MOST_WITHOUT = 40_000_000  # numbers that the models without a fold may say


@dataclass(frozen=True)
class QuickFit:
    """What the quick model says of n records and C classes.

    Attributes
    ----------
    probability
        Shape (n, C). A row sums to 1 less `unseen`.
    places, held_out
        Shapes (h,) and (h, C): which of the labels (places into those given) were predicted by a model
        without them, and what it said, on the same footing as `probability`.
    unseen
        How likely it is that a record has none of the classes, since no label of its own was given yet.
    exponents
        How much each part counts; see `calibration.pooled`.
    without
        Shape (F, n, C): the same by the models that lack a fold of the labels each; None of very many.
    folds
        Shape (m,): in which fold each label was held out.
    blocks
        Shape (m,): which labels lie together, as a shape's do; see `label_blocks`.
    draws
        Shape (C,): how many independent labels each class has; those of one block count once.
    """

    probability: Matrix
    places: NDArray[np.int64]
    held_out: Matrix
    unseen: float
    exponents: tuple[float, ...]
    without: Matrix | None
    folds: NDArray[np.int64]
    blocks: NDArray[np.int64]
    draws: NDArray[np.int64]


def fit_quick(
    vectors: NDArray[Any],
    rows: NDArray[np.int64],
    labels: NDArray[np.int64],
    n_classes: int,
    *,
    weights: NDArray[Any] | None = None,
    trusted: NDArray[np.bool_] | None = None,
    n_none: int = 0,
    n_empty: int = 0,
    graph: Any = None,
    names: Matrix | None = None,
    seed: int = 0,
) -> QuickFit:
    """Predict every record from labels: the mean of a logistic regression and a label propagation.

    Parameters
    ----------
    vectors
        Shape (n, d), rows of unit length.
    rows, labels
        Shape (m,): the labelled rows, and their classes in 0..n_classes-1, of at least two classes, or of any
        number where there are names.
    weights
        Shape (m,), how much a label counts; 1 by default.
    trusted
        Shape (m,): the labels that calibration may believe; all by default.
    n_none
        How many records were looked at and have none of the classes.
    n_empty
        How many further classes there are of which no record is known yet.
    graph
        What labels travel over, of `embtune.tuning.propagation.rank_weighted_graph`; without it the
        regression stands alone.
    names
        Shape (n_classes, d), rows of unit length: the classes' own names, encoded as the records were. They
        say what a class may be before it has labels, and count for less with each one.
    seed
        Of the folds, and of which labels are learnt from where there are too many.

    Raises
    ------
    ValueError
        If there are labels of fewer than two classes, and no names.

    Notes
    -----
    The mean is one of logarithms, each part with an exponent fitted to out-of-fold predictions: so every
    part and the whole are calibrated at once.
    """
    present = np.unique(labels)
    if len(present) < 2 and names is None:
        raise ValueError(f"The labels are of {len(present)} class; a model needs 2.")
    rng = np.random.default_rng(seed)
    weight = np.ones(len(rows), np.float32) if weights is None else np.asarray(weights, dtype=np.float32)
    n_folds = _FOLDS if n_classes * (_FOLDS + 1) <= _MANY_COLUMNS else _FOLDS_OF_MANY
    if not len(rows):
        n_folds = 1
    block = label_blocks(vectors, rows, rng)
    fold = block_folds(block, labels, n_folds, rng) if len(rows) else block
    held = np.arange(len(rows))
    draws = np.unique(np.column_stack([labels, block]), axis=0)
    in_blocks = _in_blocks(labels, block, n_classes)
    hints = None if names is None else name_hints(vectors, names, rows)
    # Of each model's own labels: one that counts itself would say that what was seen once is common.
    prior = np.stack(
        [1.0 + _in_blocks(labels[fold != f], block[fold != f], n_classes) for f in range(-1, n_folds)]
    )
    parts = _parts(vectors, rows, labels, weight, n_classes, fold, n_folds, graph, prior, hints, rng)
    sizes = np.array([np.bincount(labels[fold != f], minlength=n_classes) for f in range(n_folds)])
    known = (sizes[fold, labels] > 0) | (names is not None)
    believed = known if trusted is None else known & trusted
    exponents = fit_exponents(
        [part[believed] for part in parts.held],
        labels[believed],
        start=[
            START[name]
            for name in START
            if (name != "propagation" or graph is not None) and (name != "names" or names is not None)
        ],
        weights=weight[believed],
    )
    n_blocks = int(block.max()) + 1 if len(block) else 0
    # What is new may have a class that is known by its name: then it is no class to be reckoned with here.
    alone = int((in_blocks == 1).sum()) if names is None or (in_blocks > 0).all() else 0
    # Good (1953): of what is seen next, a share like that of the classes seen once is new. Never 0, by half a
    # record; and classes that are known to exist are expected as in Laplace's rule of succession.
    unseen = max(
        (alone + n_none + 0.5) / (len(draws) + n_none + (1 if len(draws) else 10)),
        n_empty / (n_classes + n_empty + n_blocks + n_none),
    )
    rest = np.float32(1 - unseen)
    without = None
    if len(vectors) * n_classes * n_folds <= _MOST_WITHOUT:
        without = np.stack(
            [pooled([part[f + 1] for part in parts.every], exponents) * rest for f in range(n_folds)]
        )
    return QuickFit(
        probability=pooled([part[0] for part in parts.every], exponents) * rest,
        places=held,
        held_out=pooled(parts.held, exponents) * rest,
        unseen=unseen,
        exponents=exponents,
        without=without,
        folds=fold,
        blocks=block,
        draws=in_blocks,
    )


@dataclass(frozen=True)
class _Parts:
    """Log probabilities: of every record by each model, (M, n, C), and of every label without its fold."""

    every: list[NDArray[Any]]
    held: list[NDArray[Any]]


def _parts(
    vectors: NDArray[Any],
    rows: NDArray[np.int64],
    labels: NDArray[np.int64],
    weights: NDArray[Any],
    n_classes: int,
    fold: NDArray[np.int64],
    n_folds: int,
    graph: Any,
    prior: NDArray[Any],
    hints: NameHints | None,
    rng: np.random.Generator,
) -> _Parts:
    """Fit each part on all labels (model 0) and without each fold (model fold + 1)."""
    n, n_models = len(vectors), n_folds + 1
    kept = np.repeat(weights[:, None], n_models, axis=1)
    kept[np.arange(len(rows)), fold + 1] = 0
    inside = np.asarray(vectors[rows], dtype=np.float32)
    learned, of_learned, counted = inside, labels, kept
    sources, of_sources, sent = rows, labels, kept
    if hints is not None:
        near, alone = hints.weights(labels, kept, n_classes)
        learned = np.vstack([inside, hints.names, np.asarray(vectors[hints.rows], dtype=np.float32)])
        of_learned = np.concatenate([labels, np.arange(n_classes), hints.labels])
        counted = np.vstack([kept, alone, near])
        sources, of_sources = np.concatenate([rows, hints.rows]), np.concatenate([labels, hints.labels])
        sent = np.vstack([kept, near])
    weight, bias = regressions(learned, of_learned, counted, n_classes, rng)
    flat = weight.reshape(-1, inside.shape[1]).T
    n_scored = n_models if n * n_classes * n_folds <= _MOST_WITHOUT else 1
    scores = np.empty((n_scored, n, n_classes), dtype=np.float32)
    for at in range(0, n, _BLOCK):
        block = np.asarray(vectors[at : at + _BLOCK], dtype=np.float32)
        found = (block @ flat[:, : n_scored * n_classes]).reshape(len(block), n_scored, n_classes)
        found += bias[:n_scored]
        scores[:, at : at + _BLOCK] = _log_softmax(found).transpose(1, 0, 2)
    of_labels = np.empty((len(rows), n_classes), dtype=np.float32)
    for f in range(n_folds):
        mine = fold == f
        of_labels[mine] = _log_softmax(inside[mine] @ weight[f + 1].T + bias[f + 1])
    every, held = [scores], [of_labels]
    if graph is not None:
        # All folds travel at once: the graph is what takes time to read.
        seeds = np.hstack(
            [class_seeds(n, sources, of_sources, sent[:, i], n_classes) for i in range(n_models)]
        )
        spread = _log_share(propagate(graph, seeds, alphas=REACHES).reshape(n, n_models, n_classes))
        every.append(spread.transpose(1, 0, 2))
        held.append(spread[rows, fold + 1])
    common = np.log(prior / prior.mean(axis=1, keepdims=True)).astype(np.float32)
    every.append(np.broadcast_to(common[:, None], (n_models, n, n_classes)))
    held.append(common[fold + 1])
    if hints is not None:
        called = hints.alike(vectors)
        every.append(np.broadcast_to(called, (n_models, n, n_classes)))
        held.append(called[rows])
    return _Parts(every, held)


def regressions(
    vectors: Matrix,
    labels: NDArray[np.int64],
    weights: Matrix,
    n_classes: int,
    rng: np.random.Generator,
) -> tuple[Matrix, Matrix]:
    """Fit several logistic regressions at once, on the same records with other weights.

    Parameters
    ----------
    vectors, labels
        Shapes (m, d) and (m,).
    weights
        Shape (m, M): how much each record counts for each model; each class counts the same in all.

    Returns
    -------
    weight, bias
        Shapes (M, C, d) and (M, C). A class without a record has a bias that rules it out.

    Notes
    -----
    The sum of the models' costs is minimised: one large product a step in place of many small ones.
    """
    from scipy.optimize import minimize

    n_models = weights.shape[1]
    most = max(10 * n_classes, _QUICK_NUMBERS // n_classes)
    if len(labels) > most:
        some = _some_of_each(labels, most, rng)
        vectors, labels, weights = vectors[some], labels[some], weights[some]
    m, d = vectors.shape
    target = np.zeros((m, n_classes), dtype=np.float32)
    target[np.arange(m), labels] = 1
    totals = target.T @ weights  # (C, M)
    present = totals > 0
    # Each model counts as much in all as the one of all labels: or fewer labels would make it less sure.
    balance = weights.sum(axis=0).max() / np.maximum(present.sum(axis=0), 1) / np.maximum(totals, 1e-12)
    counted = (weights * balance[labels]).astype(np.float32)  # (m, M)
    absent = np.where(present, 0, -20).astype(np.float32).T  # (M, C)

    def cost(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        parameters = flat.reshape(d + 1, n_models * n_classes).astype(np.float32)
        scores = (vectors @ parameters[:-1] + parameters[-1]).reshape(m, n_models, n_classes) + absent
        share = _log_softmax(scores.reshape(-1, n_classes)).reshape(scores.shape)
        loss = -float((share[np.arange(m), :, labels] * counted).sum(dtype=np.float64))
        np.exp(share, out=share)
        share -= target[:, None, :]
        share *= counted[:, :, None]
        slope = share.reshape(m, -1)
        gradient = np.empty((d + 1, n_models * n_classes))
        gradient[:-1] = vectors.T @ slope + parameters[:-1]
        gradient[-1] = slope.sum(axis=0)
        return loss + 0.5 * float((parameters[:-1] ** 2).sum(dtype=np.float64)), gradient.ravel()

    start = np.zeros((d + 1) * n_models * n_classes)
    found = minimize(cost, start, jac=True, method="L-BFGS-B", options={"maxiter": _STEPS, "ftol": 1e-5})
    parameters = found.x.reshape(d + 1, n_models, n_classes).astype(np.float32)
    return np.ascontiguousarray(parameters[:-1].transpose(1, 2, 0)), parameters[-1] + absent


def _in_blocks(labels: NDArray[np.int64], block: NDArray[np.int64], n_classes: int) -> NDArray[np.int64]:
    """Count the blocks that have labels of each class, shape (C,)."""
    draws = np.unique(np.column_stack([labels, block]), axis=0)
    return np.bincount(draws[:, 0], minlength=n_classes)


def _some_of_each(labels: NDArray[np.int64], n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Choose about n places: of every class its share, at least ten or all of them."""
    chosen = []
    for label in np.unique(labels):
        places = np.flatnonzero(labels == label)
        chosen.append(rng.permutation(places)[: max(10, round(n * len(places) / len(labels)))])
    return np.sort(np.concatenate(chosen))


def _log_softmax(scores: Matrix) -> Matrix:
    scores = scores - scores.max(axis=-1, keepdims=True)
    found: Matrix = scores - np.log(np.exp(scores).sum(axis=-1, keepdims=True))
    return found


def _log_share(scores: Matrix) -> Matrix:
    total = scores.sum(axis=-1, keepdims=True)
    share = np.where(total > 0, scores / np.maximum(total, 1e-30), np.float32(1 / scores.shape[-1]))
    found: Matrix = np.log(np.maximum(share, _FLOOR))
    return found
