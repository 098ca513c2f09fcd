"""Snorkel's label model, where its package is installed."""

from __future__ import annotations

import contextlib
import importlib.util
from typing import ClassVar

import numpy as np

from embtune.weak_supervision.base import Matrix, Opinion, cross_fitted
from embtune.weak_supervision.evidence import Evidence

_FEWEST = 3  # heuristics; its model is not determined by fewer
_MOST = 800  # heuristics times classes: its matrix has the square of that, and takes minutes beyond
_STEPS = 500


class Snorkel:
    """Snorkel's label model on the votes; it does not look at manual labels.

    Notes
    -----
    Ratner et al. (2019), Training complex models with multi-task weak supervision.
    """

    name: ClassVar[str] = "snorkel"
    title: ClassVar[str] = "Snorkel's label model"
    about: ClassVar[str] = "Finds how good each heuristic is from how they agree, without any manual label."
    votes: ClassVar[bool] = True
    vectors: ClassVar[bool] = False

    def missing(self, n_heuristics: int, n_classes: int) -> str | None:
        """Need the package, three heuristics, and not too many classes."""
        if importlib.util.find_spec("snorkel") is None:
            return "Snorkel is not installed: pip install snorkel."
        if n_heuristics < _FEWEST:
            return f"Snorkel's label model needs {_FEWEST} heuristics; there are {n_heuristics}."
        if n_heuristics * n_classes > _MOST:
            return (
                f"Snorkel's label model takes minutes for {n_heuristics} heuristics and {n_classes} classes."
            )
        return None

    def fit(self, evidence: Evidence) -> Opinion:
        """Run it once."""
        return cross_fitted(lambda _: _said(evidence), evidence, learns=False)


def _said(evidence: Evidence) -> Matrix:
    import torch

    # Import and training use the random numbers that all of numpy and torch share; others are not to notice.
    numpys = np.random.get_state()  # noqa: NPY002
    try:
        from snorkel.labeling.model import LabelModel  # type: ignore[import-not-found,unused-ignore]

        with torch.random.fork_rng(devices=[]), contextlib.redirect_stdout(None):
            model = LabelModel(cardinality=evidence.n_classes, verbose=False)
            model.fit(evidence.votes, n_epochs=_STEPS, seed=evidence.seed, progress_bar=False)
            found = np.nan_to_num(np.asarray(model.predict_proba(evidence.votes), dtype=np.float32))
    finally:
        np.random.set_state(numpys)  # noqa: NPY002
    found[~evidence.voted] = 0
    return found
