"""What a recipe is, what it takes and what it gives."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadInputError, UnknownChoiceError
from embtune.tuning.model import TunedModel

Value = float | int | str | bool

_TRUTHS = dict.fromkeys(("true", "yes", "on", "1"), True) | dict.fromkeys(("false", "no", "off", "0"), False)


class DeviceLike(Protocol):
    """Where to train."""

    @property
    def kind(self) -> str:
        """`cuda`, `mps` or `cpu`."""

    @property
    def name(self) -> str:
        """Its name as a person knows it."""


@dataclass(frozen=True)
class Parameter:
    """One number, word or switch of a recipe; its type is that of its default."""

    name: str
    default: Value
    help: str
    low: float | None = None
    """Least value, itself allowed."""
    high: float | None = None
    """Greatest value, itself allowed."""
    choices: tuple[str, ...] | None = None
    prominent: bool = False
    """Whether people should see it without opening the list of parameters."""

    def parse(self, given: Any) -> Value:
        """Return `given`, a text or a value, as a checked value of this parameter.

        Raises
        ------
        BadInputError
            If it is of another type or out of range; the message names key, value and range.
        """
        value = self._convert(given)
        if value is None or not self._allows(value):
            raise BadInputError(f"Parameter {self.name!r} must be {self.range_text()}, not {given!r}.")
        return value

    def range_text(self) -> str:
        """Say what is allowed, as in `a number from 0 to 1`."""
        if self.choices is not None:
            return f"one of {', '.join(self.choices)}"
        if isinstance(self.default, bool):
            return "true or false"
        if isinstance(self.default, str):
            return "a text"
        kind = "a whole number" if isinstance(self.default, int) else "a number"
        if self.low is not None and self.high is not None:
            return f"{kind} from {self.low:g} to {self.high:g}"
        if self.low is not None:
            return f"{kind}, at least {self.low:g}"
        return kind if self.high is None else f"{kind}, at most {self.high:g}"

    def _convert(self, given: Any) -> Value | None:
        if isinstance(self.default, bool):
            if isinstance(given, bool):
                return given
            return _TRUTHS.get(given.strip().lower()) if isinstance(given, str) else None
        if isinstance(self.default, str):
            return given.strip() if isinstance(given, str) else None
        if isinstance(given, bool):  # an int to Python, not to a person
            return None
        try:
            number = float(given)
        except (TypeError, ValueError):
            return None
        if not math.isfinite(number):
            return None
        if isinstance(self.default, int):
            return int(number) if number.is_integer() else None
        return number

    def _allows(self, value: Value) -> bool:
        if self.choices is not None:
            return value in self.choices
        if isinstance(value, str):
            return True
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


@dataclass(frozen=True)
class Tuned:
    """What a recipe made."""

    vectors: NDArray[np.float32]
    """Shape (n, d_out): the tuned vector of every row of the matrix, of unit length."""
    parameters: dict[str, Any]
    seed: int
    seconds: float
    device: str
    curve: tuple[dict[str, float], ...]
    """One per epoch: `epoch` (from 1), `train_loss`, `seconds` since the start and, where labels were set
    aside, `validation_loss`."""
    best_epoch: int
    """The epoch, from 1, with the lowest validation loss (training loss where none was set aside)."""
    stopped: str
    """`early stopping` or `max epochs`."""
    warnings: tuple[str, ...]
    libraries: dict[str, str]
    """Version by distribution name."""
    model: TunedModel
    """Gives records that come later their vectors; for the records of the matrix, these very vectors."""
    report: dict[str, Any] = field(default_factory=dict)
    """What else a person should know: candidates tried with their scores, the one chosen and why."""


@dataclass(frozen=True)
class Recipe:
    """A named way to tune.

    `fit(vectors, training, *, parameters, seed, device, corpus, report) -> Tuned` takes the raw vectors,
    shape (n, d), rows of unit length, a `TrainingSet`, and a `Corpus`: texts, base model, judgements.
    """

    name: str
    title: str
    summary: str
    source: str
    parameters: tuple[Parameter, ...]
    fit: Callable[..., Tuned]
    least_labels: int = 2
    """Labels that a class needs to be learned from."""
    uses_judgements: bool = False
    """Whether it learns from judged pairs and triplets too."""

    def parse(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return every parameter of this recipe, checked: the given ones and the defaults of the others.

        Raises
        ------
        UnknownChoiceError
            If a key is none of its parameters.
        BadInputError
            If a value is of another type or out of range.
        """
        by_name = {parameter.name: parameter for parameter in self.parameters}
        for key in given:
            if key not in by_name:
                raise UnknownChoiceError(f"parameter of {self.name}", key, by_name)
        return {
            name: parameter.parse(given[name]) if name in given else parameter.default
            for name, parameter in by_name.items()
        }


def library_versions(names: Iterable[str]) -> dict[str, str]:
    """Return the installed version of each distribution, or `not installed`."""
    versions = {}
    for name in names:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return versions
