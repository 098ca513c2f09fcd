"""Flags and comments in memory: read again only when one is set or taken back."""

import pytest

from embtune.store import marks as store


@pytest.fixture
def reads(monkeypatch):
    """How many marks were read, one number for each time."""
    told = []
    plain = store.read_marks

    def spied(*given, **options):
        found = plain(*given, **options)
        told.append(len(found))
        return found

    monkeypatch.setattr(store, "read_marks", spied)
    return told


def seen(project):
    return {
        row: [(mark.kind, mark.text, mark.annotator) for mark in mine]
        for row, mine in project.marks().items()
    }


def test_a_label_reads_no_mark_and_a_flag_reads_its_own(project, reads):
    project.flag(range(40))
    assert project.flagged_rows().tolist() == list(range(40))
    assert reads == [40]
    project.label([0, 1], "Alpha")
    project.undo()
    assert project.record(0).flagged
    assert project.rows_matching({"flagged": True}).tolist() == list(range(40))
    assert reads == [40]
    project.flag([50])
    assert project.flagged_rows().tolist() == [*range(40), 50]
    assert reads == [40, 1]
    project.flag([3], on=False)
    assert project.rows_matching({"flagged": True}).tolist() == [*range(3), *range(4, 40), 50]
    assert 3 not in project.marks()
    assert reads == [40, 1, 1]


def test_what_is_read_bit_by_bit_is_what_is_read_at_once(project):
    ada = project.view(annotator="ada")
    steps = [
        lambda: project.flag([1, 2, 3]),
        lambda: project.comment(2, "odd"),
        lambda: ada.comment(2, "fine"),
        lambda: project.comment(2, "odd indeed"),
        lambda: ada.flag([2], on=False),
        lambda: ada.comment(2, ""),
        lambda: ada.flag([2, 9]),
    ]
    given = []
    for step in steps:
        given.append(step())
        at_once = store.MarkLog(project.id).now(project.db)
        assert project.marks() == at_once.by_row
        assert project.flagged_rows().tolist() == at_once.flagged.tolist()
    assert seen(project)[2] == [("comment", "odd indeed", "me"), ("flag", "", "ada")]
    assert project.flagged_rows().tolist() == [1, 2, 3, 9]
    states = [project.flagged_rows().tolist()]
    for action in (given[0], given[6], given[4]):
        project.undo(action.id)
        states.append(project.flagged_rows().tolist())
    project.redo(given[0].id)
    states.append(project.flagged_rows().tolist())
    assert states == [[1, 2, 3, 9], [2, 9], [], [], [1, 2, 3]]
