"""Undoing an import takes the labels along that it added, but none that something else has."""

import json

import pytest

import embtune
from embtune.errors import ConflictError

ROWS = [{"text": f"text number {i}", "class": name} for i, name in enumerate("AABBC")]


@pytest.fixture
def imported(home):
    """Five records in the classes A, B and C, which the import made; and the import's action."""
    project = embtune.open("made")
    project.add_label("Own")
    project.import_records(json.dumps(ROWS).encode(), name="f.json", text="{text}", label_field="class")
    return project, project.history(1)[0]


def names(project):
    return [label.name for label in project.labels]


def test_labels_that_came_with_an_import_go_with_it_and_come_back(imported):
    project, action = imported
    ids = {label.name: label.id for label in project.labels}
    assert names(project) == ["Own", "A", "B", "C"]
    undone = project.undo(action.id)
    assert names(project) == ["Own"]
    assert undone.detail["labels_left"] == {}
    project.redo(action.id)
    assert names(project) == ["Own", "A", "B", "C"]
    assert {label.name: label.id for label in project.labels} == ids
    assert [record.label for record in project.records(range(5))] == list("AABBC")


def test_labels_that_something_else_has_stay_and_the_action_says_why(imported):
    project, action = imported
    project.label([3, 4], "A")
    project.heuristics.add("lookup", "finds B", label="B", terms=["number"])
    undone = project.undo(action.id)
    assert names(project) == ["Own", "A", "B"]
    assert undone.detail["labels_left"] == {
        "A": "2 other annotations carry it",
        "B": "1 heuristic votes for it",
    }
    assert [record.label for record in project.records(range(5))] == [None, None, None, "A", "A"]
    project.redo(action.id)
    assert names(project) == ["Own", "A", "B", "C"]


def test_a_label_that_was_merged_into_asked_for_or_known_true_stays(imported):
    project, action = imported
    project.label_set.merge("Own", "A")
    project.save_slice("all B", query={"label": ["B"]})
    rows = [{**row, "truth": "C"} for row in ROWS]
    project.import_records(json.dumps(rows).encode(), name="g.json", reference_field="truth")
    left = project.undo(action.id).detail["labels_left"]
    assert left["A"] == "Own was merged into it"
    assert left["B"] == "1 slice asks for it"
    assert left["C"] == "it is the reference label of 5 records"


def test_an_import_whose_label_name_was_taken_since_is_not_redone(imported):
    project, action = imported
    project.undo(action.id)
    project.add_label("a")
    assert "There would be two labels" in project.why_not([project.book.action(action.id)])[action.id]
    with pytest.raises(ConflictError, match="There would be two labels 'A': rename the other one first"):
        project.redo(action.id)
    assert names(project) == ["Own", "a"]


def test_labels_from_a_file_of_labels_go_with_it_too(imported):
    project, _ = imported
    rows = [{"text": "text number 0", "label": "D"}]
    project.label_from_file(json.dumps(rows).encode(), name="labels.json")
    assert "D" in names(project)
    project.undo()
    assert "D" not in names(project)


def test_a_label_that_was_there_before_the_import_stays(imported):
    project, _ = imported
    more = [{"text": "another text", "class": "Own"}]
    project.import_records(json.dumps(more).encode(), name="more.json", label_field="class")
    project.undo()
    assert names(project) == ["Own", "A", "B", "C"]
