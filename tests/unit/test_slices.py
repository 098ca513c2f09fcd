"""Slices: filters kept by name follow the labels, lists kept by name do not."""

import pytest

from embtune.errors import BadInputError, NotFoundError
from embtune.store.tables import slices as stored


def test_a_filter_follows_the_labels_and_a_list_stays(project):
    project.save_slice("open", query={"label": None})
    project.save_slice("then", query={"label": None}, rows=project.rows_matching({"label": None}))
    project.label([0, 1], "Alpha")
    assert project.slice_rows("open").tolist() == list(range(2, 60))
    assert project.slice_rows("then").tolist() == list(range(60))
    project.undo()
    assert len(project.slice_rows("open")) == 60


def test_a_list_keeps_its_order_and_each_record_once(project):
    project.save_slice("mine", rows=[7, 3, 7, 12])
    assert project.slice_rows("mine").tolist() == [7, 3, 12]
    assert project.rows_matching({"slice": "mine"}).tolist() == [3, 7, 12]
    assert project.rows_matching({"not": {"slice": "mine"}}).tolist()[:4] == [0, 1, 2, 4]
    known = project.slices()[0]
    assert (known.is_static, known.n_static, known.query) == (True, 3, {})


def test_slices_can_ask_for_slices_but_not_in_a_circle(project):
    project.save_slice("flags", query={"flagged": True})
    project.save_slice("open flags", query={"all": [{"slice": "flags"}, {"label": None}]})
    project.flag([4, 5])
    project.label([4], "Beta")
    assert project.slice_rows("open flags").tolist() == [5]
    with pytest.raises(BadInputError, match="ask for itself"):
        project.save_slice("flags", query={"slice": "open flags"}, replace=True)


def test_names_are_one_of_a_kind_and_can_be_changed(project):
    project.save_slice("First", query={"flagged": True})
    with pytest.raises(BadInputError, match="already"):
        project.save_slice("first", query={"flagged": False})
    project.save_slice("First", query={"label": "Beta"}, replace=True)
    assert project.slices()[0].query == {"label": "Beta"}
    project.save_slice("Second", rows=[1])
    with pytest.raises(BadInputError, match="already"):
        project.rename_slice("Second", "FIRST")
    assert project.rename_slice("Second", " Other ").name == "Other"
    assert [one.name for one in project.slices()] == ["First", "Other"]
    project.delete_slice("Other")
    with pytest.raises(NotFoundError, match="'Other'; there are: First"):
        project.slice_rows("Other")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("", {"query": {"flagged": True}}, "1 to 100"),
        ("x", {}, "a query or records"),
        ("x", {"rows": []}, "at least one"),
        ("x", {"query": {"label": "Delta"}}, "no label 'Delta'"),
        ("x", {"query": {"flaged": True}}, "no condition 'flaged'"),
    ],
)
def test_what_cannot_be_a_slice_is_refused_and_nothing_is_kept(project, name, options, message):
    with pytest.raises(BadInputError, match=message):
        project.save_slice(name, **options)
    assert project.slices() == []


def test_a_slice_asks_the_task_it_was_saved_under_wherever_it_is_used(project):
    project.save_slice("open", query={"label": None})
    tone = project.add_task("Tone")
    tone.add_label("calm")
    tone.label([0, 1], "calm")
    tone.save_slice("calm", query={"label": "calm"})
    project.label([5], "Alpha")
    for view in (project, tone):
        assert view.slice_rows("open").tolist() == [*range(5), *range(6, 60)]
        assert view.slice_rows("calm").tolist() == [0, 1]
    tone.change_task(name="Mood")
    assert project.slice_rows("calm").tolist() == [0, 1]


def test_deleting_a_project_takes_its_slices_along(project):
    project.save_slice("open", query={"label": None})
    project.delete()
    import embtune

    assert embtune.open("demo").slices() == []


@pytest.mark.parametrize(
    "query",
    [
        {"label": ["Alpha", "none of these"]},
        {"all": [{"not": {"not": {"label": "Alpha"}}}]},
        {"reference": "Alpha"},
        {"predicted": "Alpha"},
        {"predicted": {"label": ["Alpha"], "confidence": [0, 1]}},
    ],
)
def test_a_slice_keeps_to_its_labels_whatever_they_are_called(project, label_rows, query):
    label_rows(project, range(12))
    project.save_slice("mine", query=query)
    before = project.slice_rows("mine").tolist()
    assert 0 in before
    assert 1 not in before
    project.book.rename_label("Alpha", "Anfang")
    project.add_label("Alpha")
    project.label([1], "Alpha")
    assert project.slice_rows("mine").tolist() == before
    assert "Anfang" in str(project.slices()[0].query)
    project.label_set.merge("Anfang", "Beta")
    assert "'Beta'" in str(project.slices()[0].query)
    assert 4 in project.slice_rows("mine").tolist()  # a Beta from the start


def test_a_deleted_label_makes_a_slice_unusable_until_it_is_back(project):
    project.label([0, 1], "Alpha")
    project.save_slice("mine", query={"label": "Alpha"})
    deleted = project.label_set.delete("Alpha")
    project.add_label("Alpha")
    with pytest.raises(BadInputError, match="the label 'Alpha' that the slice 'mine' asks for was deleted"):
        project.slice_rows("mine")
    project.undo()
    project.undo(deleted.id)
    assert project.slice_rows("mine").tolist() == [0, 1]


def test_a_slice_of_a_deleted_task_says_so_unless_it_asks_no_task(project):
    tone = project.add_task("Tone")
    tone.save_slice("open", query={"label": None})
    tone.save_slice("flags", query={"flagged": True})
    tone.flag([3])
    tone.delete_task()
    with pytest.raises(BadInputError, match="label task of the slice 'open' was deleted"):
        project.slice_rows("open")
    assert project.slice_rows("flags").tolist() == [3]


def test_a_slice_saved_before_labels_were_kept_beside_it_is_still_read(project):
    project.label([0, 1], "Alpha")
    project.save_slice("old", query={"flagged": True})
    with project.db.write() as connection:
        connection.execute(stored.update().values(query={"label": "Alpha"}))
    known = project.slices()[0]
    assert (known.query, known.task_id, known.labels) == ({"label": "Alpha"}, None, {})
    assert project.slice_rows("old").tolist() == [0, 1]
