"""Many clean classes: 77 intents of banking, few or many labels each, measured on records never trained on.

Of train.csv n records a class are drawn and imported with their label; test.csv is imported with reference
labels. Neighbours are looked for among the records of test.csv, all of which ask. The other records of
train.csv stay out unless `--pool` imports them without a label.

    python benchmarks/banking77.py --data DIR [--per-class 5,20,all] [--seeds 5] [--recipe auto]
                                   [--baselines lr,propagation,setfit] [--limit CLASSES] [--json]
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from baselines import ABOUT, logistic_regression, neighbour_graph, propagation
from corpus import (
    SPREAD,
    as_file,
    banking_rows,
    draw_per_class,
    facts,
    home_folder,
    machine,
    markdown,
    options_of,
    own_accuracy,
    reference_names,
    say,
    spread,
    texts_of,
)
from vectors import cached_vectors, remember

KS = (10, 25, 40)
TEMPLATE = "{text}"
FIELD = "category"
ALL = 0


class Data:
    """Both files, their vectors, and what was left out."""

    def __init__(self, folder: Path, n_classes: int | None, cache: Path | None) -> None:
        train, test = banking_rows(folder)
        if n_classes is not None:
            names = sorted({row[FIELD] for row in test})[:n_classes]
            train, test = ([row for row in rows if row[FIELD] in names] for rows in (train, test))
        texts = texts_of(test, TEMPLATE)
        self.test = [test[i] for i in np.sort(np.unique(texts, return_index=True)[1])]
        known = set(texts)
        self.train = [
            row for row, text in zip(train, texts_of(train, TEMPLATE), strict=True) if text not in known
        ]
        self.n_left_out = len(train) - len(self.train) + len(test) - len(self.test)
        self.texts = texts_of([*self.train, *self.test], TEMPLATE)
        self.vectors = cached_vectors(self.texts, cache)
        self.labels = np.array([row[FIELD] for row in [*self.train, *self.test]])
        self.tested = np.arange(len(self.train), len(self.texts))


def by_recipes(data: Data, chosen: Any, seed: int, n: int, arguments: argparse.Namespace) -> Any:
    """Import one draw, tune each recipe and yield its figures."""
    import embtune

    project = embtune.open(f"banking-{n}-{seed}")
    project.import_records(
        as_file([data.train[i] for i in chosen]), name="train.json", text=TEMPLATE, label_field=FIELD
    )
    project.import_records(as_file(data.test), name="test.json", text=TEMPLATE, reference_field=FIELD)
    if arguments.pool:
        rest = np.setdiff1d(np.arange(len(data.train)), chosen)
        project.import_records(as_file([data.train[i] for i in rest]), name="rest.json", text=TEMPLATE)
    remember(project, data.texts, data.vectors)
    project.embed()
    rows, names = reference_names(project)
    raw = scored(project, "raw", len(rows))
    yield "raw", {**raw, "difference": None, "seconds": None, "own_accuracy": None}
    for recipe in arguments.recipe:
        made = project.tune(recipe, seed=seed, parameters=options_of(arguments.set))
        tuned = scored(project, made["version"], len(rows))
        yield (
            recipe,
            {
                **tuned,
                "difference": {k: tuned["top_k"][k] - raw["top_k"][k] for k in raw["top_k"]},
                "seconds": made["fit_seconds"],
                "own_accuracy": own_accuracy(project, made["version"], rows, names),
                "active": made["active"],
            },
        )
    project.delete()


def scored(project: Any, embedding: str, n_queries: int) -> dict[str, Any]:
    """Return top_k and the accuracy of a logistic regression on the vectors."""
    found = project.evaluate(embedding=embedding, ks=KS, n_queries=n_queries, maps=False)
    return {"top_k": found["top_k"], "ceiling": found["ceiling"], "lr_accuracy": found["accuracy"]}


def by_baseline(data: Data, name: str, chosen: Any, seed: int, pool: bool) -> dict[str, Any]:
    """Predict test.csv by a plain method from the same draw."""
    began, known = time.perf_counter(), data.labels[chosen]
    if name == "lr":
        found = logistic_regression(data.vectors[chosen], known, data.vectors[data.tested], seed)
    elif name == "propagation":
        every = np.concatenate([np.arange(len(data.train)) if pool else chosen, data.tested])
        graph = neighbour_graph(data.vectors[every])
        found = propagation(graph, np.searchsorted(every, chosen), known)[-len(data.tested) :]
    else:
        from setfit_baseline import fit_predict

        texts = [[data.texts[i] for i in part] for part in (chosen, data.tested)]
        found = fit_predict(texts[0], known.tolist(), texts[1], seed=seed).predicted
    right = float((found == data.labels[data.tested]).mean())
    return {"own_accuracy": right, "seconds": round(time.perf_counter() - began, 2)}


def measure(data: Data, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Run every method on every draw."""
    runs: list[dict[str, Any]] = []
    labels = data.labels[: len(data.train)].tolist()

    def add(n: int, seed: int, method: str, figures: dict[str, Any]) -> None:
        runs.append({"per_class": n or "all", "seed": seed, "method": method, **figures})
        say(f"{n or 'all'} a class, seed {seed}, {method}: {figures}")

    for n in arguments.per_class:
        for seed in range(arguments.seeds):
            chosen = draw_per_class(labels, n or None, seed)
            for name in arguments.baselines:
                if name == "setfit" and (
                    seed >= arguments.setfit_seeds or len(chosen) > arguments.setfit_most
                ):
                    continue
                if n == ALL and seed:
                    continue  # the same labels, and no chance in it
                add(n, seed, name, by_baseline(data, name, chosen, seed, arguments.pool))
            for name, figures in by_recipes(data, chosen, seed, n, arguments):
                add(n, seed, name, figures)
    return runs


def table(result: dict[str, Any]) -> str:
    """Return the figures for people."""
    tops = [f"top_{k}" for k in KS]
    head = ["labels a class", "method", *tops, *(f"{top} - raw" for top in tops)]
    head += ["own accuracy", "LR on its vectors", "seconds"]
    lines = []
    for n, method in dict.fromkeys((run["per_class"], run["method"]) for run in result["runs"]):
        runs = [run for run in result["runs"] if (run["per_class"], run["method"]) == (n, method)]
        neighbours = [run for run in runs if run.get("top_k")]
        compared = [run for run in runs if run.get("difference")]
        lines.append(
            [
                str(n),
                f"{method} ({len(runs)})",
                *(spread([run["top_k"].get(str(k)) for run in neighbours]) for k in KS),
                *(spread([run["difference"].get(str(k)) for run in compared], sign="+") for k in KS),
                spread([run["own_accuracy"] for run in runs]),
                spread([run.get("lr_accuracy") for run in runs]),
                spread([run["seconds"] for run in runs], digits=1),
            ]
        )
    ceiling = next(run["ceiling"] for run in result["runs"] if "ceiling" in run)
    return "\n".join(
        [
            markdown(head, lines),
            "",
            f"{SPREAD} (how many, in brackets); the labels are drawn anew for each",
            *(f"- {name}: {told}" for name, told in result["baselines"].items()),
            f"- {result['n_test']:,} test records, all asked; a perfect embedding would reach "
            + ", ".join(f"{value:.3f} at {k}" for k, value in ceiling.items()),
            f"- {result['n_left_out']} records left out because their text occurs twice",
            "- the rest of train.csv: " + ("there, without labels" if result["pool"] else "not imported"),
            facts(result["machine"]),
        ]
    )


def counts(text: str) -> list[int]:
    """Parse numbers of labels a class; `all` is 0."""
    try:
        found = [ALL if part == "all" else int(part) for part in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no list such as 5,20,all") from error
    return found


def main() -> None:
    """Parse the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder banking77")
    parser.add_argument("--per-class", type=counts, default=[5, 20, ALL], help="labels a class, with commas")
    parser.add_argument("--seeds", type=int, default=5, help="draws of labels")
    parser.add_argument("--recipe", action="append", help="recipe to run; repeatable; default auto")
    parser.add_argument("--set", action="append", default=[], help="key=value of the recipe; repeatable")
    parser.add_argument("--baselines", default=",".join(ABOUT), help="with commas; '' for none")
    parser.add_argument("--setfit-seeds", type=int, default=1, help="draws that SetFit runs on")
    parser.add_argument("--setfit-most", type=int, default=2000, help="no SetFit above so many labels")
    parser.add_argument("--pool", action="store_true", help="import the rest of train.csv without labels")
    parser.add_argument("--limit", type=int, help="take only so many classes, to try the script")
    parser.add_argument("--cache", type=Path, help="folder for vectors; a temporary one by default")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    arguments = parser.parse_args()
    arguments.recipe = arguments.recipe or ["auto"]
    arguments.baselines = [name for name in arguments.baselines.split(",") if name]
    unknown = set(arguments.baselines) - set(ABOUT)
    if unknown:
        parser.error(f"unknown baseline {unknown.pop()!r}; there are {', '.join(ABOUT)}")
    with home_folder():
        data = Data(arguments.data, arguments.limit, arguments.cache)
        runs = measure(data, arguments)
        result = {
            "benchmark": "banking77",
            "n_test": len(data.test),
            "n_left_out": data.n_left_out,
            "pool": arguments.pool,
            "baselines": {name: ABOUT[name] for name in arguments.baselines},
            "runs": runs,
            "machine": machine(),
        }
    print(json.dumps(result) if arguments.json else table(result))


if __name__ == "__main__":
    main()
