"""The map's part in slices: show one, select one, and keep what is drawn as one."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from embtune.maps.selection import Selection, Shape
from pages.shared.slice_choice import inside


def _square(low, high, adds=True):
    return Shape((low, high, high, low), (low, low, high, high), adds)


def _page():
    import numpy as np
    import streamlit as st

    import embtune
    from pages.shared.slice_choice import map_slice, save_shape_as_slice

    project = embtune.open("demo")

    def select(rows, name):
        st.session_state["selected"] = (rows.tolist(), name)

    rows = map_slice(project, select)
    st.session_state["rows"] = None if rows is None else np.asarray(rows).tolist()
    save_shape_as_slice(project, st.session_state["drawn"], "raw", "pca")


@pytest.fixture
def page(project):
    def opened(drawn=None, **state):
        at = AppTest.from_function(_page, default_timeout=60)
        at.session_state["drawn"] = drawn or Selection()
        for key, value in state.items():
            at.session_state[key] = value
        at.run()
        assert not at.exception, at.exception[0].message
        return at

    return opened


@pytest.fixture
def keep(page):
    """Save what is drawn under a name, as a person does."""

    def saved(drawn, name):
        at = page(drawn)
        at.text_input(key="map_slice_name_0").set_value(name).run()
        at.button(key="map_slice_save_0").click().run()
        assert not at.exception, at.exception[0].message
        return at

    return saved


def test_the_choice_is_hidden_while_there_is_no_slice(page, project):
    assert not page().selectbox
    project.save_slice("open", query={"label": None})
    at = page()
    assert at.session_state["rows"] is None
    at.selectbox(key="map_slice").set_value("open").run()
    assert at.session_state["rows"] == list(range(60))


def test_a_slice_can_be_selected_whole(page, project):
    project.save_slice("mine", rows=[7, 3])
    at = page(map_slice="mine")
    assert at.button(key="map_slice_select").label == "Select 2"
    at.button(key="map_slice_select").click().run()
    assert at.session_state["selected"] == ([7, 3], "mine")


def test_a_slice_that_holds_nothing_or_cannot_be_answered_is_said_and_shows_all(page, project):
    project.save_slice("flags", query={"flagged": True})
    at = page(map_slice="flags")
    assert at.session_state["rows"] is None
    assert "The slice flags holds no record now." in at.caption[0].value
    project.delete_slice("flags")
    at.run()
    assert not at.exception
    assert at.session_state["rows"] is None


def test_what_is_drawn_is_kept_as_a_filter_that_finds_the_same(keep, project):
    xy = project.map("raw", "pca")
    drawn = Selection((_square(-9, 0),)).draw((_square(-0.2, 0.2),), "remove").draw((_square(0.3, 9),), "add")
    first = drawn.rows(xy)[0]
    drawn = drawn.without(int(first))
    expected = drawn.rows(xy)
    assert 0 < len(expected) < 59
    at = keep(drawn, " Left ")
    assert project.slices()[0].name == "Left"
    assert not project.slices()[0].is_static
    assert project.slice_rows("Left").tolist() == expected.tolist()
    assert at.toast[0].value == "Saved the slice Left"


def test_what_was_picked_whole_is_kept_as_its_records(keep, project):
    keep(Selection.of(np.array([5, 9, 11]), "a cluster").without(9), "picked")
    assert project.slices()[0].is_static
    assert project.slice_rows("picked").tolist() == [5, 11]


@pytest.mark.parametrize(
    "drawn",
    [
        Selection((_square(-0.1, 0.1, adds=False), _square(-0.5, 0.1))),
        Selection((_square(-0.1, 0.1, adds=False),)),
        Selection.of(np.array([0, 1, 2, 30])).draw((_square(-0.5, 0.1),), "remove"),
        Selection.of(np.array([0, 1, 2, 30])).without(1).draw((_square(-0.5, 0.1),), "add"),
        Selection((_square(-9, 0), _square(0, 9))),
    ],
)
def test_a_drawing_as_a_filter_holds_what_the_drawing_holds(project, drawn):
    query = inside(drawn, "raw", "pca")
    expected = drawn.rows(project.map("raw", "pca"))
    assert project.rows_matching(query).tolist() == expected.tolist()


def test_a_taken_name_is_told_and_what_was_drawn_stays(keep, project):
    project.save_slice("Left", rows=[1])
    drawn = Selection((_square(-9, 0),))
    at = keep(drawn, "left")
    assert "already" in at.error[0].value
    assert at.text_input(key="map_slice_name_0").value == "left"
    assert [one.name for one in project.slices()] == ["Left"]
    assert at.session_state["drawn"] == drawn


def test_nothing_drawn_cannot_be_kept(page):
    at = page()
    at.text_input(key="map_slice_name_0").set_value("x").run()
    assert at.button(key="map_slice_save_0").disabled


def test_another_project_has_its_own_slices(open_page, project, plain_project):
    project.save_slice("mine", rows=range(30))
    at = open_page("evaluate", project)
    at.selectbox(key="evaluate_slice").set_value("mine").run()
    at.session_state["project"] = "plain"
    at.run()
    assert not at.exception, at.exception[0].message
    assert [box for box in at.selectbox if box.key == "evaluate_slice"] == []
    at.session_state["project"] = "demo"
    at.run()
    assert not at.exception
    assert at.selectbox(key="evaluate_slice").value is None


def _switching():
    import streamlit as st

    from pages.shared.slice_choice import slice_choice
    from pages.shared.state import choose_project, current_project

    project = current_project()
    st.selectbox("Recipe", ["auto", "propagate"], key="tune_recipe", bind="query-params")
    st.session_state["chosen"] = slice_choice(project, "export_slice")
    st.button("Switch", key="switch", on_click=choose_project, args=("plain",))


def test_switching_projects_forgets_the_slice_even_where_the_other_has_one_of_that_name(
    project, plain_project
):
    import streamlit as st

    st.cache_resource.clear()
    project.save_slice("mine", rows=range(30))
    plain_project.save_slice("mine", rows=[1])
    at = AppTest.from_function(_switching, default_timeout=60)
    at.query_params["project"] = "demo"
    at.query_params["export_slice"] = "mine"
    at.query_params["tune_recipe"] = "propagate"
    at.run()
    assert at.session_state["chosen"] == "mine"
    at.button(key="switch").click().run()
    assert not at.exception, at.exception[0].message
    assert at.session_state["project"] == "plain"
    assert at.session_state["chosen"] is None
    assert "export_slice" not in at.query_params
