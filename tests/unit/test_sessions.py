"""Sessions: order, cursor, skip, back, undo, corrections, and what survives reopening."""

import numpy as np
import pytest

import embtune
from embtune.errors import BadInputError, ConflictError, NotFoundError, NotReadyError
from embtune.labeling.pace import pace_of
from embtune.labeling.sessions import Step

ROWS = [7, 3, 11, 5]


@pytest.fixture
def book(project):
    return project.sessions_book


@pytest.fixture
def session(project):
    return project.create_session(
        np.array(ROWS), "Four", kind="similar", origin={"embedding": "raw"}, cosine=[0.9, 0.8, 0.7, 0.6]
    )


def states(book, session):
    return [item.state for item in book.items(session)]


def label_of(project, row):
    return project.record(row).label


# ---- order and cursor -------------------------------------------------------------------------


def test_items_keep_the_given_order_and_similarity(book, session):
    items = book.items(session)
    assert [item.row for item in items] == ROWS
    assert [item.cosine for item in items] == [0.9, 0.8, 0.7, 0.6]
    assert book.get(session).cursor == 0


def test_an_answer_labels_its_record_and_moves_on(project, book, session):
    action = book.answer(session, 0, "Beta")
    assert (label_of(project, 7), project.record(7).source) == ("Beta", "session")
    assert action.source == "session"
    assert book.get(session).cursor == 1
    assert states(book, session) == ["labelled", "to do", "to do", "to do"]


def test_none_of_these_is_an_answer(project, book, session):
    book.answer(session, 0, None)
    assert label_of(project, 7) == "none of these"
    assert book.get(session).n_labelled == 1


def test_skip_gives_no_label_and_moves_on(project, book, session):
    book.skip(session, 0)
    assert label_of(project, 7) is None
    assert book.get(session).cursor == 1
    assert states(book, session)[0] == "skipped"


def test_going_back_and_answering_returns_to_the_first_place_to_do(project, book, session):
    book.answer(session, 0, "Alpha")
    book.answer(session, 1, "Alpha")
    book.go_to(session, 0)
    book.answer(session, 0, "Gamma")
    assert label_of(project, 7) == "Gamma"
    assert book.get(session).cursor == 2


def test_the_last_answer_ends_the_session(book, session):
    for position in range(4):
        book.answer(session, position, "Alpha")
    found = book.get(session)
    assert (found.cursor, found.n_labelled, found.n_items) == (4, 4, 4)
    assert book.upcoming(session, 5) == []


def test_upcoming_is_the_record_at_the_cursor_and_the_next_to_do(book, session):
    book.answer(session, 1, "Alpha")
    book.skip(session, 2)
    book.go_to(session, 1)
    assert [item.position for item in book.upcoming(session, 3)] == [1, 3]
    book.go_to(session, 0)
    assert [item.position for item in book.upcoming(session, 1)] == [0]


def test_skipped_records_can_be_put_back_to_do(book, session):
    for position in range(4):
        (book.skip if position % 2 else lambda s, p: book.answer(s, p, "Alpha"))(session, position)
    book.take_back_skips(session)
    assert states(book, session) == ["labelled", "to do", "labelled", "to do"]
    assert book.get(session).cursor == 1


def test_the_first_place_to_do_can_be_gone_to(book, session):
    book.go_to(session, 3)
    book.answer(session, 3, "Alpha")
    assert book.get(session).cursor == 4
    book.go_to_first(session)
    assert book.get(session).cursor == 0


# ---- undo -------------------------------------------------------------------------------------


def test_undo_takes_the_answer_back_and_returns_to_it(project, book, session):
    book.answer(session, 0, "Alpha")
    book.answer(session, 1, "Beta")
    book.undo(session)
    assert label_of(project, 3) is None
    assert book.get(session).cursor == 1
    assert states(book, session) == ["labelled", "to do", "to do", "to do"]


def test_undo_of_the_journal_follows_into_the_session_and_redo_too(project, book, session):
    book.answer(session, 0, "Alpha")
    project.undo()
    assert book.get(session).cursor == 0
    project.redo()
    assert book.get(session).cursor == 1
    assert (label_of(project, 7), states(book, session)[0]) == ("Alpha", "labelled")


def test_undo_in_a_session_leaves_what_was_done_elsewhere(project, book, session):
    book.answer(session, 0, "Alpha")
    project.label([20, 21], "Beta", source="lasso")
    book.undo(session)
    assert label_of(project, 7) is None
    assert label_of(project, 20) == "Beta"


def test_undo_of_a_second_answer_brings_the_first_one_back(project, book, session):
    book.answer(session, 0, "Alpha")
    book.correct(session, [0], "Gamma")
    project.undo()
    assert (label_of(project, 7), states(book, session)[0]) == ("Alpha", "labelled")
    assert book.get(session).cursor == 1  # a correction never moved it
    project.undo()
    assert (label_of(project, 7), states(book, session)[0]) == (None, "to do")


def test_undo_with_nothing_answered_does_nothing(project, book, session):
    project.label([20], "Beta")
    assert book.undo(session) is None
    assert label_of(project, 20) == "Beta"


def test_labels_of_a_deleted_session_stay_and_can_be_undone(project, book, session):
    book.answer(session, 0, "Alpha")
    book.delete(session)
    assert label_of(project, 7) == "Alpha"
    project.undo()
    assert label_of(project, 7) is None
    with pytest.raises(NotFoundError, match=f"has no session {session}"):
        book.get(session)


# ---- steps as the browser sends them --------------------------------------------------------------


def test_steps_are_taken_in_their_order_on_the_records_they_were_meant_for(project, book, session):
    book.take(
        session,
        [Step("label", 0, "Beta"), Step("label", 1, "Alpha"), Step("skip", 2), Step("label", 3, None)],
    )
    assert [label_of(project, row) for row in ROWS] == ["Beta", "Alpha", None, "none of these"]
    assert book.get(session).cursor == 4


def test_back_go_and_undo_steps_move_the_cursor(book, session):
    book.take(session, [Step("label", 0, "Beta"), Step("label", 1, "Beta"), Step("back", 2)])
    assert book.get(session).cursor == 1
    book.take(session, [Step("go", 0)])
    assert book.get(session).cursor == 0
    book.take(session, [Step("undo", 0)])
    assert book.get(session).cursor == 1
    assert states(book, session)[:2] == ["labelled", "to do"]


def test_steps_sent_again_after_a_restart_overrule_no_answer(project, book, session):
    book.take(session, [Step("label", 0, "Beta")])
    book.take(session, [Step("label", 0, "Alpha"), Step("label", 1, "Alpha"), Step("undo", 2)], again=True)
    assert [label_of(project, row) for row in ROWS[:2]] == ["Beta", "Alpha"]


def test_a_step_that_cannot_be_taken_stops_no_other(project, book, session):
    with pytest.raises(BadInputError, match="none of these"):
        book.take(
            session,
            [
                Step("label", 0, "Alpha"),
                Step("label", 1, "none of these", new=True),
                Step("label", 2, "Beta"),
                Step("label", 3, gone=True),
            ],
        )
    assert [label_of(project, row) for row in ROWS] == ["Alpha", None, "Beta", None]
    assert states(book, session) == ["labelled", "to do", "labelled", "to do"]


def test_an_undo_after_a_refused_answer_takes_no_other_back(project, book, session):
    steps = [Step("label", 0, "Alpha"), Step("label", 1, gone=True), Step("undo", 2)]
    with pytest.raises(ConflictError, match="given to record 2 was deleted meanwhile"):
        book.take(session, steps)
    assert label_of(project, 7) == "Alpha"
    assert book.get(session).cursor == 1
    book.take(session, [Step("undo", 1)])
    assert label_of(project, 7) is None


def test_undo_in_a_shared_session_takes_back_ones_own_answer(project, book, session):
    book.answer(session, 0, "Alpha")
    ann = project.view(annotator="ann").sessions_book
    assert ann.undo(session) is None
    ann.answer(session, 1, "Beta")
    book.undo(session)
    assert [label_of(project, row) for row in ROWS[:2]] == [None, "Beta"]
    assert book.undo(session) is None
    ann.undo(session)
    assert label_of(project, 3) is None


# ---- review ---------------------------------------------------------------------------------------


def test_review_filters_by_state_and_by_label(project, book, session):
    book.answer(session, 0, "Alpha")
    book.answer(session, 1, None)
    book.skip(session, 2)

    def positions(show):
        n, items = book.review(session, show)
        assert n == len(items)
        return [item.position for item in items]

    assert positions("all") == [0, 1, 2, 3]
    assert positions("labelled") == [0, 1]
    assert positions("skipped") == [2]
    assert positions("to do") == [3]
    assert positions("Alpha") == [0]
    assert positions("none of these") == [1]
    assert book.label_counts(session) == {"Alpha": 1, "none of these": 1}


def test_review_pages_and_counts_all(book, session):
    n, items = book.review(session, start=1, stop=3)
    assert n == 4
    assert [item.position for item in items] == [1, 2]


def test_a_correction_of_several_is_one_action_and_leaves_the_cursor(project, book, session):
    book.answer(session, 0, "Alpha")
    action = book.correct(session, [0, 2], "Beta")
    assert action.n_records == 2
    assert [label_of(project, row) for row in ROWS] == ["Beta", None, "Beta", None]
    assert book.get(session).cursor == 1
    project.undo()
    assert [label_of(project, row) for row in ROWS] == ["Alpha", None, None, None]
    assert states(book, session) == ["labelled", "to do", "to do", "to do"]


# ---- survives reopening ---------------------------------------------------------------------------


def test_a_session_is_at_the_same_record_after_reopening(project, book, session):
    book.answer(session, 0, "Alpha")
    book.skip(session, 1)
    again = embtune.open(project.name)
    assert again is not project
    found = again.session(session)
    assert (found.cursor, found.n_labelled, found.n_skipped) == (2, 1, 1)
    assert again.sessions_book.upcoming(session, 1)[0].row == 11


def test_sessions_are_listed_last_used_first(project, book, session):
    second = project.create_session(np.array([1, 2]), "Two")
    assert [found.id for found in project.sessions()] == [second, session]
    book.answer(session, 0, "Alpha")
    assert [found.id for found in project.sessions()] == [session, second]


def test_rename_keeps_everything_else(book, session):
    book.rename(session, "  Better name ")
    assert book.get(session).name == "Better name"
    assert [item.row for item in book.items(session)] == ROWS


# ---- making one -----------------------------------------------------------------------------------


def test_unlabelled_session_holds_only_records_without_an_answer(project, book):
    project.label(np.arange(50), "Alpha")
    project.label([50], None)
    made = book.create_unlabelled(100)
    assert sorted(item.row for item in book.items(made)) == list(range(51, 60))


def test_uncertain_session_begins_with_the_least_sure(project, book):
    project.label(np.arange(0, 30, 3), "Alpha")
    project.label(np.arange(1, 30, 3), "Beta")
    made = book.create_unlabelled(5, order="uncertain")
    sure = project.quick_predictions("active")[1]
    rows = [item.row for item in book.items(made)]
    assert rows[0] == min(np.flatnonzero(project.label_state().label_ids == -1), key=lambda row: sure[row])
    assert list(sure[rows]) == sorted(sure[rows])


def test_uncertain_needs_two_labels(project, book):
    with pytest.raises(NotReadyError, match="two labels first"):
        book.create_unlabelled(5, order="uncertain")


def test_bad_sessions_and_places_are_refused(project, book, session):
    with pytest.raises(BadInputError, match="at least one record"):
        project.create_session([], "Empty")
    with pytest.raises(BadInputError, match="twice"):
        project.create_session([1, 2, 1], "Twice")
    with pytest.raises(BadInputError, match="no place 5; it has 4"):
        book.answer(session, 4, "Alpha")
    project.label(np.arange(60), "Alpha")
    with pytest.raises(BadInputError, match="Every record has an answer"):
        book.create_unlabelled(5)


# ---- pace -----------------------------------------------------------------------------------------


def test_pace_counts_answers_a_minute_without_pauses_and_label_changes():
    # Newest first: gaps of 2 s, 4 s, a pause of 300 s, 3 s: 3 answers in 9 s of work.
    pace = pace_of([309.0, 307.0, 303.0, 3.0, 0.0], [1, 1, 2, 2, None])
    assert (pace.n, pace.per_minute, pace.switches) == (5, pytest.approx(20.0), 2)


@pytest.mark.parametrize(("times", "labels"), [([], []), ([5.0], [1]), ([9.0, 5.0], [1, 1])])
def test_pace_of_too_few_answers_is_not_told(times, labels):
    assert pace_of(times, labels).per_minute is None


def test_pace_tells_agreement_and_switches_in_a_hundred():
    pace = pace_of([40.0, 30.0, 20.0, 10.0, 0.0], [1, 1, 2, None, None], [1, 2, 2, 3, None])
    assert (pace.n_predicted, pace.n_agreed, pace.agreement) == (4, 2, 0.5)
    assert pace.switches_per_100 == pytest.approx(50.0)  # 2 changes in 4 steps
    assert pace.minutes == pytest.approx(40 / 60)


# ---- what the model said, and the summary that is kept ----------------------------------------------


def test_what_the_model_showed_is_kept_with_the_answer(project, book, session):
    beta = project.label_named("Beta").id
    action = book.answer(session, 0, "Alpha", predicted=(beta, 0.75))
    assert (action.detail["predicted"], action.detail["sure"]) == (beta, 0.75)
    book.answer(session, 1, "Beta", predicted=(beta, 0.9))
    pace = book.pace(session)
    assert (pace.n_predicted, pace.n_agreed) == (2, 1)


def test_the_summary_is_of_the_answers_as_they_were_typed(project, book, session):
    beta = project.label_named("Beta").id
    for position, label in enumerate(["Alpha", "Alpha", "Beta", None]):
        book.answer(session, position, label, predicted=(beta, 0.5))
    book.correct(session, [0, 1], "Gamma")
    found = book.summary(session)
    assert (found.pace.n, found.pace.switches, found.pace.n_agreed) == (4, 2, 1)
    assert found.labels == {"Alpha": 2, "Beta": 1, "none of these": 1}
    assert found.embedding == "raw"
    project.undo()  # the correction
    project.undo()  # the last answer
    assert book.summary(session).pace.n == 3


def test_summaries_list_the_sessions_that_were_worked_in(project, book, session):
    project.create_session([20, 21], "Untouched")
    book.answer(session, 0, "Alpha")
    assert [one.session.id for one in book.summaries()] == [session]


# ---- flags, comments, keys and new labels from the card -----------------------------------------------


def test_flags_and_comments_stay_with_the_record(project, book, session):
    book.take(session, [Step("flag", 0), Step("comment", 0, text="odd one"), Step("label", 0, "Beta")])
    record = project.record(7)
    assert record.flagged
    assert [one.text for one in record.comments] == ["odd one"]
    assert book.get(session).cursor == 1
    book.take(session, [Step("flag", 0, on=False)])
    assert not project.record(7).flagged


def test_a_new_label_is_added_and_given(project, book, session):
    book.take(session, [Step("label", 0, "Delta", new=True), Step("label", 1, " delta ", new=True)])
    assert [label_of(project, row) for row in ROWS[:2]] == ["Delta", "Delta"]
    assert [label.name for label in project.labels].count("Delta") == 1


def test_a_label_gets_another_key_and_two_exchange_theirs(project, book, session):
    book.take(session, [Step("hotkey", 0, "Alpha", text="x", on=False)])
    assert project.label_named("Alpha").hotkey == "x"
    with pytest.raises(BadInputError, match="belongs to 'Beta'"):
        book.take(session, [Step("hotkey", 0, "Alpha", text="2", on=False)])
    book.take(session, [Step("hotkey", 0, "Alpha", text="2")])
    assert [project.label_named(name).hotkey for name in ("Alpha", "Beta")] == ["2", "x"]
    with pytest.raises(BadInputError, match="cannot be a label's"):
        book.take(session, [Step("hotkey", 0, "Alpha", text="s")])
    project.undo()
    assert project.label_named("Alpha").hotkey == "x"


# ---- several label tasks --------------------------------------------------------------------------------


def test_an_answer_goes_to_the_task_of_its_session(project, book):
    tone = project.add_task("Tone")
    tone.add_label("Friendly")
    session = tone.create_session([4, 5], "Tone of two")
    book.answer(session, 0, "Friendly")  # by way of the project under its first task
    assert tone.record(4).label == "Friendly"
    assert project.record(4).label is None
    assert book.project_of(book.get(session)).task.name == "Tone"


# ---- review, further ---------------------------------------------------------------------------------------


def test_review_finds_what_changed_since(project, book, session):
    book.answer(session, 0, "Alpha")
    book.answer(session, 1, "Alpha")
    project.label([ROWS[1]], "Beta")
    n, items = book.review(session, changed=True)
    assert (n, items[0].position) == (1, 1)


def test_review_finds_where_the_model_disagrees(project, book):
    project.label(np.arange(0, 30, 3), "Alpha")
    project.label(np.arange(1, 30, 3), "Beta")
    session = project.create_session([33, 34], "Two")
    with_alpha = book.answer(session, 0, "Alpha")
    book.answer(session, 1, "Alpha")  # record 34 is a Beta
    guess = project.quick_predictions("active")[0]
    expected = [at for at, row in enumerate([33, 34]) if guess[row] != with_alpha.label_id]
    assert [item.position for item in book.review(session, disagrees=True)[1]] == expected


# ---- many at once ------------------------------------------------------------------------------------


def test_an_undo_of_a_correction_of_20000_takes_less_than_a_second(plain_project):
    import time

    import sqlalchemy as sa

    from embtune.store.tables import records, session_items

    project, n = plain_project, 20_000
    project.add_label("Yes")
    project.add_label("No")
    with project.db.write() as connection:
        row = connection.execute(sa.select(records).where(records.c.row == 0)).mappings().one()
        more = [{**row, "row": i, "id": f"{i:016x}"} for i in range(project.n_records, n)]
        connection.execute(records.insert(), more)
    project.label([0], "Yes")  # the counts are read anew
    book = project.sessions_book
    session = project.create_session(np.arange(n), "All")
    book.correct(session, range(n), "Yes")
    book.correct(session, range(n), "No")
    with project.db.read() as connection:
        before = set(connection.scalars(sa.select(session_items.c.action_id)))
    started = time.perf_counter()
    project.undo()
    took = time.perf_counter() - started
    with project.db.read() as connection:
        after = set(connection.scalars(sa.select(session_items.c.action_id)))
    assert len(before) == len(after) == 1
    assert before != after
    assert book.get(session).n_labelled == n
    print(f"undo of 20,000 took {took:.2f} s")
    assert took < 1
