"""Heuristics that ask a language model: any service that speaks OpenAI's chat protocol."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from embtune.errors import HeuristicError
from embtune.heuristics.base import ABSTAIN, Config, Corpus, Depends, Found, Span
from embtune.heuristics.llm_asking import Asking, Plan
from embtune.heuristics.llm_client import LlmClient, LlmSettings, shown, tokens, usable
from embtune.heuristics.llm_prompt import questions, read_answer
from embtune.progress import Report

_ANSWER_TOKENS = 20


class LlmConfig(Config):
    """What a language model is asked.

    Attributes
    ----------
    prompt
        The question about a record: `{text}` and the names of fields in braces stand for its values,
        `{labels}` for the labels. How to answer is added below it.
    labels
        Numbers of the labels to choose from; empty for the whole label set.
    model
        The model's name at the service; None for the configured one.
    min_confidence
        Below this, as the model says it, the heuristic abstains.
    max_records
        How many different questions a run may have answered, those of earlier runs included; on the other
        records it abstains. None for no limit.
    temperature
        0 for the likeliest answer; None to leave it to the service, as some models demand.
    """

    prompt: str = Field(default="Which label fits this text?\n\n{text}", min_length=1, max_length=20_000)
    labels: tuple[int, ...] = ()
    model: str | None = None
    min_confidence: float = Field(default=0.0, ge=0, le=1)
    max_records: int | None = Field(default=None, ge=1)
    temperature: float | None = Field(default=0.0, ge=0, le=2)


class LlmKind:
    """Votes as a language model says.

    Parameters
    ----------
    settings
        Where it is; None if none is configured, and then it cannot run.
    """

    name: ClassVar[str] = "llm"
    title: ClassVar[str] = "Language model"
    about: ClassVar[str] = "Votes as a language model answers that is shown one record at a time."
    Config: ClassVar[type[Config]] = LlmConfig

    def __init__(self, settings: LlmSettings | None = None) -> None:
        self.settings = settings

    def depends(self, config: LlmConfig) -> Depends:
        """Return the address that texts are sent to."""
        return Depends(asks=shown(self.settings.url) if self.settings else None)

    def model(self, config: LlmConfig) -> str | None:
        """Return the name of the model that is asked; None if there is none."""
        return config.model or (self.settings.model if self.settings else None)

    def voting(self, config: LlmConfig) -> tuple[int, ...]:
        """Return the labels it chooses from."""
        return config.labels

    def describe(self, config: LlmConfig, label_names: Mapping[int, str]) -> str:
        """Return the beginning of the prompt and the labels."""
        prompt = " ".join(config.prompt.split())
        prompt = prompt if len(prompt) <= 60 else prompt[:59].rstrip() + "…"
        labels = [label_names.get(number, "a deleted label") for number in config.labels[:3]]
        more = f" +{len(config.labels) - 3}" if len(config.labels) > 3 else ""
        return f"{prompt} → {', '.join(labels) + more if labels else 'any label'}"

    def estimate(self, config: LlmConfig, corpus: Corpus, rows: NDArray[np.int64]) -> dict[str, Any]:
        """Say what a run would take, without asking.

        Returns
        -------
        dict
            requests, from_cache (answers there are already), not_asked (above `max_records`), tokens_in and
            tokens_out (guessed), cost (None if a price is not known), minutes (at the permitted rate).

        Raises
        ------
        HeuristicError
            As `run`, if it could not begin.
        """
        rate = usable(self.settings).requests_per_minute
        plan = self._plan(config, corpus, rows)
        sent = sum(tokens(plan.questions[key]) for key in plan.to_ask)
        answered = _ANSWER_TOKENS * len(plan.to_ask)
        return {
            "requests": len(plan.to_ask),
            "from_cache": len(plan.known),
            "not_asked": len(plan.questions) - len(plan.known) - len(plan.to_ask),
            "tokens_in": sent,
            "tokens_out": answered,
            "cost": self._cost(sent, answered),
            "minutes": len(plan.to_ask) / rate,
        }

    def run(self, config: LlmConfig, corpus: Corpus, rows: NDArray[np.int64], report: Report) -> Found:
        """Ask about every row that was not asked about before, and vote as answered.

        Answers are kept as they come: what stops a run loses at most those under way.

        Raises
        ------
        HeuristicError
            If no service is configured, it cannot be reached or refuses.
        """
        plan = self._plan(config, corpus, rows)
        with LlmClient(usable(self.settings)) as client:
            asking = Asking(client, plan, config.temperature, corpus)
            asking.run(report)
        answers = plan.known | asking.answers
        votes = {key: read_answer(text, plan.names) for key, text in answers.items()}
        no_label = sum(vote is None for vote in votes.values())
        labels = np.full(len(rows), ABSTAIN, dtype=np.int64)
        confidence = np.zeros(len(rows), dtype=np.float32)
        for place, key in enumerate(plan.keys):
            label, sure = votes.get(key) or (ABSTAIN, 0.0)
            if label != ABSTAIN and sure >= config.min_confidence:
                labels[place], confidence[place] = label, sure
        sent, answered = asking.spent["in"], asking.spent["out"]
        notes: dict[str, Any] = {
            "model": plan.model,
            "asked": len(asking.answers),
            "from_cache": len(plan.known),
            "not_asked": len(plan.questions) - len(plan.known) - len(plan.to_ask),
            "no_label": no_label,
            "refused": len(asking.refusals),
            "tokens_in": sent,
            "tokens_out": answered,
            "cost": self._cost(sent, answered),
        }
        notes["warnings"] = _warnings(notes, asking.refusals)
        return Found(labels, confidence, notes)

    def spans(self, config: LlmConfig, corpus: Corpus, rows: NDArray[np.int64]) -> list[list[Span]]:
        """Nothing: a model looks at the whole."""
        return [[] for _ in rows]

    def _plan(self, config: LlmConfig, corpus: Corpus, rows: NDArray[np.int64]) -> Plan:
        settings = usable(self.settings)
        model = self.model(config)
        if not model:
            raise HeuristicError("No model is named: set EMBTUNE_LLM_MODEL, or name one in the heuristic.")
        gone = [number for number in config.labels if number not in corpus.label_names]
        if gone:
            raise HeuristicError(
                "A label that the heuristic chooses from was deleted: choose its labels again."
            )
        numbers = config.labels or tuple(corpus.label_names)
        if not numbers:
            raise HeuristicError("There are no labels to choose from: add some first.")
        names = {corpus.label_names[number]: number for number in numbers}
        texts = questions(config.prompt, list(names), corpus, rows)
        head = json.dumps([shown(settings.url), model, config.temperature, list(names)])
        keys = [hashlib.sha256(f"{head}\n{text}".encode("utf-8", "replace")).hexdigest() for text in texts]
        by_key = dict(zip(keys, texts, strict=True))
        known = {  # what could not be read is asked again: the service may have been out of order
            key: text
            for key, text in corpus.answers(list(by_key)).items()
            if read_answer(text, names) is not None
        }
        to_ask = [key for key in by_key if key not in known]
        if config.max_records is not None and len(known) + len(to_ask) > config.max_records:
            room = max(config.max_records - len(known), 0)
            chosen = set(sorted(to_ask)[:room])  # by hash: as good as random, and the same next time
            to_ask = [key for key in to_ask if key in chosen]
        return Plan(keys, by_key, known, to_ask, names, model)

    def _cost(self, sent: int, answered: int) -> float | None:
        if self.settings is None or self.settings.price_in is None or self.settings.price_out is None:
            return None
        return (sent * self.settings.price_in + answered * self.settings.price_out) / 1e6


def _warnings(notes: Mapping[str, Any], refusals: Sequence[str]) -> list[str]:
    """Say in sentences what a run left out."""
    told = []
    if n := notes["no_label"]:
        told.append(f"{n:,} answer{' was' if n == 1 else 's were'} no label, even when asked again.")
    if n := notes["refused"]:
        told.append(f"{n:,} request{' was' if n == 1 else 's were'} refused ({refusals[0]}).")
    if n := notes["not_asked"]:
        told.append(f"{n:,} question{' was' if n == 1 else 's were'} not asked, above the limit.")
    return told
