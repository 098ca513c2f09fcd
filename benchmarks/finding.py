"""Finding what matters: planted label errors, copies and foreign texts among the first that are shown.

Label errors: 2,000 records at random have their true label, of which 5 or 10 % are flipped: in the news to
any other class, in the bank's questions to one of the three nearest classes. Precision@50 is the share of
flipped ones among the first 50. Against it stand random order, and the lowest probability of the given label
by a plain logistic regression in five folds. The data's own errors count as false finds, for all alike.

Near-copies: 200 records get a copy with a small edit. Outliers: 50 texts of the other data set are put in.

    python benchmarks/finding.py --data DIR [--seeds 5] [--cache DIR] [--json]
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from corpus import (
    REFERENCE,
    TEMPLATE,
    banking_rows,
    facts,
    machine,
    markdown,
    say,
    seed_folder,
    seed_rows,
    spread,
    texts_of,
)
from vectors import cached_vectors

FIRST = 50
N_LABELS = 2000
N_COPIES = 200
N_FOREIGN = 50
SHARES = (0.05, 0.10)


class Corpus:
    """Texts, true classes and vectors of one data set."""

    def __init__(self, name: str, texts: list[str], labels: list[str], cache: Path | None) -> None:
        from embtune.neighbors.exact import nearest
        from embtune.tuning.propagation import SIZES, rank_weighted_graph

        self.name = name
        kept = np.sort(np.unique(texts, return_index=True)[1])  # twice the same text is one record
        self.texts = [texts[i] for i in kept]
        self.names, self.labels = np.unique([labels[i] for i in kept], return_inverse=True)
        self.vectors = np.ascontiguousarray(cached_vectors(self.texts, cache), dtype=np.float32)
        say(f"{name}: {len(self.texts):,} records, neighbours")
        self.rows, self.cosine = nearest(self.vectors, max(SIZES))
        self.graph = rank_weighted_graph(self.rows, self.cosine)
        means = np.stack([self.vectors[self.labels == c].mean(axis=0) for c in range(len(self.names))])
        means /= np.linalg.norm(means, axis=1, keepdims=True)
        near = means @ means.T
        np.fill_diagonal(near, -1)
        self.near_classes = np.argsort(-near, axis=1)[:, :3]


def flipped(
    labels: Any, share: float, n_classes: int, rng: np.random.Generator, near: Any = None
) -> tuple[Any, Any]:
    """Return labels with a share of them wrong, and which: any other class, or one of the nearest."""
    wrong = np.zeros(len(labels), dtype=bool)
    wrong[rng.choice(len(labels), round(share * len(labels)), replace=False)] = True
    given = labels.copy()
    if near is None:
        given[wrong] = (labels[wrong] + rng.integers(1, n_classes, wrong.sum())) % n_classes
    else:
        given[wrong] = near[labels[wrong], rng.integers(0, near.shape[1], wrong.sum())]
    return given, wrong


def by_embtune(corpus: Corpus, rows: Any, given: Any, seed: int) -> Any:
    """Return the labels in the order in which they are shown: the suspects, then by how little they fit."""
    from embtune.evaluation.quick import fit_quick
    from embtune.exploring.label_errors import suspects, suspicion

    classes, labels = np.unique(given, return_inverse=True)
    fit = fit_quick(corpus.vectors, rows, labels, len(classes), graph=corpus.graph, seed=seed)
    found = suspects(labels[fit.places], fit.held_out)
    rest = np.argsort(-suspicion(labels[fit.places], fit.held_out), kind="stable")
    order = np.concatenate([found.places, rest[~np.isin(rest, found.places)]])
    return fit.places[order], len(found.places)


def by_regression(corpus: Corpus, rows: Any, given: Any, seed: int) -> Any:
    """Return the labels by the probability that a plain logistic regression gives them, lowest first."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    _, labels = np.unique(given, return_inverse=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        said = cross_val_predict(
            LogisticRegression(max_iter=200),
            corpus.vectors[rows],
            labels,
            cv=StratifiedKFold(5, shuffle=True, random_state=seed),
            method="predict_proba",
        )
    return np.argsort(said[np.arange(len(labels)), labels], kind="stable")


def label_errors(corpus: Corpus, seeds: int, *, near: bool) -> dict[str, Any]:
    """Measure precision@50 for each share of flipped labels."""
    out = {}
    for share in SHARES:
        lines: dict[str, list[float]] = {"embtune": [], "regression": [], "random": []}
        n_found, right, seconds = [], [], []
        for seed in range(seeds):
            rng = np.random.default_rng(seed)
            rows = np.sort(rng.choice(len(corpus.texts), N_LABELS, replace=False))
            given, wrong = flipped(
                corpus.labels[rows], share, len(corpus.names), rng, corpus.near_classes if near else None
            )
            before = time.perf_counter()
            order, n = by_embtune(corpus, rows, given, seed)
            seconds.append(time.perf_counter() - before)
            lines["embtune"].append(float(wrong[order[:FIRST]].mean()))
            n_found.append(n)
            right.append(float(wrong[order[:n]].mean()) if n else 0.0)
            lines["regression"].append(float(wrong[by_regression(corpus, rows, given, seed)[:FIRST]].mean()))
            lines["random"].append(float(wrong[rng.permutation(len(rows))[:FIRST]].mean()))
            say(f"{corpus.name} {share:.0%} seed {seed}: {lines['embtune'][-1]:.2f}")
        out[f"{share:.0%}"] = {
            name: {"mean": float(np.mean(values)), "values": values} for name, values in lines.items()
        } | {
            "n_suspects": float(np.mean(n_found)),
            "suspects_right": float(np.mean(right)),
            "seconds": float(np.median(seconds)),
        }
    return out


def edited(text: str, rng: np.random.Generator) -> str:
    """Return a text with one small edit, as copies have that were made by hand or by another system."""
    words = text.split()
    edit = int(rng.integers(6))
    if edit == 0:
        return text.lower()
    if edit == 1:
        return text.rstrip(" .?!") + " ."
    if edit == 2 and len(words) > 6:
        del words[int(rng.integers(1, len(words) - 1))]
    elif edit == 3:
        long = [i for i, word in enumerate(words) if len(word) > 4]
        if long:
            i = int(rng.choice(long))
            at = int(rng.integers(1, len(words[i]) - 2))
            words[i] = words[i][:at] + words[i][at + 1] + words[i][at] + words[i][at + 2 :]
    elif edit == 4:
        return "  ".join(words)
    else:
        words.insert(0, "Update:")
    return " ".join(words)


def duplicates(corpus: Corpus, cache: Path | None) -> dict[str, Any]:
    """Plant edited copies; say how many end in one group with their origin, and what else is grouped."""
    from embtune.exploring.duplicates import duplicate_groups, suggested_threshold
    from embtune.neighbors.exact import nearest

    rng = np.random.default_rng(0)
    chosen = np.sort(rng.choice(len(corpus.texts), N_COPIES, replace=False))
    copies = [edited(corpus.texts[i], rng) for i in chosen.tolist()]
    vectors = np.vstack([corpus.vectors, cached_vectors(copies, cache)]).astype(np.float32)
    n = len(corpus.texts)
    before = time.perf_counter()
    near = nearest(vectors, 20)
    seconds = time.perf_counter() - before
    out: dict[str, Any] = {"seconds": seconds, "suggested": suggested_threshold(near[1])}
    for threshold in sorted({0.95, out["suggested"]}):
        before = time.perf_counter()
        found = duplicate_groups(*near, threshold)
        together = (found.group[chosen] >= 0) & (found.group[chosen] == found.group[n + np.arange(N_COPIES)])
        planted = np.unique(found.group[chosen][together])
        out[f"{threshold:g}"] = {
            "copies_found": float(together.mean()),
            "groups": len(found),
            "groups_without_a_copy": len(found) - len(planted),
            "largest": int(found.sizes.max(initial=0)),
            "grouping_seconds": time.perf_counter() - before,
        }
    return out


def outliers(corpus: Corpus, other: Corpus, seeds: int) -> dict[str, Any]:
    """Put in texts of the other data set; precision@50 of the scores, and of a local outlier factor."""
    from embtune.exploring.outliers import NEIGHBORS, outlier_scores
    from embtune.neighbors.exact import nearest

    lines: dict[str, list[float]] = {"embtune": [], "local": [], "random": []}
    n = len(corpus.texts)
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        foreign = rng.choice(len(other.texts), N_FOREIGN, replace=False)
        vectors = np.vstack([corpus.vectors, other.vectors[foreign]])
        rows, cosine = nearest(vectors, 20)
        distance = 1 - cosine[:, :NEIGHBORS].mean(axis=1)
        local = distance / np.maximum(distance[rows[:, :NEIGHBORS]].mean(axis=1), 1e-6)
        for name, scores in (
            ("embtune", outlier_scores(rows, cosine)),
            ("local", local),
            ("random", rng.random(len(vectors))),
        ):
            lines[name].append(float((np.argsort(-scores, kind="stable")[:FIRST] >= n).mean()))
        say(f"{corpus.name} outliers seed {seed}: {lines['embtune'][-1]:.2f}")
    return {name: {"mean": float(np.mean(values)), "values": values} for name, values in lines.items()}


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder with ag_news_seed and banking77")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--cache", type=Path, default=None, help="where vectors are kept between runs")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    news = seed_rows(seed_folder(given.data), REFERENCE)
    bank, _ = banking_rows(given.data)
    corpora = [
        Corpus("ag_news_seed", texts_of(news, TEMPLATE), [row["label"] for row in news], given.cache),
        Corpus("banking77", [row["text"] for row in bank], [row["category"] for row in bank], given.cache),
    ]
    found: dict[str, Any] = {"first": FIRST, "seeds": given.seeds, "machine": machine()}
    for i, corpus in enumerate(corpora):
        found[corpus.name] = {
            "label_errors": label_errors(corpus, given.seeds, near=corpus.name == "banking77"),
            "duplicates": duplicates(corpus, given.cache),
            "outliers": outliers(corpus, corpora[1 - i], given.seeds),
        }
    if given.json:
        print(json.dumps(found))
        return
    print(facts(found["machine"]), "\n")
    names = [corpus.name for corpus in corpora]
    head = ["precision@50", *(f"{name}, {share:.0%} flipped" for name in names for share in SHARES)]
    print(
        markdown(
            head,
            [
                [
                    way,
                    *(
                        spread(found[name]["label_errors"][f"{share:.0%}"][way]["values"], 3)
                        for name in names
                        for share in SHARES
                    ),
                ]
                for way in ("embtune", "regression", "random")
            ],
        ),
        "\n",
    )
    for name in names:
        for share, line in found[name]["label_errors"].items():
            print(
                f"{name}, {share}: {line['n_suspects']:.0f} suspects, {line['suspects_right']:.0%} of them "
                f"flipped, {line['seconds']:.1f} s"
            )
    print()
    print(
        markdown(
            ["outliers, precision@50", *names],
            [
                [way, *(spread(found[name]["outliers"][way]["values"], 3) for name in names)]
                for way in ("embtune", "local", "random")
            ],
        ),
        "\n",
    )
    for name in names:
        known = found[name]["duplicates"]
        for threshold, line in known.items():
            if isinstance(line, dict):
                own = " (suggested)" if float(threshold) == known["suggested"] else ""
                print(
                    f"{name}, cosine {threshold}{own}: "
                    f"{line['copies_found']:.1%} of copies found; {line['groups']:,} groups, "
                    f"{line['groups_without_a_copy']:,} of them not planted, largest {line['largest']:,}"
                )


if __name__ == "__main__":
    main()
