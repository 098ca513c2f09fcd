"""How honest the purity estimate is: how often its 95 % interval holds the true share, over simulated shapes.

Some records are labelled: at random, one by one; or by shapes on the UMAP that hold at least 80 % of a class,
each of their records answered by itself ("shapes, each seen") or all in one stroke with the commonest label,
wrong ones included ("shapes, one stroke"). Then shapes are drawn that have nothing to do with the labels, and
`project.look_first` estimates the purity of the label it takes for the likeliest, among the records of the
shape that have no label. The true classes tell how pure it is.

Kinds of shapes, of 20 to 1,500 records: `lasso`, a disc around a random record on the UMAP or the PCA map;
`region`, one of the 10, 40 or 150 k-means cells of a map; `neighbours`, the records nearest to a random one.

    python benchmarks/purity.py --data DIR [--labels 30,100,300,1000] [--draws 10] [--shapes 30] [--json]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from corpus import (
    REFERENCE,
    TEMPLATE,
    as_file,
    banking_rows,
    facts,
    home_folder,
    machine,
    markdown,
    numbers,
    say,
    seed_folder,
    seed_rows,
    texts_of,
)
from numpy.typing import NDArray
from vectors import cached_vectors, remember

HOW = ("random", "shapes, each seen", "shapes, one stroke")
KINDS = ("lasso", "region", "neighbours")
LEAST, MOST = 20, 1500
PURE = 0.8

Rows = NDArray[np.int64]


class Corpus:
    """A data set as a project, with its true classes, its maps and their cells."""

    def __init__(self, name: str, rows: list[dict[str, Any]], text: str, field: str) -> None:
        import embtune
        from embtune.work.graphs import graph_of

        self.project = embtune.open(name)
        self.project.import_records(as_file(rows), name=f"{name}.json", text=text, reference_field=field)
        texts = texts_of(rows, text)
        remember(self.project, texts, cached_vectors(texts))
        self.project.embed()
        self.truth = self.project.reference()
        self.vectors = self.project.vectors("raw")
        say(f"{name}: graph and maps")
        graph_of(self.project, self.project.require_embedding("raw"), wait=True)
        self.maps = [self.project.map("raw", method) for method in ("umap", "pca")]
        self.cells = [_cells(xy, k) for xy in self.maps for k in (10, 40, 150)]
        self.names = {label.id: label.name for label in self.project.labels}

    def disc(self, xy: NDArray[np.float32], n: int, rng: np.random.Generator) -> Rows:
        """Return the n records nearest to a random one on a map."""
        away = ((xy - xy[rng.integers(len(xy))]) ** 2).sum(axis=1)
        return np.argpartition(away, n)[:n]

    def shape(self, kind: str, rng: np.random.Generator) -> Rows:
        """Draw a shape of a kind."""
        n = int(np.exp(rng.uniform(np.log(LEAST), np.log(MOST))))
        if kind == "lasso":
            return self.disc(self.maps[rng.integers(len(self.maps))], n, rng)
        if kind == "region":
            cells = self.cells[rng.integers(len(self.cells))]
            return np.flatnonzero(cells == rng.integers(cells.max() + 1))
        return self.project.index("raw").query_row(int(rng.integers(len(self.vectors))), n)[0]

    def labelled(self, how: str, n: int, rng: np.random.Generator) -> Iterator[tuple[Rows, int, str]]:
        """Choose about n records with the labels they are given: rows, label, source."""
        if how == "random":
            chosen = rng.permutation(len(self.truth))[:n]
            for label in np.unique(self.truth[chosen]).tolist():
                yield chosen[self.truth[chosen] == label], label, "session"
            return
        taken = np.zeros(len(self.truth), dtype=bool)
        seen: set[int] = set()
        while taken.sum() < n or len(seen) < 2:
            rows = self.disc(self.maps[0], int(rng.integers(8, 60)), rng)
            rows = rows[~taken[rows]]
            if len(rows) < 3:
                continue
            labels, counts = np.unique(self.truth[rows], return_counts=True)
            if counts.max() < PURE * len(rows):
                continue
            taken[rows] = True
            main = int(labels[counts.argmax()])
            seen.add(main)
            if how == "shapes, one stroke":
                yield rows, main, "lasso"
                continue
            for label in labels.tolist():
                yield rows[self.truth[rows] == label], label, "session"


def _cells(xy: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    from sklearn.cluster import KMeans

    found: NDArray[np.int64] = KMeans(k, n_init=1, random_state=0).fit_predict(xy).astype(np.int64)
    return found


def measure(corpus: Corpus, how: str, n: int, draws: int, shapes: int) -> list[dict[str, Any]]:
    """Return one line for each kind of shape."""
    project = corpus.project
    found: dict[str, list[tuple[float, float, float, float]]] = {kind: [] for kind in KINDS}
    seconds, fits = [], []
    for seed in range(draws):
        rng = np.random.default_rng(seed)
        actions = [
            project.label(rows, corpus.names[label], source=source).id
            for rows, label, source in corpus.labelled(how, n, rng)
        ]
        started = time.perf_counter()
        project.class_probabilities("raw")
        fits.append(time.perf_counter() - started)
        has_answer = project.label_state().manual
        for kind in KINDS:
            for _ in range(shapes):
                rows = corpus.shape(kind, rng)
                if (~has_answer[rows]).sum() < LEAST:
                    continue
                started = time.perf_counter()
                look = project.look_first(rows, embedding="raw")
                seconds.append(time.perf_counter() - started)
                right = corpus.truth[look.rows] == project.label_named(look.label).id
                found[kind].append((look.purity.share, look.purity.low, look.purity.high, right.mean()))
        for action in reversed(actions):
            project.undo(action)
    return [
        {"labels": n, "how": how, "shapes": kind, **_scores(np.array(found[kind]))}
        | {"fit_seconds": round(float(np.median(fits)), 3), "look_seconds": round(max(seconds), 3)}
        for kind in KINDS
    ]


def _scores(known: NDArray[np.float64]) -> dict[str, Any]:
    share, low, high, true = known.T
    inside = (true >= low - 1e-9) & (true <= high + 1e-9)
    return {
        "n": len(known),
        "coverage": round(float(inside.mean()), 4),
        "width": round(float((high - low).mean()), 4),
        "error": round(float((share - true).mean()), 4),
        "absolute_error": round(float(np.abs(share - true).mean()), 4),
        "purity": round(float(true.mean()), 4),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with ag_news_seed and banking77")
    parser.add_argument("--labels", type=numbers, default=[30, 100, 300, 1000])
    parser.add_argument("--draws", type=int, default=10, help="draws of labels")
    parser.add_argument("--shapes", type=int, default=30, help="shapes of each kind for each draw")
    parser.add_argument("--home", type=Path, help="keep the projects here")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    lines: dict[str, list[dict[str, Any]]] = {}
    with home_folder(given.home):
        for name in ("ag_news_seed", "banking77"):
            if name == "banking77":
                corpus = Corpus(name, banking_rows(given.data)[0], "{text}", "category")
            else:
                corpus = Corpus(name, seed_rows(seed_folder(given.data), REFERENCE), TEMPLATE, "label")
            lines[name] = []
            for how in HOW:
                for n in given.labels:
                    lines[name] += measure(corpus, how, n, given.draws, given.shapes)
                    say(f"{name}, {how}, {n:,} labels: {[one['coverage'] for one in lines[name][-3:]]}")
    about = machine()
    overall = {name: float(np.average([o["coverage"] for o in of], weights=[o["n"] for o in of]))
               for name, of in lines.items()}  # fmt: skip
    if given.json:
        print(json.dumps({"machine": about, "coverage": overall, **lines}))
        return
    head = ("data", "labels given", "labels", "shapes", "n", "coverage", "mean width", "mean error", "purity")
    print(
        markdown(
            head,
            [
                [
                    name, one["how"], f"{one['labels']:,}", one["shapes"], f"{one['n']:,}",
                    f"{one['coverage']:.3f}", f"{one['width']:.3f}", f"{one['error']:+.3f}",
                    f"{one['purity']:.3f}",
                ]
                for name, of in lines.items()
                for one in of
            ],
        )
    )  # fmt: skip
    print("\n" + " · ".join(f"{name}: {share:.3f} of all intervals hold" for name, share in overall.items()))
    print("\n" + facts(about))


if __name__ == "__main__":
    main()
