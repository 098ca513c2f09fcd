"""Tune's two questions: is it worth labelling more, and which base model."""

import pytest


def test_nothing_is_drawn_before_an_answer_is_asked_for(open_page, labelled):
    at = open_page("tune", labelled)
    assert "learning_start" not in [button.key for button in at.button]
    assert "base_models_start" not in [button.key for button in at.button]


def test_the_learning_curve_is_started_as_a_job(open_page, labelled, started):
    at = open_page("tune", labelled, tune_learning=True)
    at.button(key="learning_start").click().run()
    assert started == [("learning_curve", {})]


def test_a_known_curve_shows_its_word_and_gain_and_says_when_labels_have_changed(open_page, labelled, shown):
    known = labelled.learning_curve()
    assert known["n_labels"] == 24
    at = open_page("tune", labelled, tune_learning=True)
    assert f"{known['word'][0].upper()}{known['word'][1:]}." in shown(at)
    assert "measured on 36 records" in shown(at)
    assert len(at.get("plotly_chart")) == 1
    assert "learning_start" not in [button.key for button in at.button]
    labelled.label([59], labelled.labels[2].name)
    at = open_page("tune", labelled, tune_learning=True)
    assert "have changed since" in shown(at)
    assert at.button(key="learning_start").label == "Draw it again"


def test_the_models_named_are_compared_in_a_job(open_page, labelled, started):
    at = open_page("tune", labelled, tune_base_models=True)
    at.text_area(key="base_models_names").set_value("one\n\n two/models ").run()
    at.button(key="base_models_start").click().run()
    assert started == [("base_models", {"names": ["one", "two/models"]})]


@pytest.fixture
def compared(labelled):
    from embtune.store.artifacts import put_evaluation
    from embtune.work.base_models import _KEPT_AS, _labels_hash

    good = {
        "name": "one",
        "error": None,
        "dim": 8,
        "top_k": 0.5,
        "top_k_interval": [0.45, 0.55],
        "accuracy": 0.75,
        "accuracy_interval": [0.7, 0.8],
        "records_per_second": 100.0,
    }
    result = {
        "models": [good, {"name": "two", "error": "There is no model 'two'."}],
        "sentence": "Only one could be measured: name another model to compare it with.",
        "best": None,
        "k": 5,
        "n_records": 24,
        "n_labels": 24,
        "n_classes": 3,
        "device": "a processor",
        "labels_hash": _labels_hash(labelled),
        "seconds": 1.0,
    }
    put_evaluation(labelled.db, labelled.id, *_KEPT_AS, result)
    return labelled


def test_a_known_comparison_shows_scores_and_why_a_model_is_missing(open_page, compared, shown):
    at = open_page("tune", compared, tune_base_models=True)
    text = shown(at)
    assert "Only one could be measured" in text
    assert "There is no model 'two'." in text
    frame = at.dataframe[0].value
    assert frame["top_5, %"].tolist()[0] == "50.0 (45.0 to 55.0)"
    assert frame["accuracy, %"].tolist()[0] == "75.0 (70.0 to 80.0)"
    assert at.text_area(key="base_models_names").value == "one\ntwo"
