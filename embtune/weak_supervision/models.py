"""The label models by name; a new one is a file of its own and a line here."""

from __future__ import annotations

from embtune.errors import UnknownChoiceError
from embtune.weak_supervision.base import LabelModel
from embtune.weak_supervision.combined import Combined
from embtune.weak_supervision.dawid_skene import DawidSkene
from embtune.weak_supervision.majority import Majority
from embtune.weak_supervision.manual import Manual, Neighbours
from embtune.weak_supervision.precision import Precision
from embtune.weak_supervision.snorkel import Snorkel

_ALL: tuple[LabelModel, ...] = (
    Combined(),
    Majority(),
    Precision(),
    DawidSkene(),
    Snorkel(),
    Manual(),
    Neighbours(),
)

MODELS: dict[str, LabelModel] = {model.name: model for model in _ALL}

DEFAULT = "combined"


def model_of(name: str) -> LabelModel:
    """Return a label model by name.

    Raises
    ------
    UnknownChoiceError
        Naming those there are.
    """
    if name not in MODELS:
        raise UnknownChoiceError("label model", name, MODELS)
    return MODELS[name]


def why_not(name: str, n_heuristics: int, n_classes: int, *, has_vectors: bool) -> str | None:
    """Say in one sentence why a label model cannot run here, or None if it can."""
    model = model_of(name)
    if model.vectors and not has_vectors:
        return f"{model.title} needs an embedding of the records."
    if model.votes and not n_heuristics:
        return f"{model.title} needs at least one heuristic."
    return model.missing(n_heuristics, n_classes)
