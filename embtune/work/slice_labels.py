"""The label names in a slice's filter: which labels they were when it was saved, and their names of now."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from embtune.filtering.query import Node, leaves, refuse
from embtune.store.labelset import label_targets, labels_ever

if TYPE_CHECKING:
    from embtune.project import Project
    from embtune.store.slices import Slice

_OF_TASK = frozenset(
    {
        *("label", "source", "annotator", "confidence", "reference", "predicted", "differs"),
        *("heuristic", "weak"),
    }
)
_WITH_LABEL = ("predicted", "heuristic", "weak")


def asks_a_task(tree: Node) -> bool:
    """Whether the answer hangs on labels, and so on the label task."""
    return any(leaf.kind in _OF_TASK for leaf in leaves(tree))


def label_ids_in(project: Project, tree: Node) -> dict[str, int]:
    """Map the label names in a filter to the labels of the project's task that have them now."""
    ids = {label.name: label.id for label in project.labels}
    return {name: ids[name] for name in _names(tree) if name in ids}


def asked_of(project: Project, found: Slice) -> Project:
    """Return the project under the label task that a slice asks.

    Raises
    ------
    BadInputError
        If that task or a label in the slice's filter was deleted.
    """
    if found.task_id not in (None, project.task.id):
        task = next((one.name for one in project.tasks if one.id == found.task_id), None)
        if task is None:
            raise refuse(
                "slice", f"the label task of the slice {found.name!r} was deleted; save the slice anew."
            )
        project = project.view(task=task)
    alive = {label.id for label in project.labels} if found.labels else set()
    gone = next((name for name, label_id in found.labels.items() if label_id not in alive), None)
    if gone is not None:
        raise refuse(
            "slice",
            f"the label {gone!r} that the slice {found.name!r} asks for was deleted; undo that on History, "
            "or save the slice anew.",
        )
    return project


def under_names_of_now(project: Project, found: Slice) -> Slice:
    """Return a slice with the names of now in its filter, and in `labels` the numbers those stand for.

    What was merged goes by what it became. A deleted label keeps its name and number, so that a new one of
    that name is not taken for it.
    """
    if not found.labels:
        return found
    names, targets = project.cached(
        "label names ever",
        project.revision,
        lambda: (labels_ever(project.db, project.id), label_targets(project.db, project.id)),
    )
    now: dict[str, str] = {}
    alive: dict[str, int] = {}
    gone: dict[str, int] = {}
    for name, label_id in found.labels.items():
        target = targets.get(label_id, label_id)
        if target is None or target not in names:
            gone[name] = label_id
        else:
            now[name] = names[target]
            alive[names[target]] = target
    return replace(found, query=_renamed(found.query, lambda name: now.get(name, name)), labels=alive | gone)


def _names(tree: Node) -> Iterator[str]:
    for leaf in leaves(tree):
        value = leaf.value
        if leaf.kind in _WITH_LABEL:
            value = value["label"]
        elif leaf.kind not in ("label", "reference"):
            continue
        if isinstance(value, tuple):
            yield from (one for one in value if one is not None)


def _renamed(query: Any, name_of: Callable[[str], str]) -> Any:
    """Return a query, as it is written, with other label names."""
    if not isinstance(query, Mapping) or len(query) != 1:
        return query
    ((kind, value),) = query.items()
    if kind in ("all", "any"):
        value = [_renamed(part, name_of) for part in value]
    elif kind == "not":
        value = _renamed(value, name_of)
    elif kind in _WITH_LABEL and isinstance(value, Mapping):
        value = {**value, **({"label": _swapped(value["label"], name_of)} if "label" in value else {})}
    elif kind in ("label", "predicted", "weak") or (kind == "reference" and value != "differs"):
        value = _swapped(value, name_of)
    return {kind: value}


def _swapped(value: Any, name_of: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return name_of(value)
    return [_swapped(one, name_of) for one in value] if isinstance(value, (list, tuple)) else value
