"""Matrices of vectors as `.npy` files: written whole or resumable, read memory-mapped."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from embtune.errors import StorageError, VectorsError

_DTYPES = ("float32", "float16")
_NPY_MAGIC = b"\x93NUMPY"
_BLOCK = 65536


class MatrixWriter:
    """Grows an (n, dim) `.npy` chunk by chunk; a crash leaves whole chunks that a later run resumes from.

    The rows go to `<name>.partial.npy`; `<name>.partial.json` beside it says how many of them are on
    the disk for certain. Opening the same matrix again (same n, dim, dtype and fingerprint) goes on
    after those; anything else starts anew.

    Parameters
    ----------
    path
        Where the finished matrix will be.
    n, dim
        Its shape.
    dtype
        `float32` or `float16`.
    fingerprint
        Names what the rows are made from (texts, model): rows are resumed only under the same one.

    Raises
    ------
    StorageError
        If the folder is not writable or the disk has no room for the whole matrix.
    """

    done: int
    """Rows that are on the disk: the first missing row's number."""

    def __init__(self, path: Path, n: int, dim: int, dtype: str = "float32", *, fingerprint: str) -> None:
        if dtype not in _DTYPES:
            raise ValueError(f"dtype must be one of {', '.join(_DTYPES)}, not {dtype!r}.")
        self.path = path
        self.n = n
        self.dim = dim
        self.dtype = np.dtype(dtype)
        self._partial = path.with_suffix(".partial.npy")
        self._sidecar = path.with_suffix(".partial.json")
        self._identity = {"n": n, "dim": dim, "dtype": dtype, "fingerprint": fingerprint}
        self._row_bytes = dim * self.dtype.itemsize
        with _told_as_storage_error(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self.done = self._resume()
            missing = (n - self.done) * self._row_bytes
            free = shutil.disk_usage(path.parent).free
            if missing > free:
                raise StorageError(
                    f"The disk of {str(path.parent)!r} has {_size(free)} free, but the vectors need "
                    f"{_size(missing)} more: free some space and run it again."
                )
            if self.done == 0:
                self._start()

    def append(self, rows: NDArray[Any]) -> None:
        """Write the next rows, shape (m, dim), and commit them: they survive a crash from here on.

        Raises
        ------
        ValueError
            If the rows have another width or are more than are missing.
        StorageError
            If the disk is full; the rows committed before stay.
        """
        if rows.ndim != 2 or rows.shape[1] != self.dim or len(rows) > self.n - self.done:
            raise ValueError(
                f"{self.path.name} takes up to {self.n - self.done} more rows of {self.dim} values, "
                f"not an array of shape {rows.shape}."
            )
        # Plain writes: a full disk under a memory map would kill the process instead of raising.
        with _told_as_storage_error(self.path), self._partial.open("r+b") as file:
            file.seek(self._offset(file) + self.done * self._row_bytes)
            file.write(np.ascontiguousarray(rows, dtype=self.dtype).tobytes())
            _flush_to_disk(file)
            self._commit(self.done + len(rows))

    def finish(self) -> None:
        """Give the whole matrix its name, replacing what was there.

        Raises
        ------
        ValueError
            If rows are missing.
        """
        if self.done != self.n:
            raise ValueError(f"{self.path.name} has {self.done} of {self.n} rows: it is not finished.")
        with _told_as_storage_error(self.path):
            with self._partial.open("r+b") as file:
                file.truncate(self._offset(file) + self.n * self._row_bytes)
                _flush_to_disk(file)
            self._partial.replace(self.path)
            _flush_folder(self.path.parent)
            self._sidecar.unlink(missing_ok=True)

    def _resume(self) -> int:
        """Return how many rows of an earlier run can be kept."""
        try:
            state = json.loads(self._sidecar.read_text(encoding="utf-8"))
            done = state.pop("done")
            if state != self._identity or not 0 < done <= self.n:
                return 0
            with self._partial.open("rb") as file:
                needed = self._offset(file) + done * self._row_bytes
            return int(done) if self._partial.stat().st_size >= needed else 0
        except (FileNotFoundError, ValueError, AttributeError, KeyError, TypeError):
            return 0

    def _start(self) -> None:
        self._sidecar.unlink(missing_ok=True)  # first, or it could vouch for rows that are gone
        header = {"descr": self.dtype.str, "fortran_order": False, "shape": (self.n, self.dim)}
        with self._partial.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            _flush_to_disk(file)
        self._commit(0)

    def _commit(self, done: int) -> None:
        state = json.dumps({"done": done, **self._identity}).encode()
        _write_atomically(self._sidecar, lambda file: file.write(state))
        self.done = done

    def _offset(self, file: BinaryIO) -> int:
        """Return where the rows begin; ValueError if the header is not this matrix's."""
        file.seek(0)
        np.lib.format.read_magic(file)
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
        if (shape, fortran, dtype) != ((self.n, self.dim), False, self.dtype):
            raise ValueError(f"{self._partial} is another matrix: {shape}, {dtype}.")
        return file.tell()


def open_matrix(path: Path) -> NDArray[Any]:
    """Open a matrix that embtune wrote, memory-mapped and read-only.

    Raises
    ------
    StorageError
        If it is missing, damaged, or not a 2-D array of floats.
    """
    try:
        matrix = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise StorageError(f"The matrix file {str(path)!r} is missing: embed again.") from None
    except (ValueError, EOFError, OSError) as error:
        raise StorageError(f"The matrix file {str(path)!r} is damaged ({error}): embed again.") from error
    if not isinstance(matrix, np.ndarray) or matrix.ndim != 2 or matrix.dtype.kind != "f":
        raise StorageError(f"The matrix file {str(path)!r} is not a 2-D array of floats: embed again.")
    return matrix


def save_matrix(path: Path, array: NDArray[Any]) -> None:
    """Write an array as `.npy`: afterwards `path` holds the old file or the whole new one.

    Raises
    ------
    StorageError
        If the disk is full or the folder not writable.
    """
    with _told_as_storage_error(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_atomically(path, lambda file: np.save(file, array, allow_pickle=False))


def check_vectors(path: Path, n_records: int) -> NDArray[Any]:
    """Load a user's own vectors, one row per record.

    Parameters
    ----------
    path
        A `.npy` file.
    n_records
        Rows it must have.

    Returns
    -------
    NDArray
        Shape (n_records, dim): memory-mapped as they are if float32 or float16, else cast to float32;
        every value finite, no row all zeros. Rows are not scaled: see `unit_rows`.

    Raises
    ------
    VectorsError
        In one sentence, with row numbers counted from 1.
    """
    matrix = _load_npy(path)
    if matrix.ndim != 2 or matrix.shape[1] == 0:
        raise VectorsError(
            f"{path} must hold a 2-D array (records × values), but its shape is {matrix.shape}."
        )
    if matrix.dtype.kind not in "fiu":
        raise VectorsError(f"{path} must hold floating-point numbers, but its type is {matrix.dtype}.")
    if len(matrix) != n_records:
        raise VectorsError(f"{path} has {len(matrix):,} rows, but the project has {n_records:,} records.")
    if matrix.dtype not in (np.float32, np.float16):
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes inf, and is told below
            matrix = matrix.astype(np.float32)
    for start in range(0, n_records, _BLOCK):
        block = matrix[start : start + _BLOCK]
        finite = np.isfinite(block).all(axis=1)
        if not finite.all():
            row = start + int(np.argmin(finite)) + 1
            raise VectorsError(
                f"{path} has a value that is not finite (NaN or infinite in float32) in row {row:,}."
            )
        filled = block.any(axis=1)
        if not filled.all():
            row = start + int(np.argmin(filled)) + 1
            raise VectorsError(f"{path} has only zeros in row {row:,}, which has no direction to compare.")
    return matrix


def unit_rows(vectors: NDArray[Any], *, block: int = _BLOCK) -> NDArray[np.float32]:
    """Scale rows to unit length.

    Parameters
    ----------
    vectors
        Shape (n, dim), any real type, memory-mapped or not; it is not changed.
    block
        Rows read at once.

    Returns
    -------
    NDArray
        Shape (n, dim), float32. A row of zeros stays so: its cosine to anything is 0.
    """
    out = np.empty(vectors.shape, dtype=np.float32)
    for start in range(0, len(vectors), block):
        rows = vectors[start : start + block]
        # Squares of very small or large values leave float32's range.
        norms = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64, casting="unsafe"))
        norms[norms == 0] = 1
        np.divide(rows, norms[:, None], out=out[start : start + block], casting="unsafe")
    return out


def _load_npy(path: Path) -> NDArray[Any]:
    try:
        with path.open("rb") as file:
            is_npy = file.read(len(_NPY_MAGIC)) == _NPY_MAGIC
        if not is_npy:
            raise VectorsError(f"{path} is not a .npy file: write it with numpy.save.")
        matrix: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise VectorsError(f"There is no file {path}.") from None
    except OSError as error:
        raise VectorsError(f"{path} cannot be read ({error.strerror or error}).") from error
    except (ValueError, EOFError, SyntaxError) as error:
        if "object" in str(error).lower():
            raise VectorsError(
                f"{path} holds Python objects, which are never loaded: save plain floats."
            ) from None
        raise VectorsError(f"{path} is damaged or cut off: write it again with numpy.save.") from error
    return matrix


@contextlib.contextmanager
def _told_as_storage_error(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            message = (
                f"The disk is full: {str(path)!r} could not be written. Free some space and run it again."
            )
        elif isinstance(error, PermissionError) or error.errno == errno.EROFS:
            message = (
                f"The folder {str(path.parent)!r} is not writable: change its permissions, or set "
                f"EMBTUNE_HOME to a folder of your own."
            )
        else:
            message = f"{str(path)!r} could not be written ({error.strerror or error})."
        raise StorageError(message) from error


def _write_atomically(path: Path, write: Callable[[BinaryIO], Any]) -> None:
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        with temporary.open("wb") as file:
            write(file)
            _flush_to_disk(file)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _flush_folder(path.parent)


def _flush_to_disk(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    """Make a rename last through a power cut, where the system offers that."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _size(n_bytes: float) -> str:
    return f"{n_bytes / 2**30:.1f} GiB" if n_bytes >= 2**30 else f"{n_bytes / 2**20:.0f} MiB"
