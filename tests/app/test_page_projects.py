"""Projects page: the sample in one click, a file in three steps, and nothing left behind by a bad one."""

from __future__ import annotations

import json

import pytest

import embtune
from embtune.records.sample import SAMPLE_NAME
from embtune.store.jobs import create_job, finish_job, report_job, start_job
from embtune.work import beginning

CSV = "title;body;topic\nHeavy rain;It rained all day.;weather\nLate goal;They won 2 to 1.;sport\n;;sport\n"


@pytest.fixture(autouse=True)
def no_worker(monkeypatch):
    """Jobs are queued, but no process of theirs is started."""
    started = []
    monkeypatch.setattr("embtune.jobs.runner.spawn", lambda project, job_id: started.append(job_id))
    return started


def click(at, label):
    button = next((button for button in at.button if button.label == label), None)
    assert button is not None, [button.label for button in at.button]
    button.click()
    at.run()
    assert not at.exception, at.exception[0].message


def shown(at):
    html = [element.proto.body for element in at.get("html")]
    return " ".join([*(element.value for element in [*at.markdown, *at.caption]), *html])


def upload(at, content, name="news.csv"):
    if not at.get("file_uploader"):
        click(at, "Import a file")
    data = content if isinstance(content, bytes) else content.encode()
    at.get("file_uploader")[0].upload(name, data)
    at.run()
    assert not at.exception, at.exception[0].message


def choose(at, label, option):
    box = next(box for box in at.selectbox if box.label == label)
    box.select(option)
    at.run()


def names():
    return [card.name for card in embtune.projects()]


# ---- a new user ------------------------------------------------------------------------------


def test_a_new_user_finds_the_sample_as_the_one_primary_action(open_page):
    at = open_page("projects")
    primary = [button.label for button in at.button if button.proto.type == "primary"]
    assert primary == ["Open the sample project"]
    assert "432 short invented news texts" in shown(at)


def test_one_click_makes_the_sample_project_and_starts_its_embedding(open_page, no_worker):
    at = open_page("projects")
    click(at, "Open the sample project")
    project = embtune.open(SAMPLE_NAME, create=False)
    assert project.n_records == 432
    assert [job.kind for job in project.jobs()] == ["embed"]
    assert no_worker == [project.jobs()[0].id]
    assert "Stop" in [button.label for button in at.button]


def test_the_sample_is_opened_not_doubled_where_it_is_there_already(open_page, project):
    sample = embtune.open(SAMPLE_NAME)
    sample.import_sample()
    at = open_page("projects", project)
    assert "Open the sample project" not in [button.label for button in at.button]
    beginning.open_sample()
    assert sample.n_records == 432
    assert sample.jobs() == []


# ---- importing -------------------------------------------------------------------------------


def test_a_file_is_previewed_with_its_text_and_its_count(open_page):
    at = open_page("projects")
    upload(at, CSV)
    assert names() == []
    assert [box.value for box in at.text_input] == ["{title}. {body}", "news"]
    assert "Heavy rain. It rained all day." in shown(at)
    assert "empty: it will be skipped" in shown(at)
    assert "Fields are separated by semicolons." in shown(at)
    assert len(at.dataframe[0].value) == 3
    assert "Import 3 records" in [button.label for button in at.button]


def test_import_makes_the_project_and_offers_to_embed_it(open_page, home):
    at = open_page("projects")
    upload(at, CSV)
    choose(at, "Reference labels", 3)
    click(at, "Import 3 records")
    project = embtune.open("news", create=False)
    assert (project.n_records, project.status()["n_reference"]) == (2, 2)
    assert project.record(0).text == "Heavy rain. It rained all day."
    told = (
        "news.csv: 2 new records, 0 already there, 1 skipped because their text is empty, 2 reference labels."
    )
    assert told in shown(at).replace("\\", "")
    assert not list((home / "uploads").iterdir())
    click(at, "Embed 2 records")
    assert [job.kind for job in project.jobs(active=True)] == ["embed"]


def test_labels_become_votes_with_their_confidence(open_page):
    at = open_page("projects")
    upload(at, json.dumps([{"text": "A text to read", "kind": "one", "sure": 0.5}]), "notes.json")
    assert "Confidence of the labels" not in [box.label for box in at.selectbox]
    choose(at, "Labels", 2)
    choose(at, "Confidence of the labels", 3)
    click(at, "Import 1 records")
    record = embtune.open("notes", create=False).record(0)
    assert (record.label, record.source, record.confidence) == ("one", "import", 0.5)


def test_records_can_go_into_a_project_that_exists(open_page, plain_project):
    at = open_page("projects", plain_project)
    upload(at, 'title,body\nNew,A text that was not there\nAlpha story 0,"Words about alpha, number 0."\n')
    choose(at, "Into", 1)
    click(at, "Import 2 records")
    assert names() == ["plain"]
    assert plain_project.n_records == 61
    assert "1 new records, 1 already there" in shown(at)
    assert "Embed 1 records" in [button.label for button in at.button]


def test_a_template_with_a_missing_field_is_told_and_cannot_be_imported(open_page):
    at = open_page("projects")
    upload(at, CSV)
    at.text_input[0].set_value("{Title}: {body}")
    at.run()
    assert "Did you mean 'title'?" in at.error[0].value
    button = next(button for button in at.button if button.label.startswith("Import 3"))
    assert button.disabled


@pytest.mark.parametrize(
    ("content", "name", "sentence"),
    [
        (b"", "news.csv", "news.csv is empty"),
        (b"a,b\n1,2,3\n", "news.csv", "news.csv, line 2: 3 fields where the header has 2"),
        (b"PK\x03\x04 and so on", "news.csv", "news.csv is an Excel or zip file, not CSV"),
        (b'{"a": 1}\n{"a": \n', "news.jsonl", "news.jsonl, line 2"),
    ],
)
def test_a_bad_file_shows_one_sentence_and_makes_nothing(open_page, content, name, sentence):
    at = open_page("projects")
    upload(at, content, name)
    assert [error.value.startswith(sentence) for error in at.error] == [True]
    assert names() == []
    click(at, "Choose another file")
    assert at.get("file_uploader")


def test_a_failed_import_leaves_no_project_and_keeps_the_form(open_page):
    at = open_page("projects")
    upload(at, "text,kind,sure\nA text to read,one,very\n")
    choose(at, "Labels", 2)
    choose(at, "Confidence of the labels", 3)
    click(at, "Import 1 records")
    assert "line 2: the confidence 'very'" in at.error[0].value
    assert names() == []
    assert [box.value for box in at.text_input] == ["{text}", "news"]


def test_a_name_that_is_taken_is_refused(open_page, project):
    at = open_page("projects", project)
    upload(at, CSV)
    at.text_input(key="projects_name_1").set_value("demo")
    at.run()
    click(at, "Import 3 records")
    assert "There is a project 'demo' already" in at.error[0].value
    assert project.n_records == 60


def test_a_label_field_with_more_than_500_values_asks_back(open_page):
    at = open_page("projects")
    upload(at, "text,id\n" + "".join(f"A text number {i},id{i}\n" for i in range(501)))
    choose(at, "Labels", 2)
    assert next(button for button in at.button if button.label == "Import 501 records").disabled
    assert at.checkbox[0].label == "Use it anyway: 501 different values"
    at.checkbox[0].check()
    at.run()
    click(at, "Import 501 records")
    assert len(embtune.open("news", create=False).labels) == 501


def test_one_field_cannot_train_and_measure(open_page):
    at = open_page("projects")
    upload(at, CSV)
    choose(at, "Labels", 3)
    choose(at, "Reference labels", 3)
    assert "One field cannot be both" in at.error[0].value
    assert next(button for button in at.button if button.label == "Import 3 records").disabled


def test_an_upload_and_its_choices_survive_a_reload(open_page, monkeypatch):
    at = open_page("projects")
    upload(at, CSV)
    at.text_input[0].set_value("{body}")
    at.run()
    choose(at, "Reference labels", 3)
    address = dict(at.query_params)
    again = open_page("projects")
    for name, values in address.items():
        again.query_params[name] = values
    again.run()
    assert again.text_input[0].value == "{body}"
    assert next(box for box in again.selectbox if box.label == "Reference labels").value == 3


def test_a_big_file_is_imported_by_a_job_whose_failure_brings_the_form_back(
    open_page, monkeypatch, no_worker
):
    monkeypatch.setattr("pages.shared.import_form.SMALL_BYTES", 0)
    at = open_page("projects")
    upload(at, CSV)
    click(at, "Import 3 records")
    assert names() == ["news"]
    job = embtune.open("news").jobs()[0]
    assert (job.kind, no_worker) == ("import", [job.id])
    finish_job(embtune.open("news").db, job.id, "failed", error="news.csv, line 4: it broke.")
    at.run()
    assert not at.exception
    assert names() == []
    assert "line 4: it broke." in at.error[0].value
    assert at.text_input[0].value == "{title}. {body}"


# ---- one project -----------------------------------------------------------------------------


def test_an_embedded_project_offers_the_map_and_shows_what_it_holds(open_page, project):
    project.label([0, 3], "Alpha", source="manual")
    at = open_page("projects", project)
    primary = [button.label for button in at.button if button.proto.type == "primary"]
    assert primary == ["Open the map"]
    page = shown(at)
    assert "2 of 60 records labelled · 60 have a reference label" in page
    assert "{title}. {body}" in page
    assert "own vectors · 60 × 16" in page


@pytest.mark.parametrize("state", ["cancelled", "interrupted"])
def test_a_stopped_embedding_can_be_resumed(open_page, no_worker, state):
    project = embtune.open("texts")
    project.import_records(b"text\nOne text\nAnother text\n", name="t.csv")
    job = create_job(project.db, project.id, "embed", {})
    start_job(project.db, job, 1)
    report_job(project.db, job, done=1, total=2, unit="records")
    finish_job(project.db, job, state)
    at = open_page("projects", project)
    assert "at 1 of 2 records" in at.warning[0].value
    click(at, "Resume")
    assert [job.kind for job in project.jobs(active=True)] == ["embed"]
    assert len(no_worker) == 1


def test_another_model_is_embedded_with(open_page):
    project = embtune.open("texts")
    project.import_records(b"text\nOne text\nAnother text\n", name="t.csv")
    at = open_page("projects", project)
    at.text_input(key="projects_model").set_value("my/model")
    click(at, "Embed with these")
    assert project.jobs()[0].parameters == {"model": "my/model"}


def test_html_and_markdown_in_names_and_texts_are_shown_as_they_are(open_page):
    project = embtune.open("a <b>bold *name*")
    project.import_records(b"text\n<img src=x> is a text\n", name="t.csv")
    at = open_page("projects", project)
    assert "a &lt;b&gt;bold *name*" in shown(at)
    assert "<img" not in shown(at)


# ---- several projects ------------------------------------------------------------------------


def test_another_project_is_opened_from_its_card(open_page, project, plain_project):
    at = open_page("projects", project)
    at.button(key="projects_open_plain").click()
    at.run()
    assert at.session_state["project"] == "plain"
    assert "plain" in at.query_params["project"]


def test_delete_asks_for_the_name_and_then_removes_everything(open_page, project, plain_project):
    folder = plain_project.folder()
    at = open_page("projects", project)
    at.button(key="projects_delete_plain").click()
    at.run()
    assert "60 records" in shown(at)
    confirm_delete(at, "plan")
    assert at.error[0].value == "That is not plain."
    assert set(names()) == {"demo", "plain"}
    confirm_delete(at, "plain")
    assert names() == ["demo"]
    assert not folder.exists()
    assert at.session_state["project"] == "demo"


def confirm_delete(at, typed):
    # A dialog stays open in the browser; here it is drawn only if its button is pressed in the same run.
    at.button(key="projects_delete_plain").click()
    at.run()
    at.text_input(key="projects_delete_name").set_value(typed)
    at.button(key="projects_delete_plain").click()
    click(at, "Delete for good")
