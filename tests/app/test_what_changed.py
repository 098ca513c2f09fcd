"""What changed: gain and harm side by side, the records in order, and the way to their neighbours."""

import pytest


@pytest.fixture
def tuned(labelled):
    """One version of a recipe that moves some neighbours and leaves others."""
    labelled.tune("quaterion-triplet", seed=0, parameters={"max_epochs": 30})
    return labelled


@pytest.fixture
def changed(tuned):
    tuned.activate("v1")
    tuned.changes("v1", k=10, make=True)
    return tuned


def open_changes(open_page, project, **state):
    return open_page("evaluate", project, evaluate_view="What changed", changes_k=10, **state)


def test_the_scores_stay_what_the_page_opens_with(open_page, tuned):
    tuned.activate("v1")
    at = open_page("evaluate", tuned)
    assert at.segmented_control(key="evaluate_view").value == "Scores"
    assert at.button(key="evaluate_start").label == "Measure raw and v1"


def test_with_raw_alone_there_is_nothing_that_changed(open_page, project):
    at = open_page("evaluate", project)
    assert "evaluate_view" not in [control.key for control in at.segmented_control]


def test_what_is_not_computed_yet_is_started_as_a_job(open_page, tuned, started):
    at = open_changes(open_page, tuned)
    at.button(key="changes_start").click().run()
    assert started == [("changes", {"version": "v1", "against": "raw", "k": 10})]


def test_while_it_is_found_its_progress_stands_there(open_page, tuned):
    import os

    from embtune.store.jobs import create_job, report_job, start_job

    job = create_job(tuned.db, tuned.id, "changes", {"version": "v1", "against": "raw", "k": 10})
    start_job(tuned.db, job, os.getpid())
    report_job(tuned.db, job, done=30, total=120, unit="records", message="nearest neighbours in raw")
    at = open_changes(open_page, tuned)
    assert "changes_start" not in [one.key for one in at.button]
    bar = at.get("progress")[0].proto
    assert bar.value == 25
    assert "Finding what changed** · nearest neighbours in raw · 30 of 120 records" in bar.text
    assert at.button(key=f"stop_changes_{job}").label == "Stop"


def test_improved_harmed_and_unchanged_are_shown_alike_with_their_numbers(open_page, changed, shown):
    at = open_changes(open_page, changed)
    totals = changed.changes("v1", k=10).unseen
    text = shown(at)
    sizes = []
    for name, count in (
        ("improved", totals.improved),
        ("harmed", totals.harmed),
        ("unchanged", totals.unchanged),
    ):
        assert f"{100 * count / totals.n:.1f} %</span> {name} · {count}<" in text
        sizes.append(text.split(f"</span> {name}")[0].rsplit("<span", 1)[1].split(">")[0])
    assert len(set(sizes)) == 1
    assert f"Shares of {totals.n} records with a known class. 24 more were trained on" in text
    assert "60 by reference label" in text


def test_the_table_follows_the_order_asked_for(open_page, changed):
    found = changed.changes("v1", k=10)
    at = open_changes(open_page, changed)
    for by, falls in (("most improved", False), ("most harmed", True), ("most changed", None)):
        at.segmented_control(key="changes_order").set_value(by).run()
        order = found.order(by)
        if not len(order):
            assert at.info
            continue
        frame = at.dataframe[0].value
        assert len(frame) == len(order)
        assert frame["record"][0] == changed.record(int(order[0])).text
        if falls is not None:
            assert (frame["change"] < 0).all() == falls
            assert (frame["after"] - frame["before"] == frame["change"]).all()


def test_a_picked_record_shows_what_it_lost_and_gained_and_opens_on_neighbors(open_page, changed, given_to):
    found = changed.changes("v1", k=10)
    order = found.order("most changed")
    at = open_changes(open_page, changed, changes_order="most changed")
    at.session_state["changes_table_most_changed_raw_v1_10"] = {"selection": {"rows": [1]}}
    at.run()
    row = int(order[1])
    for key, lists, flags in (
        ("changes_lost", found.before, found.lost),
        ("changes_gained", found.after, found.gained),
    ):
        lines = given_to(at, key)["lines"]
        assert [line["row"] for line in lines] == lists[row][flags[row]].tolist()
        own = [line["mark"] == "own label" for line in lines]
        assert own == (found.labels[lists[row][flags[row]]] == found.labels[row]).tolist()
    at.button(key="changes_neighbors").click().run()
    assert not at.exception, at.exception[0].message
    assert at.session_state["neighbors_row"] == row


def test_a_neighbour_opens_on_the_neighbors_page(open_page, changed, given_to, browser_sends):
    at = open_changes(open_page, changed, changes_order="most changed")
    row = given_to(at, "changes_gained")["lines"][0]["row"]
    browser_sends(at, "changes_gained", open=row)
    assert at.session_state["neighbors_row"] == row
