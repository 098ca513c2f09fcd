"""Hand over what was made: the labelled records and the tuned model."""

from __future__ import annotations

import hashlib
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embtune.errors import BadInputError, NotReadyError, StorageError, UnknownChoiceError
from embtune.labeling.state import NONE_OF_THESE, SOURCES
from embtune.progress import Report, silent
from embtune.store.journal import votes_by_id
from embtune.store.labelset import label_targets
from embtune.store.marks import COMMENT, FLAG, Mark
from embtune.store.records import fetch_records
from embtune.work.distilling import distilled_head
from embtune.work.slice_masks import slice_mask, slice_stamp

if TYPE_CHECKING:
    from embtune.project import Project

FORMATS = ("csv", "jsonl", "parquet", "hf")
WHICH = ("labelled", "all", "unlabelled")
MODEL_KINDS = ("sentence-transformer", "servable")
_FEW = 500  # records; for more, one query for all votes is quicker than naming each
_OURS = ("record_id", "text", "label", "source", "annotator", "confidence", "labelled_at", "reference_label")
_BETWEEN_COMMENTS = " | "


def select_rows(
    project: Project,
    *,
    which: str = "labelled",
    labels: Sequence[str] | None = None,
    min_confidence: float = 0.0,
    slice: str | None = None,  # noqa: A002 -- the word users know
) -> list[int]:
    """Rows that an export of that kind holds, ascending; with a slice, only those in it.

    Raises
    ------
    UnknownChoiceError
        If there is no such kind or label.
    NotFoundError, NotReadyError
        If there is no such slice, or it holds no record.
    """
    if which not in WHICH:
        raise UnknownChoiceError("choice of records", which, WHICH)
    within = slice_mask(project, slice)
    state = project.label_state()
    answered = state.labelled | (state.label_ids == NONE_OF_THESE)
    keep = {"labelled": answered, "unlabelled": ~answered, "all": np.ones(len(answered), dtype=bool)}[which]
    if which == "labelled":
        keep = keep & (state.manual | (state.confidence >= min_confidence))
    keep = keep & within
    if labels:
        ids = [project.label_named(name).id for name in labels]
        keep = keep & np.isin(state.label_ids, ids)
    return [int(row) for row in np.flatnonzero(keep)]


def export_rows(project: Project, rows: Sequence[int]) -> Iterable[dict[str, Any]]:
    """Yield those records as flat dictionaries: id, text, the imported fields, the label and its origin.

    `flagged` and `comments` are there if any record of the project has one.
    """
    marks = project.marks()
    added = mark_columns(project)
    ours = {*_OURS, *added}
    state = project.label_state()
    few = state.vote_ids[list(rows)].tolist() if len(rows) <= _FEW else None
    who = votes_by_id(project.db, project.id, few)
    names: dict[int | None, str] = {label.id: label.name for label in project.labels}
    names[NONE_OF_THESE] = "none of these"
    now = label_targets(project.db, project.id)  # what merged labels became
    for start in range(0, len(rows), 2000):
        for record in fetch_records(project.db, project.id, rows[start : start + 2000]):
            label_id = int(state.label_ids[record.row])
            answered = label_id in names
            annotator, at = who.get(int(state.vote_ids[record.row]), (None, None))
            yield {
                "record_id": record.id,
                "text": record.text,
                **{(f"field.{k}" if k in ours else k): v for k, v in record.fields.items()},
                "label": names.get(label_id),
                "source": SOURCES[state.sources[record.row]] if answered else None,
                "annotator": annotator if answered else None,
                "confidence": round(float(state.confidence[record.row]), 4) if answered else None,
                "labelled_at": datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
                if at is not None and answered
                else None,
                "reference_label": names.get(
                    now.get(record.reference_label_id or 0, record.reference_label_id)
                ),
                **{name: _MARKS[name](marks.get(record.row, [])) for name in added},
            }


def _flagged(marks: Sequence[Mark]) -> bool:
    return any(mark.kind == FLAG for mark in marks)


def _comments(marks: Sequence[Mark]) -> str | None:
    """Return who said what, one after the other: a file's cell holds them all."""
    said = (f"{mark.annotator}: {mark.text}" for mark in marks if mark.kind == COMMENT)
    return _BETWEEN_COMMENTS.join(said) or None


_MARKS: dict[str, Callable[[Sequence[Mark]], bool | str | None]] = {
    "flagged": _flagged,
    "comments": _comments,
}

_ABOUT = {
    "flagged": "`flagged` is true for records that somebody flagged.",
    "comments": "`comments` holds who said what of a record.",
}


def mark_columns(project: Project) -> tuple[str, ...]:
    """Columns that an export has because of flags and comments: those of which the project has any."""
    kinds = {mark.kind for mine in project.marks().values() for mark in mine}
    return tuple(name for name, kind in (("flagged", FLAG), ("comments", COMMENT)) if kind in kinds)


def export_preview(
    project: Project,
    *,
    n: int = 3,
    which: str = "labelled",
    labels: Sequence[str] | None = None,
    min_confidence: float = 0.0,
    slice: str | None = None,  # noqa: A002
) -> tuple[int, list[dict[str, Any]]]:
    """Count the records that `export` would write, and return the first n as it would write them."""
    choices: dict[str, Any] = {
        "which": which,
        "labels": labels,
        "min_confidence": min_confidence,
        "slice": slice,
    }
    rows: list[int] = project.cached(
        ("export preview", which, tuple(labels or ()), min_confidence, slice),
        (project.revision, slice_stamp(project, slice)),
        lambda: select_rows(project, **choices),
    )
    return len(rows), list(export_rows(project, rows[:n]))


def export_path(project: Project, which: str, suffix: str, *, stamp: Any = None) -> Path:
    """Return where the app puts an export of that kind: a speaking name in the project's own folder.

    `stamp` is whatever the content hangs on: other labels or other choices make another file.
    """
    mark = hashlib.blake2b(repr(stamp).encode(), digest_size=3).hexdigest()
    return project.folder("exports") / f"{_file_stem(project.name)}-{which}-{mark}.{suffix}"


def export(
    project: Project,
    out: Path,
    *,
    format: str = "csv",  # noqa: A002 -- the word users know
    which: str = "labelled",
    labels: Sequence[str] | None = None,
    min_confidence: float = 0.0,
    slice: str | None = None,  # noqa: A002
    report: Report = silent,
) -> dict[str, Any]:
    """Write records with their labels to a file (a folder for `hf`), whole or not at all.

    See `select_rows` for the choices and `export_rows` for the columns.
    """
    from embtune.records.writers import write_rows

    if format not in FORMATS:
        raise UnknownChoiceError("format", format, FORMATS)
    chosen = select_rows(project, which=which, labels=labels, min_confidence=min_confidence, slice=slice)
    if not chosen:
        where = f"project {project.name!r}" if slice is None else f"the slice {slice!r}"
        what = "has these labels" if labels else f"is {which}"
        raise NotReadyError(f"There is nothing to export: no record of {where} {what}.")
    report(0, len(chosen), "records", "collecting")
    rows = list(export_rows(project, chosen))
    columns = list(dict.fromkeys(key for row in rows for key in row))
    report(len(rows), len(chosen), "records", "writing")
    target = out
    if format == "hf":
        target = out / "data" / "train-00000-of-00001.parquet"
        if (out / "README.md").exists() and not target.exists():
            raise BadInputError(f"{out} holds a README.md that is not ours: name a folder of its own.")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"The folder {out} cannot be written to ({error.strerror}).") from error
    elif out.is_dir():
        raise BadInputError(f"{out} is a folder: name a file in it, such as {out / ('labels.' + format)}.")
    n = write_rows(rows, target, "parquet" if format == "hf" else format, columns=columns)
    if format == "hf":
        try:
            (out / "README.md").write_text(_data_card(project, n), encoding="utf-8")
        except OSError as error:
            raise StorageError(f"The folder {out} cannot be written to ({error.strerror}).") from error
    return {"file": str(out), "format": format, "n_records": n, "columns": columns}


def check_model_export(project: Project, version: str) -> None:
    """Raise NotReadyError, with the reason, if a version cannot be written as a model."""
    if project.require_embedding(version).model_path is None:
        raise NotReadyError(
            f"Version {version!r} was tuned from vectors of your own: there is no text encoder to export."
        )


def model_export_path(project: Project, version: str, kind: str) -> Path:
    """Return the folder in the project where the app writes a version as a model; written, it is whole."""
    made = project.version(version)
    # The name of the version's own folder holds the time it was made: no later version can share it.
    return project.folder("exports") / f"{_file_stem(project.name)}-{Path(made.folder).name}-{kind}"


def folder_bytes(folder: Path) -> int:
    """Return how much the files of a folder take."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def zipped(folder: Path) -> Path:
    """Return a folder as a zip file beside it, made on the first call; weights hardly compress, so stored."""
    import zipfile

    target = folder.with_suffix(".zip")
    if not target.is_file():
        unfinished = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}.unfinished")
        try:
            with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_STORED) as archive:
                for file in sorted(path for path in folder.rglob("*") if path.is_file()):
                    archive.write(file, Path(folder.name) / file.relative_to(folder))
            unfinished.replace(target)
        except OSError as error:
            raise StorageError(f"{target} cannot be written: {error.strerror or error}.") from error
        finally:
            unfinished.unlink(missing_ok=True)
    return target


def export_model(
    project: Project, version: str, out: Path, *, kind: str = "sentence-transformer", report: Report = silent
) -> dict[str, Any]:
    """Write a tuned version as a model folder: `sentence-transformer` or Quaterion `servable`.

    What neither folds into the text encoder nor is one is distilled first, see `embtune.work.distilling`.
    The folder holds a model card, `README.md`.

    Returns
    -------
    dict
        `folder`, `kind`, `version`, `seconds`; `distilled`, what is known of the distillation, and
        `in_words`, the same in a sentence: both None where there was none.
    """
    from embtune.work.distilling import in_words
    from embtune.work.model_card import model_card

    if kind not in MODEL_KINDS:
        raise UnknownChoiceError("kind of model", kind, MODEL_KINDS)
    row = project.version(version)
    check_model_export(project, row.name)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadInputError(f"{out} exists already: name a folder that does not.")
    report(0, 1, "models", "writing the model")
    began = time.perf_counter()
    write, distilled = _writer(project, row.name, kind, report)
    report(0, 1, "models", "writing the model")
    told = {"kind": kind, "distilled": distilled}
    _write_model(out, write, model_card(project, row.name, export=told))
    return {
        "folder": str(out),
        "version": row.name,
        **told,
        "in_words": None if distilled is None else in_words(distilled),
        "seconds": round(time.perf_counter() - began, 2),
    }


def _writer(
    project: Project, version: str, kind: str, report: Report
) -> tuple[Callable[[Path], None], dict[str, Any] | None]:
    """Return a function that writes the version into a folder, and its distillation, if it took one."""
    from embtune.tuning.blend_model import BlendModel
    from embtune.tuning.encoder_model import EncoderModel
    from embtune.tuning.export import save_sentence_transformer, save_servable
    from embtune.tuning.head_model import HeadModel

    model = project.tuned_model(version)
    distilled = None
    if isinstance(model, EncoderModel):
        return model.save_servable if kind == "servable" else model.save_sentence_transformer, None
    if isinstance(model, BlendModel):
        head, distilled = distilled_head(project, version, report=report)
    elif isinstance(model, HeadModel):
        head = model.head
    else:
        raise NotReadyError(f"Version {version!r} is a {model.kind} model, which cannot be exported.")
    if isinstance(model, BlendModel) and model.encoder is not None:
        base = str(model.encoder.encoder)
    else:
        base = project.model_path(project.require_embedding(version))
    save = save_servable if kind == "servable" else save_sentence_transformer
    return partial(save, head=head, model_path=base), distilled


def _write_model(out: Path, write: Callable[[Path], None], card: str) -> None:
    """Write a model and its card: both or nothing."""
    unfinished = out.with_name(f".{out.name}.{uuid.uuid4().hex[:8]}.unfinished")
    try:
        write(unfinished)
        (unfinished / "README.md").write_text(card, encoding="utf-8")
        unfinished.replace(out)
    except OSError as error:
        raise StorageError(f"{out} cannot be written: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _file_stem(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:60] or "project"


def _data_card(project: Project, n: int) -> str:
    labels = "\n".join(f"- {label.name}" for label in project.labels)
    return (
        f"---\nconfigs:\n- config_name: default\n  data_files: data/*.parquet\n---\n\n# {project.name}\n\n"
        f"{n:,} records labelled with embtune. `label` holds one of:\n\n{labels}\n\n"
        "`source`, `annotator`, `confidence` and `labelled_at` say where each label comes from.\n"
        + "".join(f"\n{_ABOUT[name]}\n" for name in mark_columns(project))
    )
