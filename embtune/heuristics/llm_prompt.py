"""What a language model is asked about a record, and what its answer says."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import HeuristicError
from embtune.heuristics.base import ABSTAIN, TEXT, Corpus
from embtune.records.identity import value_text

LABELS = "labels"
"""In a prompt: the names of the labels."""

_NAMED = re.compile(r"\{(\w[^{}\"':\n]{0,79})\}")
_FORM = (
    'Answer with JSON only: {{"label": "…", "confidence": a number from 0 to 1}}. The label is one of these, '
    'copied exactly, or "none" if none of them fits:\n{labels}'
)


def questions(prompt: str, names: Sequence[str], corpus: Corpus, rows: NDArray[np.int64]) -> list[str]:
    """Fill a prompt for some rows, with how to answer below it.

    Raises
    ------
    HeuristicError
        If it names a field that is not there, or nothing of the record.
    """
    named = list(dict.fromkeys(_NAMED.findall(prompt)))
    there = [TEXT, LABELS, *corpus.field_names]
    missing = [name for name in named if name not in there]
    if missing:
        raise HeuristicError(
            f"The prompt names {missing[0]!r}, which is no field; there are {', '.join(there)}."
        )
    asked = [name for name in named if name != LABELS]
    if not asked:
        raise HeuristicError(
            "The prompt names nothing of the record: put {text} where its text should stand."
        )
    columns = {name: corpus.values(name, rows) for name in asked}
    listed = "\n".join(f"- {name}" for name in names)
    form = _FORM.format(labels=listed)

    def fill(place: int) -> str:
        values = {name: value_text(column[place]) for name, column in columns.items()}
        values[LABELS] = listed
        return _NAMED.sub(lambda found: values[found[1]], prompt) + "\n\n" + form

    return [fill(place) for place in range(len(rows))]


def read_answer(text: str, names: Mapping[str, int]) -> tuple[int, float] | None:
    """Turn a model's words into a label's number, `ABSTAIN` for "none", and a confidence; None if unclear.

    Strictly: JSON with a label, or a label's name and nothing else. Upper and lower case are the same.
    """
    text = re.sub(r"\A\s*<think>.*?</think>", "", text, flags=re.DOTALL).strip()
    fenced = re.fullmatch(r"```\w*\s*(.*?)\s*```", text, flags=re.DOTALL)
    text = fenced[1] if fenced else text
    said: Any = text
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        said = text
    confidence: Any = 1.0
    if isinstance(said, dict):
        confidence = said.get("confidence", 1.0)
        said = said.get("label", 0)
        said = "none" if said is None else said
    elif not isinstance(said, str):
        said = text  # a label may be called 401 or true
    sure = isinstance(confidence, int | float) and not isinstance(confidence, bool) and 0 <= confidence <= 1
    if not isinstance(said, str) or not sure:
        return None
    name = said.strip()
    if name in names:
        return names[name], float(confidence)
    alike = [number for other, number in names.items() if other.casefold() == name.casefold()]
    if len(alike) == 1:
        return alike[0], float(confidence)
    return (ABSTAIN, 0.0) if name.casefold() == "none" else None
