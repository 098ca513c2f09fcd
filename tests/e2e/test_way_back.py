"""The browser's Back, by the keys, leads on to what was before: no page writes itself in the way."""

from __future__ import annotations

from tests.e2e.conftest import follow, open_page, settled

AT = "navigation.currentEntry.index"


def back_by_keys(page):
    """Press Alt and the left arrow; a Chromium without a window hears the keys and stays where it is."""
    page.keyboard.press("Alt+ArrowLeft")
    page.go_back()
    settled(page)
    page.wait_for_timeout(700)  # what the page makes of its address by itself


def test_back_by_the_keys_does_not_lead_to_the_same_page_again(page, server, project):
    project.heuristics.add("lookup", "says alpha", label="Alpha", terms=["alpha"])
    open_page(page, server, "history", "demo")
    follow(page, "Heuristics")
    page.locator(".row .name", has_text="says alpha").click()
    page.wait_for_url("**heuristic=*")
    settled(page)
    page.wait_for_timeout(700)
    for _ in range(2):
        if "/history" not in page.url:
            back_by_keys(page)
    page.wait_for_url("**/history*")
    page.locator("h1", has_text="History").wait_for()
    page.go_forward()
    page.locator("h1", has_text="Heuristics").wait_for()


def test_what_a_page_writes_after_a_step_back_joins_it(page, server, project):
    open_page(page, server, "history", "demo")
    page.wait_for_function("() => window.embtuneWayBack")
    page.keyboard.press("Escape")
    page.evaluate("history.pushState({}, '', '?project=demo&row=1')")
    at = page.evaluate(AT)
    back_by_keys(page)
    page.evaluate("history.pushState({}, '', '?project=demo&row=1')")
    assert page.evaluate(AT) == at - 1
    page.keyboard.press("Escape")
    page.evaluate("history.pushState({}, '', '?project=demo&row=2')")
    assert page.evaluate(AT) == at


def test_keys_that_a_script_sends_begin_no_step(page, server, project):
    open_page(page, server, "history", "demo")
    page.wait_for_function("() => window.embtuneWayBack")
    before = page.evaluate("history.length")
    page.evaluate("document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', bubbles: true}))")
    page.evaluate("history.pushState({}, '', '?project=demo&by=script')")
    assert page.evaluate("history.length") == before
    page.keyboard.press("Escape")
    page.evaluate("history.pushState({}, '', '?project=demo&by=person')")
    assert page.evaluate("history.length") == before + 1
