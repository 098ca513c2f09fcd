"""Export: three choices, a preview that is the file's own first lines, and the tuned model."""

import json
import re

import pytest


def test_with_nothing_labelled_the_page_says_the_next_step_and_still_gives_the_records(
    open_page, project, shown
):
    at = open_page("export", project)
    assert "No record has a label yet." in shown(at)
    assert at.download_button(key="export_download").label == "Download 60 records (CSV)"
    assert "There is no tuned version yet." in shown(at)


def test_the_preview_is_the_first_lines_of_the_file(open_page, labelled, tmp_path, shown):
    at = open_page("export", labelled)
    labelled.export(tmp_path / "out.jsonl", format="jsonl")
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    frame = at.dataframe[0].value
    assert list(frame.columns) == list(lines[0])
    assert list(frame["record_id"]) == [line["record_id"] for line in lines[:3]]
    assert "The first 3 of 24 records" in shown(at)


def test_the_choices_decide_what_is_downloaded(open_page, labelled):
    at = open_page("export", labelled)
    at.multiselect(key="export_labels").set_value(["Beta"])
    at.button_group(key="export_format").set_value("parquet").run()
    assert at.download_button(key="export_download").label == "Download 8 records (Parquet)"
    assert set(at.dataframe[0].value["label"]) == {"Beta"}
    at.button_group(key="export_which").set_value("unlabelled").run()
    assert at.download_button(key="export_download").label == "Download 36 records (Parquet)"


def test_weak_labels_can_be_left_out_by_confidence(open_page, labelled):
    labelled.label([50, 53], "Gamma", source="heuristic", confidence=0.6)
    at = open_page("export", labelled)
    assert at.download_button(key="export_download").label == "Download 26 records (CSV)"
    at.slider(key="export_confidence").set_value(0.7).run()
    assert at.download_button(key="export_download").label == "Download 24 records (CSV)"


def test_many_records_are_prepared_by_a_job(open_page, labelled, started, monkeypatch):
    monkeypatch.setattr("pages.shared.export_forms._MOST_AT_ONCE", 10)
    at = open_page("export", labelled)
    at.button(key="export_prepare").click().run()
    kind, options = started[0]
    assert kind == "export"
    assert re.search(r"demo-labelled-[0-9a-f]{6}\.csv$", options["out"])
    assert options["which"] == "labelled"


def test_a_prepared_file_is_not_offered_after_the_labels_changed(open_page, labelled, started, monkeypatch):
    monkeypatch.setattr("pages.shared.export_forms._MOST_AT_ONCE", 10)
    at = open_page("export", labelled)
    at.button(key="export_prepare").click().run()
    labelled.label([59], "Alpha")
    at.run()
    at.button(key="export_prepare").click().run()
    (_, before), (_, after) = started
    assert before["out"] != after["out"]


def test_a_version_of_own_vectors_has_no_model_to_export_and_the_page_says_why(open_page, tuned):
    at = open_page("export", tuned)
    assert "tuned from vectors of your own: there is no text encoder to export" in at.info[0].value
    assert not [button for button in at.button if button.key == "export_model_start"]


@pytest.fixture
def with_encoder(tuned, monkeypatch):
    """A tuned project whose vectors pass for a text encoder's."""
    monkeypatch.setattr("pages.shared.export_forms.check_model_export", lambda project, version: None)
    return tuned


def test_writing_a_model_is_a_job_into_the_projects_own_folder(open_page, with_encoder, started):
    at = open_page("export", with_encoder)
    at.button_group(key="export_model_kind").set_value("servable").run()
    at.button(key="export_model_start").click().run()
    kind, options = started[0]
    assert kind == "export model"
    assert (options["version"], options["kind"]) == ("v1", "servable")
    assert options["out"].startswith(str(with_encoder.folder("exports")))
    assert options["out"].endswith("-servable")


def test_a_written_model_shows_its_path_and_how_to_load_it(open_page, with_encoder):
    from embtune.work.exporting import model_export_path

    path = model_export_path(with_encoder, "v1", "sentence-transformer")
    path.mkdir()
    (path / "modules.json").write_text("[]")
    at = open_page("export", with_encoder)
    assert at.code[0].value == str(path)
    assert f"SentenceTransformer({str(path)!r})" in at.code[1].value
    assert at.download_button(key="export_model_zip").label == "Download as zip"


def test_a_version_that_does_not_fold_says_so_before_and_what_was_lost_after(
    open_page, labelled, monkeypatch, shown
):
    from embtune.work.exporting import model_export_path

    monkeypatch.setattr("pages.shared.export_forms.check_model_export", lambda project, version: None)
    labelled.tune("propagate")
    at = open_page("export", labelled)
    assert "a small network learns to give the same vectors from the text alone" in shown(at)
    about = {"k": 10, "n_measured": 40, "measured_on": "reference labels"} | {
        "top_k": {"raw": 0.667, "version": 0.794, "distilled": 0.771}
    }
    place = labelled.path(labelled.version("v1").folder) / "distilled"
    place.mkdir()
    (place / "distilled.json").write_text(json.dumps(about))
    path = model_export_path(labelled, "v1", "sentence-transformer")
    path.mkdir()
    (path / "README.md").write_text("# the card")
    at = open_page("export", labelled)
    said = shown(at).replace("\u00a0", " ")
    assert "finds 77.1 % same-label neighbours among the nearest 10; the version itself 79.4 %" in said
    assert at.code[2].value == "# the card"


def test_without_slices_there_is_no_choice_of_one(open_page, labelled):
    assert [box for box in open_page("export", labelled).selectbox if box.key == "export_slice"] == []


def test_a_slice_bounds_the_counts_the_preview_and_the_file(open_page, labelled, shown):
    labelled.save_slice("late", query={"records": list(range(20, 40))})  # 4 of them are labelled
    at = open_page("export", labelled)
    assert at.button_group(key="export_which").options[0] == "labelled 24"
    at.selectbox(key="export_slice").set_value("late").run()
    assert at.button_group(key="export_which").options == ["labelled 4", "all 20", "unlabelled 16"]
    assert list(at.dataframe[0].value["record_id"]) == labelled.record_ids[20:23]
    assert at.download_button(key="export_download").label == "Download 4 records (CSV)"
    at.button_group(key="export_which").set_value("unlabelled").run()
    assert at.download_button(key="export_download").label == "Download 16 records (CSV)"
    assert "The first 3 of 16 records" in shown(at)


def test_a_slice_travels_with_the_job_and_another_content_makes_another_file(
    open_page, labelled, started, monkeypatch
):
    monkeypatch.setattr("pages.shared.export_forms._MOST_AT_ONCE", 3)
    labelled.save_slice("late", rows=range(10))
    at = open_page("export", labelled, export_slice="late")
    at.button(key="export_prepare").click().run()
    labelled.save_slice("late", rows=range(12), replace=True)  # no label changed
    at.run()
    at.button(key="export_prepare").click().run()
    (_, before), (_, after) = started
    assert (before["slice"], after["slice"]) == ("late", "late")
    assert before["out"] != after["out"]


def test_a_slice_that_holds_nothing_is_told_and_nothing_can_be_downloaded(open_page, labelled):
    labelled.save_slice("flags", query={"flagged": True})
    at = open_page("export", labelled, export_slice="flags")
    assert "The slice 'flags' of project 'demo' holds no record now" in at.error[0].value
    assert not [button for button in at.download_button if button.key == "export_download"]


def test_columns_of_flags_and_comments_are_there_and_explained_where_there_are_any(
    open_page, labelled, shown
):
    assert "`flagged`" not in shown(open_page("export", labelled))
    labelled.flag([1])
    labelled.comment(0, "odd")
    at = open_page("export", labelled)
    assert list(at.dataframe[0].value["flagged"]) == [False, True, False]
    assert at.dataframe[0].value["comments"][0] == "me: odd"
    assert "`flagged` is true for records that somebody flagged." in shown(at)
    assert "`comments` holds who said what" in shown(at)
