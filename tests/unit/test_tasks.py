"""Label tasks: several questions asked of the same records."""

import pytest

import embtune
from embtune.errors import BadInputError, ConflictError, NotFoundError, UnknownChoiceError
from embtune.store.journal import TASK


@pytest.fixture
def tone(project):
    """A second task beside the first, with two labels."""
    made = project.add_task("Tone", description="How is it said?")
    made.add_label("Calm")
    made.add_label("Alpha")  # a name that the first task has too
    return made


def test_every_task_has_its_own_labels_and_answers(project, tone):
    project.label([0], "Beta")
    tone.label([0, 1], "Calm")
    tone.label([2], None)
    assert [label.name for label in project.labels] == ["Alpha", "Beta", "Gamma"]
    assert [label.name for label in tone.labels] == ["Calm", "Alpha"]
    assert [label.hotkey for label in tone.labels] == ["1", "2"]
    assert [record.label for record in project.records(range(3))] == ["Beta", None, None]
    assert [record.label for record in tone.records(range(3))] == ["Calm", "Calm", "none of these"]
    assert (project.record(0).reference_label, tone.record(0).reference_label) == ("Alpha", None)
    assert embtune.open("demo", task="Tone").record(0).label == "Calm"
    assert project.status()["tasks"] == ["Labels", "Tone"]


def test_undo_reaches_over_tasks_and_history_tells_them_apart(project, tone):
    action = tone.label([0], "Calm")
    assert project.history(1)[0].task_id == tone.task.id != project.task.id
    project.undo(action.id)
    assert tone.record(0).label is None
    flag = project.flag([0])
    mine = project.history(task_id=project.task.id)
    # A flag belongs to every task, and so does that one was added.
    assert [one.summary for one in mine] == [flag.summary, "Added the label task Tone"]


def test_views_share_what_hangs_on_no_label(project, tone):
    assert tone.vectors() is project.vectors()
    assert tone.index() is project.index()
    tone.flag([3])
    assert project.record(3).flagged


def test_a_task_is_renamed_and_described(project, tone):
    tone.change_task(name=" Mood ", description="How does it feel?")
    assert (tone.task.name, tone.task.description) == ("Mood", "How does it feel?")
    tone.change_task(name="mood")
    for name, message in (("", "1 to 100 printable"), ("labels", "There is a label task 'labels' already")):
        with pytest.raises(BadInputError, match=message):
            tone.change_task(name=name)
    with pytest.raises(BadInputError, match="There is a label task 'MOOD' already"):
        project.add_task("MOOD")
    with pytest.raises(UnknownChoiceError, match=r"Unknown label task 'Tone'\. Choose one of: Labels, mood"):
        project.view(task="Tone")


def test_a_deleted_task_takes_its_labels_answers_and_sessions_along_and_undo_brings_them_back(project, tone):
    with pytest.raises(BadInputError, match="60 records have a reference label of this task: keep the task"):
        project.delete_task()
    answer = tone.label([0, 1], "Calm")
    session = tone.create_session([1, 2], "of tone")
    assert tone.task_impact() == "2 labels, 2 annotations on 2 records, 1 session"
    tone.delete_task()
    assert [task.name for task in project.tasks] == ["Labels"]
    with pytest.raises(NotFoundError, match="The label task of project 'demo' was deleted: open another"):
        _ = tone.task
    assert session not in [one.id for one in project.sessions()]
    assert [label.name for label in project.labels] == ["Alpha", "Beta", "Gamma"]
    assert project.status()["annotations"] == {}
    with pytest.raises(BadInputError, match="A project has at least one label task"):
        project.delete_task()
    deleted = project.history(1)[0]
    assert (deleted.summary, deleted.kind, deleted.n_records) == ("Deleted the label task Tone", TASK, 2)
    assert "'Tone' was deleted since: bring it back first" in project.why_not([answer])[answer.id]

    assert project.undo().id == deleted.id  # it is of no task, and so the newest of every one
    assert [record.label for record in tone.records(range(3))] == ["Calm", "Calm", None]
    assert [label.name for label in tone.labels] == ["Calm", "Alpha"]
    assert tone.task.description == "How is it said?"
    assert session in [one.id for one in project.sessions()]
    assert project.status()["annotations"] == {"manual": 2}
    project.redo()
    assert [task.name for task in project.tasks] == ["Labels"]


def test_the_view_of_a_task_that_it_deleted_undoes_that(project, tone):
    tone.label([0], "Calm")
    tone.delete_task()
    assert tone.book.last().summary == "Deleted the label task Tone"
    assert tone.undo().summary == "Deleted the label task Tone"
    assert tone.record(0).label == "Calm"
    assert tone.redo().summary == "Deleted the label task Tone"
    assert [task.name for task in project.tasks] == ["Labels"]


def test_adding_renaming_and_describing_a_task_are_undone_and_redone(project):
    mood = project.add_task("Tone", description="How?")
    mood.change_task(name="Mood")
    mood.change_task(description="How does it feel?")
    mood.change_task(name="Air", description="Which?")
    said = [action.summary for action in project.history(4)]
    assert said == [
        "Renamed the label task Mood to Air, and described it anew",
        "Described the label task Mood",
        "Renamed the label task Tone to Mood",
        "Added the label task Tone",
    ]

    def seen():
        return [(task.name, task.description) for task in project.tasks[1:]]

    states = [seen()]
    for _ in range(4):
        project.undo()
        states.append(seen())
    assert states == [
        [("Air", "Which?")],
        [("Mood", "How does it feel?")],
        [("Mood", "How?")],
        [("Tone", "How?")],
        [],
    ]
    for expected in reversed(states[:-1]):
        project.redo()
        assert seen() == expected
    mood.change_task(name="Air")  # as it is: nothing to note
    assert len(project.history()) == 4


def test_what_stands_in_the_way_of_undoing_a_change_of_tasks_is_told(project):
    tone = project.add_task("Tone")
    added = project.history(1)[0]
    tone.change_task(name="Mood")
    renamed = project.history(1)[0]
    tone.change_task(name="Air")
    project.add_task("Tone")
    with pytest.raises(ConflictError, match="The label task 'Air' was renamed since: take that back first"):
        project.undo(renamed.id)
    tone.add_label("Calm")
    with pytest.raises(ConflictError, match=r"The label task 'Air' stays\. It has 1 label: undo what"):
        project.undo(added.id)
    tone.heuristics.add("lookup", "one", label="Calm", terms=["calm"])
    tone.undo(tone.history(1)[0].id)
    tone.change_task(name="Tones")
    tone.heuristics.delete("one")
    tone.delete_task()
    deleted = project.history(1)[0]
    project.add_task("tones")
    with pytest.raises(ConflictError, match=r"There would be two label tasks '[Tt]ones'"):
        project.undo(deleted.id)
    assert set(project.why_not(project.history())) >= {added.id, renamed.id, deleted.id}


def test_a_name_is_free_again_once_its_task_is_deleted(project, tone):
    tone.delete_task()
    again = project.add_task("Tone")
    assert again.labels == []
    again.delete_task()
    assert [task.name for task in project.tasks_ever().values()] == ["Labels", "Tone", "Tone"]


def test_a_task_with_heuristics_is_not_deleted(project, tone):
    for name in ("one", "two", "three", "four"):
        tone.heuristics.add("lookup", name, label="Calm", terms=[name])
    tone.heuristics.run()
    with pytest.raises(
        BadInputError, match=r"4 heuristics vote in this task \('one', 'two', 'three' and 1 more\): delete"
    ):
        tone.delete_task()
    for name in ("one", "two", "three"):
        tone.heuristics.delete(name)
    with pytest.raises(
        BadInputError, match=r"1 heuristic votes in this task \('four'\): delete them, on Heuristics"
    ):
        tone.delete_task()
    tone.heuristics.delete("four")
    tone.delete_task()
    project.undo()
    assert {one.name for one in tone.heuristics.deleted()} == {"one", "two", "three", "four"}
