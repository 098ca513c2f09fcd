"""Sessions where something is in doubt: a model is unsure, models or annotators differ, labels look wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadInputError, NotFoundError, NotReadyError
from embtune.labeling.session_choices import Chosen, Rows, unlabelled_rows

if TYPE_CHECKING:
    from embtune.project import Project


def uncertain(project: Project, n: int, *, embedding: str = "active") -> Chosen:
    """Unlabelled ones of which the quick model is least sure."""
    name, _, sure = _guess(project, embedding)
    rows = unlabelled_rows(project, name)
    rows = rows[np.argsort(sure[rows], kind="stable")][:n]
    return Chosen(
        "Unlabelled, most uncertain first", rows, _model_says(project, name, rows), {"embedding": name}
    )


def predicted(project: Project, n: int, *, embedding: str = "active", seed: int | None = None) -> Chosen:
    """Unlabelled ones at random, with what the quick model says of each: most are right."""
    name, _, _ = _guess(project, embedding)
    rows = np.random.default_rng(seed).permutation(unlabelled_rows(project, name))[:n]
    return Chosen("Check predictions", rows, _model_says(project, name, rows), {"embedding": name})


def unlikely(project: Project, n: int, *, label: str, embedding: str = "active") -> Chosen:
    """Unlabelled ones that the quick model gives a label, the least likely first."""
    wanted = project.label_named(label)
    name, predicted, sure = _guess(project, embedding)
    rows = unlabelled_rows(project, name)
    rows = rows[predicted[rows] == wanted.id]
    if not len(rows):
        raise BadInputError(f"The model predicts {label!r} for no unlabelled record: choose another label.")
    rows = rows[np.argsort(sure[rows], kind="stable")][:n]
    origin = {"embedding": name, "label": label}
    return Chosen(f"Least likely {label}", rows, _model_says(project, name, rows), origin)


def raw_and_tuned(project: Project, n: int, *, embedding: str = "active", against: str = "raw") -> Chosen:
    """Unlabelled ones that the models on two embeddings give different labels, both sure first."""
    tuned = project.require_embedding(embedding).name
    if tuned == against:
        raise NotReadyError(f"{against} cannot be compared with itself: tune first, or name a version.")
    _, one, sure_one = _guess(project, against)
    _, other, sure_other = _guess(project, tuned)
    rows = unlabelled_rows(project, tuned)
    rows = rows[rows < min(len(one), len(other))]
    rows = rows[one[rows] != other[rows]]
    if not len(rows):
        raise BadInputError(f"The models on {against} and {tuned} agree on every unlabelled record.")
    both = np.minimum(sure_one, sure_other)
    rows = rows[np.argsort(-both[rows], kind="stable")][:n]
    names = _label_names(project)
    why = [
        f"{against} says {names[int(one[row])]} {_percent(sure_one[row])}, "
        f"{tuned} says {names[int(other[row])]} {_percent(sure_other[row])}"
        for row in rows
    ]
    return Chosen(f"{against} ≠ {tuned}", rows, why, {"embedding": tuned, "against": against})


# ---- checking ---------------------------------------------------------------------------------------


def label_errors(project: Project, n: int, *, embedding: str = "active") -> Chosen:
    """Labelled ones that are likely labelled wrongly."""
    from embtune.work.predicting import learned_from

    name = learned_from(project, embedding).name
    found = project.label_errors(name)
    rows = np.asarray(found.rows)[:n]
    if not len(rows):
        raise BadInputError("No label looks wrong: there is nothing to check.")
    names = _label_names(project)
    why = [
        f"labelled {names[int(given)]}; a model that has not seen that says {names[int(said)]}, "
        f"likelier by {_percent(score)}"
        for given, said, score in zip(found.given[:n], found.suggested[:n], found.score[:n], strict=True)
    ]
    return Chosen("Likely label errors", rows, why, {"embedding": name})


def near_duplicates(
    project: Project, n: int, *, threshold: float | None = None, embedding: str = "raw"
) -> Chosen:
    """Groups of near-duplicates, those of one group one after the other; whole groups only."""
    found = project.near_duplicates(threshold, embedding=embedding)
    assert found is not None  # they are made
    rows: list[int] = []
    why: list[str] = []
    for group in found.as_lists():
        if rows and len(rows) + len(group) > n:
            break
        rows += [int(row) for row in group]
        why += [f"number {j} of {len(group):,} near-duplicates" for j in range(1, len(group) + 1)]
    if not rows:
        raise BadInputError(
            f"No two records have a cosine of {found.threshold:.2f} or more: choose a lower threshold."
        )
    return Chosen("Near-duplicates", np.array(rows, dtype=np.int64), why, {"threshold": found.threshold})


def differing(project: Project, n: int, *, first: str | None = None, second: str | None = None) -> Chosen:
    """Those that annotators answered differently; the answers here settle them."""
    from embtune.labeling.agreement import answers_on, differing_rows

    rows = differing_rows(project, first, second)[:n]
    if not len(rows):
        raise BadInputError("No two annotators differ on a record: there is nothing to settle.")
    why = [
        "; ".join(f"{who}: {label}" for who, label in one.answers.items())
        for one in answers_on(project, rows)
    ]
    whose = f" of {first} and {second}" if first and second else ""
    return Chosen(f"Differing answers{whose}", rows, why, {"arbitrate": True})


def second_opinion(project: Project, n: int, *, of: str | None = None, seed: int | None = None) -> Chosen:
    """Those that another annotator answered and this one did not; answers are hidden until given."""
    from embtune.labeling.agreement import answers

    found, me = answers(project), project.annotator
    others = [name for name in found.annotators if name != me]
    if of is not None and of not in found.annotators:
        raise NotFoundError(f"Nobody called {of!r} has labelled here.")
    if of == me:
        raise BadInputError(f"You label as {me!r} yourself: give another name for the second opinion.")
    if not others:
        raise NotReadyError(
            f"Only {me!r} has labelled here: the second annotator gives another name under Who labels."
        )
    mine = found.rows[np.array([found.annotators[i] == me for i in found.who], dtype=bool)]
    theirs = [i for i, name in enumerate(found.annotators) if name == of or (of is None and name != me)]
    rows = np.setdiff1d(found.rows[np.isin(found.who, theirs)], mine)
    if not len(rows):
        raise BadInputError("You have answered every record that the other one has answered.")
    rows = np.random.default_rng(seed).permutation(rows)[:n]
    whose = of or "the others"
    why = [f"answered by {whose}; the answer is hidden"] * len(rows)
    return Chosen(f"Second opinion on {whose}", rows, why, {"blind": True, "of": of})


# ---- what they share --------------------------------------------------------------------------------


def _guess(project: Project, embedding: str) -> tuple[str, Rows, NDArray[np.float32]]:
    from embtune.work.predicting import learned_from

    name = learned_from(project, embedding).name
    found = project.quick_predictions(name)
    if found is None:
        raise NotReadyError("Label a few records of two labels first: until then no model is unsure.")
    return name, found[0], found[1]


def _model_says(project: Project, embedding: str, rows: Rows) -> list[str]:
    """Say the two likeliest labels of each record: "model: 51 % Sports, 47 % World"."""
    names = _label_names(project)
    found = project.class_probabilities(embedding)
    if found is None:
        return ["the model is unsure"] * len(rows)
    ids, chances = found[0], found[1][rows]
    best = np.argsort(-chances, axis=1, kind="stable")[:, :2]
    return [
        "model: " + ", ".join(f"{_percent(chances[i, c])} {names[int(ids[c])]}" for c in best[i])
        for i in range(len(rows))
    ]


def _label_names(project: Project) -> dict[int, str]:
    return {label.id: label.name for label in project.labels}


def _percent(share: float) -> str:
    return f"{100 * float(share):.0f} %"
