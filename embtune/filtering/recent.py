"""The last few answers to what was asked."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")


class Recent(Generic[Value]):
    """Keeps the `most` values used last, each as long as its stamp is the same; safe between threads.

    Of arrays it keeps `most_bytes` together at most, and the last one whatever its size.
    """

    def __init__(self, most: int, *, most_bytes: int = 64 * 2**20) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._lock = threading.Lock()
        self._values: OrderedDict[Any, tuple[Any, Value]] = OrderedDict()

    def get(self, key: Any, stamp: Any = None) -> Value | None:
        """Return the value of a key, None if it is not kept or was made under another stamp."""
        with self._lock:
            known = self._values.get(key)
            if known is None or known[0] != stamp:
                return None
            self._values.move_to_end(key)
            return known[1]

    def put(self, key: Any, value: Value, stamp: Any = None) -> None:
        """Keep a value; the one that was not used for longest goes."""
        with self._lock:
            self._values[key] = (stamp, value)
            self._values.move_to_end(key)
            held = sum(getattr(kept, "nbytes", 0) for _, kept in self._values.values())
            while len(self._values) > self._most or (held > self._most_bytes and len(self._values) > 1):
                _, (_, gone) = self._values.popitem(last=False)
                held -= getattr(gone, "nbytes", 0)
