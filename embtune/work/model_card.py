"""The card that goes with an exported model: what it is, from what it was made, how good, and its limits."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embtune.work.distilling import in_words

if TYPE_CHECKING:
    from embtune.project import Project
    from embtune.store.artifacts import VersionRow

_AUTOMATIC = ("model", "heuristic", "weak supervision")
_FEW_RECORDS = 100
_FEW_LABELS = 5

_LOADING = {
    "sentence-transformer": (
        "from sentence_transformers import SentenceTransformer\n\n"
        'model = SentenceTransformer("path/to/this/folder")\n'
        'vectors = model.encode(["A text of your own"])'
    ),
    "servable": (
        "from embtune.tuning import quaterion_compat  # before Quaterion; embtune must be installed\n"
        "from quaterion_models import SimilarityModel\n\n"
        'model = SimilarityModel.load("path/to/this/folder")\n'
        'vectors = model.encode(["A text of your own"])'
    ),
}


def model_card(project: Project, version: str, *, export: Mapping[str, Any] | None = None) -> str:
    """Write the card of a version as Markdown, with the front matter that model hubs read.

    It names labels and counts, and holds the text of no record.

    Parameters
    ----------
    version
        Its name, `active` or `best`.
    export
        What `export_model` wrote: `kind`, and `distilled`, what is known of a distillation, or None.
        Without it the card is that of a SentenceTransformer folder with nothing distilled.
    """
    row = project.version(version)
    kind = str((export or {}).get("kind", "sentence-transformer"))
    distilled = (export or {}).get("distilled")
    base = _base_name(project.require_embedding(row.name).model)
    parts = [
        _front_matter(kind, base, row),
        f"# {_line(project.name)} · {row.name}",
        _what(project, row, base, distilled),
        "## Use",
        f"```python\n{_LOADING[kind]}\n```",
        _how_to_give(project, kind),
        "## Data and labels",
        _data(project, row),
        "## How it was made",
        _making(row),
        "## Measured",
        _measured(row),
        *(["### What the export lost", _lost(distilled)] if distilled else []),
        "## Limits",
        _limits(project, row, distilled),
        "## Libraries",
        _libraries(row),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _front_matter(kind: str, base: str, row: VersionRow) -> str:
    library = "sentence-transformers" if kind == "sentence-transformer" else "quaterion"
    tags = [library, "sentence-similarity", "feature-extraction", "embtune", row.recipe]
    lines = [
        f"library_name: {library}",
        "pipeline_tag: sentence-similarity",
        "tags:",
        *(f"- {json.dumps(tag)}" for tag in tags),
        f"base_model: {json.dumps(base)}",
    ]
    return "---\n" + "\n".join(lines) + "\n---"


def _what(project: Project, row: VersionRow, base: str, distilled: Any) -> str:
    dim = project.require_embedding(row.name).dim
    text = (
        f"A text embedding: it turns a text into {dim:,} numbers so that texts which people gave the same "
        f"label lie close together, by cosine. Tuned from `{base}` with embtune on {_day(row.created_at)}, "
        f"on {row.labels.get('n', 0):,} labels."
    )
    if distilled:
        text += (
            " The version itself compares a record with all records of its project. This folder holds a "
            "small network that learned to give the same vectors from the text alone; what that lost was "
            "measured, see below."
        )
    return text


def _how_to_give(project: Project, kind: str) -> str:
    parts = []
    if kind == "servable":
        parts.append("The vectors are not of unit length: compare them by cosine.")
    else:
        parts.append("The vectors are of unit length.")
    if project.info.template:
        template = project.info.template.replace("`", "'")
        parts.append(f"Its texts were made of the fields of a record like this: `{template}`. Do the same.")
    return " ".join(parts)


def _data(project: Project, row: VersionRow) -> str:
    n = row.labels.get("n_records") or project.n_records
    labels = row.labels.get("counts", {})
    sources = row.labels.get("by_source", {})
    parts = [f"Project {_line(project.name)}: {n:,} records, {row.labels.get('n', 0):,} labels used."]
    if within := row.labels.get("slice"):
        parts.append(
            f"It learned only from labels of the slice {_line(str(within))}, "
            f"{row.labels.get('n_in_slice', 0):,} records."
        )
    if labels:
        parts.append(_table(("label", "records"), ((name, f"{count:,}") for name, count in labels.items())))
    if sources:
        listed = ", ".join(f"{name} {count:,}" for name, count in sources.items())
        parts.append(f"Where the labels come from: {listed}.")
    least = row.labels.get("min_confidence")
    if least is not None and any(name in _AUTOMATIC for name in sources):
        weighed = "" if row.labels.get("weight_by_confidence", True) else ", and count as much as the others"
        parts.append(f"Labels that no person gave were used from a confidence of {least:g} on{weighed}.")
    return "\n\n".join(parts)


def _making(row: VersionRow) -> str:
    from embtune.tuning.recipes import RECIPES

    recipe = RECIPES.get(row.recipe)
    title = f"{recipe.title} (`{row.recipe}`): {recipe.summary}" if recipe else f"`{row.recipe}`"
    found = row.metrics.get("report", {})
    parts = [f"Recipe {title}"]
    if found.get("chosen"):
        parts.append(f"It chose {found['chosen']}. {found.get('reason', '')}".strip())
    shown = {**row.parameters, "seed": row.seed, "device": row.device, "seconds": row.seconds}
    parts.append(_table(("parameter", "value"), shown.items()))
    if recipe and recipe.source:
        parts.append(f"After {recipe.source}.")
    return "\n\n".join(parts)


def _measured(row: VersionRow) -> str:
    metrics = row.metrics
    if not metrics.get("measured_on"):
        return f"Not measured. {metrics.get('note', '')}".strip()
    lines = []
    for k, mean in metrics["top_k"].items():
        low, high = metrics["interval"][k]
        lines.append(
            (
                f"same label among the {int(k):,} nearest",
                f"{100 * mean:.1f} % ({100 * low:.1f} to {100 * high:.1f})",
                f"{100 * metrics['raw_top_k'][k]:.1f} %",
            )
        )
    accuracy = metrics.get("accuracy")
    if accuracy:
        lines.append(
            (
                "a quick model on it is right",
                f"{100 * accuracy['new']:.1f} %",
                f"{100 * accuracy['raw']:.1f} %",
            )
        )
    parts = [
        f"On {metrics['n_records']:,} {metrics['measured_on']}, of records that it was not trained on; "
        f"{metrics['n_queries']:,} of them were asked for their neighbours. 95 % intervals in brackets.",
        _table(("", "this version", "base model"), lines),
    ]
    gaps = []
    main = int(metrics["main_k"])
    near = metrics.get("difference_to_raw")
    if near is None and metrics.get("compared_with") == "raw":
        near = metrics.get("difference")
    if near:
        gaps.append(f"{_gap(near)} points of same-label neighbours among the {main:,} nearest")
    if metrics.get("accuracy_difference_to_raw"):
        gaps.append(f"{_gap(metrics['accuracy_difference_to_raw'])} points of a quick model's accuracy")
    if gaps:
        parts.append("Against the base model, record by record: " + "; ".join(gaps) + ".")
    return "\n\n".join(parts)


def _lost(distilled: Mapping[str, Any]) -> str:
    parts = [
        in_words(distilled),
        f"Mean cosine to the version's own vectors: {distilled['cosine']:.4f} (loss, 1 - cosine: "
        f"{distilled['loss']:.4f}) on {distilled['n_held_out']:,} records held out, after learning from "
        f"{distilled['n_learned']:,}.",
    ]
    if "top_k" in distilled:
        names = {"distilled": "this folder", "version": "the version itself", "raw": "base model"}
        lines = []
        for key, name in names.items():
            low, high = distilled["interval"][key]
            score = f"{100 * distilled['top_k'][key]:.1f} % ({100 * low:.1f} to {100 * high:.1f})"
            lines.append((name, score))
        parts.append(_table(("", f"same label among the {distilled['k']:,} nearest"), lines))
    return "\n\n".join(parts)


def _limits(project: Project, row: VersionRow, distilled: Any) -> str:
    metrics, counts = row.metrics, row.labels.get("counts", {})
    found = [
        "What counts as similar is what the labels of this one project say; for another purpose the base "
        "model may be the better choice.",
        "A text on a topic that none of the labels names still lands near one of them. Label some such texts "
        "and tune again.",
        "Texts in other languages, of another kind or another length than those of the project were not "
        "measured; the languages are at best those of the base model.",
    ]
    n = metrics.get("n_records", 0) if metrics.get("measured_on") else 0
    if not n:
        found.append("How good it is was not measured.")
    elif n < _FEW_RECORDS:
        found.append(f"It was measured on {n:,} records only: the intervals are wide.")
    few = [_line(name) for name, count in counts.items() if count < _FEW_LABELS]
    if few:
        shown = ", ".join(few[:10]) + (" …" if len(few) > 10 else "")
        found.append(f"Fewer than {_FEW_LABELS} records were labelled: {shown}. Trust these least.")
    automatic = sum(count for name, count in row.labels.get("by_source", {}).items() if name in _AUTOMATIC)
    if automatic:
        found.append(
            f"{automatic:,} of its labels were not given by a person and may repeat a rule's mistakes."
        )
    if distilled:
        found.append(
            "The measured records were in the project, without their labels, while the version was made; the "
            "part on what the export lost speaks of records that this folder's network did not learn from."
        )
    later = project.n_appended(row.name)
    if later:
        found.append(f"{later:,} records came to the project after it was made; it did not learn from them.")
    return "\n".join(f"- {line}" for line in found)


def _libraries(row: VersionRow) -> str:
    listed = ", ".join(f"{name} {version}" for name, version in row.libraries.items())
    made = f"Made on {_day(row.created_at)}, written on {_day(datetime.now(UTC).timestamp())}."
    return f"{listed}.\n\n{made}" if listed else made


def _base_name(model: str) -> str:
    """Return a model's name without the place on the machine where it lies."""
    return Path(model).name if Path(model).is_absolute() or Path(model).is_dir() else model


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def _gap(gap: Mapping[str, float]) -> str:
    return f"{100 * gap['mean']:+.1f} ({100 * gap['low']:+.1f} to {100 * gap['high']:+.1f})"


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(value) for value in line) + " |" for line in lines)


def _cell(value: Any) -> str:
    """Return a value as it may stand in a table's cell, whatever characters a name has."""
    return _line(value).replace("|", "\\|")


def _line(value: Any) -> str:
    return " ".join(str(value).split())
