"""The journal as people read it: the answers of one sitting as one line."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from embtune.store.journal import VOTES, Action

FOLD_FROM = 3


def fold(actions: Iterable[Action]) -> list[list[Action]]:
    """Put single answers that somebody gave in a session one after the other together; the rest stays alone.

    A sitting of fewer than three answers is not folded.
    """
    lines: list[list[Action]] = []
    for sitting, together in groupby(actions, key=_sitting):
        group = list(together)
        lines += [group] if sitting is not None and len(group) >= FOLD_FROM else [[one] for one in group]
    return lines


def _sitting(action: Action) -> tuple[int, str] | None:
    session = action.detail.get("session")
    if action.kind != VOTES or session is None or action.n_records != 1:
        return None
    return int(session), action.annotator
