"""Encoding speed: embtune's encoder against `SentenceTransformer.encode` as it comes.

Both read the same texts in the same run, in turns, after a warm-up; the figure is the ratio of the
median records/s. The goal, 3× or more, is for a CPU (or GPU) with native bfloat16; elsewhere both
compute in float32, and the table says so.

    python benchmarks/encode.py [--data DIR] [--n 1500] [--rounds 3] [--json]
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from embtune.embedding.device import cpu_flags, has_fast_bfloat16, n_cores, pick_device
from embtune.embedding.encoder import Encoder
from embtune.embedding.models import load_sentence_transformer, resolve_model
from embtune.records.sample import sample_rows

WARM_UP_RECORDS = 128


def texts_of(folder: Path | None, n: int) -> tuple[str, list[str]]:
    """Return where the texts are from, and n of them."""
    if folder is not None:
        file = next(
            (f for f in (folder / "test.json", folder / "ag_news_seed" / "test.json") if f.is_file()), None
        )
        if file is None:
            raise SystemExit(f"There is no test.json in {folder}: give the folder ag_news_seed.")
        rows = json.loads(file.read_text(encoding="utf-8"))
        texts = [f"{row['Title']}. {row['Description']}" for row in rows]
        if len(texts) < n:
            raise SystemExit(f"{file} has {len(texts)} records, fewer than --n {n}.")
        return file.name, texts[:n]
    rows = sample_rows()
    # The sample is smaller than n: each further round over it reads a little differently.
    texts = [
        f"{rows[i % len(rows)]['title']}. {rows[i % len(rows)]['description']}"
        + (f" Edition {i // len(rows) + 1}." if i >= len(rows) else "")
        for i in range(n)
    ]
    return "the bundled sample", texts


def timed(encode: Callable[[list[str]], Any], texts: list[str]) -> tuple[float, np.ndarray]:
    """Return records/s and the vectors."""
    start = time.perf_counter()
    vectors = np.asarray(encode(texts))
    return len(texts) / (time.perf_counter() - start), vectors


def measure(folder: Path | None, n: int, rounds: int) -> dict[str, Any]:
    """Run both in turns and return every figure."""
    source, texts = texts_of(folder, n)
    device = pick_device()
    model = resolve_model()
    ours = Encoder.load(model, device)
    theirs = load_sentence_transformer(model, device.kind)
    ours.encode(texts[:WARM_UP_RECORDS])
    theirs.encode(texts[:WARM_UP_RECORDS], show_progress_bar=False)
    speeds: dict[str, list[float]] = {"embtune": [], "sentence_transformers": []}
    for done in range(rounds):
        speed, ours_vectors = timed(ours.encode, texts)
        speeds["embtune"].append(round(speed, 1))
        speed, theirs_vectors = timed(lambda t: theirs.encode(t, show_progress_bar=False), texts)
        speeds["sentence_transformers"].append(round(speed, 1))
        print(f"round {done + 1} of {rounds} done", file=sys.stderr)
    theirs_vectors = theirs_vectors / np.linalg.norm(theirs_vectors, axis=1, keepdims=True)
    medians = {name: statistics.median(rates) for name, rates in speeds.items()}
    return {
        "benchmark": "encode",
        "texts": source,
        "n_records": n,
        "rounds": rounds,
        "records_per_second": speeds,
        "median_records_per_second": medians,
        "ratio": round(medians["embtune"] / medians["sentence_transformers"], 2),
        "min_cosine": round(float((ours_vectors * theirs_vectors).sum(axis=1).min()), 6),
        "compute_type": ours.dtype,
        "device": device.name,
        "device_bfloat16": device.bfloat16,
        "cores": n_cores(),
        "cpu_bfloat16": has_fast_bfloat16(cpu_flags()),
        "python": platform.python_version(),
        "torch": version("torch"),
        "sentence_transformers": version("sentence-transformers"),
        "model": model.name,
    }


def table(result: dict[str, Any]) -> str:
    """Return the figures for people."""
    medians = result["median_records_per_second"]
    rows = [
        ("SentenceTransformer.encode, records/s", f"{medians['sentence_transformers']:.1f}"),
        (f"embtune ({result['compute_type']}), records/s", f"{medians['embtune']:.1f}"),
        ("ratio", f"{result['ratio']:.2f}"),
        ("smallest cosine between the two", f"{result['min_cosine']:.6f}"),
        ("texts", f"{result['n_records']} of {result['texts']}, median of {result['rounds']} rounds"),
        ("device", result["device"]),
        ("native bfloat16: device, CPU", f"{result['device_bfloat16']}, {result['cpu_bfloat16']}"),
        (
            "versions",
            f"torch {result['torch']}, sentence-transformers {result['sentence_transformers']}, "
            f"Python {result['python']}",
        ),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def main() -> None:
    """Parse the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--data", type=Path, help="folder with test.json of ag_news_seed; else the bundled sample"
    )
    parser.add_argument("--n", type=int, default=1500, help="how many texts")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    arguments = parser.parse_args()
    result = measure(arguments.data, arguments.n, arguments.rounds)
    print(json.dumps(result) if arguments.json else table(result))


if __name__ == "__main__":
    main()
