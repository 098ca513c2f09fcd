"""What the points of a map are coloured by: labels, predictions, clusters, fields."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.labeling.labelset import NONE_COLOR, color_for
from embtune.labeling.state import NONE_OF_THESE, SOURCES
from embtune.project import Project
from embtune.work.clustering import Clustering

CLUSTER = "cluster"
DIFFERS = "raw ≠ tuned"
CHOSEN_COLOR = "#D55E00"
_MOST_VALUES = 20

# Not the labels' colours: people's votes in blues, those that came with the data grey, automatic ones warm.
SOURCE_COLORS = dict(
    zip(
        SOURCES,
        ("#C9A0C9", "#E3C565", "#C98F3F", "#8A94A3", "#0B4F8A", "#2F7FC4", "#7FB5E6"),
        strict=True,
    )
)


@dataclass(frozen=True)
class Coloring:
    """A category for every record, or a number; `names` and `colors` belong to the categories.

    `codes` is -1 where a record has none: such points are grey and lie beneath; `rest` is what they are.
    `values` are numbers to colour by, from `low` to `high`.
    """

    title: str
    names: tuple[str, ...]
    colors: tuple[str, ...]
    codes: NDArray[np.int64]
    values: NDArray[np.float32] | None = None
    low: float = 0.0
    high: float = 1.0
    rest: str = "none"

    def only(self, rows: NDArray[np.int64]) -> Coloring:
        """Return it with all other records grey; those of `rows` that were grey get a colour of their own."""
        chosen = np.zeros(len(self.codes), dtype=bool)
        chosen[rows] = True
        if self.values is not None:
            return Coloring(self.title, ("chosen",), (CHOSEN_COLOR,), np.where(chosen, 0, -1))
        codes = np.where(self.codes < 0, len(self.names), self.codes)
        return replace(
            self,
            names=(*self.names, "chosen"),
            colors=(*self.colors, CHOSEN_COLOR),
            codes=np.where(chosen, codes, -1),
        )

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many records each category has, those without one last."""
        return np.bincount(
            np.where(self.codes < 0, len(self.names), self.codes), minlength=len(self.names) + 1
        )


def coloring_choices(project: Project) -> list[str]:
    """What a map can be coloured by; of the fields, those whose values say something about more than one."""
    fields = project.cached(
        "telling fields",
        project.n_records,
        lambda: [name for name in project.field_names if _field_coloring(name, project.field_values(name))],
    )
    differs = [DIFFERS] if len(project.embeddings) > 1 else []
    known = ["label", "source", "prediction", "confidence", CLUSTER, *differs, "flagged"]
    return [*known, *(f"field: {name}" for name in fields)]


def coloring(project: Project, choice: str, embedding: str, clustering: Clustering | None = None) -> Coloring:
    """Compute a colouring, once per state of the labels; `clustering` is what "cluster" colours by."""
    if choice == CLUSTER:
        return cluster_coloring(clustering, project.n_records)
    predicted, other = None, None
    if choice in ("prediction", "confidence", DIFFERS):
        # The newest there are; only the first ones are waited for.
        predicted = _predictions(project, embedding if choice == DIFFERS else "active")
    if choice == DIFFERS:
        if embedding == "raw":
            tuned = project.active_embedding
            tuned = tuned if tuned != "raw" else project.embeddings[-1].name
            predicted, other = _predictions(project, tuned), predicted
        else:
            other = _predictions(project, "raw")
    return project.cached(
        ("coloring", choice, embedding),
        (project.revision, id(predicted), id(other)),
        lambda: _coloring(project, choice, predicted, other),
    )


def _predictions(project: Project, embedding: str) -> tuple[NDArray[np.int64], NDArray[np.float32]] | None:
    return project.recent_predictions(embedding) or project.quick_predictions(embedding)


def cluster_coloring(clustering: Clustering | None, n: int) -> Coloring:
    """Colour by cluster; all grey while there are none."""
    if clustering is None:
        return Coloring(CLUSTER, (), (), np.full(n, -1), rest="no cluster yet")
    colors = tuple(color_for(i) for i in range(len(clustering.names)))
    return Coloring(CLUSTER, clustering.names, colors, clustering.ids, rest="in no cluster")


def _field_coloring(title: str, values: list[Any]) -> Coloring | None:
    """Colour by a field: numbers on a scale, else its commonest values; None where it says nothing.

    Texts that hardly repeat, as titles do not, say nothing about more than one record.
    """
    numbers = [v for v in values if isinstance(v, (int, float)) and not isinstance(v, bool)]
    counts = Counter(str(value) for value in values if value is not None)
    if len(counts) < 2:
        return None
    if len(counts) > _MOST_VALUES and len(numbers) == sum(counts.values()):
        known = np.array([np.nan if value is None else float(value) for value in values])
        # The middle 96 %, or one odd value would make all others look the same.
        low, high = (float(side) for side in np.nanpercentile(known, [2, 98]))
        if low < high:
            filled = np.nan_to_num(known, nan=low).astype(np.float32)
            codes = np.where(np.isnan(known), -1, 0)
            return Coloring(title, (), (), codes, filled, low, high, rest="empty")
    common = [name for name, _ in counts.most_common(_MOST_VALUES)]
    n_common = sum(counts[name] for name in common)
    if n_common < 2 * len(common) or (len(counts) > _MOST_VALUES and n_common < len(values) / 5):
        return None
    names = sorted(common)
    index = {name: i for i, name in enumerate(names)}
    codes = np.array([-1 if value is None else index.get(str(value), -1) for value in values], dtype=np.int64)
    rest = "other or empty" if len(counts) > _MOST_VALUES else "empty"
    return Coloring(title, tuple(names), tuple(color_for(i) for i in range(len(names))), codes, rest=rest)


def _coloring(
    project: Project,
    choice: str,
    predicted: tuple[NDArray[np.int64], NDArray[np.float32]] | None,
    other: tuple[NDArray[np.int64], NDArray[np.float32]] | None = None,
) -> Coloring:
    state = project.label_state()
    labels = project.labels
    names = tuple(label.name for label in labels)
    palette = tuple(label.color for label in labels)
    place = {label.id: i for i, label in enumerate(labels)}
    n = project.n_records
    if choice == "source":
        return Coloring(
            "source",
            SOURCES,
            tuple(SOURCE_COLORS[name] for name in SOURCES),
            state.sources.astype(np.int64),
            rest="unlabelled",
        )
    if choice == "flagged":
        codes = np.full(n, -1, dtype=np.int64)
        codes[project.flagged_rows()] = 0
        return Coloring(choice, ("flagged",), (CHOSEN_COLOR,), codes, rest="not flagged")
    if choice in ("prediction", "confidence", DIFFERS):
        if predicted is None or (choice == DIFFERS and other is None):
            return Coloring(choice, names, palette, np.full(n, -1), rest="no prediction yet")
        ids, confidence = predicted
        codes = np.full(n, -1, dtype=np.int64)
        codes[: len(ids)] = [place.get(i, -1) for i in ids.tolist()]
        if choice == DIFFERS and other is not None:
            m = min(len(ids), len(other[0]))
            codes[:m][ids[:m] == other[0][:m]] = -1
            return Coloring(DIFFERS, names, palette, codes, rest="predicted the same")
        if choice == "prediction":
            return Coloring("prediction", names, palette, codes)
        values = np.zeros(n, dtype=np.float32)
        values[: len(confidence)] = confidence
        return Coloring("confidence", (), (), np.zeros(n, dtype=np.int64), values)
    if choice.startswith("field: "):
        name = choice.removeprefix("field: ")
        return _field_coloring(name, project.field_values(name)) or Coloring(name, (), (), np.full(n, -1))
    codes = np.array([place.get(i, -1) for i in state.label_ids.tolist()], dtype=np.int64)
    if (state.label_ids == NONE_OF_THESE).any():
        codes[state.label_ids == NONE_OF_THESE] = len(names)
        names, palette = (*names, "none of these"), (*palette, NONE_COLOR)
    return Coloring("label", names, palette, codes, rest="unlabelled")
