"""Which weights of a base model are trained, and how fast. Importing this costs seconds."""

from __future__ import annotations

from typing import Any

from torch import nn

from embtune.errors import ModelError


def parameter_groups(
    model: Any, *, which: str, n_layers: int, lr: float, layer_decay: float
) -> list[dict[str, Any]]:
    """Choose the weights to train, freeze the others, and say how fast each learns.

    Parameters
    ----------
    model
        A SentenceTransformer.
    which
        `all`, or `last layers` for the last `n_layers` of the transformer and what follows it.
    lr, layer_decay
        The last layer learns at `lr`, each one before it `layer_decay` times as fast as the next; what lies
        before the first layer is one more step away.

    Returns
    -------
    list
        Groups for an optimizer, each with `lr`.

    Raises
    ------
    ModelError
        If the model has no transformer.
    """
    layers = _layers(model)
    depth_of = {
        id(parameter): depth
        for depth, layer in enumerate(layers, start=1)
        for parameter in layer.parameters()
    }
    first = 0 if which == "all" else max(1, len(layers) - n_layers + 1)
    by_depth: dict[int, list[nn.Parameter]] = {}
    seen_layer = False
    for parameter in model.parameters():  # in the order in which they are used
        seen_layer = seen_layer or id(parameter) in depth_of
        depth = depth_of.get(id(parameter), len(layers) if seen_layer else 0)
        parameter.requires_grad_(depth >= first)
        if depth >= first:
            by_depth.setdefault(depth, []).append(parameter)
    return [
        {"params": parameters, "lr": lr * layer_decay ** (len(layers) - depth)}
        for depth, parameters in sorted(by_depth.items())
    ]


def _layers(model: Any) -> nn.ModuleList:
    transformer = model.transformers_model
    lists = (
        [module for module in transformer.modules() if isinstance(module, nn.ModuleList)]
        if transformer is not None
        else []
    )
    if not lists:
        raise ModelError("This model has no transformer: its encoder cannot be trained.")
    return max(lists, key=lambda module: sum(parameter.numel() for parameter in module.parameters()))
