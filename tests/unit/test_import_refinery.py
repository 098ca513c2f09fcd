"""A refinery project comes over: all of it that has a place here, or nothing."""

import json

import pytest

import embtune
from embtune.errors import BadFileError, BadInputError
from embtune.work.refinery import import_refinery
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


def test_a_failure_half_way_leaves_no_half_project(empty, monkeypatch):
    def fails(*_, **__):
        raise OSError("the disk went away")

    monkeypatch.setattr("embtune.work.refinery._Filling.heuristics", fails)
    with pytest.raises(OSError, match="went away"):
        import_refinery(empty, zipped(content()), name="snapshot.zip")
    assert not empty.exists


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
