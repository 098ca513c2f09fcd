"""How long work tells what it has done and learns that it should stop."""

from __future__ import annotations

from typing import Any, Protocol


class Report(Protocol):
    """A callable that long work calls often; it is cheap, and it is where a cancel arrives.

    Calling it may raise `JobCancelledError`: let it pass, after leaving nothing half written.
    """

    def __call__(
        self,
        done: float,
        total: float | None = None,
        unit: str = "",
        message: str = "",
        detail: dict[str, Any] | None = None,
    ) -> None:
        """Say that `done` of `total` `unit` are done; `detail` holds live data such as loss curves."""


def silent(
    done: float,
    total: float | None = None,
    unit: str = "",
    message: str = "",
    detail: dict[str, Any] | None = None,
) -> None:
    """Do nothing with the report; the default for callers that do not listen."""
