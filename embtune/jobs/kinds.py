"""Every kind of job: a name, and the function of a project that does it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embtune.progress import Report

if TYPE_CHECKING:
    from embtune.project import Project


def _import(project: Project, report: Report, *, file: str, **options: Any) -> dict[str, Any]:
    from embtune.work.uploads import drop_upload

    result = project.import_records(Path(file), report=report, **options).as_dict()
    drop_upload(Path(file))
    return result


def _embed(project: Project, report: Report, *, vectors: str | None = None, **options: Any) -> dict[str, Any]:
    return project.embed(vectors=Path(vectors) if vectors else None, report=report, **options)


def _map(project: Project, report: Report, **options: Any) -> dict[str, Any]:
    return project.make_map(report=report, **options)


def _tune(project: Project, report: Report, **options: Any) -> dict[str, Any]:
    return project.tune(report=report, **options)


def _evaluate(project: Project, report: Report, **options: Any) -> dict[str, Any]:
    embeddings = options.pop("embeddings", None)
    if embeddings is None:
        return project.evaluate(report=report, **options)
    for i, name in enumerate(embeddings):
        project.evaluate(embedding=name, report=_part(report, i, len(embeddings), name), **options)
    return {"embeddings": embeddings}


def _part(report: Report, i: int, n: int, name: str) -> Report:
    """Tell the i-th of n equal parts as a part of the whole."""

    def told(
        done: float,
        total: float | None = None,
        unit: str = "",
        message: str = "",
        detail: dict[str, Any] | None = None,
    ) -> None:
        report(done + i * (total or 0), n * total if total else None, unit, f"{name}: {message}", detail)

    return told


def _export(project: Project, report: Report, *, out: str, **options: Any) -> dict[str, Any]:
    return project.export(Path(out), report=report, **options)


def _export_model(project: Project, report: Report, *, out: str, **options: Any) -> dict[str, Any]:
    return project.export_model(out=Path(out), report=report, **options)


def _changes(project: Project, report: Report, **options: Any) -> dict[str, Any]:
    from embtune.work.changes import compute_changes

    return compute_changes(project, report=report, **options)


def _learning_curve(project: Project, report: Report, **options: Any) -> dict[str, Any]:
    return project.learning_curve(report=report, **options)


def _base_models(project: Project, report: Report, *, names: list[str], **options: Any) -> dict[str, Any]:
    return project.compare_models(names, report=report, **options)


def _clusters(project: Project, report: Report, **options: Any) -> dict[str, Any]:
    from embtune.work.clustering import make_clusters

    return make_clusters(project, report=report, **options)


def _duplicates(project: Project, report: Report, **options: Any) -> dict[str, Any]:
    from embtune.work.finding import compare_all

    return compare_all(project, report=report, **options)


def _heuristics(project: Project, report: Report, **options: Any) -> dict[str, Any]:
    return project.heuristics.run(report=report, **options)


def _weak_supervision(project: Project, report: Report, **options: Any) -> dict[str, Any]:
    return project.weak.run(report=report, **options)


KINDS: dict[str, Callable[..., dict[str, Any]]] = {
    "import": _import,
    "embed": _embed,
    "map": _map,
    "tune": _tune,
    "evaluate": _evaluate,
    "changes": _changes,
    "learning_curve": _learning_curve,
    "base_models": _base_models,
    "clusters": _clusters,
    "duplicates": _duplicates,
    "heuristics": _heuristics,
    "weak supervision": _weak_supervision,
    "export": _export,
    "export model": _export_model,
}


def followers(project: Project, kind: str, result: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Jobs to start after one that was started from a page: new vectors want their UMAP."""
    names = {"embed": ["raw", *result.get("extended", [])], "tune": [result.get("version")]}.get(kind, [])
    return [
        ("map", {"embedding": name, "method": "umap"})
        for name in names
        if project.find_map(name, "umap") is None
    ]
