"""Class scores blended with vectors, as a model for records known and new."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadFileError
from embtune.progress import Report, silent
from embtune.tuning.model import Matrix, Records
from embtune.tuning.propagation import neighbour_scores
from embtune.tuning.words import WordView

if TYPE_CHECKING:
    from embtune.tuning.encoder_model import EncoderModel

MOST_LANDMARKS = 50_000
"""Known records that new ones are compared with; of more, a sample."""

NEW_RECORD_NEIGHBORS = 15
RAW_SHARE = 0.2
SHARPNESS = 2.0
"""Where no held-out labels say better."""

WORD_SHARE = 0.5
"""Length of the words' vector beside a raw vector of length 1."""

_BLOCK = 4096
_FILE = "blend.safetensors"
_ABOUT = "blend.json"


def blend(rest: NDArray[np.floating], scores: Matrix, raw_share: float, sharpness: float) -> Matrix:
    """Make tuned vectors out of class scores, and of what else is known of the records.

    Parameters
    ----------
    rest
        Shape (n, d), rows of unit length: what decides where the scores do not, see `residual`.
    scores
        Shape (n, C), rows sum to 1.
    raw_share
        Length that `rest` keeps where the scores are certain.
    sharpness
        Exponent on the scores before they are made to sum to 1 again, see `fit_sharpness`.

    Returns
    -------
    Matrix
        Shape (n, d + C), rows of unit length.

    Notes
    -----
    With p and q the scores of two records, p . q is the chance that both have the same label: the order in
    which neighbours should come. Cosine would divide it by the lengths, and bring unsure records to unsure
    ones. So what is missing in length, sqrt(1 - p . p), goes to `rest`: all rows end up equally long without
    any division, sure records are neighbours by their class, unsure ones by what they say.
    """
    n, d = rest.shape
    out = np.empty((n, d + scores.shape[1]), dtype=np.float32)
    for start in range(0, n, 65_536):
        part = slice(start, start + 65_536)
        sharp = sharpen(scores[part], sharpness)
        missing = np.maximum(1.0 - (sharp**2).sum(axis=1, keepdims=True), 0.0)
        out[part, :d] = np.sqrt(missing + raw_share**2) * np.asarray(rest[part], dtype=np.float32)
        out[part, d:] = sharp
        _to_unit_length(out[part])
    return out


def center_of(vectors: Matrix) -> Matrix:
    """Return the mean vector, shape (d,)."""
    center: Matrix = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    return center


def residual(vectors: Matrix, center: Matrix) -> Matrix:
    """Return vectors less a center, rows of unit length: what a record says beside what all say."""
    rest = vectors - center
    _to_unit_length(rest)
    return rest


def fit_sharpness(scores: Matrix, labels: NDArray[np.int64], weights: NDArray[np.floating]) -> float:
    """Return the exponent under which scores are as sure as they are right.

    Parameters
    ----------
    scores
        Shape (h, C), of held-out labels.
    labels, weights
        Shape (h,): class indices, and how much each counts.

    Notes
    -----
    Temperature scaling (Guo et al. 2017): the least negative log-likelihood. A few labels that all agree
    would call for endless sharpness, so `SHARPNESS` weighs as much as a few labels do.
    """
    from scipy.optimize import minimize_scalar

    hit = np.arange(len(labels))
    logs = np.log(np.maximum(scores, 1e-12))

    def loss(log_sharpness: float) -> float:
        scaled = np.exp(log_sharpness) * logs
        scaled -= scaled.max(axis=1, keepdims=True)
        likelihood = scaled[hit, labels] - np.log(np.exp(scaled).sum(axis=1))
        return float(-(weights * likelihood).sum() + (log_sharpness - np.log(SHARPNESS)) ** 2)

    found = minimize_scalar(loss, bounds=(np.log(0.5), np.log(8.0)), method="bounded")
    return round(float(np.exp(found.x)), 3)


def _side_by_side(raw: NDArray[np.floating], scores: Matrix, raw_share: float, sharpness: float) -> Matrix:
    """Blend as the first models did, for records that come later to one of them."""
    sharp = sharpen(scores, sharpness)
    both = np.hstack([raw_share * raw, sharp - 1.0 / scores.shape[1]]).astype(np.float32)
    _to_unit_length(both)
    return both


def _to_unit_length(rows: Matrix) -> None:
    """Scale rows to length 1, in place; rows without any length stay."""
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def sharpen(scores: Matrix, sharpness: float) -> Matrix:
    """Return scores raised to a power, rows summing to 1 again."""
    powered = np.maximum(scores, 1e-12) ** np.float32(sharpness)
    result: Matrix = (powered / powered.sum(axis=1, keepdims=True)).astype(np.float32)
    return result


def with_words(vectors: NDArray[np.floating], words: Matrix) -> Matrix:
    """Return vectors and words side by side, shape (n, d + w), rows of unit length."""
    both = np.hstack([np.asarray(vectors, dtype=np.float32), WORD_SHARE * words])
    _to_unit_length(both)
    return np.ascontiguousarray(both, dtype=np.float32)


@dataclass(frozen=True)
class Scorer:
    """One source of class scores, over one view (`raw`, `words`, `encoder`, `encoder words`).

    Either `landmarks` (m, d) with their `scores` (m, C), or a linear model: `weight` (C, d) and `bias` (C,).
    """

    view: str
    landmarks: NDArray[np.float16] | None = None
    scores: Matrix | None = None
    weight: Matrix | None = None
    bias: Matrix | None = None

    def __call__(self, vectors: Matrix) -> Matrix:
        """Return class scores, shape (n, C), rows sum to 1."""
        if self.weight is not None and self.bias is not None:
            return softmax(vectors @ self.weight.T + self.bias)
        assert self.landmarks is not None
        assert self.scores is not None
        known = self.landmarks.astype(np.float32)
        k = min(NEW_RECORD_NEIGHBORS, len(known))
        out = np.empty((len(vectors), self.scores.shape[1]), dtype=np.float32)
        for start in range(0, len(vectors), _BLOCK):
            cosine = vectors[start : start + _BLOCK] @ known.T
            rows = np.argpartition(-cosine, k - 1, axis=1)[:, :k]
            out[start : start + len(rows)] = neighbour_scores(
                rows, np.take_along_axis(cosine, rows, axis=1), self.scores
            )
        return out


def softmax(logits: Matrix) -> Matrix:
    """Return probabilities, rows sum to 1."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    result: Matrix = (shifted / shifted.sum(axis=1, keepdims=True)).astype(np.float32)
    return result


@dataclass(frozen=True)
class BlendModel:
    """The mean of some class scores, blended with the vectors of some views."""

    kind: ClassVar[str] = "blend"

    names: tuple[str, ...]
    scorers: tuple[Scorer, ...]
    raw_share: float
    sharpness: float
    center: Matrix | None
    """The mean vector that `residual` takes off, shape (d,); None in models of before there was one."""
    rest: str = "raw"
    """The view that decides where the scores do not."""
    words: WordView | None = None
    encoder: EncoderModel | None = None
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def needs_texts(self) -> bool:
        """Whether words or a tuned encoder are part of it."""
        return self.words is not None or self.encoder is not None

    def transform(self, records: Records, *, report: Report = silent) -> Matrix:
        """Return tuned vectors, shape (n, d of `rest` + C), rows of unit length."""
        view = views_of(records, self.words, self.encoder, report)
        scores = self._scores(view, len(records.vectors))
        if self.center is None:
            return _side_by_side(records.vectors, scores, self.raw_share, self.sharpness)
        return blend(residual(view(self.rest), self.center), scores, self.raw_share, self.sharpness)

    def scores(self, records: Records, *, report: Report = silent) -> tuple[tuple[str, ...], Matrix]:
        """Return class names and each record's scores, shape (n, C), rows sum to 1."""
        view = views_of(records, self.words, self.encoder, report)
        return self.names, self._scores(view, len(records.vectors))

    def _scores(self, view: Callable[[str], Matrix], n: int) -> Matrix:
        total = np.zeros((n, len(self.names)), dtype=np.float32)
        for scorer in self.scorers:
            total += scorer(view(scorer.view)) / len(self.scorers)
        return total

    def affine(self) -> None:
        """Return None: it does not fold."""
        return

    def save(self, folder: Path) -> None:
        """Write arrays as safetensors, the rest as JSON, words and encoder beside them."""
        from safetensors.numpy import save_file

        arrays: dict[str, NDArray[Any]] = {}
        for i, scorer in enumerate(self.scorers):
            for name in ("landmarks", "scores", "weight", "bias"):
                value = getattr(scorer, name)
                if value is not None:
                    arrays[f"{i}.{name}"] = np.ascontiguousarray(value)
        if self.center is not None:
            arrays["center"] = self.center
        save_file(arrays, folder / _FILE)
        about = {
            "names": list(self.names),
            "views": [scorer.view for scorer in self.scorers],
            "raw_share": self.raw_share,
            "sharpness": self.sharpness,
            "rest": self.rest,
            "words": self.words is not None,
            "encoder": self.encoder is not None,
            "about": self.about,
        }
        (folder / _ABOUT).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
        if self.words is not None:
            self.words.save(folder)
        if self.encoder is not None:
            (folder / "encoder").mkdir()
            self.encoder.save(folder / "encoder")

    @classmethod
    def load(cls, folder: Path) -> BlendModel:
        """Read what `save` wrote.

        Raises
        ------
        BadFileError
            If a file is missing or damaged.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
            arrays = load_file(folder / _FILE)
            scorers = tuple(
                Scorer(
                    view=view,
                    **{name: arrays.get(f"{i}.{name}") for name in ("landmarks", "scores", "weight", "bias")},
                )
                for i, view in enumerate(about["views"])
            )
            names, told = tuple(about["names"]), about["about"]
            share, sharpness = float(about["raw_share"]), float(about["sharpness"])
            rest, center = about.get("rest", "raw"), arrays.get("center")
            has_words, has_encoder = about["words"], about["encoder"]
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise BadFileError(f"The model in {folder} cannot be read: {error}. Tune again.") from error
        encoder = None
        if has_encoder:
            from embtune.tuning.encoder_model import EncoderModel

            encoder = EncoderModel.load(folder / "encoder")
        return cls(
            names=names,
            scorers=scorers,
            raw_share=share,
            sharpness=sharpness,
            center=center,
            rest=rest,
            words=WordView.load(folder) if has_words else None,
            encoder=encoder,
            about=told,
        )


def views_of(
    records: Records, words: WordView | None, encoder: EncoderModel | None, report: Report = silent
) -> Callable[[str], Matrix]:
    """Return a function that gives the records' vectors under a view, each made once and when asked for."""
    made: dict[str, Any] = {}

    def texts() -> Sequence[str]:
        if "texts" not in made:
            made["texts"] = records.read()
        found: Sequence[str] = made["texts"]
        return found

    def view(name: str) -> Matrix:
        if name not in made:
            base, _, beside = name.partition(" ")
            if name == "raw":
                made[name] = np.ascontiguousarray(records.vectors, dtype=np.float32)
            elif name == "encoder":
                assert encoder is not None
                known = Records(records.vectors, texts, records.device)
                made[name] = encoder.transform(known, report=report)
            else:
                assert words is not None
                if "their words" not in made:
                    made["their words"] = words.transform(texts())
                made[name] = with_words(view(base if beside else "raw"), made["their words"])
        found: Matrix = made[name]
        return found

    return view
