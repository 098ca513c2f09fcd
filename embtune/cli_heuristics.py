"""The part of the command line about heuristics, look-up lists and weak supervision."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from embtune.cli_labeling import AsJson, ProjectName, TaskName
from embtune.errors import BadFileError, BadInputError
from embtune.project import Project
from embtune.terminal import progress
from embtune.work.beginning import refinery_into_new

if TYPE_CHECKING:
    from embtune.work.heuristic_numbers import Line
    from embtune.work.heuristic_states import Heuristic

Opener = Callable[[str, str | None], Project]
Runner = Callable[..., dict[str, Any]]
Printer = Callable[..., None]
_DONE_OR_ABOUT_TO_BE = ("done", "queued", "running")


def add_commands(app: typer.Typer, existing: Opener, job: Runner, show: Printer) -> None:
    """Add these commands to the command line."""

    @app.command()
    def heuristics(
        project: ProjectName,
        add: Annotated[
            Path | None,
            typer.Option(help="JSON file: one heuristic or a list, each with kind, name and configuration."),
        ] = None,
        run: Annotated[
            bool, typer.Option("--run", help="Run those whose votes are not of now, but for language models.")
        ] = False,
        only: Annotated[list[str] | None, typer.Option(help="Run this one; repeatable.")] = None,
        delete: Annotated[str | None, typer.Option(help="Throw one away.")] = None,
        task: TaskName = None,
        as_json: AsJson = False,
    ) -> None:
        """List the heuristics with their numbers; add, run or delete some."""
        at = existing(project, task)
        if add is not None:
            at.heuristics.add_many(_heuristics_in(add.expanduser()))
        if delete is not None:
            at.heuristics.delete(delete)
        failed: list[str] = []
        left: list[str] = []
        if run or only:
            # Without names: what asks a service, and code that is not allowed, is left out.
            chosen = [at.heuristics.get(_number(one)).id for one in only] if only else None
            result = job(at, "heuristics", which=chosen)
            failed = [f"{one['name']}: {one['error']}" for one in result["failed"]]
            tried = {one["name"] for one in result["failed"]}
            stale = [one for one in at.heuristics.all() if one.state not in _DONE_OR_ABOUT_TO_BE]
            left = [] if only else [one.name for one in stale if one.name not in tried]
        listed = [_as_dict(line) for line in at.heuristics.lines()]
        lines = [_in_words(one) for one in listed] or ["No heuristics yet."]
        hint = [f"Run only when it is named with --only: {name}" for name in left]
        show({"heuristics": listed, "failed": failed, "left_out": left}, as_json, *lines, *failed, *hint)

    @app.command()
    def suggest(
        project: ProjectName,
        label: Annotated[str | None, typer.Option(help="For this label; for all without.")] = None,
        accept: Annotated[
            bool, typer.Option("--accept", help="Make drafts of those that the fixed rule takes.")
        ] = False,
        limit: Annotated[int, typer.Option(min=1, help="How many for each label.")] = 10,
        task: TaskName = None,
        as_json: AsJson = False,
    ) -> None:
        """Suggest heuristics that the manual labels speak for."""
        at = existing(project, task)
        found = at.heuristics.suggest(label, limit=limit)
        made: list[Heuristic] = at.heuristics.accept_good(label) if accept else []
        names = {one.id: one.name for one in at.labels}
        listed: list[dict[str, Any]] = [
            {
                "kind": one.kind,
                "label": names.get(one.label),
                "shown": one.shown,
                "precision": one.precision,
                "low": one.low,
                "high": one.high,
                "n_known": one.n_known,
                "coverage": one.coverage,
            }
            for one in found
        ]
        lines = [
            f"{one['label']:<16.16} {one['kind']:<8} {_percent(one['precision'])} right of {one['n_known']}, "
            f"covers {_percent(one['coverage'])}: {one['shown']}"
            for one in listed
        ]
        result = {"suggestions": listed, "accepted": [one.name for one in made]}
        show(result, as_json, *(lines or ["Nothing to suggest: label more records first."]))

    @app.command()
    def lookups(
        project: ProjectName,
        import_: Annotated[
            Path | None, typer.Option("--import", help="File of terms: text, CSV or JSON.")
        ] = None,
        name: Annotated[str | None, typer.Option(help="Name of the list that is imported.")] = None,
        export: Annotated[
            tuple[str, Path] | None, typer.Option(metavar="NAME FILE", help="Write a list's terms.")
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """List the look-up lists; import or export one."""
        at = existing(project, None)
        if import_ is not None:
            at.lookup_lists.import_file(import_.expanduser(), name=name)
        if export is not None:
            at.lookup_lists.export_file(export[0], export[1].expanduser())
        listed = [
            {"name": one.name, "terms": list(one.terms), "used_by": at.lookup_lists.users(one.id)}
            for one in at.lookup_lists.all()
        ]
        lines = [f"{len(one['terms']):>7,} terms  {one['name']}" for one in listed] or ["No lists yet."]
        show({"lookup_lists": listed}, as_json, *lines)

    @app.command()
    def weak(
        project: ProjectName,
        model: Annotated[str | None, typer.Option(help="Label model; the best on held-out labels.")] = None,
        threshold: Annotated[float, typer.Option(min=0, max=1, help="Confidence to report at.")] = 0.7,
        seed: Annotated[int, typer.Option(help="Seed.")] = 0,
        roll_back: Annotated[int | None, typer.Option(help="Put an earlier run in force.")] = None,
        run: Annotated[bool, typer.Option("--run/--list", help="Run, or only list the runs.")] = True,
        task: TaskName = None,
        as_json: AsJson = False,
    ) -> None:
        """Turn the heuristics' votes into labels with a calibrated confidence."""
        at = existing(project, task)
        result: dict[str, Any] = {}
        if roll_back is not None:
            at.weak.put_in_force(roll_back)
        elif run:
            result = job(at, "weak supervision", model=model, threshold=threshold, seed=seed)
        runs = [
            {
                "run": one.id,
                "model": one.model,
                "n_labelled": one.n_labelled,
                "in_force": one.stands,
                "heuristics": [used["name"] for used in one.heuristics],
            }
            for one in at.weak.runs()
        ]
        lines = [result["sentence"]] if result else []
        lines += [
            f"{'*' if one['in_force'] else ' '} run {one['run']}: {one['model']}, "
            f"{one['n_labelled']:,} records"
            for one in runs
        ]
        show(result | {"runs": runs}, as_json, *(lines or ["No run yet."]))

    @app.command("import-refinery")
    def import_refinery(
        file: Annotated[Path, typer.Argument(help="What refinery exports as a project snapshot.")],
        project: Annotated[
            str, typer.Option("--project", "-p", help="Project; made if it is new, else without records.")
        ],
        text: Annotated[
            str | None, typer.Option(help='Text template, such as "{Title}. {Description}".')
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """Bring a refinery project over: records, labels, look-up lists, heuristics, slices."""
        with progress() as echo:
            _, result = refinery_into_new(
                project, file.expanduser().absolute(), name=file.name, text=text, report=echo
            )
        show(result, as_json, *(line["said"] for line in result["report"]), *result["notes"])


def _heuristics_in(path: Path) -> list[dict[str, Any]]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadFileError(f"{path} cannot be read ({error.strerror or error}).") from error
    except (ValueError, RecursionError) as error:
        raise BadFileError(f"{path} is no JSON ({error}).") from error
    given = found if isinstance(found, list) else [found]
    for i, one in enumerate(given, 1):
        if not isinstance(one, dict) or not isinstance(one.get("kind"), str):
            raise BadInputError(
                f'{path}, heuristic {i}: write an object with "kind" and its configuration, such as '
                '{"kind": "lookup", "label": "Sports", "terms": ["goal"]}.'
            )
    return given


def _number(which: str) -> int | str:
    return int(which) if which.isdecimal() and len(which) < 19 else which


def _as_dict(line: Line) -> dict[str, Any]:
    one, numbers = line.heuristic, line.numbers
    found: dict[str, Any] = {
        "id": one.id,
        "name": one.name,
        "kind": one.kind,
        "labels": list(one.labels),
        "state": one.state,
        "why": one.why,
        "selected": one.selected,
        "version": one.version,
        "configuration": one.config,
    }
    if numbers is not None:
        found |= {
            "coverage": numbers.coverage,
            "hits": numbers.hits,
            "overlaps": numbers.overlaps,
            "conflicts": numbers.conflicts,
            "adds": numbers.adds,
            "n_known": numbers.n_known,
            "precision": numbers.precision if numbers.n_known else None,
        }
    return found


def _in_words(one: dict[str, Any]) -> str:
    numbers = "no votes yet"
    if "hits" in one:
        right = "" if one["precision"] is None else f", {_percent(one['precision'])} right"
        numbers = f"{one['hits']:,} hits{right}"
        numbers += f" of {one['n_known']}" if right else ""
    return f"{one['id']:>4}  {one['state']:<9} {one['kind']:<10} {one['name'][:50]}: {numbers}"


def _percent(share: float | None) -> str:
    return "?" if share is None else f"{100 * share:.1f} %"
