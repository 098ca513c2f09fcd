"""The answers given in sessions: which stand, and how they were typed."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from embtune.store.database import Database
from embtune.store.tables import actions, session_items


@dataclass(frozen=True)
class Given:
    """An answer as it was given in a session: `label_id` None means "none of these".

    `predicted` is the label that the model showed with it, if one was shown.
    """

    session_id: int
    action_id: int
    label_id: int | None
    at: float
    predicted: int | None


# What the model had shown; not looked for in the detail of a bulk action, which may be long.
_PREDICTED = sa.case((actions.c.n_records == 1, actions.c.detail["predicted"].as_integer()))


def recent_answers(
    db: Database, session_id: int, *, limit: int, annotator: str | None = None
) -> list[tuple[int, Given]]:
    """List (position, answer) of the answers that stand, of everybody or of one annotator, newest first."""
    query = (
        sa.select(
            session_items.c.position, actions.c.id, actions.c.label_id, actions.c.created_at, _PREDICTED
        )
        .select_from(session_items.join(actions, actions.c.id == session_items.c.action_id))
        .where(session_items.c.session_id == session_id, actions.c.undone_at.is_(None))
        .order_by(actions.c.id.desc(), session_items.c.position)
        .limit(limit)
    )
    if annotator is not None:
        query = query.where(actions.c.annotator == annotator)
    with db.read() as connection:
        return [(row[0], Given(session_id, *row[1:])) for row in connection.execute(query)]


def labels_given(db: Database, session_id: int) -> dict[int, int | None]:
    """Map position to the label of the answer that stands there (None: "none of these")."""
    query = (
        sa.select(session_items.c.position, actions.c.label_id)
        .select_from(session_items.join(actions, actions.c.id == session_items.c.action_id))
        .where(session_items.c.session_id == session_id, actions.c.undone_at.is_(None))
    )
    with db.read() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}


def typed_answers(db: Database, project_id: int) -> list[Given]:
    """Answers of a project as they were typed in sessions, one by one, newest first; undone ones left out.

    What was corrected later is here as it was first typed.
    """
    of_session = actions.c.detail["session"].as_integer()
    query = (
        sa.select(of_session, actions.c.id, actions.c.label_id, actions.c.created_at, _PREDICTED)
        .where(
            actions.c.project_id == project_id,
            actions.c.undone_at.is_(None),
            actions.c.source == "session",
            actions.c.n_records == 1,
            actions.c.detail["moved"].as_boolean(),
        )
        .order_by(actions.c.id.desc())
    )
    with db.read() as connection:
        return [Given(*row) for row in connection.execute(query) if row[0] is not None]
