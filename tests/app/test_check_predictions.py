"""Predictions page by page: one step labels what the page showed, and the next records move up."""

import json

import numpy as np
import pytest

from pages.shared.check_predictions import can_check, check_address
from tests.app.test_page_records import TABLE, take


@pytest.fixture
def checking(labelled, open_page, given_to):
    """The page of records without a label, 25 at a time, 24 of 60 being labelled."""
    labelled.quick_predictions("active")
    at = open_page("records", labelled)
    at.query_params["q"] = json.dumps({"label": None})
    at.query_params["size"] = "25"
    at.run()
    return at


def test_what_the_page_showed_is_accepted_in_one_action_and_the_next_records_come(
    checking, labelled, given_to, browser_sends
):
    shown = given_to(checking, TABLE)["lines"]
    rows = [line["row"] for line in shown if line["guess"]]
    assert len(rows) == 25
    labels = [line["guess"]["id"] for line in shown if line["guess"]]
    take(checking, browser_sends, {"kind": "accept", "rows": rows, "labels": labels})
    assert labelled.label_state().label_ids[rows].tolist() == labels
    assert labelled.label_state().manual[rows].all()
    assert labelled.history(1)[0].n_records == 25
    left = [line["row"] for line in given_to(checking, TABLE)["lines"]]
    assert len(left) == 60 - 24 - 25
    assert not set(left) & set(rows)
    take(checking, browser_sends, {"kind": "undo"}, first=2)
    assert not labelled.label_state().labelled[rows].any()


def test_a_correction_changes_no_other_guess_of_the_page_until_labels_are_given_elsewhere(
    checking, labelled, given_to, browser_sends
):
    def guesses():
        return {line["row"]: line["guess"] for line in given_to(checking, TABLE)["lines"]}

    before = guesses()
    rows = list(before)
    # All that looked alike is now something else: the model says so, the page as it was read does not.
    names = [label.name for label in labelled.labels]
    other = next(name for name in names if name != before[rows[0]]["name"])
    labelled.label(rows[:20], other)
    labelled.quick_predictions("active")
    checking.run()
    after = guesses()
    assert list(after) == rows
    assert [after[row] for row in rows[20:]] == [before[row] for row in rows[20:]]
    outside = next(row for row in range(60) if row not in rows and not labelled.label_state().labelled[row])
    labelled.label([outside], other)
    labelled.quick_predictions("active")
    checking.run()
    assert [guesses()[row] for row in rows[20:]] != [before[row] for row in rows[20:]]


def test_what_somebody_labelled_since_the_page_was_drawn_keeps_its_label(
    checking, labelled, given_to, browser_sends
):
    shown = [line for line in given_to(checking, TABLE)["lines"] if line["guess"]]
    rows, labels = [line["row"] for line in shown], [line["guess"]["id"] for line in shown]
    labelled.view(annotator="bob").label(rows[:2], None)
    take(checking, browser_sends, {"kind": "accept", "rows": rows, "labels": labels})
    assert labelled.label_state().label_ids[rows].tolist() == [-2, -2, *labels[2:]]
    done = "Accepted 23 predictions; left out 2 that a person labelled meanwhile"
    assert given_to(checking, TABLE)["done"] == done


def test_where_somebody_labelled_the_whole_page_it_says_so_and_shows_what_is_left(
    checking, labelled, given_to, browser_sends
):
    shown = [line for line in given_to(checking, TABLE)["lines"] if line["guess"]]
    rows, labels = [line["row"] for line in shown], [line["guess"]["id"] for line in shown]
    labelled.view(annotator="bob").label(rows, None)
    take(checking, browser_sends, {"kind": "accept", "rows": rows, "labels": labels})
    assert "A person labelled all of these already" in checking.error[0].value
    assert (labelled.label_state().label_ids[rows] == -2).all()
    assert not {line["row"] for line in given_to(checking, TABLE)["lines"]} & set(rows)


def test_where_accepted_records_still_match_the_next_page_shows(labelled, open_page, given_to, browser_sends):
    labelled.quick_predictions("active")
    at = open_page("records", labelled)
    first = [line for line in given_to(at, TABLE)["lines"] if line["guess"] and not line["label"]]
    rows, labels = [line["row"] for line in first], [line["guess"]["id"] for line in first]
    take(at, browser_sends, {"kind": "accept", "rows": rows, "labels": labels})
    assert given_to(at, TABLE)["page"] == 1


def test_the_address_asks_for_unlabelled_records_the_typical_ones_first(labelled):
    address = check_address(200, seed=7)
    rows = labelled.rows_matching(json.loads(address["q"]), sort=json.loads(address["sort"]))
    assert sorted(rows) == np.flatnonzero(labelled.label_state().label_ids == -1).tolist()
    assert rows.tolist() != sorted(rows)
    assert [check_address(n)["size"] for n in (24, 200, 300)] == ["25", "50", "100"]
    assert check_address(0, n_labels=77)["size"] == "100"


def test_nothing_is_to_be_checked_before_two_labels_are_known(project):
    assert not can_check(project)
    project.label([0], "Alpha")
    assert not can_check(project)
    project.label([1], "Beta")
    assert can_check(project)


def test_taking_a_page_back_brings_its_records_back(checking, labelled, given_to, browser_sends):
    before = [line["row"] for line in given_to(checking, TABLE)["lines"]]
    labels = [line["guess"]["id"] for line in given_to(checking, TABLE)["lines"]]
    take(checking, browser_sends, {"kind": "accept", "rows": before, "labels": labels})
    take(checking, browser_sends, {"kind": "undo"}, first=2)
    assert [line["row"] for line in given_to(checking, TABLE)["lines"]] == before


def test_a_search_by_meaning_leaves_the_random_order(labelled):
    from pages.shared.records_state import View, by_meaning

    at_random = View(sort={"by": "random", "seed": 4})
    assert by_meaning(at_random, "meaning") == {"sort": None}
    assert by_meaning(at_random, "keyword") == {}
    assert by_meaning(View(sort={"by": "label"}), "meaning") == {}


def test_a_page_is_offered_for_acceptance_only_where_unlabelled_records_were_asked_for(
    checking, labelled, open_page, given_to
):
    assert given_to(checking, TABLE)["checking"]
    assert not given_to(open_page("records", labelled), TABLE)["checking"]


def test_of_very_many_labels_a_line_has_its_nine_likeliest(labelled, open_page, given_to):
    for i in range(20):
        labelled.add_label(f"Kind {i}")
    predicted, _ = labelled.quick_predictions("active")
    at = open_page("records", labelled)
    shown = given_to(at, TABLE)
    assert shown["many"]
    assert all(len(set(line["likely"])) == 9 for line in shown["lines"])
    assert all(line["likely"][0] == predicted[line["row"]] for line in shown["lines"])
