"""The main job in a real browser: from the sample project to labels and a model of one's own."""

from __future__ import annotations

import csv
import re

import numpy as np
import pytest

import embtune
from embtune.maps.shapes import points_in_polygon
from tests.e2e.conftest import chart_ready, draw_lasso, eventually, follow, open_page, ring, settled

pytestmark = pytest.mark.model


def densest(xy: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The point among `rows` with the most others of them near it."""
    points = xy[rows]
    spread = np.ptp(xy, axis=0).max()
    near = (np.linalg.norm(points[:, None] - points[None], axis=2) < 0.08 * spread).sum(axis=1)
    return points[near.argmax()]


def test_from_the_sample_to_an_export(page, server, tmp_path):
    open_page(page, server)
    page.get_by_role("button", name="Open the sample project").click()
    page.get_by_text(re.compile(r"of 432 records")).first.wait_for()
    page.get_by_text("All 432 records are embedded").wait_for(timeout=240_000)
    project = embtune.open("sample-news", create=False)
    assert project.status()["annotations"] == {}

    # Label three topics by drawing around where they are densest.
    eventually(page, lambda: project.find_map("raw", "umap") is not None, seconds=120)
    follow(page, "Map")
    chart_ready(page)
    reference = project.reference()
    xy = project.map("raw", "umap")
    radius = 0.13 * float(np.ptp(xy, axis=0).max())
    for label in project.labels[:4]:
        chart_ready(page)
        draw_lasso(page, ring(densest(xy, np.flatnonzero(reference == label.id)), radius))
        page.get_by_text(re.compile(r"records inside")).wait_for()
        page.locator(".st-key-map_give_none").wait_for()
        settled(page)
        page.keyboard.press(label.hotkey)
        page.get_by_text(re.compile(rf"Labelled [\d,]+ records? {label.name}")).first.wait_for()
        settled(page)
        action = project.history(1)[0]
        shape = action.detail["shapes"][0]
        inside = np.flatnonzero(points_in_polygon(xy, np.column_stack([shape["x"], shape["y"]])))
        state = project.label_state()
        given = np.flatnonzero(state.label_ids == label.id)
        assert set(given) <= set(inside)
        assert len(given) == action.n_records > 0

    # Tune, and see the version appear with its score.
    follow(page, "Tune")
    page.locator(".st-key-tune_start button").click()
    page.locator(".st-key-tune_card_v1").wait_for(timeout=240_000)
    page.locator(".st-key-tune_card_v1").get_by_text(re.compile(r"[Bb]etter than raw")).wait_for()
    version = project.version("v1")
    assert version.labels["n"] == int(project.label_state().labelled.sum())
    assert version.metrics["measured_on"] == "reference labels"

    # The neighbours of one record differ between raw and v1.
    raw, _ = project.neighbor_rows(7, 25, "raw")
    tuned, _ = project.neighbor_rows(7, 25, "v1")
    assert set(raw.tolist()) != set(tuned.tolist())
    page.goto(f"{server.url}/neighbors?project=sample-news&row=7")
    page.locator("h1", has_text="Neighbors").wait_for()
    settled(page)
    page.locator("[data-testid=stMain]").get_by_text("new", exact=True).first.wait_for()

    # Measure.
    follow(page, "Evaluate")
    page.locator(".st-key-evaluate_start button").click()
    page.get_by_text(re.compile(r"v1 finds the same class")).wait_for(timeout=240_000)

    # Leave with the labels.
    follow(page, "Export")
    with page.expect_download() as download:
        page.locator(".st-key-export_download button").click()
    target = tmp_path / "labels.csv"
    download.value.save_as(target)
    with target.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == int(project.label_state().labelled.sum())
    assert {row["source"] for row in rows} == {"lasso"}

    # And with the model.
    page.locator(".st-key-export_model_start button").click()
    page.locator(".st-key-export_model_zip").wait_for(timeout=120_000)


def test_a_reload_in_the_middle_of_a_job_finds_it_again(page, server):
    open_page(page, server)
    page.get_by_role("button", name="Open the sample project").click()
    page.get_by_role("button", name="Stop").first.wait_for()
    page.reload()
    settled(page)
    page.get_by_text("All 432 records are embedded").wait_for(timeout=240_000)
    jobs = [job for job in embtune.open("sample-news").jobs() if job.kind == "embed"]
    assert [job.state for job in jobs] == ["done"]
