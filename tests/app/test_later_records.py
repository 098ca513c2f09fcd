"""Records that came after a version was made: the pages say how many, and offer to draw the map anew."""

import json

import numpy as np
import pytest

from tests.conftest import synthetic


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


def test_nothing_is_said_where_nothing_came(open_page, labelled, shown):
    at = open_page("map", labelled, map_kept_method="pca")
    assert "came later" not in shown(at)
    assert not [button for button in at.button if button.key == "map_with_later"]
