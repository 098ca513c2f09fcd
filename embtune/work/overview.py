"""Where a project stands: labels by class and source, who gave them, how they came, what to do next."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embtune.labeling.session_kinds import enough_to_predict
from embtune.labeling.state import NONE_OF_THESE, SOURCES
from embtune.store.progress import action_times

if TYPE_CHECKING:
    from embtune.project import Project

MANY_NEW = 20
TIMES_MORE = 3
"""A version is worth tuning again from so many newer labels on, and so many times those it learned from."""

ENOUGH_TO_TUNE = 60
ONE_IN = 10
"""Labels from which on a first tuning is advised: so many, or one in ten records of a large corpus.

Before, predictions cost fewer keys without it: a version learns the first labels' mistakes.
"""

CHECK = "check"
"""The next step's page where predictions are looked through."""

_HOUR = 3600.0
_UNITS = ((2 * _HOUR, "5 minutes", 300.0), (96 * _HOUR, "hour", _HOUR), (np.inf, "day", 24 * _HOUR))


@dataclass(frozen=True)
class Standing:
    """The labels in force of n records.

    Attributes
    ----------
    counts
        Shape (labels, sources): records by label, in the order of the label set, and by place in `SOURCES`.
    labels, colors
        Of the label set.
    n_none
        Records answered "none of these".
    by_annotator
        Records with a label given by each person, the most first; automatic sources are not people.
    """

    n: int
    labels: tuple[str, ...]
    colors: tuple[str, ...]
    counts: NDArray[np.int64]
    n_none: int
    by_annotator: dict[str, int]

    @property
    def n_labelled(self) -> int:
        """Records with a label."""
        return int(self.counts.sum())

    @property
    def by_source(self) -> dict[str, int]:
        """Records with a label of each source that gave any, those of people first."""
        sums = self.counts.sum(axis=0).tolist()
        return {SOURCES[i]: sums[i] for i in reversed(range(len(SOURCES))) if sums[i]}

    @property
    def n_by_people(self) -> int:
        """Records whose label a person gave here."""
        return sum(self.by_annotator.values())


@dataclass(frozen=True)
class Progress:
    """How many records had the label of now by when.

    Attributes
    ----------
    at
        Shape (b,): ends of the spans, seconds since 1970, ascending.
    unit
        The length of a span: "5 minutes", "hour" or "day".
    by_source
        Source to shape (b,): labels given until then that still stand.
    """

    at: NDArray[np.float64]
    unit: str
    by_source: dict[str, NDArray[np.int64]]

    @property
    def total(self) -> NDArray[np.int64]:
        """All sources together. Shape (b,)."""
        return np.sum(list(self.by_source.values()), axis=0) if self.by_source else np.zeros(0, np.int64)


@dataclass(frozen=True)
class NextStep:
    """What is worth doing now: a sentence, the page where one does it, and the words of the link.

    `page` is `CHECK` for predictions page by page; `kind` is that of the session where it is "sessions".
    """

    text: str
    page: str
    action: str
    kind: str = "uncertain"


def standing(project: Project) -> Standing:
    """Count the labels in force."""
    found: Standing = project.cached("standing", project.revision, lambda: _standing(project))
    return found


def progress_over_time(project: Project) -> Progress:
    """Say when the labels that stand now were given; spans are five minutes, hours or days."""
    found: Progress = project.cached("progress", project.revision, lambda: _progress(project))
    return found


def next_step(project: Project) -> NextStep:
    """Say what to do next, from what there is."""
    if project.find_embedding("raw") is None:
        return NextStep("The records are not embedded yet.", "projects", "Embed them")
    now = standing(project)
    open_rows = now.n_labelled + now.n_none < now.n
    first = enough_to_predict(project)
    named = project.can_guess()
    if open_rows and named and not now.n_labelled:
        return NextStep(
            "The labels' names give first guesses: look through typical records, mend the wrong ones, accept "
            "the rest with one key.",
            CHECK,
            "Check first guesses",
        )
    if now.n_labelled < first and open_rows and not named:
        return NextStep(
            "Label a dozen typical records, one key each: they show what the corpus is made of."
            if not now.n_labelled
            else f"{now.n_labelled:,} records are labelled; with {first:,} the predictions are worth a look.",
            "sessions",
            "Label typical records",
            "typical",
        )
    enough = min(max(ENOUGH_TO_TUNE, now.n // ONE_IN), now.n // 2)
    if now.n_labelled < enough and open_rows and project.can_predict():
        return NextStep(
            "Check predictions page by page: mend the wrong ones, accept the rest with one key.",
            CHECK,
            "Check predictions",
        )
    ready = project.readiness()
    if not project.versions:
        if not ready["enough"]:
            return NextStep(ready["missing"][0], "map", "Label on the map")
        return NextStep("There are enough labels to tune the embedding.", "tune", "Tune")
    if project.active_embedding != "raw":
        since = project.labels_since(project.active_embedding)
        n = since.new + since.changed + since.gone
        learned = int(project.version(project.active_embedding).labels.get("n", 0))
        if n >= max(MANY_NEW, TIMES_MORE * learned):
            return NextStep(f"{n:,} labels are newer than {project.active_embedding}.", "tune", "Tune again")
    if open_rows and now.n_labelled < now.n // 2:
        return NextStep(
            "Check predictions page by page: most are right now, and one key accepts them.",
            CHECK,
            "Check predictions",
        )
    if open_rows:
        return NextStep(
            "The records the model is least sure of teach it most.", "sessions", "Label in a session"
        )
    return NextStep("Every record has an answer.", "export", "Export")


def _standing(project: Project) -> Standing:
    state = project.label_state()
    labels = project.labels
    place = {label.id: i for i, label in enumerate(labels)}
    numbers, at = np.unique(state.label_ids, return_inverse=True)
    places = np.array([place.get(int(number), -1) for number in numbers], dtype=np.int64)[at]
    known = (places >= 0) & (state.sources >= 0)
    counts = np.bincount(
        places[known] * len(SOURCES) + state.sources[known], minlength=len(labels) * len(SOURCES)
    ).reshape(len(labels), len(SOURCES))
    people: dict[str, int] = {}
    given = np.flatnonzero(known & state.manual)
    if len(given):
        _, annotators, names = _given(project, state.vote_ids[given])
        sums = np.bincount(annotators, minlength=len(names))
        order = np.argsort(-sums, kind="stable")
        people = {names[i]: int(sums[i]) for i in order.tolist() if sums[i]}
    return Standing(
        n=len(state.label_ids),
        labels=tuple(label.name for label in labels),
        colors=tuple(label.color for label in labels),
        counts=counts,
        n_none=int((state.label_ids == NONE_OF_THESE).sum()),
        by_annotator=people,
    )


def _given(
    project: Project, vote_ids: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64], tuple[str, ...]]:
    """Return when each vote was given, by whom (index into the names), and the names."""
    votes = project._votes().live(project.db)
    times = action_times(project.db, project.id, project.task.id)
    by_vote = votes.actions[np.minimum(np.searchsorted(votes.ids, vote_ids), len(votes) - 1)]
    by_action = np.minimum(np.searchsorted(times.ids, by_vote), len(times.ids) - 1)
    return times.at[by_action], times.annotators[by_action], times.names


def _progress(project: Project) -> Progress:
    state = project.label_state()
    rows = np.flatnonzero(state.labelled)
    if not len(rows):
        return Progress(np.zeros(0), "day", {})
    at, _, _ = _given(project, state.vote_ids[rows])
    sources = state.sources[rows]
    span = float(at.max() - at.min())
    unit, length = next((name, size) for most, name, size in _UNITS if span <= most)
    shift = time.localtime(float(at.max())).tm_gmtoff  # days end at midnight of where this runs
    bucket = np.floor((at + shift) / length).astype(np.int64)
    first, n = int(bucket.min()), int(bucket.max() - bucket.min()) + 1
    ends = ((first + np.arange(n) + 1) * length - shift).astype(np.float64)
    by_source = {
        SOURCES[i]: np.cumsum(np.bincount(bucket[sources == i] - first, minlength=n))
        for i in reversed(range(len(SOURCES)))
        if (sources == i).any()
    }
    return Progress(ends, unit, by_source)
