"""Zero-shot: a language model that knows nothing but the labels' names and descriptions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from embtune.embedding.device import pick_device
from embtune.embedding.encoder import Encoder
from embtune.embedding.models import DEFAULT_MODEL, ResolvedModel, resolve_model
from embtune.errors import HeuristicError
from embtune.evaluation.calibration import pooled
from embtune.heuristics.base import ABSTAIN, Corpus, Depends, Found, Span
from embtune.heuristics.base import Config as BaseConfig
from embtune.heuristics.entailment import EntailmentModel, is_classifier
from embtune.progress import Report, silent

# Sentence encoders are trained with cosines times 20; read so, they are about as sure as they are right.
_COSINE_SCALE = 20.0
_FEW = 500

Matrix = NDArray[np.float32]


class ZeroShotConfig(BaseConfig):
    """Which model compares texts with which labels.

    Attributes
    ----------
    model
        Name or path of an embedding model (fast), or of one of natural language inference (about as many
        times slower as there are labels).
    labels
        Numbers of the labels it chooses between; all of them if empty.
    descriptions
        What stands for a label, by number, such as "sports: games, teams, athletes"; by default its name.
    statement
        What is said of a text, with `{}` for the description.
    embedding
        An embedding that the same model made of the records, so that they need not be read again. None
        to let the model read the texts.
    min_confidence
        It abstains below that.
    """

    model: Annotated[str, Field(min_length=1)] = DEFAULT_MODEL
    labels: tuple[int, ...] = ()
    descriptions: dict[int, str] = Field(default_factory=dict)
    statement: str = "This text is about {}."
    embedding: str | None = None
    min_confidence: Annotated[float, Field(ge=0, le=1)] = 0.6

    @field_validator("statement")
    @classmethod
    def _has_place(cls, value: str) -> str:
        if value.count("{}") != 1:
            raise ValueError("write {} once, where the label's description goes")
        return value


class ZeroShot:
    """Votes for the label whose description fits a text best."""

    name: ClassVar[str] = "zero-shot"
    title: ClassVar[str] = "Zero-shot"
    about: ClassVar[str] = "Votes for the label whose name or description fits best, by a language model."
    Config: ClassVar[type[BaseConfig]] = ZeroShotConfig

    def depends(self, config: ZeroShotConfig) -> Depends:
        """An embedding, if it is to use one."""
        return Depends(embedding=config.embedding)

    def voting(self, config: ZeroShotConfig) -> tuple[int, ...]:
        """The chosen labels."""
        return config.labels

    def describe(self, config: ZeroShotConfig, label_names: Mapping[int, str]) -> str:
        """Name the model and the labels."""
        names = [label_names[number] for number in config.labels if number in label_names]
        goal = ", ".join(names) if names else "any label"
        return f"{config.model}, {config.min_confidence:.0%} sure → {goal}"

    def run(
        self, config: ZeroShotConfig, corpus: Corpus, rows: NDArray[np.int64], report: Report = silent
    ) -> Found:
        """Vote on some rows; see `Kind.run`.

        Raises
        ------
        HeuristicError
            If there are not two labels, or the embedding is not the model's.
        ModelError
            If the model cannot be found or loaded.
        """
        numbers = np.array(config.labels or tuple(corpus.label_names), np.int64)
        if len(numbers) < 2:
            raise HeuristicError(
                f"Zero-shot chooses between 2 labels or more, and there are {len(numbers)}: add labels."
            )
        gone = [number for number in numbers.tolist() if number not in corpus.label_names]
        if gone:
            raise HeuristicError("A label that it votes for was deleted: choose its labels again.")
        statements = tuple(
            config.statement.replace("{}", config.descriptions.get(number, "").strip() or name)
            for number, name in ((number, corpus.label_names[number]) for number in numbers.tolist())
        )
        scores = _scores(config, corpus, rows, statements, report)
        share = pooled([scores], [1.0])
        best = share.argmax(axis=1)
        sure = share[np.arange(len(rows)), best]
        votes = sure >= config.min_confidence
        return Found(
            np.where(votes, numbers[best], ABSTAIN),
            np.where(votes, sure, 0).astype(np.float32),
            {"model": config.model, "statements": list(statements)},
        )

    def spans(self, config: ZeroShotConfig, corpus: Corpus, rows: NDArray[np.int64]) -> list[list[Span]]:
        """No places: it looks at the whole."""
        return [[] for _ in range(len(rows))]


def _scores(
    config: ZeroShotConfig,
    corpus: Corpus,
    rows: NDArray[np.int64],
    statements: tuple[str, ...],
    report: Report,
) -> Matrix:
    """Log odds of each statement about each record, up to a constant; shape (len(rows), statements)."""
    report(0, len(rows), unit="records", message="loading the model")
    resolved = resolve_model(config.model)
    if is_classifier(resolved):
        model = EntailmentModel.load(resolved, pick_device())
        return model.scores(corpus.texts(rows), statements, report=report)
    if config.embedding is None:
        # To see whether bfloat16 is close enough takes longer than a few texts do without it.
        precision = "auto" if len(rows) > _FEW else "float32"
        encoder = Encoder.load(resolved, pick_device(), precision=precision)
        vectors, meant = encoder.encode(corpus.texts(rows), report=report), encoder.encode(statements)
    else:
        vectors = np.asarray(corpus.vectors(config.embedding)[rows], dtype=np.float32)
        meant = _meanings(resolved, statements)
        if vectors.shape[1] != meant.shape[1]:
            raise HeuristicError(
                f"The embedding {config.embedding!r} has {vectors.shape[1]} numbers a record and the model "
                f"{config.model!r} makes {meant.shape[1]}: choose the model that the embedding was made with."
            )
        report(len(rows), len(rows), unit="records")
    return np.asarray(vectors @ meant.T * _COSINE_SCALE, dtype=np.float32)


@lru_cache(maxsize=32)
def _meanings(resolved: ResolvedModel, statements: tuple[str, ...]) -> Matrix:
    """Vectors of the statements; kept, so that trying another threshold loads no model."""
    return Encoder.load(resolved, pick_device(), precision="float32").encode(statements)
