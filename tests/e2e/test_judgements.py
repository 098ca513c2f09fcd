"""Marking neighbours as similar, different, or closer than another, with the mouse in a real browser."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import eventually, settled


@pytest.fixture
def raw_list(page, server, plain_project):
    """The neighbours of record 0 under raw, drawn, with the rows they stand for."""
    page.goto(f"{server.url}/neighbors?project=plain&row=0&k=10")
    lines = page.locator(".st-key-neighbors_list_raw .row")
    lines.first.wait_for()
    settled(page)
    return lines, [int(row) for row in plain_project.neighbor_rows(0, 10, "raw")[0]]


def said(project):
    return {one.rows: one.score for one in project.judgements()}


def tool(lines, i, name):
    return lines.nth(i).locator(f".tool.{name}")


def test_similar_and_different_show_at_once_are_kept_and_survive_a_reload(page, raw_list, plain_project):
    lines, rows = raw_list
    tool(lines, 0, "similar").click()
    tool(lines, 1, "different").click()
    tool(lines, 2, "similar").click()
    assert tool(lines, 2, "similar").get_attribute("aria-pressed") == "true"
    eventually(page, lambda: said(plain_project) == {(0, rows[0]): 1, (0, rows[1]): 0, (0, rows[2]): 1})
    page.get_by_text("2 similar, 1 different, 0 triplets").wait_for()
    tool(lines, 0, "different").click()  # changed one's mind
    tool(lines, 2, "similar").click()  # pressed again: nothing said
    eventually(page, lambda: said(plain_project) == {(0, rows[1]): 0, (0, rows[0]): 0})
    page.reload()
    lines.first.wait_for()
    pressed = [
        tool(lines, i, name).get_attribute("aria-pressed") for i in (0, 1, 2) for name in ("different",)
    ]
    assert pressed == ["true", "true", "false"]
    assert page.get_by_test_id("stException").count() == 0


def test_closer_asks_for_the_other_one_and_a_click_on_its_line_answers(page, raw_list, plain_project):
    lines, rows = raw_list
    tool(lines, 3, "closer").click()
    lines.nth(3).get_by_text("click the other one").wait_for()
    page.keyboard.press("Escape")
    lines.nth(3).get_by_text("click the other one").wait_for(state="hidden")
    tool(lines, 3, "closer").click()
    lines.nth(6).locator(".text").click()  # does not open that record
    eventually(page, lambda: said(plain_project) == {(0, rows[3], rows[6]): None})
    page.get_by_text("0 similar, 0 different, 1 triplet").wait_for()
    assert "row=0" in page.url
    assert tool(lines, 3, "closer").get_attribute("aria-pressed") == "true"
    page.get_by_role("button", name="Undo the last").click()
    eventually(page, lambda: said(plain_project) == {})
    tool(lines, 0, "similar").click()
    page.get_by_text("Marked 2 records similar").first.wait_for()
    page.locator(".st-key-sidebar_undo button").click()
    eventually(page, lambda: said(plain_project) == {})
    settled(page)
    lines.nth(6).locator(".text").click()  # now it opens
    page.wait_for_url(f"**row={rows[6]}**")


def test_the_same_line_under_both_embeddings_can_be_the_closer_one(page, server, project):
    for i, label in enumerate(project.labels):
        project.label(range(i, 24, 3), label.name)
    project.tune("quaterion-triplet", seed=0, parameters={"max_epochs": 3})
    page.goto(f"{server.url}/neighbors?project=demo&row=30&k=10")
    left, right = (page.locator(f".st-key-neighbors_list_{side} .row") for side in ("raw", "tuned"))
    right.first.wait_for()
    settled(page)
    version = project.versions[0].name
    raw, tuned = ([int(row) for row in project.neighbor_rows(30, 10, name)[0]] for name in ("raw", version))
    tool(left, 0, "closer").click()
    other = next(i for i, row in enumerate(tuned) if row != raw[0])
    right.nth(other).click(position={"x": 200, "y": 8})
    eventually(page, lambda: said(project) == {(30, raw[0], tuned[other]): None})
