"""The map coloured by cluster: the list, one click to select all of a cluster, and near-duplicates."""

from __future__ import annotations

import json

import numpy as np
import pytest

from embtune.maps.selection import Selection, clicked_point
from pages.shared.map_chart import clicked_cluster, cluster_centers
from pages.shared.map_coloring import coloring, coloring_choices


@pytest.fixture
def clustered(project):
    project.make_map(embedding="raw", method="pca")
    project.make_map(embedding="raw", method="umap")
    project.clusters("raw", k=3)
    return project


@pytest.fixture
def at(open_page, clustered):
    return open_page("map", clustered, map_kept_color="cluster")


def texts(at):
    return " ".join(element.value for element in [*at.markdown, *at.caption])


def test_the_list_of_clusters_stands_where_the_steps_were(at):
    assert "### 3 clusters" in texts(at)
    assert "Draw around points that belong together" not in texts(at)


def test_a_click_on_a_line_selects_all_of_the_cluster_and_a_label_is_given_to_it(at, clustered):
    found = clustered.clusterings()[0]
    at.session_state["map_clusters_table_0"] = {"selection": {"rows": [1], "columns": [], "cells": []}}
    at.run()
    assert not at.exception
    selection = at.session_state["map_selection"]
    assert selection.picked_rows.tolist() == found.rows(1).tolist()
    assert found.names[1] in texts(at)
    alpha = clustered.label_named("Alpha")
    next(b for b in at.button if str(b.key).endswith(f"_{alpha.id}")).click().run()
    assert np.flatnonzero(clustered.label_state().label_ids == alpha.id).tolist() == found.rows(1).tolist()


def test_a_click_on_a_point_selects_its_cluster(at, clustered):
    found = clustered.clusterings()[0]
    row = int(found.rows(2)[0])
    x, y = clustered.map("raw", "umap")[row].tolist()
    at.session_state["map_chart"] = {
        "selection": {"points": [{"curve_number": 0, "x": x, "y": y}], "lasso": [], "box": []}
    }
    at.run()
    assert at.session_state["map_selection"].picked_rows.tolist() == found.rows(2).tolist()


def test_the_name_of_a_cluster_stands_on_one_of_its_records(clustered):
    found = clustered.clusterings()[0]
    xy = clustered.map("raw", "umap")
    centers = cluster_centers(xy, found)
    for i in range(3):
        assert clicked_cluster(tuple(centers[i].tolist()), xy, found) == i
        assert (np.abs(xy[found.rows(i)] - centers[i]).sum(axis=1) < 1e-6).any()


def test_a_drawn_shape_is_no_click():
    event = {
        "selection": {"points": [{"x": 1, "y": 2}], "box": [], "lasso": [{"x": [0, 1, 1], "y": [0, 0, 1]}]}
    }
    assert clicked_point(event) is None
    assert clicked_point({"selection": {"points": [{"x": 1, "y": 2}]}}) == (1.0, 2.0)
    assert clicked_point(None) is None


def test_picked_records_combine_with_shapes():
    xy = np.array([[0.0, 0.0], [1.0, 1.0], [5.0, 5.0]])
    picked = Selection.of(np.array([2, 0]), "oil")
    assert not picked.empty
    assert picked.rows(xy).tolist() == [0, 2]
    assert picked.without(0).rows(xy).tolist() == [2]
    from embtune.maps.selection import Shape

    box = Shape((-1.0, 2.0, 2.0, -1.0), (-1.0, -1.0, 2.0, 2.0))
    assert picked.draw([box], "add").rows(xy).tolist() == [0, 1, 2]
    assert picked.draw([box], "remove").rows(xy).tolist() == [2]
    assert picked.draw([box], "replace").rows(xy).tolist() == [0, 1]
    assert picked.as_dict()["n_picked"] == 2
    assert picked == Selection.of(np.array([0, 2]), "oil")


def test_what_is_not_chosen_turns_grey_and_what_was_grey_gets_a_colour(clustered):
    clustered.label([0], "Alpha")
    only = coloring(clustered, "label", "raw").only(np.array([0, 1]))
    assert only.codes[0] == 0
    assert only.names[only.codes[1]] == "chosen"
    assert (only.codes[2:] == -1).all()


def test_fields_colour_where_they_say_something(home, tmp_path):
    import embtune

    rows = [
        {"text": f"unique {i}", "year": 1900 + i, "team": "a" if i % 2 else "b", "same": "x"}
        for i in range(30)
    ]
    made = embtune.open("fields")
    made.import_records(json.dumps(rows).encode(), name="f.json", text="{text}")
    np.save(tmp_path / "v.npy", np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32))
    made.embed(vectors=tmp_path / "v.npy")
    choices = coloring_choices(made)
    assert [one for one in choices if one.startswith("field")] == ["field: year", "field: team"]
    year = coloring(made, "field: year", "raw")
    assert year.values.tolist() == [1900 + i for i in range(30)]
    assert year.low < year.high
    assert coloring(made, "field: team", "raw").names == ("a", "b")


def test_flagged_records_have_a_colour_of_their_own(clustered):
    clustered.flag([5])
    found = coloring(clustered, "flagged", "raw")
    assert np.flatnonzero(found.codes == 0).tolist() == [5]
    assert "raw ≠ tuned" not in coloring_choices(clustered)


def test_near_duplicates_are_offered_where_one_is_labelled(open_page, home, tmp_path):
    import embtune

    angles = np.deg2rad([0, 4, 8, 90, 150, 200])
    made = embtune.open("twins")
    made.import_records(
        json.dumps([{"text": f"text {i}"} for i in range(6)]).encode(), name="t.json", text="{text}"
    )
    np.save(tmp_path / "v.npy", np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32))
    made.embed(vectors=tmp_path / "v.npy")
    made.add_label("Sports")
    made.label([0], "Sports")
    at = open_page("neighbors", made, neighbors_row=0)
    assert "2 near-duplicates" in at.button(key="duplicates_ask").label
    at.button(key="duplicates_ask").click().run()
    at.button(key="duplicates_label").click().run()
    assert not at.exception
    assert [record.label for record in made.records([0, 1, 2, 3])] == ["Sports"] * 3 + [None]
    assert "duplicates_ask" not in [button.key for button in at.button]
