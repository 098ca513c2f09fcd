"""What is written of heuristics and not saved is not lost to another person, a tab or a full disk."""

import pytest

from embtune.errors import StorageError
from embtune.work import heuristic_drafts


def field(widgets, name):
    return next(one for one in widgets if (one.key or "").endswith(f"_{name}"))


def press(at, key):
    next(one for one in at.button if one.key == key).click().run()
    assert not at.exception, at.exception[0].message


@pytest.fixture
def write(open_page, project):
    """Open a visit and write a pattern in it: `write("om+ega")`."""

    def written(pattern, **state):
        at = open_page(
            "heuristics", project, heuristics_open=(project.id, project.task.id, "new-regex"), **state
        )
        if pattern is not None:
            field(at.text_area, "pattern").set_value(pattern).run()
        return at

    return written


def patterns(project):
    return [one["raw"]["pattern"] for one in project.heuristics.drafts().values()]


def test_who_gives_another_name_leaves_the_drafts_of_both_as_they_are(write, project):
    write("of bob", annotator="Bob")
    at = write("of ann", annotator="Ann")
    at.session_state["annotator"] = "Bob"
    at.query_params["annotator"] = "Bob"
    at.run()
    assert not at.exception
    assert field(at.text_area, "pattern").value == "of bob"
    assert patterns(project.view(annotator="Bob")) == ["of bob"]
    assert patterns(project.view(annotator="Ann")) == ["of ann"]


@pytest.mark.parametrize("done", ["heuristics_discard", "heuristics_save"])
def test_what_one_tab_discards_or_saves_stays_in_the_other(write, project, done):
    second = write(None)  # before the first wrote anything
    write("om+ega")
    field(second.text_area, "pattern").set_value("alpha").run()
    assert sorted(patterns(project)) == ["alpha", "om+ega"]
    press(second, done)
    assert patterns(project) == ["om+ega"]
    assert field(write(None).text_area, "pattern").value == "om+ega"  # after a reload


def test_drafts_of_two_tabs_are_both_offered_after_a_reload(write, open_page, project):
    second = write(None)
    write("om+ega")
    field(second.text_area, "pattern").set_value("alpha").run()
    field(second.text_area, "pattern").set_value("alpha 1").run()
    at = open_page("heuristics", project)
    press(at, "heuristics_go_on_regex.2")
    assert field(at.text_area, "pattern").value == "alpha 1"
    press(at, "heuristics_save")
    assert [one.config["pattern"] for one in project.heuristics.all()] == ["alpha 1"]
    assert patterns(project) == ["om+ega"]


def test_what_a_full_disk_did_not_take_is_tried_again(write, project, monkeypatch):
    def full(*_, **__):
        raise StorageError("It is full.")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(heuristic_drafts, "keep_drafts", full)
        at = write("om+ega")
        assert [one.value for one in at.error] == ["It is full."]
    at.run()
    assert not at.error
    assert patterns(project) == ["om+ega"]
