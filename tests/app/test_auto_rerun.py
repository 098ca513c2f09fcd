"""What runs by itself on a page that was left neither brings it back nor clears the new one."""

from types import SimpleNamespace

import pytest
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests

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


def test_a_part_of_a_page_that_was_left_does_not_run():
    runner = object.__new__(ScriptRunner)
    runner._pages_manager = SimpleNamespace(current_page_script_hash="new")
    runner._run_script(RerunData(page_script_hash="old", fragment_id_queue=["sidebar"]))  # runs nothing
    with pytest.raises((RuntimeError, AttributeError)):  # of this page it would: there is no thread for it
        runner._run_script(RerunData(page_script_hash="new", fragment_id_queue=["sidebar"]))
