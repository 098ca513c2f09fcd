"""The answer to each condition of a query, as a mask over all records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import NotFoundError, NotReadyError
from embtune.filtering.masks import Mask, mask_of, padded
from embtune.filtering.query import MANUAL_DIFFERS, TUNED_DIFFERS, Comparison, Leaf, parse, refuse
from embtune.filtering.recent import Recent
from embtune.filtering.text import as_numbers, compare_column, contains_words
from embtune.labeling.state import NONE_OF_THESE, NONE_OF_THESE_NAME, SOURCES, UNLABELLED, resolve
from embtune.store.columns import action_origins
from embtune.store.journal import get_action
from embtune.store.marks import COMMENT
from embtune.store.slices import Slice
from embtune.work.columns import column_names, field_column, text_column
from embtune.work.rule_conditions import RuleConditions
from embtune.work.slice_labels import asked_of

if TYPE_CHECKING:
    from embtune.project import Project

_MASKS_KEPT = 40


class Conditions(RuleConditions):
    """Answers the leaves of queries about one project: call it with a leaf, get a mask of shape (n,)."""

    def __init__(self, project: Project, within: tuple[str, ...] = ()) -> None:
        self._project = project
        self._n = project.n_records
        self._within = within  # slices whose filter this is part of

    def __call__(self, leaf: Leaf, within: Mask | None = None) -> Mask:
        """Return for which records a condition holds; what is similar is looked for `within` a mask."""
        if leaf.kind == "similar":
            return self._similar(leaf.value, leaf.path, within)
        answer: Callable[[Any, str], Mask] = getattr(self, f"_{leaf.kind}")
        if leaf.kind not in ("words", "text", "field"):
            return padded(answer(leaf.value, leaf.path), self._n)
        # What is written does not change: such an answer outlives any label. Kept as a bit a record.
        kept: Recent[NDArray[np.uint8]] = self._project.cached(
            ("texts", "masks"), self._n, lambda: Recent(_MASKS_KEPT)
        )
        key = (leaf.kind, leaf.value)
        bits = kept.get(key)
        if bits is None:
            bits = np.packbits(answer(leaf.value, leaf.path))
            kept.put(key, bits)
        return np.unpackbits(bits, count=self._n).astype(np.bool_)

    def ranks(self, field: str, rank: Callable[[Any, Any], NDArray[np.int64]]) -> NDArray[np.int64]:
        """Return the rank of each record's value of a field, -1 where it has none. Shape (n,)."""
        self._known_field(field, "sort")
        column = field_column(self._project, field)
        ranks: NDArray[np.int64] = self._project.cached(
            ("columns", "ranks", field), self._n, lambda: rank(column, self._numbers(field))
        )
        return ranks

    # ---- what is written ------------------------------------------------------------------------

    def _words(self, words: str, path: str) -> Mask:
        return contains_words(text_column(self._project), words)

    def _text(self, test: Comparison, path: str) -> Mask:
        column = text_column(self._project)
        return compare_column(column, test, lambda: as_numbers(column))

    def _field(self, value: tuple[str, Comparison], path: str) -> Mask:
        name, test = value
        self._known_field(name, path)
        return compare_column(field_column(self._project, name), test, lambda: self._numbers(name))

    def _numbers(self, name: str) -> NDArray[np.float64]:
        column = field_column(self._project, name)
        numbers: NDArray[np.float64] = self._project.cached(
            ("columns", "numbers", name), self._n, lambda: as_numbers(column)
        )
        return numbers

    def _known_field(self, name: str, path: str) -> None:
        names = column_names(self._project)
        if name not in names:
            raise refuse(path, f"there is no field {name!r}; there are: {', '.join(names) or 'none'}.")

    # ---- labels ---------------------------------------------------------------------------------

    def _label(self, names: Sequence[str | None], path: str) -> Mask:
        return _is_one_of(self._project.label_state().label_ids, self._label_ids(names, path))

    def _source(self, names: Sequence[str], path: str) -> Mask:
        wrong = next((name for name in names if name not in SOURCES), None)
        if wrong is not None:
            raise refuse(path, f"there is no source {wrong!r}; there are: {', '.join(SOURCES)}.")
        return _is_one_of(self._project.label_state().sources, [SOURCES.index(name) for name in names])

    def _annotator(self, names: Sequence[str], path: str) -> Mask:
        known, codes, _ = vote_origins(self._project)
        return _is_one_of(codes, [known.index(name) for name in names if name in known])

    def _confidence(self, bounds: tuple[float, float], path: str) -> Mask:
        state = self._project.label_state()
        return _between(state.confidence, bounds) & (state.sources >= 0)

    def _reference(self, value: Any, path: str) -> Mask:
        known = self._project.reference()
        if value is True:
            return np.greater_equal(known, 0)
        if value == "differs":
            given = self._project.label_state().label_ids
            differs: Mask = (known >= 0) & (given != UNLABELLED) & (given != known)
            return differs
        return _is_one_of(known, self._label_ids(value, path))

    def _label_ids(self, names: Sequence[str | None], path: str) -> list[int]:
        ids = {label.name: label.id for label in self._project.labels}
        special: dict[str | None, int] = {None: UNLABELLED, NONE_OF_THESE_NAME: NONE_OF_THESE}
        wrong = next((name for name in names if name not in ids and name not in special), None)
        if wrong is not None:
            there = ", ".join(ids) if len(ids) <= 12 else f"{len(ids):,} others"
            raise refuse(path, f"there is no label {wrong!r}; there are: {there or 'none yet'}.")
        return [special[name] if name in special else ids[str(name)] for name in names]

    # ---- predictions ----------------------------------------------------------------------------

    def _predicted(self, value: Mapping[str, Any], path: str) -> Mask:
        ids, confidence = self._predictions(value["embedding"])
        found = _between(confidence, value["confidence"])
        if value["label"] is not None:
            found &= _is_one_of(ids, self._label_ids(value["label"], path))
        return found

    def _differs(self, value: str | Sequence[str], path: str) -> Mask:
        if value == MANUAL_DIFFERS:
            return self._manual_differs()
        if value == TUNED_DIFFERS:
            value = ("raw", self._tuned())
        first, second = (self._predictions(name)[0] for name in value)
        n = min(len(first), len(second))
        return np.not_equal(first[:n], second[:n])

    def _manual_differs(self) -> Mask:
        project = self._project

        def automatic() -> NDArray[np.int64]:
            votes = project.live_votes()
            return resolve(votes.keep(votes.sources < SOURCES.index("import")), self._n).label_ids

        guessed = project.cached("automatic labels", project.revision, automatic)
        state = project.label_state()
        differs: Mask = state.manual & (guessed != UNLABELLED) & (guessed != state.label_ids)
        return differs

    def _tuned(self) -> str:
        project = self._project
        versions = [row.name for row in project.versions]
        if not versions:
            raise NotReadyError("There is no tuned version yet to compare with raw: tune first.")
        return project.active_embedding if project.active_embedding in versions else versions[-1]

    def _predictions(self, embedding: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        found = self._project.quick_predictions(embedding)
        if found is None:
            raise NotReadyError("Nothing is predicted yet: label a few records of two labels first.")
        return found

    # ---- marks, slices, records -------------------------------------------------------------------

    def _flagged(self, value: bool, path: str) -> Mask:
        flagged = self._of(self._project.flagged_rows())
        return flagged if value else ~flagged

    def _commented(self, value: bool | str, path: str) -> Mask:
        comments = {
            row: [mark.text.casefold() for mark in mine if mark.kind == COMMENT]
            for row, mine in self._project.marks().items()
        }
        if isinstance(value, bool):
            commented = self._of(row for row, texts in comments.items() if texts)
            return commented if value else ~commented
        words = value.casefold()
        return self._of(row for row, texts in comments.items() if any(words in text for text in texts))

    def _slice(self, name: str, path: str) -> Mask:
        if name in self._within:
            raise refuse(path, f"the slice {name!r} asks for itself.")
        found = next((one for one in self._project.slices() if one.name == name), None)
        if found is None:
            raise refuse(path, f"there is no slice {name!r}.")
        return self.of_slice(found)

    def of_slice(self, found: Slice) -> Mask:
        """Return which records a slice holds now."""
        if found.is_static:
            rows = self._project.slice_rows(found.name)
            return self._of(rows[rows < self._n])
        inner = Conditions(asked_of(self._project, found), (*self._within, found.name))
        return mask_of(parse(found.query), self._n, inner)

    def _records(self, chosen: Sequence[str | int], path: str) -> Mask:
        return self._of(_rows(self._project, chosen))

    def _of(self, rows: Any) -> Mask:
        mask = np.zeros(self._n, dtype=np.bool_)
        mask[rows if isinstance(rows, np.ndarray) else np.fromiter(rows, np.int64)] = True
        return mask

    # ---- vectors and maps -------------------------------------------------------------------------

    def _similar(self, value: Mapping[str, Any], path: str, within: Mask | None) -> Mask:
        cosine = similarity_values(self._project, value, path)
        cosine = np.where(np.isnan(cosine), -np.inf, cosine)
        if within is not None:
            cosine[~within] = -np.inf
        n = min(value["n"], int((cosine > -np.inf).sum()))
        return self._of(np.argpartition(-cosine, n - 1)[:n] if n else np.empty(0, np.int64))

    def _inside(self, value: Mapping[str, Any], path: str) -> Mask:
        from embtune.maps.selection import Selection, Shape

        if "action" in value:
            action = get_action(self._project.db, self._project.id, value["action"])
            if action is None or "shapes" not in action.detail or "map" not in action.detail:
                raise refuse(path, f"action {value['action']} labelled no shape.")
            drawn = Selection(
                tuple(
                    Shape(tuple(one["x"]), tuple(one["y"]), one["adds"]) for one in action.detail["shapes"]
                ),
                frozenset(action.detail.get("left_out", ())),
            )
            on = action.detail["map"]
        else:
            drawn = Selection(
                tuple(
                    Shape(tuple(x for x, _ in polygon), tuple(y for _, y in polygon))
                    for polygon in value["polygons"]
                )
            )
            on = value
        xy = self._project.map(on["embedding"], on["method"], make=on["method"] == "pca")
        if xy is None:
            raise NotReadyError(
                f"The map {on['method']!r} of {on['embedding']!r} is not drawn yet: open it on the Map page."
            )
        return self._of(drawn.rows(xy[: self._n]))

    def _cluster(self, value: Mapping[str, Any], path: str) -> Mask:
        from embtune.work.clustering import clustering

        try:
            found = clustering(self._project, value["clustering"])
        except NotFoundError as error:
            raise refuse(path, str(error)) from error
        wrong = next((one for one in value["cluster"] if not -1 <= one < len(found.names)), None)
        if wrong is not None:
            raise refuse(path, f"there is no cluster {wrong}; they go from 0 to {len(found.names) - 1}.")
        return _is_one_of(found.ids, value["cluster"])


def similarity_to(project: Project, value: Mapping[str, Any], path: str) -> tuple[NDArray[np.float32], str]:
    """Return the unit vector, shape (d,), that a "similar" condition asks for, and its embedding."""
    name = project.require_embedding(value["embedding"]).name
    if "text" in value:
        vector: NDArray[np.float32] = project.cached(
            ("query vector", name), (value["text"], project.require_embedding(name).file),
            lambda: project.encode_query(value["text"], name),
        )  # fmt: skip
        return vector, name
    rows = _rows(project, value["to"])
    vectors = project.vectors(name)
    rows = rows[rows < len(vectors)]
    if not len(rows):
        raise refuse(path, "the records to be like are newer than the embedding: embed again.")
    mean = vectors[rows].mean(axis=0)
    length = float(np.linalg.norm(mean))
    return (mean / length if length > 0 else mean).astype(np.float32), name


def similarity_values(project: Project, value: Mapping[str, Any], path: str) -> NDArray[np.float32]:
    """Cosine of every record to what a "similar" condition asks for, NaN for later records. Shape (n,)."""
    vector, name = similarity_to(project, value, path)
    cosines = np.full(project.n_records, np.nan, dtype=np.float32)
    found = project.index(name).cosines(vector)
    cosines[: len(found)] = found[: len(cosines)]
    return cosines


def vote_origins(project: Project) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64]]:
    """Annotators' names; place in them by row; place of the action among all by row; -1 without a vote."""

    def read() -> tuple[list[str], NDArray[np.int64], NDArray[np.int64]]:
        votes, state = project.live_votes(), project.label_state()
        origins = action_origins(project.db, project.id)
        names = sorted({name for _, name in origins})
        place = {name: i for i, name in enumerate(names)}
        who = np.full(len(state.vote_ids), -1, dtype=np.int64)
        when = who.copy()
        rows = np.flatnonzero(state.vote_ids)
        if len(rows) and origins:
            numbers = np.array([number for number, _ in origins])
            given = votes.actions[np.searchsorted(votes.ids, state.vote_ids[rows])]
            when[rows] = np.searchsorted(numbers, given)
            who[rows] = np.array([place[name] for _, name in origins])[when[rows]]
        return names, who, when

    found: tuple[list[str], NDArray[np.int64], NDArray[np.int64]] = project.cached(
        "vote origins", project.revision, read
    )
    return found


def label_places(project: Project) -> NDArray[np.int64]:
    """Place in the label set of every record's label, after them "none of these"; -1 without. Shape (n,)."""
    ids = project.label_state().label_ids
    places = np.full(len(ids), -1, dtype=np.int64)
    for i, label in enumerate(project.labels):
        places[ids == label.id] = i
    places[ids == NONE_OF_THESE] = len(project.labels)
    return places


def _rows(project: Project, chosen: Sequence[str | int]) -> NDArray[np.int64]:
    # A list that mixes them would take row numbers for ids.
    rows = [one for one in chosen if isinstance(one, int)]
    ids = [one for one in chosen if isinstance(one, str)]
    return np.concatenate([project.rows_of(rows), project.rows_of(ids)])


def _is_one_of(values: NDArray[Any], wanted: Sequence[int]) -> Mask:
    if len(wanted) > 6:
        return np.isin(values, wanted)
    found = np.zeros(len(values), dtype=np.bool_)
    for one in wanted:
        found |= values == one
    return found


def _between(values: NDArray[np.float32], bounds: tuple[float, float]) -> Mask:
    low, high = np.float32(bounds[0]), np.float32(bounds[1])  # .7 in 32 bits is less than .7 in 64
    found: Mask = (values >= low) & (values <= high)
    return found
