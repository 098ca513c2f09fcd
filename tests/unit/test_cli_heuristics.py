"""The command line of heuristics, suggestions, look-up lists, weak supervision and refinery's snapshots."""

import csv
import json

import numpy as np
import pytest

import embtune
from tests.unit.test_refinery import content, zipped


@pytest.fixture
def labelled(project):
    """The project with 8 manual labels in each class."""
    for i, label in enumerate(project.labels):
        project.label(np.arange(8) * 3 + i, label.name, source="manual")
    return project


@pytest.fixture
def three(tmp_path):
    """A file of three look-up heuristics, one a class."""
    names = ("Alpha", "Beta", "Gamma")
    given = [
        {"kind": "lookup", "name": name.lower(), "label": name, "terms": [name.lower()], "fields": ["body"]}
        for name in names
    ]
    path = tmp_path / "three.json"
    path.write_text(json.dumps(given))
    return path


# ---- heuristics ------------------------------------------------------------------------------


def test_heuristics_are_added_run_and_listed_with_their_numbers(labelled, three, answer, run):
    found = answer("heuristics", "demo", "--add", three, "--run")
    assert [(one["name"], one["state"], one["hits"]) for one in found["heuristics"]] == [
        ("alpha", "done", 20),
        ("beta", "done", 20),
        ("gamma", "done", 20),
    ]
    first = found["heuristics"][0]
    assert (first["n_known"], first["coverage"], first["conflicts"]) == (8, pytest.approx(1 / 3), 0)
    assert first["labels"] == ["Alpha"]
    assert found["failed"] == []
    status, out, _ = run("heuristics", "demo")
    assert status == 0
    assert "alpha: 20 hits" in out
    assert "right of 8" in out


def test_one_heuristic_is_run_or_deleted_by_its_name(labelled, three, answer):
    found = answer("heuristics", "demo", "--add", three, "--only", "beta")
    assert [one["state"] for one in found["heuristics"]] == ["draft", "done", "draft"]
    left = answer("heuristics", "demo", "--delete", "alpha")
    assert [one["name"] for one in left["heuristics"]] == ["beta", "gamma"]


@pytest.mark.parametrize(
    ("words", "given", "message"),
    [
        (["--only", "delta"], None, "Unknown heuristic 'delta'."),
        (["--add", "{file}"], "[{}]", "heuristic 1: write an object"),
        (["--add", "{file}"], "no json", "is no JSON"),
        (["--add", "{file}"], '[{"kind": "lookup", "label": "Nobody", "terms": ["a"]}]', "'Nobody'"),
        (["--add", "{file}"], "[" * 100_000, "is no JSON"),
        (["--add", "{file}"], '{"kind": "learner", "name": 5}', "The name of a heuristic is a text, not 5."),
        (["--add", "{file}"], '{"kind": "learner", "description": null}', "is a text, not None."),
        (["--add", "{file}"], '{"kind": "learner", "self": 1}', "has no 'self'"),
        (["--add", "{file}"], '{"kind": "learner", "name": "\\ud800"}', "characters that are none"),
        (["--add", "{file}"], '{"kind": "learner", "labels": null}', "'labels' takes a list"),
        (["--add", "{file}"], '{"kind": "learner", "labels": "Alpha"}', "'labels' takes a list"),
        (["--add", "{file}"], '{"kind": "learner", "labels": [true]}', "not True"),
        (["--add", "{file}"], '{"kind": "learner", "labels": [99999]}', "Unknown label '99999'"),
        (["--add", "{file}"], '{"kind": "lookup", "label": true, "terms": ["a"]}', "not True"),
        (["--add", "{file}"], '{"kind": "lookup", "label": 99999, "terms": ["a"]}', "Unknown label '99999'"),
        (["--add", "{file}"], '{"kind": "lookup", "label": "Alpha", "lists": null}', "'lists' takes a list"),
        (["--add", "{file}"], '{"kind": "lookup", "label": "Alpha", "lists": [7]}', "look-up list '7'"),
        (["--add", "{file}"], '{"kind": "lookup", "label": "Alpha", "terms": ["\\ud800"]}', "half a"),
        (["--add", "{file}"], f'{{"kind": "nearest", "label": "Alpha", "records": [{10**30}]}}', "'records'"),
    ],
)
def test_what_cannot_be_done_is_one_line(labelled, run, tmp_path, words, given, message):
    path = tmp_path / "given.json"
    if given is not None:
        path.write_text(given)
    status, out, err = run("heuristics", "demo", *(word.format(file=path) for word in words))
    assert (status, out) == (1, "")
    assert message in err.splitlines()[-1]
    assert labelled.heuristics.all() == []


def test_of_good_and_bad_ones_none_is_kept(labelled, run, tmp_path):
    good = {"kind": "lookup", "label": "Alpha", "terms": ["alpha"]}
    for bad in ({"kind": "lookup", "label": "Nobody"}, good | {"name": "twice"}):
        (tmp_path / "some.json").write_text(json.dumps([good, good | {"name": "Twice"}, bad]))
        assert run("heuristics", "demo", "--add", tmp_path / "some.json")[0] == 1
        assert labelled.heuristics.all() == []


def test_several_without_a_name_are_called_apart(labelled, answer, tmp_path):
    good = {"kind": "lookup", "label": "Alpha", "terms": ["alpha"]}
    (tmp_path / "some.json").write_text(json.dumps([good, good]))
    first, second = answer("heuristics", "demo", "--add", tmp_path / "some.json")["heuristics"]
    assert second["name"] == f"{first['name']} (2)"


def test_a_run_of_all_asks_no_language_model(labelled, three, answer, run, monkeypatch):
    monkeypatch.setenv("EMBTUNE_LLM_URL", "http://127.0.0.1:9/v1")
    labelled.heuristics.add("llm", "asks")
    labelled.heuristics.add("code", "codes", source="def vote(record):\n    return None\n")
    found = answer("heuristics", "demo", "--add", three, "--run")
    states = {one["name"]: one["state"] for one in found["heuristics"]}
    assert states == {"asks": "draft", "codes": "draft", "alpha": "done", "beta": "done", "gamma": "done"}
    assert (found["left_out"], found["failed"]) == (["asks", "codes"], [])
    status, out, _ = run("heuristics", "demo", "--run")  # again: there is nothing to run
    assert status == 0
    assert "Run only when it is named with --only: asks" in out


# ---- suggestions and look-up lists -----------------------------------------------------------


def test_suggestions_are_listed_for_a_label(labelled, answer, run):
    found = answer("suggest", "demo", "--label", "Beta", "--limit", "3")
    assert {one["label"] for one in found["suggestions"]} == {"Beta"}
    assert 1 <= len(found["suggestions"]) <= 3
    best = found["suggestions"][0]
    assert best["low"] <= best["precision"] <= best["high"]
    assert found["accepted"] == []
    assert labelled.heuristics.all() == []
    assert run("suggest", "demo", "--label", "Nobody")[0] == 1


def test_good_suggestions_are_accepted_as_drafts(labelled, answer):
    found = answer("suggest", "demo", "--accept")
    assert found["accepted"]
    drafts = labelled.heuristics.all()
    assert [one.name for one in drafts] == found["accepted"]
    assert {one.state for one in drafts} == {"draft"}


def test_look_up_lists_come_from_a_file_and_go_to_one(project, answer, run, tmp_path):
    (tmp_path / "fruit.txt").write_text("apple\npear\n")
    found = answer("lookups", "demo", "--import", tmp_path / "fruit.txt", "--name", "Fruit")
    assert found["lookup_lists"] == [{"name": "Fruit", "terms": ["apple", "pear"], "used_by": []}]
    assert run("lookups", "demo", "--export", "Fruit", tmp_path / "out.txt")[0] == 0
    assert (tmp_path / "out.txt").read_text().split() == ["apple", "pear"]
    status, _, err = run("lookups", "demo", "--import", tmp_path / "gone.txt")
    assert status == 1
    assert "gone.txt" in err


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("long.csv", "term\n" + "a" * 131_073 + "\n", "long.csv, line 2: it cannot be read as CSV"),
        ("deep.json", "[" * 100_000, "deep.json is nested too deeply"),
        ("huge.json", "[" + "1" * 5000 + "]", "huge.json holds a number that is none"),
        ("half.json", '["\\ud800"]', "characters that are none"),
    ],
)
def test_a_bad_list_of_terms_is_one_line(project, run, tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    limit = csv.field_size_limit(131_072)  # Python's own; a reader of records may have raised it
    try:
        status, out, err = run("lookups", "demo", "--import", tmp_path / name)
    finally:
        csv.field_size_limit(limit)
    assert (status, out) == (1, "")
    assert message in err.splitlines()[-1]
    assert project.lookup_lists.all() == []


def test_a_list_that_cannot_be_written_is_one_line(project, run, tmp_path):
    project.lookup_lists.add("Fruit", ["apple"])
    for out_file in (tmp_path / "gone" / "out.txt", tmp_path):
        status, out, err = run("lookups", "demo", "--export", "Fruit", out_file)
        assert (status, out) == (1, "")
        assert f"{out_file} cannot be written" in err.splitlines()[-1]


# ---- weak supervision ------------------------------------------------------------------------


def test_weak_supervision_runs_is_listed_and_rolled_back(labelled, three, answer, run):
    answer("heuristics", "demo", "--add", three, "--run")
    first = answer("weak", "demo", "--model", "majority")
    assert (first["model"], first["n_labelled"]) == ("majority", 36)
    assert {"sentence", "coverage", "winner", "metrics", "run"} <= set(first)
    second = answer("weak", "demo", "--model", "majority", "--threshold", "0.8")
    assert [(one["run"], one["in_force"]) for one in second["runs"]] == [
        (second["run"], True),
        (first["run"], False),
    ]
    back = answer("weak", "demo", "--roll-back", first["run"])
    assert [one["run"] for one in back["runs"] if one["in_force"]] == [first["run"]]
    status, out, _ = run("weak", "demo", "--list")
    assert status == 0
    assert f"* run {first['run']}: majority, 36 records" in out


def test_weak_supervision_without_heuristics_or_with_an_unknown_model_is_one_line(labelled, run):
    status, out, err = run("weak", "demo")
    assert (status, out) == (1, "")
    assert "No heuristic is selected" in err
    status, _, err = run("weak", "demo", "--model", "oracle")
    assert status == 1
    assert "Unknown label model 'oracle'" in err
    assert run("weak", "demo", "--threshold", "2")[0] == 2


# ---- refinery --------------------------------------------------------------------------------


def test_a_refinery_snapshot_becomes_a_project_with_a_report(answer, tmp_path):
    path = tmp_path / "snapshot.zip"
    path.write_bytes(zipped(content()))
    found = answer("import-refinery", path, "--project", "kitchen", "--text", "{body}")
    assert (found["n_records"], found["n_manual"], found["n_weak"]) == (4, 2, 2)
    lines = {one["what"]: (one["came"], one["left"]) for one in found["report"]}
    assert lines["Records"] == (4, 0)
    assert lines["Manual spans"] == (0, 1)
    assert embtune.open("kitchen", create=False).record(0).text == "An apple a day"
    status = answer("status", "kitchen")
    assert (status["heuristics"], status["lookup_lists"]) == ({"lookup": 1, "learner": 1, "code": 1}, 1)
    assert status["tasks"] == ["Kind"]
    assert [job["kind"] for job in answer("jobs", "kitchen")["jobs"]] == ["import refinery"]


def test_without_json_the_report_is_printed_line_by_line(run, tmp_path):
    (tmp_path / "snapshot.zip").write_bytes(zipped(content()))
    status, out, err = run("import-refinery", tmp_path / "snapshot.zip", "-p", "kitchen")
    assert status == 0
    assert "Records: 4 came over." in out
    assert "reading the snapshot" in err


@pytest.mark.parametrize(
    ("data", "words", "message"),
    [
        (b"no zip", [], "bad.zip is neither a zip nor a JSON object"),
        (None, [], "There is no file"),
        (zipped(content()), ["--text", "{nothing}"], "names a field that the records do not have"),
    ],
)
def test_a_bad_snapshot_is_one_line_and_leaves_no_project(run, tmp_path, data, words, message):
    if data is not None:
        (tmp_path / "bad.zip").write_bytes(data)
    status, out, err = run("import-refinery", tmp_path / "bad.zip", "-p", "kitchen", *words)
    assert (status, out) == (1, "")
    assert message in err.splitlines()[-1]
    assert embtune.projects() == []


def test_a_project_with_records_is_left_as_it_is(project, run, tmp_path):
    (tmp_path / "snapshot.zip").write_bytes(zipped(content()))
    status, _, err = run("import-refinery", tmp_path / "snapshot.zip", "-p", "demo")
    assert status == 1
    assert "Project 'demo' has records already" in err
    assert project.n_records == 60


def test_an_empty_project_that_was_there_stays_when_the_file_is_bad(run, tmp_path):
    embtune.open("there")
    (tmp_path / "bad.zip").write_bytes(b"no zip")
    assert run("import-refinery", tmp_path / "bad.zip", "-p", "there")[0] == 1
    assert [card.name for card in embtune.projects()] == ["there"]
