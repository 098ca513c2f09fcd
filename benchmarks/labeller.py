"""A simulated labeller: how many keystrokes, clicks and drawn shapes until most of a corpus is right.

The labeller knows the true labels and does what a person does, through the public API alone. Every key,
click and drawn shape counts as one action, in every flow alike; reading and pointing count nothing. Accuracy
is over the whole corpus: the labels given, and for every other record what the quick model predicts, which a
person accepts with one click at the end.

A label is one key where it has one: of up to nine labels each, of very many the nine likeliest for the record
(by the model, or before there is one by the labels' names) and those with a letter of their own. Any other is
typed to be found, which is four keys. The label set is there before the first record is looked at.

All flows are looked at now and then. Where a level was passed in between, the action that passed it is found
by halving, to one in a hundred: the labels given later are taken away, and the model fitted to the others.

    python benchmarks/labeller.py --data DIR [--flows random,advised,...] [--only ag_news_seed]
                                  [--seeds 1] [--limit N] [--json]

Flows: `random` order; `uncertain` first; `similar` sessions under raw and `similar tuned` under a version;
`shapes` on the raw map and `shapes tuned` on a version's; and `advised`: whatever `project.next_step()`, the
head of the Overview page, says is next. That is predictions page by page, typical records first: the line
under the pointer gets the label whose key is pressed, which only the wrong ones need, one key accepts the
rest, and the page is followed by the next. Opening it, or asking for larger pages, is a click; a tuning too.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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
    say,
    seed_folder,
    seed_rows,
    texts_of,
)
from numpy.typing import NDArray
from vectors import cached_vectors, remember

from embtune.labeling.accepting import page_size, worth_showing
from embtune.labeling.session_kinds import enough_to_predict
from embtune.work.overview import CHECK

LEVELS = (80, 85, 90)
BESIDE = 9  # labels that have a digit: one key; others are typed to be found
TYPED = 4  # two or three letters and Enter
OPEN = 2  # clicks that begin a session: its kind, and Start
FINE = 0.01  # of the actions: so finely is told when a level was reached
SHAPES = (5, 10, 20, 30, 50, 75, 100, 150, 200, 300)

Trace = list[tuple[int, float]]


@dataclass(frozen=True)
class Pool:
    """A data set without its labels, and the labels: shape (n,)."""

    name: str
    rows: list[dict[str, Any]]
    template: str
    truth: NDArray[np.str_]

    def part(self, keep: NDArray[np.int64]) -> Pool:
        """Return some of its records."""
        return Pool(self.name, [self.rows[i] for i in keep], self.template, self.truth[keep])


class Labeller:
    """One person at one project, counting actions."""

    def __init__(self, pool: Pool, vectors: Any, seed: int) -> None:
        import embtune

        self.project = embtune.open(f"labeller {time.time_ns()}")
        self.project.import_records(as_file(pool.rows), name="pool.json", text=pool.template)
        remember(self.project, texts_of(pool.rows, pool.template), vectors)
        self.truth = pool.truth
        self.names = sorted(set(self.truth.tolist()))
        for name in self.names:
            self.project.add_label(name)
        self.project.embed()
        labels = self.project.labels
        self.number = {label.name: label.id for label in labels}
        self.lettered = [label.id for label in labels if label.hotkey and label.hotkey.isalpha()]
        self.wanted = np.array([self.number[name] for name in self.truth.tolist()])
        self.rng = np.random.default_rng(seed)
        self.actions = 0
        self.order: list[str] = []
        self.given: list[tuple[int, int]] = []  # row, and the actions with which it was given, ascending
        self.trace: Trace = []
        self.looked = (0, 0.0)  # actions, and the best share until then

    def todo(self) -> NDArray[np.int64]:
        """Rows without an answer."""
        return np.flatnonzero(self.project.label_state().label_ids == -1)

    def cost(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Keys for the right label of each, shape (len(rows),): one, or more if no key gives it."""
        if len(self.names) <= BESIDE:
            return np.ones(len(rows), dtype=np.int64)
        lettered = np.isin(self.wanted[rows], self.lettered)
        found = self.project.class_probabilities("active")
        if found is None:
            return np.where(lettered, 1, TYPED)
        place = {int(label): i for i, label in enumerate(found[0])}
        share = found[1][rows]
        right = np.array([place.get(int(label), -1) for label in self.wanted[rows]])
        mine = np.where(right >= 0, share[np.arange(len(rows)), right], -1)
        first = (share > mine[:, None]).sum(axis=1) < BESIDE
        return np.where((first & (right >= 0)) | lettered, 1, TYPED)

    def key_by_key(self, rows: NDArray[np.int64]) -> None:
        """Label records one after the other, in a session's order."""
        after = self.actions + np.cumsum(self.cost(rows))
        self.given += zip(rows.tolist(), after.tolist(), strict=True)
        self.actions = int(after[-1]) if len(after) else self.actions
        self.order += self.truth[rows].tolist()
        self.put(rows)

    def put(self, rows: NDArray[np.int64]) -> None:
        """Give records their true labels."""
        for name in np.unique(self.truth[rows]):
            self.project.label(rows[self.truth[rows] == name], str(name), source="session")

    def share(self, embedding: str) -> float:
        """Return how much of the corpus is right now, with the predictions accepted."""
        given = self.project.label_state().label_ids
        found = self.project.quick_predictions(embedding)
        said = np.where(given >= 0, given, -1 if found is None else found[0])
        return float((said == self.wanted).mean())

    def look(self, embedding: str = "active") -> None:
        """Note how much is right; where a level was passed since the last look, with which action."""
        share = self.share(embedding)
        before, best = self.looked
        for level in LEVELS:
            if best < level / 100 <= share:
                self.trace.append(self.first(level / 100, before, share, embedding))
        self.trace.append((self.actions + 1, share))
        self.looked = self.actions, max(best, share)

    def first(self, level: float, low: int, share: float, embedding: str) -> tuple[int, float]:
        """Halve the actions since `low` until the one is found that reached a level: it, and the share then.

        What was given later is taken away for each look, and given again.
        """
        high = self.actions
        while high - low > max(1, FINE * high):
            middle = (low + high) // 2
            later = np.array([row for row, at in self.given if at > middle], dtype=np.int64)
            if len(later):
                self.project.book.clear(later)
            now = self.share(embedding)
            self.put(later)
            if now >= level:
                high, share = middle, now
            else:
                low = middle
        return high + 1, share

    def tune(self) -> None:
        """Press the button; the gate says whether the version is used."""
        self.actions += 1
        self.project.tune("auto", parameters={"encoder": "no"})

    def check_page(self, rows: NDArray[np.int64]) -> None:
        """Look through a page of predictions: the wrong ones cost a key each, one click accepts the rest."""
        found = self.project.quick_predictions("active")
        assert found is not None
        right = found[0][rows] == self.wanted[rows]
        right &= found[1][rows] >= worth_showing(len(self.names))  # what is not shown has to be given
        wrong = rows[~right]
        if len(wrong):
            self.key_by_key(wrong)
        if right.any():
            self.actions += 1
            self.given += [(row, self.actions) for row in rows[right].tolist()]
            self.project.accept_predictions(rows[right], shown=found[0][rows[right]])

    def done(self) -> bool:
        """Tell whether the last look reached the highest level."""
        return bool(self.trace) and self.trace[-1][1] >= LEVELS[-1] / 100


def steps(first: int, n: int, growth: float = 1.25) -> Iterator[tuple[int, int]]:
    """Yield (from, to): pieces of n things, each a share of what went before, so that it is quick."""
    at = 0
    while at < n:
        to = min(n, max(at + first, int(at * growth)))
        yield at, to
        at = to


def random_order(one: Labeller) -> None:
    """One record after the other at random."""
    rows = one.rng.permutation(one.todo())
    one.actions += OPEN
    for start, stop in steps(20, len(rows)):
        one.key_by_key(rows[start:stop])
        one.look()
        if one.done():
            return


def uncertain_first(one: Labeller) -> None:
    """Twenty at random, then sessions of the most uncertain."""
    one.actions += OPEN
    one.key_by_key(one.rng.permutation(one.todo())[: max(20, len(one.names))])
    while len(one.todo()) and not one.done():
        session(one, "uncertain", n=max(25, len(one.order) // 5))
        one.look()


def similar(one: Labeller, *, tuned: bool) -> None:
    """Sessions of a hundred records most like one without a label; tuned after the first three."""
    for i in range(40):
        if tuned and i in (3, 10):
            one.tune()
        left = one.todo()
        if not len(left) or one.done():
            return
        session(
            one, "similar", n=100, record=int(one.rng.choice(left)), embedding="active" if tuned else "raw"
        )
        one.look("active" if tuned else "raw")


def session(one: Labeller, kind: str, **options: Any) -> None:
    """Begin a session and answer all of it."""
    one.actions += OPEN
    number = one.project.sessions_book.create_of(kind, **options)
    one.key_by_key(np.array([item.row for item in one.project.sessions_book.items(number)], dtype=np.int64))


def shapes(one: Labeller, *, tuned: bool) -> None:
    """Cut the map into regions, draw around each, give it the label most of it has: two actions a shape.

    With `tuned`, 60 typical records are labelled key by key first, and the map is the version's.
    """
    from sklearn.cluster import KMeans

    if tuned:
        session(one, "typical", n=max(60, 2 * len(one.names)))
        one.tune()
        embedding = one.project.versions[-1].name
    else:
        embedding = "raw"
    one.project.make_map(embedding=embedding, method="umap")
    xy = np.asarray(one.project.map(embedding, "umap"))
    xy = (xy - xy.mean(axis=0)) / xy.std(axis=0)
    before, given = one.actions, one.project.label_state().label_ids.copy()
    for m in SHAPES:
        region = KMeans(m, n_init=3, random_state=0).fit(xy).labels_
        said = given.copy()
        for i in range(m):
            inside = np.flatnonzero((region == i) & (given < 0))
            if len(inside):
                kinds, counts = np.unique(one.wanted[inside], return_counts=True)
                said[inside] = kinds[counts.argmax()]
        keys = 1 if len(one.names) <= BESIDE else TYPED
        one.trace.append((before + m * (1 + keys), float((said == one.wanted).mean())))


def advised(one: Labeller) -> None:
    """Do what the product says is next, until the highest level is reached."""
    shown = 0  # the size of the pages that are open
    while not one.done():
        step = one.project.next_step()
        if step.page == "sessions":
            session(one, step.kind, n=enough_to_predict(one.project) if step.kind == "typical" else 50)
        elif step.page == "tune":
            one.tune()
        elif step.page == CHECK:
            given = len(one.wanted) - len(one.todo())
            page = page_size(given, len(one.names))
            one.actions += page != shown
            shown = page
            seed = int(one.rng.integers(1 << 30))
            left = one.project.rows_matching({"label": None}, sort={"by": "typical", "seed": seed})
            for i in range(max(1, given // (8 * page))):  # a new model after each, or each eighth of all
                if len(left) > i * page:
                    one.check_page(left[i * page : (i + 1) * page])
        else:
            return
        shown = shown if step.page == CHECK else 0
        one.look()


FLOWS: dict[str, Callable[[Labeller], None]] = {
    "random": random_order,
    "uncertain": uncertain_first,
    "similar raw": lambda one: similar(one, tuned=False),
    "similar tuned": lambda one: similar(one, tuned=True),
    "shapes raw": lambda one: shapes(one, tuned=False),
    "shapes tuned": lambda one: shapes(one, tuned=True),
    "advised": advised,
}


def summary(one: Labeller) -> dict[str, Any]:
    """Actions to each level, the best share reached, and how often the label changed between two keys."""
    figures: dict[str, Any] = {
        str(level): next((n for n, share in one.trace if share >= level / 100), None) for level in LEVELS
    }
    changes = sum(a != b for a, b in zip(one.order, one.order[1:], strict=False))
    return figures | {
        "ceiling": round(max(share for _, share in one.trace), 4),
        "switches_per_100": round(100 * changes / (len(one.order) - 1), 1) if len(one.order) > 1 else None,
    }


def pools(folder: Path, only: str | None) -> Iterator[Pool]:
    """Yield the data sets; the same text twice is one record."""
    for name in ("ag_news_seed", "banking77"):
        if only not in (None, name):
            continue
        if name == "ag_news_seed":
            rows, template, field = seed_rows(seed_folder(folder), REFERENCE), TEMPLATE, "label"
        else:
            rows, template, field = banking_rows(folder)[0], "{text}", "category"
        kept = np.sort(np.unique(texts_of(rows, template), return_index=True)[1])
        fields = ("Title", "Description") if field == "label" else ("text",)
        plain = [{key: rows[i][key] for key in fields} for i in kept]
        yield Pool(name, plain, template, np.array([rows[i][field] for i in kept]))


def line(flow: str, figures: dict[str, Any]) -> list[str]:
    """Return a flow's line of the table."""
    reached = ["-" if figures[str(x)] is None else f"{figures[str(x)]:,}" for x in LEVELS]
    switches = figures["switches_per_100"]
    return [flow, *reached, f"{figures['ceiling']:.3f}", "" if switches is None else f"{switches:.0f}"]


def main() -> None:
    """Run the flows and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with ag_news_seed and banking77")
    parser.add_argument("--flows", default=",".join(FLOWS), help="with commas")
    parser.add_argument("--seeds", type=int, default=1, help="runs of each flow, of which the median counts")
    parser.add_argument("--only", choices=("ag_news_seed", "banking77"), help="one data set")
    parser.add_argument("--limit", type=int, help="take only so many records, to try the script")
    parser.add_argument("--cache", type=Path, help="folder for vectors; a temporary one by default")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    options = parser.parse_args()
    chosen = [name.strip() for name in options.flows.split(",")]
    unknown = [name for name in chosen if name not in FLOWS]
    if unknown:
        raise SystemExit(f"There is no flow {unknown[0]!r}; there are: {', '.join(FLOWS)}.")
    result: dict[str, Any] = {}
    with home_folder(), tempfile.TemporaryDirectory() as temporary:
        for pool in pools(options.data, options.only):
            vectors = cached_vectors(texts_of(pool.rows, pool.template), options.cache or Path(temporary))
            if options.limit:
                keep = np.random.default_rng(0).permutation(len(pool.rows))[: options.limit]
                pool, vectors = pool.part(keep), vectors[keep]
            result[pool.name] = {}
            for flow in chosen:
                runs = []
                for seed in range(options.seeds):
                    began = time.perf_counter()
                    one = Labeller(pool, vectors, seed)
                    FLOWS[flow](one)
                    runs.append(summary(one))
                    took = time.perf_counter() - began
                    say(f"{pool.name}, {flow}, seed {seed}: {runs[-1]} in {took:.0f} s")
                    one.project.delete()
                result[pool.name][flow] = middle(runs)
    if options.json:
        print(json.dumps(result))
        return
    for name, flows in result.items():
        print(f"\n{name}\n")
        heads = ["flow", *(f"actions to {level} %" for level in LEVELS), "most right", "switches per 100"]
        print(markdown(heads, [line(flow, figures) for flow, figures in flows.items()]))
    print(f"\n{facts(machine())}")


def middle(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the median over seeds; None where a seed did not reach a level."""
    out: dict[str, Any] = {}
    for key in runs[0]:
        values = [run[key] for run in runs]
        known = None if any(value is None for value in values) else float(np.median(values))
        out[key] = known if known is None or key in ("ceiling", "switches_per_100") else round(known)
    return out


if __name__ == "__main__":
    main()
