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
