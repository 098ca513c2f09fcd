"""The overview: what it says follows the labels, and every finding leads to where one acts."""

from __future__ import annotations

import numpy as np
import pytest

from embtune.store.tables import actions


@pytest.fixture
def half(project):
    """Half of the records labelled, two of them wrongly."""
    truth = [record.reference_label for record in project.records(range(60))]
    rows = [row for row in range(30) if row not in (4, 13)]
    for name in ("Alpha", "Beta", "Gamma"):
        project.label([row for row in rows if truth[row] == name], name, source="session")
    project.label([4], "Alpha", source="import")
    project.label([13], "Gamma", source="import")
    return project


def keys(at):
    return [button.key for button in at.button]


def test_an_empty_project_says_where_to_begin(open_page, project, shown):
    at = open_page("overview", project)
    assert "None of the 60 records has a label." in shown(at)
    assert "overview_next" in keys(at)
    assert "overview_typical" in keys(at)
    assert "overview_errors" not in keys(at)


def test_a_project_without_vectors_leads_to_embed(open_page, home, shown):
    import embtune

    made = embtune.open("bare")
    made.import_records(b'[{"t": "one"}, {"t": "two"}]', name="x.json", text="{t}")
    at = open_page("overview", made)
    assert "The records are not embedded yet." in shown(at)
    assert "Embed the records first" in shown(at)


def test_the_sentence_says_how_much_is_labelled_and_by_whom(open_page, half, shown):
    text = shown(open_page("overview", half))
    assert "30 of 60 records have a label (50 %)" in text
    assert f"{half.annotator} 28" in text
    assert "2 imported or automatic" in text


def test_figures_are_there_once_there_are_labels(open_page, half):
    at = open_page("overview", half)
    drawn = " ".join(str(chart.proto.id) for chart in at.get("plotly_chart"))
    for name in ("labels", "confidence", "calibration"):
        assert f"overview_{name}" in drawn
    assert "overview_progress" not in drawn  # all were given within five minutes: a line of one point


def test_the_line_of_labels_begins_with_the_second_sitting(open_page, half):
    with half.db.write() as connection:
        first = actions.update().where(actions.c.id == half.history()[-1].id)
        connection.execute(first.values(created_at=actions.c.created_at - 3600))
    drawn = " ".join(str(chart.proto.id) for chart in open_page("overview", half).get("plotly_chart"))
    assert "overview_progress" in drawn


def test_likely_label_errors_are_counted_and_open_as_a_session(open_page, half, shown):
    at = open_page("overview", half)
    n = len(half.label_errors())
    assert n >= 2
    assert f"**{n:,}** likely label error" in shown(at)
    at.button(key="overview_errors").click().run()
    assert not at.exception
    session = half.sessions()[0]
    assert session.kind == "errors"
    items = half.sessions_book.items(session.id)
    assert sorted(item.row for item in items[:2]) == [4, 13]
    assert at.session_state["session_open"] == session.id


def test_the_next_step_starts_a_session_of_the_least_certain_after_tuning(open_page, half, monkeypatch):
    from embtune.work.overview import NextStep

    step = NextStep("The records the model is least sure of teach it most.", "sessions", "Label in a session")
    monkeypatch.setattr("embtune.work.overview.next_step", lambda project: step)
    at = open_page("overview", half)
    at.button(key="overview_next").click().run()
    assert half.sessions()[0].kind == "uncertain"


def test_clusters_without_labels_can_be_labelled_from_here(open_page, project):
    found = project.clusters("raw", k=3)
    project.label(found.rows(0)[:3], "Alpha")
    at = open_page("overview", project)
    assert "overview_cluster_0" not in keys(at)
    at.button(key="overview_cluster_1").click().run()
    assert not at.exception
    session = project.sessions()[0]
    rows = [item.row for item in project.sessions_book.items(session.id)]
    assert set(rows) <= set(found.rows(1).tolist())


def test_big_corpora_are_compared_in_a_job(open_page, project, started, monkeypatch):
    monkeypatch.setattr("pages.shared.worth_a_look.AT_ONCE", 10)
    at = open_page("overview", project)
    at.button(key="overview_compare").click().run()
    assert ("duplicates", {"embedding": "raw"}) in started


def test_flagged_records_are_counted(open_page, project, shown):
    project.flag([1, 2])
    at = open_page("overview", project)
    assert "**2** flagged" in shown(at)
    at.button(key="overview_flagged").click().run()
    assert [item.row for item in project.sessions_book.items(project.sessions()[0].id)] == [1, 2]


def test_a_finding_that_cannot_be_started_says_why(open_page, project, monkeypatch):
    from embtune.errors import NotReadyError

    def refuse(*args, **options):
        raise NotReadyError("Not now.")

    monkeypatch.setattr("embtune.labeling.sessions.SessionBook.create_of", refuse)
    at = open_page("overview", project)
    at.button(key="overview_typical").click().run()
    assert [error.value for error in at.error] == ["Not now."]


def test_the_page_stays_quick(open_page, half):
    """Everything but the drawing is cached: a second look reads no vectors again."""
    at = open_page("overview", half)
    before = dict(half._cache)
    at.run()
    assert not at.exception
    assert np.all([half._cache[key] is before[key] for key in before])
