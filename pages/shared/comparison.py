"""What a comparison of embeddings found: one sentence first, then the charts and tables behind it."""

from __future__ import annotations

from html import escape
from typing import Any

import streamlit as st

from embtune.project import Project
from embtune.work.comparison import Comparison
from embtune.work.promoting import said_of, verdict_of
from pages.shared.charts import MOST_CLASSES, confusion, share_violins, show, table, top_k_lines
from pages.shared.chips import colors


def headline(comparison: Comparison) -> tuple[str, str]:
    """Return the one sentence that says what was found, and the one that says on what."""
    results = comparison.results
    k, last = results[0]["main_k"], results[-1]
    shares = [result["top_k"].get(str(k)) for result in results]
    if None in shares:
        return "There are too few records to look at neighbours.", ""
    found = (
        f"{last['embedding']} finds the same class in {shares[-1]:.0%} of the {k:,} nearest"
        + (f"; {results[0]['embedding']} in {shares[0]:.0%}" if len(results) > 1 else "")
        + "."
    ).replace("%", " %")
    n = f"{last['n_records']:,}"
    unseen = last["question"]["leave_out"]
    what = {
        "reference labels": f"{n} records with a reference label",
        "labels kept aside from training": f"{n} labels that are kept aside from training",
    }.get(last["measured_on"], f"{n} labelled records")
    seen = f" that {' and '.join(unseen)} {'was' if len(unseen) == 1 else 'were'} not trained on"
    if last["measured_on"] == "labels kept aside from training" or not unseen:
        seen = ""
    within = f" within the slice {last['slice']}" if last.get("slice") else ""
    return found, f"Measured on {what}{within}{seen}."


def notes(comparison: Comparison) -> list[str]:
    """Return what qualifies the headline: the interval, the sample, what was left out."""
    result = comparison.results[-1]
    out = []
    gap = comparison.difference
    if gap is not None:
        said = said_of({"mean": gap.mean, "low": gap.low, "high": gap.high})
        out.append(
            f"Its neighbours are {said}: {100 * gap.mean:+.1f} points, 95 % interval {100 * gap.low:+.1f} to "
            f"{100 * gap.high:+.1f}."
        )
    if result["n_queries"] < result["n_records"]:
        out.append(f"{result['n_queries']:,} of them, drawn at random, were asked for their neighbours.")
    skipped = [k for k in result["question"]["ks"] if str(k) not in result["top_k"]]
    if skipped:
        ks = " and ".join(f"{k:,}" for k in skipped)
        out.append(f"k = {ks} is left out: there are {result['n_records']:,} records.")
    return out


def verdict_when_made(project: Project, comparison: Comparison) -> str:
    """Return the verdict over the version that is compared, if it was found against the same embedding."""
    first, last = comparison.results[0]["embedding"], comparison.results[-1]["embedding"]
    for version in project.versions:
        against = version.metrics.get("compared_with", "raw")
        if version.name in (first, last) and against in (first, last) and first != last:
            return f"{version.name} was found, when it was made, {verdict_of(version).short}."
    return ""


def charts(project: Project, comparison: Comparison) -> None:
    """Draw all charts and tables, each with its download."""
    results = list(comparison.results)
    name = "-".join([project.name, *(result["embedding"] for result in results)])
    left, right = st.columns(2, gap="medium")
    k = results[0]["main_k"]
    if results[0]["top_k"]:
        with left:
            _heading("Same class among the nearest", "Mean share, with its 95 % interval as a band.")
            figure, rows = top_k_lines(results)
            show(figure, rows, f"{name}-top_k", "evaluate_lines", alt="Share of same-class neighbours over k")
    if results[0]["main_shares"]:
        with right:
            sides = " left, ".join(result["embedding"] for result in results[:2])
            many = sum(bool(line["n_queries"]) for line in results[0]["per_class"]) > MOST_CLASSES
            _heading(
                f"Spread over the records, {k:,} nearest",
                f"{sides}{' right' if len(results) > 1 else ' alone'}; the line is the mean."
                + (f" The {MOST_CLASSES} classes with most records." if many else ""),
            )
            figure, rows = share_violins(results, colors(project))
            show(figure, rows, f"{name}-spread", "evaluate_violins", alt="Per-record shares for each class")
    left, right = st.columns(2, gap="medium")
    with left:
        _per_class(results, name, k)
    with right:
        _separation(results, name)
    _classifiers(results, name)


def _heading(text: str, note: str) -> None:
    st.html(f"<b>{escape(text)}</b><br><span class='quiet'>{escape(note)}</span>")


def _per_class(results: list[dict[str, Any]], name: str, k: int) -> None:
    _heading(f"By class, {k:,} nearest", "Share of the same class, in %.")
    rows = []
    for lines in zip(*(result["per_class"] for result in results), strict=True):
        if not lines[0]["n_queries"]:
            continue
        values = [line["top_k"].get(str(k)) for line in lines]
        row: dict[str, Any] = {"class": lines[0]["label"], "records": lines[0]["n_queries"]}
        row |= {result["embedding"]: _percent(value) for result, value in zip(results, values, strict=True)}
        if len(values) > 1 and None not in values:
            row["difference"] = round(100 * (values[-1] - values[0]), 1)
        rows.append(row)
    if rows:
        table(rows, f"{name}-classes", "evaluate_classes", columns=_formats(rows))


def _separation(results: list[dict[str, Any]], name: str) -> None:
    known = [result for result in results if result["shapes_10"]]
    if not known:
        return
    _heading("Ten shapes on the map", "Records, in %, that ten shapes drawn on the map would label right.")
    rows = [
        {"map": method.upper()}
        | {result["embedding"]: _percent(result["shapes_10"][method]) for result in known}
        for method in ("pca", "umap")
    ]
    table(rows, f"{name}-shapes", "evaluate_shapes", columns=_formats(rows))


def _classifiers(results: list[dict[str, Any]], name: str) -> None:
    title = "A plain classifier on top"
    if any(result["classification"] is None for result in results):
        _heading(title, results[-1].get("accuracy_note", ""))
        return
    n = results[-1]["classification"]["n_train"]
    _heading(
        title,
        f"Logistic regression, trained on the {n:,} labels outside of the measured records. "
        "Confusion: rows are the known class, columns the predicted; colour is the share of the row.",
    )
    for i, (column, result) in enumerate(zip(st.columns(2, gap="medium"), results, strict=False)):
        scores = result["classification"]
        low, high = scores["interval"]
        label = f"{name}-{result['embedding']}"
        with column:
            st.markdown(
                f"{result['embedding']}: **{100 * result['accuracy']:.1f} %** right "
                f"({100 * low:.1f} to {100 * high:.1f}), macro F1 {100 * scores['macro_f1']:.1f} %"
            )
            figure, rows = confusion(result)
            show(
                figure,
                rows,
                f"{label}-confusion",
                f"evaluate_confusion_{i}",
                alt=f"Confusion matrix on {result['embedding']}",
            )
            lines = [
                {
                    "class": line["label"],
                    "precision": _percent(line["precision"]),
                    "recall": _percent(line["recall"]),
                    "F1": _percent(line["f1"]),
                    "records": line["support"],
                }
                for line in scores["report"]
            ]
            table(lines, f"{label}-report", f"evaluate_report_{i}", columns=_formats(lines))


def _percent(value: float | None) -> float | None:
    return None if value is None else round(100 * value, 1)


def _formats(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        column: st.column_config.NumberColumn(format="%+.1f" if column == "difference" else "%.1f")
        for column, value in rows[0].items()
        if isinstance(value, float)
    }
