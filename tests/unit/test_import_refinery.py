"""A refinery project comes over: all of it that has a place here, or nothing."""

import json

import pytest

import embtune
from embtune.errors import BadFileError, BadInputError, ConflictError, JobCancelledError, TemplateError
from embtune.jobs.runner import sweep
from embtune.store.jobs import create_job
from embtune.store.projects import update_project
from embtune.work.beginning import IMPORT_REFINERY, drop_failed_imports, refinery_into_new
from embtune.work.refinery import import_refinery, what_is_in
from tests.unit.test_refinery import content, zipped

REAL = "refinery_conversational_ai/snapshot_data.json.zip"


@pytest.fixture
def empty(home):
    return embtune.open("from refinery")


def test_everything_that_has_a_place_is_there_afterwards(empty):
    inside = content()
    done = import_refinery(empty, zipped(inside), name="snapshot.zip")
    status = empty.status()
    assert status["n_records"] == done["n_records"] == len(empty.record_ids)
    assert status["lookup_lists"] == done["n_lookup_lists"] == len(empty.lookup_lists.all()) > 0
    assert sum(status["heuristics"].values()) == len(empty.heuristics.all()) > 0
    assert set(status["tasks"]) == {one.name for one in empty.tasks}
    assert "Labels" not in status["tasks"]  # the first task has refinery's name
    assert status["annotations"]["manual"] == done["n_manual"] > 0
    assert [run.model for run in empty.weak.runs()] == ["refinery"]
    assert any(line["came"] for line in done["report"])


def test_look_ups_run_and_code_stays_switched_off(empty):
    import_refinery(empty, zipped(content()), name="snapshot.zip")
    ran = empty.heuristics.run([one.id for one in empty.heuristics.all() if one.kind == "lookup"])
    assert ran["failed"] == []
    assert all(not one.selected for one in empty.heuristics.all() if one.kind == "code")


def test_a_project_with_records_is_refused_and_stays(plain_project):
    with pytest.raises(BadInputError, match="a new project"):
        import_refinery(plain_project, zipped(content()), name="snapshot.zip")
    assert plain_project.n_records == 60


def test_a_file_that_is_no_snapshot_changes_nothing(empty):
    with pytest.raises(BadFileError):
        import_refinery(empty, b"PK\x03\x04 not really", name="snapshot.zip")
    assert empty.exists
    assert empty.status()["n_records"] == 0


# ---- all of it or nothing ----------------------------------------------------------------------


@pytest.fixture
def snapshot(tmp_path):
    path = tmp_path / "snapshot.zip"
    path.write_bytes(zipped(content()))
    return path


def names():
    return [card.name for card in embtune.projects()]


def torn(*_, **__):
    raise OSError("the disk went away")


@pytest.mark.parametrize(
    ("fill", "what"),
    [
        (lambda mine: mine.add_label("Mine"), "labels"),
        (lambda mine: mine.lookup_lists.add("Ripe fruit", ["kiwi"]), "look-up lists"),
        (lambda mine: mine.heuristics.add("learner", "mine"), "heuristics"),
        (lambda mine: mine.add_task("Mood"), "label tasks"),
    ],
)
def test_a_project_that_holds_something_is_refused_and_keeps_it(empty, snapshot, fill, what):
    fill(empty)
    with pytest.raises(BadInputError, match=f"'from refinery' has {what} already"):
        refinery_into_new("from refinery", snapshot)
    assert empty.exists
    assert what_is_in(empty) == what
    assert empty.jobs() == []


def test_a_template_that_does_not_fit_writes_nothing(empty, snapshot):
    with pytest.raises(TemplateError, match="nofield"):
        import_refinery(empty, snapshot, text="{nofield}")
    with pytest.raises(TemplateError, match="nofield"):
        refinery_into_new("from refinery", snapshot, text="{nofield}")
    assert empty.exists
    assert what_is_in(empty) is None
    assert [task.name for task in empty.tasks] == ["Labels"]


@pytest.mark.parametrize("step", ["tasks", "votes", "heuristics", "comments"])
def test_a_failure_half_way_leaves_no_half_project(home, snapshot, monkeypatch, step):
    monkeypatch.setattr(f"embtune.work.refinery._Filling.{step}", torn)
    with pytest.raises(OSError, match="went away"):
        refinery_into_new("fresh", snapshot)
    assert names() == []


def test_a_failure_half_way_leaves_an_empty_project_empty(empty, snapshot, monkeypatch):
    update_project(empty.db, empty.id, model="my-model")
    monkeypatch.setattr("embtune.work.refinery._Filling.heuristics", torn)
    with pytest.raises(OSError, match="went away"):
        refinery_into_new("from refinery", snapshot)
    again = embtune.open("from refinery", create=False)
    assert (what_is_in(again), again.info.model) == (None, "my-model")
    monkeypatch.undo()
    assert refinery_into_new("from refinery", snapshot)[0].n_records == 4


class Killed(BaseException):
    """Stands for a process that ends without a word."""


@pytest.fixture
def killed(snapshot, monkeypatch):
    """Bring a snapshot over in a process that dies before the heuristics."""

    def die(name):
        def ends(*_, **__):
            raise Killed

        with monkeypatch.context() as patched:
            patched.setattr("embtune.work.refinery._Filling.heuristics", ends)
            patched.setattr("embtune.work.beginning._take_back", lambda *_: None)
            patched.setattr("embtune.work.beginning.finish_job", lambda *_, **__: None)
            patched.setattr("os.getpid", lambda: 2**22 + 1)  # higher than any process's number
            with pytest.raises(Killed):
                refinery_into_new(name, snapshot)
        half = embtune.open(name, create=False)
        assert [(job.kind, job.state) for job in half.jobs()] == [(IMPORT_REFINERY, "running")]
        return half

    return die


def test_what_a_killed_import_left_is_dropped_and_told(home, killed):
    half = killed("fresh")
    assert half.n_records == 4
    assert drop_failed_imports() == {}  # for all one knows it is at work
    sweep(half.db)
    assert drop_failed_imports() == {"fresh": "The import of snapshot.zip was stopped."}
    assert names() == []
    assert drop_failed_imports() == {}


def test_a_killed_import_does_not_bar_the_next_one(home, killed, snapshot):
    killed("fresh")
    project, done = refinery_into_new("fresh", snapshot)
    assert (project.n_records, done["n_records"]) == (4, 4)
    assert [job.state for job in project.jobs()] == ["done"]
    assert drop_failed_imports() == {}


def test_a_killed_import_into_an_empty_project_leaves_it_empty(empty, killed):
    half = killed("from refinery")
    sweep(half.db)
    assert list(drop_failed_imports()) == ["from refinery"]
    assert what_is_in(embtune.open("from refinery", create=False)) is None
    assert drop_failed_imports() == {}


def test_half_a_project_that_somebody_worked_in_stays(home, killed, monkeypatch):
    half = killed("fresh")
    sweep(half.db)
    monkeypatch.setattr("embtune.work.beginning._LAST_STEP", 0.0)
    half.label([0], "Fruit")
    assert drop_failed_imports() == {}
    assert names() == ["fresh"]


def test_a_refused_file_does_not_mark_an_empty_project_for_dropping(empty, tmp_path):
    (tmp_path / "bad.zip").write_bytes(b"no zip")
    with pytest.raises(BadFileError):
        refinery_into_new("from refinery", tmp_path / "bad.zip")
    empty.add_label("Mine")
    assert drop_failed_imports() == {}
    assert [one.name for one in empty.labels] == ["Mine"]


def test_a_stopped_import_leaves_nothing(home, snapshot):
    def stops(done, *_):
        if done == 3:
            project = embtune.open("fresh", create=False)
            project.cancel(project.jobs()[0].id)

    with pytest.raises(JobCancelledError, match="was stopped"):
        refinery_into_new("fresh", snapshot, report=stops)
    assert names() == []


def test_two_imports_into_one_project_do_not_mix(empty, snapshot):
    number = create_job(empty.db, empty.id, IMPORT_REFINERY, {"file": "x"})
    with pytest.raises(ConflictError, match=f"Job {number} works on project"):
        refinery_into_new("from refinery", snapshot)
    assert what_is_in(empty) is None


# ---- keys --------------------------------------------------------------------------------------


def test_keys_that_are_reserved_and_keys_that_are_taken_are_told_apart(empty):
    inside = content()
    inside["labeling_task_labels_data"] = [
        {"id": f"l{i}", "labeling_task_id": task, "name": name, "color": "yellow", "hotkey": key}
        for i, (name, key, task) in enumerate(
            [("Fruit", "s", "t1"), ("Greens", "1", "t1"), ("place", "p", "t2"), ("Nuts", "1", "t1")], 1
        )
    ]
    done = import_refinery(empty, zipped(inside), name="snapshot.zip")
    # Fruit's new key is not the one that Greens brings.
    assert {one.name: one.hotkey for one in empty.labels} == {"Fruit": "2", "Greens": "1", "Nuts": "3"}
    assert "These keys mean something else here, so others were taken: Fruit (s)." in done["notes"]
    assert "These keys belong to another label, so others were taken: Nuts (1)." in done["notes"]


def test_a_label_name_that_cannot_be_is_told_as_such(home, tmp_path):
    inside = content()
    inside["labeling_task_labels_data"][0]["name"] = "None of these"
    (tmp_path / "snapshot.zip").write_bytes(zipped(inside))
    with pytest.raises(BadInputError, match="take another name"):
        refinery_into_new("fresh", tmp_path / "snapshot.zip")
    assert names() == []


# ---- refinery's own sample -----------------------------------------------------------------------


def test_the_real_snapshot_comes_over_and_its_look_ups_find_what_they_found(empty, shared_data):
    path = shared_data / REAL
    if not path.is_file():
        pytest.skip("the snapshot is not on this machine")
    done = import_refinery(empty, path)
    assert (done["n_records"], done["n_manual"], done["n_weak"]) == (1800, 250, 1619)
    status = empty.status()
    assert status["heuristics"] == {"lookup": 11, "learner": 1, "code": 1}
    assert status["lookup_lists"] == 12
    assert status["tasks"] == ["intent"]
    empty.heuristics.run([one.id for one in empty.heuristics.all() if one.kind == "lookup"])
    hits = {one.name: one.run.n_hits for one in empty.heuristics.all() if one.kind == "lookup"}
    stored = {
        "lkp_account_blocked": 156,
        "lkp_card_declined": 109,
        "lkp_balance": 14,
        "lkp_card_lost": 137,
        "lkp_new_card": 105,
        "lkp_credit_score": 268,
        "lkp_pay_bill": 214,
        "lkp_401k": 148,
        "lkp_transactions": 115,
        "lkp_spending_history": 153,
    }
    # A term came into the list of the eleventh after its last run; the report says which.
    assert {name: n for name, n in hits.items() if name in stored} == stored
    assert any(
        "lkp_bill_due" in line["said"] and "came into its list" in line["said"] for line in done["report"]
    )
    json.dumps(done)
