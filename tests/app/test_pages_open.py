"""Every page opens: with nothing, with records only, and with vectors."""

import pytest

PAGES = ["projects", "map", "neighbors", "sessions", "tune", "evaluate", "export"]


@pytest.mark.parametrize("name", PAGES)
def test_page_opens_on_an_empty_home_and_says_the_next_step(open_page, name):
    at = open_page(name)
    shown = " ".join(element.value for element in [*at.markdown, *at.caption, *at.info, *at.title])
    assert shown.strip()


@pytest.mark.parametrize("name", PAGES)
def test_page_opens_on_an_embedded_project(open_page, project, name):
    open_page(name, project)
