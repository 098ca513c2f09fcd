"""The published experiment through embtune: labels of train + val, reference labels of test, 2,000 queries.

    python benchmarks/seed_table.py --data DIR [--recipe auto …] [--set batch_size=128] [--seeds 5]
                                    [--unseen] [--by-cli] [--no-maps] [--json]

Four recipes run unless `--recipe` names some; `--set` goes to those that know the key. `--unseen` imports
half of test.json only after the tuning: the version gives those records their vectors, they ask, and
neighbours are all records of test.json; the mean over two ways to halve. `--by-cli` does the main protocol by
the command line alone. `EMBTUNE_HOME` is a temporary folder unless `--home` names one, which is kept;
`--vectors` takes raw vectors of an earlier run, in its order, and spares the encoding.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from corpus import (
    LABELLED,
    REFERENCE,
    SPREAD,
    TEMPLATE,
    facts,
    home_folder,
    machine,
    markdown,
    named,
    options_for,
    own_accuracy,
    reference_names,
    say,
    seed_folder,
    seed_project,
    spread,
)
from unseen import mean_of, unseen

KS = (25, 100, 1000)
RECIPES_SHOWN = ("quaterion-triplet", "quaterion", "propagate", "auto")
Row = dict[str, Any]


def by_api(folder: Path, recipes: list[str], options: list[str], seeds: int, **how: Any) -> Row:
    """Run the experiment through the Python API."""
    project, embedded = seed_project(folder, vectors=how["vectors"])
    say(f"embedded: {embedded}")
    rows, names = reference_names(project)
    table_rows = [line("raw", project.evaluate(embedding="raw", ks=KS, maps=how["maps"]))]
    for recipe in recipes:
        chosen = options_for(recipe, options)
        for seed in range(seeds):
            made = project.tune(recipe, seed=seed, parameters=chosen)
            say(f"{recipe}, seed {seed}: {made['version']} in {made['seconds']} s")
            scores = project.evaluate(embedding=made["version"], ks=KS, maps=how["maps"])
            right = own_accuracy(project, made["version"], rows, names)
            table_rows.append(
                line(named(recipe, chosen), scores)
                | {"seed": seed, "fit_seconds": made["fit_seconds"], "own_accuracy": right}
            )
            say(json.dumps(table_rows[-1]))
    return {"way": "Python API", "embed": embedded, "rows": table_rows}


def by_cli(folder: Path, recipes: list[str], options: list[str], maps: bool) -> Row:
    """Run the experiment by commands alone, the active embedding last."""
    began = time.perf_counter()

    def embtune(*arguments: str) -> Row:
        say("embtune " + " ".join(arguments))
        command = [sys.executable, "-m", "embtune.cli", *arguments, "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr)
        return json.loads(done.stdout)

    for name in (*LABELLED, REFERENCE):
        field = "--reference-field" if name == REFERENCE else "--label-field"
        embtune("import", str(folder / name), "--project", "seed", "--text", TEMPLATE, field, "label")
    embedded = embtune("embed", "seed")
    also = [] if maps else ["--no-maps"]
    rows = [line("raw", embtune("evaluate", "seed", "--embedding", "raw", *also))]
    made: Row = {}
    for recipe in recipes:
        chosen = options_for(recipe, options)
        given = (part for key, value in chosen.items() for part in ("--set", f"{key}={value}"))
        made = embtune("tune", "seed", "--recipe", recipe, *given)
        scores = embtune("evaluate", "seed", "--embedding", made["version"], *also)
        rows.append(line(named(recipe, chosen), scores) | {"fit_seconds": made["fit_seconds"]})
    best = embtune("evaluate", "seed", "--embedding", "best", *also)
    rows.append(line(f"best, which is {best['embedding']}", best))
    seconds = round(time.perf_counter() - began, 1)
    return {"way": "command line", "embed": embedded, "rows": rows, "seconds": seconds}


def line(name: str, scores: Row) -> Row:
    """Return one row of the table."""
    kept = ("n_records", "n_queries", "top_k", "interval", "accuracy", "shapes_10", "shapes_20")
    return {"name": name, "seed": 0, **{key: scores.get(key) for key in kept}}


def table(result: Row) -> str:
    """Return the figures for people."""
    maps = [(m, way) for m in (10, 20) for way in ("pca", "umap")]
    head = ["embedding", *(f"top_{k}" for k in KS), "LR accuracy", "own accuracy"]
    head += [*(f"shapes_{m} {way.upper()}" for m, way in maps), "fit, s"]
    lines = []
    for name in dict.fromkeys(row["name"] for row in result["rows"]):
        rows = [row for row in result["rows"] if row["name"] == name]
        if result.get("protocol") == "unseen":  # a seed's figure is its mean over the splits
            rows = [mean_of([row for row in rows if row["seed"] == s]) for s in {r["seed"] for r in rows}]
        lines.append(
            [
                name if len(rows) == 1 else f"{name} ({len(rows)} seeds)",
                *(spread([row["top_k"].get(str(k)) for row in rows]) for k in KS),
                spread([row["accuracy"] for row in rows]),
                spread([row.get("own_accuracy") for row in rows]),
                *(spread([(row.get(f"shapes_{m}") or {}).get(way) for row in rows]) for m, way in maps),
                spread([row.get("fit_seconds") for row in rows], digits=1),
            ]
        )
    first = result["rows"][0]
    asked = "queries of the unseen half" if result.get("protocol") == "unseen" else "queries"
    return "\n".join(
        [
            markdown(head, lines),
            "",
            f"{SPREAD}; {first['n_queries']:,} {asked} among {first['n_records']:,} records; by the "
            f"{result['way']}" + (f", {result['seconds']} s in all" if "seconds" in result else ""),
            facts(result["machine"]),
        ]
    )


def main() -> None:
    """Parse the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder ag_news_seed")
    parser.add_argument("--recipe", action="append", help="recipe to run; repeatable; default all")
    parser.add_argument("--set", action="append", default=[], help="key=value of the recipes; repeatable")
    parser.add_argument("--vectors", type=Path, help="raw vectors of an earlier run (.npy), in its order")
    parser.add_argument("--seeds", type=int, default=1, help="runs of each recipe")
    parser.add_argument("--unseen", action="store_true", help="half of test.json comes after the tuning")
    parser.add_argument("--by-cli", action="store_true", help="by the command line alone")
    parser.add_argument("--no-maps", action="store_true", help="leave the separation of the maps out")
    parser.add_argument("--home", type=Path, help="home folder to use and keep")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    arguments = parser.parse_args()
    folder = seed_folder(arguments.data)
    from embtune.tuning.recipes import RECIPES

    recipes = arguments.recipe or [name for name in RECIPES_SHOWN if name in RECIPES]
    if absent := [name for name in recipes if name not in RECIPES]:
        parser.error(f"there is no recipe {absent[0]!r}; there are {', '.join(RECIPES)}")
    if arguments.by_cli and arguments.unseen:
        parser.error("--by-cli has no --unseen")
    with home_folder(arguments.home):
        maps, vectors = not arguments.no_maps, arguments.vectors
        if arguments.by_cli:
            result = by_cli(folder, recipes, arguments.set, maps)
        else:
            if arguments.unseen:
                result = unseen(folder, recipes, arguments.set, arguments.seeds, ks=KS, vectors=vectors)
            else:
                result = by_api(folder, recipes, arguments.set, arguments.seeds, maps=maps, vectors=vectors)
    result = {"benchmark": "seed_table", **result, "machine": machine()}
    print(json.dumps(result) if arguments.json else table(result))


if __name__ == "__main__":
    main()
