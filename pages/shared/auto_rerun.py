"""What runs by itself, such as the sidebar every two seconds, must not cross a change of page.

A browser that has not heard of the change yet asks for such a run on the page that is left. Streamlit then
either joins it with the change, and the old page comes back, or runs it on the new page under the old one's
name, at which the browser clears all it shows: a white page. Both are left out here; the next one comes soon.
"""

from __future__ import annotations

from typing import Any

from streamlit.runtime.scriptrunner.script_runner import ScriptRunner
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequests, ScriptRequestType


def keep_to_their_page() -> None:
    """Mend Streamlit once a process; a Streamlit that is built otherwise is left as it is."""
    if getattr(ScriptRequests, "_embtune", False):
        return
    if not (hasattr(ScriptRequests, "_request_rerun_locked") and hasattr(ScriptRunner, "_run_script")):
        return
    join, run = ScriptRequests._request_rerun_locked, ScriptRunner._run_script

    def request(self: ScriptRequests, new_data: Any) -> bool:
        waiting = self._rerun_data if self._state == ScriptRequestType.RERUN else None
        if waiting is not None and new_data.is_auto_rerun and not waiting.fragment_id_queue:
            return True  # the whole page is about to run
        return join(self, new_data)

    def run_script(self: ScriptRunner, rerun_data: Any) -> None:
        here = self._pages_manager.current_page_script_hash
        asked = rerun_data.page_script_hash
        if rerun_data.fragment_id_queue and here and asked and asked != here:
            return  # a part of a page that was left
        run(self, rerun_data)

    ScriptRequests._request_rerun_locked, ScriptRunner._run_script = request, run_script  # type: ignore[method-assign]
    ScriptRequests._embtune = True  # type: ignore[attr-defined]
