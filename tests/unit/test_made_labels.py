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


def given(project, rows, label):
    """The action of a file that gives a label to some of the five records."""
    table = [{"text": f"text number {i}", "label": label} for i in rows]
    project.label_from_file(json.dumps(table).encode(), name="labels.json")
    return project.history(1)[0]


def test_an_import_is_not_redone_under_a_label_that_went_with_another_one(imported):
    project, _ = imported
    brings, adds = given(project, [0, 1], "L"), given(project, [2, 3], "L")
    project.undo(adds.id)
    project.undo(brings.id)
    assert "L" not in names(project)
    said = "The label 'L' was deleted since: bring it back first."
    assert project.why_not([project.book.action(adds.id)]) == {adds.id: said}
    with pytest.raises(ConflictError, match=said):
        project.redo(adds.id)
    project.redo(brings.id)
    project.redo(adds.id)
    assert [record.label for record in project.records(range(5))] == ["L", "L", "L", "L", "C"]


def test_an_import_is_not_redone_under_a_label_that_stayed_and_was_deleted_since(imported):
    project, action = imported
    mine = project.label([4], "A")
    assert project.undo(action.id).detail["labels_left"] == {"A": "1 other annotation carries it"}
    project.undo(mine.id)
    project.label_set.delete("A")
    with pytest.raises(ConflictError, match="The label 'A' was deleted since"):
        project.redo(action.id)
    project.undo()
    project.redo(action.id)
    assert [record.label for record in project.records(range(5))] == list("AABBC")


@pytest.fixture
def statements(imported):
    """The statements sent to the database from now on."""
    import sqlalchemy as sa

    sent = []

    def note(connection, cursor, statement, *rest):
        sent.append(statement)

    engine = imported[0].db.engine
    sa.event.listen(engine, "before_cursor_execute", note)
    yield sent
    sa.event.remove(engine, "before_cursor_execute", note)


def test_what_may_be_undone_is_found_in_few_statements_and_once(imported, statements):
    project, small = imported
    rows = [{"text": f"text number {i % 5}", "label": f"intent {i}"} for i in range(40)]
    project.label_from_file(json.dumps(rows).encode(), name="labels.json")
    large = project.history(1)[0]
    assert len(large.detail["new_labels"]) == 40
    counts = []
    for action in (small, large, large):
        statements.clear()
        assert project.why_not([action]) == {}
        counts.append(len(statements))
    assert counts[1] <= counts[0]  # forty labels or three
    assert not any("annotations" in one or "reference_label_id" in one for one in statements)
    assert counts[2] < counts[1]


def test_what_may_be_undone_follows_what_the_revision_does_not_count(imported):
    project, _ = imported
    tone = project.add_task("Tone")
    tone.add_label("Calm")
    tone.delete_task()
    deleted = project.undo()
    before = project.revision
    assert project.why_not([deleted]) == {}
    tone.heuristics.add("lookup", "quiet", label="Calm", terms=["number"])
    assert "1 heuristic votes in this task ('quiet')" in project.why_not([deleted])[deleted.id]
    assert project.revision == before
