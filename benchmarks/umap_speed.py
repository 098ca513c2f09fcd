"""UMAP speed: embtune's map against `umap.UMAP(metric="cosine").fit_transform` as it comes.

Both project the same vectors, one after the other, each in a process of its own and there twice: the first
call is what somebody waits who asks for a map, imports and compiler included; the second is the work alone.
Ours is the whole of `umap_map`: the exact nearest neighbours and the layout. Quality is the 15-NN class
purity of the map: the share of a record's 15 nearest on the map that have its label. The goals: 4 times
faster at 20,000 records, purity not lower by more than .005.

    python benchmarks/umap_speed.py [--data DIR] [--n 20000] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from vectors import cached_vectors

FILES = ("train.json", "val.json", "test.json")
PURITY_NEIGHBORS = 15


def encoded(folder: Path, n: int) -> tuple[str, NDArray[np.float32], NDArray[np.int64]]:
    """Return a name, vectors and labels of n records of ag_news_seed, drawn with seed 0."""
    if not (folder / FILES[0]).is_file() and (folder / "ag_news_seed").is_dir():
        folder = folder / "ag_news_seed"
    absent = [name for name in FILES if not (folder / name).is_file()]
    if absent:
        raise SystemExit(f"There is no {absent[0]} in {folder}: give the folder ag_news_seed.")
    rows = [row for name in FILES for row in json.loads((folder / name).read_text(encoding="utf-8"))]
    if len(rows) < n:
        raise SystemExit(f"{folder} has {len(rows)} records, fewer than --n {n}.")
    if n < len(rows):
        rows = [rows[i] for i in np.sort(np.random.default_rng(0).choice(len(rows), n, replace=False))]
    texts = [f"{row['Title']}. {row['Description']}" for row in rows]
    _, labels = np.unique([row["label"] for row in rows], return_inverse=True)
    return f"ag_news_seed ({', '.join(FILES)})", cached_vectors(texts), labels.astype(np.int64)


def mixture(n: int, d: int = 384, n_classes: int = 20) -> tuple[str, NDArray[np.float32], NDArray[np.int64]]:
    """Return a name, unit vectors around random centres, and their centre's number."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, n_classes, n)
    rows = rng.normal(size=(n, d)) + 0.35 * rng.normal(size=(n_classes, d))[labels]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return f"a mixture of {n_classes} normal distributions", rows.astype(np.float32), labels


def purity(xy: NDArray[Any], labels: NDArray[np.int64]) -> float:
    """Return the mean share of the 15 nearest points on the map that have the point's label."""
    from sklearn.neighbors import NearestNeighbors

    k = min(PURITY_NEIGHBORS, len(xy) - 1)
    # Without an argument each point is left out of its own neighbours.
    found = NearestNeighbors(n_neighbors=k).fit(xy).kneighbors(return_distance=False)
    return float((labels[found] == labels[:, None]).mean())


def theirs(vectors: NDArray[np.float32]) -> NDArray[Any]:
    """umap-learn as it comes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import umap

        return umap.UMAP(metric="cosine").fit_transform(vectors)


def ours(vectors: NDArray[np.float32]) -> NDArray[Any]:
    """The map of embtune."""
    from embtune.maps.projection import umap_map

    return umap_map(vectors)


CONTENDERS = {"embtune": ours, "umap_learn": theirs}


def run(name: str, folder: Path) -> None:
    """Project twice, keep the map beside the vectors and print the seconds: the inside of a process."""
    vectors = np.load(folder / "vectors.npy")
    calls = []
    for _ in range(2):
        cpu, start = time.process_time(), time.perf_counter()
        xy = CONTENDERS[name](vectors)
        calls.append({"wall": time.perf_counter() - start, "cpu": time.process_time() - cpu})
    np.save(folder / f"{name}.npy", xy)
    print(json.dumps(calls))


def measure(data: Path | None, n: int) -> dict[str, Any]:
    """Run both and return every figure."""
    source, vectors, labels = encoded(data, n) if data is not None else mixture(n)
    calls, pure = {}, {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "vectors.npy", vectors)
        for contender in CONTENDERS:
            print(f"running {contender} twice", file=sys.stderr)
            command = [sys.executable, __file__, "--inside", contender, str(folder)]
            calls[contender] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
            pure[contender] = round(purity(np.load(folder / f"{contender}.npy"), labels), 4)

    def seconds(call: int, clock: str) -> dict[str, float]:
        return {contender: round(calls[contender][call][clock], 2) for contender in CONTENDERS}

    first, second = seconds(0, "wall"), seconds(1, "wall")
    return {
        "benchmark": "umap_speed",
        "vectors": source,
        "n_records": n,
        "dim": vectors.shape[1],
        "first_call_seconds": first,
        "second_call_seconds": second,
        "second_call_cpu_seconds": seconds(1, "cpu"),
        "ratio_first_call": round(first["umap_learn"] / first["embtune"], 2),
        "ratio_second_call": round(second["umap_learn"] / second["embtune"], 2),
        "purity_15nn": pure,
        "purity_difference": round(pure["embtune"] - pure["umap_learn"], 4),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "python": platform.python_version(),
        "umap_learn": version("umap-learn"),
        "numba": version("numba"),
        "torch": version("torch"),
    }


def table(result: dict[str, Any]) -> str:
    """Return the figures for people."""
    first, second = result["first_call_seconds"], result["second_call_seconds"]
    cpu, pure = result["second_call_cpu_seconds"], result["purity_15nn"]
    lines = [
        f"{result['n_records']:,} x {result['dim']} vectors of {result['vectors']}; {result['cores']} cores",
        "",
        f"{'seconds':<28}{'first call':>12}{'second call':>13}{'its CPU':>10}{'15-NN purity':>14}",
    ]
    for key, name in (("umap_learn", 'umap.UMAP(metric="cosine")'), ("embtune", "embtune umap_map")):
        lines.append(f"{name:<28}{first[key]:>12.2f}{second[key]:>13.2f}{cpu[key]:>10.2f}{pure[key]:>14.4f}")
    lines += [
        f"{'ratio':<28}{result['ratio_first_call']:>12.2f}{result['ratio_second_call']:>13.2f}"
        f"{'':>10}{result['purity_difference']:>+14.4f}",
        "",
        "first call: in a fresh process, imports and compiler included; second call: the work alone",
        f"umap-learn {result['umap_learn']}, numba {result['numba']}, torch {result['torch']}, "
        f"Python {result['python']}",
    ]
    return "\n".join(lines)


def main() -> None:
    """Parse the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, help="folder ag_news_seed; else a synthetic mixture")
    parser.add_argument("--n", type=int, default=20_000, help="how many records")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    parser.add_argument("--inside", nargs=2, metavar=("NAME", "DIR"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        run(arguments.inside[0], Path(arguments.inside[1]))
        return
    if arguments.n < 20:
        parser.error(f"--n is {arguments.n}; at least 20 records make a map worth timing")
    result = measure(arguments.data, arguments.n)
    print(json.dumps(result) if arguments.json else table(result))


if __name__ == "__main__":
    main()
