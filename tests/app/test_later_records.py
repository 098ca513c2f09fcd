"""Records that came after a version was made: the pages say how many, and offer to draw the map anew."""

import base64
import json

import numpy as np
import pytest

from pages.shared import map_chart
from tests.conftest import synthetic


def traces(at):
    """What the map draws, as the browser gets it."""
    return json.loads(at.get("plotly_chart")[0].proto.spec)["data"]


def values(sent):
    return np.frombuffer(base64.b64decode(sent["bdata"]), dtype=sent["dtype"])


@pytest.fixture
def grown(labelled, tmp_path):
    """The labelled project with `v1` and its maps, and 6 records more that were embedded since."""
    labelled.tune("propagate")
    labelled.make_map(embedding="v1", method="pca")
    labelled.make_map(embedding="v1", method="umap")
    rows, vectors = synthetic(n_each=22)
    np.save(tmp_path / "more.npy", np.vstack([labelled.vectors("raw"), vectors[60:]]))
    labelled.import_records(json.dumps(rows[60:]).encode(), name="more.json", text="{title}. {body}")
    labelled.embed(vectors=tmp_path / "more.npy")
    return labelled


def test_the_tune_page_says_how_many_records_a_version_never_saw(open_page, grown, shown):
    said = shown(open_page("tune", grown))
    assert "6 records came later: placed by the model, not part of its training." in said


def test_the_map_says_it_too_and_can_be_drawn_again(open_page, grown, shown, started):
    at = open_page("map", grown, map_kept_embedding="v1", map_kept_method="umap")
    assert "6 records came later: placed by the model" in shown(at)
    assert "drawn without 6 records" in shown(at)
    at.button(key="map_with_later").click().run()
    assert started == [("map", {"embedding": "v1", "method": "umap"})]


def test_they_have_a_marker_of_their_own_on_the_map_which_the_legend_names(open_page, grown):
    at = open_page("map", grown, map_kept_embedding="v1", map_kept_method="umap")
    xy = grown.map("v1", "umap")
    marked = [trace for trace in traces(at) if trace["marker"].get("symbol") == "diamond-open"]
    assert len(marked) == 1
    assert values(marked[0]["x"]) == pytest.approx(xy[60:, 0], abs=1e-5)
    legend = next(pills for pills in at.pills if pills.label == "Later records")
    assert legend.options == ["◇ came later 6"]
    legend.set_value([]).run()
    assert [len(values(trace["x"])) for trace in traces(at)] == [60]


def test_drawn_again_they_stay_apart_until_the_next_version(open_page, grown):
    grown.make_map(embedding="v1", method="pca")
    assert (grown.n_placed("v1", "pca"), grown.first_later("v1", "pca")) == (0, 60)
    assert grown.first_later("raw", "pca") == 66
    at = open_page("map", grown, map_kept_embedding="v1", map_kept_method="pca")
    assert [len(values(trace["x"])) for trace in traces(at)] == [60, 6]


def test_on_a_picture_they_are_open_diamonds_too():
    import io

    from PIL import Image

    codes = np.array([-1, -1, 0])
    xy = np.array([[0, 0], [100, 100], [50, 50]], dtype=np.float32)
    later = np.array([False, False, True])
    drawn = map_chart._picture(xy, codes, None, ("#FF0000",), later)
    picture = np.array(Image.open(io.BytesIO(drawn.png)))
    red = np.argwhere((picture[..., 0] > 200) & (picture[..., 1] < 60) & (picture[..., 3] > 0))
    middle = red.mean(axis=0).round().astype(int)
    assert picture[*middle, 3] == 0  # open
    assert np.abs(red - middle).sum(axis=1).max() >= 5
    assert np.abs(red - middle).sum(axis=1).min() >= 2


def test_nothing_is_said_where_nothing_came(open_page, labelled, shown):
    at = open_page("map", labelled, map_kept_method="pca")
    assert "came later" not in shown(at)
    assert not [button for button in at.button if button.key == "map_with_later"]


def test_above_a_picture_they_are_drawn_as_marks_as_long_as_they_are_few(open_page, grown, monkeypatch):
    monkeypatch.setattr(map_chart, "RASTER_FROM", 10)
    at = open_page("map", grown, map_kept_embedding="v1", map_kept_method="umap")
    assert [len(values(trace["x"])) for trace in traces(at)[1:]] == [6]  # the first only makes room
    monkeypatch.setattr(map_chart, "LATER_UP_TO", 5)
    at = open_page("map", grown, map_kept_embedding="v1", map_kept_method="umap")
    assert len(traces(at)) == 1
