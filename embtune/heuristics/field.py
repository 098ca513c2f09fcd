"""Conditions on a field or on the text's length: a record that meets one gets the label."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from embtune.errors import BadInputError, HeuristicError
from embtune.filtering.query import OPERATORS, Comparison, leaves, parse
from embtune.filtering.text import as_numbers, compare_column
from embtune.heuristics.base import ABSTAIN, TEXT, Corpus, Depends, Found, Span
from embtune.heuristics.base import Config as BaseConfig
from embtune.heuristics.columns import column_for
from embtune.progress import Report, silent

LENGTH_OPERATORS = ("length >", "length <", "length between")
FIELD_OPERATORS = (*OPERATORS, *LENGTH_OPERATORS)

_SECONDS = 60.0
_WORD = r"[^\s\pZ]+"

Plain = bool | int | float | str


class FieldConfig(BaseConfig):
    """Which condition stands for which label.

    Attributes
    ----------
    label
        Number of the label.
    field
        An imported field, or `text`.
    op
        One of `FIELD_OPERATORS`.
    value
        What the operator takes: a text or a number, several for `in`, two for `between` (both are within),
        true or false for `empty`.
    case
        Whether upper and lower case differ.
    unit
        What a length is counted in.
    """

    label: int
    field: Annotated[str, Field(min_length=1)] = TEXT
    op: str = "equals"
    value: Plain | tuple[Plain, ...]
    case: bool = False
    unit: Literal["words", "characters"] = "words"


class FieldCondition:
    """Votes for one label where a field meets a condition."""

    name: ClassVar[str] = "field"
    title: ClassVar[str] = "Field condition"
    about: ClassVar[str] = (
        "Votes for a label where a field has a value, a number is in a range, or a text is long."
    )
    Config: ClassVar[type[BaseConfig]] = FieldConfig

    def depends(self, config: FieldConfig) -> Depends:
        """Nothing but its configuration."""
        return Depends()

    def voting(self, config: FieldConfig) -> tuple[int, ...]:
        """Its one label."""
        return (config.label,)

    def describe(self, config: FieldConfig, label_names: Mapping[int, str]) -> str:
        """Say the condition and the label."""
        value = config.value
        if config.op == "empty":
            said = "is empty" if value else "is not empty"
        else:
            joiner = " and " if config.op.endswith("between") else ", "
            shown = joiner.join(map(str, value)) if isinstance(value, tuple) else str(value)
            said = f"{config.op} {shown}" + f" {config.unit}" * (config.op in LENGTH_OPERATORS)
        return f"{config.field} {said} → {label_names.get(config.label, 'a label that is gone')}"

    def run(
        self, config: FieldConfig, corpus: Corpus, rows: NDArray[np.int64], report: Report = silent
    ) -> Found:
        """Vote on some rows; see `Kind.run`."""
        test = _test_of(config)
        report(0, 1, unit="fields")
        column, at = column_for(corpus, config.field, rows)
        try:
            if config.op in LENGTH_OPERATORS:
                hit = _of_length(column, test, config.unit)[at]
            else:
                hit = compare_column(column, test, lambda: as_numbers(column), seconds=_SECONDS)[at]
        except BadInputError as error:
            raise HeuristicError(str(error)) from error
        report(1, 1, unit="fields")
        return Found(np.where(hit, config.label, ABSTAIN).astype(np.int64), hit.astype(np.float32))

    def spans(self, config: FieldConfig, corpus: Corpus, rows: NDArray[np.int64]) -> list[list[Span]]:
        """No places: it looks at the whole field."""
        return [[] for _ in range(len(rows))]


def _test_of(config: FieldConfig) -> Comparison:
    """Check operator and value as a filter's; a length is compared as a number."""
    op = config.op
    if op not in FIELD_OPERATORS:
        raise HeuristicError(f"There is no operator {op!r}: choose one of {', '.join(FIELD_OPERATORS)}.")
    value: Any = list(config.value) if isinstance(config.value, tuple) else config.value
    plain = op.removeprefix("length ")
    try:
        leaf = next(leaves(parse({"text": {plain: value, "case": config.case}})))
    except BadInputError as error:
        reason = str(error).partition(": ")[2]
        raise HeuristicError(f"The value of {op!r} cannot be used: {reason}") from error
    test: Comparison = leaf.value
    bounds = test.value if isinstance(test.value, tuple) else (test.value,)
    if op in LENGTH_OPERATORS and any(isinstance(bound, str) for bound in bounds):
        raise HeuristicError(f"The value of {op!r} cannot be used: it takes numbers, not {value!r}.")
    return test


def _of_length(column: Any, test: Comparison, unit: str) -> NDArray[np.bool_]:
    import pyarrow.compute as pc

    counted = pc.utf8_length(column) if unit == "characters" else pc.count_substring_regex(column, _WORD)
    lengths = np.asarray(counted.fill_null(-1).to_numpy(), np.int64)
    if test.op == "between":
        found = (lengths >= test.value[0]) & (lengths <= test.value[1])
    else:
        found = lengths > test.value if test.op == ">" else lengths < test.value
    return np.asarray(found & (lengths >= 0), np.bool_)
