"""Suggested heuristics: what is found, and that no figure flatters."""

import math

import numpy as np
import pytest

from embtune.evaluation.wilson import wilson
from embtune.heuristics.lookup import LookupConfig
from embtune.heuristics.regex import RegexConfig
from embtune.heuristics.suggesting import TextIndex, suggest, suggest_all, suggest_from_rows
from embtune.heuristics.suggesting_lists import best_list, best_radius
from embtune.heuristics.suggesting_scores import Belief, Evidence, log_odds
from embtune.heuristics.suggesting_search import Search
from embtune.heuristics.terms import TermIndex

SPORTS, MONEY, WORLD = 12, 7, 30
OWN = {
    SPORTS: ("goal", "striker", "referee", "penalty", "stadium", "coach", "derby", "tackle"),
    MONEY: ("shares", "profit", "dividend", "inflation", "lender", "bond", "merger", "audit"),
    WORLD: ("treaty", "envoy", "ceasefire", "border", "embassy", "refugee", "summit", "minister"),
}
FILLER = tuple(
    a + b for a in ("ba", "do", "ki", "lu", "me", "po", "ra", "su") for b in ("lan", "mer", "nit", "pos")
)


def corpus(n=900, seed=0):
    """Texts of three classes with two words of their own each among fillers; the classes, and folds."""
    rng = np.random.default_rng(seed)
    classes = rng.choice([SPORTS, MONEY, WORLD], n)
    texts = []
    for one in classes:
        words = [*rng.choice(OWN[one], 2, replace=False), *rng.choice(FILLER, 8)]
        rng.shuffle(words)
        texts.append(" ".join(words).capitalize() + ".")
    return texts, classes, rng.integers(0, 5, n)


def some_labels(classes, n, seed=0):
    labels = np.full(len(classes), -1)
    rows = np.random.default_rng(seed).choice(len(classes), n, replace=False)
    labels[rows] = classes[rows]
    return labels


@pytest.fixture(scope="module")
def made():
    texts, classes, folds = corpus()
    return TextIndex(texts), classes, folds, texts


def places(index, name):
    return [
        i for i, other in enumerate(index.names[: index.n_terms]) if other == name and i not in index.forms
    ]


def held(index, place):
    return sorted(index.holds.indices[index.holds.indptr[place] : index.holds.indptr[place + 1]].tolist())


def test_every_term_hits_what_a_lookup_of_it_hits():
    texts = [
        "Wal-Mart opens in New  York",
        "new\nyork, wal-mart",
        "York, new",
        "Das Café in NEW YORK",
        "",
    ] * 3
    texts += ["Ein Cafe\u0301, bitte", "हिन्दी में", "हिन्दी में", "a\x00b new york"]
    index, lookup = TextIndex(texts), TermIndex(texts)
    assert {"wal-mart", "new york", "café", "हिन्दी", "york"} <= set(index.names)
    assert "york new" not in index.names  # a comma stands between them
    for place, name in enumerate(index.names[: index.n_terms]):
        match = "prefix" if place in index.forms else "word"
        assert held(index, place) == lookup.rows(name, match).tolist(), name


def test_every_pattern_hits_what_a_regex_of_it_hits():
    import pyarrow as pa
    from pyarrow import compute

    texts = [
        "How do I pay 5 dollars",
        "how can  I pay 12 dollars?",
        "It costs $7 today",
        "Up 3.5% at 10:30",
    ] * 4
    index = TextIndex(texts)
    patterns = index.names[index.n_terms :]
    assert {r"\bhow\s+\w+\s+i\b", r"\b\d+\s+dollars\b", r"[$€£¥]\s?\d", r"^\W*how\b"} <= set(patterns)
    for place, pattern in enumerate(patterns, start=index.n_terms):
        found = compute.match_substring_regex(pa.array(texts), pattern, ignore_case=True)
        assert held(index, place) == np.flatnonzero(np.asarray(found)).tolist(), pattern


def test_log_odds_by_hand():
    """Four of 10 records of the label hold it, one of 20 others; of 40, half a record each way is added."""
    evidence = Evidence(np.array([0]), np.array([4.0]), np.array([5.0]), np.array([0.5]))
    found = log_odds(evidence, np.array([8.0]), right=10, known=30, guessed=20, n=40)
    mine, others = 4 + 1 + 0.5, 1 + 1 + 0.5  # 8 records times a quarter, half each
    ratio = math.log(mine / (10 + 5 - mine)) - math.log(others / (20 + 5 - others))
    assert found[0] == pytest.approx(ratio / math.sqrt(1 / mine + 1 / others), rel=1e-6)


def test_a_list_takes_what_adds_most_and_stops_where_nothing_does():
    holds = TextIndex(["aa bb", "aa", "bb", "bb cc", "cc"]).holds
    worth = np.array([0.5, 0.5, -0.5, 0.4, -0.5])
    names = TextIndex(["aa bb", "aa", "bb", "bb cc", "cc"]).names
    taken, covered = best_list(holds, worth, fewest=1)
    assert [names[i] for i in taken] == ["aa"]  # 1.0; then "bb" would add -.5 + .4, "cc" .4 - .5
    assert covered.tolist() == [True, True, False, False, False]


def test_the_radius_is_where_most_is_gained():
    cosine = np.array([[1.0, 0.82, 0.62, 0.41, 0.1], [0.1, 0.1, 0.1, 0.1, 0.1]], dtype=np.float32)
    taken, at_least, covered = best_radius(cosine, np.array([0.5, 0.5, 0.4, -0.5, -0.5]))
    assert (taken, at_least) == ([0], 0.6)
    assert covered.tolist() == [True, True, True, False, False]


def test_a_label_gets_the_list_of_its_words(made):
    index, classes, folds, texts = made
    labels = some_labels(classes, 150)
    first = suggest(index, labels, label=SPORTS, folds=folds)[0]
    assert first.is_list
    assert first.kind == "lookup"
    assert set(first.config["terms"]) <= set(OWN[SPORTS])
    assert len(first.config["terms"]) >= 7  # the last brings next to nothing that others do not
    assert LookupConfig(**first.config).label == SPORTS
    hit = TermIndex(texts).count(first.config["terms"]) > 0
    assert first.hits == hit.sum() > 0.97 * (classes == SPORTS).sum()
    assert first.coverage == pytest.approx(hit.mean())
    n = first.n_known
    assert 0.9 * (labels == SPORTS).sum() < n <= (labels == SPORTS).sum()
    assert first.precision == 1.0
    assert (first.low, first.high) == pytest.approx(wilson(n, n))
    assert first.score == pytest.approx(first.low * first.coverage)


def test_all_labels_at_once_say_what_each_says_alone(made):
    index, classes, folds, texts = made
    labels = some_labels(classes, 60)
    every = suggest_all(texts, labels, folds=folds)
    assert list(every) == [MONEY, SPORTS, WORLD]
    assert every[WORLD] == suggest(index, labels, label=WORLD, folds=folds)
    shown = {one.shown for one in every[WORLD]}
    assert shown & set(OWN[WORLD])
    assert not shown & set(FILLER)


def test_no_figure_flatters_where_labels_are_drawn_by_lot():
    """Pure noise: terms that look perfect on the labels are told to be as good as any."""
    texts, classes, folds = corpus(600, seed=5)
    rng = np.random.default_rng(1)
    texts = [f"{text} " + " ".join(f"w{i}" for i in rng.integers(0, 300, 8)) for text in texts]
    index, words = TextIndex(texts), TermIndex(texts)
    naive, told, lists = [], [], []
    for seed in range(4):
        labels = some_labels(np.random.default_rng(seed).permutation(classes), 200, seed)
        base = (labels[labels >= 0] == SPORTS).mean()
        for one in suggest(index, labels, label=SPORTS, folds=folds, at_least=base + 0.1, limit=50):
            if one.is_list:
                lists.append((one.precision * one.n_known, one.n_known))
                continue
            if one.kind == "lookup":
                hit = words.rows(one.config["terms"][0], one.config["match"])
                naive.append((labels[hit[labels[hit] >= 0]] == SPORTS).mean())
                told.append(one.precision - base)
    assert len(told) > 40
    assert np.mean(naive) > 0.6
    assert abs(np.mean(told)) < 0.08
    right, known = np.sum(lists, axis=0)
    assert known > 50
    assert right / known == pytest.approx(1 / 3, abs=0.1)


def test_labels_of_a_fold_change_nothing_that_is_found_without_it(made):
    index, classes, folds, _ = made
    labels = some_labels(classes, 90)
    other = labels.copy()
    fold = folds == 2
    other[fold & (labels >= 0)] = np.where(labels[fold & (labels >= 0)] == SPORTS, WORLD, SPORTS)
    for before, after in zip(
        Search(index, labels, folds, None).parts, Search(index, other, folds, None).parts, strict=True
    ):
        same = folds[np.flatnonzero(labels >= 0)[before.held_out]][0] == 2
        assert np.array_equal(before.probability, after.probability) == same
        assert np.array_equal(before.right, after.right) == same


def test_belief_learns_how_much_finding_flatters():
    """Terms that look perfect on five records, and are right half of the time on those held out."""
    found = Evidence(np.arange(200), np.full(200, 5.0), np.full(200, 5.0), np.full(200, 0.5))
    rng = np.random.default_rng(0)
    luck = Belief.fit(found, rng.binomial(2, 0.5, 200).astype(float), np.full(200, 2.0))
    truth = Belief.fit(found, np.full(200, 2.0), np.full(200, 2.0))
    assert luck.precision(found)[0][0] == pytest.approx(0.5, abs=0.08)
    assert truth.precision(found)[0][0] > 0.93
    mean, low, high = truth.precision(found)
    assert (low < mean).all()
    assert (mean < high).all()


def test_a_part_of_a_phrase_that_hits_the_same_is_told_once():
    texts, classes, folds = corpus(300)
    texts = [
        f"{text} prime mover" if one == WORLD else text for text, one in zip(texts, classes, strict=True)
    ]
    found = suggest(texts, some_labels(classes, 100), label=WORLD, folds=folds, limit=30)
    assert sum("prime" in one.shown or "mover" in one.shown for one in found if not one.is_list) == 1


@pytest.mark.parametrize(("elsewhere", "starred"), [(MONEY, True), (SPORTS, False)])
def test_a_beginning_is_offered_where_its_words_point_one_way(elsewhere, starred):
    texts, classes, folds = corpus(600)
    ends = iter(np.tile(["market", "markets", "marketing"], 600).tolist())
    for i, one in enumerate(classes):
        if one == MONEY and i % 4:
            texts[i] += " " + next(ends)
        if one == elsewhere and i % 3 == 0:
            texts[i] += " marketplace"
    found = suggest(texts, some_labels(classes, 150), label=MONEY, folds=folds, limit=40)
    stars = [one for one in found if one.shown == "market*"]
    assert bool(stars) == starred
    if starred:
        assert stars[0].config["match"] == "prefix"
        assert stars[0].config["terms"] == ["market"]
        assert {"market", "markets", "marketing"} <= set(found[0].config["terms"])


def test_a_regex_is_offered_where_no_term_says_the_same():
    texts, classes, folds = corpus(600)
    for i, one in enumerate(classes):
        if one == SPORTS:
            texts[i] += f" {i % 5}-{i % 7}"
    found = suggest(texts, some_labels(classes, 150), label=SPORTS, folds=folds)
    patterns = [one for one in found if one.kind == "regex"]
    assert patterns[0].config["pattern"] == r"\b\d{1,3}-\d{1,3}\b"
    assert patterns[0].hits == (classes == SPORTS).sum()
    assert "a score such as 3-1" in patterns[0].why
    RegexConfig(**patterns[0].config)
    assert not any("goal" in one.config["pattern"] for one in patterns)
    assert all(
        one.kind != "regex"
        for one in suggest(texts, some_labels(classes, 150), label=SPORTS, folds=folds, kinds=("lookup",))
    )


def test_a_radius_around_typical_records():
    texts, classes, folds = corpus(400)
    rng = np.random.default_rng(0)
    centre = {SPORTS: (1, 0, 0), MONEY: (0, 1, 0), WORLD: (0, 0, 1)}
    vectors = np.array([centre[one] for one in classes.tolist()]) + rng.normal(0, 0.15, (400, 3))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    labels = some_labels(classes, 90)
    found = suggest(texts, labels, label=MONEY, folds=folds, vectors=vectors, embedding="raw")
    near = next(one for one in found if one.kind == "nearest")
    records = near.config["records"]
    assert (labels[records] == MONEY).all()
    assert (near.config["how"], near.config["embedding"]) == ("radius", "raw")
    covered = (vectors[records] @ vectors.T >= near.config["at_least"]).any(axis=0)
    assert near.hits == covered.sum()
    assert (classes[covered] == MONEY).mean() > 0.95
    assert near.low <= (classes[covered] == MONEY).mean() <= near.high
    assert not any(one.kind == "nearest" for one in suggest(texts, labels, label=MONEY, folds=folds))


def test_what_is_voted_on_already_adds_nothing(made):
    index, classes, folds, texts = made
    labels = some_labels(classes, 150)
    voted = TermIndex(texts).count(OWN[SPORTS][:4]) > 0
    found = suggest(index, labels, label=SPORTS, folds=folds, voted=voted)
    assert set(found[0].config["terms"]) <= set(OWN[SPORTS][4:])
    hit = TermIndex(texts).count(found[0].config["terms"]) > 0
    assert found[0].adds == (hit & ~voted).sum() < found[0].hits
    assert not {one.shown for one in found} & set(OWN[SPORTS][:4])
    everything = suggest(index, labels, label=SPORTS, folds=folds, voted=np.ones(index.n, dtype=bool))
    assert everything == []


def test_rows_get_what_sets_them_apart_scored_on_their_label(made):
    index, classes, folds, texts = made
    labels = some_labels(classes, 150)
    rows = np.flatnonzero(TermIndex(texts).count(["goal", "derby"]) > 0)
    found = suggest_from_rows(index, rows, labels, folds=folds)
    assert {one.label for one in found} == {SPORTS}
    shown = {one.shown for one in found}
    assert {"goal", "derby"} <= shown
    assert not shown & {*OWN[MONEY], *OWN[WORLD], *FILLER}
    assert shown < {one.shown for one in suggest(index, labels, label=SPORTS, folds=folds, limit=60)} | {
        found[0].shown
    }
    assert found[0].precision == 1.0


def test_rows_without_labels_still_tell_what_sets_them_apart(made):
    index, classes, folds, texts = made
    rows = np.flatnonzero(classes == WORLD)[:60]
    none = np.full(len(texts), -1)
    found = suggest_from_rows(index, rows, none, folds=folds)
    assert found[0].is_list
    assert set(found[0].config["terms"]) <= set(OWN[WORLD])
    assert {(one.label, one.precision, one.low, one.high, one.n_known) for one in found} == {
        (-1, None, 0, 1, 0)
    }
    named = suggest_from_rows(index, rows, none, folds=folds, label=WORLD)
    assert {one.label for one in named} == {WORLD}


def test_nothing_is_suggested_where_nothing_can_be_told(made):
    index, classes, folds, texts = made
    only = np.where(some_labels(classes, 60) == SPORTS, SPORTS, -1)
    assert suggest(index, only, label=SPORTS, folds=folds) == []
    assert suggest(index, some_labels(classes, 60), label=999, folds=folds) == []
    assert suggest_all(index, np.full(len(texts), -1), folds=folds) == {}
    assert suggest_from_rows(index, np.zeros(0, dtype=np.int64), only, folds=folds) == []
    blank = suggest_all(["", "", "?"], np.array([1, 2, 1]), folds=np.array([0, 1, 2]))
    assert blank == {1: [], 2: []}
    assert suggest_all([], np.zeros(0, dtype=np.int64), folds=np.zeros(0, dtype=np.int64)) == {}
