"""Quaterion's heads, each starting where it changes its vectors least. Importing this costs seconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from embtune.tuning import quaterion_compat  # noqa: F401  (mends what the imports below need)

# isort: split
import torch
from quaterion_models.heads import (
    EncoderHead,
    GatedHead,
    SkipConnectionHead,
    StackedProjectionHead,
    WideningHead,
)
from quaterion_models.heads.empty_head import EmptyHead
from torch import nn

from embtune.tuning.export import Head

_FACTOR = 2  # the least that lets a bent layer pass everything on: the positive part and the negative part


def make_head(kind: str, size: int, parameters: Mapping[str, Any]) -> EncoderHead:
    """Make an untrained head.

    Parameters
    ----------
    kind
        A key of `embtune.tuning.export.HEAD_CLASSES`.
    size
        Length of a vector, in and out.
    parameters
        Of the recipe: `dropout`, and `n_layers` for the heads that have more than one.
    """
    dropout = parameters["dropout"]
    if kind == "none":
        return EmptyHead(size)
    if kind == "gated":
        return GatedHead(size, dropout=dropout)
    if kind == "skip-connection":
        return SkipConnectionHead(size, dropout=dropout, n_layers=parameters["n_layers"])
    if kind == "widening":
        head = WideningHead(size, expansion_factor=2.0 * _FACTOR, dropout=dropout)
    else:
        sizes = [_FACTOR * size] * parameters["n_layers"] + [size]
        head = StackedProjectionHead(size, output_sizes=sizes, dropout=dropout)
    _start_as_identity(head, size)
    return head


def trained_head(kind: str, head: EncoderHead) -> Head:
    """Take a module's configuration and weights out of it."""
    state = {name: value.detach().cpu().numpy().copy() for name, value in head.state_dict().items()}
    return Head(config=head.get_config_dict(), state=state, kind=kind)


@torch.no_grad()
def _start_as_identity(head: EncoderHead, size: int) -> None:
    """Let a stack pass its input on: x = relu(x) - relu(-x); what it has beyond that starts unheard.

    Quaterion's own start is random, and throws away what the base model knows.
    """
    linear = [module for module in head.modules() if isinstance(module, nn.Linear)]
    both = torch.cat([torch.eye(size), -torch.eye(size)])
    linear[0].weight[: 2 * size] = both
    linear[-1].weight.zero_()
    linear[-1].weight[:, : 2 * size] = both.T
    for module in linear[1:-1]:
        module.weight.zero_()
        module.weight.fill_diagonal_(1.0)
    for module in linear:
        module.bias.zero_()
