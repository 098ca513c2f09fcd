"""Few labels: `auto` against logistic regression, label propagation and SetFit, on the same draws.

The pool is test.json of the published experiment, 9,146 records. Of it n are drawn at random (each class at
least one) and labelled with their true label; all others are predicted, and the share right is the figure.
`auto` predicts by its own class scores; a recipe that has none by a logistic regression on its vectors.

    python benchmarks/few_labels.py --data DIR [--sizes 8,16,32,100,261] [--seeds 5] [--recipe auto]
                                    [--setfit-seeds 1] [--limit N] [--json]

SetFit trains the encoder and encodes the pool anew for every draw: minutes each on a CPU, seconds on a GPU.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from baselines import ABOUT, logistic_regression, neighbour_graph, propagation
from corpus import (
    REFERENCE,
    TEMPLATE,
    as_file,
    draw_random,
    facts,
    home_folder,
    machine,
    markdown,
    numbers,
    options_of,
    own_predictions,
    reference_names,
    say,
    seed_folder,
    seed_rows,
    spread,
    texts_of,
)
from vectors import cached_vectors, remember

BASELINES = ("lr", "propagation", "setfit")
T_975 = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36, 9: 2.31, 10: 2.26}


class Pool:
    """The records, their vectors and what does not hang on a draw."""

    def __init__(self, folder: Path, limit: int | None, cache: Path | None, vectors: Path | None) -> None:
        rows = seed_rows(folder, REFERENCE)
        texts = texts_of(rows, TEMPLATE)
        every = np.load(vectors) if vectors else cached_vectors(texts, cache)
        if len(every) != len(rows):
            raise SystemExit(f"{vectors} has {len(every):,} vectors for {len(rows):,} records of test.json.")
        # Twice the same record is one record to a project.
        kept = np.sort(np.unique(texts, return_index=True)[1])
        if limit is not None:
            kept = np.sort(np.random.default_rng(0).permutation(kept)[:limit])
        self.rows = [rows[i] for i in kept]
        self.texts = [texts[i] for i in kept]
        self.labels = np.array([row["label"] for row in self.rows])
        self.vectors = np.ascontiguousarray(every[kept], dtype=np.float32)
        self.graph = neighbour_graph(self.vectors)


def by_recipe(
    pool: Pool, recipe: str, options: dict[str, str], chosen: Any, others: Any, seed: int, name: str
) -> dict[str, Any]:
    """Label, tune and predict as a person would, through the public API."""
    import embtune
    from embtune.errors import EmbtuneError

    project = embtune.open(name)
    # Reference labels keep embtune from setting a fifth of the labels aside; no recipe sees them.
    project.import_records(as_file(pool.rows), name="pool.json", text=TEMPLATE, reference_field="label")
    remember(project, pool.texts, pool.vectors)
    project.embed()
    rows, names = reference_names(project)
    if not (len(rows) == len(pool.labels) and (names == pool.labels).all()):
        raise SystemExit("The project has other records than the pool.")
    for label in np.unique(pool.labels[chosen]):
        project.label(chosen[pool.labels[chosen] == label], str(label))
    began = time.perf_counter()
    try:
        made = project.tune(recipe, seed=seed, parameters=options)
    except EmbtuneError as error:
        project.delete()
        return {"accuracy": None, "note": str(error)}
    predicted, by = own_predictions(project, made["version"], others), "own scores"
    if predicted is None:
        tuned = project.vectors(made["version"])
        predicted = logistic_regression(tuned[chosen], pool.labels[chosen], tuned[others], seed)
        by = "logistic regression on the tuned vectors"
    figures = {
        "accuracy": float((predicted == pool.labels[others]).mean()),
        "seconds": round(time.perf_counter() - began, 1),
        "fit_seconds": made["fit_seconds"],
        "predicted_by": by,
    }
    project.delete()
    return figures


def by_baseline(pool: Pool, name: str, chosen: Any, others: Any, seed: int) -> dict[str, Any]:
    """Predict the others by a plain method."""
    began, known, more = time.perf_counter(), pool.labels[chosen], {}
    if name == "lr":
        predicted = logistic_regression(pool.vectors[chosen], known, pool.vectors[others], seed)
    elif name == "propagation":
        predicted = propagation(pool.graph, chosen, known)[others]
    else:
        from setfit_baseline import fit_predict

        texts = [[pool.texts[i] for i in part] for part in (chosen, others)]
        fitted = fit_predict(texts[0], known.tolist(), texts[1], seed=seed)
        predicted, more = fitted.predicted, {"losses": fitted.losses}
    return {
        "accuracy": float((predicted == pool.labels[others]).mean()),
        "seconds": round(time.perf_counter() - began, 1),
        **more,
    }


def measure(pool: Pool, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Run every method on every draw."""
    runs = []
    for n in arguments.sizes:
        for seed in range(arguments.seeds):
            chosen = draw_random(pool.labels, n, seed)
            others = np.setdiff1d(np.arange(len(pool.labels)), chosen)
            for method in (*arguments.baselines, *arguments.recipe):
                if method == "setfit" and seed >= arguments.setfit_seeds:
                    continue
                if method in BASELINES:
                    figures = by_baseline(pool, method, chosen, others, seed)
                else:
                    options = options_of(arguments.set)
                    figures = by_recipe(pool, method, options, chosen, others, seed, f"{method}-{n}-{seed}")
                runs.append({"n": n, "seed": seed, "method": method, **figures})
                say(f"{n} labels, seed {seed}, {method}: {figures}")
    return runs


def interval_of(differences: Sequence[float]) -> str:
    """Return the mean of paired differences with half the width of its 95 % t interval."""
    if not differences:
        return ""
    mean = statistics.mean(differences)
    times = T_975.get(len(differences), 1.96 if len(differences) > 10 else None)
    if times is None:
        return f"{mean:+.4f} (1 draw)"
    return f"{mean:+.4f} ± {times * statistics.stdev(differences) / len(differences) ** 0.5:.4f}"


def table(result: dict[str, Any]) -> str:
    """Return the figures for people."""
    runs = result["runs"]
    methods = list(dict.fromkeys(run["method"] for run in runs))
    recipes = [method for method in methods if method not in BASELINES]
    head = ["labels", *methods, *(f"{recipe} - best other" for recipe in recipes)]
    lines = []
    for n in dict.fromkeys(run["n"] for run in runs):
        by_seed = {
            method: {
                run["seed"]: run["accuracy"]
                for run in runs
                if run["n"] == n and run["method"] == method and run["accuracy"] is not None
            }
            for method in methods
        }
        cells = [str(n), *(spread(list(by_seed[method].values())) for method in methods)]
        for recipe in recipes:
            others = [m for m in methods if m in BASELINES and by_seed[m]]
            best = max(others, key=lambda m: statistics.mean(by_seed[m].values()), default=None)
            shared = sorted(by_seed[recipe].keys() & by_seed[best].keys()) if best else []
            told = interval_of([by_seed[recipe][seed] - by_seed[best][seed] for seed in shared])
            cells.append(f"{told}, {best}" if told else "")
        lines.append(cells)
    notes = [f"- {method}: {ABOUT[method]}" for method in methods if method in ABOUT]
    predicted_by = {run["predicted_by"] for run in runs if "predicted_by" in run}
    notes += [f"- {', '.join(recipes)}: predicted by {', '.join(sorted(predicted_by))}"] if recipes else []
    notes += sorted(
        {f"- {run['method']} at {run['n']} labels, seed {run['seed']}: {run['note']}"
         for run in runs if "note" in run}
    )  # fmt: skip
    spent = {
        method: [run.get("seconds", 0.0) for run in runs if run["method"] == method] for method in methods
    }
    seconds = ", ".join(f"{method} {statistics.mean(each):.1f}" for method, each in spent.items())
    return "\n".join(
        [
            markdown(head, lines),
            "",
            "accuracy on the records without a label, mean ± standard deviation over draws; last: paired "
            "over draws, with its 95 % interval, against the baseline whose mean is best",
            *notes,
            f"- mean seconds a draw: {seconds}",
            f"{result['n_records']:,} records in the pool; {facts(result['machine'])}",
        ]
    )


def main() -> None:
    """Parse the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder ag_news_seed")
    parser.add_argument("--sizes", type=numbers, default=[8, 16, 32, 100, 261], help="numbers of labels")
    parser.add_argument("--seeds", type=int, default=5, help="draws for each size")
    parser.add_argument("--setfit-seeds", type=int, help="draws that SetFit runs on; all by default")
    parser.add_argument("--baselines", default=",".join(BASELINES), help="with commas; '' for none")
    parser.add_argument("--recipe", action="append", help="recipe to run; repeatable; default auto")
    parser.add_argument("--set", action="append", default=[], help="key=value of the recipe; repeatable")
    parser.add_argument("--limit", type=int, help="take only so many records, to try the script")
    parser.add_argument("--cache", type=Path, help="folder for vectors; a temporary one by default")
    parser.add_argument("--vectors", type=Path, help="vectors of test.json (.npy), in its order")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    arguments = parser.parse_args()
    arguments.recipe = arguments.recipe or ["auto"]
    arguments.baselines = [name for name in arguments.baselines.split(",") if name]
    unknown = set(arguments.baselines) - set(BASELINES)
    if unknown:
        parser.error(f"unknown baseline {unknown.pop()!r}; there are {', '.join(BASELINES)}")
    if arguments.setfit_seeds is None:
        arguments.setfit_seeds = arguments.seeds
    folder = seed_folder(arguments.data)
    with home_folder():
        pool = Pool(folder, arguments.limit, arguments.cache, arguments.vectors)
        runs = measure(pool, arguments)
        result = {
            "benchmark": "few_labels",
            "n_records": len(pool.rows),
            "baselines": {name: ABOUT[name] for name in arguments.baselines},
            "runs": runs,
            "machine": machine(),
        }
    print(json.dumps(result) if arguments.json else table(result))


if __name__ == "__main__":
    main()
