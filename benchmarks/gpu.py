"""What a CUDA device gains over its machine's CPU: encoding, tuning, training the encoder, exact search.

    python benchmarks/gpu.py [--data DIR] [--records 20000] [--cpu-records 1000] [--labels 10000]
                             [--big 1000000] [--queries 1024] [--allow-cpu] [--json]

Texts are those of ag_news_seed with --data, else the bundled sample repeated. The CPU encodes `--cpu-records`
of them and trains the encoder on as many, which are rates; all else it does in full. Each is done once
before it is timed, but for the trainings, whose imports are.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from corpus import (
    LABELLED,
    REFERENCE,
    TEMPLATE,
    facts,
    home_folder,
    machine,
    markdown,
    say,
    seed_folder,
    seed_rows,
    texts_of,
)
from numpy.typing import NDArray

K = 1000
DIM = 384
WARM_UP = 256


def records_of(folder: Path | None, n: int) -> tuple[str, list[str], list[str]]:
    """Return where the texts are from, n texts (fewer if there are fewer) and their classes."""
    if folder is not None:
        rows = seed_rows(seed_folder(folder), *LABELLED, REFERENCE)[:n]
        return "ag_news_seed", texts_of(rows, TEMPLATE), [row["label"] for row in rows]
    from embtune.records.sample import sample_rows

    rows = sample_rows()
    picked = [rows[i % len(rows)] for i in range(n)]
    texts = [f"{row['title']}. {row['description']} No. {i}." for i, row in enumerate(picked)]
    return "the bundled sample, repeated", texts, [row["topic"] for row in picked]


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return seconds and the result; every work here brings its result back to the CPU, so it has ended."""
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def encode(device: Any, texts: list[str]) -> tuple[dict[str, Any], NDArray[np.float32]]:
    """Return records/s and the vectors."""
    from embtune.embedding.encoder import Encoder
    from embtune.embedding.models import resolve_model

    encoder = Encoder.load(resolve_model(), device)
    encoder.encode(texts[:WARM_UP])
    seconds, vectors = timed(lambda: encoder.encode(texts))
    return {"value": len(texts) / seconds, "note": f"{len(texts):,} texts, {encoder.dtype}"}, vectors


def tune(
    device: Any, recipe: str, parameters: dict[str, Any], vectors: Any, texts: list[str], labels: list[str]
) -> Any:
    """Tune once and return what came of it."""
    from embtune.embedding.models import resolve_model
    from embtune.tuning.data import TrainingSet
    from embtune.tuning.model import Corpus
    from embtune.tuning.recipes import RECIPES

    names, known = np.unique(labels, return_inverse=True)
    rows = np.arange(len(labels))
    weights = np.ones(len(labels), dtype=np.float32)
    training = TrainingSet(rows, known.astype(np.int64), weights, tuple(names.tolist()))
    corpus = Corpus(
        texts=lambda asked: texts if asked is None else [texts[i] for i in asked],
        model_path=resolve_model().path,
    )
    return RECIPES[recipe].fit(vectors, training, parameters=parameters, seed=0, device=device, corpus=corpus)


def tune_head(device: Any, vectors: Any, texts: list[str], labels: list[str]) -> dict[str, Any]:
    """Return the seconds of the published recipe."""
    few = {"max_epochs": 1}
    tune(device, "quaterion-triplet", few, vectors[:WARM_UP], texts[:WARM_UP], labels[:WARM_UP])
    seconds, made = timed(lambda: tune(device, "quaterion-triplet", {}, vectors, texts, labels))
    return {"value": seconds, "note": f"{len(labels):,} labels, {len(made.curve)} epochs"}


def tune_encoder(device: Any, vectors: Any, texts: list[str], labels: list[str]) -> dict[str, Any] | None:
    """Return labels/s of one epoch in which the encoder is trained; encoding all anew is left out."""
    from embtune.tuning.recipes import RECIPES

    if "quaterion" not in RECIPES:
        return None
    epoch = {"encoder": "all", "epochs_encoder": 1, "validation": 0}
    few = [part[:WARM_UP] for part in (vectors, texts, labels)]
    tune(device, "quaterion", epoch, *few)
    made = tune(device, "quaterion", epoch, vectors, texts, labels)
    seconds = made.curve[-1]["seconds"] if made.curve else made.seconds
    return {
        "value": len(labels) / seconds,
        "seconds": seconds,
        "note": f"{len(labels):,} labels, {seconds:.1f} s",
    }


def search(device: Any, n: int, n_queries: int) -> dict[str, Any]:
    """Return queries/s of exact search, the matrix's way to the device included."""
    from embtune.neighbors.exact import nearest

    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((n, DIM), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    asked = np.sort(rng.choice(n, min(n_queries, n), replace=False))
    k = min(K, n - 1)
    nearest(vectors, k, queries=asked[:8], device=device.kind)
    seconds, _ = timed(lambda: nearest(vectors, k, queries=asked, device=device.kind))
    return {"value": len(asked) / seconds, "note": f"{len(asked):,} queries at once, k = {k:,}"}


def measure(arguments: argparse.Namespace, devices: list[Any]) -> dict[str, Any]:
    """Run everything on every device."""
    source, texts, labels = records_of(arguments.data, arguments.records)
    rows: dict[str, dict[str, Any]] = {}
    vectors = None
    for device in devices:
        where = device.kind

        def add(name: str, unit: str, figures: dict[str, Any] | None, where: str = where) -> None:
            say(f"{where}, {name}: {figures or 'not registered'}")
            if figures is not None:
                rows.setdefault(name, {"unit": unit})[where] = figures

        n_rate = len(texts) if where == "cuda" else min(arguments.cpu_records, len(texts))
        figures, made = encode(device, texts[:n_rate])
        add("encode", "records/s", figures)
        if vectors is None:  # of the first device: the GPU, or the CPU alone
            vectors = made
        n_labels = min(arguments.labels, len(vectors))
        add(
            "quaterion-triplet",
            "s",
            tune_head(device, vectors[:n_labels], texts[:n_labels], labels[:n_labels]),
        )
        n_rate = min(n_labels, n_rate)
        add(
            "quaterion, encoder=all, an epoch",
            "labels/s",
            tune_encoder(device, vectors[:n_rate], texts[:n_rate], labels[:n_rate]),
        )
        for n in (min(20_000, arguments.big), arguments.big):
            add(f"exact search, {n:,} x {DIM}", "queries/s", search(device, n, arguments.queries))
    for row in rows.values():
        if {"cuda", "cpu"} <= row.keys():
            ratio = row["cuda"]["value"] / row["cpu"]["value"]
            row["ratio"] = round(1 / ratio if row["unit"] == "s" else ratio, 1)
    return {"benchmark": "gpu", "texts": source, "rows": rows, "machine": machine()}


def table(result: dict[str, Any]) -> str:
    """Return the figures for people."""
    lines = []
    for name, row in result["rows"].items():
        cells = [name, row["unit"]]
        for where in ("cuda", "cpu"):
            figures = row.get(where)
            cells.append(f"{figures['value']:,.1f} ({figures['note']})" if figures else "")
        lines.append([*cells, str(row.get("ratio", ""))])
    return "\n".join(
        [
            markdown(["", "unit", "GPU", "CPU", "times faster"], lines),
            "",
            f"texts: {result['texts']}; {facts(result['machine'])}",
        ]
    )


def main() -> None:
    """Parse the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, help="folder ag_news_seed; else the bundled sample")
    parser.add_argument("--records", type=int, default=20_000, help="texts that the GPU encodes")
    parser.add_argument("--cpu-records", type=int, default=1000, help="texts that the CPU encodes")
    parser.add_argument("--labels", type=int, default=10_000, help="labels to tune on")
    parser.add_argument("--big", type=int, default=1_000_000, help="rows of the larger search")
    parser.add_argument("--queries", type=int, default=1024, help="queries of a search")
    parser.add_argument("--allow-cpu", action="store_true", help="run on the CPU alone where there is no GPU")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    arguments = parser.parse_args()
    import torch

    from embtune.embedding.device import pick_device

    has_gpu = torch.cuda.is_available()
    if not has_gpu and not arguments.allow_cpu:
        raise SystemExit(
            "There is no CUDA device that this torch can use; --allow-cpu runs it on the CPU alone."
        )
    with home_folder():
        devices = [pick_device(kind) for kind in (("cuda", "cpu") if has_gpu else ("cpu",))]
        result = measure(arguments, devices)
    print(json.dumps(result) if arguments.json else table(result))


if __name__ == "__main__":
    main()
