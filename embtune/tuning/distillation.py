"""Teach a small network behind the text encoder to give vectors that no such network made."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadInputError
from embtune.progress import Report, silent
from embtune.tuning.export import Head

Matrix = NDArray[np.float32]

MOST_RECORDS = 40_000
"""Records to learn from and to check on; of more, a sample."""
FEWEST_RECORDS = 10

_BENDS = 512  # hidden units beside those that pass the raw vector on
_BATCH = 128
_RATE = 1e-3
_MOST_EPOCHS = 30
_MOST_MULTIPLICATIONS = 7e11  # about a minute of two cores
_LEAST_STEPS = 200
_PATIENCE = 4
_NOISE = 0.4  # length of what is added to a raw vector where there are no more records than numbers in it


@dataclass(frozen=True)
class Distilled:
    """What came of it."""

    head: Head
    """Two layers with ReLU between them, of the kind `stacked`."""
    cosine: float
    """Mean cosine to the wanted vector, over the records held out."""
    loss: float
    """1 - cosine."""
    learned: NDArray[np.int64]
    """Rows it learned from, ascending."""
    held_out: NDArray[np.int64]
    """Rows it did not learn from and was checked on after every epoch, ascending."""
    curve: tuple[dict[str, float], ...]
    """One per epoch: `epoch`, `train_loss`, `validation_loss`, `seconds`."""
    best_epoch: int
    """0 where the linear map that it starts from was never beaten."""
    seconds: float


def distil(
    raw: NDArray[np.floating],
    tuned: NDArray[np.floating],
    *,
    seed: int = 0,
    held_out: float | NDArray[np.int64] = 0.1,
    device: str = "cpu",
    report: Report = silent,
) -> Distilled:
    """Learn to give a record's tuned vector from its raw vector alone.

    Parameters
    ----------
    raw, tuned
        Shapes (n, d) and (n, d_out), rows of unit length; both may be memory-mapped. Of more than
        `MOST_RECORDS`, a sample is read.
    held_out
        Share of the records, in (0, 1), or rows of them, that are not learned from: training stops when it
        no longer gets closer to them.
    seed
        Of the sample, the start and the order; equal seeds give equal heads on one device.
    report
        Told after every epoch; what it raises stops the work.

    Returns
    -------
    Distilled
        The head with its cosine on the records held out.

    Raises
    ------
    BadInputError
        If the shapes do not fit, or fewer than ten records are there.

    Notes
    -----
    Hinton, Vinyals and Dean (2015), arXiv:1503.02531, with vectors in place of class probabilities. The
    network starts as the best linear map: of its hidden units, 2 d carry the raw vector through the ReLU
    unchanged, as relu(x) - relu(-x), and the others have to earn their part.
    """
    import torch

    if raw.ndim != 2 or tuned.ndim != 2 or len(raw) != len(tuned):
        raise BadInputError(f"The vectors have the shapes {raw.shape} and {tuned.shape}: rows must pair up.")
    began = monotonic()
    rng = np.random.default_rng(seed)
    learned, held = _split(len(raw), held_out, rng)
    report(0, None, "epochs", "starting from a linear map")
    given = np.asarray(raw[learned], dtype=np.float32)
    wanted = np.asarray(tuned[learned], dtype=np.float32)
    start = _linear(given, wanted)
    x, y = torch.from_numpy(given).to(device), torch.from_numpy(wanted).to(device)
    x_held = torch.from_numpy(np.asarray(raw[held], dtype=np.float32)).to(device)
    y_held = torch.from_numpy(np.asarray(tuned[held], dtype=np.float32)).to(device)
    layers = [part.to(device).requires_grad_() for part in _start(*start, rng)]

    def apply(rows: Any) -> Any:
        hidden = torch.relu(torch.nn.functional.linear(rows, layers[0], layers[1]))
        made = torch.nn.functional.linear(hidden, layers[2], layers[3])
        return torch.nn.functional.normalize(made)

    def check() -> float:
        with torch.no_grad():
            parts = [
                (apply(a) * b).sum(1)
                for a, b in zip(torch.split(x_held, 4096), torch.split(y_held, 4096), strict=True)
            ]
        return float(torch.cat(parts).mean())

    size = sum(layer.numel() for layer in layers)
    epochs = int(np.clip(_MOST_MULTIPLICATIONS / (3 * size * len(learned)), 4, _MOST_EPOCHS))
    n_batches = -(-len(learned) // _BATCH)
    epochs = max(epochs, -(-_LEAST_STEPS // n_batches))
    steps = epochs * n_batches
    patience = max(_PATIENCE, epochs // 5)
    # Few records are learnt by heart; with some noise on them, their surroundings are learnt as well.
    noise = _NOISE * min(1.0, raw.shape[1] / len(learned)) ** 0.5 / raw.shape[1] ** 0.5
    torch_rng = torch.Generator(device).manual_seed(seed)
    optimizer = torch.optim.Adam(layers, lr=_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=steps, pct_start=0.1)
    best, best_epoch, kept = check(), 0, [layer.detach().clone() for layer in layers]
    curve: list[dict[str, float]] = []
    for epoch in range(1, epochs + 1):
        total = 0.0
        order = torch.from_numpy(rng.permutation(len(learned))).to(device)
        for i, part in enumerate(torch.split(order, _BATCH)):
            optimizer.zero_grad(set_to_none=True)
            shaken = torch.randn(len(part), raw.shape[1], generator=torch_rng, device=device)
            rows = torch.nn.functional.normalize(x[part] + noise * shaken)
            loss = 1 - (apply(rows) * y[part]).sum(1).mean()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += float(loss.detach()) * len(part)
            if i % 25 == 0:
                report(
                    epoch - 1 + i * _BATCH / len(learned), epochs, "epochs", "learning to give its vectors"
                )
        cosine = check()
        curve.append(
            {
                "epoch": epoch,
                "train_loss": round(total / len(learned), 5),
                "validation_loss": round(1 - cosine, 5),
                "seconds": round(monotonic() - began, 1),
            }
        )
        report(epoch, epochs, "epochs", "learning to give its vectors", {"curve": list(curve)})
        if cosine > best:
            best, best_epoch, kept = cosine, epoch, [layer.detach().clone() for layer in layers]
        elif epoch - best_epoch >= patience:
            break
    names = ("_stack.0.weight", "_stack.0.bias", "_stack.2.weight", "_stack.2.bias")
    return Distilled(
        head=Head(
            config={
                "input_embedding_size": int(raw.shape[1]),
                "output_sizes": [len(kept[1]), len(kept[3])],
                "activation_fn": "relu",
                "dropout": 0.0,
            },
            state={name: part.cpu().numpy() for name, part in zip(names, kept, strict=True)},
            kind="stacked",
        ),
        cosine=best,
        loss=1 - best,
        learned=learned,
        held_out=held,
        curve=tuple(curve),
        best_epoch=best_epoch,
        seconds=monotonic() - began,
    )


def _split(
    n: int, held_out: float | NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    if n < FEWEST_RECORDS:
        raise BadInputError(f"There are {n} records to learn from; it takes {FEWEST_RECORDS} at least.")
    if isinstance(held_out, np.ndarray):
        held = np.unique(held_out.astype(np.int64))
        if not 0 < len(held) < n or held[0] < 0 or held[-1] >= n:
            raise BadInputError(f"Of {n} records, some must be held out and some must not; got {len(held)}.")
    else:
        if not 0 < held_out < 1:
            raise BadInputError(f"The share held out is {held_out}; it must be between 0 and 1.")
        held = np.sort(rng.choice(n, max(1, round(held_out * min(n, MOST_RECORDS))), replace=False))
    learned = np.setdiff1d(np.arange(n), held)
    if len(learned) > MOST_RECORDS:
        learned = np.sort(rng.choice(learned, MOST_RECORDS, replace=False))
    return learned, held


def _linear(given: Matrix, wanted: Matrix) -> tuple[Matrix, Matrix]:
    """Return the affine map with the least squared error, weight (d_out, d) and bias (d_out,)."""
    center, target = given.mean(axis=0), wanted.mean(axis=0)
    centred = (given - center).astype(np.float32)
    square = (centred.T @ centred).astype(np.float64)
    # As much as one record more along every direction: decisive for few records, nothing for many.
    square[np.diag_indices_from(square)] += max(float(np.trace(square)) / len(given), 1e-9)
    weight = np.linalg.solve(square, (centred.T @ (wanted - target)).astype(np.float64)).T
    return weight.astype(np.float32), (target - weight @ center).astype(np.float32)


def _start(weight: Matrix, bias: Matrix, rng: np.random.Generator) -> list[Any]:
    """Return two layers that compute this affine map, with units to spare that do nothing yet."""
    import torch

    d = weight.shape[1]
    spare = rng.normal(size=(_BENDS, d)).astype(np.float32)  # of a unit vector: about -1 to 1
    eye = np.eye(d, dtype=np.float32)
    parts = [
        np.concatenate([eye, -eye, spare]),
        np.zeros(2 * d + _BENDS, dtype=np.float32),
        np.concatenate([weight, -weight, np.zeros((len(bias), _BENDS), dtype=np.float32)], axis=1),
        bias,
    ]
    return [torch.from_numpy(np.ascontiguousarray(part)) for part in parts]
