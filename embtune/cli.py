"""The command line. `--json` prints one JSON object on standard output; progress goes to standard error."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from embtune import cli_heuristics
from embtune.cli_labeling import TaskName, add_commands
from embtune.errors import BadInputError, EmbtuneError, NotFoundError
from embtune.project import Project, open_project
from embtune.terminal import progress

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help=__doc__,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

ProjectName = Annotated[str, typer.Argument(metavar="P", help="Name of the project.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV, TSV, JSON (array), JSONL or Parquet file.")],
    project: Annotated[str, typer.Option("--project", "-p", help="Project; made if it is new.")],
    text: Annotated[str | None, typer.Option(help='Text template, such as "{Title}. {Description}".')] = None,
    label_field: Annotated[str | None, typer.Option(help="Field that holds a label.")] = None,
    reference_field: Annotated[
        str | None,
        typer.Option(
            "--reference-field", "--reference-label", help="Field with the true label; never trained on."
        ),
    ] = None,
    confidence_field: Annotated[
        str | None, typer.Option(help="Field with the label's confidence, 0 to 1.")
    ] = None,
    label_source: Annotated[str, typer.Option(help="Who gave the labels.")] = "import",
    allow_many_labels: Annotated[bool, typer.Option(help="Accept more than 500 different labels.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring a file of records into a project."""
    try:
        opened, is_new = _existing(project), False
    except NotFoundError:
        opened, is_new = open_project(project), True
    try:
        result = _job(
            opened,
            "import",
            file=str(file.expanduser().absolute()),
            text=text,
            label_field=label_field,
            reference_field=reference_field,
            confidence_field=confidence_field,
            label_source=label_source,
            allow_many_labels=allow_many_labels,
        )
    except BaseException:
        if is_new and opened.n_records == 0:
            opened.delete()  # a project whose first import fails does not begin
        raise
    _show(
        result,
        as_json,
        f"{result['n_new']:,} new records, {result['n_known']:,} known, {result['n_empty']:,} empty; "
        f"{result['n_labels']:,} labels, {result['n_reference']:,} reference labels.",
        *result["notes"],
    )


@app.command()
def embed(
    project: ProjectName,
    model: Annotated[str | None, typer.Option(help="Base model: a name or a folder.")] = None,
    vectors: Annotated[Path | None, typer.Option(help="A .npy of your own, one row per record.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cuda, mps or cpu.")] = None,
    as_json: AsJson = False,
) -> None:
    """Embed every record; a stopped run goes on where it was."""
    options = {"model": model, "vectors": str(vectors.expanduser().absolute()) if vectors else None}
    result = _job(_existing(project), "embed", device=device, **options)
    rate = f", {result['records_per_second']:,} records/s" if result.get("records_per_second") else ""
    _show(
        result,
        as_json,
        f"{result['embedding']}: {result['n_encoded']:,} of {result['n_records']:,} records encoded "
        f"in {result['seconds']:,} s{rate} with {result['model']}.",
    )


@app.command()
def label(
    project: ProjectName,
    file: Annotated[
        Path, typer.Option("--from", help="File with 'id' (or the record's fields) and 'label'.")
    ],
    label_source: Annotated[str, typer.Option(help="Who gave the labels.")] = "import",
    annotator: Annotated[str | None, typer.Option(help="Name written beside the votes.")] = None,
    task: TaskName = None,
    as_json: AsJson = False,
) -> None:
    """Add the labels of a file, all of them or none."""
    opened = _existing(project, task)
    result = opened.label_from_file(
        file.expanduser(), annotator=annotator or opened.annotator, label_source=label_source
    )
    _show(result, as_json, f"{result['n_labelled']:,} records labelled from {result['file']}.")


@app.command()
def judge(
    project: ProjectName,
    file: Annotated[
        Path,
        typer.Option(
            "--from", help="File with record_a, record_b, score (0 to 1), or with anchor, closer, farther."
        ),
    ],
    annotator: Annotated[str | None, typer.Option(help="Name written beside the judgements.")] = None,
    as_json: AsJson = False,
) -> None:
    """Add what a file says of the similarity of records, all of it or nothing."""
    result = _existing(project).import_judgements(file.expanduser(), annotator=annotator)
    _show(
        result,
        as_json,
        f"{result['n_pairs']:,} pairs and {result['n_triplets']:,} triplets added from {result['file']}.",
    )


@app.command()
def tune(
    project: ProjectName,
    recipe: Annotated[str, typer.Option(help="See `embtune recipes`.")] = "auto",
    min_confidence: Annotated[
        float, typer.Option(min=0, max=1, help="Least confidence of weak labels.")
    ] = 0.7,
    weigh_by_confidence: Annotated[
        bool,
        typer.Option(
            "--weigh-by-confidence/--weigh-alike", help="How much weak labels count beside manual ones."
        ),
    ] = True,
    seed: Annotated[int, typer.Option(help="Seed of split and training.")] = 0,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="key=value of the recipe; repeatable.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="auto, cuda, mps or cpu.")] = None,
    slice_: Annotated[
        str | None, typer.Option("--slice", help="Learn from the labels of this slice alone.")
    ] = None,
    task: TaskName = None,
    as_json: AsJson = False,
) -> None:
    """Tune the embedding on the project's labels: the next version."""
    result = _job(
        _existing(project, task),
        "tune",
        **_within(slice_),
        recipe=recipe,
        min_confidence=min_confidence,
        weight_by_confidence=weigh_by_confidence,
        seed=seed,
        parameters=_pairs(set_ or []),
        device=device,
    )
    _show(
        result,
        as_json,
        f"{result['version']} ({result['recipe']}) in {result['seconds']:,} s "
        f"from {result['n_labels']:,} labels. {result['reason']}",
        *result["warnings"],
    )


@app.command()
def recipes(as_json: AsJson = False) -> None:
    """List the ways to tune, with their parameters."""
    from embtune.tuning.recipes import RECIPES

    listed: list[dict[str, Any]] = [
        {
            "name": recipe.name,
            "title": recipe.title,
            "summary": recipe.summary,
            "source": recipe.source,
            "parameters": [{"name": p.name, "default": p.default, "help": p.help} for p in recipe.parameters],
        }
        for recipe in RECIPES.values()
    ]
    lines = []
    for item in listed:
        lines.append(f"{item['name']}: {item['summary']}")
        lines += [f"  {p['name']} = {p['default']}  {p['help']}" for p in item["parameters"]]
    _show({"recipes": listed}, as_json, *lines)


@app.command()
def models(
    project: ProjectName,
    names: Annotated[list[str], typer.Argument(metavar="NAME_OR_PATH...", help="Base models to compare.")],
    seed: Annotated[int, typer.Option(help="Seed of the records and the folds.")] = 0,
    device: Annotated[str | None, typer.Option(help="auto, cuda, mps or cpu.")] = None,
    as_json: AsJson = False,
) -> None:
    """Compare base models on the labels at hand: which is the better start for a tuning."""
    result = _job(_existing(project), "base_models", names=names, seed=seed, device=device)
    _show(
        result,
        as_json,
        *(
            f"{m['name']}: {m['error']}"
            if m["error"]
            else f"{m['name']}: top_{result['k']} {m['top_k']:.4f}, accuracy {m['accuracy']:.4f}, "
            f"{m['records_per_second']:,} records/s"
            for m in result["models"]
        ),
        result["sentence"],
    )


@app.command()
def evaluate(
    project: ProjectName,
    embedding: Annotated[str, typer.Option(help="raw, a version, or best (the active one).")] = "raw",
    k: Annotated[str, typer.Option(help="Comma-separated.")] = "25,100,1000",
    queries: Annotated[int, typer.Option(min=1, help="Random queries.")] = 2000,
    seed: Annotated[int, typer.Option(help="Seed of the queries and the maps.")] = 0,
    among: Annotated[str, typer.Option(help="reference or all.")] = "reference",
    unseen_by: Annotated[
        str | None, typer.Option(help="Leave out the records that this version was trained on.")
    ] = None,
    maps: Annotated[bool, typer.Option(help="Also score the separation of the 2-D maps.")] = True,
    slice_: Annotated[
        str | None, typer.Option("--slice", help="Queries and neighbours among the records of this slice.")
    ] = None,
    task: TaskName = None,
    as_json: AsJson = False,
) -> None:
    """Score an embedding: top_k with intervals, logistic regression, 2-D separation."""
    try:
        ks = sorted({int(part) for part in k.split(",")})
    except ValueError:
        raise typer.BadParameter(f"{k!r} is no list of whole numbers, such as 25,100,1000.") from None
    if ks[0] < 1:
        raise typer.BadParameter("every k must be at least 1.")
    result = dict(
        _job(
            _existing(project, task),
            "evaluate",
            embedding=embedding,
            ks=ks,
            n_queries=queries,
            seed=seed,
            among=among,
            leave_out=unseen_by,
            maps=maps,
            **_within(slice_),
        )
    )
    for detail in ("per_query", "main_shares", "question", "measure"):
        result.pop(detail, None)
    shown = [f"top_{key} {value:.4f}  ({low:.4f} to {high:.4f})" for key, value in result["top_k"].items()
             for low, high in [result["interval"][key]]]  # fmt: skip
    accuracy = result["accuracy"]
    _show(
        result,
        as_json,
        f"{result['embedding']} on {result['n_records']:,} records with {result['measured_on']}, "
        f"{result['n_queries']:,} queries" + (f", within the slice {slice_}" if slice_ else ""),
        *(
            [f"{result['n_trained_on']:,} of these were trained on; see --unseen-by"]
            if result["n_trained_on"]
            else []
        ),
        *shown,
        f"accuracy of a logistic regression {accuracy:.4f}"
        if accuracy is not None
        else result["accuracy_note"],
        *(
            f"shapes_{m} {method} {value:.4f}"
            for m in (10, 20)
            for method, value in (result.get(f"shapes_{m}") or {}).items()
        ),
    )


@app.command()
def neighbors(
    project: ProjectName,
    record_id: Annotated[str, typer.Argument(help="A record's id.")],
    embedding: Annotated[str, typer.Option(help="raw, a version, or best.")] = "raw",
    k: Annotated[int, typer.Option(min=1, help="How many.")] = 25,
    as_json: AsJson = False,
) -> None:
    """List the records nearest to one."""
    opened = _existing(project)
    found = opened.neighbors(record_id, k=k, embedding=embedding)
    result = {
        "record": record_id,
        "embedding": opened.require_embedding(embedding).name,
        "neighbors": [
            {
                "rank": n.rank,
                "id": n.record.id,
                "cosine": round(n.cosine, 4),
                "label": n.record.label,
                "text": n.record.text,
            }
            for n in found
        ],
    }
    lines = [f"{n.rank:>4}  {n.cosine:.3f}  {n.record.id}  {n.record.text[:80]}" for n in found]
    _show(result, as_json, *lines)


@app.command("map")
def map_(
    project: ProjectName,
    embedding: Annotated[str, typer.Option(help="raw, a version, or best.")] = "raw",
    method: Annotated[str, typer.Option(help="pca, umap, or umap-labels: guided by labels.")] = "pca",
    seed: Annotated[int, typer.Option(help="Seed of the layout.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Make a 2-D map of an embedding."""
    result = _job(_existing(project), "map", embedding=embedding, method=method, seed=seed)
    _show(
        result,
        as_json,
        f"{result['method']} of {result['embedding']}, {result['n_records']:,} records "
        f"in {result['seconds']} s.",
    )


@app.command()
def export(
    project: ProjectName,
    out: Annotated[Path, typer.Argument(help="File to write; a folder for hf and for models.")],
    format: Annotated[  # noqa: A002 -- the option's name is fixed
        str | None,
        typer.Option(help="csv, jsonl, parquet, hf, sentence-transformer or servable; by the file's ending."),
    ] = None,
    which: Annotated[str, typer.Option(help="labelled, unlabelled or all.")] = "labelled",
    min_confidence: Annotated[
        float, typer.Option(min=0, max=1, help="Least confidence of weak labels.")
    ] = 0.0,
    version: Annotated[str, typer.Option(help="Version of the model to export.")] = "best",
    slice_: Annotated[str | None, typer.Option("--slice", help="Only the records of this slice.")] = None,
    task: TaskName = None,
    as_json: AsJson = False,
) -> None:
    """Write the labelled records, or the tuned model."""
    from embtune.work.exporting import FORMATS, MODEL_KINDS

    opened = _existing(project, task)
    target = out.expanduser().absolute()
    chosen = format or target.suffix.lstrip(".").lower() or "csv"
    if chosen in MODEL_KINDS:
        if slice_ is not None:
            raise BadInputError(f"--slice chooses records; a {chosen} holds none.")
        result = _job(opened, "export model", out=str(target), version=version, kind=chosen)
        lines = [f"{result['version']} written to {result['folder']} as {result['kind']}."]
        _show(result, as_json, *lines, *([result["in_words"]] if result["in_words"] else []))
        return
    if chosen not in FORMATS:
        listed = ", ".join((*FORMATS, *MODEL_KINDS))
        raise BadInputError(f"{chosen!r} is no export format. Choose one of: {listed}.")
    result = _job(
        opened,
        "export",
        out=str(target),
        format=chosen,
        which=which,
        min_confidence=min_confidence,
        **_within(slice_),
    )
    _show(result, as_json, f"{result['n_records']:,} records written to {result['file']}.")


@app.command()
def status(project: ProjectName, as_json: AsJson = False) -> None:
    """Show what a project holds."""
    result = _existing(project).status()
    lines = [
        f"{result['n_records']:,} records, {result['n_labelled']:,} labelled, {result['n_reference']:,} with "
        f"a reference label, {len(result['labels'])} labels",
        *(f"{source}: {n:,} annotations" for source, n in result["annotations"].items()),
        *(f"judgements: {n:,} {kind}" for kind, n in result["judgements"].items() if n),
        *(
            f"embedding {e['name']}: {e['n_records']:,} x {e['dim']} by {e['model']}"
            for e in result["embeddings"]
        ),
        f"active embedding: {result['active_embedding']}",
    ]
    _show(result, as_json, *lines)


@app.command()
def jobs(
    project: ProjectName,
    cancel: Annotated[int | None, typer.Option(help="Number of a job to stop.")] = None,
    resume: Annotated[int | None, typer.Option(help="Number of an ended job to start again.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the jobs of a project; stop or resume one."""
    from embtune.jobs.runner import retry, sweep

    opened = _existing(project)
    sweep(opened.db)
    if cancel is not None:
        opened.cancel(cancel)
    if resume is not None:
        retry(opened, opened.job(resume).id)
    listed = [
        {
            "id": job.id,
            "kind": job.kind,
            "state": job.state,
            "done": job.done,
            "total": job.total,
            "unit": job.unit,
            "message": job.message,
            "error": job.error,
        }
        for job in opened.jobs()
    ]
    lines = [
        f"{j['id']:>4}  {j['kind']:<12} {j['state']:<12} {j['done']:,.0f} {j['unit']}  {j['error'] or ''}"
        for j in listed
    ]
    _show({"jobs": listed}, as_json, *(lines or ["No jobs yet."]))


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Print versions, device, model, database and disk, and what is wrong."""
    from embtune.doctor import examine

    found = examine()
    lines = [f"{key}: {value}" for key, value in found.items() if key not in ("problems", "versions")]
    lines += [f"{name} {version}" for name, version in found["versions"].items()]
    lines += [f"PROBLEM: {problem}" for problem in found["problems"]] or ["Nothing is wrong."]
    _show(found, as_json, *lines)
    if found["problems"]:
        raise typer.Exit(1)


@app.command()
def serve(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on this computer.")] = 8501,
    address: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    headless: Annotated[bool, typer.Option(help="Do not open a browser window.")] = True,
) -> None:
    """Open the app in the browser."""
    from embtune.serving import serve_app

    serve_app(address, port, headless=headless)


def _existing(name: str, task: str | None = None) -> Project:
    return open_project(name, create=False, task=task)


def _job(project: Project, kind: str, /, **parameters: Any) -> dict[str, Any]:
    """Run a job in this process, shown on standard error and in the app alike."""
    from embtune.jobs.runner import run, sweep
    from embtune.store.jobs import create_job

    if project.task.id != project.tasks[0].id:
        parameters["label_task"] = project.task.name
    sweep(project.db)
    same = next((job for job in project.jobs(active=True) if job.kind == kind == "embed"), None)
    if same is not None:  # two would write the same half-made matrix
        raise EmbtuneError(
            f"Job {same.id} embeds this project already: wait for it, or stop it with "
            f"`embtune jobs {project.name} --cancel {same.id}`."
        )
    job_id = create_job(project.db, project.id, kind, parameters)
    with progress() as echo:
        job = run(project, job_id, echo=echo)
    if job.state != "done":
        raise EmbtuneError(job.error or f"The {kind} job was {job.state}.")
    return job.result or {}


def _within(slice_: str | None) -> dict[str, str]:
    return {} if slice_ is None else {"slice": slice_}


def _pairs(given: list[str]) -> dict[str, str]:
    pairs = {}
    for item in given:
        key, equals, value = item.partition("=")
        if not equals or not key:
            raise typer.BadParameter(f"--set takes key=value, not {item!r}.")
        pairs[key.strip()] = value.strip()
    return pairs


def _show(result: dict[str, Any], as_json: bool, *lines: str) -> None:
    if as_json:
        print(json.dumps(result, ensure_ascii=False))
    else:
        print("\n".join(lines))


add_commands(app, _existing, _show)
cli_heuristics.add_commands(app, _existing, _job, _show)


def main() -> None:
    """Run the command line; a known error is one line and exit status 1."""
    try:
        app()
    except EmbtuneError as error:
        print(f"embtune: {error}", file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
