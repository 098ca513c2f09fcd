"""The command line's part in labels: what is found, kept, taken back and mended."""

import pytest


@pytest.fixture
def refused(run):
    """Run a command that must fail with a known error, and return its one line."""

    def command(*words):
        status, out, err = run(*words)
        assert (status, out) == (1, "")
        assert err.startswith("embtune: ")
        assert err.count("\n") == 1
        return err

    return command


@pytest.fixture
def demo(project, label_rows):
    """The project with its first six records labelled, by a person."""
    label_rows(project, range(6))
    return project


# ---- records ------------------------------------------------------------------------------------


def test_records_are_found_by_filter_order_and_slice(demo, answer, run):
    found = answer("records", "demo", "--query", '{"label": "Beta"}')
    assert found["n"] == 2
    assert [one["id"] for one in found["records"]] == [demo.record_ids[1], demo.record_ids[4]]
    assert found["records"][0] == {
        "id": demo.record_ids[1],
        "label": "Beta",
        "source": "manual",
        "confidence": 1.0,
        "flagged": False,
        "text": "Beta story 0. Words about beta, number 0.",
    }
    assert answer("records", "demo")["n"] == 60
    assert len(answer("records", "demo", "--limit", "3")["records"]) == 3
    demo.save_slice("mine", rows=[7, 4, 1])
    found = answer("records", "demo", "--slice", "mine")
    assert [one["id"] for one in found["records"]] == [demo.record_ids[row] for row in (7, 4, 1)]
    found = answer("records", "demo", "--slice", "mine", "--query", '{"label": null}')
    assert [one["id"] for one in found["records"]] == [demo.record_ids[7]]
    found = answer("records", "demo", "--slice", "mine", "--sort", '{"by": "random", "seed": 3}')
    assert found["n"] == 3
    _, out, _ = run("records", "demo", "--limit", "1")
    assert out.splitlines()[0] == "60 records"
    assert out.splitlines()[1].startswith(f"{demo.record_ids[0]}  Alpha")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--query", '{"label"'), "--query is no JSON"),
        (("--query", "[1]"), "--query is no JSON object"),
        (("--query", '{"label": "Delta"}'), "there is no label 'Delta'"),
        (("--query", '{"labl": "Alpha"}'), "there is no condition 'labl'"),
        (("--sort", "random"), "--sort is no JSON"),
        (("--slice", "none"), "no slice 'none'"),
        (("--task", "Tone"), "Unknown label task 'Tone'"),
    ],
)
def test_what_records_refuses_is_said_in_one_line(demo, refused, options, message):
    assert message in refused("records", "demo", *options)


def test_records_of_another_task_have_its_labels(demo, answer):
    tone = demo.add_task("Tone")
    tone.add_label("calm")
    tone.label([0], "calm")
    found = answer("records", "demo", "--task", "Tone", "--query", '{"not": {"label": null}}')
    assert [one["label"] for one in found["records"]] == ["calm"]


# ---- slices -------------------------------------------------------------------------------------


def test_slices_are_kept_followed_and_forgotten(demo, answer, run):
    assert run("slices", "demo")[1] == "No slices yet.\n"
    open_ = ("--query", '{"label": null}')
    assert answer("slices", "demo", "--save", "open", *open_)["slices"] == [{"name": "open", "n": 54}]
    answer("slices", "demo", "--save", "then", *open_, "--static")
    demo.label([10], "Alpha")
    listed = answer("slices", "demo")["slices"]
    assert listed == [{"name": "open", "n": 53}, {"name": "then", "n": 54}]
    assert answer("slices", "demo", "--delete", "open")["slices"] == [{"name": "then", "n": 54}]


def test_a_slice_that_cannot_be_counted_now_does_not_hide_the_others(demo, answer, run):
    demo.save_slice("early", rows=[1, 2])
    demo.save_slice("late", rows=[3])
    demo.save_slice("both", query={"any": [{"slice": "early"}, {"slice": "late"}]})
    demo.delete_slice("late")
    listed = {one["name"]: one for one in answer("slices", "demo")["slices"]}
    assert listed["early"]["n"] == 2
    assert listed["both"]["n"] is None
    assert "no slice 'late'" in listed["both"]["why_not"]
    assert "        ?  both  (" in run("slices", "demo")[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--save", "x"), "give --query"),
        (("--query", '{"label": null}'), "give it a name with --save"),
        (("--delete", "x"), "has no slice 'x'"),
        (("--save", "x", "--query", '{"flagged": true}', "--static"), "at least one record"),
    ],
)
def test_what_slices_refuses(demo, refused, options, message):
    assert message in refused("slices", "demo", *options)
    assert demo.slices() == []


# ---- history --------------------------------------------------------------------------------------


def test_history_undo_and_redo(demo, answer, run, refused):
    actions = answer("history", "demo")["actions"]
    assert [one["n_records"] for one in actions][:3] == [2, 2, 2]
    assert (actions[0]["annotator"], actions[0]["source"], actions[0]["undone_at"]) == ("me", "manual", None)
    assert len(answer("history", "demo", "--limit", "2")["actions"]) == 2
    last, before = actions[0]["id"], actions[1]["id"]
    assert answer("undo", "demo")["action"] == last
    assert demo.label_state().labelled.sum() == 4
    assert answer("undo", "demo", before)["action"] == before
    assert demo.label_state().labelled.sum() == 2
    assert "(undone)" in run("history", "demo")[1].splitlines()[0]
    assert answer("redo", "demo", last)["action"] == last
    assert answer("redo", "demo")["action"] == before
    assert demo.label_state().labelled.sum() == 6
    assert run("redo", "demo") == (0, "There is nothing to be done again.\n", "")
    assert "999" in refused("undo", "demo", 999)


def test_where_nothing_was_done_nothing_is_listed_or_taken_back(plain_project, answer, run):
    assert answer("history", "plain") == {"actions": []}
    assert run("history", "plain")[1] == "Nothing was done yet.\n"
    assert answer("undo", "plain") == {"action": None}
    assert run("undo", "plain")[1] == "There is nothing to be undone.\n"


# ---- label set --------------------------------------------------------------------------------------


def test_labels_are_listed_renamed_merged_deleted_and_brought_back(demo, answer):
    listed = answer("labels", "demo")
    assert listed["task"] == demo.task.name
    assert [(one["name"], one["n_records"]) for one in listed["labels"]] == [
        ("Alpha", 2),
        ("Beta", 2),
        ("Gamma", 2),
    ]
    assert answer("labels", "demo", "--rename", "Alpha", "First")["labels"][0]["name"] == "First"
    merged = answer("labels", "demo", "--merge", "Beta", "Gamma")["labels"]
    assert [(one["name"], one["n_records"]) for one in merged] == [("First", 2), ("Gamma", 4)]
    assert [one["name"] for one in answer("labels", "demo", "--delete", "Gamma")["labels"]] == ["First"]
    answer("undo", "demo")
    answer("undo", "demo")
    assert [one["n_records"] for one in answer("labels", "demo")["labels"]] == [2, 2, 2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--rename", "Nobody", "X"), "'Nobody'"),
        (("--rename", "Alpha", "Beta"), "Beta"),
        (("--merge", "Alpha", "Alpha"), "Name another label"),
        (("--delete", "Nobody"), "'Nobody'"),
        (("--rename", "Alpha", "X", "--delete", "Beta"), "One change at a time"),
        (("--task", "Tone"), "Unknown label task 'Tone'"),
    ],
)
def test_what_labels_refuses_changes_nothing(demo, refused, options, message):
    assert message in refused("labels", "demo", *options)
    assert [label.name for label in demo.labels] == ["Alpha", "Beta", "Gamma"]


# ---- sessions and clusters ----------------------------------------------------------------------------


def test_a_session_is_made_of_a_kind_and_its_options(demo, answer):
    made = answer("session", "demo", "random", "--n", "5", "--set", "seed=3")
    assert made["n_records"] == 5
    session = demo.session(made["session"])
    assert (session.kind, session.name) == ("random", made["name"])
    demo.save_slice("mine", rows=[20, 21, 0])
    made = answer("session", "demo", "slice", "--set", "slice=mine", "--set", "unlabelled=false")
    assert made["n_records"] == 3
    made = answer("session", "demo", "similar", "--n", "4", "--set", f"record={demo.record_ids[0]}")
    assert made["n_records"] == 4
    query = 'query={"label": null}'
    assert answer("session", "demo", "slice", "--n", "7", "--set", query)["n_records"] == 7
    made = answer("session", "demo", "cluster", "--n", "4", "--set", "cluster=0", "--set", "k=3")
    assert made["n_records"] == 4


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("lucky",), "Unknown kind of session 'lucky'"),
        (("random", "--set", "seed=soon"), "The option 'seed' takes a whole number, not 'soon'"),
        (("random", "--set", "colour=red"), "has no option 'colour'"),
        (("similar",), "needs the option 'record'"),
        (("similar", "--set", "record=nobody"), "nobody"),
        (("slice", "--set", "slice=none"), "none"),
        (("slice", "--set", "query=1"), "takes an object as JSON"),
        (("slice", "--set", "slice=x", "--set", "unlabelled=yes"), "takes true or false, not 'yes'"),
        (("unlikely", "--set", "label=Nobody"), "Nobody"),
        (("duplicates", "--set", "threshold=high"), "takes a number"),
        (("random", "--task", "Tone"), "Unknown label task 'Tone'"),
    ],
)
def test_what_a_session_refuses_makes_none(demo, refused, words, message):
    assert message in refused("session", "demo", *words)
    assert demo.sessions() == []


@pytest.mark.parametrize("given", ["seed", "=3", "n=5"])
def test_a_set_that_is_no_option_is_wrong_usage(demo, run, given):
    status, _, err = run("session", "demo", "random", "--set", given)
    assert status == 2
    assert "--set takes" in err
    assert demo.sessions() == []


def test_clusters_are_found_and_counted(demo, answer, refused):
    found = answer("clusters", "demo", "--k", "3")["clusters"]
    assert len(found) == 3
    assert sum(one["n"] for one in found) == 60
    assert "magic" in refused("clusters", "demo", "--method", "magic")
    assert "v9" in refused("clusters", "demo", "--embedding", "v9")
