"""The history: what it tells, how it is filtered, and undo and redo in any order."""

import random
import threading
import time

import numpy as np
import pytest

import embtune
from embtune.errors import ConflictError
from embtune.labeling.history import fold


def labels_of(project, n=4):
    return [record.label for record in project.records(range(n))]


@pytest.fixture
def busy(project):
    """One action of every kind, the oldest first."""
    session = project.create_session([5, 6], "some")
    project.label([0, 1, 2], "Alpha", source="lasso", detail={"map": {"embedding": "raw"}})
    project.label([0], "Beta", annotator="ann")
    project.sessions_book.answer(session, 0, "Gamma")
    project.flag([3, 4])
    project.comment(3, "look")
    project.judge_pair(0, 1, 1.0)
    project.label_set.rename("Gamma", "Last")
    project.label_set.merge("Last", "Beta")
    project.book.clear([1])
    return project


# ---- what it tells ---------------------------------------------------------------------------


def test_every_entry_says_who_when_what_how_many_and_from_where(busy):
    assert [(one.summary, one.kind, one.n_records, one.place) for one in busy.history()] == [
        ("Cleared 1 record", "votes", 1, "by hand"),
        ("Merged Last into Beta", "label set", 1, "label set"),
        ("Renamed Gamma to Last", "label set", 0, "label set"),
        ("Marked 2 records similar", "judgement", 0, "Neighbors"),
        ("Commented on 1 record", "mark", 1, "by hand"),
        ("Flagged 2 records", "mark", 2, "by hand"),
        ("Labelled 1 record Gamma", "votes", 1, "session"),
        ("Labelled 1 record Beta", "votes", 1, "by hand"),
        ("Labelled 3 records Alpha", "votes", 3, "map"),
    ]
    newest = busy.history(1)[0]
    assert newest.annotator == busy.annotator
    assert abs(newest.created_at - time.time()) < 60
    assert busy.label([9], "Alpha", detail={"from": "Records"}).place == "Records"


def test_the_rows_of_an_action_whatever_its_kind(busy):
    rows = {one.summary: busy.rows_of_action(one.id).tolist() for one in busy.history()}
    assert rows["Labelled 3 records Alpha"] == [0, 1, 2]
    assert rows["Flagged 2 records"] == [3, 4]
    assert rows["Marked 2 records similar"] == [0, 1]
    assert rows["Renamed Gamma to Last"] == []
    assert busy.rows_of_action(10**6).tolist() == []


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"kind": "mark"}, ["Commented on 1 record", "Flagged 2 records"]),
        ({"kind": "label set"}, ["Merged Last into Beta", "Renamed Gamma to Last"]),
        ({"annotator": "ann"}, ["Labelled 1 record Beta"]),
        ({"annotator": "nobody"}, []),
        ({"label": "Alpha"}, ["Labelled 3 records Alpha"]),
        ({"label": "Last"}, ["Merged Last into Beta", "Renamed Gamma to Last", "Labelled 1 record Gamma"]),
        ({"label": "Beta", "kind": "votes"}, ["Labelled 1 record Beta"]),
        ({"label": "Unknown"}, []),
        ({"since": 2e9}, []),
        ({"until": 2e9, "kind": "judgement"}, ["Marked 2 records similar"]),
        ({"undone": True}, []),
        ({"n_at_least": 2}, ["Flagged 2 records", "Labelled 3 records Alpha"]),
    ],
)
def test_history_is_filtered(busy, filters, expected):
    assert [action.summary for action in busy.history(**filters)] == expected


def test_history_is_read_page_by_page(busy):
    every = [one.id for one in busy.history()]
    first = busy.history(4)
    rest = busy.history(100, before=first[-1].id)
    assert [one.id for one in [*first, *rest]] == every
    assert busy.annotators() == sorted({"ann", busy.annotator})


# ---- undo and redo ---------------------------------------------------------------------------


def test_everything_is_undone_and_redone_one_by_one(busy):
    def seen():
        return (
            [(one.name, one.id) for one in busy.labels],
            labels_of(busy, 8),
            busy.marks(),
            [one.rows for one in busy.judgements()],
        )

    states = [seen()]
    while busy.undo() is not None:
        states.append(seen())
    assert len(states) == 9
    assert labels_of(busy, 8) == ["Beta", *[None] * 7]  # what ann did is not mine to take back
    assert busy.marks() == {}
    for before in reversed(states[:-1]):
        busy.redo()
        assert seen() == before
    assert busy.redo() is None


def test_without_a_number_undo_and_redo_are_of_my_own_in_this_task(project):
    tone = project.add_task("Tone")
    tone.add_label("Calm")
    ann = project.view(annotator="ann")
    mine = project.label([0], "Alpha")
    flag = project.flag([1])
    theirs = ann.label([0], "Beta")
    other_task = tone.label([0], "Calm")
    assert [one.book.last().id for one in (project, ann, tone)] == [flag.id, theirs.id, other_task.id]
    assert [project.undo().id for _ in range(2)] == [flag.id, mine.id]
    assert project.record(0).label == "Beta"
    assert ann.redo() is None
    assert tone.redo().id == flag.id  # a flag belongs to every task
    assert project.redo().id == mine.id


def test_any_order_of_undo_and_redo_ends_where_it_should(project):
    """A hundred actions taken back and brought again at random: the state is that of what stands."""
    generator = random.Random(0)
    names = [label.name for label in project.labels]
    actions = [
        project.label(generator.sample(range(60), 5), generator.choice([*names, None])) for _ in range(100)
    ]
    answers = {one.id: (project.rows_of_action(one.id), one.label_id) for one in actions}
    stands = dict.fromkeys(answers, True)
    for _ in range(60):
        number = generator.choice(list(stands))
        (project.undo if stands[number] else project.redo)(number)
        stands[number] = not stands[number]
    expected = np.full(60, -1)
    for number, (rows, label_id) in answers.items():
        if stands[number]:
            expected[rows] = -2 if label_id is None else label_id
    assert project.label_state().label_ids.tolist() == expected.tolist()


def test_what_cannot_be_undone_is_told_before_it_is_tried(busy):
    history = busy.history()
    why = busy.why_not(history)
    renamed = next(one for one in history if one.summary.startswith("Renamed"))
    assert why == {}
    busy.label_set.edit("Beta", new_name="Gamma")
    why = busy.why_not(busy.history())
    assert (
        set(why) == {renamed.id} or why == {}
    )  # Last is merged: its old name is free to it until it is back
    for action in busy.history():
        if action.id in why:
            with pytest.raises(ConflictError, match="two labels"):
                busy.undo(action.id)
        else:
            busy.undo(action.id)


def test_undoing_twice_or_from_two_tabs_is_undoing_once(project):
    action = project.label([0], "Alpha")
    other = embtune.open("demo")
    assert project.undo(action.id).undone_at == other.undo(action.id).undone_at
    made = project.label_set.create("New")
    project.undo(made.id)
    assert other.undo(made.id).undone_at is not None  # no conflict: it is as wanted
    assert other.redo(made.id).undone_at is None
    assert project.redo(made.id).undone_at is None


def test_undo_in_two_tabs_at_once_loses_no_label(project):
    actions = [project.label([row], "Alpha") for row in range(20)]
    barrier = threading.Barrier(2)

    def undo(mine):
        barrier.wait()
        for action in actions[::2]:
            mine.undo(action.id)

    threads = [threading.Thread(target=undo, args=(embtune.open("demo"),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert labels_of(project, 20) == [None, "Alpha"] * 10


def test_undoing_many_records_leaves_other_projects_and_the_rest_alone(project, plain_project):
    plain_project.add_label("Alpha")
    theirs = plain_project.label(range(60), "Alpha")
    mine = project.label(range(60), "Alpha")
    with pytest.raises(Exception, match=f"has no action {theirs.id}"):
        project.undo(theirs.id)
    project.undo(mine.id)
    assert plain_project.label_state().labelled.all()


def test_the_answers_of_a_sitting_are_one_line(project):
    session = project.create_session(range(20), "some")
    answer = project.sessions_book.answer
    expected = [[answer(session, i, "Alpha").id for i in range(4)]]
    expected += [[project.label([30], "Beta").id]]
    expected += [[answer(session, i, "Alpha").id] for i in (4, 5)]  # too few to fold
    expected += [[project.book.clear([30]).id]]
    other = project.create_session(range(20), "other")
    expected += [[answer(other, i, None).id for i in range(3)]]
    found = [[action.id for action in line] for line in fold(project.history())]
    assert found == [line[::-1] for line in expected[::-1]]
