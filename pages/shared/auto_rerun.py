"""What runs by itself, such as the sidebar every two seconds, must not cross a change of page.

A browser that has not heard of the change yet asks for such a run on the page that is left. Streamlit then
either joins it with the change, and the old page comes back, or runs it on the new page under the old one's
name, at which the browser clears all it shows: a white page. Both are left out here; the next one comes soon.
What a person did in a part of the page that is left counts: its callback runs, and then the whole new page.
"""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any
from urllib.parse import urlencode

_OF_A_PAGE = ("page_script_hash", "page_name", "query_string", "is_history_navigation")
_USED = {*_OF_A_PAGE, "fragment_id", "fragment_id_queue", "is_auto_rerun"}
"""The fields of a request to run that are looked at here."""


def keep_to_their_page() -> None:
    """Mend Streamlit once a process; a Streamlit that is built otherwise is left as it is."""
    try:
        from streamlit.runtime.pages_manager import PagesManager
        from streamlit.runtime.scriptrunner.script_runner import ScriptRunner
        from streamlit.runtime.scriptrunner_utils import script_requests
        from streamlit.runtime.state.query_params import QueryParams
        from streamlit.runtime.state.safe_session_state import SafeSessionState

        requests, kinds, data = (
            script_requests.ScriptRequests,
            script_requests.ScriptRequestType,
            script_requests.RerunData,
        )
        if getattr(requests, "_embtune", False) or not (
            _takes(requests._request_rerun_locked, 2)
            and _takes(ScriptRunner._run_script, 2)
            and {"_state", "_rerun_data"} <= _sets(requests)
            and {"_pages_manager", "_session_state"} <= _sets(ScriptRunner)
            and hasattr(SafeSessionState, "query_params")
            and "_query_params" in {one.name for one in dataclasses.fields(QueryParams)}
            and hasattr(PagesManager, "current_page_script_hash")
            and hasattr(kinds, "RERUN")
            and {one.name for one in dataclasses.fields(data)} >= _USED
        ):
            return
    except (ImportError, AttributeError, TypeError):
        return
    join, run = requests._request_rerun_locked, ScriptRunner._run_script

    def request(self: Any, new_data: Any) -> bool:
        waiting = self._rerun_data if self._state == kinds.RERUN else None
        if waiting is not None and new_data.is_auto_rerun and not waiting.fragment_id_queue:
            return True  # the whole page is about to run
        part = new_data.fragment_id or new_data.fragment_id_queue
        done = join(self, new_data)
        if waiting is None:
            return done
        if not waiting.is_auto_rerun and self._rerun_data.is_auto_rerun:
            self._rerun_data = dataclasses.replace(self._rerun_data, is_auto_rerun=False)
        moves = waiting.page_script_hash and not waiting.fragment_id_queue
        if part and moves and waiting.page_script_hash != new_data.page_script_hash:
            of_the_new_page = {name: getattr(waiting, name) for name in _OF_A_PAGE}
            self._rerun_data = dataclasses.replace(self._rerun_data, **of_the_new_page)
        return done

    def run_script(self: Any, rerun_data: Any) -> None:
        here = self._pages_manager.current_page_script_hash
        asked = rerun_data.page_script_hash
        if rerun_data.fragment_id_queue and here and asked and asked != here:
            if rerun_data.is_auto_rerun:
                return  # a part of a page that was left
            with self._session_state.query_params() as address:
                query = urlencode(address._query_params, doseq=True)  # of the page that is there now
            rerun_data = dataclasses.replace(
                rerun_data,
                fragment_id_queue=[],
                page_script_hash=here,
                page_name="",
                query_string=query,
                is_history_navigation=False,
            )
        run(self, rerun_data)

    requests._request_rerun_locked, ScriptRunner._run_script = request, run_script  # type: ignore[method-assign]
    requests._embtune = True  # type: ignore[attr-defined]


def _takes(function: Any, n: int) -> bool:
    return len(inspect.signature(function).parameters) == n


def _sets(of: type) -> set[str]:
    """Names of what an object gets when it is made."""
    return set(of.__init__.__code__.co_names)  # type: ignore[misc]
