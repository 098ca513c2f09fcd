"""Starting, feeding, watching and killing the process that a code heuristic runs in."""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from embtune.heuristics import code_worker

LOADING_SECONDS = 5.0
"""The least time that what stands outside the function has."""

_LOOK_SECONDS = 0.05
_ANSWER_BYTES_AT_MOST = 2**24


@dataclass(frozen=True)
class Limits:
    """What a run of code may use: wall-clock seconds for one record and in all, and MiB of memory."""

    seconds_a_record: float
    seconds: float
    memory_mb: int


class StoppedError(Exception):
    """The process failed or was killed; it gave no more votes.

    Attributes
    ----------
    kind
        start, raised, refused, value, label, exit, memory, slow (one record), long (in all), died, garbled.
    at
        The record in work, counted from 1; 0 if there was none, `code_worker.LOADING` outside the function.
    line
        Line of the code, if known.
    what
        What it raised, returned, tried or died of, or the time it had; may be empty.
    """

    def __init__(self, kind: str, at: int, *, line: int | None = None, what: str = "") -> None:
        super().__init__(f"{kind} at {at}: {what}")
        self.kind, self.at, self.line, self.what = kind, at, line, what


def can_limit() -> bool:
    """Tell whether this system has the limits that code must run under: Linux and macOS do."""
    try:
        import resource  # noqa: F401
    except ImportError:
        return False
    return True


class CodeProcess:
    """A process that holds one function and votes on records; leaving the context kills it.

    Parameters
    ----------
    job
        What the worker is told: source, function, imports, fields, labels.
    limits
        What it may use.
    waiting
        Called many times a second with the number of records begun; what it raises ends the run.
    """

    def __init__(self, job: dict[str, Any], limits: Limits, waiting: Callable[[int], None]) -> None:
        self._job = job
        self._limits = limits
        self._waiting = waiting
        self._seen, self._since = code_worker.IDLE, time.monotonic()
        self._started = False
        self.files_guarded = False
        """Whether the system itself keeps the code from files (Landlock), beside Python's audit hook."""
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with self._stack as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="embtune-code-"))
            shared = stack.enter_context(tempfile.TemporaryFile())
            shared.truncate(8)
            memory = stack.enter_context(mmap.mmap(shared.fileno(), 8))
            self._counter = stack.enter_context(stack.enter_context(memoryview(memory)).cast("q"))
            numbers = (shared.fileno(), self._limits.memory_mb, self._limits.seconds)
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-B", "-X", "utf8", str(Path(code_worker.__file__).resolve())]
                + [str(number) for number in numbers],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(shared.fileno(),),
                env={},
                cwd=folder,
                start_new_session=True,
            )
            stack.callback(self._kill)
            self._deadline = time.monotonic() + self._limits.seconds
            for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
                assert pipe is not None
                os.set_blocking(pipe.fileno(), False)
            left = self._exchange(self._job).get("left", ())
            self.files_guarded = isinstance(left, list) and "files" in left
            self._started = True
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def vote(self, values: Sequence[Sequence[Any]]) -> dict[str, Any]:
        """Send records, each its fields' values, and return the worker's answer to them.

        Returns
        -------
        dict
            `places` among the job's labels (-1: none) and `confidences`, one each per record; and what the
            code has `printed` so far.

        Raises
        ------
        StoppedError
            If the code failed or went over a limit.
        """
        answer = self._exchange(values)
        n_labels = len(self._job["labels"])
        places, confidences = answer.get("places"), answer.get("confidences")
        if not (
            _all(places, len(values), int, -1, n_labels - 1) and _all(confidences, len(values), float, 0, 1)
        ):
            raise StoppedError("garbled", int(self._counter[0]))
        return answer

    def _exchange(self, message: Any) -> dict[str, Any]:
        """Send a line and wait for the answer to it, looking after the process meanwhile."""
        to_send = memoryview(json.dumps(message, default=str).encode("ascii") + b"\n")
        received = bytearray()
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            selector.register(stdin, selectors.EVENT_WRITE)
            while not received.endswith(b"\n"):
                for key, _ in selector.select(_LOOK_SECONDS):
                    if key.fileobj is stdout:
                        part = os.read(stdout.fileno(), 2**20)
                        received += part
                        if not part:
                            raise self._death()
                        continue
                    try:
                        to_send = to_send[os.write(stdin.fileno(), to_send) :]
                    except BrokenPipeError:
                        to_send = to_send[:0]  # what it died of is still to be read
                    if not to_send:
                        selector.unregister(stdin)
                self._look()
                if len(received) > _ANSWER_BYTES_AT_MOST:
                    raise StoppedError("garbled", int(self._counter[0]))
        try:
            answer = json.loads(received)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise StoppedError("garbled", int(self._counter[0]))
        if "failed" in answer:
            line, at = answer.get("line"), answer.get("at")
            raise StoppedError(
                str(answer["failed"]),
                at if isinstance(at, int) else int(self._counter[0]),
                line=line if isinstance(line, int) else None,
                what=str(answer.get("what", ""))[:500],
            )
        return answer

    def _look(self) -> None:
        """Raise if a limit is reached, or if whoever waits wants no more."""
        now, at = time.monotonic(), int(self._counter[0])
        if at != self._seen:
            self._seen, self._since = at, now
        allowed = self._limits.seconds_a_record
        if at == code_worker.LOADING:
            allowed = max(allowed, LOADING_SECONDS)
        if now > self._deadline:
            raise StoppedError("long", at, what=_seconds(self._limits.seconds))
        if at != code_worker.IDLE and now - self._since > allowed:
            raise StoppedError("slow", at, what=_seconds(allowed))
        if _resident_mb(self._process.pid) > self._limits.memory_mb:  # where the system sets no such limit
            raise StoppedError("memory", at)
        self._waiting(max(at, 0))

    def _death(self) -> StoppedError:
        """Say how the process ended by itself."""
        assert self._process.stderr is not None
        at = int(self._counter[0])
        try:
            status = self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            return StoppedError("died", at, what="it closed its output")
        if status >= 0:
            said = (self._process.stderr.read() or b"").decode("utf-8", "replace").strip().splitlines()
            last = "".join(f", {line}" for line in said[-1:])
            kind = "died" if self._started or at != code_worker.IDLE else "start"
            return StoppedError(kind, at, what=f"exit status {status}{last}")
        if -status == signal.SIGXCPU:
            return StoppedError("long", at, what=_seconds(self._limits.seconds))
        with contextlib.suppress(ValueError):
            return StoppedError("died", at, what=signal.Signals(-status).name)
        return StoppedError("died", at, what=f"signal {-status}")

    def _kill(self) -> None:
        """End the process and all of its group, at once."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._process.wait()


def _all(values: Any, n: int, kind: type[int | float], low: float, high: float) -> bool:
    """Tell whether these are n values of a kind from low to high."""
    return (
        isinstance(values, list)
        and len(values) == n
        and all(type(value) is kind and low <= value <= high for value in values)
    )


def _seconds(seconds: float) -> str:
    return "1 second" if seconds == 1 else f"{seconds:g} seconds"


def _resident_mb(process: int) -> float:
    """Memory in use by a process in MiB; 0 if it is gone."""
    import psutil

    try:
        return float(psutil.Process(process).memory_info().rss) / 2**20
    except psutil.Error:
        return 0.0
