"""Weak supervision: what is missing, the one button, the truth about a run, and the way back."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from embtune.errors import BadInputError

NAMES = ("Alpha", "Beta", "Gamma")


@pytest.fixture
def voted(labelled):
    """The labelled project with three heuristics that have run, each right about a class."""
    for name in NAMES:
        labelled.heuristics.add("lookup", f"says {name}", label=name, terms=[name.lower()], fields=["body"])
    labelled.heuristics.run()
    return labelled


@pytest.fixture
def quick(monkeypatch):
    """Compare with the quick label models alone."""
    from embtune.weak_supervision import running

    some = functools.partial(running.run_all, leave_out=("combined", "neighbours", "snorkel"))
    monkeypatch.setattr(running, "run_all", some)


@pytest.fixture
def ran(voted, quick):
    """The same after a majority vote: run 1 is in force."""
    voted.weak.run("majority")
    return voted


@pytest.fixture
def jobs(monkeypatch):
    """The options with which weak supervision was started; nothing is run."""
    from embtune.work.weak_supervision import WeakBook

    started = []
    monkeypatch.setattr(WeakBook, "start", lambda self, **options: started.append(options))
    return started


def links(at):
    return {link.proto.page for link in at.get("page_link")}


# ---- before a run ----------------------------------------------------------------------------


def test_without_labels_or_heuristics_the_page_says_what_comes_first(
    open_page, plain_project, labelled, shown
):
    at = open_page("weak_supervision", plain_project)
    assert "there is no label yet" in shown(at)
    assert links(at) >= {"label_set"}
    at = open_page("weak_supervision", labelled)
    assert "There is no heuristic yet" in shown(at)
    assert "heuristics" in links(at)
    assert "weak_start" not in [button.key for button in at.button]


def test_heuristics_that_are_not_up_to_date_are_named_with_the_way_to_them(open_page, voted):
    voted.heuristics.change("says Beta", terms=["beta", "betas"])
    at = open_page("weak_supervision", voted)
    assert "'says Beta' (outdated)" in at.warning[0].value.replace("\\", "")
    assert at.button(key="weak_start").disabled
    assert "heuristics" in links(at)


def test_heuristics_that_are_not_up_to_date_can_be_left_out_in_place(open_page, voted):
    first = voted.heuristics.all()[0]
    voted.heuristics.change(first.id, terms=["another"])
    at = open_page("weak_supervision")
    at.button(key="weak_leave_out").click().run(timeout=60)
    assert not voted.heuristics.get(first.id).selected
    assert not any(one.key == "weak_leave_out" for one in at.button)


def test_the_one_primary_button_says_what_it_does_and_starts_the_job(open_page, voted, jobs, shown):
    at = open_page("weak_supervision", voted)
    assert [one.label for one in at.button if one.proto.type == "primary"] == [
        "Label 36 records by 3 heuristics"
    ]
    assert "No label that a person gave changes" in shown(at)
    at.button(key="weak_start").click().run()
    assert jobs == [{"model": "combined", "threshold": 0.7, "everywhere": True}]


def test_a_model_of_votes_alone_labels_what_has_a_vote(open_page, voted, jobs):
    voted.heuristics.select({"says Gamma": False})
    at = open_page("weak_supervision", voted)
    at.selectbox(key="weak_model").set_value("majority").run()
    # Of 36 records without a manual label a third are Gamma's, which nothing votes on now.
    assert at.button(key="weak_start").label == "Label 24 records by 2 heuristics"
    at.slider(key="weak_threshold").set_value(0.8).run()
    at.button(key="weak_start").click().run()
    assert jobs == [{"model": "majority", "threshold": 0.8, "everywhere": False}]


def test_every_label_model_is_told_with_how_to_get_those_that_are_not_here(
    open_page, voted, monkeypatch, shown
):
    from embtune.weak_supervision.models import MODELS

    monkeypatch.setattr(type(MODELS["snorkel"]), "missing", lambda *_: "Snorkel is not here: pip install it.")
    at = open_page("weak_supervision", voted)
    text = shown(at)
    assert all(model.about in text for model in MODELS.values())
    assert "Snorkel is not here" in text
    at.selectbox(key="weak_model").set_value("snorkel").run()
    assert at.button(key="weak_start").disabled


def test_what_is_in_the_way_of_a_start_is_told(open_page, voted, monkeypatch):
    from embtune.work.weak_supervision import WeakBook

    def refused(self, **options):
        raise BadInputError("The disk is full: free some space.")

    at = open_page("weak_supervision", voted)
    monkeypatch.setattr(WeakBook, "start", refused)
    at.button(key="weak_start").click().run()
    assert at.error[0].value.replace("\\", "") == "The disk is full: free some space."


# ---- after a run -----------------------------------------------------------------------------


def test_the_last_run_shows_its_numbers_and_the_truth(open_page, ran, shown):
    run = ran.weak.runs()[0]
    at = open_page("weak_supervision", ran)
    text = shown(at)
    assert "The last run: Majority vote" in text
    assert "in force" in text
    assert run.n_labelled == int((ran.weak.labels(run.id)[0][24:] >= 0).sum())
    assert f">{run.n_labelled}</span><span class='quiet'>labels<" in text  # where people gave none
    assert f">{24}</span><span class='quiet'>beside manual ones, to compare<" in text
    assert "24 manual and of the 36 weak labels" in text
    assert at.header[0].value.replace("\\", "") == run.metrics["sentence"]
    assert "36 with a reference label and none of yours" in text
    scores = at.dataframe[0].value
    assert list(scores["way"]) == [one["title"] for one in run.metrics["scores"]]
    assert "Expected calibration error" in text


def test_the_page_says_what_the_run_knew_of_the_manual_labels(open_page, ran, monkeypatch, shown):
    import dataclasses

    from embtune.work.weak_supervision import WeakBook

    text = shown(open_page("weak_supervision", ran))
    assert "made in view of those labels, so it is right more often than elsewhere" in text
    assert "the figures on 36 reference labels are the ones to believe" in text
    assert "each left out in turn" not in text
    runs = WeakBook.runs
    for known, said in (
        ({"held_out_by": "blind"}, "without knowing those labels."),
        ({"held_out_by": "without seen"}, "without the votes of heuristics made in view of them"),
        ({"held_out_by": "knowing", "reliability_measured": None}, "No label can tell"),
        ({"judged": False}, "Nothing could check these votes"),
    ):
        monkeypatch.setattr(
            WeakBook,
            "runs",
            lambda self, known=known: [
                dataclasses.replace(one, metrics=one.metrics | known) for one in runs(self)
            ],
        )
        assert said in shown(open_page("weak_supervision", ran))


def test_every_chart_has_its_data_to_download(open_page, ran):
    at = open_page("weak_supervision", ran)
    keys = {button.key for button in at.download_button}
    charts = ("intervals", "thresholds", "reliability", "confusion", "distribution")
    assert keys == {f"weak_{name}_csv" for name in charts}
    assert len(at.get("plotly_chart")) == 5


def test_where_another_way_is_better_it_is_one_click_away(open_page, ran, jobs, monkeypatch):
    import dataclasses

    from embtune.work.weak_supervision import WeakBook

    runs = WeakBook.runs
    monkeypatch.setattr(
        WeakBook,
        "runs",
        lambda self: [
            dataclasses.replace(one, metrics=one.metrics | {"winner": "manual", "sentence": "It loses."})
            for one in runs(self)
        ],
    )
    at = open_page("weak_supervision", ran)
    assert at.button(key="weak_use_winner").label == "Use training on the manual labels alone instead"
    at.button(key="weak_use_winner").click().run()
    assert jobs == [{"threshold": 0.7, "everywhere": None, "model": "manual"}]


def test_what_has_changed_since_the_run_is_told(open_page, ran, shown):
    assert "changed since this run" not in shown(open_page("weak_supervision", ran))
    ran.label([40], "Beta", source="manual")
    ran.heuristics.select({"says Gamma": False})
    text = shown(open_page("weak_supervision", ran))
    assert "The selected heuristics and the manual labels have changed since this run." in text


def test_mistaken_labels_open_their_records_as_a_session(open_page, voted, quick):
    # Rows 2 and 5 are Gamma's: give them to Alpha, so that the vote is wrong about them.
    voted.label([2, 5], "Alpha", source="manual")
    voted.weak.run("majority")
    at = open_page("weak_supervision", voted)
    button = next(one for one in at.button if "→" in one.label)
    assert button.label == "Alpha → Gamma **2**"
    button.click().run()
    session = voted.sessions()[0]
    assert session.name == "Labelled Alpha, weak supervision: Gamma"
    assert [item.row for item in voted.sessions_book.review(session.id, "all")[1]] == [2, 5]
    assert at.session_state["session_open"] == session.id
    again = open_page("weak_supervision", voted)
    next(one for one in again.button if "Alpha → Gamma" in one.label).click().run()
    assert len(voted.sessions()) == 1  # the same one opens


# ---- several runs ----------------------------------------------------------------------------


@pytest.fixture
def twice(ran):
    """Two runs; between them one heuristic came to say another label."""
    ran.heuristics.change("says Gamma", label="Beta")
    ran.heuristics.run()
    ran.weak.run("majority")
    return ran


def test_an_earlier_run_is_put_in_force_and_all_are_taken_back(open_page, twice):
    newest, oldest = twice.weak.runs()
    manual = twice.label_state().label_ids[:24].copy()
    at = open_page("weak_supervision", twice)
    at.button(key=f"weak_force_{oldest.id}").click().run()
    assert twice.weak.standing().id == oldest.id
    at.button(key="weak_none_in_force").click().run()
    assert twice.weak.standing() is None
    assert "weak_none_in_force" not in [button.key for button in at.button]
    assert not twice.label_state().labelled[24:].any()
    at.button(key=f"weak_force_{newest.id}").click().run()
    assert twice.weak.standing().id == newest.id
    assert np.array_equal(twice.label_state().label_ids[:24], manual)


def test_two_runs_are_compared_and_what_differs_opens(open_page, twice, shown):
    newest, oldest = twice.weak.runs()
    one, other = (twice.weak.labels(run.id)[0] for run in (newest, oldest))
    rows = np.flatnonzero((one >= 0) & (other >= 0) & (one != other))
    both = int(((one >= 0) & (other >= 0)).sum())
    assert len(rows)
    at = open_page("weak_supervision", twice)
    assert f"Of {both} records that both label, **{both - len(rows)}**" in shown(at)
    assert at.button(key="weak_open_differing").label == f"Open the {len(rows)} that differ"
    at.button(key="weak_open_differing").click().run()
    session = twice.sessions()[0]
    assert [item.row for item in twice.sessions_book.review(session.id, "all")[1]] == rows.tolist()


def test_an_earlier_run_can_be_looked_at(open_page, twice, shown):
    oldest = twice.weak.runs()[1]
    at = open_page("weak_supervision", twice)
    at.button(key=f"weak_show_{oldest.id}").click().run()
    assert f"Run {oldest.id}: Majority vote" in shown(at)
    assert at.header[0].value.replace("\\", "") == oldest.metrics["sentence"]


def test_an_imported_run_stands_among_them_without_figures_it_does_not_have(open_page, ran, shown):
    from embtune.store.weak_runs import insert_weak_run
    from embtune.work.weak_runs import save_weak_labels

    labels = np.full(60, ran.labels[1].id, dtype=np.int64)
    file = save_weak_labels(ran, labels, np.full(60, 0.9, dtype=np.float32))
    with ran.db.write() as connection:
        number = insert_weak_run(
            connection,
            ran.id,
            ran.task.id,
            model="refinery",
            parameters={},
            heuristics=[{"name": "theirs"}],
            metrics={"finished_at": 1657222950.1},
            n_labelled=60,
            file=file,
            action_id=None,
            created_by="me",
            seconds=0.0,
        )
    at = open_page("weak_supervision", ran)
    text = shown(at)
    assert "The last run: Imported from refinery" in text
    assert "was not measured" in text
    assert not at.header
    assert at.button(key=f"weak_force_{number}").disabled
    assert {button.key for button in at.download_button} == {"weak_confusion_csv", "weak_distribution_csv"}


def test_a_run_whose_labels_are_gone_from_the_disk_says_so(open_page, ran):
    run = ran.weak.runs()[0]
    ran.path(run.file).unlink()
    ran._cache.clear()
    at = open_page("weak_supervision", ran)
    assert "cannot be read from the disk" in at.error[0].value
