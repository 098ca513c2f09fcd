"""The kinds of heuristics as this installation is set up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from embtune.heuristics.base import Kind
from embtune.heuristics.kinds import KINDS, kind_of

if TYPE_CHECKING:
    from embtune.project import Project

LLM = "llm"


def kind_for(project: Project, name: str) -> Kind:
    """Return a kind by name, with the address that is set for it.

    Raises
    ------
    UnknownChoiceError
        If there is no such kind.
    """
    settings = project.settings
    if name != LLM or not settings.llm_url:
        return kind_of(name)
    from embtune.heuristics.llm import LlmKind
    from embtune.heuristics.llm_client import LlmSettings

    return LlmKind(
        LlmSettings(
            url=settings.llm_url,
            key=settings.llm_key,
            model=settings.llm_model,
            price_in=settings.llm_price_in,
            price_out=settings.llm_price_out,
            requests_per_minute=settings.llm_requests_per_minute,
        )
    )


def kinds_for(project: Project) -> dict[str, Kind]:
    """Every kind, by name."""
    return {name: kind_for(project, name) for name in KINDS}
