"""All kinds of heuristics by name; a new one is a file of its own and a line here."""

from __future__ import annotations

from embtune.errors import UnknownChoiceError
from embtune.heuristics.base import Kind
from embtune.heuristics.code import CodeKind
from embtune.heuristics.field import FieldCondition
from embtune.heuristics.learner import Learner
from embtune.heuristics.llm import LlmKind
from embtune.heuristics.lookup import Lookup
from embtune.heuristics.nearest import Nearest
from embtune.heuristics.regex import Regex
from embtune.heuristics.zero_shot import ZeroShot

_ALL: tuple[Kind, ...] = (
    Lookup(),
    Regex(),
    FieldCondition(),
    Nearest(),
    Learner(),
    ZeroShot(),
    LlmKind(),
    CodeKind(),
)

KINDS: dict[str, Kind] = {kind.name: kind for kind in _ALL}
"""In the order in which they are offered."""


def kind_of(name: str) -> Kind:
    """Return a kind by its name.

    Raises
    ------
    UnknownChoiceError
        If there is none of that name.
    """
    if name not in KINDS:
        raise UnknownChoiceError("kind of heuristic", name, KINDS)
    return KINDS[name]
