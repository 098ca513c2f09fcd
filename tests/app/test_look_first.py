"""Before and after a bulk action: the estimate, what is left out, the message with its undo."""

from __future__ import annotations

import numpy as np
import pytest

from tests.app.test_page_map import around, draw


@pytest.fixture
def at(open_page, labelled):
    labelled.make_map(embedding="raw", method="pca")
    labelled.make_map(embedding="raw", method="umap")
    return open_page("map", labelled)


@pytest.fixture
def html(shown):
    """All text of the page, counts and estimate included."""
    return shown


def drawn(at, project, rows):
    event, inside = around(project.map("raw", "umap"), rows)
    draw(at, event)
    return inside


ALPHA = np.arange(0, 60, 3)


def test_the_estimate_names_the_likeliest_label_with_its_interval(at, labelled, html):
    inside = drawn(at, labelled, ALPHA)
    look = labelled.look_first(inside)
    assert look.label == "Alpha"
    assert f"≈ {100 * look.purity.share:.0f} % Alpha" in html(at)
    assert f"({100 * look.purity.low:.0f} to" in html(at)


def test_without_labels_there_are_counts_and_no_estimate(open_page, project, html):
    project.make_map(embedding="raw", method="umap")
    at = open_page("map", project)
    inside = drawn(at, project, ALPHA)
    assert f"### {len(inside)} records inside" in html(at)
    assert "≈" not in html(at)


def test_the_uncertain_can_be_left_out_of_what_is_labelled(at, labelled):
    everything = np.arange(60)
    inside = drawn(at, labelled, everything)
    look = labelled.look_first(inside)
    assert 0 < len(look.uncertain) < len(look.rows)
    at.toggle(key="map_sure").set_value(True).run()
    at.button(key=f"map_give_{labelled.label_named(look.label).id}").click().run()
    action = labelled.history(1)[0]
    assert action.n_records == len(look.rows) - len(look.uncertain)
    state = labelled.label_state()
    assert (state.label_ids[look.uncertain] == -1).all()
    # The next shape starts with all that is in it.
    drawn(at, labelled, everything)
    assert not at.toggle(key="map_sure").value


def test_another_label_leaves_out_what_is_uncertain_for_that_label(at, labelled):
    inside = drawn(at, labelled, np.arange(60))
    look = labelled.look_first(inside)
    other = next(label for label in labelled.labels if label.name != look.label)
    sure = labelled.look_first(inside, other.name).without_uncertain()
    assert 0 < len(sure) < len(look.rows)
    assert set(sure) != set(look.without_uncertain())
    at.toggle(key="map_sure").set_value(True).run()
    assert not [button for button in at.button if button.key == "map_give_none"]  # nothing is predicted of it
    at.button(key=f"map_give_{other.id}").click().run()
    assert labelled.rows_of_action(labelled.history(1)[0].id).tolist() == sure.tolist()


def test_a_label_of_which_nothing_is_known_is_given_to_none_of_the_sure(open_page, labelled):
    new = labelled.add_label("Delta")
    labelled.make_map(embedding="raw", method="umap")
    at = open_page("map", labelled)
    drawn(at, labelled, np.arange(60))
    at.toggle(key="map_sure").set_value(True).run()
    last = labelled.history(1)[0].id
    at.button(key=f"map_give_{new.id}").click().run()
    assert "Which ones are surely Delta is not known" in at.error[0].value
    assert labelled.history(1)[0].id == last


def test_what_somebody_labelled_after_the_shape_was_drawn_keeps_its_label(at, labelled, html):
    inside = drawn(at, labelled, ALPHA)
    new = inside[~labelled.label_state().manual[inside]]
    labelled.view(annotator="bob").label(new[:2], "Gamma")
    at.button(key=f"map_give_{labelled.label_named('Beta').id}").click().run()
    assert [record.label for record in labelled.records(new[:2])] == ["Gamma", "Gamma"]
    assert (labelled.label_state().label_ids[new[2:]] == labelled.label_named("Beta").id).all()
    assert "left out 2 that a person labelled meanwhile" in html(at)


def test_with_those_a_person_labelled_all_inside_are_changed(at, labelled):
    inside = drawn(at, labelled, ALPHA)
    at.toggle(key="map_relabel").set_value(True).run()
    labelled.view(annotator="bob").label(inside[-2:], "Gamma")
    at.button(key=f"map_give_{labelled.label_named('Beta').id}").click().run()
    assert (labelled.label_state().label_ids[inside] == labelled.label_named("Beta").id).all()


def test_of_many_labels_the_likeliest_in_the_selection_come_first(open_page, labelled):
    labelled.make_map(embedding="raw", method="umap")

    def given(rows):
        at = open_page("map", labelled)
        inside = drawn(at, labelled, rows)
        keys = [str(button.key) for button in at.button]
        return at, inside, [key for key in keys if key.startswith("map_give_") and key != "map_give_none"]

    gammas = np.arange(2, 60, 3)
    first = [f"map_give_{label.id}" for label in labelled.labels]
    assert given(gammas)[2] == first  # a few keep their places
    for i in range(100):
        labelled.add_label(f"Label {i}")
    guesses = labelled.quick_predictions("active")[0]
    at, inside, keys = given(gammas)
    most = np.bincount(guesses[labelled.look_first(inside).rows]).argmax()
    assert labelled.label_named("Gamma").id == most
    assert keys[0] == f"map_give_{most}"
    assert len(keys) == 30
    assert len(at.selectbox(key="map_give_more").options) == 73


def test_a_text_is_shown_once_and_each_can_be_taken_out(at, labelled):
    inside = drawn(at, labelled, np.arange(60))
    out = [int(str(b.key).removeprefix("map_out_")) for b in at.button if str(b.key).startswith("map_out_")]
    assert len(out) == len(set(out)) >= 8
    look = labelled.look_first(inside)
    assert set(look.least_certain.tolist()) <= set(out)


def test_after_labelling_one_click_undoes_it(at, labelled, html):
    before = labelled.label_state().label_ids.copy()
    drawn(at, labelled, ALPHA)
    at.button(key=f"map_give_{labelled.label_named('Alpha').id}").click().run()
    assert labelled.history(1)[0].summary.split()[0] in html(at)
    at.button(key="map_undo").click().run()
    assert labelled.label_state().label_ids.tolist() == before.tolist()


def test_calibration_says_on_what_it_was_measured(labelled):
    from pages.shared.calibration_chart import figure, sentence

    found = labelled.calibration()
    assert "24 labels, each predicted by a model that did not know it" in sentence(found)
    points = figure(found).data[1]
    assert len(points.x) == len(found.reliability.bins)
