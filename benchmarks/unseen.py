"""Records that no tuning knew of: half of test.json comes into the project only afterwards, and asks."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from corpus import (
    LABELLED,
    REFERENCE,
    TEMPLATE,
    as_file,
    named,
    options_for,
    own_accuracy,
    reference_names,
    say,
    seed_rows,
    texts_of,
)
from vectors import cached_vectors, remember

SPLITS = (0, 1)
N_QUERIES = 2000
Row = dict[str, Any]


def unseen(
    folder: Path,
    recipes: Sequence[str],
    options: Sequence[str],
    seeds: int,
    *,
    ks: Sequence[int],
    vectors: Path | None,
) -> Row:
    """Tune while half of test.json is not there, bring it in, and let it ask; for two ways to halve."""
    import embtune

    tested = seed_rows(folder, REFERENCE)
    texts = texts_of(seed_rows(folder, *LABELLED, REFERENCE), TEMPLATE)
    matrix = cached_vectors(texts) if vectors is None else np.load(vectors)
    rows: list[Row] = []
    for split in SPLITS:
        order = np.random.default_rng(split).permutation(len(tested))
        known, new = ([tested[i] for i in np.sort(part)] for part in np.array_split(order, 2))
        project = embtune.open(f"unseen-{split}")
        for name in LABELLED:
            project.import_records(folder / name, text=TEMPLATE, label_field="label")
        project.import_records(as_file(known), name="known.json", text=TEMPLATE, reference_field="label")
        remember(project, texts, matrix)
        project.embed()
        n_known = project.n_records
        made: list[tuple[str, str, int, float | None]] = [("raw", "raw", 0, None)]
        for recipe in recipes:
            chosen = options_for(recipe, options)
            for seed in range(seeds):
                version = project.tune(recipe, seed=seed, parameters=chosen)
                made.append((named(recipe, chosen), version["version"], seed, version["fit_seconds"]))
                say(f"split {split}, {recipe}, seed {seed}: {version['seconds']} s")
        project.import_records(as_file(new), name="unseen.json", text=TEMPLATE, reference_field="label")
        began = time.perf_counter()
        extended = project.embed()["extended"]
        seconds = time.perf_counter() - began
        say(f"split {split}: {len(new):,} new records given to {', '.join(extended)} in {seconds:.1f} s")
        for name, embedding, seed, fit_seconds in made:
            row = {"name": name, "seed": seed, "split": split, "fit_seconds": fit_seconds}
            rows.append(row | scored(project, embedding, n_known, ks))
            say(json.dumps(rows[-1]))
    return {"way": "Python API", "protocol": "unseen", "rows": rows}


def scored(project: Any, embedding: str, n_known: int, ks: Sequence[int]) -> Row:
    """Score an embedding on the reference records from row `n_known` on, among all reference records."""
    from embtune.evaluation.classification import logistic_regression

    matrix = project.vectors(embedding)
    rows, names = reference_names(project)
    new = np.flatnonzero(rows >= n_known)
    state = project.label_state()
    trained = np.flatnonzero(state.labelled)
    by_id = {label.id: label.name for label in project.labels}
    given = np.array([by_id[i] for i in state.label_ids[trained].tolist()])
    classes = np.unique([*names, *given])
    known, learned = np.searchsorted(classes, names), np.searchsorted(classes, given)
    scores = logistic_regression(matrix[trained], learned, matrix[rows[new]], known[new], classes.tolist())
    return {
        "n_records": len(rows),
        "n_queries": min(N_QUERIES, len(new)),
        "top_k": shares(matrix[rows], known, new, ks),
        "accuracy": round(scores.accuracy, 4),
        "own_accuracy": None
        if embedding == "raw"
        else own_accuracy(project, embedding, rows[new], names[new].tolist()),
    }


def shares(matrix: Any, labels: Any, asking: Any, ks: Sequence[int]) -> dict[str, float]:
    """Return the mean share of neighbours with the query's label, for queries drawn among `asking`."""
    from embtune.neighbors.exact import nearest

    drawn = np.random.default_rng(0).choice(asking, min(N_QUERIES, len(asking)), replace=False)
    queries = np.sort(drawn)
    found, _ = nearest(matrix, min(max(ks), len(matrix) - 1), queries=queries)
    same = labels[found] == labels[queries][:, None]
    return {str(k): round(float(same[:, :k].mean()), 4) for k in ks if k <= same.shape[1]}


def mean_of(rows: Sequence[Row]) -> Row:
    """Return one row, each figure the mean of several rows'."""

    def mean(values: list[Any]) -> float | None:
        return None if None in values else float(np.mean(values))

    return {
        "top_k": {k: mean([row["top_k"][k] for row in rows]) for k in rows[0]["top_k"]},
        **{key: mean([row[key] for row in rows]) for key in ("accuracy", "own_accuracy", "fit_seconds")},
    }
