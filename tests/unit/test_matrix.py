import errno
import json
import os
from collections import namedtuple

import numpy as np
import pytest

from embtune.embedding import matrix
from embtune.embedding.matrix import MatrixWriter, check_vectors, open_matrix, save_matrix, unit_rows
from embtune.errors import StorageError, VectorsError

ROWS = np.arange(15, dtype=np.float32).reshape(5, 3)


@pytest.fixture
def path(tmp_path):
    (tmp_path / "project").mkdir()
    return tmp_path / "project" / "raw.npy"


def npy(path, array):
    np.save(path, array)
    return path


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_writer_writes_what_it_was_given(path, dtype):
    writer = MatrixWriter(path, 5, 3, dtype, fingerprint="a")
    writer.append(ROWS[:2])
    assert not path.exists()
    writer.append(ROWS[2:])
    writer.finish()
    assert open_matrix(path).dtype == dtype
    np.testing.assert_array_equal(open_matrix(path), ROWS)
    assert [file.name for file in path.parent.iterdir()] == ["raw.npy"]


def test_writer_resumes_after_the_last_committed_chunk(path, monkeypatch):
    writer = MatrixWriter(path, 5, 3, fingerprint="a")
    writer.append(ROWS[:2])
    monkeypatch.setattr(writer, "_commit", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):  # the rows are written, but the crash comes before the commit
        writer.append(ROWS[:2] * 100)
    again = MatrixWriter(path, 5, 3, fingerprint="a")
    assert again.done == 2
    again.append(ROWS[2:])
    again.finish()
    np.testing.assert_array_equal(open_matrix(path), ROWS)


@pytest.mark.parametrize(
    "other",
    [
        {"n": 6, "dim": 3, "fingerprint": "a"},
        {"n": 5, "dim": 2, "fingerprint": "a"},
        {"n": 5, "dim": 3, "fingerprint": "b"},
        {"n": 5, "dim": 3, "fingerprint": "a", "dtype": "float16"},
    ],
)
def test_writer_starts_anew_for_anything_else(path, other):
    MatrixWriter(path, 5, 3, fingerprint="a").append(ROWS[:2])
    assert MatrixWriter(path, **other).done == 0
    assert MatrixWriter(path, 5, 3, fingerprint="a").done == 0


@pytest.mark.parametrize("sidecar", ["", "[1]", "{}", '{"done": 9}', "not json"])
def test_writer_starts_anew_from_a_damaged_sidecar(path, sidecar):
    MatrixWriter(path, 5, 3, fingerprint="a").append(ROWS[:2])
    path.with_suffix(".partial.json").write_text(sidecar)
    assert MatrixWriter(path, 5, 3, fingerprint="a").done == 0


@pytest.mark.parametrize("keep", [0, 20, 128 + 2 * 12 - 1])
def test_writer_starts_anew_if_rows_that_were_committed_are_gone(path, keep):
    MatrixWriter(path, 5, 3, fingerprint="a").append(ROWS[:2])
    os.truncate(path.with_suffix(".partial.npy"), keep)
    assert MatrixWriter(path, 5, 3, fingerprint="a").done == 0


def test_sidecar_says_what_is_done(path):
    MatrixWriter(path, 5, 3, fingerprint="a").append(ROWS[:2])
    state = json.loads(path.with_suffix(".partial.json").read_text())
    assert state == {"done": 2, "n": 5, "dim": 3, "dtype": "float32", "fingerprint": "a"}


def test_writer_refuses_rows_that_do_not_fit(path):
    writer = MatrixWriter(path, 5, 3, fingerprint="a")
    with pytest.raises(
        ValueError, match=r"takes up to 5 more rows of 3 values, not an array of shape \(2, 4\)"
    ):
        writer.append(np.ones((2, 4)))
    with pytest.raises(ValueError, match="up to 5 more"):
        writer.append(np.ones((6, 3)))
    with pytest.raises(ValueError, match="has 0 of 5 rows"):
        writer.finish()


def test_finish_replaces_the_old_matrix(path):
    save_matrix(path, np.zeros((1, 1), dtype=np.float32))
    writer = MatrixWriter(path, 5, 3, fingerprint="a")
    assert open_matrix(path).shape == (1, 1)
    writer.append(ROWS)
    writer.finish()
    np.testing.assert_array_equal(open_matrix(path), ROWS)


def test_a_matrix_without_rows(path):
    MatrixWriter(path, 0, 3, fingerprint="a").finish()
    assert open_matrix(path).shape == (0, 3)


def test_too_little_room_is_told_before_anything_is_written(path, monkeypatch):
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(matrix.shutil, "disk_usage", lambda _: usage(free=5 * 2**20))
    with pytest.raises(StorageError, match=r"has 5 MiB free, but the vectors need 1\.4 GiB more"):
        MatrixWriter(path, 1_000_000, 384, fingerprint="a")
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("code", "message"),
    [(errno.ENOSPC, "The disk is full: .*raw.npy"), (errno.EACCES, "is not writable: .*EMBTUNE_HOME")],
)
def test_a_failing_disk_is_told_and_leaves_the_old_state(path, monkeypatch, code, message):
    save_matrix(path, ROWS)
    writer = MatrixWriter(path, 5, 3, fingerprint="a")
    writer.append(ROWS[:2])

    def fail(_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(matrix.os, "fsync", fail)
    with pytest.raises(StorageError, match=message):
        writer.append(ROWS[2:])
    with pytest.raises(StorageError, match=message):
        save_matrix(path, ROWS * 2)
    monkeypatch.undo()
    np.testing.assert_array_equal(open_matrix(path), ROWS)
    assert MatrixWriter(path, 5, 3, fingerprint="a").done == 2
    assert not list(path.parent.glob(".*.tmp"))


def test_a_folder_that_is_a_file_is_told(tmp_path):
    (tmp_path / "occupied").write_text("")
    with pytest.raises(StorageError, match="could not be written"):
        save_matrix(tmp_path / "occupied" / "raw.npy", ROWS)


def test_open_matrix_is_mapped_and_read_only(path):
    save_matrix(path, ROWS)
    opened = open_matrix(path)
    assert isinstance(opened, np.memmap)
    assert not opened.flags.writeable


def test_open_matrix_tells_what_is_wrong(path):
    with pytest.raises(StorageError, match=r"raw\.npy' is missing: embed again"):
        open_matrix(path)
    save_matrix(path, ROWS)
    os.truncate(path, 140)
    with pytest.raises(StorageError, match=r"raw\.npy' is damaged"):
        open_matrix(path)
    save_matrix(path, ROWS[0])
    with pytest.raises(StorageError, match="is not a 2-D array of floats"):
        open_matrix(path)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_check_vectors_maps_floats(path, dtype):
    rows = ROWS.astype(dtype) + 1
    checked = check_vectors(npy(path, rows), 5)
    assert isinstance(checked, np.memmap)
    np.testing.assert_array_equal(checked, rows)


@pytest.mark.parametrize("dtype", [np.float64, np.int8, ">f4"])
def test_check_vectors_casts_other_numbers(path, dtype):
    checked = check_vectors(npy(path, (ROWS + 1).astype(dtype)), 5)
    assert checked.dtype == np.float32
    np.testing.assert_array_equal(checked, ROWS + 1)


def with_value(row, value):
    rows = (ROWS + 1).astype(np.float64)
    rows[row] = value
    return rows


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (ROWS + 1, None),
        ((ROWS + 1)[:4], "has 4 rows, but the project has 5 records"),
        (ROWS[0], r"must hold a 2-D array \(records × values\), but its shape is \(3,\)"),
        (np.ones((5, 0)), "must hold a 2-D array"),
        (ROWS + 1j, "must hold floating-point numbers, but its type is complex64"),
        (np.full((5, 3), "a"), "must hold floating-point numbers, but its type is <U1"),
        (np.full((5, 3), True), "must hold floating-point numbers, but its type is bool"),
        (with_value(2, [1, np.nan, 1]), "not finite .* in row 3"),
        (with_value(0, [1, np.inf, 1]), "not finite .* in row 1"),
        (with_value(4, [1, 1e300, 1]), "not finite .* in row 5"),
        (with_value(3, 0), "has only zeros in row 4"),
        (np.full((5, 3), None), "holds Python objects, which are never loaded"),
    ],
)
def test_check_vectors_tells_what_is_wrong(path, array, message):
    np.save(path, array, allow_pickle=True)
    if message is None:
        check_vectors(path, 5)
        return
    with pytest.raises(VectorsError, match=message) as told:
        check_vectors(path, 5)
    assert str(told.value).startswith(str(path))


def test_check_vectors_finds_a_bad_row_in_a_later_block(path, monkeypatch):
    monkeypatch.setattr(matrix, "_BLOCK", 2)
    with pytest.raises(VectorsError, match="in row 4"):
        check_vectors(npy(path, with_value(3, np.nan)), 5)


def test_check_vectors_tells_of_other_files(path):
    with pytest.raises(VectorsError, match="There is no file"):
        check_vectors(path, 5)
    path.write_text("0.1,0.2\n")
    with pytest.raises(VectorsError, match=r"is not a \.npy file"):
        check_vectors(path, 5)
    with path.open("wb") as file:
        np.savez(file, ROWS)
    with pytest.raises(VectorsError, match=r"is not a \.npy file"):
        check_vectors(path, 5)
    os.truncate(npy(path, ROWS + 1), 150)
    with pytest.raises(VectorsError, match="is damaged or cut off"):
        check_vectors(path, 5)
    with pytest.raises(VectorsError, match="cannot be read"):
        check_vectors(path.parent, 5)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64])
def test_unit_rows_by_hand(dtype):
    rows = np.array([[3, 4], [0, 0], [-5, 12]], dtype=dtype)
    before = rows.copy()
    scaled = unit_rows(rows, block=2)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled, [[0.6, 0.8], [0, 0], [-5 / 13, 12 / 13]], rtol=1e-6)
    np.testing.assert_array_equal(rows, before)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_unit_rows_of_extreme_values(scale):
    rows = np.array([[3, 4]], dtype=np.float32) * np.float32(scale)
    np.testing.assert_allclose(unit_rows(rows), [[0.6, 0.8]], rtol=1e-6)
