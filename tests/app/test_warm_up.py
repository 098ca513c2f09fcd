"""What the label pages need is loaded once a process, and what is loaded by then is frozen once."""

import gc
import threading
from types import SimpleNamespace

from pages.shared import state


def test_it_freezes_once_a_process_also_when_what_is_cached_is_cleared(monkeypatch):
    frozen = []
    monkeypatch.setattr(gc, "freeze", lambda: frozen.append(True))
    monkeypatch.setattr(threading, "Timer", lambda _seconds, load: SimpleNamespace(start=load))
    monkeypatch.setattr(state, "_warm", False, raising=False)
    for _ in range(3):
        state.warm_up.clear()
        state.warm_up()
    assert frozen == [True]
