"""The process that a code heuristic runs in: it shuts itself in, then votes on the records it is sent.

It is started as a script by `code_process`, imports only the standard library, and talks JSON, one line each
way for a batch of records. What shuts it in, strongest first:

- the system's limits on memory, processor time, file size, open files and processes;
- on Linux, as far as the kernel lets it: no files but Python's own (Landlock), a network with nothing in it,
  no right that it did not have, no root;
- Python's audit hook, which refuses files, network, processes and the rest in a sentence.

This guards against mistakes and casual misuse. It is no wall against somebody who knows how to get around an
audit hook on a system without Landlock, which is why the operator decides whether code may run at all.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import mmap
import os
import reprlib
import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NoReturn

IDLE = 0
"""In the shared counter: waiting for records. Above it, the number of the record in work, from 1."""

LOADING = -1
"""In the shared counter: running what stands outside the function."""

SOURCE_NAME = "<heuristic>"

MODULES = frozenset(
    {
        *("__future__", "array", "base64", "binascii", "bisect", "calendar", "cmath", "collections"),
        *("colorsys", "copy", "dataclasses", "datetime", "decimal", "difflib", "enum", "fractions"),
        *("functools", "hashlib", "heapq", "html", "itertools", "json", "math", "numbers"),
        *("operator", "random", "re", "statistics", "string", "textwrap", "time", "typing"),
        *("unicodedata", "urllib.parse", "zlib"),
    }
)
"""What code may import: nothing of it reads files or talks to anybody."""

_LATER = (
    *("_strptime", "unicodedata", "stringprep", "encodings.latin_1", "encodings.ascii", "encodings.idna"),
    *("encodings.utf_16", "encodings.cp1252", "encodings.unicode_escape", "urllib.parse", "collections.abc"),
)
"""What Python itself imports when it is first used; too late once shut in."""

_HARMLESS = frozenset(
    {
        *("array.__new__", "builtins.id", "compile", "exec", "function.__new__", "import"),
        *("marshal.loads", "object.__delattr__", "object.__getattr__", "object.__setattr__"),
        *("sys._getframe", "sys._getframemodulename", "sys.unraisablehook", "time.sleep"),
    }
)
_NOT_EVEN_BY_OTHERS = frozenset(
    {
        *("_ctypes", "_multiprocessing", "_posixshmem", "_posixsubprocess", "_socket", "_sqlite3"),
        *("ctypes", "multiprocessing", "socket", "sqlite3", "subprocess"),
    }
)
_WORDS = {
    "open": "open files",
    "os.listdir": "open files",
    "os.scandir": "open files",
    "socket": "use the network",
    "os.fork": "start processes",
    "os.forkpty": "start processes",
    "os.exec": "start processes",
    "os.posix_spawn": "start processes",
    "os.spawn": "start processes",
    "os.system": "start processes",
    "os.kill": "touch other processes",
    "os.killpg": "touch other processes",
    "subprocess": "start processes",
    "_thread": "start threads",
    "ctypes": "call C libraries",
    "os": "change files",
    "builtins.input": "ask for input",
}
_PRINTED_AT_MOST = 2_000
_OPEN_FILES_AT_MOST = 32
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_NOBODY = 65_534


class RefusedError(PermissionError):
    """The code tried what it may not do."""


class RefusedImportError(ImportError):
    """The code tried to import what it may not."""


class WrongAnswerError(Exception):
    """The function returned what is no vote."""


class Text(str):
    """A field's text. Functions written for refinery ask it for `.text`, and get itself."""

    __slots__ = ()

    @property
    def text(self) -> Text:
        """Itself."""
        return self


class Printed:
    """Standard output of the code: keeps the beginning, drops the rest."""

    def __init__(self) -> None:
        self.kept = ""

    def write(self, text: str) -> int:
        """Take what is printed."""
        if len(self.kept) < _PRINTED_AT_MOST:
            self.kept = (self.kept + text)[:_PRINTED_AT_MOST]
        return len(text)

    def flush(self) -> None:
        """Do nothing; there is nothing to wait for."""


def limit(*, memory_mb: int, seconds: float) -> None:
    """Set the system's limits on this process; they cannot be raised again."""
    import resource

    n_seconds = int(seconds) + 2
    wanted = {
        "RLIMIT_CPU": n_seconds,
        "RLIMIT_FSIZE": 0,
        "RLIMIT_CORE": 0,
        "RLIMIT_NOFILE": _OPEN_FILES_AT_MOST,
        "RLIMIT_NPROC": 0,
        "RLIMIT_AS": memory_mb * 2**20,  # macOS knows the name and refuses it: the starter watches there
    }
    for name, value in wanted.items():
        with contextlib.suppress(AttributeError, ValueError, OSError):
            resource.setrlimit(getattr(resource, name), (value, value))


def detach() -> set[str]:
    """On Linux, leave network, files and root's rights behind; tell which of them the kernel lets us."""
    if not sys.platform.startswith("linux"):
        return set()
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    new_user, new_net = 0x1000_0000, 0x4000_0000
    am_root = os.geteuid() == 0
    left = {"network"} if libc.unshare(new_net if am_root else new_user | new_net) == 0 else set()
    own = os.open(os.path.dirname(os.__file__), os.O_RDONLY)  # noqa: PTH120 - pathlib is not worth its import
    if am_root:
        with contextlib.suppress(OSError):
            os.setgroups([])
            os.setresgid(_NOBODY, _NOBODY, _NOBODY)
            os.setresuid(_NOBODY, _NOBODY, _NOBODY)
            left.add("root")
    set_no_new_privileges, set_death_signal, kill = 38, 1, 9
    libc.prctl(set_no_new_privileges, 1, 0, 0, 0)
    libc.prctl(set_death_signal, kill, 0, 0, 0)  # nobody to hear the votes: end too
    if _landlock(libc, own):
        left.add("files")
    os.close(own)
    for name in [name for name in sys.modules if name.partition(".")[0] in {"ctypes", "_ctypes"}]:
        del sys.modules[name]
    return left


def _landlock(libc: Any, own: int) -> bool:
    """Allow reading below the folder that is open as `own`, and no other file or TCP connection."""
    import ctypes

    def call(number: int, *arguments: Any) -> int:
        return int(libc.syscall(ctypes.c_long(number), *arguments))

    create, add, restrict = 444, 445, 446  # the same on every architecture
    version = call(create, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    if version < 1:
        return False
    n_rights = 13 + (version >= 2) + (version >= 3) + (version >= 5)
    n_numbers = 1 + (version >= 4) + (version >= 6)  # files, TCP, signals and sockets without a file
    handled = (ctypes.c_uint64 * 3)((1 << n_rights) - 1, 3, 3)
    rules = call(create, ctypes.byref(handled), ctypes.c_size_t(8 * n_numbers), ctypes.c_uint32(0))
    if rules < 0:
        return False
    read_file, read_folder = 1 << 2, 1 << 3
    rule = (read_file | read_folder).to_bytes(8, sys.byteorder) + own.to_bytes(4, sys.byteorder)
    call(add, ctypes.c_int(rules), ctypes.c_int(1), ctypes.c_char_p(rule), ctypes.c_uint32(0))
    done = call(restrict, ctypes.c_int(rules), ctypes.c_uint32(0)) == 0
    os.close(rules)
    return done


def refuse() -> None:
    """From here on, let Python refuse what is not on the short list of harmless events."""
    own = os.path.dirname(os.__file__) + os.sep  # noqa: PTH120

    # The code can reach this module and Python's own, and put anything in the place of their names: what
    # the hook decides by must be its own, out of nobody's reach.
    def hook(
        event: str,
        arguments: tuple[Any, ...],
        *,
        harmless: frozenset[str] = _HARMLESS,
        never: frozenset[str] = _NOT_EVEN_BY_OTHERS,
        words: Mapping[str, str] = MappingProxyType(_WORDS.copy()),
        listing: frozenset[str] = frozenset({"open", "os.listdir", "os.scandir"}),
        writing: int = _WRITING,
        own: str = own,
        separator: str = os.sep,
        above: str = f"{os.sep}..{os.sep}",
        refused: type[Exception] = RefusedError,
        refused_import: type[Exception] = RefusedImportError,
        text: type[str] = str,
        number: type[int] = int,
        kind: type[type] = type,
    ) -> None:
        if event == "import" and text.partition(arguments[0], ".")[0] in never:
            raise refused_import(f"import {arguments[0]}")
        if event in harmless:
            return
        if event in listing and kind(arguments[0]) is text:
            writes = event == "open" and (kind(arguments[2]) is not number or arguments[2] & writing)
            path = arguments[0] + separator
            if not writes and text.startswith(path, own) and text.find(path, above) < 0:
                return
        said = words.get(event) or words.get(text.partition(event, ".")[0]) or f"use {event}"
        about = f" ({arguments[0]})" if said == "open files" else ""
        raise refused(said + about)

    sys.addaudithook(hook)


def may_import(module: str) -> bool:
    """Tell whether code may import a module, by its full name; asked before it runs."""
    return module in MODULES or module.partition(".")[0] in MODULES


def load(source: str, name: str) -> Callable[[dict[str, Any]], Any]:
    """Run what stands outside the function and return the function."""
    names: dict[str, Any] = {"__name__": "heuristic"}
    exec(compile(source, SOURCE_NAME, "exec", dont_inherit=True), names)
    function: Callable[[dict[str, Any]], Any] = names[name]
    return function


def read(answer: Any, names: dict[str, int]) -> tuple[int, float]:
    """Turn what the function returned into the place of a label among `names` (-1: none) and a confidence."""
    if answer is None:
        return -1, 0.0
    label, confidence = answer if isinstance(answer, tuple | list) and len(answer) == 2 else (answer, 1.0)
    sure = isinstance(confidence, int | float) and not isinstance(confidence, bool) and 0 <= confidence <= 1
    if not isinstance(label, str) or not sure:
        plain = isinstance(answer, str | int | float | tuple | list | dict)
        raise WrongAnswerError(reprlib.repr(answer) if plain else f"a {type(answer).__name__}")
    if label not in names:
        raise WrongAnswerError(reprlib.repr(str(label)), "label")
    return names[label], float(confidence)


def failure(error: BaseException) -> dict[str, Any]:
    """Describe what went wrong in plain JSON, with the line of the code."""
    line, step = None, error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == SOURCE_NAME:
            line = step.tb_lineno
        step = step.tb_next
    if isinstance(error, MemoryError):
        return {"failed": "memory", "line": line, "what": ""}
    if isinstance(error, RefusedError | RefusedImportError):
        return {"failed": "refused", "line": line, "what": str(error)}
    if isinstance(error, SystemExit | KeyboardInterrupt):
        return {"failed": "exit", "line": line, "what": ""}
    if isinstance(error, WrongAnswerError):
        kind = "label" if len(error.args) > 1 else "value"
        return {"failed": kind, "line": None, "what": error.args[0]}
    try:
        what = str(error)
    except BaseException:
        what = ""
    name = type(error).__name__
    return {"failed": "raised", "line": line, "what": f"{name}: {what[:300]}" if what else name}


def main() -> NoReturn:
    """Hear a job, shut in, load, vote on batches until there are no more."""
    counter_fd, memory_mb, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    counter = memoryview(mmap.mmap(counter_fd, 8)).cast("q")
    os.close(counter_fd)
    incoming, outgoing = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    job = json.loads(incoming.readline())
    for module in (*job["imports"], *_LATER):
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
    limit(memory_mb=memory_mb, seconds=seconds)
    left = detach()
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    printed = Printed()
    sys.stdout = sys.stderr = printed
    spare = bytearray(4 * 2**20)  # memory to tell that there is none left
    refuse()

    def send(message: dict[str, Any]) -> None:
        outgoing.write(json.dumps(message).encode("ascii") + b"\n")
        outgoing.flush()

    names = {name: place for place, name in enumerate(job["labels"])}
    fields: list[str] = job["fields"]
    at = LOADING
    try:
        counter[0] = LOADING
        function = load(job["source"], job["function"])
        counter[0] = at = IDLE
        send({"ready": True, "left": sorted(left)})
        while line := incoming.readline():
            places, confidences = [], []
            for values in json.loads(line):
                at += 1
                counter[0] = at
                texts = [Text(value) if type(value) is str else value for value in values]
                place, confidence = read(function(dict(zip(fields, texts, strict=True))), names)
                counter[0] = IDLE
                places.append(place)
                confidences.append(confidence)
            send({"places": places, "confidences": confidences, "printed": printed.kept})
    except BaseException as error:
        spare.clear()
        send({**failure(error), "at": at})
    os._exit(0)


if __name__ == "__main__":
    main()
