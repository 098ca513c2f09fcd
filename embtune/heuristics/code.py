"""Heuristics in Python: a function that looks at a record and returns a label's name.

The function runs in a process of its own under limits (`code_process`, `code_worker`), never in this one.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from embtune.errors import HeuristicError
from embtune.heuristics.base import ABSTAIN, TEXT, Config, Corpus, Depends, Found, Span
from embtune.heuristics.code_process import CodeProcess, Limits, StoppedError, can_limit
from embtune.heuristics.code_worker import LOADING, MODULES, may_import
from embtune.progress import Report

BATCH = 1_000
"""Records that are sent at once."""

UNGUARDED = (
    "This system has no Landlock, so Python alone keeps the code from files: run code of people you trust."
)
_LABELS_SHOWN = 10


class CodeConfig(Config):
    """A function and what it may use.

    Attributes
    ----------
    source
        Python with a function such as `def vote(record):` in it. `record` is a dictionary of the imported
        fields and of "text"; the function returns a label's name, None, or (name, confidence from 0 to 1).
        Among several functions `vote` is taken, else the last.
    seconds_a_record
        Wall-clock seconds that one record may take.
    seconds
        Wall-clock seconds that a run may take.
    memory_mb
        MiB that the process may use.
    """

    source: str = Field(max_length=100_000)
    seconds_a_record: float = Field(default=2, gt=0, le=60)
    seconds: float = Field(default=600, gt=0, le=86_400)
    memory_mb: int = Field(default=512, ge=64, le=65_536)


class CodeKind:
    """Votes as a function in Python says."""

    name: ClassVar[str] = "code"
    title: ClassVar[str] = "Python code"
    about: ClassVar[str] = "Votes as a function of yours says that looks at one record."
    Config: ClassVar[type[Config]] = CodeConfig
    needs_permission: ClassVar[bool] = True
    """Whoever runs it asks the operator's setting first (`EMBTUNE_ALLOW_CODE`)."""

    def depends(self, config: CodeConfig) -> Depends:
        """Nothing but its source."""
        return Depends()

    def voting(self, config: CodeConfig) -> tuple[int, ...]:
        """Any label: only a run tells."""
        return ()

    def describe(self, config: CodeConfig, label_names: Mapping[int, str]) -> str:
        """Return the first line of the function's docstring, or how long the code is."""
        try:
            function = _function(ast.parse(config.source))
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            function = None
        said = ast.get_docstring(function) if function else None
        n_lines = len(config.source.strip().splitlines())
        return said.splitlines()[0] if said else f"Python, {n_lines:,} line{'' if n_lines == 1 else 's'}"

    def run(self, config: CodeConfig, corpus: Corpus, rows: NDArray[np.int64], report: Report) -> Found:
        """Vote on some rows in a process of its own.

        Raises
        ------
        HeuristicError
            Naming the record and the line the code failed on, or the limit it reached. No vote is kept.
        """
        function, imports = check(config.source)
        if not can_limit():
            raise HeuristicError(
                "Python code needs limits that this system does not have: run embtune on Linux or macOS."
            )
        numbers = {name: number for number, name in corpus.label_names.items()}
        fields = [*(name for name in corpus.field_names if name != TEXT), TEXT]
        job = {"source": config.source, "function": function, "imports": imports}
        job |= {"fields": fields, "labels": list(numbers)}
        number_at = np.array([*numbers.values(), ABSTAIN], dtype=np.int64)  # the last for place -1
        labels = np.full(len(rows), ABSTAIN, dtype=np.int64)
        confidence = np.zeros(len(rows), dtype=np.float32)
        limits = Limits(config.seconds_a_record, config.seconds, config.memory_mb)
        printed, guarded = "", True

        def waiting(begun: int) -> None:
            report(min(max(begun - 1, done), len(rows)), len(rows), "records")

        done = 0
        try:
            with CodeProcess(job, limits, waiting) as process:
                guarded = process.files_guarded
                for done in range(0, len(rows), BATCH):
                    part = rows[done : done + BATCH]
                    columns = [corpus.values(name, part) for name in fields]
                    answer = process.vote(list(zip(*columns, strict=True)))
                    here = slice(done, done + len(part))
                    labels[here] = number_at[answer["places"]]
                    confidence[here] = answer["confidences"]
                    printed = str(answer.get("printed", ""))
        except StoppedError as stopped:
            raise HeuristicError(_sentence(stopped, config, corpus, rows)) from None
        report(len(rows), len(rows), "records")
        notes: dict[str, Any] = {"printed": printed} if printed else {}
        if not guarded:
            notes["warnings"] = [UNGUARDED]
        return Found(labels, confidence, notes)

    def spans(self, config: CodeConfig, corpus: Corpus, rows: NDArray[np.int64]) -> list[list[Span]]:
        """Nothing: what a function looks at is its own."""
        return [[] for _ in rows]


def check(source: str) -> tuple[str, list[str]]:
    """Look at code without running it.

    Returns
    -------
    function, imports
        The name of the function that votes, and the modules that the code imports.

    Raises
    ------
    HeuristicError
        If it cannot be parsed, holds no function or imports what it may not; with the line.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise HeuristicError(
            f"The code has a syntax error in line {error.lineno or 1}: {error.msg}."
        ) from None
    except (ValueError, MemoryError, RecursionError):
        raise HeuristicError(
            "The code cannot be read as Python: it is nested too deep or has zeros in it."
        ) from None
    function = _function(tree)
    if function is None:
        raise HeuristicError("The code has no function: write one, such as def vote(record): ….")
    imports: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found = ["." * node.level + (node.module or "")]
        else:
            continue
        for module in found:
            if not may_import(module):
                allowed = ", ".join(sorted(MODULES - {"__future__"}))
                raise HeuristicError(
                    f"The code may not import {module} (line {node.lineno}); it may import {allowed}."
                )
        imports += found
    return function.name, imports


def _function(tree: ast.Module) -> ast.FunctionDef | None:
    """Return the function that votes: `vote`, else the last."""
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    named = [node for node in functions if node.name == "vote"]
    return next(reversed(named or functions), None)


def _sentence(stopped: StoppedError, config: CodeConfig, corpus: Corpus, rows: NDArray[np.int64]) -> str:
    """Say in one sentence why a run stopped, on which record and in which line of the code."""
    if 1 <= stopped.at <= len(rows):
        where = f"record {corpus.ids(rows[stopped.at - 1 : stopped.at])[0]}"
    else:
        where = "what stands outside the function" if stopped.at == LOADING else "the way between records"
    on = f"on {where}" + (f", line {stopped.line}" if stopped.line else "")
    what = " ".join(stopped.what.split())
    names = list(corpus.label_names.values())
    shown = ", ".join(names[:_LABELS_SHOWN]) or "none yet"
    more = f" and {len(names) - _LABELS_SHOWN:,} more" if len(names) > _LABELS_SHOWN else ""
    return {
        "raised": f"The code failed {on}: {what}.",
        "refused": f"The code may not {what}, as it tried {on}.",
        "value": f"The code returned {what} {on}: return a label's name, None or (name, confidence).",
        "label": f"The code returned {what} {on}, which is no label; the labels are {shown}{more}.",
        "exit": f"The code asked to exit {on}: return None where it has no opinion.",
        "memory": f"The code needed more than its {config.memory_mb:,} MB of memory {on}.",
        "slow": f"The code took more than {what} {on}, and was stopped.",
        "long": f"The code took more than {what} in all, and was stopped {on}.",
        "start": f"The process for the code could not start ({what}).",
        "died": f"The code's process ended {on} ({what}).",
    }.get(stopped.kind, f"The code disturbed the way its votes are sent {on}.")
