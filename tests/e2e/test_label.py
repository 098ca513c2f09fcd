"""Labelling with mouse and keys, on made-up vectors: sessions, reloads, and a lasso over 20,000 points."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

import embtune
from embtune.maps.shapes import points_in_polygon
from tests.e2e.conftest import chart_ready, draw_lasso, eventually, follow, open_page, ring, settled


def card_text(page) -> str:
    return page.locator("[data-testid=stMain]").inner_text()


def test_keys_label_save_and_advance_and_a_restart_returns_to_the_same_record(page, server, project):
    rows = np.arange(0, 30)
    session = project.create_session(rows, "Thirty", kind="list")
    page.goto(f"{server.url}/sessions?project=demo&session={session}")
    page.get_by_text(project.record(0).text).first.wait_for()
    for i, key in enumerate("1231"):
        page.get_by_text(project.record(i).text).first.wait_for()
        page.keyboard.press(key)
    page.get_by_text(project.record(4).text).first.wait_for()
    names = [label.name for label in project.labels]
    expected = [names[0], names[1], names[2], names[0]]
    eventually(page, lambda: [project.record(i).label for i in range(4)] == expected)
    assert project.record(0).source == "session"

    page.keyboard.press("s")  # skip
    page.get_by_text(project.record(5).text).first.wait_for()
    page.keyboard.press("b")  # back
    page.get_by_text(project.record(4).text).first.wait_for()
    page.keyboard.press("u")  # undo the last answer
    page.get_by_text(project.record(3).text).first.wait_for()
    eventually(page, lambda: project.record(3).label is None)
    assert project.record(2).label == names[2]

    page.reload()
    page.get_by_text(project.record(3).text).first.wait_for()
    server.stop()
    server.start()
    page.goto(f"{server.url}/sessions?project=demo&session={session}")
    page.get_by_text(project.record(3).text).first.wait_for()


def test_no_key_is_lost_when_typed_three_a_second(page, server, project):
    session = project.create_session(np.arange(0, 30), "Fast", kind="list")
    page.goto(f"{server.url}/sessions?project=demo&session={session}")
    page.get_by_text(project.record(0).text).first.wait_for()
    settled(page)
    for key in "1231231231":
        page.keyboard.press(key, delay=20)
        page.wait_for_timeout(313)
    page.get_by_text(project.record(10).text).first.wait_for()
    names = [label.name for label in project.labels]
    expected = [names[int(key) - 1] for key in "1231231231"]
    eventually(page, lambda: [project.record(i).label for i in range(10)] == expected)


def test_neighbours_become_a_session_in_their_order(page, server, project):
    page.goto(f"{server.url}/neighbors?project=demo&row=0&k=10")
    settled(page)
    page.get_by_role("button", name=re.compile(r"Start session with these")).first.click()
    expected, _ = project.neighbor_rows(0, 10, "raw")
    eventually(page, lambda: len(project.sessions()) == 1)
    page.locator(".card .text", has_text=project.record(int(expected[0])).text).wait_for()
    made = project.sessions()[0]
    assert [item.row for item in project.sessions_book.items(made.id)] == expected.tolist()


def test_undo_takes_a_lasso_back_and_the_lasso_stays_armed(page, server, project):
    project.make_map(embedding="raw", method="umap")
    xy = project.map("raw", "umap")
    open_page(page, server, "map", "demo")
    chart_ready(page)
    rows = np.arange(0, 60, 3)
    center = xy[rows].mean(axis=0)
    for _ in range(2):
        chart_ready(page)
        draw_lasso(page, ring(center, 0.3 * float(np.ptp(xy[rows], axis=0).max())))
        page.locator(".st-key-map_give_none").wait_for()
        settled(page)
        page.keyboard.press("1")
        page.locator(".st-key-map_undo button").wait_for()
        assert project.label_state().labelled.any()
        page.locator(".st-key-map_undo button").click()
        page.locator(".st-key-map_undo").wait_for(state="detached")
        assert not project.label_state().labelled.any()
        settled(page)


def test_the_part_of_the_map_that_is_looked_at_stays_when_its_colours_change(page, server, project):
    def shown():
        """Return the part of the map that the chart shows, rounded."""
        return page.evaluate(
            "() => { const { xaxis, yaxis } = document.querySelector('.js-plotly-plot')._fullLayout;"
            " return [...xaxis.range, ...yaxis.range].map((at) => Number(at.toFixed(3))); }"
        )

    def rested():
        """Whether the chart moved no more in half a second, in which it tells where it is."""
        before = shown()
        page.wait_for_timeout(500)
        return shown() == before

    project.make_map(embedding="raw", method="pca")
    open_page(page, server, "map", "demo")
    chart_ready(page)
    whole = shown()
    page.locator(".st-key-map_chart").hover()
    page.locator(".st-key-map_chart .modebar-btn[data-title='Zoom in']").click()
    eventually(page, lambda: shown()[1] - shown()[0] < 0.7 * (whole[1] - whole[0]))
    eventually(page, rested)
    settled(page)
    part = shown()
    project.label([0, 1, 2], "Alpha")
    page.locator(".st-key-map_color").click()
    page.get_by_text("colour by source", exact=True).click()
    page.get_by_text(re.compile(r"manual 3")).wait_for()
    chart_ready(page)
    # The old chart goes a little later than the new one comes.
    eventually(page, lambda: page.locator(".st-key-map_chart").count() == 1 and shown() == part)
    page.locator(".st-key-map_chart").hover()
    page.locator(".st-key-map_chart .modebar-btn[data-title='Autoscale']").click()
    eventually(page, lambda: shown() != part and rested())
    settled(page)
    page.locator(".st-key-map_color").click()
    page.get_by_text("colour by label", exact=True).last.click()
    page.get_by_text(re.compile(r"Alpha 3")).first.wait_for()
    # All of it, be it as the chart begins or as it fits by itself, with a little less around it.
    wide = 0.9 * (whole[1] - whole[0])
    eventually(
        page, lambda: page.locator(".st-key-map_chart").count() == 1 and shown()[1] - shown()[0] > wide
    )


@pytest.fixture
def big_project(home, tmp_path):
    """20,000 records around eight centres, with their PCA."""
    generator = np.random.default_rng(0)
    n = 20_000
    centres = generator.normal(size=(8, 16))
    vectors = centres[np.arange(n) % 8] + generator.normal(0, 0.45, (n, 16))
    np.save(tmp_path / "vectors.npy", vectors.astype(np.float32))
    rows = [{"text": f"Record number {i} of cloud {i % 8}."} for i in range(n)]
    made = embtune.open("big")
    made.import_records(json.dumps(rows).encode(), name="big.json", text="{text}")
    made.embed(vectors=tmp_path / "vectors.npy")
    made.make_map(embedding="raw", method="pca")
    made.add_label("Inside")
    return made


def test_a_lasso_over_20000_points_selects_exactly_what_its_polygon_holds(page, server, big_project):
    xy = big_project.map("raw", "pca")
    open_page(page, server, "map", "big")
    chart_ready(page)
    draw_lasso(page, ring(xy[:800:8].mean(axis=0), 0.12 * float(np.ptp(xy, axis=0).max()), n=28))
    page.get_by_text(re.compile(r"[\d,]+ records inside")).wait_for()
    page.locator(".st-key-map_give_none").wait_for()
    settled(page)
    page.keyboard.press("1")
    page.locator(".st-key-map_undo").wait_for()
    action = big_project.history(1)[0]
    shape = action.detail["shapes"][0]
    expected = np.flatnonzero(points_in_polygon(xy, np.column_stack([shape["x"], shape["y"]])))
    assert len(expected) > 500
    assert np.flatnonzero(big_project.label_state().labelled).tolist() == expected.tolist()


def test_an_import_by_hand_shows_the_template_live_and_counts(page, server, tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text(
        "Title,Body,Kind\n" + "".join(f"Title {i},Some words in text {i},{'ab'[i % 2]}\n" for i in range(12)),
        encoding="utf-8",
    )
    open_page(page, server)
    page.locator("input[type=file]").first.set_input_files(str(file))
    page.get_by_text(re.compile(r"Title 0\. Some words in text 0")).first.wait_for()
    page.locator(".st-key-projects_import button").click()
    page.get_by_text(re.compile(r"12 new records")).first.wait_for()
    assert [card.n_records for card in embtune.projects()] == [12]


def test_a_bad_file_says_one_sentence_and_makes_no_project(page, server, tmp_path):
    file = tmp_path / "bad.csv"
    file.write_text("a,b\n1,2\n1,2,3\n", encoding="utf-8")
    open_page(page, server)
    page.locator("input[type=file]").first.set_input_files(str(file))
    page.get_by_text(re.compile(r"line 3")).first.wait_for()
    assert embtune.projects() == []


def test_following_the_navigation_shows_every_page_without_an_error(page, server, project):
    open_page(page, server, "", "demo")
    for name in ("Map", "Neighbors", "Sessions", "Tune", "Evaluate", "Export", "Projects"):
        follow(page, name)
        assert page.get_by_test_id("stException").count() == 0
