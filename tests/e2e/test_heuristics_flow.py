"""From a word noticed in a record to votes on all of them, with the mouse in a real browser."""

from __future__ import annotations

import numpy as np

from tests.e2e.conftest import eventually, open_page, settled


def main(page):
    return page.get_by_test_id("stMain")


def click(page, name):
    main(page).get_by_role("button", name=name, exact=True).click()
    settled(page)


def label_some(project):
    for i, label in enumerate(project.labels):
        project.label(np.arange(8) * 3 + i, label.name)


def terms(page):
    return main(page).get_by_label("Its own terms").first  # while another is opened, the old one is there


def test_a_list_is_written_tried_saved_run_and_its_votes_opened(page, server, project):
    label_some(project)
    open_page(page, server, "heuristics", "demo")
    click(page, "Write a look-up list")
    terms(page).fill("beta")
    terms(page).press("Control+Enter")
    page.locator(".example mark, .example .marked").first.wait_for()
    assert page.locator(".example").count() == 10
    assert page.locator(".example .wrong").count() > 0  # it votes Alpha, the first label
    page.locator(".word:not(.marked)", has_text="story").first.click()  # a word of a record becomes a term
    eventually(page, lambda: terms(page).input_value() == "beta\nstory")
    page.locator(".word.marked", has_text="story").first.click()
    eventually(page, lambda: terms(page).input_value() == "beta")
    main(page).get_by_label("Votes for").click()
    page.get_by_role("option", name="Beta").click()
    page.locator(".example .right").first.wait_for()
    assert page.locator(".example .wrong").count() == 0
    click(page, "Save")
    page.locator(".row .name", has_text="beta → Beta").wait_for()
    page.locator(".state.draft").wait_for()
    click(page, "Run 1 heuristic")
    page.locator(".state.done").wait_for(timeout=60_000)
    main(page).get_by_role("button", name="All are up to date").wait_for()  # the page has seen the job end
    settled(page)
    row = page.locator(".row", has_text="beta → Beta")
    assert "100 %" in row.inner_text()
    assert "n 8" in row.inner_text()
    row.get_by_title("Open these 20 records as a session").first.click()
    page.get_by_text("beta → Beta votes Beta").first.wait_for()  # why the record is in the session
    assert project.sessions()[0].n_items == 20
    page.go_back()  # one step, to the heuristic that was open
    page.wait_for_url(f"**/heuristics?*heuristic={project.heuristics.all()[0].id}")
    main(page).get_by_role("heading", name="Heuristics").wait_for()
    settled(page)
    page.go_forward()
    page.get_by_text("beta → Beta votes Beta").first.wait_for()
    assert page.get_by_test_id("stException").count() == 0


def test_what_is_typed_survives_a_reload_without_leaving_the_field(page, server, project):
    label_some(project)
    open_page(page, server, "heuristics", "demo")
    click(page, "Write a look-up list")
    terms(page).click()
    terms(page).press_sequentially("beta")
    page.locator(".example .marked", has_text="Beta").first.wait_for()  # it was sent after a pause
    terms(page).press_sequentially("\nalpha 1")  # on where the pointer was
    eventually(page, lambda: "alpha 1" in str(project.heuristics.drafts()))
    assert terms(page).input_value() == "beta\nalpha 1"
    page.reload()
    settled(page)
    eventually(page, lambda: terms(page).input_value() == "beta\nalpha 1")
    assert project.heuristics.all() == []


def test_a_phrase_is_dragged_and_nothing_typed_is_lost(page, server, project):
    label_some(project)
    made = project.heuristics.add("lookup", "says alpha", label="Alpha", terms=["alpha"])
    other = project.heuristics.add("lookup", "says beta", label="Beta", terms=["beta"])
    open_page(page, server, "heuristics", "demo")
    page.locator(".row .name", has_text="says alpha").click()
    first = page.locator(".example .word", has_text="Words").first
    first.wait_for()
    settled(page)
    one, two = first.bounding_box(), page.locator(".example .word", has_text="about").first.bounding_box()
    page.mouse.move(one["x"] + 1, one["y"] + one["height"] / 2)
    page.mouse.down()
    page.mouse.move(two["x"] + two["width"] - 1, two["y"] + two["height"] / 2, steps=8)
    page.mouse.up()
    page.locator(".phrase", has_text="Words about").click()
    eventually(page, lambda: terms(page).input_value() == "alpha\nWords about")
    page.locator(".row .name", has_text="says beta").click()
    eventually(page, lambda: terms(page).input_value() == "beta")
    page.locator(".row", has_text="says alpha").get_by_text("unsaved changes").wait_for()
    page.locator(".row .name", has_text="says alpha").click()
    eventually(page, lambda: terms(page).input_value() == "alpha\nWords about")
    terms(page).press("Control+End")
    terms(page).press_sequentially("\ntyped last")
    main(page).get_by_role("button", name="Save", exact=True).click()  # with the text still in the field
    eventually(page, lambda: project.heuristics.get(made.id).version == 2)
    assert project.heuristics.get(made.id).config["terms"] == ["alpha", "Words about", "typed last"]
    assert project.heuristics.get(other.id).version == 1
    page.reload()
    settled(page)
    eventually(page, lambda: terms(page).input_value() == "alpha\nWords about\ntyped last")


def test_a_list_is_imported_used_and_exported(page, server, project, tmp_path):
    label_some(project)
    project.heuristics.add("lookup", "says beta", label="Beta", terms=["beta"])
    open_page(page, server, "heuristics", "demo")
    page.locator(".row .name", has_text="says beta").click()
    terms(page).wait_for()
    settled(page)
    click(page, "Make a list")
    dialog = page.get_by_role("dialog")
    dialog.locator("input[type=file]").set_input_files(
        files=[{"name": "letters.txt", "mimeType": "text/plain", "buffer": b"alpha\ngamma\nAlpha\n"}]
    )
    dialog.get_by_text("Added 2 terms of letters.txt").wait_for()
    dialog.get_by_text("No heuristic uses it.").wait_for()  # what is not saved does not count yet
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Export").click()
    download.value.save_as(tmp_path / "out.txt")
    assert (tmp_path / "out.txt").read_text() == "alpha\ngamma\n"
    dialog.get_by_label("Terms, one a line").fill("alpha\ngamma\ndelta")
    dialog.get_by_role("button", name="Save list").click()
    eventually(page, lambda: project.lookup_lists.get("letters").terms == ("alpha", "gamma", "delta"))
    dialog.get_by_role("button", name="Close").click()
    settled(page)
    main(page).get_by_text("letters (3)").first.wait_for()  # the heuristic being written took it up
    click(page, "Save")
    eventually(page, lambda: project.heuristics.get("says beta").version == 2)
    assert project.lookup_lists.users("letters") == ["says beta"]


def test_on_a_small_screen_the_editor_comes_below_and_into_view(page, server, project):
    label_some(project)
    for i in range(14):
        project.heuristics.add("lookup", f"number {i}", label="Alpha", terms=[f"number {i}"])
    page.set_viewport_size({"width": 1024, "height": 768})
    open_page(page, server, "heuristics", "demo")
    page.locator(".row .name", has_text="number 0").click()
    page.locator(".st-key-heuristics_editor").wait_for()
    in_view = "() => document.querySelector('.st-key-heuristics_editor').getBoundingClientRect().top < 300"
    page.wait_for_function(in_view)
    settled(page)
    editor = page.locator(".st-key-heuristics_editor").bounding_box()
    rows = page.locator(".frame").bounding_box()
    assert editor["y"] >= rows["y"] + rows["height"]
    assert editor["width"] > 600
    sidebar = page.get_by_test_id("stSidebar").bounding_box()
    assert (sidebar["x"], sidebar["y"]) == (0, 0)  # the frame around the page stays where it is
