"""A trained head as an affine map, on disk, and as models that other programs load."""

from __future__ import annotations

import json
import shutil
import uuid
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadFileError, BadInputError, ModelError, StorageError
from embtune.progress import Report, silent

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Matrix = NDArray[np.float32]

_WEIGHTS_FILE = "head.safetensors"
_ABOUT_FILE = "head.json"
_BLOCK_ROWS = 65_536


HEAD_CLASSES = {
    "skip-connection": "SkipConnectionHead",
    "gated": "GatedHead",
    "widening": "WideningHead",
    "stacked": "StackedProjectionHead",
    "none": "EmptyHead",
}
"""Quaterion's class for each kind of head."""


@dataclass(frozen=True)
class Head:
    """A trained Quaterion head: its constructor's arguments and its weights by name."""

    config: dict[str, Any]
    state: dict[str, NDArray[np.float32]]
    kind: str = "skip-connection"
    """A key of `HEAD_CLASSES`."""


def head_affine(head: Head) -> tuple[Matrix, Matrix]:
    """Fold a head into one affine map: what it makes of x, once trained, is `weight @ x + bias`.

    Returns
    -------
    weight, bias
        Shapes (d_out, d_in) and (d_out,).

    Raises
    ------
    ValueError
        If it does not fold (it bends between its layers), or the weights are not those of a head of this
        configuration.
    """
    layers = head_layers(head)
    if len(layers) > 1:
        raise ValueError(f"a {head.kind} head of {len(layers)} layers is no affine map")
    return layers[0]


def head_layers(head: Head) -> list[tuple[Matrix, Matrix]]:
    """Return what a trained head computes as (weight, bias) layers, with ReLU between them.

    Dropout does nothing after training; what has no bend between its parts is folded into one layer.

    Raises
    ------
    ValueError
        If the weights are not those of a head of this configuration.
    """
    size = int(head.config["input_embedding_size"])
    if head.kind == "none":
        return [(np.eye(size, dtype=np.float32), np.zeros(size, dtype=np.float32))]
    if head.kind == "gated":
        gates = np.tanh(_weights(head, "gates", (size,)))
        return [(np.diag(gates).astype(np.float32), np.zeros(size, dtype=np.float32))]
    if head.kind in ("widening", "stacked"):
        return _stack(head, size)
    if head.kind == "skip-connection":
        return [_folded_blocks(head, size)]
    raise ValueError(f"there is no kind of head {head.kind!r}")


def transform_head(head: Head, vectors: NDArray[np.floating], *, report: Report = silent) -> Matrix:
    """Apply a head of any kind to every row; parameters and result as in `apply_head`."""
    return _apply_layers(vectors, head_layers(head), report)


def head_module(head: Head) -> Any:
    """Return a head as Quaterion's own module, with its weights."""
    import torch

    from embtune.tuning import quaterion_compat  # noqa: F401

    # isort: split
    from quaterion_models import heads
    from quaterion_models.heads.empty_head import EmptyHead

    cls = EmptyHead if head.kind == "none" else getattr(heads, HEAD_CLASSES[head.kind])
    module = cls(**head.config)
    module.load_state_dict({name: torch.from_numpy(value) for name, value in head.state.items()})
    return module


def _stack(head: Head, size: int) -> list[tuple[Matrix, Matrix]]:
    if head.config["activation_fn"] != "relu":
        raise ValueError(f"the head's activation must be relu, not {head.config['activation_fn']!r}")
    layers = []
    for index, wide in enumerate(head.config["output_sizes"]):
        weight = _weights(head, f"_stack.{2 * index}.weight", (int(wide), size))
        bias = _weights(head, f"_stack.{2 * index}.bias", (int(wide),))
        layers.append((weight.astype(np.float32), bias.astype(np.float32)))
        size = int(wide)
    return layers


def _folded_blocks(head: Head, size: int) -> tuple[Matrix, Matrix]:
    """Fold blocks that each compute `x + sigmoid(gates) * (W x + b)`, in float64."""
    weight, bias = np.eye(size), np.zeros(size)
    for layer in range(int(head.config["n_layers"])):
        gates = 1.0 / (1.0 + np.exp(-_weights(head, f"gates_{layer}", (size,))))
        block = np.eye(size) + gates[:, None] * _weights(head, f"fc_{layer}.weight", (size, size))
        weight = block @ weight
        bias = block @ bias + gates * _weights(head, f"fc_{layer}.bias", (size,))
    return weight.astype(np.float32), bias.astype(np.float32)


def apply_head(
    vectors: NDArray[np.floating], weight: Matrix, bias: Matrix, *, report: Report = silent
) -> Matrix:
    """Apply a folded head to every row.

    Parameters
    ----------
    vectors
        Shape (n, d_in), rows of unit length; read in blocks, so that it may be memory-mapped.
    report
        Told after every block, in rows.

    Returns
    -------
    Matrix
        Shape (n, d_out), float32, rows of unit length (a row that the head maps to zero stays zero).
    """
    return _apply_layers(vectors, [(weight, bias)], report)


def _apply_layers(
    vectors: NDArray[np.floating], layers: list[tuple[Matrix, Matrix]], report: Report
) -> Matrix:
    weight, bias = layers[-1]
    tuned = np.empty((len(vectors), len(bias)), dtype=np.float32)
    widest = max(len(bias) for _, bias in layers[:-1]) if len(layers) > 1 else len(bias)
    rows = max(1, _BLOCK_ROWS * len(bias) // max(widest, len(bias)))
    for start in range(0, len(vectors), rows):
        block = tuned[start : start + rows]
        given = np.asarray(vectors[start : start + rows], dtype=np.float32)
        for inner_weight, inner_bias in layers[:-1]:
            given = given @ inner_weight.T
            given += inner_bias
            np.maximum(given, 0, out=given)
        np.matmul(given, weight.T, out=block)
        block += bias
        length = np.linalg.norm(block, axis=1, keepdims=True)
        np.divide(block, length, out=block, where=length > 0)
        report(start + len(block), len(vectors), "records", "applying the head")
    return tuned


def save_head(folder: Path, head: Head) -> None:
    """Write a head into a folder: `head.safetensors` holds the weights, `head.json` the configuration."""
    from safetensors.numpy import save_file

    save_file(
        {name: np.ascontiguousarray(value) for name, value in head.state.items()}, folder / _WEIGHTS_FILE
    )
    about = {"kind": head.kind, "config": head.config}
    (folder / _ABOUT_FILE).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def load_head(folder: Path) -> Head:
    """Read a head that `save_head` wrote; nothing in the folder is executed.

    Raises
    ------
    BadFileError
        If a file is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        about = json.loads((folder / _ABOUT_FILE).read_text(encoding="utf-8"))
        head = Head(
            config=about["config"],
            state=load_file(folder / _WEIGHTS_FILE),
            kind=about.get("kind", "skip-connection"),
        )
        head_layers(head)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise BadFileError(f"The head in {folder} cannot be read: {error}. Tune again.") from error
    return head


def save_servable(folder: Path, head: Head, model_path: str) -> None:
    """Write a Quaterion servable: `SimilarityModel.load(folder).encode(texts)` gives the tuned vectors.

    It holds the text encoder itself; to load it, `embtune` must be importable. Quaterion's head does not
    normalise, so the vectors point where the app's do, but are not of unit length.

    Parameters
    ----------
    folder
        Made here; nothing or an empty folder may be there.
    model_path
        The base model that the raw vectors came from: a folder or a name.

    Raises
    ------
    ModelError
        If the base model cannot be loaded, or makes vectors of another length than the head takes.
    BadInputError, StorageError
        As `save_head`.
    """
    module = head_module(head)

    from quaterion_models import SimilarityModel

    from embtune.tuning.text_encoder import TextEncoder

    encoder = TextEncoder(_load_base(model_path, head))
    with whole_folder(folder) as unfinished:
        SimilarityModel(encoders=encoder, head=module).save(str(unfinished))


def save_sentence_transformer(folder: Path, head: Head, model_path: str) -> None:
    """Write a folder that `SentenceTransformer(folder).encode(texts)` loads, giving the app's tuned vectors.

    The base model's modules stay as they are; after them come Normalize (the head was trained on vectors of
    unit length), the head as Dense modules (one, if it folds), and Normalize.

    Parameters, errors: as `save_servable`.
    """
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Dense, Normalize

    base = _load_base(model_path, head)
    layers = head_layers(head)
    modules = dict(base.named_children())
    added: list[torch.nn.Module] = []
    if base.truncate_dim is not None:  # encode would cut after the head, where it must be before
        with base.truncate_embeddings(None):
            full = base.get_embedding_dimension() or base.truncate_dim
        cut = torch.eye(base.truncate_dim, full)
        added.append(Dense(full, base.truncate_dim, False, torch.nn.Identity(), init_weight=cut))
    if added or not isinstance(list(modules.values())[-1], Normalize):
        added.append(Normalize())
    for index, (weight, bias) in enumerate(layers):
        is_last = index == len(layers) - 1
        added.append(
            Dense(
                weight.shape[1],
                weight.shape[0],
                activation_function=torch.nn.Identity() if is_last else torch.nn.ReLU(),
                init_weight=torch.from_numpy(weight),
                init_bias=torch.from_numpy(bias),
            )
        )
    added.append(Normalize())
    for module in added:
        modules[f"tuned_{len(modules)}"] = module
    tuned = SentenceTransformer(
        modules=OrderedDict(modules),  # type: ignore[arg-type]  # names matter to `module_kwargs`
        device="cpu",
        prompts={name: prompt or "" for name, prompt in base.prompts.items()},
        default_prompt_name=base.default_prompt_name,
        similarity_fn_name="cosine",
    )
    tuned.module_kwargs = base.module_kwargs
    with whole_folder(folder) as unfinished:
        tuned.save(str(unfinished), create_model_card=False)


def _load_base(model_path: str, head: Head) -> SentenceTransformer:
    import torch
    from sentence_transformers import SentenceTransformer

    try:
        base = SentenceTransformer(model_path, device="cpu", model_kwargs={"dtype": torch.float32})
    except Exception as error:  # the loaders raise whatever their many formats raise
        raise ModelError(f"The embedding model {model_path!r} cannot be loaded: {error}") from error
    size, expected = base.get_embedding_dimension(), head.config["input_embedding_size"]
    if size != expected:
        raise ModelError(
            f"The embedding model {model_path!r} makes vectors of {size} numbers, but the head was trained "
            f"on {expected}: give the model that the project was embedded with."
        )
    return base


def _weights(head: Head, name: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    value = head.state.get(name)
    if value is None or value.shape != shape:
        found = "absent" if value is None else f"of shape {value.shape}"
        raise ValueError(f"the head's weights {name!r} must have shape {shape}, but they are {found}")
    return value.astype(np.float64)


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Give a folder to fill, which takes its name once the block is done and vanishes if the block fails."""
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInputError(f"{folder} is already there and not empty: choose another folder.")
    unfinished = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}.unfinished")
    try:
        unfinished.mkdir(parents=True)
        yield unfinished
        unfinished.replace(folder)
    except OSError as error:
        raise StorageError(f"{folder} cannot be written: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
