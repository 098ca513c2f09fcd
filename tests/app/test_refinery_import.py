"""Coming from refinery on the Projects page: what comes over, the report, and nothing of a bad file."""

from __future__ import annotations

import pytest

import embtune
from embtune.errors import BadInputError
from embtune.store.jobs import create_job, start_job
from embtune.work.beginning import IMPORT_REFINERY
from tests.unit.test_refinery import content, zipped


@pytest.fixture(autouse=True)
def no_worker(monkeypatch):
    """Jobs are queued, but no process of theirs is started."""
    monkeypatch.setattr("embtune.jobs.runner.spawn", lambda project, job_id: None)


def names():
    return [card.name for card in embtune.projects()]


def upload(at, data, name="snapshot.zip"):
    at.get("file_uploader")[0].upload(name, data)
    at.run()
    assert not at.exception, at.exception[0].message


def click(at, label):
    next(button for button in at.button if button.label == label).click().run()
    assert not at.exception, at.exception[0].message


def test_a_snapshot_says_what_comes_over_before_anything_is_made(open_page, shown):
    at = open_page("projects")
    upload(at, zipped(content()))
    text = shown(at)
    assert "Kitchen" in text
    assert text.index("Comes over") < text.index("Look-up lists") < text.index("Does not")
    assert text.index("Does not") < text.index("Manual spans")
    assert [box.value for box in at.text_input][1] == "Kitchen"
    assert names() == []


def test_it_comes_over_with_a_report_that_a_reload_keeps(open_page, home, shown):
    at = open_page("projects")
    upload(at, zipped(content()))
    click(at, "Bring over 4 records")
    project = embtune.open("Kitchen", create=False)
    assert (project.n_records, [task.name for task in project.tasks]) == (4, ["Kind"])
    assert [one.name for one in project.labels] == ["Fruit", "Greens"]
    assert project.lookup_lists.all()[0].terms == ("Apple", "pear")
    assert project.weak.standing().model == "refinery"
    assert not list((home / "uploads").iterdir())
    assert "Embed 4 records" in [button.label for button in at.button]
    for page in (at, open_page("projects", project)):
        report = next(one for one in page.expander if one.label.startswith("Brought over from refinery"))
        assert "4 records, 2 labels, 2 manual labels, 2 weak labels, 3 heuristics" in report.label
        assert "Came over" in shown(page)
        assert "Manual spans" in shown(page)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"no zip at all", "bad.zip is neither a zip nor a JSON object"),
        (zipped({"rows": []}), "is no refinery snapshot"),
        (zipped(content(), **{"../../outside.json": b"{}"}), "outside.json"),
        (zipped(content())[:-300], "bad.zip"),
    ],
)
def test_a_bad_or_hostile_file_is_one_sentence_and_makes_no_project(open_page, home, data, sentence):
    at = open_page("projects")
    upload(at, data, "bad.zip")
    assert len(at.error) == 1
    assert sentence in at.error[0].value.replace("\\", "")
    assert names() == []
    assert not (home.parent / "outside.json").exists()
    click(at, "Choose another file")
    assert at.get("file_uploader")


def test_a_failure_on_the_way_leaves_no_project_and_keeps_the_form(open_page, monkeypatch):
    def failing(self):
        raise BadInputError("The disk is full.")

    monkeypatch.setattr("embtune.work.refinery._Filling.slices", failing)
    at = open_page("projects")
    upload(at, zipped(content()))
    click(at, "Bring over 4 records")
    assert at.error[0].value.replace("\\", "") == "The disk is full."
    assert names() == []
    assert "Bring over 4 records" in [button.label for button in at.button]


def test_a_name_that_is_taken_and_a_template_that_does_not_fit_are_told(open_page, project):
    at = open_page("projects", project)
    click(at, "Import a file")
    upload(at, zipped(content()))
    at.text_input[1].set_value("demo").run()
    click(at, "Bring over 4 records")
    assert "Project 'demo' has records already" in at.error[0].value
    assert project.n_records == 60
    at.text_input[0].set_value("{nothing}").run()
    assert next(one for one in at.button if one.label == "Bring over 4 records").disabled


def test_a_failure_on_the_way_leaves_a_project_of_the_person_alone(open_page, home, monkeypatch):
    embtune.open("mine").add_label("Mine")
    at = open_page("projects")
    click(at, "Import a file")
    upload(at, zipped(content()))
    at.text_input[1].set_value("mine").run()
    click(at, "Bring over 4 records")
    assert "Project 'mine' has labels already" in at.error[0].value
    assert [one.name for one in embtune.open("mine", create=False).labels] == ["Mine"]


def test_an_import_that_was_killed_is_told_and_can_be_made_again(open_page, home):
    at = open_page("projects")
    half = embtune.open("Kitchen")
    half.add_label("Fruit")
    told = {"file": "/x/snapshot.zip", "name": "snapshot.zip", "was_there": False}
    start_job(half.db, create_job(half.db, half.id, IMPORT_REFINERY, told), 2**22 + 1)  # nobody's number
    at.run()
    assert "The import of snapshot.zip was stopped." in at.error[0].value.replace("\\", "")
    assert names() == []
    upload(at, zipped(content()))
    click(at, "Bring over 4 records")
    assert embtune.open("Kitchen", create=False).n_records == 4


def test_a_path_is_as_good_as_an_upload(open_page, tmp_path):
    (tmp_path / "mine.zip").write_bytes(zipped(content()))
    at = open_page("projects")
    at.text_input[0].set_value(str(tmp_path / "mine.zip")).run()
    click(at, "Bring over 4 records")
    assert names() == ["Kitchen"]
    assert (tmp_path / "mine.zip").exists()
