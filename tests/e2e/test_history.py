"""Undoing and checking from the History page, with the mouse in a real browser."""

from __future__ import annotations

from tests.e2e.conftest import eventually, open_page, settled


def line(page, text):
    return page.get_by_test_id("stMain").get_by_text(text, exact=True)


def test_a_bulk_action_is_undone_and_redone_from_its_line(page, server, plain_project):
    plain_project.add_label("Alpha")
    action = plain_project.label(range(40), "Alpha", source="lasso")
    plain_project.label([50], "Alpha")
    open_page(page, server, "history", "plain")
    line(page, "Labelled 40 records Alpha").wait_for()
    turn = page.locator(f".st-key-history_turn_{action.id}")
    turn.get_by_role("button", name="Undo").click()
    turn.get_by_role("button", name="Redo").wait_for()
    eventually(page, lambda: int(plain_project.label_state().labelled.sum()) == 1)
    page.reload()
    settled(page)
    turn.get_by_role("button", name="Redo").click()
    turn.get_by_role("button", name="Undo").wait_for()
    eventually(page, lambda: int(plain_project.label_state().labelled.sum()) == 41)
    # The first line, "Added the label", cannot go while its annotations stand.
    page.get_by_text("41 annotations carry the label 'Alpha' that this made").wait_for()
    assert page.get_by_test_id("stException").count() == 0


def test_a_spot_check_is_one_key_each_and_shows_in_the_history(page, server, plain_project):
    for name in ("Alpha", "Beta"):
        plain_project.add_label(name)
    action = plain_project.label(range(40), "Alpha", source="lasso")
    open_page(page, server, "history", "plain")
    page.locator(f".st-key-history_check_{action.id} button").first.click()
    page.get_by_text(f"Spot check of 40 records, action {action.id}").first.wait_for()
    settled(page)
    page.locator(".place", has_text="1 of 10").wait_for()  # the card is there, and hears keys
    for key in "2111111111":
        page.keyboard.press(key)
    eventually(page, lambda: (plain_project.spot_check_result(action.id) or action).n == 10, 60)
    assert plain_project.spot_check_result(action.id).n_wrong == 1
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="History", exact=True).click()
    page.get_by_text("Spot check: 1 of 10 wrong: 10 % (95 % interval 2 to 40 %)").wait_for()
    page.locator(f".st-key-history_turn_{action.id} button").click()
    eventually(page, lambda: int(plain_project.label_state().labelled.sum()) == 10)
    page.get_by_text("Spot check: 1 of 10 wrong").wait_for()  # it stays with the undone action


def test_another_task_is_chosen_in_the_sidebar_and_survives_a_reload(page, server, plain_project):
    plain_project.add_label("Alpha")
    plain_project.add_task("Tone").add_label("Calm")
    open_page(page, server, "label_set", "plain")
    page.get_by_test_id("stSidebar").get_by_label("Label task").click()
    page.get_by_role("option", name="Tone").click()
    page.get_by_test_id("stMain").locator(".chip", has_text="Calm").wait_for()
    assert "task=Tone" in page.url
    page.reload()
    settled(page)
    page.get_by_test_id("stMain").locator(".chip", has_text="Calm").wait_for()
    assert page.get_by_test_id("stException").count() == 0
