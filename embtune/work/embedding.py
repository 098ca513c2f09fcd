"""Embed every record of a project: resumable, chunk by chunk."""

from __future__ import annotations

import hashlib
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embtune.errors import BadFileError, BadInputError, ModelError, NotReadyError
from embtune.progress import Report, silent
from embtune.store.artifacts import put_embedding
from embtune.store.projects import update_project
from embtune.store.records import fetch_texts
from embtune.work.appending import before_appending, extend_maps
from embtune.work.graphs import prepare_graph
from embtune.work.label_names import prepare_names

if TYPE_CHECKING:
    from embtune.project import Project
    from embtune.store.artifacts import EmbeddingRow

CHUNK = 512
OWN_VECTORS = "own vectors"


def embed(
    project: Project,
    *,
    model: str | None = None,
    vectors: Path | None = None,
    device: str | None = None,
    report: Report = silent,
) -> dict[str, Any]:
    """Make or extend the embedding `raw`, every tuned version's matrix after it, and the maps of both.

    Records that have a vector already are not encoded again. A run that was stopped goes on at the
    last whole chunk.

    Raises
    ------
    NotReadyError
        If the project has no records.
    ModelError, VectorsError, BadInputError
        If the model or the given vectors cannot be used; the stored embedding stays as it was.
    """
    n = project.n_records
    if n == 0:
        raise NotReadyError(f"Project {project.name!r} has no records yet: import a file first.")
    before = time.perf_counter()
    drawn = before_appending(project)
    raw = project.find_embedding("raw")
    if raw is not None and project.versions and model and model != raw.model:
        raise BadInputError(
            f"The versions of project {project.name!r} were tuned from {raw.model!r}: "
            "make a new project to try another base model."
        )
    if vectors is not None:
        detail = _adopt(project, vectors, n)
    elif raw is not None and raw.model == OWN_VECTORS and model is None:
        detail = _own_are_enough(raw, n)
    else:
        detail = _encode(project, model or project.info.model, device, n, report)
    extended = _extend_versions(project, n, device, report)
    maps = extend_maps(project, drawn, report=report)
    prepare_graph(project, "raw")
    prepare_names(project, "raw")
    seconds = time.perf_counter() - before
    return {
        **detail,
        "n_records": n,
        "seconds": round(seconds, 2),
        "extended": extended,
        "extended_maps": maps,
    }


def _adopt(project: Project, path: Path, n: int) -> dict[str, Any]:
    from embtune.embedding.matrix import check_vectors, open_matrix, save_matrix, unit_rows

    matrix = unit_rows(check_vectors(path, n))
    old = project.find_embedding("raw")
    if old is not None and project.versions:
        # New records may be added to what the versions were tuned from; anything else would break them.
        known = open_matrix(project.path(old.file))
        same = old.model == OWN_VECTORS and known.shape[1] == matrix.shape[1]
        if not same or not np.allclose(matrix[: len(known)], known, atol=1e-5):
            raise BadInputError(
                f"The versions of project {project.name!r} were tuned from {old.model!r} as they were: the "
                f"first {len(known):,} rows of {path} must be the same, or make a new project."
            )
    stamp = hashlib.blake2b(matrix.tobytes(), digest_size=6).hexdigest()
    file = project.folder("embeddings") / f"raw-{n}-{stamp}.npy"
    save_matrix(file, matrix)
    _put(project, "raw", file, matrix.shape[1], n, model=OWN_VECTORS, model_path=None, detail={})
    return {"embedding": "raw", "model": OWN_VECTORS, "dim": int(matrix.shape[1]), "n_encoded": 0}


def _own_are_enough(raw: EmbeddingRow, n: int) -> dict[str, Any]:
    """Keep vectors that the user brought: no model replaces them unasked."""
    if raw.n_rows < n:
        raise NotReadyError(
            f"The first {raw.n_rows:,} records have vectors of your own: "
            f"give vectors for all {n:,} with --vectors, or name a model to embed all of them with."
        )
    return {"embedding": "raw", "model": OWN_VECTORS, "dim": raw.dim, "n_encoded": 0}


def _encode(project: Project, name: str, wanted: str | None, n: int, report: Report) -> dict[str, Any]:
    from embtune.embedding.device import pick_device
    from embtune.embedding.matrix import MatrixWriter, open_matrix
    from embtune.embedding.models import resolve_model

    old = project.find_embedding("raw")
    model = resolve_model(name)
    same = old is not None and old.model == model.name
    if old is not None and same and old.detail.get("sha256") not in (None, model.sha256):
        if project.versions:
            raise BadInputError(
                f"The weights of {model.name!r} at {model.path} are not those the records were embedded "
                "with, and versions were tuned from these: restore the old weights or make a new project."
            )
        same = False
    start = old.n_rows if old is not None and same else 0
    if old is not None and same and old.n_rows >= n:
        return {"embedding": "raw", "model": old.model, "dim": old.dim, "n_encoded": 0, **old.detail}
    report(start, n, "records", "loading the model", {"first_done": start})
    encoder = project.encoder(model, pick_device(wanted or project.settings.device))
    fingerprint = hashlib.blake2b(
        f"{model.name}|{model.sha256}|{encoder.dtype}|{n}|{start}".encode(), digest_size=6
    ).hexdigest()
    file = project.folder("embeddings") / f"raw-{n}-{fingerprint}.npy"
    writer = MatrixWriter(file, n, encoder.dim, fingerprint=fingerprint)
    if old is not None and start and writer.done < start:
        known = open_matrix(project.path(old.file))
        writer.append(np.asarray(known[writer.done : start], dtype=np.float32))
    first = writer.done
    pace = {"first_done": first, "first_at": time.time()}
    report(first, n, "records", "embedding", pace)
    began = time.perf_counter()
    while writer.done < n:
        at = writer.done
        texts = fetch_texts(project.db, project.id, start=at, stop=min(at + CHUNK, n))

        def inner(done: float, *_: Any, _at: int = at, **__: Any) -> None:
            report(_at + done, n, "records", "embedding", pace)

        writer.append(encoder.encode(texts, report=inner))
    seconds = time.perf_counter() - began
    writer.finish()
    for leftover in file.parent.glob("raw-*.partial.*"):  # of runs that were stopped and never resumed
        leftover.unlink(missing_ok=True)
    detail = {
        "precision": encoder.dtype,
        "origin": model.origin,
        "sha256": model.sha256,
        "records_per_second": round((n - first) / seconds, 1) if seconds and n > first else None,
    }
    _put(project, "raw", file, encoder.dim, n, model=model.name, model_path=model.path, detail=detail)
    update_project(project.db, project.id, model=name)
    return {"embedding": "raw", "model": model.name, "dim": encoder.dim, "n_encoded": n - start, **detail}


def _extend_versions(project: Project, n: int, device: str | None, report: Report) -> list[str]:
    """Give records that came after a tuning their tuned vectors, by the version's own model."""
    from embtune.embedding.device import pick_device
    from embtune.embedding.matrix import open_matrix, save_matrix
    from embtune.tuning.model import Records

    extended = []
    for version in project.versions:
        row = project.find_embedding(version.name)
        if row is None or row.n_rows >= n:
            continue
        matrix = open_matrix(project.path(row.file))
        later = Records(
            project.vectors("raw")[row.n_rows :],
            partial(fetch_texts, project.db, project.id, start=row.n_rows, stop=n),
            pick_device(device or project.settings.device),
        )
        try:
            fresh = project.tuned_model(version.name).transform(later, report=report)
        except (BadFileError, ModelError, NotReadyError) as error:
            # One version that cannot be read must not keep the others, and raw, from growing.
            report(0, None, "", f"{version.name} gets no vectors for new records: {error}")
            continue
        file = project.folder("embeddings") / f"{version.name}-{n}.npy"
        save_matrix(file, np.concatenate([np.asarray(matrix), fresh.astype(matrix.dtype)]))
        _put(
            project,
            version.name,
            file,
            row.dim,
            n,
            model=row.model,
            model_path=row.model_path,
            detail=row.detail,
        )
        extended.append(version.name)
    return extended


def _put(
    project: Project,
    name: str,
    file: Path,
    dim: int,
    n: int,
    *,
    model: str,
    model_path: str | None,
    detail: dict[str, Any],
) -> None:
    old = project.find_embedding(name)
    put_embedding(
        project.db,
        project.id,
        name=name,
        model=model,
        model_path=model_path,
        dim=dim,
        n_rows=n,
        file=project.relative(file),
        detail=detail,
    )
    if old is not None and project.path(old.file) != file:
        # Nobody is hurt: who has it mapped keeps the old pages until they let go.
        project.path(old.file).unlink(missing_ok=True)
