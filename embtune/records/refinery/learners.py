"""Active learners, recognized by reading their code; it is never run."""

from __future__ import annotations

import ast
from collections.abc import Collection
from typing import Any

from embtune.records.refinery.model import Learner
from embtune.records.refinery.python_code import python_of

_MIN_CONFIDENCE = 0.8  # refinery's, where the code says nothing
_CLASSIFIERS = {
    "LogisticRegression": "logistic regression",
    "LogisticRegressionCV": "logistic regression",
    "RandomForestClassifier": "random forest",
    "GaussianNB": "naive Bayes",
    "KNeighborsClassifier": "k nearest",
    "LinearSVC": "linear SVM",
    "SVC": "linear SVM",
    "GradientBoostingClassifier": "gradient boosting",
    "HistGradientBoostingClassifier": "gradient boosting",
}


class NotALearnerError(Exception):
    """Why a class cannot become an active learner; a clause."""


def as_learner(code: str, *, labels: Collection[str]) -> Learner:
    """Read the class of an active learner: which classifier, on which embedding, from which confidence on.

    Raises
    ------
    NotALearnerError
        If it does more than fit one classifier and ask it.
    """
    tree = python_of(code)
    if tree is None:
        raise NotALearnerError("it is no Python that can be read")
    try:
        return _learner(tree, labels)
    except RecursionError:
        raise NotALearnerError("it is nested too deeply") from None


def _learner(tree: ast.Module, labels: Collection[str]) -> Learner:
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    others = [
        node
        for node in tree.body
        if not isinstance(node, (ast.ClassDef, ast.Import, ast.ImportFrom)) and not _is_text(node)
    ]
    if len(classes) != 1 or others:
        raise NotALearnerError("it is more than one class")
    methods = {node.name: node for node in classes[0].body if isinstance(node, ast.FunctionDef)}
    if set(methods) != {"__init__", "fit", "predict_proba"}:
        raise NotALearnerError("its class has other methods than to fit and to predict")
    written, classifier = _model(methods["__init__"])
    _only_asks_the_model(methods["fit"], "fit")
    _only_asks_the_model(methods["predict_proba"], "predict_proba")
    fitting = _parameters(methods["fit"], "params_fit")
    predicting = _parameters(methods["predict_proba"], "params_inference")
    embedding = fitting.get("embedding_name")
    least = predicting.get("min_confidence", _MIN_CONFIDENCE)
    if not isinstance(embedding, str):
        raise NotALearnerError("it names no embedding")
    if not isinstance(least, (int, float)) or isinstance(least, bool) or not 0 <= least <= 1:
        raise NotALearnerError("its minimum confidence is no number from 0 to 1")
    chosen = _chosen(predicting.get("label_names"), labels)
    return Learner(classifier, embedding, float(least), chosen, written)


def _model(node: ast.FunctionDef) -> tuple[str, str]:
    """Return the classifier as it is written, and as it is called here."""
    for one in node.body:
        if not isinstance(one, ast.Assign) or ast.unparse(one.targets[0]) != "self.model":
            continue
        if isinstance(one.value, ast.Call):
            known = _CLASSIFIERS.get(ast.unparse(one.value.func).rpartition(".")[2])
            if known is None:
                raise NotALearnerError(f"its classifier, {ast.unparse(one.value)[:60]}, has no like here")
            return ast.unparse(one.value), known
    raise NotALearnerError("it makes no classifier of scikit-learn's kind")


def _only_asks_the_model(node: ast.FunctionDef, method: str) -> None:
    body = [one for one in node.body if not _is_text(one)]
    asked = getattr(body[0], "value", None) if len(body) == 1 else None
    given = [argument.arg for argument in node.args.args[1:]]
    if (
        not isinstance(asked, ast.Call)
        or ast.unparse(asked.func) != f"self.model.{method}"
        or [ast.unparse(argument) for argument in asked.args] != given
        or asked.keywords
    ):
        raise NotALearnerError(f"its {method} does more than ask its classifier")


def _parameters(node: ast.FunctionDef, name: str) -> dict[str, Any]:
    for one in node.decorator_list:
        if isinstance(one, ast.Call) and ast.unparse(one.func) == name and not one.args:
            return _literals(one.keywords)
    raise NotALearnerError(f"its {node.name} has no {name}")


def _literals(keywords: list[ast.keyword]) -> dict[str, Any]:
    try:
        return {str(one.arg): ast.literal_eval(one.value) for one in keywords}
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise NotALearnerError("its parameters are not written out") from None


def _chosen(names: Any, labels: Collection[str]) -> tuple[str, ...] | None:
    if names is None:
        return None
    if not isinstance(names, (list, tuple)) or not names or any(name not in labels for name in names):
        raise NotALearnerError("it chooses labels that its task does not have")
    return tuple(names)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
