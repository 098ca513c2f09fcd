"""The command line: every command, what it prints where, and its exit status."""

import json
import socket
import subprocess
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

import embtune
from embtune import cli
from embtune.errors import BadInputError, EmbtuneError
from embtune.serving import check_port
from tests.conftest import ROOT, synthetic

COMMANDS = {
    "import": ("--project", "--text", "--label-field", "--reference-label", "--label-source", "--json"),
    "embed": ("--model", "--vectors", "--json"),
    "label": ("--from", "--json"),
    "judge": ("--from", "--annotator", "--json"),
    "tune": (
        "--recipe",
        "--min-confidence",
        "--weigh-alike",
        "--set",
        "--seed",
        "--device",
        "--slice",
        "--json",
    ),
    "recipes": ("--json",),
    "models": ("--seed", "--device", "--json"),
    "evaluate": ("--embedding", "--k", "--queries", "--seed", "--among", "--slice", "--json"),
    "neighbors": ("--embedding", "--k", "--json"),
    "map": ("--embedding", "--method", "--json"),
    "export": ("--format", "--slice", "--json"),
    "records": ("--query", "--sort", "--slice", "--limit", "--task", "--json"),
    "slices": ("--save", "--query", "--static", "--delete", "--task", "--json"),
    "history": ("--limit", "--json"),
    "undo": ("--json",),
    "redo": ("--json",),
    "labels": ("--rename", "--merge", "--delete", "--task", "--json"),
    "session": ("--n", "--set", "--task", "--json"),
    "clusters": ("--embedding", "--method", "--k", "--json"),
    "heuristics": ("--add", "--run", "--only", "--delete", "--task", "--json"),
    "suggest": ("--label", "--accept", "--limit", "--task", "--json"),
    "lookups": ("--import", "--name", "--export", "--json"),
    "weak": ("--model", "--threshold", "--seed", "--roll-back", "--list", "--task", "--json"),
    "import-refinery": ("--project", "--text", "--json"),
    "status": ("--json",),
    "jobs": ("--json",),
    "doctor": ("--json",),
    "serve": ("--port", "--address"),
}


@pytest.fixture
def files(tmp_path):
    """The synthetic records with their topic, their vectors, and labels for half of them by content."""
    rows, vectors = synthetic()
    (tmp_path / "demo.json").write_text(json.dumps(rows))
    np.save(tmp_path / "vectors.npy", vectors)
    labels = [{"title": r["title"], "body": r["body"], "label": r["topic"]} for r in rows[:30]]
    (tmp_path / "labels.jsonl").write_text("\n".join(map(json.dumps, labels)))
    return tmp_path


# ---- what there is ---------------------------------------------------------------------------


def test_there_are_exactly_the_documented_commands():
    listed = {command.name or command.callback.__name__ for command in cli.app.registered_commands}
    assert listed == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_documented(name):
    result = CliRunner().invoke(cli.app, [name, "--help"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    for option in COMMANDS[name]:
        assert option in result.output
    undocumented = [
        line for line in result.output.splitlines() if line.strip().startswith("--") and len(line.split()) < 3
    ]
    assert undocumented == []


def test_the_readme_lists_every_command():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    missing = [name for name in COMMANDS if f"embtune {name}" not in text]
    assert missing == []


# ---- the whole way ---------------------------------------------------------------------------


def test_from_a_file_to_a_measured_version(answer, run, files):
    title = ("--text", "{title}. {body}")
    got = answer("import", files / "demo.json", "--project", "demo", *title, "--reference-field", "topic")
    assert (got["n_new"], got["n_reference"], got["n_labels"]) == (60, 60, 0)
    again = answer("import", files / "demo.json", "-p", "demo", *title, "--reference-label", "topic")
    assert (again["n_new"], again["n_known"]) == (0, 60)

    got = answer("embed", "demo", "--vectors", files / "vectors.npy")
    assert (got["embedding"], got["n_records"], got["dim"]) == ("raw", 60, 16)
    assert answer("label", "demo", "--from", files / "labels.jsonl")["n_labelled"] == 30

    tuned = answer("tune", "demo", "--set", "budget=30", "--device", "cpu")
    assert {"version", "recipe", "seconds", "metrics", "active", "reason", "report"} <= set(tuned)
    assert (tuned["version"], tuned["recipe"]) == ("v1", "auto")
    assert isinstance(tuned["active"], bool)
    assert tuned["report"]["chosen"] in {row["name"] for row in tuned["report"]["tried"]}

    raw = answer("evaluate", "demo", "--k", "5,10,1000", "--queries", "2000", "--seed", "0")
    assert {"embedding", "n_queries", "top_k", "accuracy", "shapes_10"} <= set(raw)
    assert (raw["embedding"], raw["n_queries"], set(raw["top_k"])) == ("raw", 60, {"5", "10"})
    assert set(raw["shapes_10"]) == set(raw["shapes_20"]) == {"pca", "umap"}
    assert 0.5 < raw["accuracy"] <= 1
    best = answer("evaluate", "demo", "--embedding", "best", "--k", "5", "--no-maps", "--among", "all")
    assert best["embedding"] == ("v1" if tuned["active"] else "raw")
    unseen = answer("evaluate", "demo", "--embedding", "v1", "--k", "5", "--no-maps", "--unseen-by", "v1")
    assert unseen["n_records"] == 30

    project = embtune.open("demo")
    near = answer("neighbors", "demo", project.record_ids[0], "--k", "3", "--embedding", "v1")
    assert [n["rank"] for n in near["neighbors"]] == [1, 2, 3]
    assert near["neighbors"][0]["id"] == project.neighbors(0, k=1, embedding="v1")[0].record.id

    assert answer("map", "demo", "--method", "pca")["n_records"] == 60
    assert answer("map", "demo", "--embedding", "v1", "--method", "umap-labels")["n_labels"] == 30
    out = files / "out.jsonl"
    assert answer("export", "demo", out)["n_records"] == 30
    assert len(out.read_text().splitlines()) == 30

    status = answer("status", "demo")
    wanted = {"project", "n_records", "n_reference", "annotations", "labels", "embeddings", "versions"}
    assert wanted <= set(status)
    assert status["annotations"] == {"import": 30}
    assert [e["name"] for e in status["embeddings"]] == ["raw", "v1"]
    states = [(job["kind"], job["state"]) for job in answer("jobs", "demo")["jobs"]]
    assert states[0] == ("export", "done")
    assert {state for _, state in states} == {"done"}
    assert len(states) == 10

    for words in (["status", "demo"], ["jobs", "demo"], ["recipes"], ["neighbors", "demo", near["record"]]):
        code, shown, _ = run(*words)
        assert code == 0
        assert shown.strip()


def test_progress_goes_to_standard_error(run, files):
    status, out, err = run("import", files / "demo.json", "-p", "demo", "--text", "{title}", "--json")
    assert (status, json.loads(out)["n_new"]) == (0, 60)
    assert "reading the file" in err
    assert "writing records: 60 of 60 records" in err


def test_without_json_a_sentence_is_printed(run, files):
    status, out, _ = run("import", files / "demo.json", "-p", "demo", "--label-field", "topic")
    assert status == 0
    assert out == "60 new records, 0 known, 0 empty; 60 labels, 0 reference labels.\n"


# ---- what goes wrong -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["status", "nowhere"], "embtune: There is no project 'nowhere'. There are: demo.\n"),
        (["tune", "demo"], "Tuning needs at least 2 classes with 1 label each: there are no labels yet"),
        (
            ["tune", "demo", "--recipe", "quaterion-triplet"],
            "Tuning needs at least 2 classes with 2 labels each: there are no labels yet",
        ),
        (["tune", "demo", "--set", "width=3"], "Unknown parameter of auto 'width'"),
        (["tune", "demo", "--recipe", "magic"], "Unknown recipe 'magic'"),
        (["evaluate", "demo", "--embedding", "v7"], "Unknown embedding 'v7'. Choose one of: raw."),
        (
            ["evaluate", "demo", "--unseen-by", "best"],
            "Project 'demo' has no tuned version yet: tune it first.",
        ),
        (["neighbors", "demo", "zzz"], "Project 'demo' has no record 'zzz'."),
        (
            ["map", "demo", "--method", "tsne"],
            "Unknown map method 'tsne'. Choose one of: pca, umap, umap-labels.",
        ),
        (
            ["export", "demo", "out.csv"],
            "There is nothing to export: no record of project 'demo' is labelled.",
        ),
        (["export", "demo", "out.xls"], "'xls' is no export format. Choose one of: csv, jsonl, parquet, hf"),
        (["export", "demo", "out", "--format", "servable"], "Project 'demo' has no tuned version yet"),
        (["embed", "demo", "--vectors", "none.npy"], "There is no file"),
        (["jobs", "demo", "--cancel", "99"], "Project 'demo' has no job 99."),
    ],
)
def test_a_known_error_is_one_line_and_exit_status_1(project, run, words, message):
    status, out, err = run(*words)
    assert (status, out) == (1, "")
    last = err.splitlines()[-1]
    assert last.startswith("embtune: ")
    assert message.strip() in last
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["import"],
        ["tune", "demo", "--set", "no-equals-sign"],
        ["tune", "demo", "--min-confidence", "2"],
        ["evaluate", "demo", "--k", "5,x"],
        ["evaluate", "demo", "--k", "0"],
        ["evaluate", "demo", "--queries", "0"],
        ["serve", "--port", "70000"],
    ],
)
def test_wrong_usage_is_exit_status_2(project, run, words):
    status, out, err = run(*words)
    assert (status, out) == (2, "")
    assert err.strip()


def test_a_project_whose_first_import_fails_does_not_begin(run, tmp_path):
    (tmp_path / "bad.csv").write_text("title\n")
    assert run("import", tmp_path / "bad.csv", "-p", "fresh")[0] == 1
    assert embtune.projects() == []


def test_a_project_that_was_there_stays_when_an_import_fails(run, tmp_path, home):
    embtune.open("there")
    (tmp_path / "bad.csv").write_text("title\n")
    assert run("import", tmp_path / "bad.csv", "-p", "there")[0] == 1
    assert [card.name for card in embtune.projects()] == ["there"]


def test_labels_for_a_record_that_is_not_there_name_their_line(project, run, tmp_path):
    (tmp_path / "labels.csv").write_text(f"id,label\n{project.record_ids[0]},Alpha\nzzz,Beta\n")
    status, _, err = run("label", "demo", "--from", tmp_path / "labels.csv")
    assert status == 1
    assert err == "embtune: labels.csv, line 3: no record 'zzz' in project 'demo'; nothing was labelled.\n"
    assert not project.label_state().labelled.any()


def test_the_installed_command_answers(project):
    command = [sys.executable, "-m", "embtune.cli", "status", "demo", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout)["n_records"] == 60
    assert done.stderr == ""


# ---- the server's port -----------------------------------------------------------------------


def test_a_port_in_use_is_told(run, home):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(
            BadInputError, match=rf"Port {port} on 127\.0\.0\.1 cannot be used .*--port {port + 1}"
        ):
            check_port("127.0.0.1", port)
        status, out, err = run("serve", "--port", port)
        assert (status, out) == (1, "")
        assert f"Port {port} on 127.0.0.1 cannot be used" in err
    check_port("127.0.0.1", port)


def test_an_address_of_another_computer_is_told():
    for address in ("203.0.113.7", "no.such.host.invalid"):
        with pytest.raises(EmbtuneError, match=r"is no address of this computer: use 127\.0\.0\.1"):
            check_port(address, 8501)
