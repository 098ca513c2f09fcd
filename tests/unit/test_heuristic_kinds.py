"""What each kind of heuristic votes on, worked out by hand."""

import re

import numpy as np
import pytest
from pydantic import ValidationError

from embtune.errors import HeuristicError, ModelError, UnknownChoiceError
from embtune.heuristics import learner as learning
from embtune.heuristics import lookup as looking
from embtune.heuristics.base import ABSTAIN, Span
from embtune.heuristics.corpus import ArrayCorpus
from embtune.heuristics.kinds import KINDS, kind_of
from embtune.heuristics.learner import CLASSIFIERS
from embtune.heuristics.terms import TermIndex
from embtune.progress import silent

SPORTS, WORLD = 12, 7
NAMES = {SPORTS: "Sports", WORLD: "World"}


def run(kind, corpus, rows=None, report=silent, **config):
    chosen = kind_of(kind)
    rows = np.arange(corpus.n) if rows is None else np.array(rows)
    return chosen.run(chosen.Config(**config), corpus, rows, report)


def hits(kind, corpus, rows=None, **config):
    """Rows (or places in `rows`) that it voted on, all for the label in the configuration."""
    found = run(kind, corpus, rows, label=SPORTS, **config)
    assert set(found.labels.tolist()) <= {SPORTS, ABSTAIN}
    assert found.confidence.tolist() == (found.labels == SPORTS).astype(float).tolist()
    return np.flatnonzero(found.labels == SPORTS).tolist()


def spans(kind, corpus, rows=None, **config):
    chosen = kind_of(kind)
    rows = np.arange(corpus.n) if rows is None else np.array(rows)
    return chosen.spans(chosen.Config(label=SPORTS, **config), corpus, rows)


def on_circle(*degrees):
    angle = np.deg2rad(np.array(degrees, float))
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)


def test_every_kind_says_what_it_is():
    assert list(KINDS) == ["lookup", "regex", "field", "nearest", "learner", "zero-shot", "llm", "code"]
    for name, kind in KINDS.items():
        assert kind.name == name
        assert kind.title
        assert kind.about.endswith(".")
    with pytest.raises(UnknownChoiceError, match="Unknown kind of heuristic 'magic'"):
        kind_of("magic")


# ---- look-up lists --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("term", "match", "text", "found"),
    [
        ("goal", "word", "Late GOAL wins it", True),
        ("goal", "word", "three goals", False),
        ("goal", "prefix", "three goals", True),
        ("goal", "prefix", "the megagoal", False),
        ("goal", "part", "the megagoals", True),
        ("goal", "word", "own-goal!", True),
        ("goal", "word", "goal_2", False),
        ("wall street", "word", "On Wall  Street\ntoday", True),
        ("wall street", "word", "On Wall\nStreet", True),
        ("wall street", "word", "a seawall street", False),
        ("wall street", "word", "wall of the street", False),
        ("wall str", "prefix", "wall street", True),
        ("wall str", "word", "wall street", False),
        ("all str", "part", "wall street", True),
        ("all str", "prefix", "wall street", False),
        ("a b", "word", "xa b, a b", True),  # the second place counts
        ("C++", "word", "She writes c++, mostly", True),
        ("C++", "word", "She writes C+ and C", False),
        ("C++", "word", "abc++", False),
        ("C++", "part", "abc++", True),
        ("$5", "word", "costs US$5.", True),
        ("$5", "word", "costs $50", False),
        ("$5", "prefix", "costs $50", True),
        ("%", "word", "up 3 %", True),
        ("AT&T", "word", "shares of at&t fell", True),
        ("don't", "word", "I DON'T know", True),
        ("straße", "word", "DIE STRASSE", True),
        ("ÉTÉ", "word", "un été chaud", True),
        ("été", "word", "un e\u0301te\u0301 chaud", True),  # accents as characters of their own
        ("ete", "word", "un e\u0301te\u0301 chaud", False),
        ("हिन्दी", "word", "यह हिन्दी है", True),
        ("हिन", "word", "यह हिन्दी है", False),  # a vowel sign is of the word
        ("北京", "word", "在北京。", False),  # no blanks between words: that is what "part" is for
        ("北京", "part", "在北京。", True),
        ("ß", "part", "GROSS", True),
    ],
)
def test_where_a_term_is_found(term, match, text, found):
    corpus = ArrayCorpus([text, "nothing of it here"])
    assert hits("lookup", corpus, terms=[term], match=match) == [0] * found
    where = spans("lookup", corpus, terms=[term], match=match)
    assert [bool(places) for places in where] == [found, False]


def test_case_matters_only_where_it_is_asked_for():
    corpus = ArrayCorpus(["US troops", "give us time", "Us too", "the US army, us"])
    assert hits("lookup", corpus, terms=["US"]) == [0, 1, 2, 3]
    assert hits("lookup", corpus, terms=["US"], case=True) == [0, 3]
    assert spans("lookup", corpus, [3], terms=["US"], case=True) == [[Span("text", 4, 6)]]


def test_several_different_terms_may_be_wanted():
    corpus = ArrayCorpus(["goal goal goal", "goal by the striker", "the striker", "keeper, goal, striker"])
    terms = ["goal", "striker", "GOAL", " keeper "]  # the third is the first again
    assert hits("lookup", corpus, terms=terms) == [0, 1, 2, 3]
    assert hits("lookup", corpus, terms=terms, at_least=2) == [1, 3]
    assert hits("lookup", corpus, terms=terms, at_least=3) == [3]
    with pytest.raises(HeuristicError, match="wants 4 different terms in a record and has 3: add terms"):
        run("lookup", corpus, label=SPORTS, terms=terms, at_least=4)


def test_terms_come_from_lists_and_are_looked_for_in_fields():
    corpus = ArrayCorpus(
        ["", "a goal", ""],
        fields={"title": ["Goal", "News", None], "tags": ["x", ["striker", "late"], 5]},
        lists={3: ["goal", ""], 4: ["striker", "5"], 5: [" "]},
    )
    assert hits("lookup", corpus, lists=[3]) == [1]
    assert hits("lookup", corpus, lists=[3], fields=["title"]) == [0]
    assert hits("lookup", corpus, lists=[3, 4], fields=["title", "tags"]) == [0, 1, 2]
    assert hits("lookup", corpus, lists=[3, 4], fields=["text", "tags"], at_least=2) == [1]
    config = kind_of("lookup").Config(label=SPORTS, lists=[3, 4])
    assert kind_of("lookup").depends(config).lists == (3, 4)
    with pytest.raises(HeuristicError, match="There is no field 'body': choose among text, title, tags"):
        run("lookup", corpus, label=SPORTS, terms=["x"], fields=["body"])
    with pytest.raises(HeuristicError, match="has no terms: write some"):
        run("lookup", corpus, label=SPORTS, lists=[5])
    with pytest.raises(ValidationError, match="write at least one term, or choose a look-up list"):
        run("lookup", corpus, label=SPORTS, terms=[" "])


def test_a_few_records_are_told_as_when_all_are():
    generator = np.random.default_rng(0)
    words = np.array(["goal", "Goals", "wall", "street", "C++", "été", "a", "über", "x_goal", "$5"])
    texts = [" ".join(generator.choice(words, 6)) for _ in range(200)]
    for match in ("word", "prefix", "part"):
        for case in (False, True):
            options = {"terms": ["goal", "wall street", "c++", "ÉT", "$"], "match": match, "case": case}
            every = run("lookup", ArrayCorpus(texts), label=SPORTS, **options).labels
            some = run("lookup", ArrayCorpus(texts), [150, 3, 8], label=SPORTS, **options).labels
            assert some.tolist() == every[[150, 3, 8]].tolist()


def test_the_index_finds_what_a_regular_expression_finds():
    generator = np.random.default_rng(1)
    letters = np.array(list("abAB  -é"))
    texts = ["".join(generator.choice(letters, 12)) for _ in range(400)]
    index = TermIndex(texts)
    edges = {"word": (r"(?<!\w)", r"(?!\w)"), "prefix": (r"(?<!\w)", ""), "part": ("", "")}
    for term in ("a", "ab", "a b", "é", "b-a", "ba é"):
        body = r"\s+".join(map(re.escape, term.split()))
        for match, (left, right) in edges.items():
            for case in (False, True):
                pattern = re.compile(left + body + right, 0 if case else re.IGNORECASE)
                expected = [row for row, text in enumerate(texts) if pattern.search(text)]
                assert index.rows(term, match, case=case).tolist() == expected, (term, match, case)


def test_words_are_cut_once_for_all_look_ups(monkeypatch):
    made = []

    class Counting(TermIndex):
        def __init__(self, texts):
            made.append(len(texts))
            super().__init__(texts)

    monkeypatch.setattr(looking, "TermIndex", Counting)
    corpus = ArrayCorpus(["a goal", "the wall", "no", "nothing"])
    for term in ("goal", "wall", "no"):
        run("lookup", corpus, label=SPORTS, terms=[term])
    assert made == [4]
    run("lookup", ArrayCorpus(["x"] * 100), [3], label=SPORTS, terms=["x"])
    assert made == [4, 1]  # ten records to try it on are cut alone
    again = ArrayCorpus(["a goal", "the wall", "no", "nothing"], labels=[7, 7, 7, 7], made=corpus.made)
    run("lookup", again, label=SPORTS, terms=["goal"])
    assert made == [4, 1]


@pytest.mark.parametrize(
    ("text", "terms", "match", "marked"),
    [
        ("A goal, a GOAL", ["goal"], "word", ["goal", "GOAL"]),
        ("Wall  Street", ["wall street", "street"], "word", ["Wall  Street"]),  # what overlaps is one
        ("big goals", ["big", "goal"], "prefix", ["big", "goal"]),
        ("in der Straße hier", ["strasse"], "word", ["Straße"]),
        ("cafe\u0301 now", ["café"], "word", ["cafe\u0301"]),
        ("İstanbul goal", ["goal"], "word", ["goal"]),  # its small letters are one more
        ("naïve C++ code", ["c++"], "word", ["C++"]),
    ],
)
def test_matched_words_are_marked_where_they_stand(text, terms, match, marked):
    (places,) = spans("lookup", ArrayCorpus([text]), terms=terms, match=match)
    assert [text[place.start : place.end] for place in places] == marked


def test_a_look_up_tells_how_far_it_is_and_can_be_stopped():
    told = []

    def report(done, total=None, unit="", message="", detail=None):
        told.append((done, total, unit))

    run("lookup", ArrayCorpus(["x"]), label=SPORTS, terms=[f"t{i}" for i in range(450)], report=report)
    assert told == [(0, 450, "terms"), (200, 450, "terms"), (400, 450, "terms"), (450, 450, "terms")]


# ---- regular expressions and fields ---------------------------------------------------------


def test_a_pattern_is_looked_for_in_texts_and_fields():
    corpus = ArrayCorpus(["won 3-1", "lost", "WON 2-2"], fields={"title": [None, "Final 4-0", "x"]})
    assert hits("regex", corpus, pattern=r"\b\d-\d\b") == [0, 2]
    assert hits("regex", corpus, pattern=r"\d-\d", fields=["text", "title"]) == [0, 1, 2]
    assert hits("regex", corpus, pattern="won") == [0, 2]
    assert hits("regex", corpus, pattern="won", case=True) == [0]
    assert hits("regex", corpus, [2, 1], pattern="won") == [0]
    found = spans("regex", corpus, [1, 0], pattern=r"\d-\d|won", fields=["text", "title"])
    assert found == [[Span("title", 6, 9)], [Span("text", 0, 3), Span("text", 4, 7)]]


@pytest.mark.parametrize("pattern", ["(", r"a(?=b)", r"(a)\1"])
def test_a_pattern_that_cannot_be_used_says_why(pattern):
    for use in (hits, spans):
        with pytest.raises(HeuristicError, match=r"The regular expression .* cannot be used"):
            use("regex", ArrayCorpus(["a"]), pattern=pattern)


def test_no_pattern_takes_for_ever():
    corpus = ArrayCorpus(["a" * 5000 + "!"] * 20)
    assert hits("regex", corpus, pattern="(a+)+$") == []
    assert spans("regex", corpus, [0], pattern="(a+)+$") == [[]]


CARS = ArrayCorpus(
    ["one two three", "one", "", "one  two"],
    fields={
        "year": [1999, "2004", None, 2010.0],
        "kind": ["Estate", "van", "", "VAN"],
        "ok": [True, False, None, True],
    },
)


@pytest.mark.parametrize(
    ("config", "rows"),
    [
        ({"field": "year", "op": "between", "value": [2000, 2010]}, [1, 3]),
        ({"field": "year", "op": ">", "value": 1999}, [1, 3]),
        ({"field": "year", "op": "<", "value": 2000}, [0]),
        ({"field": "year", "op": "equals", "value": 2010}, [3]),
        ({"field": "year", "op": "empty", "value": True}, [2]),
        ({"field": "kind", "op": "equals", "value": "van"}, [1, 3]),
        ({"field": "kind", "op": "equals", "value": "van", "case": True}, [1]),
        ({"field": "kind", "op": "in", "value": ["van", "estate"]}, [0, 1, 3]),
        ({"field": "kind", "op": "begins", "value": "est"}, [0]),
        ({"field": "ok", "op": "equals", "value": "true"}, [0, 3]),
        ({"op": "length >", "value": 1}, [0, 3]),
        ({"op": "length <", "value": 1}, [2]),
        ({"op": "length between", "value": [1, 2]}, [1, 3]),
        ({"op": "length >", "value": 8, "unit": "characters"}, [0]),
        ({"field": "year", "op": "length >", "value": 0}, [0, 1, 3]),  # what is missing has no length
    ],
)
def test_a_condition_holds_where_it_should(config, rows):
    assert hits("field", CARS, **config) == rows
    assert hits("field", CARS, [3, 2, 1, 0], **config) == sorted(3 - row for row in rows)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"op": "like", "value": "x"}, "no operator 'like': choose one of equals, contains"),
        ({"op": "between", "value": [1, 2, 3]}, "value of 'between' cannot be used: it takes two values"),
        ({"op": "length >", "value": "many"}, "value of 'length >' cannot be used: it takes numbers"),
        ({"field": "colour", "op": "equals", "value": 1}, "no field 'colour': choose among text, year"),
        ({"op": "regex", "value": "("}, "The regular expression “\\(” cannot be used"),
    ],
)
def test_a_condition_that_cannot_be_used_says_why(config, message):
    with pytest.raises(HeuristicError, match=message):
        run("field", CARS, label=SPORTS, **config)


@pytest.mark.parametrize(
    ("kind", "config", "said"),
    [
        ("lookup", {"label": SPORTS, "terms": ["goal", "striker", "a", "b"]}, "goal, striker +2 → Sports"),
        ("lookup", {"label": 99, "lists": [3]}, "1 look-up list → a label that is gone"),
        ("regex", {"label": WORLD, "pattern": r"\d-\d"}, r"\d-\d → World"),
        ("field", {"label": WORLD, "op": "length between", "value": [3, 9]},
         "text length between 3 and 9 words → World"),
        ("nearest", {"label": WORLD, "records": [1, 2]}, "cosine of 0.60 to 2 examples → World"),
        ("nearest", {"how": "vote"}, "60% of the 10 nearest labels → its label"),
        ("learner", {"labels": [SPORTS]}, "logistic regression on raw, 80% sure → Sports"),
    ],
)  # fmt: skip
def test_a_heuristic_says_what_it_does(kind, config, said):
    chosen = kind_of(kind)
    assert chosen.describe(chosen.Config(**config), NAMES) == said


# ---- nearest --------------------------------------------------------------------------------


def test_a_radius_holds_what_is_near_to_any_example_or_to_their_mean():
    corpus = ArrayCorpus([""] * 5, vectors={"raw": on_circle(0, 40, 20, 60, 90)})
    near = {"records": [0, 1], "at_least": float(np.cos(np.deg2rad(25)))}
    # An example alone is no reason to vote for itself: 0 and 1 are 40 degrees apart.
    assert hits("nearest", corpus, **near) == [2, 3]
    # The mean of both is at 20 degrees; without itself, each has only the other.
    assert hits("nearest", corpus, of="mean", **near) == [2]
    wider = near | {"at_least": float(np.cos(np.deg2rad(41)))}
    assert hits("nearest", corpus, **wider) == [0, 1, 2, 3]
    assert hits("nearest", corpus, of="mean", **wider) == [0, 1, 2, 3]


def with_folds(labels, folds, degrees, **options):
    corpus = ArrayCorpus([""] * len(labels), labels=labels, label_names=NAMES, **options)
    corpus._vectors = {"raw": on_circle(*degrees)}
    corpus.folds = np.array(folds)
    return corpus


def test_manual_labels_vote_only_on_records_of_other_folds():
    # 0, 1: Sports at 0 and 2 degrees, both of fold 0; 2: World at 10, of fold 1; 3 has no label.
    corpus = with_folds([SPORTS, SPORTS, WORLD, -1], [0, 0, 1, 0], (0, 2, 10, 1))
    any_near = run("nearest", corpus, at_least=0.9)
    assert any_near.labels.tolist() == [WORLD, WORLD, SPORTS, SPORTS]
    mean_near = run("nearest", corpus, at_least=0.9, of="mean")
    assert mean_near.labels.tolist() == [WORLD, WORLD, SPORTS, SPORTS]
    one = run("nearest", corpus, at_least=0.9, label=SPORTS)
    assert one.labels.tolist() == [ABSTAIN, ABSTAIN, SPORTS, SPORTS]
    assert one.notes == {"n_examples": 2, "per_label": {str(SPORTS): 2}}
    voted = run("nearest", corpus, how="vote", k=3, min_confidence=0.6)
    assert voted.labels.tolist() == [WORLD, WORLD, SPORTS, SPORTS]
    assert voted.confidence == pytest.approx([1, 1, 1, 2 / 3])


def test_a_vote_needs_its_share_and_goes_to_the_nearer_when_even():
    corpus = with_folds([SPORTS, WORLD, WORLD, -1], [0, 1, 2, 3], (0, 30, 90, 10))
    even = run("nearest", corpus, [3], how="vote", k=2, min_confidence=0.5)
    assert (even.labels.tolist(), even.confidence.tolist()) == ([SPORTS], [0.5])
    assert run("nearest", corpus, [3], how="vote", k=2, min_confidence=0.6).labels.tolist() == [ABSTAIN]
    more = run("nearest", corpus, [3], how="vote", k=50, min_confidence=0.6)
    assert more.labels.tolist() == [WORLD]
    assert more.confidence == pytest.approx([2 / 3])
    only = run("nearest", corpus, [3], how="vote", k=50, min_confidence=0.6, label=SPORTS)
    assert (only.labels.tolist(), only.confidence.tolist()) == ([ABSTAIN], [0])


def test_nearness_in_blocks_is_nearness(monkeypatch):
    generator = np.random.default_rng(0)
    labels = np.where(generator.random(150) < 0.3, generator.choice([SPORTS, WORLD], 150), -1)
    corpus = with_folds(labels, generator.integers(0, 5, 150), generator.uniform(0, 360, 150))
    configs = [{"how": "vote", "k": 5}, {"at_least": 0.99}, {"at_least": 0.1, "of": "mean"}]
    whole = [run("nearest", corpus, **config).labels.tolist() for config in configs]
    monkeypatch.setattr("embtune.heuristics.nearest._PRODUCTS", 1)
    assert [run("nearest", corpus, **config).labels.tolist() for config in configs] == whole


def test_examples_that_cannot_be_used_say_why():
    corpus = ArrayCorpus([""] * 3, vectors={"raw": on_circle(0, 1, 2)}, label_names=NAMES)
    with pytest.raises(HeuristicError, match="There is no manual label to be near to: label some records"):
        run("nearest", corpus)
    with pytest.raises(HeuristicError, match="An example is record 9, and there are 3"):
        run("nearest", corpus, label=SPORTS, records=[1, 9])
    with pytest.raises(ValidationError, match="example records need a label"):
        kind_of("nearest").Config(records=[1])
    with pytest.raises(ValidationError, match="a vote is of manual labels"):
        kind_of("nearest").Config(records=[1], label=SPORTS, how="vote")


# ---- the active learner ---------------------------------------------------------------------


def two_groups(n_labels, seed=0, n=200):
    """Half of the records around 0 degrees, half around 90, the first labels of either known."""
    generator = np.random.default_rng(seed)
    true = np.tile([SPORTS, WORLD], n // 2)
    degrees = np.where(true == SPORTS, 0, 90) + generator.normal(0, 12, n)
    labels = np.where(np.arange(n) < n_labels, true, -1)
    return with_folds(labels, np.arange(n) // 2 % 5, degrees), true


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_every_classifier_learns_and_votes_where_it_is_sure(classifier):
    corpus, true = two_groups(40)
    found = run("learner", corpus, classifier=classifier, min_confidence=0.7)
    voted = found.labels != ABSTAIN
    assert voted.mean() > 0.9
    assert (found.labels == true)[voted].mean() > 0.95
    assert (found.confidence[voted] >= 0.7).all()
    assert (found.confidence[~voted] == 0).all()
    assert found.notes["n_labels"] == 40
    assert found.notes["per_label"] == {str(WORLD): 20, str(SPORTS): 20}


def test_votes_on_labelled_records_come_from_models_that_did_not_see_their_fold():
    """Labels at random can be learned by heart; held out, they are guessed."""
    generator = np.random.default_rng(5)
    labels = generator.choice([SPORTS, WORLD], 200)
    corpus = ArrayCorpus([""] * 200, labels=labels, label_names=NAMES)
    vectors = generator.normal(size=(200, 300)).astype(np.float32)
    corpus._vectors = {"raw": vectors / np.linalg.norm(vectors, axis=1, keepdims=True)}
    found = run("learner", corpus, classifier="linear SVM", min_confidence=0)
    assert 0.35 < (found.labels == labels).mean() < 0.65
    assert found.notes["accuracy_held_out"] == pytest.approx((found.labels == labels).mean(), abs=1e-3)
    assert found.confidence.mean() < 0.7  # and the learner knows it


def test_some_rows_get_the_votes_that_they_get_among_all():
    corpus, _ = two_groups(40)
    every = run("learner", corpus, min_confidence=0.5)
    some = run("learner", corpus, [190, 3, 77], min_confidence=0.5)
    assert some.labels.tolist() == every.labels[[190, 3, 77]].tolist()
    assert some.confidence == pytest.approx(every.confidence[[190, 3, 77]])


def test_it_votes_for_chosen_labels_and_learns_from_all():
    corpus, _ = two_groups(40)
    every, chosen = (run("learner", corpus, labels=labels, min_confidence=0.6) for labels in ((), (WORLD,)))
    assert chosen.labels.tolist() == np.where(every.labels == WORLD, WORLD, ABSTAIN).tolist()
    assert chosen.notes == every.notes


def test_a_record_abstains_if_without_its_fold_there_is_nothing_to_tell_apart():
    corpus, _ = two_groups(4)  # two labels of either class
    corpus.folds[:4] = [0, 1, 0, 2]  # without fold 0, all labels are of one class
    found = run("learner", corpus, min_confidence=0)
    assert (found.labels[:4] == ABSTAIN).tolist() == [True, False, True, False]
    assert found.notes["n_held_out"] == 2
    assert (found.labels[4:] != ABSTAIN).all()


@pytest.mark.parametrize(
    ("labels", "have"),
    [
        ([], "none"),
        ([SPORTS] * 9, "9 of Sports"),
        ([SPORTS, SPORTS, WORLD], "1 of World, 2 of Sports"),
    ],
)
def test_too_few_labels_are_told_with_their_number(labels, have):
    corpus = with_folds([*labels, *[-1] * (10 - len(labels))], range(10), range(10))
    with pytest.raises(HeuristicError, match=f"needs 2 manual labels each of 2 classes or more.*{have}:"):
        run("learner", corpus)


def test_a_class_of_one_label_is_learned_beside_the_others():
    corpus, true = two_groups(40)
    corpus.labels[41], corpus._vectors["raw"][41] = 5, on_circle(200)[0]
    found = run("learner", corpus, min_confidence=0.5)
    assert found.notes["per_label"]["5"] == 1
    assert (found.labels == true)[50:].mean() > 0.9


def test_a_classifier_that_is_not_there_is_refused():
    with pytest.raises(ValidationError, match="no classifier 'oracle'; there are logistic regression"):
        kind_of("learner").Config(classifier="oracle")
    assert kind_of("learner").depends(kind_of("learner").Config(embedding="v1")).learns
    assert learning.FEWEST == 2


# ---- zero-shot ------------------------------------------------------------------------------

NEWS = [
    "The striker scored two late goals and the team won the cup final.",
    "Ministers from both countries signed a peace treaty at the United Nations.",
    "The goalkeeper saved a penalty in the last minute of the match.",
    "Voters elected a new president after weeks of protests in the capital.",
]


@pytest.mark.model
def test_a_sentence_encoder_votes_by_the_labels_descriptions():
    corpus = ArrayCorpus(NEWS, label_names=NAMES)
    about = {SPORTS: "sports: football, matches, teams", WORLD: "world politics and governments"}
    told = []

    def report(done, total=None, unit="", message="", detail=None):
        told.append((done, unit))

    found = run("zero-shot", corpus, descriptions=about, min_confidence=0.7, report=report)
    assert found.labels.tolist() == [SPORTS, WORLD, SPORTS, WORLD]
    assert (found.confidence >= 0.7).all()
    assert found.notes["statements"][0] == "This text is about sports: football, matches, teams."
    assert told[-1] == (4, "records")
    assert run("zero-shot", corpus, min_confidence=1.0).labels.tolist() == [ABSTAIN] * 4


@pytest.mark.model
def test_vectors_at_hand_are_used_in_place_of_the_texts():
    from embtune.embedding.device import pick_device
    from embtune.embedding.encoder import Encoder
    from embtune.embedding.models import resolve_model

    vectors = Encoder.load(resolve_model(), pick_device("cpu"), precision="float32").encode(NEWS)
    corpus = ArrayCorpus(
        [""] * 4, vectors={"raw": vectors, "other": on_circle(0, 1, 2, 3)}, label_names=NAMES
    )
    found = run("zero-shot", corpus, embedding="raw", min_confidence=0)
    assert found.labels.tolist() == [SPORTS, WORLD, SPORTS, WORLD]
    with pytest.raises(HeuristicError, match=r"'other' has 2 numbers a record and the model .* makes 384"):
        run("zero-shot", corpus, embedding="other")


@pytest.fixture
def tiny_inference(tmp_path):
    """A classifier of pairs with random weights, saved as people publish them."""
    transformers = pytest.importorskip("transformers")
    import torch

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "this", "text", "is", "about", "sports", "world"]
    words += ["rain", "falls", "goal", "team", "the", "of", "a", ".", "peace", "treaty"]
    (tmp_path / "vocab.txt").write_text("\n".join(words))

    def make(names):
        torch.manual_seed(0)
        config = transformers.BertConfig(
            vocab_size=len(words), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
            intermediate_size=32, initializer_range=1.0, num_labels=len(names),
            id2label=dict(enumerate(names)), label2id={name: i for i, name in enumerate(names)},
        )  # fmt: skip
        folder = tmp_path / "model"
        transformers.BertForSequenceClassification(config).save_pretrained(folder)
        transformers.BertTokenizerFast(str(tmp_path / "vocab.txt")).save_pretrained(folder)
        return str(folder)

    return make


def test_a_model_of_inference_says_what_follows(tiny_inference):
    folder = tiny_inference(["contradiction", "ENTAILMENT", "neutral"])
    texts = ["rain falls", "the goal of the team", "", "peace " * 2000]
    corpus = ArrayCorpus(texts, label_names=NAMES)
    found = run("zero-shot", corpus, model=folder, min_confidence=0)
    alone = [run("zero-shot", corpus, [row], model=folder, min_confidence=0) for row in range(4)]
    assert found.labels.tolist() == [int(one.labels[0]) for one in alone]
    assert found.confidence == pytest.approx([one.confidence[0] for one in alone], abs=1e-4)
    assert (found.confidence >= 0.5).all()  # of two labels
    expected = _entailed(folder, "rain falls", ["sports", "world"])
    assert found.confidence[0] == pytest.approx(expected.max(), abs=1e-4)
    assert found.labels[0] == (SPORTS, WORLD)[int(expected.argmax())]


def _entailed(folder, text, names):
    """The same by hand: entailment's logit of each pair, then a softmax over the labels."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        logits = [
            model(**tokenizer(text, f"This text is about {name}.", return_tensors="pt")).logits[0, 1].item()
            for name in names
        ]
    share = np.exp(logits)
    return share / share.sum()


def test_a_classifier_of_something_else_is_refused(tiny_inference):
    folder = tiny_inference(["positive", "negative"])
    with pytest.raises(ModelError, match="tells positive, negative apart, not what follows from a text"):
        run("zero-shot", ArrayCorpus(["x"], label_names=NAMES), model=folder)


def test_zero_shot_that_cannot_run_says_why(tmp_path):
    with pytest.raises(HeuristicError, match="between 2 labels or more, and there are 1"):
        run("zero-shot", ArrayCorpus(["x"], label_names={SPORTS: "Sports"}))
    with pytest.raises(HeuristicError, match="was deleted: choose its labels again"):
        run("zero-shot", ArrayCorpus(["x"], label_names=NAMES), labels=[SPORTS, 99])
    with pytest.raises(ModelError, match="holds no embedding model"):
        run("zero-shot", ArrayCorpus(["x"], label_names=NAMES), model=str(tmp_path))
    with pytest.raises(ValidationError, match=r"write \{\} once"):
        kind_of("zero-shot").Config(statement="about it")


# ---- the corpus -----------------------------------------------------------------------------


def test_records_stay_in_their_fold():
    ids = [f"record {i}" for i in range(500)]
    corpus = ArrayCorpus([""] * 500, record_ids=ids)
    fewer = ArrayCorpus([""] * 100, record_ids=ids[:100])
    assert corpus.folds[:100].tolist() == fewer.folds.tolist()
    assert np.bincount(corpus.folds, minlength=5).min() > 60
