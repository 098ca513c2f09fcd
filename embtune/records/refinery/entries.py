"""The parts of a snapshot: lists of objects whose values are checked one by one, each with its place."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from embtune.errors import BadFileError
from embtune.records.readers.json_lines import kind_of

REQUIRED = (
    "project_details_data",
    "attributes_data",
    "records_data",
    "labeling_tasks_data",
    "labeling_task_labels_data",
    "information_sources_data",
    "information_source_statistics_data",
    "record_label_associations_data",
    "knowledge_bases_data",
    "terms_data",
    "data_slice_data",
)
_NOTHING = (None, "None", "")  # how refinery writes that a column is empty
_AGAIN = "Export the project from refinery again."

Known = TypeVar("Known")


class Entry:
    """One object of a part; a value that is asked for has its type, or a sentence says that it has not."""

    __slots__ = ("number", "part", "place", "values")

    def __init__(self, place: str, part: str, number: int | None, values: Mapping[str, Any]) -> None:
        self.place, self.part, self.number, self.values = place, part, number, values

    def error(self, name: str, what: str) -> BadFileError:
        """Return the error for a value."""
        at = "" if self.number is None else f"[{self.number}]"
        return BadFileError(f"{self.place}: {self.part}{at}.{name} {what}. {_AGAIN}")

    def has(self, name: str) -> bool:
        """Whether there is anything."""
        return self.values.get(name) not in _NOTHING

    def text(self, name: str) -> str:
        """Return a text that must be there."""
        value = self.values.get(name)
        if not isinstance(value, str) or not value.strip():
            raise self._wrong(name, value, "a text")
        return _clean(value)

    def text_or(self, name: str, default: str = "") -> str:
        """Return a text that may be missing."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, str):
            raise self._wrong(name, value, "a text")
        return default if value is None else _clean(value)

    def flag(self, name: str) -> bool:
        """Return true or false; nothing counts as false."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, bool):
            raise self._wrong(name, value, "true or false")
        return bool(value)

    def count(self, name: str) -> int:
        """Return a whole number from 0 up; nothing counts as 0."""
        value = self.values.get(name)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
            raise self._wrong(name, value, "a number from 0 up")
        return value or 0

    def share(self, name: str, default: float) -> float:
        """Return a number from 0 to 1."""
        value = self.values.get(name)
        if value is None:
            return default
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value <= 1:
            raise self._wrong(name, value, "a number from 0 to 1")
        return float(value)

    def time(self, name: str) -> float | None:
        """Return a time in seconds since 1970; refinery writes UTC without saying so."""
        value = self.values.get(name)
        if value in _NOTHING:
            return None
        try:
            parsed = datetime.datetime.fromisoformat(value)
            utc = parsed if parsed.tzinfo else parsed.replace(tzinfo=datetime.UTC)
            seconds = utc.timestamp()
        except (TypeError, ValueError, OverflowError):
            raise self._wrong(name, value, "a time such as 2022-07-07 18:34:36") from None
        return seconds if math.isfinite(seconds) else None

    def refers(self, name: str, known: Mapping[str, Known], what: str) -> Known:
        """Return what an id stands for."""
        value = self.values.get(name)
        if not isinstance(value, str):
            raise self._wrong(name, value, f"the id of {what}")
        found = known.get(value)
        if found is None:
            raise self.error(name, f"names {what} {value[:60]!r} that the snapshot does not have")
        return found

    def _wrong(self, name: str, value: Any, wanted: str) -> BadFileError:
        if name not in self.values:
            return self.error(name, "is missing")
        shown = kind_of(value)
        if isinstance(value, (str, int, float)) and not isinstance(value, bool):
            shown = repr(value)[:60]
        return self.error(name, f"is {shown}, not {wanted}")


class Parts:
    """A whole snapshot, part by part."""

    def __init__(self, content: Mapping[str, Any], place: str) -> None:
        missing = [name for name in REQUIRED if name not in content]
        if len(missing) == len(REQUIRED):
            raise BadFileError(
                f"{place} is no refinery snapshot: it has none of its parts, such as 'records_data'. "
                "Give the file that refinery exports as a project snapshot."
            )
        if missing:
            listed = ", ".join(map(repr, missing))
            raise BadFileError(
                f"{place} is no whole refinery snapshot: it lacks {listed}. "
                "Export the project again with every option ticked."
            )
        self._content, self.place = content, place

    def object(self, name: str) -> Entry:
        """Return a part that is one object."""
        return Entry(self.place, name, None, self._typed(name, dict, "an object"))

    def entries(self, name: str) -> Iterator[Entry]:
        """Go through a part that is a list of objects; one that is missing counts as empty."""
        if self._content.get(name) is None and name not in REQUIRED:
            return
        for number, values in enumerate(self._typed(name, list, "a list")):
            if not isinstance(values, dict):
                raise BadFileError(
                    f"{self.place}: {name}[{number}] is {kind_of(values)}, not an object. {_AGAIN}"
                )
            yield Entry(self.place, name, number, values)

    def with_ids(self, name: str) -> Iterator[tuple[str, Entry]]:
        """Go through a part whose objects have an id of their own."""
        seen: dict[str, int | None] = {}
        for entry in self.entries(name):
            own = entry.text("id")
            if own in seen:
                raise entry.error("id", f"is the same as that of {name}[{seen[own]}]: {own[:60]!r}")
            seen[own] = entry.number
            yield own, entry

    def size(self, name: str) -> int:
        """How many objects a part has that is only counted."""
        value = self._content.get(name)
        return len(value) if isinstance(value, list) else 0

    def _typed(self, name: str, kind: type, wanted: str) -> Any:
        value = self._content[name]
        if not isinstance(value, kind):
            raise BadFileError(f"{self.place}: {name} is {kind_of(value)}, not {wanted}. {_AGAIN}")
        return value


def _clean(text: str) -> str:
    # JSON's escapes can spell halves of surrogate pairs and NUL, which UTF-8 and databases refuse.
    if not text.isascii():
        text = text.encode("utf-8", errors="replace").decode()
    return text.replace("\0", "") if "\0" in text else text
