"""The map page: a map that labels guide, and the movement from raw to a tuned version."""

from __future__ import annotations

import numpy as np
import pytest


def lasso(x0, x1, y0, y1):
    shape = {"x": [x0, x1, x1, x0], "y": [y0, y0, y1, y1]}
    return {"selection": {"points": [], "point_indices": [], "box": [], "lasso": [shape]}}


def test_separating_labels_is_off_with_the_reason_until_there_are_labels(open_page, project, started, shown):
    project.make_map(method="umap")
    at = open_page("map", project)
    button = at.button(key="map_guided_off")
    assert button.disabled
    assert button.help == "It takes at least 2 labels with 2 records each; none has that many now."
    assert at.segmented_control(key="map_method").options == ["PCA", "UMAP"]
    project.label([0, 3], "Alpha")
    project.label([1, 4], "Beta")
    at.run()
    assert "Separate my labels" in at.segmented_control(key="map_method").options
    at.segmented_control(key="map_method").set_value("umap-labels").run()
    assert started == [("map", {"embedding": "raw", "method": "umap-labels"})]
    assert "The map of raw that separates your labels is being drawn" in shown(at)


def test_a_guided_map_whose_labels_changed_says_so_and_is_renewed_with_one_click(
    open_page, labelled, started, shown
):
    labelled.make_map(method="umap")
    labelled.make_map(method="umap-labels")
    at = open_page("map", labelled)
    at.segmented_control(key="map_method").set_value("umap-labels").run()
    assert "labels have changed" not in shown(at)
    labelled.label(59, "Gamma")
    at.run()
    assert "The labels have changed since they guided this map." in shown(at)
    at.button(key="map_renew").click().run()
    assert started == [("map", {"embedding": "raw", "method": "umap-labels"})]
    assert not at.exception
    labelled.make_map(method="umap-labels")
    at.run()
    assert "labels have changed" not in shown(at)


@pytest.fixture
def at(open_page, tuned):
    for name in ("raw", "v1"):
        tuned.make_map(embedding=name, method="umap")
    tuned.activate("v1")
    return open_page("map", tuned)


def test_without_a_version_there_is_no_movement_to_show(open_page, project):
    project.make_map(method="umap")
    assert [one.key for one in open_page("map", project).toggle] == []


def test_nothing_is_computed_until_the_movement_is_asked_for(at, tuned, monkeypatch):
    def fail(*_):
        raise AssertionError

    monkeypatch.setattr("embtune.work.moving.movement", fail)
    at.run()
    assert not at.exception


@pytest.mark.parametrize("method", ["pca", "umap"])
def test_the_movement_counts_gain_and_harm_alike(at, tuned, shown, method):
    at.segmented_control(key="map_method").set_value(method).run()
    at.toggle(key="map_movement").set_value(True).run()
    assert not at.exception
    counts = tuned.movement("v1", method).counts
    text = shown(at)
    assert f"**{counts['crossed']:,}** of 60 records crossed" in text
    for which, words in (("into_own", "into their own class"), ("out_of_own", "out of their own class")):
        assert f"{counts[which]:,}</div><div>{words}</div>" in text
        assert f"{counts['unseen_' + which]:,} not trained on" in text
    assert "Reached their own class" in text
    assert "Left their own class" in text


def test_the_movement_is_not_offered_on_raw_or_on_a_guided_map(at, tuned):
    at.toggle(key="map_movement").set_value(True).run()
    at.segmented_control(key="map_embedding").set_value("raw").run()
    assert at.toggle(key="map_movement").disabled
    assert at.segmented_control(key="map_tool").disabled is False
    tuned.make_map(embedding="v1", method="umap-labels")
    at.segmented_control(key="map_embedding").set_value("v1").run()
    at.segmented_control(key="map_method").set_value("umap-labels").run()
    assert at.toggle(key="map_movement").disabled


def test_the_movement_waits_for_the_umap_of_raw(open_page, tuned, started, shown):
    tuned.make_map(embedding="v1", method="umap")
    tuned.activate("v1")
    at = open_page("map", tuned)
    at.toggle(key="map_movement").set_value(True).run()
    assert started == [("map", {"embedding": "raw", "method": "umap"})]
    assert "The UMAP of raw is being drawn; the movement shows when it is there" in shown(at)


def test_what_was_drawn_is_there_again_after_the_movement(at, tuned, shown):
    xy = tuned.map("v1", "umap")
    (x0, y0), (x1, y1) = xy.min(axis=0) - 1, xy.max(axis=0) + 1
    at.session_state["map_chart"] = lasso(x0, x1, y0, y1)
    at.run()
    assert "60 records inside" in shown(at)
    at.toggle(key="map_movement").set_value(True).run()
    assert "records inside" not in shown(at)
    at.toggle(key="map_movement").set_value(False).run()
    assert "60 records inside" in shown(at)


def test_who_left_their_class_can_be_reviewed(at, tuned, monkeypatch):
    rows = np.array([4, 9])
    monkeypatch.setattr("embtune.work.moving.Movement.out_of_own", property(lambda self: rows))
    at.toggle(key="map_movement").set_value(True).run()
    at.button(key="map_moved_review_out").click().run()
    session = tuned.sessions()[0]
    assert session.name == "Left their own class from raw to v1"
    assert session.n_items == 2


def test_the_figure_marks_who_crossed_and_ends_at_the_version(tuned):
    from pages.shared.map_coloring import coloring
    from pages.shared.map_movement import N_FRAMES, movement_figure

    moved = tuned.movement("v1", "pca")
    figure, n = movement_figure(moved, coloring(tuned, "label", "v1"), "v1")
    assert n == 60
    assert len(figure.frames) == N_FRAMES
    points, otherwise, into, out = figure.frames[-1].data
    assert len(points.x) == 60
    counts = moved.counts
    assert len(into.x) == counts["into_own"]
    assert len(out.x) == counts["out_of_own"]
    assert len(otherwise.x) == counts["crossed"] - counts["into_own"] - counts["out_of_own"]
    assert sorted(points.x) == pytest.approx(sorted(moved.after[:, 0]))
    assert sorted(figure.data[0].x) == pytest.approx(sorted(moved.before[:, 0]))
