"""The published recipe from stored vectors against the way of its notebook, which encodes anew each epoch.

Both train the same head (skip connection, cosine triplet loss with hard mining, Adam 1e-3, batches of 128) on
the same labels of train.json and val.json, four in five to learn from and the rest to watch, for the same
number of epochs. Ours looks every vector up; the other has the frozen encoder in the loop, in float32, as
sentence-transformers comes. Of the latter a few epochs are timed and multiplied: each costs the same.

    python benchmarks/notebook_way.py --data DIR [--epochs 20] [--epochs-measured 1] [--limit N] [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
from corpus import LABELLED, TEMPLATE, facts, machine, markdown, say, seed_folder, seed_rows, texts_of
from numpy.typing import NDArray

BATCH = 128
MARGIN = 0.5
LR = 1e-3
VALIDATION = 0.2
ENDLESS = 1000


def notebook_epochs(
    texts: list[str], labels: NDArray[np.int64], train: Any, watched: Any, n_epochs: int
) -> tuple[list[float], list[float]]:
    """Return the seconds and the training loss of each epoch, with the encoder in the loop."""
    from embtune.embedding.device import pick_device
    from embtune.embedding.models import load_sentence_transformer, resolve_model
    from embtune.tuning import quaterion_compat  # noqa: F401  (mends what the imports below need)

    # isort: split
    import torch
    from quaterion.loss import TripletLoss
    from quaterion_models.heads import SkipConnectionHead

    kind = pick_device().kind
    encoder = load_sentence_transformer(resolve_model(), kind)
    torch.manual_seed(0)
    head = SkipConnectionHead(int(encoder.get_embedding_dimension())).to(kind)
    loss_of = TripletLoss(margin=MARGIN, distance_metric_name="cosine", mining="hard")
    optimizer = torch.optim.Adam(head.parameters(), lr=LR)

    def loss_on(rows: NDArray[np.int64]) -> Any:
        vectors = encoder.encode(
            [texts[i] for i in rows], batch_size=BATCH, convert_to_tensor=True, show_progress_bar=False
        )
        groups = torch.from_numpy(labels[rows]).to(kind)
        return loss_of(head(vectors.clone()), groups)

    rng = np.random.default_rng(0)
    encoder.encode(texts[:BATCH], show_progress_bar=False)  # what only the first call costs is not timed
    seconds, losses = [], []
    for epoch in range(n_epochs):
        began, order, here = time.perf_counter(), rng.permutation(train), []
        head.train()
        for start in range(0, len(order), BATCH):
            loss = loss_on(order[start : start + BATCH])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            here.append(float(loss.detach()))
        head.eval()
        with torch.no_grad():
            for start in range(0, len(watched), BATCH):
                float(loss_on(watched[start : start + BATCH]))
        seconds.append(time.perf_counter() - began)
        losses.append(statistics.mean(here))
        say(f"notebook's way, epoch {epoch + 1}: {seconds[-1]:.1f} s, loss {losses[-1]:.4f}")
    return seconds, losses


def measure(folder: Path, epochs: int, epochs_measured: int, limit: int | None) -> dict[str, Any]:
    """Time both on the same labels."""
    from embtune.embedding.device import pick_device
    from embtune.embedding.encoder import Encoder
    from embtune.embedding.models import resolve_model
    from embtune.tuning.data import TrainingSet, stratified_split
    from embtune.tuning.recipes import RECIPES

    rows = seed_rows(folder, *LABELLED)
    if limit is not None:
        rows = [rows[i] for i in np.random.default_rng(0).permutation(len(rows))[:limit]]
    texts = texts_of(rows, TEMPLATE)
    names, labels = np.unique([row["label"] for row in rows], return_inverse=True)
    labels = labels.astype(np.int64)
    device = pick_device()
    encoder = Encoder.load(resolve_model(), device)
    encoder.encode(texts[:BATCH])
    began = time.perf_counter()
    vectors = encoder.encode(texts)
    encode_seconds = time.perf_counter() - began
    say(f"encoding once: {encode_seconds:.1f} s")
    everything = np.arange(len(rows))
    training = TrainingSet(everything, labels, np.ones(len(rows), dtype=np.float32), tuple(names.tolist()))
    recipe = RECIPES["quaterion-triplet"]
    fixed = {"batch_size": BATCH, "margin": MARGIN, "lr": LR, "validation": VALIDATION, "patience": ENDLESS}
    recipe.fit(vectors, training, parameters=fixed | {"max_epochs": 1}, seed=0, device=device)  # imports
    made = recipe.fit(vectors, training, parameters=fixed | {"max_epochs": epochs}, seed=0, device=device)
    say(f"embtune, {len(made.curve)} epochs: {made.seconds:.1f} s")
    split = stratified_split(labels, validation=VALIDATION, seed=0)
    seconds, losses = notebook_epochs(texts, labels, split.train, split.validation, epochs_measured)
    theirs = statistics.mean(seconds) * epochs
    return {
        "benchmark": "notebook_way",
        "n_labels": len(rows),
        "epochs": epochs,
        "epochs_measured": epochs_measured,
        "encode_precision": encoder.dtype,
        "encode_seconds": round(encode_seconds, 2),
        "fit_seconds": round(made.seconds, 2),
        "notebook_epoch_seconds": [round(value, 2) for value in seconds],
        "notebook_seconds": round(theirs, 1),
        "first_epoch_loss": {
            "embtune": round(made.curve[0]["train_loss"], 4),
            "notebook": round(losses[0], 4),
        },
        "ratio": round(theirs / made.seconds, 1),
        "ratio_with_encoding": round(theirs / (made.seconds + encode_seconds), 1),
        "machine": machine(),
    }


def table(result: dict[str, Any]) -> str:
    """Return the figures for people."""
    epochs, measured = result["epochs"], result["epochs_measured"]
    lines = [
        [f"the notebook's way, {epochs} epochs", f"{result['notebook_seconds']:.1f}", "1"],
        [
            "embtune, encoding once included",
            f"{result['encode_seconds'] + result['fit_seconds']:.1f}",
            f"{result['ratio_with_encoding']:.1f}",
        ],
        ["embtune, vectors stored", f"{result['fit_seconds']:.1f}", f"{result['ratio']:.1f}"],
    ]
    losses = result["first_epoch_loss"]
    return "\n".join(
        [
            markdown(["", "seconds", "times faster"], lines),
            "",
            f"{result['n_labels']:,} labels; of the notebook's way {measured} of {epochs} epochs measured "
            + f"(mean {statistics.mean(result['notebook_epoch_seconds']):.1f} s) "
            + ("and multiplied" if measured != epochs else ""),
            f"mean loss in epoch 1: embtune {losses['embtune']}, the notebook's way {losses['notebook']}",
            f"encoded once in {result['encode_precision']}, in the notebook's way in float32",
            facts(result["machine"]),
        ]
    )


def main() -> None:
    """Parse the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder ag_news_seed")
    parser.add_argument("--epochs", type=int, default=20, help="epochs of the training")
    parser.add_argument("--epochs-measured", type=int, default=1, help="epochs timed of the notebook's way")
    parser.add_argument("--limit", type=int, help="take only so many labels, to try the script")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    arguments = parser.parse_args()
    if not 1 <= arguments.epochs_measured <= arguments.epochs:
        parser.error("--epochs-measured must be from 1 to --epochs")
    result = measure(
        seed_folder(arguments.data), arguments.epochs, arguments.epochs_measured, arguments.limit
    )
    print(json.dumps(result) if arguments.json else table(result))


if __name__ == "__main__":
    main()
