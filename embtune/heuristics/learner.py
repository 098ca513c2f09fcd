"""The active learner: a classifier that is trained on the manual labels and votes where it is sure."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from embtune.errors import HeuristicError
from embtune.evaluation.calibration import fit_exponents, pooled
from embtune.heuristics.base import ABSTAIN, Corpus, Depends, Found, Span
from embtune.heuristics.base import Config as BaseConfig
from embtune.progress import Report, silent

Rows = NDArray[np.int64]
Matrix = NDArray[np.float32]

FEWEST = 2
"""Labels that a class needs to be held out once and learned from once."""

_BLOCK = 4096
_NEVER = -12.0  # log probability of a class that was not learned from
_DIRECTIONS = 32


@dataclass(frozen=True)
class Classifier:
    """A way to learn: `make` takes the number of examples and of directions, and returns scikit-learn's.

    `exponent` is what its probabilities are raised to before labels tell better: above 1 for one that is too
    unsure of itself, below 1 for one that is too sure. `least` is the smallest probability that it means:
    shares of trees or neighbours can be 0 without telling much.
    """

    make: Callable[[int, int], Any]
    exponent: float
    least: float = 1e-12


def _logistic_regression(n: int, dim: int) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=1.0, max_iter=1000)


def _random_forest(n: int, dim: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return _on_few_directions(n, dim, RandomForestClassifier(n_estimators=100, random_state=0))


def _naive_bayes(n: int, dim: int) -> Any:
    from sklearn.naive_bayes import GaussianNB

    return _on_few_directions(n, dim, GaussianNB(var_smoothing=0.1))


def _k_nearest(n: int, dim: int) -> Any:
    from sklearn.neighbors import KNeighborsClassifier

    return KNeighborsClassifier(n_neighbors=min(10, n), algorithm="brute")


def _linear_svm(n: int, dim: int) -> Any:
    from sklearn.svm import LinearSVC

    return LinearSVC(C=1.0, random_state=0)


def _gradient_boosting(n: int, dim: int) -> Any:
    from sklearn.ensemble import GradientBoostingClassifier

    trees = GradientBoostingClassifier(
        n_estimators=60, max_depth=2, max_features="sqrt", subsample=0.8, random_state=0
    )
    return _on_few_directions(n, dim, trees)


def _on_few_directions(n: int, dim: int, classifier: Any) -> Any:
    """Trees on all of an embedding's directions take minutes and are worse; Bayes is sure of everything."""
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline

    return make_pipeline(PCA(min(_DIRECTIONS, n, dim), random_state=0), classifier)


CLASSIFIERS: dict[str, Classifier] = {
    "logistic regression": Classifier(_logistic_regression, 2.2),
    "random forest": Classifier(_random_forest, 1.5, least=1e-3),
    "naive Bayes": Classifier(_naive_bayes, 0.5),
    "k nearest": Classifier(_k_nearest, 1.0, least=1e-2),
    "linear SVM": Classifier(_linear_svm, 2.0),
    "gradient boosting": Classifier(_gradient_boosting, 0.7),
}


class LearnerConfig(BaseConfig):
    """What learns, where, and how sure it must be.

    Attributes
    ----------
    classifier
        One of `CLASSIFIERS`.
    embedding
        Whose vectors it learns from.
    min_confidence
        It abstains below that.
    labels
        Numbers of the labels it votes for; all of them if empty. It learns from all in any case.
    """

    classifier: str = "logistic regression"
    embedding: Annotated[str, Field(min_length=1)] = "raw"
    min_confidence: Annotated[float, Field(ge=0, le=1)] = 0.8
    labels: tuple[int, ...] = ()

    @field_validator("classifier")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in CLASSIFIERS:
            raise ValueError(f"there is no classifier {value!r}; there are {', '.join(CLASSIFIERS)}")
        return value


class Learner:
    """Votes for what a classifier predicts."""

    name: ClassVar[str] = "learner"
    title: ClassVar[str] = "Active learner"
    about: ClassVar[str] = "Learns from the manual labels, and votes where its prediction is sure enough."
    Config: ClassVar[type[BaseConfig]] = LearnerConfig

    def depends(self, config: LearnerConfig) -> Depends:
        """Its embedding and the manual labels."""
        return Depends(embedding=config.embedding, learns=True)

    def voting(self, config: LearnerConfig) -> tuple[int, ...]:
        """The chosen labels."""
        return config.labels

    def describe(self, config: LearnerConfig, label_names: Mapping[int, str]) -> str:
        """Name the classifier, the embedding and the labels."""
        names = [label_names[number] for number in config.labels if number in label_names]
        goal = ", ".join(names) if names else "any label"
        return f"{config.classifier} on {config.embedding}, {config.min_confidence:.0%} sure → {goal}"

    def run(self, config: LearnerConfig, corpus: Corpus, rows: Rows, report: Report = silent) -> Found:
        """Vote on some rows; see `Kind.run`.

        Notes
        -----
        The confidence is calibrated: the classifier's probabilities are raised to the power that fits the
        labels it did not see best.
        """
        train = np.flatnonzero(corpus.labels != ABSTAIN)
        numbers, codes, counts = np.unique(corpus.labels[train], return_inverse=True, return_counts=True)
        _refuse_too_few(numbers, counts, corpus.label_names)
        vectors = corpus.vectors(config.embedding)
        inside = np.asarray(vectors[train], dtype=np.float32)
        classifier = CLASSIFIERS[config.classifier]
        folds = corpus.folds[train]
        steps = len(np.unique(folds)) + 1
        report(0, steps, unit="models")
        held, judged = np.zeros((len(train), len(numbers)), np.float32), np.zeros(len(train), np.bool_)
        learned = np.zeros(len(train), np.bool_)  # its class was among those learned from
        for done, fold in enumerate(np.unique(folds).tolist(), start=1):
            out = folds == fold
            known = np.unique(codes[~out])
            if len(known) >= 2:
                model = _fit(classifier, inside[~out], codes[~out])
                held[out] = _log_scores(model, classifier.least, inside[out], len(numbers))
                judged |= out
                learned |= out & np.isin(codes, known)
            report(done, steps, unit="models")
        exponents = fit_exponents([held[learned]], codes[learned], start=[classifier.exponent])
        model = _fit(classifier, inside, codes)
        labels, confidence = np.full(len(rows), ABSTAIN, np.int64), np.zeros(len(rows), np.float32)
        place = np.full(corpus.n, -1, np.int64)
        place[train] = np.arange(len(train))
        for start in range(0, len(rows), _BLOCK):
            mine = rows[start : start + _BLOCK]
            scores = np.zeros((len(mine), len(numbers)), np.float32)
            at, fresh = place[mine], place[mine] < 0
            if fresh.any():
                block = np.asarray(vectors[mine[fresh]], dtype=np.float32)
                scores[fresh] = _log_scores(model, classifier.least, block, len(numbers))
            scores[~fresh] = held[at[~fresh]]
            share = pooled([scores], exponents)
            best = share.argmax(axis=1)
            sure = share[np.arange(len(mine)), best]
            votes = (sure >= config.min_confidence) & (fresh | judged[at])
            if config.labels:
                votes &= np.isin(numbers[best], config.labels)
            labels[start : start + _BLOCK] = np.where(votes, numbers[best], ABSTAIN)
            confidence[start : start + _BLOCK] = np.where(votes, sure, 0)
        report(steps, steps, unit="models")
        right = held[judged].argmax(axis=1) == codes[judged]
        notes = {
            "n_labels": len(train),
            "per_label": {str(number): int(n) for number, n in zip(numbers, counts, strict=True)},
            "n_held_out": int(judged.sum()),
            "accuracy_held_out": round(float(right.mean()), 4) if len(right) else None,
        }
        return Found(labels, confidence, notes)

    def spans(self, config: LearnerConfig, corpus: Corpus, rows: Rows) -> list[list[Span]]:
        """No places: it looks at the whole."""
        return [[] for _ in range(len(rows))]


def _refuse_too_few(numbers: NDArray[np.int64], counts: NDArray[np.int64], names: Mapping[int, str]) -> None:
    if (counts >= FEWEST).sum() >= 2:
        return
    have = ", ".join(
        f"{n} of {names.get(number, number)}"
        for number, n in zip(numbers.tolist(), counts.tolist(), strict=True)
    )
    raise HeuristicError(
        f"The active learner needs {FEWEST} manual labels each of 2 classes or more, and may learn from "
        f"{have or 'none'}: label more records."
    )


def _fit(classifier: Classifier, vectors: Matrix, codes: NDArray[np.int64]) -> Any:
    model = classifier.make(*vectors.shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one that has not converged is measured like any other
        return model.fit(vectors, codes)


def _log_scores(model: Any, least: float, vectors: Matrix, n_classes: int) -> Matrix:
    """Log probabilities, or what stands for them, of all classes; shape (b, C)."""
    found = np.full((len(vectors), n_classes), _NEVER, np.float32)
    if not hasattr(model, "predict_proba"):
        distance = model.decision_function(vectors)
        if distance.ndim == 1:
            distance = np.stack([-distance, distance], axis=1) / 2
        found[:, model.classes_] = distance - np.log(np.exp(distance).sum(axis=1, keepdims=True))
        return found
    found[:, model.classes_] = np.log(np.maximum(model.predict_proba(vectors), least))
    return found
