"""The map page: what is drawn selects, what is selected can be labelled, and labels can be undone."""

from __future__ import annotations

import numpy as np
import pytest


def lasso(x, y):
    return {
        "selection": {"points": [], "point_indices": [], "box": [], "lasso": [{"x": list(x), "y": list(y)}]}
    }


def around(xy, rows, margin=0.5):
    """A box around those points, as a lasso, and the rows that lie in it."""
    (x0, y0), (x1, y1) = xy[rows].min(axis=0) - margin, xy[rows].max(axis=0) + margin
    inside = (xy[:, 0] > x0) & (xy[:, 0] < x1) & (xy[:, 1] > y0) & (xy[:, 1] < y1)
    return lasso([x0, x1, x1, x0], [y0, y0, y1, y1]), np.flatnonzero(inside)


def texts(at):
    return " ".join(element.value for element in [*at.markdown, *at.caption])


def draw(at, event):
    """Report a drawing as the browser does."""
    at.session_state["map_chart"] = event
    return at.run()


@pytest.fixture
def at(open_page, project):
    project.make_map(embedding="raw", method="pca")
    project.make_map(embedding="raw", method="umap")
    return open_page("map", project)


def test_without_a_drawing_the_page_says_the_three_steps_and_lists_the_labels(at):
    assert "Draw around points that belong together" in texts(at)
    assert "Tuning needs at least 2 labels" in texts(at)


def test_a_lasso_counts_exactly_what_lies_inside_and_a_label_is_given_to_it(at, project):
    xy = project.map("raw", "umap")
    event, expected = around(xy, np.arange(0, 60, 3))
    draw(at, event)
    assert f"{len(expected):,} records inside" in texts(at)
    alpha = project.label_named("Alpha")
    at.button(key=f"map_give_{alpha.id}").click().run()
    assert not at.exception
    state = project.label_state()
    assert np.flatnonzero(state.label_ids == alpha.id).tolist() == expected.tolist()
    action = project.history(1)[0]
    assert action.source == "lasso"
    assert action.detail["map"] == {"embedding": "raw", "method": "umap"}
    assert len(action.detail["shapes"]) == 1


def test_after_labelling_the_drawing_is_gone_and_undo_takes_all_of_it_back(at, project):
    event, expected = around(project.map("raw", "umap"), [0, 3, 6])
    draw(at, event)
    at.button(key=f"map_give_{project.label_named('Beta').id}").click().run()
    assert "records inside" not in texts(at)
    assert f"Labelled {len(expected)} record" in texts(at)
    at.button(key="map_undo").click().run()
    assert not project.label_state().labelled.any()


def test_what_a_person_labelled_is_not_changed_unless_asked_for(at, project):
    xy = project.map("raw", "umap")
    event, expected = around(xy, np.arange(0, 60, 3))
    project.label(expected[:2], "Gamma")
    draw(at, event)
    at.button(key=f"map_give_{project.label_named('Alpha').id}").click().run()
    state = project.label_state()
    gamma, alpha = project.label_named("Gamma").id, project.label_named("Alpha").id
    assert state.label_ids[expected[:2]].tolist() == [gamma, gamma]
    assert (state.label_ids[expected[2:]] == alpha).all()


def test_a_record_can_be_taken_out_of_the_selection(at, project):
    event, expected = around(project.map("raw", "umap"), np.arange(0, 60, 3))
    draw(at, event)
    out = next(b for b in at.button if str(b.key).startswith("map_out_"))
    row = int(out.key.removeprefix("map_out_"))
    out.click().run()
    assert f"{len(expected) - 1:,} records inside" in texts(at)
    at.button(key=f"map_give_{project.label_named('Alpha').id}").click().run()
    assert project.label_state().label_ids[row] == -1


def test_a_key_pressed_before_a_new_drawing_was_looked_at_labels_nothing(at, project):
    xy = project.map("raw", "umap")
    first, _ = around(xy, np.arange(0, 60, 3))
    second, rows = around(xy, np.arange(1, 60, 3))
    draw(at, first)
    at.session_state["map_chart"] = second  # drawn, and the key comes in the same breath
    at.button(key=f"map_give_{project.label_named('Alpha').id}").click().run()
    assert not project.label_state().labelled.any()
    assert f"{len(rows):,} records inside" in texts(at)


def test_a_shape_does_not_move_to_another_map(at, project):
    event, _ = around(project.map("raw", "umap"), np.arange(0, 60, 3))
    draw(at, event)
    project.make_map(embedding="raw", method="umap", seed=7)  # as a job does while the page is open
    at.run()
    assert "records inside" not in texts(at)


def test_add_and_remove_combine_drawings(at, project):
    xy = project.map("raw", "umap")
    first, rows_a = around(xy, np.arange(0, 60, 3))
    second, rows_b = around(xy, np.arange(1, 60, 3))
    draw(at, first)
    at.segmented_control(key="map_mode").set_value("add").run()
    draw(at, second)
    assert f"{len(np.union1d(rows_a, rows_b)):,} records inside" in texts(at)
    at.segmented_control(key="map_mode").set_value("remove").run()
    draw(at, first)
    assert f"{len(np.setdiff1d(rows_b, rows_a)):,} records inside" in texts(at)


def test_a_label_hidden_in_the_legend_is_not_selected(at, project):
    xy = project.map("raw", "umap")
    event, expected = around(xy, np.arange(0, 60, 3))
    project.label(expected[:3], "Gamma")
    at.run()
    legend = next(b for b in at.pills if b.label == "Legend")
    legend.set_value([place for place in legend.value if place != 2]).run()
    draw(at, event)
    assert f"{len(expected) - 3:,} records inside" in texts(at)


def test_label_one_by_one_makes_a_session_of_the_selection(at, project):
    event, expected = around(project.map("raw", "umap"), [1, 4, 7])
    draw(at, event)
    at.button(key="map_session").click().run()
    session = project.sessions()[0]
    assert session.kind == "shape"
    assert session.n_items == len(expected)


@pytest.mark.parametrize("choice", ["label", "source", "prediction", "confidence"])
def test_every_colouring_draws(at, project, choice):
    project.label(np.arange(0, 30, 3), "Alpha")
    project.label(np.arange(1, 30, 3), "Beta")
    at.selectbox(key="map_color").set_value(choice).run()
    assert not at.exception


def test_an_empty_label_set_asks_for_the_first_label(open_page, plain_project):
    plain_project.make_map(embedding="raw", method="umap")
    at = open_page("map", plain_project)
    assert "The label set is empty" in texts(at)


def test_in_other_colours_the_map_shows_the_part_that_was_looked_at(at, project, browser_sends):
    import json

    def shown():
        layout = json.loads(at.get("plotly_chart")[0].proto.spec)["layout"]
        return layout["xaxis"]["range"], layout["yaxis"]["range"]

    def move(**view):
        browser_sends(at, "map_keeper", view={"map": repr(at.session_state["map_shown_map"]), **view})

    whole, part = shown(), ([-1.5, 0.5], [2.0, 3.0])
    move(x=part[0], y=part[1])
    assert shown() == whole  # the chart is left as it is: any change would be a new one
    at.selectbox(key="map_color").set_value("source").run()
    assert shown() == part
    move()  # all of it, by the button of the chart
    at.selectbox(key="map_color").set_value("label").run()
    assert shown() == whole
    move(x=part[0], y=part[1])
    at.segmented_control(key="map_method").set_value("pca").run()
    assert shown() not in (whole, part)  # another map
