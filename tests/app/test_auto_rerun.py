"""What runs by itself on a page that was left neither brings it back nor clears the new one; clicks count."""

import dataclasses
from types import SimpleNamespace

import pytest
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from pages.shared.auto_rerun import keep_to_their_page


@pytest.fixture(autouse=True)
def mended():
    keep_to_their_page()


def test_it_does_not_undo_a_change_of_page_that_waits():
    requests = ScriptRequests()
    requests.request_rerun(RerunData(page_script_hash="new", query_string="session=5"))
    assert requests.request_rerun(
        RerunData(page_script_hash="old", query_string="row=1", fragment_id="sidebar", is_auto_rerun=True)
    )
    waiting = requests.on_scriptrunner_ready().rerun_data
    assert (waiting.page_script_hash, waiting.query_string) == ("new", "session=5")
    assert waiting.fragment_id_queue == []


def test_what_a_person_did_in_a_part_still_joins_what_waits():
    requests = ScriptRequests()
    requests.request_rerun(RerunData(page_script_hash="here"))
    requests.request_rerun(RerunData(page_script_hash="here", query_string="k=5", fragment_id="columns"))
    assert requests.on_scriptrunner_ready().rerun_data.query_string == "k=5"


def test_nor_does_what_a_person_did_in_a_part_just_before_it():
    requests = ScriptRequests()
    requests.request_rerun(RerunData(page_script_hash="new", query_string="session=5"))
    requests.request_rerun(RerunData(page_script_hash="old", query_string="row=1", fragment_id="columns"))
    waiting = requests.on_scriptrunner_ready().rerun_data
    assert (waiting.page_script_hash, waiting.query_string) == ("new", "session=5")
    assert waiting.fragment_id_queue == []


def test_a_part_of_a_page_that_was_left_does_not_run_by_itself():
    runner = object.__new__(ScriptRunner)
    runner._pages_manager = SimpleNamespace(current_page_script_hash="new")
    part = RerunData(page_script_hash="old", fragment_id_queue=["sidebar"], is_auto_rerun=True)
    runner._run_script(part)  # runs nothing
    with pytest.raises((RuntimeError, AttributeError)):  # of this page it would: there is no thread for it
        runner._run_script(dataclasses.replace(part, page_script_hash="new"))


def test_a_click_that_is_joined_with_what_runs_by_itself_stays_a_persons():
    requests = ScriptRequests()
    requests.request_rerun(RerunData(page_script_hash="old", fragment_id="columns"))
    requests.request_rerun(RerunData(page_script_hash="old", fragment_id="sidebar", is_auto_rerun=True))
    waiting = requests.on_scriptrunner_ready().rerun_data
    assert waiting.fragment_id_queue == ["columns", "sidebar"]
    assert not waiting.is_auto_rerun


APP = """
import streamlit as st

def clicked():
    st.session_state["clicks"] = st.session_state.get("clicks", 0) + 1

@st.fragment
def part():
    st.button("Do it", key="do", on_click=clicked)

def old():
    st.query_params["row"] = "1"
    part()

def new():
    st.query_params["session"] = "5"
    st.write("the new page")

page = st.navigation([st.Page(old, default=True), st.Page(new)])
page.run()
"""


@pytest.mark.parametrize(("by_itself", "clicks"), [(False, 1), (True, 0)])
def test_a_click_on_a_page_that_was_left_does_what_it_does_and_shows_the_new_page(
    monkeypatch, tmp_path, by_itself, clicks
):
    (tmp_path / "app.py").write_text(APP)
    at = AppTest.from_file(str(tmp_path / "app.py")).run()
    left = at._finished_page_script_hash
    (part,) = at._fragment_storage._fragments
    at.button("do").click()
    sent = at._tree.get_widget_states()
    at.session_state["clicks"] = 0
    at.query_params.clear()  # as a browser does on a change of page
    at._page_hash = at_new = calc_hash("new")
    at._run()  # without the click, which is on its way
    assert at.markdown[0].value == "the new page"
    assert at._finished_page_script_hash == at_new != left

    def of_the_old_page(self, data):
        old = {"page_script_hash": left, "query_string": "row=1", "fragment_id_queue": [part]}
        self._requests._rerun_data = dataclasses.replace(data, **old, is_auto_rerun=by_itself)
        return True

    monkeypatch.setattr(ScriptRunner, "request_rerun", of_the_old_page)
    at._run(sent)
    if not by_itself:  # else nothing runs
        assert at.markdown[0].value == "the new page"
        assert at.query_params == {"session": "5"}
    assert at.session_state["clicks"] == clicks
