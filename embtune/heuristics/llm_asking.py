"""Asking a language model many questions at once, and keeping the answers as they come."""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from dataclasses import dataclass

from embtune.errors import HeuristicError
from embtune.heuristics.base import Corpus
from embtune.heuristics.llm_client import (
    AT_ONCE,
    Answer,
    LlmClient,
    RefusedRequestError,
    StoppedAskingError,
)
from embtune.heuristics.llm_prompt import read_answer
from embtune.progress import Report

_AGAIN = "That is not one of the labels. Answer with the JSON only."
_LOOK_SECONDS = 0.2
_LAST_ANSWERS_SECONDS = 3.0
_REFUSALS_AT_FIRST = 5


@dataclass(frozen=True)
class Plan:
    """What to ask for which rows: their keys, the questions by key, and what was answered before."""

    keys: list[str]
    questions: dict[str, str]
    known: dict[str, str]
    to_ask: list[str]
    names: dict[str, int]
    model: str


class Asking:
    """Asks a plan's questions with a few threads, and keeps the answers as they come."""

    def __init__(self, client: LlmClient, plan: Plan, temperature: float | None, corpus: Corpus) -> None:
        self.answers: dict[str, str] = {}
        self.refusals: list[str] = []
        self.spent: Counter[str] = Counter()
        self._client, self._plan, self._temperature, self._corpus = client, plan, temperature, corpus
        self._waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._finished: queue.SimpleQueue[tuple[str, list[Answer], Exception | None]] = queue.SimpleQueue()

    def run(self, report: Report) -> None:
        """Ask them all; return when all are answered, raise when one cannot be."""
        n_known, to_ask = len(self._plan.known), self._plan.to_ask
        for key in to_ask:
            self._waiting.put(key)
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(min(AT_ONCE, len(to_ask)))]
        try:
            for thread in threads:
                thread.start()
            while (n_done := len(self.answers) + len(self.refusals)) < len(to_ask):
                held = self._client.held_seconds
                message = f"The service asked to wait {held:,.0f} seconds" if held >= 2 else ""
                report(n_known + n_done, n_known + len(to_ask), "answers", message)
                self._gather(_LOOK_SECONDS)
            self._refuse_if_all_are(1)
        finally:
            self._client.stop.set()
            last = time.monotonic() + _LAST_ANSWERS_SECONDS
            for thread in threads:
                thread.join(max(0.0, last - time.monotonic()))
            self._gather(0.0, failing=False)
        report(n_known + len(to_ask), n_known + len(to_ask), "answers")

    def _work(self) -> None:
        """Ask one question after the other until none is left or somebody says stop."""
        while not self._client.stop.is_set():
            try:
                key = self._waiting.get_nowait()
            except queue.Empty:
                return
            answers: list[Answer] = []
            problem: Exception | None = None
            try:
                self._ask(self._plan.questions[key], answers)
            except StoppedAskingError:
                problem = StoppedAskingError()
            except Exception as error:  # told where the run waits
                problem = error
            self._finished.put((key, answers, problem))

    def _ask(self, question: str, answers: list[Answer]) -> None:
        """Ask, and once again if the answer is no label; the answers are added as they come."""
        messages = [{"role": "user", "content": question}]
        for _ in range(2):
            answers.append(self._client.ask(messages, model=self._plan.model, temperature=self._temperature))
            if read_answer(answers[-1].text, self._plan.names) is not None:
                return
            messages += [
                {"role": "assistant", "content": answers[-1].text or "…"},
                {"role": "user", "content": _AGAIN},
            ]

    def _gather(self, seconds: float, *, failing: bool = True) -> None:
        """Keep what has been answered, after waiting for the first that long."""
        new: dict[str, str] = {}
        problem: Exception | None = None
        try:
            while True:
                key, answers, failed = (
                    self._finished.get(timeout=seconds) if seconds else self._finished.get_nowait()
                )
                seconds = 0.0
                for answer in answers:
                    self.spent.update({"in": answer.tokens_in, "out": answer.tokens_out})
                if failed is None:
                    new[key] = answers[-1].text[:10_000]
                elif isinstance(failed, RefusedRequestError):
                    self.refusals.append(str(failed))
                else:
                    problem = problem or failed
        except queue.Empty:
            pass
        self.answers.update(new)
        said = {key: text for key, text in new.items() if read_answer(text, self._plan.names) is not None}
        if said:
            self._corpus.remember(said)
        if not failing:
            return
        if problem is not None:
            raise problem
        self._refuse_if_all_are(_REFUSALS_AT_FIRST)

    def _refuse_if_all_are(self, at_least: int) -> None:
        """Raise if that many requests were refused and none was ever answered."""
        if len(self.refusals) >= at_least and not self.answers and not self._plan.known:
            raise HeuristicError(
                f"The LLM at {self._client.address} refused every request ({self.refusals[0]}): check the "
                "model, the prompt and the temperature."
            )
