"""A slice as the bounds of other work: an export, a tuning, a measurement."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embtune.errors import NotReadyError

if TYPE_CHECKING:
    from embtune.project import Project


def slice_mask(project: Project, name: str | None) -> NDArray[np.bool_]:
    """Return which records a slice holds now, shape (n,); all of them without a name.

    Raises
    ------
    NotFoundError
        If there is no such slice.
    NotReadyError
        If it holds no record now, or its filter asks for what is not there yet.
    """
    if name is None:
        return np.ones(project.n_records, dtype=np.bool_)
    found = np.zeros(project.n_records, dtype=np.bool_)
    rows = project.slice_rows(name)
    found[rows[rows < len(found)]] = True
    if not found.any():
        raise NotReadyError(
            f"The slice {name!r} of project {project.name!r} holds no record now: change its filter, or take "
            "another slice."
        )
    return found


def slice_stamp(project: Project, name: str | None) -> str | None:
    """Return a digest of the records that a slice holds now: more than labels can change them."""
    if name is None:
        return None
    return hashlib.blake2b(np.packbits(slice_mask(project, name)).tobytes(), digest_size=8).hexdigest()
