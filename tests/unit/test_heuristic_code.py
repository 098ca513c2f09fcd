"""Heuristics in Python: what they may return, and every way in which they are stopped."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from embtune.errors import HeuristicError, JobCancelledError
from embtune.heuristics import code_process, code_worker
from embtune.heuristics.base import ABSTAIN
from embtune.heuristics.code import CodeConfig, CodeKind, check
from embtune.heuristics.corpus import ArrayCorpus
from embtune.progress import silent

SPORTS, WORLD = 12, 13
pytestmark = pytest.mark.skipif(not code_process.can_limit(), reason="this system has no limits to set")
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux's kernel is what guards here")

ON_17 = "def vote(record):\n    if record['number'] == 17:\n        {}\n    return 'Sports'\n"
"""Code whose third line is run on record r17 of 40."""

BY_A_BACK_DOOR = "import re\nos, sys = re.enum.sys.modules['os'], re.enum.sys\n" + ON_17
"""The same with modules that code cannot import; there it is line 5."""


def corpus_of(n):
    return ArrayCorpus(
        [f"goal {row}" if row % 2 else f"vote {row}" for row in range(n)],
        fields={"title": [f"t{row}" for row in range(n)], "number": list(range(n))},
        label_names={SPORTS: "Sports", WORLD: "World"},
        record_ids=[f"r{row}" for row in range(n)],
    )


def run(source, n=40, report=silent, rows=None, **limits):
    rows = np.arange(n) if rows is None else np.array(rows)
    return CodeKind().run(CodeConfig(source=source, **limits), corpus_of(n), rows, report)


def message(source, **limits):
    with pytest.raises(HeuristicError) as caught:
        run(source, **limits)
    return str(caught.value)


def children():
    return [child.pid for child in psutil.Process().children(recursive=True)]


@pytest.fixture(autouse=True)
def nothing_left_running():
    before = children()
    yield
    assert children() == before


def test_a_name_is_a_vote_none_abstains_and_a_pair_has_a_confidence():
    found = run(
        "def vote(record):\n"
        "    if record['number'] == 0: return 'World'\n"
        "    if record['number'] == 1: return ('Sports', 0.25)\n"
        "    if record['number'] == 2: return ['Sports', 1]\n",
        n=4,
    )
    assert found.labels.tolist() == [WORLD, SPORTS, SPORTS, ABSTAIN]
    assert found.confidence.tolist() == [1.0, 0.25, 1.0, 0.0]
    assert (found.labels.dtype, found.confidence.dtype) == (np.int64, np.float32)
    assert found.notes == {}


def test_rows_are_voted_on_in_the_order_given_over_several_batches(monkeypatch):
    monkeypatch.setattr("embtune.heuristics.code.BATCH", 2)
    rows = [5, 0, 3, 2, 4]
    found = run("def vote(record): return 'Sports' if record['number'] >= 3 else 'World'", rows=rows)
    assert found.labels.tolist() == [SPORTS, WORLD, SPORTS, WORLD, SPORTS]


def test_no_rows_are_no_votes():
    assert run("def vote(record): return 'Sports'", rows=np.array([], dtype=np.int64)).labels.shape == (0,)


def test_the_text_is_there_and_functions_written_for_refinery_read_it_their_way():
    source = "def lf(record):\n    if 'goal' in record['text'].text.lower(): return 'Sports'\n"
    assert run(source, n=3).labels.tolist() == [ABSTAIN, SPORTS, ABSTAIN]


def test_vote_is_taken_among_several_functions_else_the_last():
    assert check("def vote(r): pass\ndef helper(r): pass") == ("vote", [])
    assert check("def helper(r): pass\ndef lf(r): pass") == ("lf", [])


def test_what_is_printed_comes_back_shortened_and_disturbs_nothing():
    found = run(
        "def vote(record):\n    print('seen', record['number'], '{\"places\": []}')\n    return 'Sports'"
    )
    assert found.labels.tolist() == [SPORTS] * 40
    assert found.notes["printed"].startswith('seen 0 {"places": []}\nseen 1')
    loud = run("def vote(record):\n    print('x' * 10**6)\n    return 'Sports'")
    assert loud.labels.tolist() == [SPORTS] * 40
    assert len(loud.notes["printed"]) == 2_000


def test_useful_modules_work_also_where_they_import_others_late():
    source = (
        "import datetime, json, random, re, statistics, unicodedata\nfrom urllib.parse import urlsplit\n"
        "def vote(record):\n"
        "    day = datetime.datetime.strptime('2020-02-01', '%Y-%m-%d').month == 2\n"
        "    other = 'Ä'.encode('latin-1') == b'\\xc4' and urlsplit('http://a/b').path == '/b'\n"
        "    found = random.random() < 1 and re.search('[0-9]', record['text'])\n"
        "    return 'Sports' if day and other and found else None"
    )
    assert run(source, n=3).labels.tolist() == [SPORTS] * 3


def test_twenty_thousand_records_take_less_than_two_seconds():
    start = time.perf_counter()
    found = run("def vote(record): return 'Sports' if 'goal' in record['text'] else None", n=20_000)
    assert time.perf_counter() - start < 2
    assert (found.labels == SPORTS).sum() == 10_000


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return record['nope']", "The code failed on record r17, line 3: KeyError: 'nope'."),
        ("raise ValueError('a\\n  b')", "The code failed on record r17, line 3: ValueError: a b."),
        ("return 3", "The code returned 3 on record r17: return a label's name, None or (name, confidence)."),
        (
            "return ('Sports', float('nan'))",
            "The code returned ('Sports', nan) on record r17: return a label's name, None or "
            "(name, confidence).",
        ),
        (
            "return (x for x in [1])",
            "The code returned a generator on record r17: return a label's name, None or (name, confidence).",
        ),
        (
            "return 'Sprots'",
            "The code returned 'Sprots' on record r17, which is no label; the labels are Sports, World.",
        ),
        (
            "raise SystemExit(0)",
            "The code asked to exit on record r17, line 3: return None where it has no opinion.",
        ),
        (
            "raise KeyboardInterrupt",
            "The code asked to exit on record r17, line 3: return None where it has no opinion.",
        ),
        (
            "def f(): return f()\n        f()",
            "The code failed on record r17, line 3: RecursionError: maximum recursion depth exceeded.",
        ),
        ("return 'x' * 10**9", "The code needed more than its 512 MB of memory on record r17, line 3."),
        (
            "class Bad(Exception):\n            def __str__(self): return 1 / 0\n        raise Bad",
            "The code failed on record r17, line 5: Bad.",
        ),
    ],
)
def test_a_failure_names_the_record_and_the_line(body, said):
    assert message(ON_17.format(body)) == said


@pytest.mark.parametrize(
    "body",
    [
        "while True: pass",
        "while True:\n            try: 1 / 0\n            except BaseException: pass",
        "sum(range(10**12))",
    ],
    ids=["loop", "loop that catches everything", "loop inside C"],
)
def test_an_endless_loop_is_stopped_and_names_the_record(body):
    start = time.perf_counter()
    assert (
        message(ON_17.format(body), seconds_a_record=0.5)
        == "The code took more than 0.5 seconds on record r17, and was stopped."
    )
    assert time.perf_counter() - start < 5


def test_many_slow_records_are_stopped_by_the_time_in_all():
    said = message("import time\ndef vote(record): time.sleep(0.1)", seconds=1)
    assert said.startswith("The code took more than 1 second in all, and was stopped on record r")


def test_memory_taken_bit_by_bit_is_stopped():
    source = "kept = []\ndef vote(record):\n    kept.append(bytearray(10**7))\n    return None"
    said = message(source, memory_mb=128)
    assert said.startswith("The code needed more than its 128 MB of memory on record r")
    assert said.endswith(", line 3.")


def test_memory_is_watched_from_outside_where_the_system_sets_no_limit(monkeypatch, tmp_path):
    """As on macOS: the same worker, without the limit on its address space."""
    worker = tmp_path / "worker.py"
    source = Path(code_worker.__file__).read_text(encoding="utf-8")
    worker.write_text(source.replace('"RLIMIT_AS"', '"RLIMIT_NONE"'), encoding="utf-8")
    monkeypatch.setattr(code_worker, "__file__", str(worker))
    body = "kept = bytearray(3 * 10**8)\n        while True: pass"
    said = message(ON_17.format(body), memory_mb=128, seconds_a_record=20)
    assert said == "The code needed more than its 128 MB of memory on record r17."


def test_what_stands_outside_the_function_is_limited_as_well(monkeypatch):
    monkeypatch.setattr(code_process, "LOADING_SECONDS", 0.2)
    assert (
        message("while True: pass\ndef vote(r): pass", seconds_a_record=0.1)
        == "The code took more than 0.2 seconds on what stands outside the function, and was stopped."
    )
    assert (
        message("x = 1\nx / 0\ndef vote(r): pass")
        == "The code failed on what stands outside the function, line 2: ZeroDivisionError: division by zero."
    )


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def vote(r):\n  return (1", "The code has a syntax error in line 2: '(' was never closed."),
        ("def vote(r): return 1\0", "The code has a syntax error in line 1: "),
        ("x = 3", "The code has no function: write one, such as def vote(record): …."),
        ("async def vote(r): pass", "The code has no function"),
        ("def vote(r):\n  import os", "The code may not import os (line 2); it may import array, "),
        (
            "from knowledge import terms\ndef lf(r): pass",
            "The code may not import knowledge (line 1); it may",
        ),
        ("from . import x\ndef lf(r): pass", "The code may not import . (line 1)"),
        ("import urllib.request\ndef lf(r): pass", "The code may not import urllib.request (line 1)"),
        ("x = " + "(" * 500 + ")" * 500 + "\ndef vote(r): pass", "The code "),
    ],
)
def test_code_that_cannot_run_is_refused_before_a_process_is_started(source, said, monkeypatch):
    monkeypatch.setattr(code_process.subprocess, "Popen", None)
    assert message(source).startswith(said.rstrip())


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("open('/etc/passwd')", "open files (/etc/passwd)"),
        ("open('left-behind', 'w')", "open files (left-behind)"),
        ("os.listdir('/')", "open files (/)"),
        ("os.open(os.path.dirname(os.__file__) + '/../../../etc/passwd', 0)", "open files"),
        ("os.remove('x')", "change files"),
        ("os.fork()", "start processes"),
        ("os.system('true')", "start processes"),
        ("os.posix_spawn('/bin/true', ['true'], {})", "start processes"),
        ("os.execv('/bin/true', ['true'])", "start processes"),
        ("os.kill(os.getppid(), 9)", "touch other processes"),
        ("__import__('socket')", "import socket"),
        ("__import__('_posixsubprocess')", "import _posixsubprocess"),
        ("__import__('ctypes')", "import ctypes"),
        ("input()", "ask for input"),
        ("sys.settrace(print)", "use sys.settrace"),
        ("vote.__code__.replace(co_code=b'')", "use code.__new__"),
    ],
)
def test_what_code_may_not_do_is_refused_in_words(body, said):
    found = message(BY_A_BACK_DOOR.format(body))
    assert found.startswith(f"The code may not {said}")
    assert found.endswith(", as it tried on record r17, line 5.")


def test_threads_cannot_be_started():
    said = message(BY_A_BACK_DOOR.format("sys.modules['_thread'].start_new_thread(print, ())"))
    assert "may not start threads" in said or "can't start new thread" in said  # Python or the system says so


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("os._exit(4)", "The code's process ended on record r17 (exit status 4)."),
        ("os._exit(0)", "The code's process ended on record r17 (exit status 0)."),
        ("os.abort()", "The code's process ended on record r17 (SIGABRT)."),
    ],
)
def test_a_process_that_ends_itself_is_told_with_the_record(body, said):
    assert message(BY_A_BACK_DOOR.format(body)) == said


@pytest.mark.parametrize(
    "line",
    ['{"places": [0], "confidences": [1.0]}', "[1]", "nonsense", '{"places": [7], "confidences": [NaN]}'],
)
def test_what_the_process_sends_is_not_trusted(line, monkeypatch, tmp_path):
    worker = tmp_path / "worker.py"
    worker.write_text(
        "import sys\nsys.stdin.readline()\nprint('{}', flush=True)\n"
        f"sys.stdin.readline()\nprint({line!r}, flush=True)\nsys.stdin.readline()\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(code_worker, "__file__", str(worker))
    assert message("def vote(r): pass").startswith("The code disturbed the way its votes are sent")


def test_a_process_that_cannot_start_says_why(monkeypatch, tmp_path):
    monkeypatch.setattr(code_worker, "__file__", str(tmp_path / "gone.py"))
    said = message("def vote(r): pass")
    assert said.startswith("The process for the code could not start (exit status 2, ")


def test_a_cancel_kills_the_process_at_once():
    began, before = [], children()  # a browser's, where its tests ran first

    def report(done, total=None, unit="", message="", detail=None):
        if children() != before:
            began.append(done)
        if len(began) > 3:
            raise JobCancelledError

    start = time.perf_counter()
    with pytest.raises(JobCancelledError):
        run(ON_17.format("while True: pass"), report=report, seconds_a_record=30)
    assert time.perf_counter() - start < 3
    assert children() == before


def test_the_environment_and_the_folder_are_empty(monkeypatch):
    monkeypatch.setenv("EMBTUNE_LLM_KEY", "secret")
    source = BY_A_BACK_DOOR.format("return 'Sports'") + "print(sorted(os.environ), flush=True)\n"
    assert "EMBTUNE" not in run(source).notes["printed"]


def test_systems_without_limits_refuse(monkeypatch):
    monkeypatch.setattr("embtune.heuristics.code.can_limit", lambda: False)
    assert message("def vote(r): pass").startswith("Python code needs limits that this system does not have")


def test_it_describes_itself_and_wants_permission():
    kind = CodeKind()
    assert kind.needs_permission
    said = 'def vote(record):\n    """Goals are sports.\n\n    More.\n    """\n'
    assert kind.describe(CodeConfig(source=said), {}) == "Goals are sports."
    assert kind.describe(CodeConfig(source="def vote(r):\n    pass"), {}) == "Python, 2 lines"
    assert kind.describe(CodeConfig(source="def vote(r:"), {}) == "Python, 1 line"


def in_a_process(program):
    """Run a program beside the worker's functions, before Python itself refuses anything; what it prints."""
    worker = code_worker.__file__
    done = subprocess.run(
        [
            *(sys.executable, "-I", "-S", "-c"),
            f"import encodings.idna, runpy, socket\nglobals().update(runpy.run_path({worker!r}))\n{program}",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@linux
def test_the_kernel_keeps_files_and_network_away_without_the_audit_hook():
    left, files, network, itself = in_a_process(
        "left = detach()\nprint('+'.join(sorted(left)) or 'nothing')\n"
        "def told(do):\n"
        "    try: do()\n"
        "    except OSError as error: print(type(error).__name__)\n"
        "    else: print('done')\n"
        "told(lambda: open('/etc/passwd'))\n"
        "told(lambda: socket.create_connection(('127.0.0.1', 9), 1))\n"
        "told(lambda: open('/proc/self/status'))\n"
    )
    if "files" in left:
        assert (files, itself) == ("PermissionError", "PermissionError")
    if "network" in left or "files" in left:
        assert network in {"OSError", "PermissionError"}  # unreachable or refused, not: nobody listens there
    if not left:
        pytest.skip("this kernel lets a process shut nothing off")


@linux
def test_the_limits_hold_without_the_audit_hook():
    told = in_a_process(
        "limit(memory_mb=256, seconds=5); left = detach()\n"
        "try: bytearray(2**29)\n"
        "except MemoryError: print('memory')\n"
        "import resource\n"
        "print(resource.getrlimit(resource.RLIMIT_CPU)[1], resource.getrlimit(resource.RLIMIT_FSIZE)[1])\n"
        "try: pid = os.fork()\n"
        "except OSError: print('no-fork')\n"
        "else:\n"
        "    if pid == 0: os._exit(0)\n"
        "    print('forked')\n"
    )
    assert told == ["memory", "7", "0", "no-fork"]


def test_what_the_guard_decides_by_is_out_of_reach():
    loosened = (
        "main = sys.modules['__main__']\n"
        "main._HARMLESS = main._NOT_EVEN_BY_OTHERS = {'open', 'os.listdir', 'os.putenv'}\n"
        "main._WORDS = {}\nmain._WRITING = 0\n"
        "real = isinstance\n"
        "sys.modules['builtins'].isinstance = lambda one, kinds: kinds is not int and real(one, kinds)\n"
        "os.sep = ''\nos.path.normpath = lambda path: os.path.dirname(os.__file__)\n"
    )
    source = BY_A_BACK_DOOR.split("\n", 2)
    for body in ("os.listdir('/')", "os.putenv('A', 'B')", "open('/etc/passwd')", "open(os.__file__, 'a')"):
        tried = f"{source[0]}\n{source[1]}\n{loosened}{source[2].format(body)}"
        assert "The code may not " in message(tried), body
    text_like = (
        "class S(str):\n    startswith = lambda *given: True\n    __add__ = lambda *given: os.__file__\n"
    )
    tried = f"{source[0]}\n{source[1]}\n{text_like}{source[2].format('open(S(chr(47)))')}"
    assert "The code may not open files" in message(tried)


def test_a_system_that_does_not_keep_the_code_from_files_is_told(monkeypatch, tmp_path):
    worker = Path(code_worker.__file__).read_text(encoding="utf-8")
    assert "if _landlock(libc, own):" in worker
    (tmp_path / "worker.py").write_text(worker.replace("if _landlock(libc, own):", "if False:"))
    monkeypatch.setattr(code_worker, "__file__", str(tmp_path / "worker.py"))
    assert "no Landlock" in run("def vote(record): return 'Sports'").notes["warnings"][0]
