"""The table of records with mouse and keys: search, label without losing the place, and reload."""

from __future__ import annotations

import json
from urllib.parse import quote

from tests.e2e.conftest import eventually, open_page, settled


def row(page, number: int):
    return page.locator(f".row[data-row='{number}']")


def order(page) -> list[int]:
    return page.evaluate(
        """() => {
          const hosts = [...document.querySelectorAll('*')].filter((one) => one.shadowRoot);
          const roots = [document, ...hosts.map((host) => host.shadowRoot)];
          const table = roots.map((root) => root.querySelector('.records')).find(Boolean);
          return [...table.querySelectorAll('.row')].map((one) => Number(one.dataset.row));
        }"""
    )


def scrolled(page) -> float:
    return page.locator(".scroll").evaluate("(one) => one.scrollTop")


def open_at(page, server, **params) -> None:
    given = "".join(f"&{name}={quote(value)}" for name, value in params.items())
    page.goto(f"{server.url}/records?project=demo{given}")
    page.locator(".row.current").wait_for()
    settled(page)


def test_a_search_three_labels_by_key_and_a_reload(page, server, project):
    open_page(page, server, "records", "demo")
    row(page, 0).wait_for()
    page.get_by_label("Search", exact=True).fill("story")
    page.keyboard.press("Enter")
    page.locator(".row mark", has_text="story").first.wait_for()
    page.locator(".chips").wait_for(state="detached")
    settled(page)
    before = order(page)
    for key in "123":
        page.keyboard.press(key)
    names = [label.name for label in project.labels]
    eventually(page, lambda: [project.record(i).label for i in range(3)] == names, 60)
    assert order(page) == before
    page.locator(".row.current[data-row='3']").wait_for()
    row(page, 1).locator(".chip", has_text=names[1]).wait_for()

    page.reload()
    page.locator(".row mark", has_text="story").first.wait_for()
    assert page.get_by_label("Search", exact=True).input_value() == "story"
    row(page, 1).locator(".chip", has_text=names[1]).wait_for()
    assert order(page) == before


def test_labels_given_far_down_move_nothing_even_when_they_no_longer_match(page, server, project):
    open_at(page, server, q=json.dumps({"label": None}))
    before = order(page)
    for _ in range(30):
        page.keyboard.press("ArrowDown")
    page.locator(".row.current[data-row='30']").wait_for()
    at = scrolled(page)
    assert at > 0
    page.keyboard.press("1")
    row(page, 30).locator(".chip", has_text=project.labels[0].name).wait_for()
    page.get_by_text("1 no longer matches").wait_for()
    settled(page)
    assert order(page) == before
    assert abs(scrolled(page) - at) < 100  # on to the next line, no more
    page.locator(".row.current[data-row='31']").wait_for()

    page.keyboard.press("u")
    eventually(page, lambda: project.record(30).label is None)
    row(page, 30).locator(".chip.open").wait_for()

    page.keyboard.press("1")
    page.get_by_text("1 no longer matches").wait_for()
    page.get_by_role("button", name="Refresh").click()
    row(page, 31).wait_for(state="detached")


def test_no_key_is_lost_when_typed_eight_a_second(page, server, project):
    open_at(page, server)
    typed = "1231231231231231"
    for key in typed:
        page.keyboard.press(key)
        page.wait_for_timeout(110)
    names = [label.name for label in project.labels]
    expected = [names[int(key) - 1] for key in typed]
    eventually(page, lambda: [project.record(i).label for i in range(len(typed))] == expected, 60)


def test_flag_comment_and_the_menu_of_labels(page, server, project):
    open_at(page, server)
    page.keyboard.press("f")
    page.keyboard.press("c")
    page.get_by_label("Comment", exact=True).fill("ask again")
    page.keyboard.press("Enter")
    eventually(page, lambda: project.record(0).flagged and len(project.record(0).comments) == 1)
    row(page, 0).locator(".note", has_text="ask again").wait_for()

    page.keyboard.press("Enter")
    page.get_by_label("Find a label").fill(project.labels[2].name[:3].lower())
    page.keyboard.press("Enter")
    eventually(page, lambda: project.record(0).label == project.labels[2].name)
    page.locator(".row.current[data-row='1']").wait_for()


def test_all_that_match_are_selected_over_pages_and_labelled_after_a_look(page, server, project):
    open_at(page, server, q=json.dumps({"reference": ["Alpha", "Beta"]}), size="25")
    page.get_by_label("Select this page").check()
    page.get_by_text("25 selected").wait_for()
    page.get_by_role("button", name="Select all 40 that match").click()
    page.get_by_text("40 selected").wait_for()
    settled(page)
    page.keyboard.press("2")
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("40 records selected").wait_for()
    settled(page)
    page.keyboard.press("2")
    dialog.wait_for(state="detached")
    name = project.labels[1].name
    eventually(page, lambda: int((project.label_state().label_ids == project.labels[1].id).sum()) == 40)
    assert project.history(1)[0].n_records == 40
    row(page, 0).locator(".chip", has_text=name).wait_for()


def test_pages_turn_and_the_address_remembers(page, server, project):
    open_at(page, server, size="25")
    page.keyboard.press("]")
    row(page, 25).wait_for()
    page.wait_for_url("**page=2*")
    page.reload()
    row(page, 25).wait_for()
    assert order(page) == list(range(25, 50))


def test_a_page_of_predictions_is_mended_and_accepted_by_keys(page, server, project):
    for i, label in enumerate(project.labels):
        project.label([i + 3 * j for j in range(8)], label.name)
    open_at(page, server, q=json.dumps({"label": None}), size="25")
    page.get_by_role("button", name="Accept 25 predictions").wait_for()
    assert order(page) == list(range(24, 49))
    page.keyboard.press("2")  # row 24 is of the first label: a correction, whatever was predicted
    page.get_by_role("button", name="Accept 24 predictions").wait_for()
    page.keyboard.press("Shift+Enter")
    eventually(page, lambda: bool(project.label_state().labelled[24:49].all()), 60)
    assert project.record(24).label == project.labels[1].name
    newest = project.history(1)[0]
    assert (newest.n_records, newest.summary) == (24, "Accepted 24 predictions")
    page.locator(".row[data-row='49']").wait_for()  # the next page is there
    assert order(page) == list(range(49, 60))
    page.keyboard.press("u")
    eventually(page, lambda: not project.label_state().labelled[25:49].any())
    assert project.record(24).label == project.labels[1].name
    page.locator(".row[data-row='25']").wait_for()  # and so is the one that was taken back


def test_of_very_many_labels_a_digit_gives_one_of_the_likeliest_for_the_line(page, server, project):
    for i in range(20):
        project.add_label(f"Kind {i}")
    project.label(range(0, 30, 3), "Alpha", source="session")
    project.label(range(1, 30, 3), "Beta", source="session")
    open_at(page, server, q=json.dumps({"label": None}))
    row(page, 33).hover()
    page.locator(".row.current[data-row='33']").wait_for()
    page.locator(".bar .key", has_text="Alpha").first.wait_for()
    assert page.locator(".bar .key").first.inner_text().split() == ["1", "Alpha"]
    row(page, 34).hover()
    page.locator(".row.current[data-row='34']").wait_for()
    assert page.locator(".bar .key").first.inner_text().split() == ["1", "Beta"]
    page.keyboard.press("2")
    eventually(page, lambda: project.record(34).label == "Alpha", 60)
