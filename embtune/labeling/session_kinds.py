"""The kinds of sessions: what each is for, what it needs, and which one comes next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from embtune.errors import BadInputError, UnknownChoiceError
from embtune.labeling import session_choices as choices
from embtune.labeling import session_doubts as doubts
from embtune.labeling.session_choices import Chosen

if TYPE_CHECKING:
    from embtune.project import Project

BEGIN, AROUND, DOUBT, CHECK = "Begin and cover", "Around something", "Where the model doubts", "Check"
GROUPS = (BEGIN, AROUND, DOUBT, CHECK)

ENOUGH_TO_PREDICT, AT_MOST = 12, 40
"""Labels, or two for each of the label set, from which on a quick model's predictions are worth a look.

Of many labels 40: with more, a page of predictions teaches for fewer keys than records one by one.
"""


@dataclass(frozen=True)
class Kind:
    """A kind of session.

    `options` are the names of what `create_of` takes for it beside `n` and `name`; those of `needs` must be
    given. `choose(project, n, **options)` picks the records; kinds without it are made elsewhere.
    """

    name: str
    title: str
    when: str
    group: str
    choose: Callable[..., Chosen] | None = None
    options: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "typical",
            "Typical records",
            "First labels: the records nearest to the centres of the corpus.",
            BEGIN,
            choices.typical,
            ("embedding", "centres"),
        ),
        Kind(
            "diverse",
            "Most diverse",
            "What has not been seen yet: records far from all labelled ones.",
            BEGIN,
            choices.diverse,
            ("embedding",),
        ),
        Kind(
            "random",
            "At random",
            "A fair sample, for measuring or for comparing.",
            BEGIN,
            choices.at_random,
            ("seed",),
        ),
        Kind(
            "similar",
            "Similar to a record",
            "One kind of text at a time: the label hardly changes from one record to the next.",
            AROUND,
            choices.similar,
            ("record", "embedding", "unlabelled"),
            ("record",),
        ),
        Kind(
            "shape",
            "Inside a shape",
            "A cloud on the map that is too mixed to be labelled at once.",
            AROUND,
            choices.shape,
            ("polygons", "embedding", "method", "unlabelled"),
            ("polygons",),
        ),
        Kind(
            "slice",
            "A slice",
            "A filter saved on Records: a source, a word, what was flagged.",
            AROUND,
            choices.slice_,
            ("slice", "query", "sort", "unlabelled"),
        ),
        Kind(
            "cluster",
            "A cluster",
            "One cluster, from its middle outwards.",
            AROUND,
            choices.cluster,
            ("cluster", "embedding", "method", "k", "unlabelled"),
            ("cluster",),
        ),
        Kind(
            "uncertain",
            "Most uncertain",
            "Teaches the model most: the records it is least sure of.",
            DOUBT,
            doubts.uncertain,
            ("embedding",),
        ),
        Kind(
            "raw-tuned",
            "Raw ≠ tuned",
            "After tuning: records on which raw and tuned disagree.",
            DOUBT,
            doubts.raw_and_tuned,
            ("embedding", "against"),
        ),
        Kind(
            "unlikely",
            "Least likely of a label",
            "Cleans one label: what the model would call so, but hardly.",
            DOUBT,
            doubts.unlikely,
            ("label", "embedding"),
            ("label",),
        ),
        Kind(
            "predictions",
            "Check predictions",
            "A page of predictions at a time: mend the wrong ones, accept the rest with one key.",
            CHECK,
            doubts.predicted,
            ("embedding", "seed"),
        ),
        Kind(
            "errors",
            "Likely label errors",
            "Labels that a model which has not seen them would not give.",
            CHECK,
            doubts.label_errors,
            ("embedding",),
        ),
        Kind(
            "duplicates",
            "Near-duplicates",
            "Nearly the same text: group by group, so that they get the same label.",
            CHECK,
            doubts.near_duplicates,
            ("threshold", "embedding"),
        ),
        Kind(
            "outliers",
            "Outliers",
            "Records like no other: broken texts, other languages, rare subjects.",
            CHECK,
            choices.outliers,
            ("embedding",),
        ),
        Kind(
            "second",
            "Second opinion",
            "Label what another has labelled, without seeing it: gives the agreement.",
            CHECK,
            doubts.second_opinion,
            ("of", "seed"),
        ),
        Kind(
            "annotators",
            "Differing answers",
            "Settle what annotators answered differently, both answers in view.",
            CHECK,
            doubts.differing,
            ("first", "second"),
        ),
        Kind(
            "spot check",
            "Spot check",
            "Ten random records of a bulk action: how many of its labels are wrong.",
            CHECK,
            options=("action",),
            needs=("action",),
        ),
    )
}


def create_of(project: Project, kind: str, *, n: int = 100, name: str | None = None, **options: Any) -> int:
    """Make a session of a kind; return its number.

    Parameters
    ----------
    kind
        One of `KINDS`.
    n
        At most so many records.
    name
        What it is called; by default after its kind.
    options
        Those of the kind: `record` for "similar", `polygons` for "shape", `slice` or `query` for "slice",
        `cluster` for "cluster", `label` for "unlikely", `of` for "second", `action` for "spot check";
        `embedding` for most, by default the active one.

    Raises
    ------
    UnknownChoiceError, BadInputError
        If the kind or an option is unknown, one that is needed is missing, or no record is so.
    NotReadyError
        If something has to be done first; it says what.
    """
    if kind not in KINDS:
        raise UnknownChoiceError("kind of session", kind, KINDS)
    known = KINDS[kind]
    if n < 1:
        raise BadInputError(f"n is {n}; a session needs at least one record.")
    unknown = sorted(set(options) - set(known.options))
    if unknown:
        raise BadInputError(
            f"A session of the kind {kind!r} has no option {unknown[0]!r}; "
            f"it takes: {', '.join(('n', 'name', *known.options))}."
        )
    missing = [option for option in known.needs if options.get(option) is None]
    if missing:
        raise BadInputError(f"A session of the kind {kind!r} needs the option {missing[0]!r}.")
    if known.choose is None:
        return project.spot_check(options["action"])
    chosen = known.choose(project, n, **options)
    return project.create_session(
        chosen.rows,
        name or chosen.name,
        kind=kind,
        origin=chosen.origin,
        cosine=chosen.cosine,
        why=list(chosen.why),
    )


def kind_title(kind: str) -> str:
    """What a session's kind is called on a page."""
    return KINDS[kind].title if kind in KINDS else {"list": "A list of records"}.get(kind, kind.capitalize())


def enough_to_predict(project: Project) -> int:
    """Return how many labels are enough for the quick model's predictions to be worth a look."""
    return max(ENOUGH_TO_PREDICT, min(2 * len(project.labels), AT_MOST))


@dataclass(frozen=True)
class Advice:
    """The kind of session that helps most now, and why, in a sentence."""

    kind: str
    why: str


def advice(project: Project) -> Advice | None:
    """Say which session comes next; None when every record has an answer. Computes no model."""
    from embtune.labeling.agreement import differing_rows

    state = project.label_state()
    sessions = [one for one in project.sessions() if one.task_id in (None, project.task.id)]
    going = {one.kind for one in sessions if one.cursor < one.n_items}
    n_differing = len(differing_rows(project))
    if n_differing and "annotators" not in going:
        return Advice("annotators", f"{n_differing:,} records have answers that differ: settle them first.")
    if not (state.label_ids == -1).any():
        return None
    if project.find_embedding("raw") is None:
        return Advice("random", "The records are not embedded yet, so only chance can choose.")
    ids = state.label_ids[state.labelled]
    n = len(ids)
    if not n and project.can_predict():
        return Advice(
            "predictions", "The labels' names give first guesses: mend the wrong ones, accept the rest."
        )
    if (n < enough_to_predict(project) or len(np.unique(ids)) < 2) and not project.can_guess():
        have = "There is no label yet" if not n else f"There {'is' if n == 1 else 'are'} only {n:,} labelled"
        return Advice("typical", f"{have}: see what the corpus is made of.")
    if n < project.n_records // 2:
        return Advice(
            "predictions",
            f"{n:,} records have a label: of a page of predictions most are right, and only the others cost "
            "a key.",
        )
    tuned = project.active_embedding
    if tuned != "raw":
        version = next((one for one in project.versions if one.name == tuned), None)
        since = version.created_at if version else 0.0
        if not any(one.kind == "raw-tuned" and one.created_at > since for one in sessions):
            return Advice("raw-tuned", f"{tuned} is new: look at what it calls differently from raw.")
    return Advice("uncertain", f"{n:,} records have a label: the ones a model doubts teach it most.")
