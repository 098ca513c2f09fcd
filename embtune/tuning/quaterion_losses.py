"""Losses over labels, pairs and triplets, in Quaterion's form. Importing this costs seconds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from embtune.tuning import quaterion_compat  # noqa: F401  (mends what the imports below need)

# isort: split
import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from quaterion.loss import (
    ContrastiveLoss,
    GroupLoss,
    MultipleNegativesRankingLoss,
    PairwiseLoss,
    SimilarityLoss,
    TripletLoss,
)
from torch import Tensor, nn

from embtune.tuning.judgements import Judgements

# Usual numbers; softmax and center have 1 / temperature of contrastive learning, low enough that a class is
# asked to gather beyond what its prototype already tells apart.
_SCALES = {"softmax": 10.0, "cosface": 30.0, "arcface": 30.0, "circle": 80.0, "center": 10.0}
_MARGINS = {"cosface": 0.35, "arcface": 0.5, "circle": 0.25, "triplet": 0.5}

_NEWEST = 0.1  # share of the latest batch in a running class mean


def label_loss(
    parameters: Mapping[str, Any], size: int, n_classes: int, class_means: NDArray[np.float32] | None
) -> GroupLoss:
    """Make the loss that `parameters["loss"]` names.

    Parameters
    ----------
    parameters
        Of the recipe; `scale` and `margin` of 0 take what is usual for the loss.
    size
        Length of a vector.
    class_means
        Shape (n_classes, size): where class prototypes start; at random if not given.
    """
    name = parameters["loss"]
    margin = parameters["margin"] or _MARGINS.get(name, 0.0)
    scale = parameters["scale"] or _SCALES.get(name, 0.0)
    if name == "triplet":
        distance = parameters.get("distance", "cosine")
        return FiniteTripletLoss(margin=margin, distance_metric_name=distance, mining=parameters["mining"])
    if name == "circle":
        return CircleLoss(margin=margin, scale=scale)
    return PrototypeLoss(
        size,
        n_classes,
        kind=name,
        scale=scale,
        margin=margin,
        learned=parameters["prototypes"] == "learned",
        center_weight=parameters["center_weight"] if name == "center" else 0.0,
        class_means=class_means,
    )


def pair_loss(scores: NDArray[np.float32], margin: float) -> PairwiseLoss:
    """Choose a loss for judged pairs: where all are similar, other pairs serve as the dissimilar ones."""
    if len(scores) and scores.min() >= 1:
        return MultipleNegativesRankingLoss(symmetric=True)
    return ContrastiveLoss(margin=margin)


class PrototypeLoss(GroupLoss):  # type: ignore[misc]
    """Cross-entropy over scaled cosines to one prototype per class, with or without a margin.

    Quaterion's SoftmaxLoss takes dot products with prototypes that start at random, so that vectors may
    grow instead of turn; its ArcFaceLoss goes through acos, whose slope at a cosine of 1 is infinite and
    turns weights into NaN; CosFace and center loss it has none. Here all four are one.

    Parameters
    ----------
    kind
        `softmax`; `cosface`, Wang et al. (2018), arXiv:1801.09414; `arcface`, Deng et al. (2018),
        arXiv:1801.07698; `center`, after Wen et al. (2016), doi:10.1007/978-3-319-46478-7_31.
    learned
        Whether gradients move the prototypes; else they are running means of their class.
    center_weight
        How much the squared distance to the running class mean adds.
    """

    def __init__(
        self,
        size: int,
        n_classes: int,
        *,
        kind: str = "softmax",
        scale: float = 20.0,
        margin: float = 0.0,
        learned: bool = True,
        center_weight: float = 0.0,
        class_means: NDArray[np.float32] | None = None,
    ) -> None:
        super().__init__()
        start = torch.randn(n_classes, size) if class_means is None else torch.from_numpy(class_means).float()
        start = functional.normalize(start, dim=1)
        self.kind = kind
        self.scale = scale
        self.margin = margin
        self.center_weight = center_weight
        self.register_buffer("means", start.clone())
        self.kernel = nn.Parameter(start.clone()) if learned else None

    @property
    def prototypes(self) -> Tensor:
        """Shape (n_classes, size), rows of unit length."""
        means: Tensor = self.means
        return functional.normalize(means if self.kernel is None else self.kernel, dim=1)

    def forward(self, embeddings: Tensor, groups: Tensor) -> Tensor:
        """Return the mean loss of a batch: embeddings (b, size) of any length, groups (b,)."""
        vectors = functional.normalize(embeddings, dim=1)
        cosines = vectors @ self.prototypes.T
        loss = functional.cross_entropy(self.scale * self._with_margin(cosines, groups), groups)
        if self.center_weight:
            away = vectors - functional.normalize(self.means, dim=1)[groups]
            loss = loss + self.center_weight * away.square().sum(dim=1).mean() / 2
        if self.training and (self.kernel is None or self.center_weight):
            self._follow(vectors.detach(), groups)
        return loss

    def _with_margin(self, cosines: Tensor, groups: Tensor) -> Tensor:
        if self.kind not in ("cosface", "arcface"):
            return cosines
        own = cosines.gather(1, groups[:, None])
        if self.kind == "cosface":
            shifted = own - self.margin
        else:
            sine = (1 - own.square()).clamp_min(1e-6).sqrt()
            turned = own * math.cos(self.margin) - sine * math.sin(self.margin)
            # Past a half turn the cosine would rise again; there a straight line goes on falling.
            beyond = own <= math.cos(math.pi - self.margin)
            shifted = torch.where(beyond, own - self.margin * math.sin(self.margin), turned)
        return cosines.scatter(1, groups[:, None], shifted)

    @torch.no_grad()
    def _follow(self, vectors: Tensor, groups: Tensor) -> None:
        sums = torch.zeros_like(self.means).index_add_(0, groups, vectors)
        counts = torch.bincount(groups, minlength=len(sums)).to(sums.dtype)[:, None]
        newest = torch.where(counts > 0, _NEWEST, 0.0) * functional.normalize(sums, dim=1)
        self.means += newest - torch.where(counts > 0, _NEWEST, 0.0) * self.means


class CircleLoss(GroupLoss):  # type: ignore[misc]
    """Circle loss, Sun et al. (2020), arXiv:2002.10857, for every anchor of a batch.

    Quaterion's own weighs a positive pair the more the nearer it is already (`op + sp`, where the paper has
    `O_p - s_p`), and measures cosines from 0 to 1, for which the paper's margins are not meant.
    """

    def __init__(self, *, margin: float = 0.25, scale: float = 80.0) -> None:
        super().__init__()
        self.margin = margin
        self.scale = scale

    def forward(self, embeddings: Tensor, groups: Tensor) -> Tensor:
        """Return the mean loss over the anchors that have a positive and a negative; 0 if none has."""
        vectors = functional.normalize(embeddings, dim=1)
        cosines = vectors @ vectors.T
        same = groups[:, None] == groups[None, :]
        positive = same & ~torch.eye(len(groups), dtype=torch.bool, device=same.device)
        usable = positive.any(dim=1) & (~same).any(dim=1)
        if not usable.any():
            return embeddings.sum() * 0.0
        known = cosines.detach()
        near = -self.scale * (1 + self.margin - known).clamp_min(0) * (cosines - (1 - self.margin))
        far = self.scale * (known + self.margin).clamp_min(0) * (cosines - self.margin)
        near, far = near[usable], far[usable]
        near = near.masked_fill(~positive[usable], -torch.inf).logsumexp(dim=1)
        far = far.masked_fill(same[usable], -torch.inf).logsumexp(dim=1)
        return functional.softplus(near + far).mean()


class FiniteTripletLoss(TripletLoss):  # type: ignore[misc]
    """Quaterion's triplet loss, save that a batch that holds no triplet costs nothing.

    With one row, or with none but equal rows, the hard loss divides zero by zero; one such batch would turn
    every weight into NaN.
    """

    def forward(self, embeddings: Tensor, groups: Tensor) -> Tensor:
        """Return the loss of a batch: embeddings (b, size), groups (b,)."""
        loss = super().forward(embeddings, groups)
        return loss if torch.isfinite(loss) else embeddings.sum() * 0.0


class JudgedTripletLoss(SimilarityLoss):  # type: ignore[misc]
    """Triplet margin loss for triplets that people judged: anchor, closer, farther."""

    def __init__(self, margin: float) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, embeddings: Tensor, triplets: Tensor) -> Tensor:
        """Return the mean loss: embeddings (b, size), triplets (t, 3) rows of it."""
        vectors = functional.normalize(embeddings, dim=1)
        anchor, closer, farther = (vectors[triplets[:, column]] for column in range(3))
        gained = (anchor * closer).sum(dim=1) - (anchor * farther).sum(dim=1)
        return functional.relu(self.margin - gained).mean()


@dataclass(frozen=True)
class Drawn:
    """Judgements drawn for a step: the rows they speak of, and what their vectors cost."""

    rows: NDArray[np.int64]
    loss: Callable[[Tensor], Tensor]


class JudgedLoss:
    """Draws pairs and triplets, step by step, and weighs what their vectors cost."""

    def __init__(self, judgements: Judgements, parameters: Mapping[str, Any], seed: int) -> None:
        """Take at least one pair or triplet; `parameters` holds `judgement_margin`."""
        margin = parameters["judgement_margin"]
        self.n = len(judgements.pairs) + len(judgements.triplets)
        self._judgements = judgements
        self._seed = seed
        self._pair_loss = pair_loss(judgements.scores, margin)
        self._triplet_loss = JudgedTripletLoss(margin)

    def draw(self, step: int, batch_size: int) -> Drawn:
        """Draw up to `batch_size` judgements; the same step draws the same."""
        rng = np.random.default_rng([self._seed, 1, step])
        chosen = rng.permutation(self.n)[:batch_size]
        n_pairs = len(self._judgements.pairs)
        of_pairs, of_triplets = chosen[chosen < n_pairs], chosen[chosen >= n_pairs] - n_pairs
        pairs, triplets = self._judgements.pairs[of_pairs], self._judgements.triplets[of_triplets]
        rows, places = np.unique(np.concatenate([pairs.ravel(), triplets.ravel()]), return_inverse=True)
        pairs_at = torch.from_numpy(places[: pairs.size].reshape(pairs.shape))
        triplets_at = torch.from_numpy(places[pairs.size :].reshape(triplets.shape))
        scores = torch.from_numpy(self._judgements.scores[of_pairs])

        def loss(vectors: Tensor) -> Tensor:
            total = vectors.sum() * 0.0
            if len(scores):
                total = total + len(scores) * self._pair_loss(
                    vectors,
                    pairs=pairs_at.to(vectors.device),
                    labels=scores.to(vectors.device),
                    subgroups=torch.zeros(len(vectors), device=vectors.device),
                )
            if len(triplets_at):
                total = total + len(triplets_at) * self._triplet_loss(vectors, triplets_at.to(vectors.device))
            return total / (len(scores) + len(triplets_at))

        return Drawn(rows, loss)
