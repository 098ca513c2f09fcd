"""The model card: everything a stranger has to know of an exported model, and no record's text."""

import re
from dataclasses import replace

import pytest
import yaml

from embtune.work.model_card import model_card

DISTILLED = {
    "cosine": 0.9664,
    "loss": 0.0336,
    "n_learned": 18_000,
    "n_held_out": 2000,
    "measured_on": "reference labels",
    "n_measured": 1900,
    "k": 100,
    "top_k": {"raw": 0.667, "version": 0.794, "distilled": 0.771},
    "interval": {"raw": [0.65, 0.68], "version": [0.78, 0.81], "distilled": [0.76, 0.78]},
}


def front(card):
    return yaml.safe_load(card.split("---\n")[1])


@pytest.fixture
def tuned(project, axes, label_rows):
    label_rows(project, range(0, 27))
    label_rows(project, [27], source="heuristic", confidence=0.9)
    project.tune("axes", parameters={"keep": "signal"})
    return project


@pytest.fixture
def changed(tuned, monkeypatch):
    """A function that lets the version look as if it had been made otherwise."""

    def change(**values):
        row = replace(tuned.version("v1"), **values)
        monkeypatch.setattr(type(tuned), "version", lambda self, name: row)
        return tuned

    return change


def test_it_begins_as_model_hubs_expect(tuned):
    told = front(model_card(tuned, "v1"))
    assert told["library_name"] == "sentence-transformers"
    assert told["pipeline_tag"] == "sentence-similarity"
    assert {"sentence-similarity", "embtune", "axes"} <= set(told["tags"])
    assert told["base_model"] == "own vectors"
    assert front(model_card(tuned, "v1", export={"kind": "servable"}))["library_name"] == "quaterion"


def test_it_says_how_to_load_what_was_written(tuned):
    assert 'SentenceTransformer("path/to/this/folder")' in model_card(tuned, "v1")
    card = model_card(tuned, "v1", export={"kind": "servable"})
    assert 'SimilarityModel.load("path/to/this/folder")' in card
    assert "not of unit length" in card
    for part in (card, model_card(tuned, "v1")):
        compile(re.search(r"```python\n(.*?)```", part, re.S)[1], "card", "exec")


def test_it_names_the_data_the_labels_and_where_they_come_from(tuned):
    card = model_card(tuned, "v1")
    assert "60 records, 28 labels used" in card
    assert "`{title}. {body}`" in card
    assert [f"| {name} | {n} |" in card for name, n in (("Alpha", 10), ("Beta", 9), ("Gamma", 9))] == [
        True
    ] * 3
    assert "heuristic 1, manual 27" in card or "manual 27, heuristic 1" in card
    assert "1 of its labels were not given by a person" in card
    assert "| keep | signal |" in card


def test_no_text_of_a_record_is_in_it(tuned):
    card = model_card(tuned, "v1", export={"distilled": DISTILLED})
    assert "story" not in card
    assert "Words about" not in card


def test_it_gives_the_scores_with_their_intervals(changed):
    project = changed(
        metrics={
            "measured_on": "reference labels",
            "n_records": 32,
            "n_queries": 30,
            "main_k": 10,
            "top_k": {"10": 0.9},
            "interval": {"10": [0.85, 0.94]},
            "raw_top_k": {"10": 0.7},
            "difference_to_raw": {"mean": 0.2, "low": 0.15, "high": 0.25},
            "accuracy": {"new": 0.95, "raw": 0.9},
            "accuracy_difference_to_raw": {"mean": 0.05, "low": -0.01, "high": 0.11},
        }
    )
    card = model_card(project, "v1")
    assert "| same label among the 10 nearest | 90.0 % (85.0 to 94.0) | 70.0 % |" in card
    assert "| a quick model on it is right | 95.0 % | 90.0 % |" in card
    assert "+20.0 (+15.0 to +25.0) points of same-label neighbours among the 10 nearest" in card
    assert "+5.0 (-1.0 to +11.0) points of a quick model's accuracy" in card
    assert "On 32 reference labels, of records that it was not trained on" in card
    assert "It was measured on 32 records only" in card


def test_what_was_not_measured_is_said(changed):
    project = changed(metrics={"measured_on": None, "note": "Too few labels."})
    card = model_card(project, "v1")
    assert "Not measured. Too few labels." in card
    assert "How good it is was not measured." in card


def test_a_distilled_model_says_what_that_lost(tuned):
    assert "distil" not in model_card(tuned, "v1")
    card = model_card(tuned, "v1", export={"kind": "sentence-transformer", "distilled": DISTILLED})
    assert (
        "The exported model finds 77.1 % same-label neighbours among the nearest 100; "
        "the version itself 79.4 %, raw 66.7 %" in card
    )
    assert "| this folder | 77.1 % (76.0 to 78.0) |" in card
    assert "0.0336" in card
    assert "2,000 records held out, after learning from 18,000" in card


def test_names_with_signs_of_tables_do_not_break_them(changed):
    project = changed(labels={"n": 3, "counts": {"a | b\nc": 3}, "by_source": {"manual": 3}})
    card = model_card(project, "v1")
    assert "| a \\| b c | 3 |" in card
    assert "Fewer than 5 records were labelled: a | b c." in card
