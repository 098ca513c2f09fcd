"""Look-up lists of a project: shared terms, edited, imported and exported."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embtune.errors import BadFileError, BadInputError, ConflictError, StorageError, UnknownChoiceError
from embtune.store.heuristics import list_heuristics
from embtune.store.lookup_lists import LookupList, change_lookup, delete_lookup, insert_lookup, list_lookups
from embtune.work.heuristic_values import storable

if TYPE_CHECKING:
    from embtune.project import Project

LONGEST_TERM = 500
MOST_TERMS = 100_000


class LookupBook:
    """The look-up lists of one project, whatever its label task."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def all(self) -> list[LookupList]:
        """The lists, by name."""
        return list_lookups(self._project.db, self._project.id)

    def get(self, which: int | str) -> LookupList:
        """Return a list by number or name.

        Raises
        ------
        UnknownChoiceError
            If there is none.
        """
        known = self.all()
        for one in known:
            if which in (one.id, one.name):
                return one
        raise UnknownChoiceError("look-up list", str(which), [one.name for one in known])

    def add(self, name: str, terms: Iterable[str] = (), *, description: str = "") -> LookupList:
        """Make a list; terms that come twice are kept once, whatever their case.

        Raises
        ------
        BadInputError
            If the name is empty or taken, or a term is too long.
        """
        kept = cleaned(terms)
        with self._project.db.write() as connection:
            number = insert_lookup(
                connection, self._project.id, _name(name), kept, description=description.strip()
            )
        return self.get(number)

    def change(
        self,
        which: int | str,
        *,
        name: str | None = None,
        description: str | None = None,
        terms: Iterable[str] | None = None,
    ) -> LookupList:
        """Rename a list, describe it anew, or give it other terms."""
        kept = None if terms is None else cleaned(terms)
        return change_lookup(
            self._project.db,
            self._project.id,
            self.get(which).id,
            name=None if name is None else _name(name),
            description=description,
            terms=None if kept is None else lambda _: kept,
        )

    def add_terms(self, which: int | str, terms: Iterable[str]) -> LookupList:
        """Add terms behind those that are there; what others add at the same moment stays."""
        new = list(terms)
        return change_lookup(
            self._project.db, self._project.id, self.get(which).id, terms=lambda old: cleaned([*old, *new])
        )

    def remove_terms(self, which: int | str, terms: Iterable[str]) -> LookupList:
        """Take terms out, whatever their case."""
        out = {term.strip().casefold() for term in terms}
        return change_lookup(
            self._project.db,
            self._project.id,
            self.get(which).id,
            terms=lambda old: [term for term in old if term.casefold() not in out],
        )

    def delete(self, which: int | str) -> None:
        """Forget a list that no heuristic uses.

        Raises
        ------
        ConflictError
            Naming the heuristics that use it.
        """
        found = self.get(which)
        users = self.users(found.id)
        if users:
            raise ConflictError(
                f"The look-up list {found.name!r} is used by {', '.join(users)}: take it out there first."
            )
        delete_lookup(self._project.db, self._project.id, found.id)

    def users(self, which: int | str) -> list[str]:
        """Names of the heuristics, of every label task, that use a list."""
        number = self.get(which).id
        return [
            row.name
            for row in list_heuristics(self._project.db, self._project.id, None)
            if number in row.config.get("lists", ())
        ]

    def import_file(
        self, source: Path | str | bytes, *, name: str | None = None, add_to: int | str | None = None
    ) -> LookupList:
        """Make a list of a file's terms, or add them to one.

        Parameters
        ----------
        source
            A text file with a term a line; a CSV file, whose first column counts (or the one named `term` or
            `value`); or a JSON file: an array of terms, or of objects with `term` or `value`.
        name
            Of the new list; the file's name by default. With bytes it also tells the format by its ending.

        Raises
        ------
        BadFileError
            If the file cannot be read, or holds no term.
        """
        path = Path(name or "list.txt") if isinstance(source, bytes) else Path(source)
        try:
            text = (source if isinstance(source, bytes) else path.read_bytes()).decode("utf-8-sig")
        except OSError as error:
            raise BadFileError(f"{path} cannot be read ({error.strerror or error}).") from error
        except UnicodeDecodeError as error:
            raise BadFileError(f"{path.name} is not UTF-8 text: save it as UTF-8.") from error
        terms = _terms_of(text, path)
        if not cleaned(terms):
            raise BadFileError(f"{path.name} holds no term: write one a line.")
        if add_to is not None:
            return self.add_terms(add_to, terms)
        return self.add(name if name and not isinstance(source, bytes) else path.stem, terms)

    def export_file(self, which: int | str, out: Path) -> Path:
        """Write a list's terms, one a line, or as a JSON array if the name ends in .json.

        Raises
        ------
        StorageError
            If the file cannot be written.
        """
        found = self.get(which)
        text = (
            json.dumps(list(found.terms), ensure_ascii=False, indent=1)
            if out.suffix.lower() == ".json"
            else "\n".join(found.terms)
        )
        try:
            out.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise StorageError(
                f"{out} cannot be written ({error.strerror or error}): name a file in a folder that is there."
            ) from error
        return out


def cleaned(terms: Iterable[str]) -> list[str]:
    """Strip terms and drop empty ones and those that came before, whatever their case.

    Raises
    ------
    BadInputError
        If one is too long or holds what no text can, or there are too many.
    """
    kept: dict[str, str] = {}
    for term in terms:
        one = " ".join(str(term).split())
        if len(one) > LONGEST_TERM:
            raise BadInputError(
                f"The term {one[:40]!r}… has {len(one):,} characters; {LONGEST_TERM} are the most."
            )
        if not storable(one):
            raise BadInputError(f"The term {one[:40]!r} holds characters that are none: write it anew.")
        if one:
            kept.setdefault(one.casefold(), one)
    if len(kept) > MOST_TERMS:
        raise BadInputError(f"There are {len(kept):,} terms; {MOST_TERMS:,} are the most in a list.")
    return list(kept.values())


def _name(name: str) -> str:
    clean = " ".join(name.split())
    if not clean:
        raise BadInputError("A look-up list needs a name.")
    if not storable(clean):
        raise BadInputError(f"The name {clean[:40]!r} holds characters that are none: write it anew.")
    if len(clean) > 200:
        raise BadInputError(f"The name has {len(clean)} characters; 200 are the most.")
    return clean


def _terms_of(text: str, path: Path) -> Sequence[str]:
    ending = path.suffix.lower()
    if ending == ".json":
        return _terms_of_json(text, path)
    if ending == ".csv":
        rows = _rows_of_csv(text, path)
        head = [cell.strip().casefold() for cell in rows[0]] if rows else []
        column = next((head.index(name) for name in ("term", "value") if name in head), None)
        if column is None:
            return [row[0] for row in rows]
        return [row[column] for row in rows[1:] if len(row) > column]
    return text.splitlines()


def _rows_of_csv(text: str, path: Path) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text))
    try:
        return [row for row in reader if row]
    except csv.Error as error:
        raise BadFileError(
            f"{path.name}, line {reader.line_num}: it cannot be read as CSV ({error})."
        ) from error


def _terms_of_json(text: str, path: Path) -> list[str]:
    try:
        found: Any = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadFileError(f"{path.name}, line {error.lineno}: it is no JSON ({error.msg}).") from error
    except RecursionError as error:
        raise BadFileError(f"{path.name} is nested too deeply: write an array of terms.") from error
    except ValueError as error:
        raise BadFileError(f"{path.name} holds a number that is none: write an array of terms.") from error
    if not isinstance(found, list):
        raise BadFileError(f"{path.name} holds no array of terms.")
    out = []
    for number, item in enumerate(found, 1):
        value = item.get("term", item.get("value")) if isinstance(item, dict) else item
        if not isinstance(value, str):
            raise BadFileError(f"{path.name}, item {number}: a term is text, this is {repr(value)[:60]}.")
        out.append(value)
    return out
