"""SetFit, written anew: few-shot fine-tuning of a sentence encoder by pairs, then logistic regression.

Tunstall et al. (2022), Efficient few-shot learning without prompts, arXiv:2209.11055, with the numbers of
their released code: for every labelled text and each of 20 rounds a pair with a text of its class (target
cosine 1) and a pair with one of another class (target 0), one epoch over them in batches of 16 pairs, squared
error of the cosine, AdamW at 2e-5 with a tenth of the steps as warm-up. The package itself (setfit 1.1.3, the
latest when this was written) cannot be imported beside transformers 5.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

WARM_UP = 0.1
WEIGHT_DECAY = 0.01


@dataclass(frozen=True)
class Fitted:
    """Predictions for the other texts, and what they cost."""

    predicted: NDArray[Any]
    train_seconds: float
    encode_seconds: float
    losses: tuple[float, ...]
    """Mean loss of each tenth of the steps: whether it learned at all."""


def contrastive_pairs(
    labels: NDArray[Any], iterations: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Return the pairs, shuffled: two positions and 1 for the same class or 0, each (2 * iterations * m,).

    A class of one label pairs with itself, as there is nothing else to pull it to.
    """
    rng = np.random.default_rng(seed)
    positions = np.arange(len(labels))
    left, right, same = [], [], []
    for i in positions:
        alike = positions[(labels == labels[i]) & (positions != i)]
        other = positions[labels != labels[i]]
        left.append(np.full(2 * iterations, i))
        right.append(rng.choice(alike if len(alike) else [i], iterations))
        right.append(rng.choice(other, iterations))
        same.append(np.repeat([1, 0], iterations))
    order = rng.permutation(2 * iterations * len(labels))
    return (
        np.concatenate(left)[order],
        np.concatenate(right)[order],
        np.concatenate(same)[order].astype(np.float32),
    )


def fit_predict(
    texts: Sequence[str],
    labels: Sequence[str],
    others: Sequence[str],
    *,
    seed: int = 0,
    iterations: int = 20,
    batch_size: int = 16,
    lr: float = 2e-5,
) -> Fitted:
    """Fine-tune the default encoder on labelled texts, and predict the others' classes."""
    import torch
    from sklearn.linear_model import LogisticRegression

    from embtune.embedding.device import pick_device
    from embtune.embedding.models import load_sentence_transformer, resolve_model

    known = np.asarray(labels)
    if len(np.unique(known)) < 2:
        raise SystemExit("SetFit needs labels of at least two classes.")
    device = pick_device()

    def precision() -> Any:
        # Entered anew each step: one autocast around a whole training keeps stale casts of the weights.
        return torch.autocast(device.kind, dtype=torch.bfloat16) if device.bfloat16 else nullcontext()

    torch.manual_seed(seed)
    model = load_sentence_transformer(resolve_model(), device.kind)
    began = time.perf_counter()
    left, right, same = contrastive_pairs(known, iterations, seed)
    n_steps = -(-len(same) // batch_size)
    optimizer = torch.optim.AdamW(_groups(model), lr=lr)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, _warm_up_then_down(n_steps))
    model.train()
    losses = []
    for start in range(0, len(same), batch_size):
        part = slice(start, start + batch_size)
        batch = [texts[i] for i in (*left[part].tolist(), *right[part].tolist())]
        features = {
            key: value.to(device.kind) if isinstance(value, torch.Tensor) else value
            for key, value in model.preprocess(batch).items()
        }
        with precision():
            vectors = model(features)["sentence_embedding"].float()
        half = len(batch) // 2
        cosine = torch.nn.functional.cosine_similarity(vectors[:half], vectors[half:])
        loss = torch.nn.functional.mse_loss(cosine, torch.from_numpy(same[part]).to(device.kind))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses.append(float(loss.detach()))
    trained = time.perf_counter()
    model.eval()
    with precision():
        encoded = np.asarray(
            model.encode([*texts, *others], batch_size=64, show_progress_bar=False), dtype=np.float32
        )
    head = LogisticRegression(max_iter=300).fit(encoded[: len(texts)], known)
    return Fitted(
        predicted=head.predict(encoded[len(texts) :]),
        train_seconds=trained - began,
        encode_seconds=time.perf_counter() - trained,
        losses=tuple(round(float(part.mean()), 4) for part in np.array_split(losses, min(10, len(losses)))),
    )


def _groups(model: Any) -> list[dict[str, Any]]:
    """Part the weights into those that decay and those (biases, norms) that do not."""
    decays = [p for p in model.parameters() if p.requires_grad and p.ndim > 1]
    stays = [p for p in model.parameters() if p.requires_grad and p.ndim <= 1]
    return [{"params": decays, "weight_decay": WEIGHT_DECAY}, {"params": stays, "weight_decay": 0.0}]


def _warm_up_then_down(n_steps: int) -> Any:
    first = max(1, round(WARM_UP * n_steps))
    return lambda step: (
        (step + 1) / first if step < first else max(0.0, (n_steps - step) / max(1, n_steps - first))
    )
