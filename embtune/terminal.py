"""Progress of long work in a terminal; all of it on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from embtune.progress import Report

_SECONDS_BETWEEN_LINES = 5.0


@contextmanager
def progress() -> Iterator[Report]:
    """Show reports on standard error: as a bar, or as a line now and then where that is no terminal."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("")

        def echo(
            done: float,
            total: float | None = None,
            unit: str = "",
            message: str = "",
            detail: dict[str, Any] | None = None,
        ) -> None:
            description = f"{message} ({unit})" if unit else message
            bar.update(task, completed=done, total=total, description=description)

        yield echo


class _Lines:
    """Prints a report as a line: the first of every step, and then one every few seconds."""

    def __init__(self) -> None:
        self._message = ""
        self._printed_at = 0.0

    def __call__(
        self,
        done: float,
        total: float | None = None,
        unit: str = "",
        message: str = "",
        detail: dict[str, Any] | None = None,
    ) -> None:
        if message == self._message and time.monotonic() - self._printed_at < _SECONDS_BETWEEN_LINES:
            return
        self._message, self._printed_at = message, time.monotonic()
        counted = f": {done:,.0f} of {total:,.0f} {unit}" if total else ""
        print(f"{message}{counted}", file=sys.stderr, flush=True)
