"""The part of the command line that reads and mends labels: records, slices, history, label set, sessions."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any

import typer

from embtune.errors import BadInputError, EmbtuneError
from embtune.project import Project

ProjectName = Annotated[str, typer.Argument(metavar="P", help="Name of the project.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
TaskName = Annotated[str | None, typer.Option("--task", help="Label task; the first by default.")]

_TYPES: dict[str, type] = {
    **dict.fromkeys(("seed", "k", "centres", "action"), int),
    "threshold": float,
    "unlabelled": bool,
    "polygons": list,
    **dict.fromkeys(("query", "sort"), dict),
}
_TYPE_NAMES: dict[type, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list as JSON",
    dict: "an object as JSON",
}

Opener = Callable[[str], Project]
Printer = Callable[..., None]


def add_commands(app: typer.Typer, existing: Opener, show: Printer) -> None:
    """Add these commands to the command line."""

    def opened(name: str, task: str | None) -> Project:
        project = existing(name)
        return project if task is None else project.view(task=task)

    @app.command()
    def records(
        project: ProjectName,
        query: Annotated[
            str, typer.Option(help='A filter as JSON, such as {"label": null}; all records without.')
        ] = "",
        sort: Annotated[str, typer.Option(help='An order as JSON, such as {"by": "uncertainty"}.')] = "",
        slice_: Annotated[str | None, typer.Option("--slice", help="Only what is in this slice.")] = None,
        limit: Annotated[int, typer.Option(min=1, help="How many to print.")] = 20,
        task: TaskName = None,
        as_json: AsJson = False,
    ) -> None:
        """List the records that a filter or a slice holds."""
        at = opened(project, task)
        wanted, order = _parsed(query, "--query"), _parsed(sort, "--sort")
        if slice_ is None:
            rows = at.rows_matching(wanted, sort=order)
        else:
            rows = at.slice_rows(slice_)  # a list keeps its order, unless something else is asked for
            if wanted or order:
                rows = at.rows_matching(
                    {"all": [{"slice": slice_}, *([wanted] if wanted else [])]}, sort=order
                )
        found = [
            {
                "id": record.id,
                "label": record.label,
                "source": record.source,
                "confidence": round(record.confidence, 4),
                "flagged": record.flagged,
                "text": record.text,
            }
            for record in at.records(rows[:limit])
        ]
        lines = [f"{one['id']}  {one['label'] or '-':<16.16}  {str(one['text'])[:80]}" for one in found]
        show({"n": len(rows), "records": found}, as_json, f"{len(rows):,} records", *lines)

    @app.command()
    def slices(
        project: ProjectName,
        save: Annotated[str | None, typer.Option(help="Name of a slice to keep.")] = None,
        query: Annotated[str, typer.Option(help="Its filter, as JSON.")] = "",
        static: Annotated[bool, typer.Option(help="Keep the records of now, not the filter.")] = False,
        delete: Annotated[str | None, typer.Option(help="Name of a slice to forget.")] = None,
        task: TaskName = None,
        as_json: AsJson = False,
    ) -> None:
        """List the slices; keep or forget one."""
        at = opened(project, task)
        if save is None and (query or static):
            raise BadInputError("--query and --static say what to keep: give it a name with --save.")
        if save is not None:
            wanted = _parsed(query, "--query")
            if wanted is None:
                raise BadInputError("A slice needs a filter: give --query.")
            at.save_slice(save, query=wanted, rows=at.rows_matching(wanted) if static else None)
        if delete is not None:
            at.delete_slice(delete)
        listed = [{"name": one.name, **_size(at, one.name)} for one in at.slices()]
        lines = [
            f"{'?' if one['n'] is None else format(one['n'], ','):>9}  {one['name']}"
            + (f"  ({one['why_not']})" if "why_not" in one else "")
            for one in listed
        ]
        lines = lines or ["No slices yet."]
        show({"slices": listed}, as_json, *lines)

    @app.command()
    def history(
        project: ProjectName,
        limit: Annotated[int, typer.Option(min=1, help="How many of the newest.")] = 20,
        as_json: AsJson = False,
    ) -> None:
        """List the newest changes of labels, label set, flags and comments."""
        listed = [
            {
                "id": action.id,
                "kind": action.kind,
                "source": action.source,
                "annotator": action.annotator,
                "n_records": action.n_records,
                "summary": action.summary,
                "created_at": action.created_at,
                "undone_at": action.undone_at,
            }
            for action in existing(project).history(limit)
        ]
        lines = [
            f"{one['id']:>6}  {one['summary']}, by {one['annotator']}"
            + (" (undone)" if one["undone_at"] else "")
            for one in listed
        ]
        show({"actions": listed}, as_json, *(lines or ["Nothing was done yet."]))

    def turn(project: str, number: int | None, as_json: bool, *, undone: bool) -> None:
        at = existing(project)
        action = at.undo(number) if undone else at.redo(number)
        word = "undone" if undone else "done again"
        result = {"action": None if action is None else action.id}
        show(result, as_json, f"{word}: {action.summary}" if action else f"There is nothing to be {word}.")

    @app.command()
    def undo(
        project: ProjectName,
        number: Annotated[int | None, typer.Argument(help="An action's number; the last by default.")] = None,
        as_json: AsJson = False,
    ) -> None:
        """Take back an action as a whole."""
        turn(project, number, as_json, undone=True)

    @app.command()
    def redo(
        project: ProjectName,
        number: Annotated[
            int | None, typer.Argument(help="An action's number; the last undone by default.")
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """Bring back an undone action."""
        turn(project, number, as_json, undone=False)

    @app.command()
    def labels(
        project: ProjectName,
        rename: Annotated[
            tuple[str, str] | None, typer.Option(metavar="OLD NEW", help="Rename a label.")
        ] = None,
        merge: Annotated[
            tuple[str, str] | None, typer.Option(metavar="FROM INTO", help="Merge a label into another.")
        ] = None,
        delete: Annotated[str | None, typer.Option(help="Delete a label; undo brings it back.")] = None,
        task: TaskName = None,
        as_json: AsJson = False,
    ) -> None:
        """List the label set with its counts; rename, merge or delete a label."""
        at = opened(project, task)
        if sum(one is not None for one in (rename, merge, delete)) > 1:
            raise BadInputError("One change at a time: give --rename, --merge or --delete.")
        if rename is not None:
            at.label_set.rename(*rename)
        if merge is not None:
            at.label_set.merge(merge[0], merge[1])
        if delete is not None:
            at.label_set.delete(delete)
        ids = at.label_state().label_ids
        listed = [
            {
                "name": label.name,
                "n_records": int((ids == label.id).sum()),
                "hotkey": label.hotkey,
                "color": label.color,
                "description": label.description,
            }
            for label in at.labels
        ]
        lines = [f"{one['n_records']:>9,}  {one['name']}" for one in listed] or ["The label set is empty."]
        show({"task": at.task.name, "labels": listed}, as_json, *lines)

    @app.command()
    def session(
        project: ProjectName,
        kind: Annotated[str, typer.Argument(help="typical, uncertain, random, diverse, errors, …")],
        n: Annotated[int, typer.Option(min=1, help="How many records.")] = 100,
        set_: Annotated[
            list[str] | None, typer.Option("--set", help="key=value of the kind; repeatable.")
        ] = None,
        task: TaskName = None,
        as_json: AsJson = False,
    ) -> None:
        """Make a session, to be answered in the app."""
        at = opened(project, task)
        number = at.sessions_book.create_of(kind, n=n, **dict(map(_option, set_ or [])))
        made = at.session(number)
        result = {"session": number, "name": made.name, "n_records": made.n_items}
        show(result, as_json, f"Session {number}, “{made.name}”: {made.n_items:,} records.")

    @app.command()
    def clusters(
        project: ProjectName,
        embedding: Annotated[str, typer.Option(help="raw, a version, or active.")] = "active",
        method: Annotated[str, typer.Option(help="kmeans, or density (HDBSCAN).")] = "kmeans",
        k: Annotated[int | None, typer.Option(min=2, help="How many; by the size of the corpus.")] = None,
        as_json: AsJson = False,
    ) -> None:
        """Find clusters, and name them by their words."""
        found = existing(project).clusters(embedding, method, k)
        if found is None:
            raise BadInputError("The clusters could not be made.")
        listed = [{"name": name, "n": int(size)} for name, size in zip(found.names, found.sizes, strict=True)]
        show({"clusters": listed}, as_json, *(f"{one['n']:>9,}  {one['name']}" for one in listed))


def _size(project: Project, name: str) -> dict[str, Any]:
    """Count the records of a slice; say why not where its filter asks for what is not there yet."""
    try:
        return {"n": len(project.slice_rows(name))}
    except EmbtuneError as error:
        return {"n": None, "why_not": str(error)}


def _option(given: str) -> tuple[str, Any]:
    """Read a `key=value` of a session: numbers, true or false, and JSON where the option takes those."""
    key, equals, text = given.partition("=")
    key, text = key.strip(), text.strip()
    if not equals or not key:
        raise typer.BadParameter(f"--set takes key=value, not {given!r}.")
    if key in ("n", "kind"):
        raise typer.BadParameter(f"--set takes the options of a kind: {key} has a place of its own.")
    if key not in _TYPES and not (key == "cluster" and text.isdecimal()):  # a cluster may be named, too
        return key, text
    kind = _TYPES.get(key, int)
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise BadInputError(f"The option {key!r} takes {_TYPE_NAMES[kind]}, not {text!r}.")
    return key, value


def _parsed(text: str, option: str) -> dict[str, Any] | None:
    if not text.strip():
        return None
    try:
        value = json.loads(text)
    except ValueError as error:
        raise BadInputError(f'{option} is no JSON ({error}): write it like {{"label": null}}.') from error
    if not isinstance(value, dict):
        raise BadInputError(f'{option} is no JSON object: write it like {{"label": null}}.')
    return value
