"""Evaluate: one sentence, on which records, and honest about what is old or missing."""

import numpy as np
import pytest

from embtune.work.promoting import verdict_of


@pytest.fixture
def no_maps(monkeypatch):
    """Leave the two UMAPs out: they take longer to import than the tests to run."""
    monkeypatch.setattr("embtune.work.comparison.MOST_FOR_MAPS", 0)


@pytest.fixture
def measured(tuned, no_maps):
    names = ["raw", "v1"]
    tuned.activate("v1")
    for name in names:
        tuned.evaluate(embedding=name, **tuned.comparison_options(names))
    return tuned


def test_without_results_the_one_thing_to_do_is_to_measure(open_page, tuned, started):
    tuned.activate("v1")
    at = open_page("evaluate", tuned)
    assert at.button(key="evaluate_start").label == "Measure raw and v1"
    at.button(key="evaluate_start").click().run()
    kind, options = started[0]
    assert kind == "evaluate"
    assert options["embeddings"] == ["raw", "v1"]
    assert options["leave_out"] == ["v1"]
    assert options["ks"] == [5, 10, 25, 50, 75, 100, 250, 1000]


def test_before_any_tuning_raw_alone_can_be_measured(open_page, project):
    at = open_page("evaluate", project)
    assert at.button(key="evaluate_start").label == "Measure raw"
    assert "evaluate_a" not in [box.key for box in at.selectbox]


def test_known_results_show_at_once_with_a_sentence_and_what_it_was_measured_on(open_page, measured, shown):
    at = open_page("evaluate", measured)
    k = measured.known_comparison(["raw", "v1"]).results[0]["main_k"]
    assert f"of the {k} nearest; raw in" in at.header[0].value
    assert at.header[0].value.startswith("v1 finds the same class in ")
    assert "36 records with a reference label that v1 was not trained on" in shown(at)
    assert f"v1 was found, when it was made, {verdict_of(measured.version('v1')).short}." in shown(at)
    assert "Its neighbours are " in shown(at)
    assert "it may be chance" not in shown(at)
    assert "k = 50 and 75 and 100 and 250 and 1,000 is left out: there are 36 records." in shown(at)
    assert not [button for button in at.button if button.key == "evaluate_start"]


def test_every_chart_and_table_has_its_data_to_download(open_page, measured):
    at = open_page("evaluate", measured)
    keys = {button.key for button in at.download_button}
    parts = ["lines", "violins", "classes", "confusion_0", "confusion_1", "report_0", "report_1"]
    assert keys == {f"evaluate_{part}_csv" for part in parts}
    assert len(at.get("plotly_chart")) == 4


def test_the_table_by_class_holds_the_difference_in_points(open_page, measured):
    at = open_page("evaluate", measured)
    frame = at.dataframe[0].value
    assert list(frame["class"]) == ["Alpha", "Beta", "Gamma"]
    assert np.allclose(frame["v1"] - frame["raw"], frame["difference"], atol=0.11)


def test_changed_labels_are_told_and_the_old_result_stays_to_read(open_page, measured, shown):
    measured.label([0], "Gamma", source="manual")  # was Alpha, and trains the classifier
    at = open_page("evaluate", measured)
    assert "Labels or records have changed since this was measured." in shown(at)
    assert at.button(key="evaluate_start").label == "Measure again"
    assert at.header[0].value.startswith("v1 finds")


def test_too_few_labels_are_told_with_the_way_to_more(open_page, plain_project):
    at = open_page("evaluate", plain_project)
    assert "it takes at least 10 in 2" in at.warning[0].value
    assert {"map", "sessions"} <= {link.proto.page for link in at.get("page_link")}


def test_a_slice_is_measured_apart_and_the_sentence_says_so(open_page, measured, started, shown):
    measured.save_slice("most", rows=range(12, 60))
    at = open_page("evaluate", measured)
    assert at.header[0].value.startswith("v1 finds")
    at.selectbox(key="evaluate_slice").set_value("most").run()
    assert not at.header
    assert "Nothing was measured for raw and v1 within the slice most yet." in shown(at)
    at.button(key="evaluate_start").click().run()
    kind, options = started[0]
    assert (kind, options["slice"], options["leave_out"]) == ("evaluate", "most", ["v1"])
    for name in options["embeddings"]:
        measured.evaluate(name, **{k: v for k, v in options.items() if k != "embeddings"})
    at.run()
    n = len(set(range(12, 60)) - set(range(24)))
    assert (
        f"Measured on {n} records with a reference label within the slice most that v1 was not trained on."
        in shown(at)
    )
    measured.save_slice("most", rows=range(15, 55), replace=True)
    at.run()
    assert "Labels, records or the slice have changed since this was measured." in shown(at)


@pytest.mark.parametrize(
    ("query", "place", "message"),
    [
        ({"flagged": True}, "error", "'flags' of project 'demo' holds no record now"),
        ({"records": [50, 51]}, "warning", "Nothing can be measured on 2 reference labels"),
    ],
)
def test_a_slice_that_cannot_be_measured_on_is_told(open_page, measured, query, place, message):
    measured.save_slice("flags", query=query)
    at = open_page("evaluate", measured, evaluate_slice="flags")
    assert message in getattr(at, place)[0].value
    assert not [button for button in at.button if button.key == "evaluate_start"]
