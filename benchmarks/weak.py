"""Weak supervision, from 261 labels to labels for all: coverage, accuracy, calibration, and what they tune.

The pool is test.json of the published experiment, 9,146 records with their true labels. Of it 261 are drawn
at random and labelled by hand (their true label). Through the public API: suggested look-up heuristics
are accepted by the fixed rule of `accept_good`, with no human in it; an active learner is added; all are run;
weak supervision labels the rest. Coverage is the share of the other records with a weak label above 0.7;
accuracy that of those; the calibration error that of all weak labels. Beside it, at the same coverage (the
records each is surest of): majority vote and Snorkel's label model on the same votes, and logistic regression
alone.

    python benchmarks/weak.py --data DIR [--seeds 5] [--labels 261] [--tune] [--speed]
                              [--no-snorkel] [--cache DIR] [--json]

The seeds begin at 300: the constants of suggestions and label models were set with the true labels of
draws below 300 in view.

`--tune` goes all the way: weak labels → quaterion-triplet → top_1000 on the records without a manual label,
against raw and against tuning on the 261 alone. `--speed` times 20 look-up heuristics on 20,000 records.
Snorkel is taken from this environment; where it is not there, pip fetches it and munkres into a temporary
folder without what else it asks for, which does not fit beside newer packages and is not needed here. Where
that fails, too, its figure is missing.
"""

from __future__ import annotations

import argparse
import atexit
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from corpus import (
    REFERENCE,
    TEMPLATE,
    as_file,
    draw_random,
    facts,
    home_folder,
    machine,
    markdown,
    reference_names,
    say,
    seed_folder,
    seed_rows,
    spread,
    texts_of,
)
from numpy.typing import NDArray
from vectors import cached_vectors, remember

THRESHOLD = 0.7
SNORKEL_PACKAGES = ("snorkel==0.10.0", "munkres==1.1.4")
SNORKEL = """
import sys, numpy as np
from snorkel.labeling.model import LabelModel
given = np.load(sys.argv[1])
model = LabelModel(cardinality=int(sys.argv[3]), verbose=False)
model.fit(given, n_epochs=500, seed=int(sys.argv[4]))
np.save(sys.argv[2], model.predict_proba(given))
"""


class Pool:
    """The records and their vectors, each content once, as a project has them."""

    def __init__(self, folder: Path, cache: Path | None) -> None:
        rows = seed_rows(folder, REFERENCE)
        texts = texts_of(rows, TEMPLATE)
        every = cached_vectors(texts, cache)
        kept = np.sort(np.unique(texts, return_index=True)[1])
        self.rows = [rows[i] for i in kept]
        self.texts = [texts[i] for i in kept]
        self.labels = np.array([row["label"] for row in self.rows])
        self.vectors = np.ascontiguousarray(every[kept], dtype=np.float32)

    def project(self, name: str, chosen: NDArray[np.int64]) -> Any:
        """Make a project in which the chosen records have their true label by hand."""
        import embtune

        project = embtune.open(name)
        # Reference labels only measure; with them no manual label is set aside.
        project.import_records(as_file(self.rows), name="pool.json", text=TEMPLATE, reference_field="label")
        remember(project, self.texts, self.vectors)
        project.embed()
        rows, names = reference_names(project)
        if not (len(rows) == len(self.labels) and (names == self.labels).all()):
            raise SystemExit("The project has other records than the pool.")
        for label in np.unique(self.labels[chosen]):
            project.label(chosen[self.labels[chosen] == label], str(label))
        return project


def one_draw(pool: Pool, n: int, seed: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Draw labels, make heuristics, supervise, compare."""
    chosen = draw_random(pool.labels.tolist(), n, seed)
    others = np.setdiff1d(np.arange(len(pool.labels)), chosen)
    project = pool.project(f"weak-{seed}", chosen)
    began = time.perf_counter()
    accepted = project.heuristics.accept_good()
    suggested = time.perf_counter()
    project.heuristics.add("learner", "active learner", embedding="raw")
    ran = project.heuristics.run()
    if ran["failed"]:
        raise SystemExit(f"A heuristic failed: {ran['failed']}")
    run_all = time.perf_counter()
    supervised = project.weak.run(threshold=THRESHOLD, seed=seed)
    ended = time.perf_counter()
    names = {label.id: label.name for label in project.labels}
    labels, confidence = project.weak.labels()
    sure = others[confidence[others] > THRESHOLD]
    right = np.array([names.get(int(one)) for one in labels]) == pool.labels
    weak = others[labels[others] >= 0]
    matrix = project.heuristics.votes()
    rules = [one for one in matrix.heuristics if one.kind != "learner"]
    figures: dict[str, Any] = {
        "coverage": len(sure) / len(others),
        "accuracy": float(right[sure].mean()),
        "ece": calibration_error(confidence[weak], right[weak]),
        "coverage_of_all": len(weak) / len(others),
        "accuracy_of_all": float(right[weak].mean()),
        "coverage_of_rules": float((matrix.labels[:, : len(rules)] >= 0).any(axis=1).mean()),
        "n_rules": len(accepted),
        "sentence": supervised["sentence"],
        "winner": supervised["winner"],
        "seconds": {
            "suggest": round(suggested - began, 2),
            "run": round(run_all - suggested, 2),
            "supervise": round(ended - run_all, 2),
        },
    }
    figures["baselines"], figures["own_coverage"] = baselines(
        pool, project, matrix, chosen, others, sure, seed, not arguments.no_snorkel
    )
    if arguments.tune:
        figures["top_1000"] = all_the_way(project, pool, others, seed)
    project.delete()
    return figures


def calibration_error(confidence: NDArray[Any], right: NDArray[Any], n_bins: int = 10) -> float:
    """Expected calibration error over bins of equal width."""
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    gaps = [abs((confidence[bins == b] - right[bins == b]).sum()) for b in range(n_bins) if (bins == b).any()]
    return float(sum(gaps) / len(confidence))


def baselines(
    pool: Pool,
    project: Any,
    matrix: Any,
    chosen: NDArray[np.int64],
    others: NDArray[np.int64],
    sure: NDArray[np.int64],
    seed: int,
    with_snorkel: bool,
) -> tuple[dict[str, float | None], dict[str, Any]]:
    """Accuracy of the len(sure) records that each other way is surest of, and at its own coverage.

    Where the votes do not reach that coverage, majority and Snorkel go on with the labels' most frequent
    class. At their own coverage, what they label above the threshold stands beside as many of ours.
    """
    ids = [label.id for label in project.labels]
    names = np.array([label.name for label in project.labels])
    place = {number: i for i, number in enumerate(ids)}
    votes = np.vectorize(lambda one: place.get(int(one), -1))(matrix.labels)
    counts = np.stack([(votes == c).sum(axis=1) for c in range(len(ids))], axis=1).astype(float)
    total = counts.sum(axis=1, keepdims=True)
    found: dict[str, NDArray[Any] | None] = {
        "majority": np.divide(counts, total, out=np.zeros_like(counts), where=total > 0),
        "snorkel": snorkels(votes, len(ids), seed) if with_snorkel else None,
        "logistic_regression": logistic(pool, chosen, names),
    }
    labels, confidence = project.weak.labels()
    shown = {label.id: label.name for label in project.labels}
    ours = np.array([shown.get(int(one)) for one in labels]) == pool.labels
    order = others[np.argsort(-confidence[others], kind="stable")]
    rng = np.random.default_rng(seed)
    guess = np.array([(pool.labels[chosen] == name).mean() for name in names]) * 1e-6
    same: dict[str, float | None] = {}
    own: dict[str, Any] = {}
    for name, probability in found.items():
        same[name] = None
        if probability is None:
            continue
        filled = np.where(probability.sum(axis=1, keepdims=True) > 0, probability, guess)
        same[name] = surest(filled, names, pool.labels, others, len(sure), rng)
        n = int((probability[others].max(axis=1) > THRESHOLD).sum())
        own[name] = {
            "coverage": n / len(others),
            "accuracy": surest(probability, names, pool.labels, others, n, rng),
            "ours": float(ours[order[:n]].mean()),
        }
    return same, own


def surest(
    probability: NDArray[Any],
    names: NDArray[np.str_],
    truth: NDArray[np.str_],
    others: NDArray[np.int64],
    n: int,
    rng: np.random.Generator,
) -> float:
    """Share right of the n records with the highest probability, ties broken at random."""
    best = probability[others].max(axis=1)
    order = np.lexsort((rng.random(len(others)), -best))[:n]
    rows = others[order]
    return float((names[probability[rows].argmax(axis=1)] == truth[rows]).mean())


def logistic(pool: Pool, chosen: NDArray[np.int64], names: NDArray[np.str_]) -> NDArray[Any]:
    """Class probabilities of all records by a logistic regression on the labelled ones' vectors."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(max_iter=300).fit(pool.vectors[chosen], pool.labels[chosen])
    found = np.zeros((len(pool.labels), len(names)))
    for j, name in enumerate(model.classes_):
        found[:, int(np.flatnonzero(names == name)[0])] = model.predict_proba(pool.vectors)[:, j]
    return found


@lru_cache(maxsize=1)
def snorkel_folder() -> str | None:
    """Return a folder to import Snorkel from, "" where it is installed, None where it is not to be had."""
    if find_spec("snorkel") is not None:
        return ""
    folder = tempfile.mkdtemp(prefix="snorkel-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", folder, *SNORKEL_PACKAGES],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        say("no Snorkel: pip cannot fetch it")
        return None
    return folder


def snorkels(votes: NDArray[np.int64], n_classes: int, seed: int) -> NDArray[Any] | None:
    """Probabilities of Snorkel's label model on the same votes; None where it is not to be had."""
    place = snorkel_folder()
    if place is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        given, out = Path(folder) / "votes.npy", Path(folder) / "out.npy"
        np.save(given, votes)
        done = subprocess.run(
            [sys.executable, "-c", SNORKEL, str(given), str(out), str(n_classes), str(seed)],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | ({"PYTHONPATH": place} if place else {}),
        )
        if done.returncode:
            say(f"no Snorkel: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else '?'}")
            return None
        found: NDArray[Any] = np.load(out)
        found[(votes < 0).all(axis=1)] = 0
        return found


def all_the_way(project: Any, pool: Pool, others: NDArray[np.int64], seed: int) -> dict[str, float]:
    """top_1000 of the records without a manual label: raw, tuned on manual labels, and with weak ones."""
    from embtune.evaluation.topk import top_k

    _, truth = np.unique(pool.labels[others], return_inverse=True)

    def score(embedding: str) -> float:
        vectors = project.vectors(embedding)[others]
        return float(top_k(vectors, truth.astype(np.int64), [1000], n_queries=2000, seed=seed).mean[0])

    with_weak = project.tune("quaterion-triplet", seed=seed, min_confidence=THRESHOLD)["version"]
    run = project.weak.standing()
    project.weak.put_in_force(None)
    alone = project.tune("quaterion-triplet", seed=seed, min_confidence=THRESHOLD)["version"]
    project.weak.put_in_force(run.id)
    return {"raw": score("raw"), "manual alone": score(alone), "manual and weak": score(with_weak)}


def speed(folder: Path) -> dict[str, Any]:
    """Seconds that 20 look-up heuristics of ten terms take on all 20,000 records, three times."""
    from collections import Counter

    import embtune

    rows = seed_rows(folder, "train.json", "val.json", REFERENCE)
    project = embtune.open("speed")
    project.import_records(as_file(rows), name="all.json", text=TEMPLATE)
    words = Counter(word for text in texts_of(rows, TEMPLATE) for word in set(text.lower().split()))
    frequent = [word for word, n in words.most_common(2000) if word.isalpha() and n < len(rows) // 10][:200]
    project.add_label("one")
    project.add_label("two")
    for i in range(20):
        project.heuristics.add("lookup", f"look-up {i}", label="one", terms=frequent[i::20])
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        done = project.heuristics.run([one.id for one in project.heuristics.all()])
        seconds.append(round(time.perf_counter() - began, 3))
        assert not done["failed"]
    hits = sum(one["hits"] for one in done["done"])
    return {"n_records": project.n_records, "heuristics": 20, "hits": hits, "seconds": seconds}


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over the draws, in the shape that scripts read."""

    def mean(values: list[Any]) -> float | None:
        there = [value for value in values if value is not None]
        return round(statistics.fmean(there), 4) if there else None

    names = ("majority", "snorkel", "logistic_regression")
    found: dict[str, Any] = {key: mean([run[key] for run in runs]) for key in ("coverage", "accuracy", "ece")}
    found["baselines"] = {name: mean([run["baselines"][name] for run in runs]) for name in names}
    found["seeds"] = len(runs)
    found["own_coverage"] = {
        name: {
            key: mean([run["own_coverage"][name][key] for run in runs])
            for key in ("coverage", "accuracy", "ours")
        }
        for name in names
        if all(name in run["own_coverage"] for run in runs)
    }
    for key in ("coverage_of_all", "accuracy_of_all", "coverage_of_rules", "n_rules"):
        found[key] = mean([run[key] for run in runs])
    if "top_1000" in runs[0]:
        found["top_1000"] = {key: mean([run["top_1000"][key] for run in runs]) for key in runs[0]["top_1000"]}
    return found


def table(result: dict[str, Any]) -> str:
    """Return the result for people."""
    runs = result["runs"]
    lines = [
        ["weak supervision", *(spread([run[key] for run in runs]) for key in ("coverage", "accuracy", "ece"))]
    ]
    lines += [
        [name.replace("_", " "), "the same", spread([run["baselines"][name] for run in runs]), ""]
        for name in ("majority", "snorkel", "logistic_regression")
    ]
    parts = [
        markdown(["", f"coverage above {THRESHOLD}", "accuracy", "calibration error"], lines),
        "",
        "- above the threshold of their own: "
        + "; ".join(
            f"{name.replace('_', ' ')} {spread([run['own_coverage'][name]['accuracy'] for run in runs])} of "
            f"{spread([run['own_coverage'][name]['coverage'] for run in runs])}, weak supervision's surest "
            f"as many {spread([run['own_coverage'][name]['ours'] for run in runs])}"
            for name in runs[0]["own_coverage"]
        ),
        f"- all weak labels: {spread([run['coverage_of_all'] for run in runs])} of the records, "
        f"{spread([run['accuracy_of_all'] for run in runs])} right",
        f"- {spread([float(run['n_rules']) for run in runs], 1)} look-up heuristics, which cover "
        f"{spread([run['coverage_of_rules'] for run in runs])}",
        f"- seconds of the first draw: {runs[0]['seconds']}",
    ]
    if "top_1000" in runs[0]:
        parts.append(
            "- top_1000 of the records without a manual label: "
            + "; ".join(
                f"{key} {spread([run['top_1000'][key] for run in runs])}" for key in runs[0]["top_1000"]
            )
        )
    if "speed" in result:
        parts.append(f"- {result['speed']}")
    return "\n".join([*parts, facts(result["machine"])])


def main() -> None:
    """Parse the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder ag_news_seed")
    parser.add_argument("--seeds", type=int, default=5, help="draws of labels")
    parser.add_argument("--first-seed", type=int, default=300, help="seed of the first draw")
    parser.add_argument("--labels", type=int, default=261, help="manual labels")
    parser.add_argument("--tune", action="store_true", help="go on to quaterion-triplet and top_1000")
    parser.add_argument("--speed", action="store_true", help="time 20 look-ups on 20,000 records")
    parser.add_argument("--no-snorkel", action="store_true", help="leave Snorkel out")
    parser.add_argument("--cache", type=Path, help="folder for vectors; a temporary one by default")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    arguments = parser.parse_args()
    folder = seed_folder(arguments.data)
    with home_folder():
        pool = Pool(folder, arguments.cache)
        runs = []
        for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
            runs.append(one_draw(pool, arguments.labels, seed, arguments))
            say(f"seed {seed}: {runs[-1]}")
        result: dict[str, Any] = {"benchmark": "weak", "runs": runs, "machine": machine()}
        if arguments.speed:
            result["speed"] = speed(folder)
    if arguments.json:
        print(json.dumps(summary(runs) | {key: result[key] for key in ("speed", "machine") if key in result}))
    else:
        print(table(result))


if __name__ == "__main__":
    main()
