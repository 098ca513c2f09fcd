import errno
import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from embtune.errors import BadInputError, StorageError, UnknownChoiceError
from embtune.records import writers
from embtune.records.identity import record_id, value_text
from embtune.records.readers import read_table
from embtune.records.writers import WRITERS, write_rows

ROWS = [
    {"text": 'say "hi", you', "n": 1, "share": 0.25, "on": True, "none": None},
    {"text": "two\nlines\r\nand\ra tab\t", "n": 2, "share": 1.0, "on": False, "none": None},
    {"text": "=1+1; Zażółć 今日 🙂\u2028 |", "n": -3, "share": 1e-7, "on": True, "none": None},
    {"text": " spaces ", "n": None, "share": None, "on": None, "none": None},
    {"text": None, "n": 0, "share": 0.1 + 0.2, "on": True, "none": None},
]


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("kind", sorted(WRITERS))
def test_round_trip(tmp_path, kind):
    path = tmp_path / f"out.{kind}"
    assert write_rows(ROWS, path, kind) == 5
    table = read_table(path)
    assert (table.format, table.columns, table.notes) == (kind, ("text", "n", "share", "on", "none"), ())
    as_text = [{name: value_text(value) for name, value in row.items()} for row in ROWS]
    assert table.rows == (as_text if kind == "csv" else ROWS)
    assert [record_id(row) for row in table.rows] == [record_id(row) for row in ROWS]
    assert files_in(tmp_path) == [path.name]


@pytest.mark.parametrize("kind", sorted(WRITERS))
def test_columns_choose_and_order(tmp_path, kind):
    path = tmp_path / f"out.{kind}"
    write_rows([{"a": "1", "b": "2"}, {"c": "3", "b": "4"}], path, kind, columns=["b", "c"])
    empty = "" if kind == "csv" else None
    assert read_table(path).rows == [{"b": "2", "c": empty}, {"b": "4", "c": "3"}]


def test_csv_bytes(tmp_path):
    write_rows([{"a": "x,y", "b": None}, {"a": "=1+1", "b": 'q"'}], tmp_path / "f.csv", "csv")
    assert (tmp_path / "f.csv").read_bytes() == b'a,b\r\n"x,y",\r\n=1+1,"q"""\r\n'


@pytest.mark.parametrize("kind", sorted(WRITERS))
def test_one_column_with_an_empty_value(tmp_path, kind):
    path = tmp_path / f"f.{kind}"
    write_rows([{"a": "x"}, {"a": None}, {"a": "y"}], path, kind)
    assert [row["a"] or "" for row in read_table(path).rows] == ["x", "", "y"]


@pytest.mark.parametrize("kind", sorted(WRITERS))
def test_values_that_are_not_plain(tmp_path, kind):
    path = tmp_path / f"f.{kind}"
    when = datetime(2026, 11, 3, 12, tzinfo=UTC)
    write_rows(
        [{"n": np.int64(3), "f": np.float32(0.5), "t": when, "x": float("nan"), "m": 1}, {"m": "a"}],
        path,
        kind,
    )
    first = read_table(path).rows[0]
    assert [value_text(first[name]) for name in ("n", "f", "t", "x", "m")] == [
        "3", "0.5", "2026-11-03T12:00:00+00:00", "", "1",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", sorted(WRITERS))
def test_no_rows(tmp_path, kind):
    path = tmp_path / f"f.{kind}"
    assert write_rows([], path, kind, columns=["a", "b"]) == 0
    assert path.exists()


def test_unknown_format(tmp_path):
    with pytest.raises(
        UnknownChoiceError, match=r"Unknown export format 'xml'. Choose one of: csv, jsonl, parquet\."
    ):
        write_rows(ROWS, tmp_path / "f.xml", "xml")


@pytest.mark.parametrize("kind", sorted(WRITERS))
def test_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, kind):
    path = tmp_path / f"f.{kind}"
    path.write_text("old")

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="was not written: the disk is full"):
        write_rows(ROWS, path, kind)
    assert files_in(tmp_path) == [path.name]
    assert path.read_text() == "old"


def test_any_error_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(rows, columns, stream):
        stream.write(b"half")
        raise RuntimeError("stop")

    monkeypatch.setitem(writers.WRITERS, "csv", fail)
    with pytest.raises(RuntimeError, match="stop"):
        write_rows(ROWS, tmp_path / "f.csv", "csv")
    assert files_in(tmp_path) == []


def test_folders_that_cannot_take_it(tmp_path, monkeypatch):
    with pytest.raises(StorageError, match="there is no folder"):
        write_rows(ROWS, tmp_path / "missing" / "f.csv", "csv")
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match="there is no folder"):
        write_rows(ROWS, tmp_path / "file" / "f.csv", "csv")
    with pytest.raises(StorageError, match="is a folder: give the name of a file in it"):
        write_rows(ROWS, tmp_path, "csv")

    def denied(*args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(StorageError, match="you may not write to the folder"):
        write_rows(ROWS, tmp_path / "f.csv", "csv")


@pytest.mark.parametrize("kind", sorted(WRITERS))
def test_half_a_character(tmp_path, kind):
    with pytest.raises(BadInputError, match="half a character"):
        write_rows([{"a": "x\ud800"}], tmp_path / f"f.{kind}", kind)
    assert files_in(tmp_path) == []
