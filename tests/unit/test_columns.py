"""The columns that filters scan hold every record once, also while somebody else imports."""

import json
import signal

import pytest

import embtune
from embtune.work import columns, importing


def rows_of(n, word):
    return json.dumps([{"text": f"{word} {i}", "n": f"{word}{i}"} for i in range(n)]).encode()


@pytest.fixture
def few(home):
    """Five records whose columns are not laid out yet."""
    made = embtune.open("demo")
    made.import_records(rows_of(5, "first"), name="a.json", text="{text}")
    return made


@pytest.fixture
def no_endless_loop():
    def stop(*_):
        raise AssertionError("it looks through the files for ever")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, 5)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def files(project):
    return sorted(path.name for path in project.folder("columns").iterdir())


def all_of(project):
    return columns.text_column(project).to_pylist(), columns.field_column(project, "n").to_pylist()


FIVE = [f"first {i}" for i in range(5)], [f"first{i}" for i in range(5)]
SEVEN = [*FIVE[0], "later 0", "later 1"], [*FIVE[1], "later0", "later1"]


@pytest.mark.parametrize("read", ["iter_texts", "iter_fields"])
def test_records_that_come_while_a_column_is_written_are_there_once(few, monkeypatch, read):
    original, come = getattr(columns, read), []

    def meanwhile(*given, **options):
        if not come:
            come.append(True)
            embtune.open("demo").import_records(rows_of(2, "later"), name="b.json")
        return original(*given, **options)

    monkeypatch.setattr(columns, read, meanwhile)
    monkeypatch.setattr(columns, "LAID_OUT_AT_ONCE", 4)
    monkeypatch.setattr(importing, "lay_out", lambda _project: None)
    columns.lay_out(few)
    assert come
    assert all_of(few) == SEVEN
    assert all_of(embtune.open("demo")) == SEVEN


def test_what_somebody_else_finished_meanwhile_is_written_over_not_beside(few, monkeypatch, no_endless_loop):
    original = columns._whole_parts

    def just_before(*given):
        found = original(*given)
        if not found[0]:
            monkeypatch.setattr(columns, "_whole_parts", original)
            all_of(embtune.open("demo"))
        return found

    monkeypatch.setattr(columns, "_whole_parts", just_before)
    assert all_of(few) == FIVE
    assert files(few) == ["fields-0-5.arrow", "texts-0-5.arrow"]
    assert all_of(embtune.open("demo")) == FIVE


def test_files_that_a_fault_left_behind_do_no_harm(few, no_endless_loop):
    all_of(few)
    folder = few.folder("columns")
    for kind in ("texts", "fields"):
        whole = (folder / f"{kind}-0-5.arrow").read_bytes()
        (folder / f"{kind}-0-3.arrow").write_bytes(whole)  # rows 3 and 4 too many
        (folder / f"{kind}-0-5.arrow").unlink()
        for name in (f"{kind}-3-3.arrow", f"{kind}-5-5.arrow", f"{kind}-5-2.arrow"):
            (folder / name).write_bytes(whole)
    assert all_of(embtune.open("demo")) == FIVE
