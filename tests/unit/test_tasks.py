"""Label tasks: several questions asked of the same records."""

import pytest

import embtune
from embtune.errors import BadInputError, NotFoundError, UnknownChoiceError


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
    assert [one.id for one in mine] == [flag.id]  # a flag belongs to every task


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


def test_a_task_with_annotations_or_reference_labels_is_not_deleted(project, tone):
    action = tone.label([0], "Calm")
    with pytest.raises(BadInputError, match="1 annotation given in this task still counts: undo"):
        tone.delete_task()
    with pytest.raises(BadInputError, match="60 records have a reference label of this task"):
        project.delete_task()
    tone.undo(action.id)
    session = tone.create_session([1, 2], "of tone")
    tone.delete_task()
    assert [task.name for task in project.tasks] == ["Labels"]
    with pytest.raises(NotFoundError, match="The label task of project 'demo' was deleted: open another"):
        _ = tone.task
    assert session not in [one.id for one in project.sessions()]
    assert [label.name for label in project.labels] == ["Alpha", "Beta", "Gamma"]
    with pytest.raises(BadInputError, match="A project has at least one label task"):
        project.delete_task()


def test_a_task_where_everything_was_undone_goes_without_a_trace(project, tone):
    project.label([0], "Alpha")
    tone.undo(tone.label([0], "Calm").id)
    tone.delete_task()
    assert [action.summary for action in project.history()] == ["Labelled 1 record Alpha"]
    assert project.record(0).label == "Alpha"


def test_a_task_with_heuristics_is_not_deleted_and_their_votes_go_with_it(project, tone):
    for name in ("one", "two", "three", "four"):
        tone.heuristics.add("lookup", name, label="Calm", terms=[name])
    tone.heuristics.run()
    with pytest.raises(
        BadInputError, match=r"4 heuristics vote in this task \('one', 'two', 'three' and 1 more"
    ):
        tone.delete_task()
    for name in ("one", "two", "three"):
        tone.heuristics.delete(name)
    with pytest.raises(
        BadInputError, match=r"1 heuristic votes in this task \('four'\), which would be lost"
    ):
        tone.delete_task()
    tone.heuristics.delete("four")
    assert len(list(project.folder("heuristics").iterdir())) == 4
    tone.delete_task()
    assert list(project.folder("heuristics").iterdir()) == []
