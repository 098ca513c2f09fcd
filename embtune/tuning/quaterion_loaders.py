"""Labels, pairs and triplets in the form of Quaterion's data loaders. Importing this costs seconds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from embtune.tuning import quaterion_compat  # noqa: F401  (mends what the imports below need)

# isort: split
import numpy as np
import torch
from numpy.typing import NDArray
from quaterion.dataset import (
    GroupSimilarityDataLoader,
    PairsSimilarityDataLoader,
    SimilarityDataLoader,
    SimilarityGroupSample,
    SimilarityPairSample,
)
from torch.utils.data import Dataset, Sampler, WeightedRandomSampler

from embtune.tuning.data import TrainingSet
from embtune.tuning.judgements import Judgements
from embtune.tuning.sampling import draw, label_chances


def train_loader(
    training: TrainingSet, positions: NDArray[np.int64], parameters: Mapping[str, Any], seed: int
) -> GroupSimilarityDataLoader:
    """Load labels in random order; with `use_weights` or `balance` some more often than others."""
    generator = torch.Generator().manual_seed(seed)
    order: dict[str, Any] = {"shuffle": True}
    if "balance" in parameters:
        chances = label_chances(
            training, positions, use_weights=parameters["use_weights"], balance=parameters["balance"]
        )
        order = {"sampler": _EvenSampler(chances, seed)}
    elif parameters["use_weights"]:
        weights = training.weights[positions].tolist()
        order = {"sampler": WeightedRandomSampler(weights, num_samples=len(positions), generator=generator)}
    return GroupSimilarityDataLoader(
        _Labels(positions, training.labels),
        batch_size=parameters["batch_size"],
        generator=generator,
        **order,
    )


def validation_loader(
    training: TrainingSet, positions: NDArray[np.int64], parameters: Mapping[str, Any], seed: int
) -> GroupSimilarityDataLoader:
    """Load labels in an order that stays."""
    # Mixed once: records often come sorted by class, and a batch of one class holds no negative.
    mixed = np.random.default_rng(seed).permutation(positions)
    return GroupSimilarityDataLoader(
        _Labels(mixed, training.labels),
        batch_size=parameters["batch_size"],
        generator=torch.Generator().manual_seed(seed),
    )


def judgement_loaders(
    judgements: Judgements, parameters: Mapping[str, Any], seed: int
) -> list[SimilarityDataLoader]:
    """Return a loader of the pairs, if there are any, and one of the triplets, likewise."""
    loaders: list[SimilarityDataLoader] = []
    generator = torch.Generator().manual_seed(seed)
    how: dict[str, Any] = {
        "batch_size": parameters["batch_size"],
        "shuffle": True,
        "generator": generator,
    }
    if len(judgements.pairs):
        loaders.append(PairsSimilarityDataLoader(_Pairs(judgements), **how))
    if len(judgements.triplets):
        loaders.append(TripletsSimilarityDataLoader(_Triplets(judgements), **how))
    return loaders


def without_end(loader: SimilarityDataLoader) -> Iterator[Any]:
    """Go through a loader again and again."""
    while True:
        yield from loader


@dataclass(frozen=True)
class SimilarityTripletSample:
    """Three objects, of which the first is nearer to the second than to the third."""

    objects: tuple[int, int, int]


class TripletsSimilarityDataLoader(SimilarityDataLoader):  # type: ignore[misc]
    """What Quaterion has for pairs and groups, for triplets."""

    @classmethod
    def collate_labels(cls, batch: list[SimilarityTripletSample]) -> dict[str, torch.Tensor]:
        """Say where the three objects of each triplet are among the flattened ones."""
        n = len(batch)
        return {"triplets": torch.arange(3 * n).reshape(3, n).T.contiguous()}

    @classmethod
    def flatten_objects(
        cls, batch: list[SimilarityTripletSample], hash_ids: list[int]
    ) -> tuple[list[Any], list[int]]:
        """Return the anchors, the closer and the farther objects, and an id for each."""
        objects = [sample.objects[column] for column in range(3) for sample in batch]
        return objects, [index + column for column in range(3) for index in hash_ids]


class _Labels(Dataset[SimilarityGroupSample]):
    """The samples of one part of a split; made on demand, for there may be a million."""

    def __init__(self, positions: NDArray[np.int64], labels: NDArray[np.int64]) -> None:
        self._positions = positions
        self._labels = labels

    def __len__(self) -> int:
        return len(self._positions)

    def __getitem__(self, index: int) -> SimilarityGroupSample:
        position = int(self._positions[index])
        return SimilarityGroupSample(obj=position, group=int(self._labels[position]))


class _Pairs(Dataset[SimilarityPairSample]):
    def __init__(self, judgements: Judgements) -> None:
        self._judgements = judgements

    def __len__(self) -> int:
        return len(self._judgements.pairs)

    def __getitem__(self, index: int) -> SimilarityPairSample:
        first, second = self._judgements.pairs[index].tolist()
        # One subgroup for all: that two pairs were judged says nothing of their records to each other.
        return SimilarityPairSample(first, second, score=float(self._judgements.scores[index]), subgroup=0)


class _Triplets(Dataset[SimilarityTripletSample]):
    def __init__(self, judgements: Judgements) -> None:
        self._judgements = judgements

    def __len__(self) -> int:
        return len(self._judgements.triplets)

    def __getitem__(self, index: int) -> SimilarityTripletSample:
        first, second, third = self._judgements.triplets[index].tolist()
        return SimilarityTripletSample((first, second, third))


class _EvenSampler(Sampler[int]):
    """Draws as `embtune.tuning.sampling.draw` does, anew every epoch."""

    def __init__(self, chances: NDArray[np.float64], seed: int) -> None:
        self._chances = chances
        self._rng = np.random.default_rng(seed)

    def __len__(self) -> int:
        return len(self._chances)

    def __iter__(self) -> Iterator[int]:
        return iter(draw(self._chances, self._rng).tolist())
