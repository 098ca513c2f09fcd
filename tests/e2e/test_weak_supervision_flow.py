"""From heuristics to weak labels and back, with the mouse in a real browser."""

from __future__ import annotations

import numpy as np
import pytest

from tests.e2e.conftest import eventually, open_page, settled

CELL = """([row, column]) => {
  const g = [...document.querySelectorAll('.js-plotly-plot')].find(one =>
    one.querySelector('.ytitle')?.textContent === 'labelled by people');
  const r = g.querySelector('.nsewdrag').getBoundingClientRect();
  return [r.left + g._fullLayout.xaxis.d2p(column), r.top + g._fullLayout.yaxis.d2p(row)];
}"""


@pytest.fixture
def voted(project):
    """Eight manual labels in each class, two of them wrong on purpose, and a heuristic each that has run."""
    for i, label in enumerate(project.labels):
        project.label(np.arange(8) * 3 + i, label.name, source="manual")
        project.heuristics.add(
            "lookup", f"says {label.name}", label=label.name, terms=[label.name.lower()], fields=["body"]
        )
    project.label([2, 5], project.labels[0].name, source="manual")
    project.heuristics.run()
    return project


def test_label_look_at_a_cell_and_roll_back(page, server, voted):
    manual = voted.label_state().label_ids[:24].copy()
    open_page(page, server, "weak_supervision", "demo")
    page.get_by_role("button", name="Label 36 records by 3 heuristics").click()
    page.get_by_text("The last run: Votes and vectors").wait_for(timeout=120_000)
    settled(page)
    first = voted.weak.standing()
    assert first.n_labelled == 36  # those without a manual label
    assert voted.label_state().labelled.all()
    assert np.array_equal(voted.label_state().label_ids[:24], manual)

    matrix = voted.weak.confusion(first.id)[2]
    row, column = next((i, j) for i in range(3) for j in range(3) if i != j and matrix[i, j])
    chart = page.locator(".stPlotlyChart").filter(has_text="labelled by people")
    chart.scroll_into_view_if_needed()
    page.wait_for_function("() => document.querySelectorAll('.js-plotly-plot .nsewdrag').length >= 5")
    settled(page)
    x, y = page.evaluate(CELL, [row, column])
    page.mouse.move(x, y)
    page.mouse.click(x, y)
    page.wait_for_url("**/sessions*")
    names = [label.name for label in voted.labels]
    title = f"Labelled {names[row]}, weak supervision: {names[column]}"
    page.get_by_text(title, exact=True).first.wait_for()
    assert len(voted.sessions_book.review(voted.sessions()[0].id, "all")[1]) == matrix[row, column]

    page.go_back()
    page.wait_for_url("**/weak_supervision?*")
    page.get_by_role("button", name="Take the labels back").click()
    eventually(page, lambda: int(voted.label_state().labelled.sum()) == 24)
    page.locator(f".st-key-weak_force_{first.id} button").click()
    eventually(page, lambda: bool(voted.label_state().labelled.all()))
    assert page.get_by_test_id("stException").count() == 0


def test_a_chosen_model_is_in_the_address_and_survives_a_reload(page, server, voted):
    open_page(page, server, "weak_supervision", "demo")
    page.get_by_label("Label model").click()
    page.get_by_role("option", name="Majority vote").click()
    page.wait_for_url("**weak_model=*")
    page.reload()
    settled(page)
    page.get_by_text("Every vote counts the same").first.wait_for()
    page.get_by_role("button", name="Label 36 records by 3 heuristics").click()
    page.get_by_text("The last run: Majority vote").wait_for(timeout=120_000)
    assert voted.weak.standing().model == "majority"
    assert page.get_by_test_id("stException").count() == 0
