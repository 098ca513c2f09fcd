"""The published experiment through embtune: labels of train + val, reference labels of test, 2,000 queries.

    python benchmarks/seed_table.py --data DIR [--recipe quaterion-triplet] [--set batch_size=128]
                                    [--seeds 1] [--by-cli] [--json]

`--by-cli` does the same by the command line alone. `EMBTUNE_HOME` is a temporary folder unless `--home`
names one, which is kept; `--vectors` takes raw vectors of an earlier run and spares the encoding.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from corpus import LABELLED, REFERENCE, TEMPLATE, machine, say, seed_folder, seed_project

KS = (25, 100, 1000)


def by_api(
    folder: Path, recipes: list[str], options: list[str], seeds: int, maps: bool, vectors: Path | None
) -> dict[str, Any]:
    """Run the experiment through the Python API."""
    project, embedded = seed_project(folder, vectors=vectors)
    parameters = dict(option.split("=", 1) for option in options)
    say(f"embedded: {embedded}")
    rows = [line("raw", project.evaluate(embedding="raw", ks=KS, maps=maps), None)]
    for recipe in recipes:
        for seed in range(seeds):
            made = project.tune(recipe, seed=seed, parameters=parameters)
            say(f"{recipe}, seed {seed}: {made['version']} in {made['seconds']} s")
            scores = project.evaluate(embedding=made["version"], ks=KS, maps=maps)
            rows.append(line(named(recipe, options), scores, made["fit_seconds"]) | {"seed": seed})
    return {"way": "Python API", "embed": embedded, "rows": rows}


def by_cli(folder: Path, recipes: list[str], options: list[str], maps: bool) -> dict[str, Any]:
    """Run the experiment by commands alone."""
    began = time.perf_counter()

    def embtune(*arguments: str) -> dict[str, Any]:
        say("embtune " + " ".join(arguments))
        command = [sys.executable, "-m", "embtune.cli", *arguments, "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr)
        return json.loads(done.stdout)

    for name in LABELLED:
        embtune(
            "import", str(folder / name), "--project", "seed", "--text", TEMPLATE, "--label-field", "label"
        )
    embtune(
        "import",
        str(folder / REFERENCE),
        "--project",
        "seed",
        "--text",
        TEMPLATE,
        "--reference-field",
        "label",
    )
    embedded = embtune("embed", "seed")
    also = [] if maps else ["--no-maps"]
    rows = [line("raw", embtune("evaluate", "seed", "--embedding", "raw", *also), None)]
    for recipe in recipes:
        made = embtune("tune", "seed", "--recipe", recipe, *(x for o in options for x in ("--set", o)))
        scores = embtune("evaluate", "seed", "--embedding", made["version"], *also)
        rows.append(line(named(recipe, options), scores, made["fit_seconds"]) | {"seed": 0})
    return {
        "way": "command line",
        "embed": embedded,
        "rows": rows,
        "seconds": round(time.perf_counter() - began, 1),
    }


def named(recipe: str, options: list[str]) -> str:
    """Return a recipe's name with what was set."""
    return " ".join([recipe, *options])


def line(name: str, scores: dict[str, Any], seconds: float | None) -> dict[str, Any]:
    """Return one row of the table."""
    return {
        "name": name,
        "n_records": scores["n_records"],
        "n_queries": scores["n_queries"],
        "top_k": scores["top_k"],
        "interval": scores["interval"],
        "accuracy": scores["accuracy"],
        "shapes_10": scores["shapes_10"],
        "fit_seconds": seconds,
    }


def table(result: dict[str, Any]) -> str:
    """Return the figures for people."""
    head = ["embedding", *(f"top_{k}" for k in KS), "accuracy", "shapes_10 PCA", "UMAP", "fit, s"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    names = list(dict.fromkeys(row["name"] for row in result["rows"]))
    for name in names:
        rows = [row for row in result["rows"] if row["name"] == name]
        cells = [name if len(rows) == 1 else f"{name} ({len(rows)} seeds)"]
        cells += [spread([row["top_k"][str(k)] for row in rows]) for k in KS]
        cells.append(spread([row["accuracy"] for row in rows]))
        for method in ("pca", "umap"):
            cells.append(spread([row["shapes_10"][method] if row["shapes_10"] else None for row in rows]))
        cells.append(spread([row["fit_seconds"] for row in rows], digits=1))
        lines.append("| " + " | ".join(cells) + " |")
    first = result["rows"][0]
    lines.append("")
    lines.append(
        f"{first['n_queries']:,} queries among {first['n_records']:,} records; by the {result['way']}; "
        f"{result['machine']['cores']} cores; {result['machine']['versions']}"
    )
    return "\n".join(lines)


def spread(values: list[float | None], digits: int = 4) -> str:
    """Return a mean, with the standard deviation where there are several."""
    known = [value for value in values if value is not None]
    if not known:
        return ""
    mean = f"{statistics.mean(known):.{digits}f}"
    return mean if len(known) == 1 else f"{mean} ± {statistics.stdev(known):.{digits}f}"


def main() -> None:
    """Parse the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder ag_news_seed")
    parser.add_argument("--recipe", action="append", help="recipe to run; repeatable")
    parser.add_argument("--set", action="append", default=[], help="key=value of the recipe; repeatable")
    parser.add_argument("--vectors", type=Path, help="raw vectors of an earlier run (.npy), in its order")
    parser.add_argument("--seeds", type=int, default=1, help="runs of each recipe")
    parser.add_argument("--by-cli", action="store_true", help="by the command line alone")
    parser.add_argument("--no-maps", action="store_true", help="leave the separation of the maps out")
    parser.add_argument("--home", type=Path, help="home folder to use and keep")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    arguments = parser.parse_args()
    folder = seed_folder(arguments.data)
    recipes = arguments.recipe or ["quaterion-triplet"]
    with tempfile.TemporaryDirectory() as temporary:
        os.environ["EMBTUNE_HOME"] = str(arguments.home or temporary)
        if arguments.by_cli:
            result = by_cli(folder, recipes, arguments.set, not arguments.no_maps)
        else:
            maps, vectors = not arguments.no_maps, arguments.vectors
            result = by_api(folder, recipes, arguments.set, arguments.seeds, maps, vectors)
    result = {"benchmark": "seed_table", **result, "machine": machine()}
    print(json.dumps(result) if arguments.json else table(result))


if __name__ == "__main__":
    main()
