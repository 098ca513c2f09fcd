"""What an evaluation was asked, and by what its result is known again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from embtune.work.measuring import Measure


def question(
    ks: Sequence[int],
    n_queries: int,
    seed: int,
    among: str,
    leave_out: str | Sequence[str] | None,
    maps: bool,
    slice: str | None = None,  # noqa: A002 -- the word users know
) -> dict[str, Any]:
    """Return what an evaluation was asked, as it is kept with its result."""
    return {
        "ks": [int(k) for k in ks],
        "n_queries": n_queries,
        "seed": seed,
        "among": among,
        "leave_out": names_of(leave_out),
        "maps": maps,
        **within_of(slice),
    }


def within_of(name: str | None) -> dict[str, Any]:
    """Return a slice's name as part of a question and of its result."""
    return {} if name is None else {"slice": name}  # absent where there is none, as in older results


def measure_key(measure: Measure) -> str:
    """Return a digest of the records measured and their labels: equal for comparable results."""
    digest = hashlib.blake2b(repr((measure.kind, measure.names)).encode(), digest_size=16)
    for array in (measure.rows, measure.labels):
        digest.update(array.tobytes())
    return digest.hexdigest()


def evaluation_key(
    file: str,
    measure: Measure,
    ks: Sequence[int],
    n_queries: int,
    seed: int,
    among: str,
    maps: bool,
    slice: str | None = None,  # noqa: A002
) -> str:
    """Return a digest of all that a result hangs on: vectors, labels and the question."""
    asked = (file, measure_key(measure), list(ks), n_queries, seed, among, maps)
    digest = hashlib.blake2b(repr(asked if slice is None else (*asked, slice)).encode(), digest_size=16)
    for array in (measure.train_rows, measure.train_labels):
        digest.update(array.tobytes())
    return digest.hexdigest()


def names_of(versions: str | Sequence[str] | None) -> list[str]:
    """Return names that were given as one, several or none."""
    if versions is None:
        return []
    return [versions] if isinstance(versions, str) else list(versions)
