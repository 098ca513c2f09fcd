"""Similarity judgements: pairs that are alike or not, and records that are closer to one than another is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embtune.errors import BadInputError, NotFoundError
from embtune.labeling.judgement_files import PAIR_FIELDS, TRIPLET_FIELDS, read_judgements
from embtune.store import journal
from embtune.store.journal import Action
from embtune.store.judgements import (
    PAIR,
    TRIPLET,
    NewJudgement,
    StoredJudgement,
    action_of_judgement,
    insert_judgements,
    judgements_stamp,
    list_judgements,
)

if TYPE_CHECKING:
    from embtune.project import Project


@dataclass(frozen=True)
class Judgement:
    """What one annotator last said of a pair or a triplet.

    Attributes
    ----------
    id, action_id
        Its number, and that of the action it came with.
    kind
        "pair" or "triplet".
    rows, record_ids
        Record a and record b, or anchor, closer and farther.
    score
        Of a pair, from 0 (different) to 1 (similar); None for a triplet.
    annotator, created_at
        Who said it, and when, in seconds since 1970, UTC.
    """

    id: int
    action_id: int
    kind: str
    rows: tuple[int, ...]
    record_ids: tuple[str, ...]
    score: float | None
    annotator: str
    created_at: float

    def as_fields(self) -> dict[str, Any]:
        """Return it as a line of a table, which `import_judgements` reads; None where it has nothing."""
        values = self.record_ids if self.kind == TRIPLET else (*self.record_ids, self.score)
        names = TRIPLET_FIELDS if self.kind == TRIPLET else PAIR_FIELDS
        empty = dict.fromkeys((*PAIR_FIELDS, *TRIPLET_FIELDS))
        return empty | dict(zip(names, values, strict=True)) | {"annotator": self.annotator}


@dataclass(frozen=True)
class JudgementCounts:
    """How many judgements are in force; a pair is similar from a score of one half on."""

    similar: int
    different: int
    triplets: int


@dataclass(frozen=True)
class Marks:
    """What one annotator said of a record and others: scores by row, and what each is closer than."""

    scores: Mapping[int, float]
    closer_than: Mapping[int, tuple[int, ...]]


class JudgementBook:
    """The similarity judgements of one project; each marking is an action of its journal."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def pair(
        self, a: str | int, b: str | int, score: float | None, *, annotator: str | None = None
    ) -> Action:
        """Say how similar two records are, whichever comes first.

        Parameters
        ----------
        a, b
            Record ids or row numbers.
        score
            From 0 (different) to 1 (similar); None takes back what the annotator said of the two.

        Raises
        ------
        NotFoundError
            If there is no such record.
        BadInputError
            If both are the same, the score is out of range, or there is nothing to take back.
        """
        who = annotator or self._project.annotator
        new = NewJudgement(PAIR, self._row(a), self._row(b), score=score).checked()
        if score is None and new.row_b not in self.marks(new.row_a, annotator=who).scores:
            raise BadInputError("Nothing was said of these two records, so nothing was taken back.")
        if score is None:
            summary = "Took back the mark on 2 records"
        elif score in (0, 1):
            summary = f"Marked 2 records {'similar' if score else 'different'}"
        else:
            summary = f"Marked 2 records {score:.0%} similar"
        return self._write([new], who, summary)

    def triplet(
        self, anchor: str | int, closer: str | int, farther: str | int, *, annotator: str | None = None
    ) -> Action:
        """Say that one record is closer to the anchor than another is.

        Said the other way round later, by the same annotator, the newer counts.

        Raises
        ------
        NotFoundError
            If there is no such record.
        BadInputError
            If two of the three are the same.
        """
        new = NewJudgement(TRIPLET, self._row(anchor), self._row(closer), self._row(farther)).checked()
        return self._write([new], annotator or self._project.annotator, "Marked a record closer than another")

    def in_force(self) -> list[Judgement]:
        """What every annotator last said of every pair and triplet, oldest first."""
        project = self._project

        def load() -> list[Judgement]:
            newest: dict[Any, StoredJudgement] = {}
            for one in list_judgements(project.db, project.id):
                key = (one.annotator, *_said_of(one))
                newest.pop(key, None)  # so that the order is that of the newest
                newest[key] = one
            ids = project.record_ids
            found = []
            for one in newest.values():
                if one.kind == PAIR and one.score is None:
                    continue
                rows = (one.row_a, one.row_b) if one.row_c is None else (one.row_a, one.row_b, one.row_c)
                found.append(
                    Judgement(
                        id=one.id,
                        action_id=one.action_id,
                        kind=one.kind,
                        rows=rows,
                        record_ids=tuple(ids[row] for row in rows),
                        score=one.score,
                        annotator=one.annotator,
                        created_at=one.created_at,
                    )
                )
            return found

        stamp = judgements_stamp(project.db, project.id)
        known: list[Judgement] = project.cached("judgements", stamp, load)
        return known

    def counts(self) -> JudgementCounts:
        """Count the judgements in force."""
        scores = [one.score for one in self.in_force() if one.score is not None]
        similar = sum(score >= 0.5 for score in scores)
        return JudgementCounts(similar, len(scores) - similar, len(self.in_force()) - len(scores))

    def marks(self, chosen: str | int, *, annotator: str | None = None) -> Marks:
        """What an annotator said of a record and others, as its neighbour list shows it."""
        row, who = self._row(chosen), annotator or self._project.annotator
        scores: dict[int, float] = {}
        closer: dict[int, tuple[int, ...]] = {}
        for one in self.in_force():
            if one.annotator != who:
                continue
            if one.score is not None and row in one.rows:
                scores[one.rows[1] if one.rows[0] == row else one.rows[0]] = one.score
            elif one.score is None and one.rows[0] == row:
                closer[one.rows[1]] = (*closer.get(one.rows[1], ()), one.rows[2])
        return Marks(scores, closer)

    def last(self) -> Action | None:
        """Return the last action with judgements that stands."""
        project = self._project
        number = action_of_judgement(project.db, project.id, None)
        return None if number is None else journal.get_action(project.db, project.id, number)

    def undo(self, judgement_id: int | None = None) -> Action | None:
        """Take back the action a judgement came with as a whole, by default the last that stands.

        Raises
        ------
        NotFoundError
            If there is no such judgement.
        """
        project = self._project
        number = action_of_judgement(project.db, project.id, judgement_id)
        if number is None and judgement_id is not None:
            raise NotFoundError(f"Project {project.name!r} has no judgement {judgement_id}.")
        return None if number is None else project.undo(number)

    def import_file(
        self, source: Path | bytes, *, name: str | None = None, annotator: str | None = None
    ) -> dict[str, Any]:
        """Add the judgements of a file as one action, all of them or none.

        A line holds record ids in `record_a`, `record_b` with a `score`, or in `anchor`, `closer`,
        `farther`; a file may have lines of both kinds.

        Returns
        -------
        dict
            `action`, `n_pairs`, `n_triplets`, `file`.

        Raises
        ------
        BadFileError, BadInputError
            With file, line and field; nothing is added then.
        """
        row_of = {record_id: row for row, record_id in enumerate(self._project.record_ids)}
        given, file = read_judgements(source, row_of, name=name)
        n_pairs = sum(one.kind == PAIR for one in given)
        n_triplets = len(given) - n_pairs
        parts = [
            f"{n:,} {kind}{'' if n == 1 else 's'}"
            for n, kind in ((n_pairs, PAIR), (n_triplets, TRIPLET))
            if n
        ]
        action = self._write(
            given,
            annotator or self._project.annotator,
            f"Judged {' and '.join(parts)} from {file}",
            source="import",
            file=file,
        )
        return {"action": action.id, "n_pairs": n_pairs, "n_triplets": n_triplets, "file": file}

    def _write(
        self,
        given: list[NewJudgement],
        annotator: str,
        summary: str,
        *,
        source: str = "manual",
        **detail: Any,
    ) -> Action:
        project = self._project
        with project.db.write() as connection:
            # The action has no votes: it labels nothing.
            action_id = journal.insert_action(
                connection,
                project.id,
                [],
                source=source,
                annotator=annotator,
                label_id=None,
                summary=summary,
                detail={"kind": "judgement", "judgements": len(given)} | detail,
                kind=journal.JUDGEMENT,
            )
            insert_judgements(connection, project.id, action_id, given, annotator=annotator)
        written = journal.get_action(project.db, project.id, action_id)
        assert written is not None
        return written

    def _row(self, chosen: str | int) -> int:
        return int(self._project.rows_of(chosen)[0])


def _said_of(one: StoredJudgement) -> tuple[Any, ...]:
    """Return what a judgement is about: of two with the same, by one annotator, the newer counts."""
    if one.row_c is None:
        return PAIR, *sorted((one.row_a, one.row_b))
    return TRIPLET, one.row_a, *sorted((one.row_b, one.row_c))
