"""Filters: every condition, how they join, orders, and what is refused."""

import json
import threading

import numpy as np
import pytest

import embtune
from embtune.errors import BadInputError, NotReadyError
from embtune.filtering.masks import mask_of
from embtune.filtering.matches import cut_at_matches, from_first_match, highlight_pattern
from embtune.filtering.query import Leaf, parse
from embtune.filtering.sorting import ordered, parse_sort
from embtune.filtering.text import as_numbers, scan
from embtune.filtering.wording import wording
from embtune.store import artifacts
from embtune.work import graphs

ROWS = [
    {"text": "Goal in the last minute", "year": 1990, "city": "Rome", "note": ""},
    {"text": "A GOALKEEPER retires", "year": 2002, "city": "bonn"},
    {"text": "Stocks fall, prices rise", "year": "1998", "city": "Rome", "note": "seen"},
    {"text": "Été à Ürgüp: 50% off", "year": None, "city": "Ürgüp"},
    {"text": "The price of a last goal.", "year": "unknown", "city": "Oslo"},
]


@pytest.fixture
def corpus(home):
    made = embtune.open("words")
    made.import_records(json.dumps(ROWS).encode(), name="words.json", text="{text}")
    assert [record.text for record in made.records(range(5))] == [row["text"] for row in ROWS]
    return made


def found(project, query, **options):
    return project.rows_matching(query, **options).tolist()


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ({"words": "goal LAST"}, [0, 4]),
        ({"words": '"last minute"'}, [0]),
        ({"words": '"minute last"'}, []),
        ({"words": "été"}, [3]),  # in any case, beyond ASCII
        ({"words": "50%"}, [3]),  # no wildcard
        ({"text": {"contains": "goal"}}, [0, 1, 4]),
        ({"text": {"contains": "goal", "case": True}}, [4]),
        ({"text": {"contains": "."}}, [4]),
        ({"text": {"begins": "the"}}, [4]),
        ({"text": {"begins": "the", "case": True}}, []),
        ({"text": {"ends": "MINUTE"}}, [0]),
        ({"text": {"equals": "a goalkeeper retires"}}, [1]),
        ({"text": {"equals": "a goalkeeper retires", "case": True}}, []),
        ({"text": {"regex": r"goal\b"}}, [0, 4]),
        ({"text": {"regex": r"Goal\b", "case": True}}, [0]),
        ({"field": {"name": "city", "equals": "rome"}}, [0, 2]),
        ({"field": {"name": "city", "in": ["ROME", "Oslo"]}}, [0, 2, 4]),
        ({"field": {"name": "city", "in": ["ROME", "Oslo"], "case": True}}, [4]),
        ({"field": {"name": "city", ">": "oslo"}}, [0, 2, 3]),
        ({"field": {"name": "year", "equals": 1998}}, [2]),
        ({"field": {"name": "year", "equals": "1990.0"}}, [0]),
        ({"field": {"name": "year", ">": 1990}}, [1, 2]),
        ({"field": {"name": "year", "<": 1998}}, [0]),
        ({"field": {"name": "year", "between": [1990, 1998]}}, [0, 2]),
        ({"field": {"name": "year", ">": "1998"}}, [1, 4]),  # as a text, "unknown" comes after
        ({"field": {"name": "year", "empty": True}}, [3]),
        ({"field": {"name": "note", "empty": False}}, [2]),
        ({"all": [{"words": "goal"}, {"not": {"words": "last"}}]}, [1]),
        ({"any": [{"words": "retires"}, {"words": "stocks"}]}, [1, 2]),
        ({"not": {"any": [{"words": "retires"}, {"words": "stocks"}]}}, [0, 3, 4]),
        ({"all": []}, [0, 1, 2, 3, 4]),
        ({"any": []}, []),
        ({"records": [3, 1]}, [1, 3]),
        (None, [0, 1, 2, 3, 4]),
        ({}, [0, 1, 2, 3, 4]),
    ],
)
def test_what_is_written(corpus, query, rows):
    assert found(corpus, query) == rows


def test_later_records_are_found_too_and_bring_their_own_fields(corpus):
    assert found(corpus, {"words": "goal"}) == [0, 1, 4]
    assert found(corpus, {"field": {"name": "year", ">": 0}}) == [0, 1, 2]
    more = [{"text": "Own goal", "year": 2010, "country": "Peru"}]
    corpus.import_records(json.dumps(more).encode(), name="more.json", text="{text}")
    assert found(corpus, {"words": "goal"}) == [0, 1, 4, 5]
    assert found(corpus, {"field": {"name": "year", ">": 2000}}) == [1, 5]
    assert found(corpus, {"field": {"name": "country", "equals": "peru"}}) == [5]
    assert found(corpus, {"field": {"name": "country", "empty": True}}) == [0, 1, 2, 3, 4]
    reopened = embtune.open("words")
    assert found(reopened, {"words": "own"}) == [5]
    names = sorted(path.name for path in corpus.folder("columns").iterdir())
    assert names == ["fields-0-5.arrow", "fields-5-6.arrow", "texts-0-5.arrow", "texts-5-6.arrow"]


# ---- labels, marks, predictions -----------------------------------------------------------------


@pytest.fixture
def voted(project):
    """Rows 0 to 4: Alpha by lasso, Beta imported, none of these, Alpha by Ann beside a rule, cleared."""
    project.label([0], "Alpha", source="lasso")
    project.label([1], "Beta", source="import", confidence=0.7)
    project.label([2], None)
    project.label([3], "Gamma", source="heuristic", confidence=0.4)
    project.label([3], "Alpha", annotator="ann")
    project.label([4], "Beta")
    project.book.clear([4])
    return project


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ({"label": "Alpha"}, [0, 3]),
        ({"label": ["Alpha", "Beta"]}, [0, 1, 3]),
        ({"label": "none of these"}, [2]),
        ({"all": [{"label": None}, {"records": [0, 1, 2, 3, 4, 5]}]}, [4, 5]),
        ({"label": [None, "Alpha"]}, [0, 3, *range(4, 60)]),
        ({"not": {"label": None}}, [0, 1, 2, 3]),
        ({"source": "lasso"}, [0]),
        ({"source": ["import", "manual"]}, [1, 2, 3]),
        ({"annotator": "ann"}, [3]),
        ({"annotator": ["ann", "nobody"]}, [3]),
        ({"confidence": [0.7, 0.9]}, [1]),
        ({"confidence": [0, 0.69]}, []),
        ({"differs": "manual and automatic"}, [3]),
        ({"all": [{"reference": "Alpha"}, {"records": [0, 1, 2, 3]}]}, [0, 3]),
        ({"reference": None}, []),
        ({"reference": "differs"}, [2]),
    ],
)
def test_labels(voted, query, rows):
    assert found(voted, query) == rows


def test_marks(project):
    project.flag([3, 5])
    project.flag([5], False)
    project.comment(7, "Ask Ann about it")
    assert found(project, {"flagged": True}) == [3]
    assert 3 not in found(project, {"flagged": False})
    assert found(project, {"commented": True}) == [7]
    assert found(project, {"commented": "ask ANN"}) == [7]
    assert found(project, {"commented": "somebody"}) == []


def test_predictions_need_labels_of_two_classes_and_then_filter(labelled_project):
    project = labelled_project
    ids, confidence = project.quick_predictions("active")
    beta = project.label_named("Beta").id
    assert found(project, {"predicted": "Beta"}) == np.flatnonzero(ids == beta).tolist()
    middle = float(np.median(confidence))
    sure = found(project, {"predicted": {"confidence": [middle, 1]}})
    assert sure == np.flatnonzero(confidence >= np.float32(middle)).tolist()
    order = project.rows_matching(None, sort={"by": "uncertainty"})
    assert (np.diff(confidence[order]) >= 0).all()


def test_without_labels_or_versions_the_error_says_what_comes_first(project):
    with pytest.raises(NotReadyError, match="label a few records"):
        project.rows_matching({"predicted": "Alpha"})
    with pytest.raises(NotReadyError, match="tune first"):
        project.rows_matching({"differs": "raw and tuned"})


def test_raw_and_tuned_differ_where_their_predictions_do(labelled_project, axes):
    project = labelled_project
    project.tune("axes", parameters={"keep": "noise"})
    raw, tuned = (project.quick_predictions(name)[0] for name in ("raw", "v1"))
    assert (raw != tuned).any()
    assert found(project, {"differs": "raw and tuned"}) == np.flatnonzero(raw != tuned).tolist()
    assert found(project, {"differs": ["v1", "raw"]}) == np.flatnonzero(raw != tuned).tolist()


@pytest.fixture
def labelled_project(project, label_rows):
    label_rows(project, range(30))
    return project


# ---- vectors, maps, clusters --------------------------------------------------------------------


def test_similar_takes_the_nearest_and_sorts_by_nearness(project):
    vectors = project.vectors("raw")
    cosine = vectors @ vectors[4]
    nearest = np.argsort(-cosine)[:7].tolist()
    assert found(project, {"similar": {"to": 4, "n": 7}}) == nearest
    assert nearest[0] == 4
    best = np.argsort(-vectors @ vectors[[0, 3, 7]].mean(axis=0))[:4].tolist()
    assert found(project, {"similar": {"to": [0, project.record(3).id, 7], "n": 4}}) == best
    assert found(project, {"similar": {"to": 4, "n": 7}}, sort={"by": "row"}) == sorted(nearest)


def test_in_an_all_the_nearest_are_those_that_the_other_conditions_leave(project):
    cosine = project.vectors("raw") @ project.vectors("raw")[0]
    odd = np.arange(1, 60, 2)
    expected = odd[np.argsort(-cosine[odd])][:3].tolist()
    query = {"all": [{"similar": {"to": 0, "n": 3}}, {"records": odd.tolist()}]}
    assert found(project, query) == expected


def test_similarity_of_any_filter_can_be_sorted_by(project):
    cosine = project.vectors("raw") @ project.vectors("raw")[0]
    query = {"reference": "Beta"}
    rows = found(project, query)
    assert found(project, query, sort={"by": "similarity", "to": [0]}) == sorted(
        rows, key=lambda r: -cosine[r]
    )
    with pytest.raises(BadInputError, match="say to what"):
        project.rows_matching(query, sort={"by": "similarity"})


def test_inside_polygons_and_inside_a_shape_that_was_labelled(project):
    xy = project.map("raw", "pca")
    middle = float(np.median(xy[:, 0]))
    low, high = float(xy.min()) - 1, float(xy.max()) + 1
    square = [[low, low], [middle, low], [middle, high], [low, high]]
    left = np.flatnonzero(xy[:, 0] < middle).tolist()
    where = {"embedding": "raw", "method": "pca"}
    assert found(project, {"inside": {**where, "polygons": [square]}}) == left
    shape = {"x": [x for x, _ in square], "y": [y for _, y in square], "adds": True}
    action = project.label([0], "Alpha", detail={"map": where, "shapes": [shape], "left_out": left[:1]})
    assert found(project, {"inside": {"action": action.id}}) == left[1:]
    with pytest.raises(BadInputError, match="labelled no shape"):
        project.rows_matching({"inside": {"action": 999}})


def test_clusters(project):
    made = project.clusters("raw", k=3)
    rows = np.flatnonzero(made.ids == 1).tolist()
    assert found(project, {"cluster": {"clustering": made.id, "cluster": 1}}) == rows
    both = found(project, {"cluster": {"clustering": made.id, "cluster": [0, 1]}})
    assert both == np.flatnonzero(made.ids <= 1).tolist()
    with pytest.raises(BadInputError, match="no cluster 9"):
        project.rows_matching({"cluster": {"clustering": made.id, "cluster": 9}})
    with pytest.raises(BadInputError, match=r"cluster.*clustering 99"):
        project.rows_matching({"cluster": {"clustering": 99, "cluster": 1}})


# ---- orders ---------------------------------------------------------------------------------------


def test_sort_puts_what_has_no_value_last_either_way(corpus):
    # 1990, 1998, 2002 as numbers, then the text "unknown", then nothing
    assert found(corpus, None, sort={"by": "year"}) == [0, 2, 1, 4, 3]
    assert found(corpus, None, sort={"by": "year", "descending": True}) == [4, 1, 2, 0, 3]
    assert found(corpus, None, sort={"by": "city"}) == [1, 4, 0, 2, 3]  # in any case; equal ones by row
    assert found(corpus, None, sort={"by": "city", "descending": True}) == [3, 0, 2, 4, 1]


def test_sorts_by_label_confidence_and_time(voted):
    some = {"records": [0, 1, 2, 3, 4, 5]}
    assert found(voted, some, sort={"by": "label"}) == [0, 3, 1, 2, 4, 5]
    assert found(voted, some, sort={"by": "confidence"}) == [1, 0, 2, 3, 4, 5]
    assert found(voted, some, sort={"by": "updated"}) == [3, 2, 1, 0, 4, 5]
    assert found(voted, some, sort={"by": "row", "descending": True}) == [5, 4, 3, 2, 1, 0]


def test_random_is_the_same_for_a_seed_and_for_fewer_records(project):
    whole = found(project, None, sort={"by": "random", "seed": 5})
    assert whole != found(project, None, sort={"by": "random", "seed": 6})
    assert sorted(whole) == list(range(60))
    some = found(project, {"reference": "Beta"}, sort={"by": "random", "seed": 5})
    assert some == [row for row in whole if row % 3 == 1]


def test_outliers_come_first(project):
    scores = project.outlier_scores("active")
    order = project.rows_matching(None, sort={"by": "outlier"})
    assert (np.diff(scores[order]) <= 0).all()


def test_ordered_keeps_equal_ones_by_row():
    keys = np.array([2.0, np.nan, 1.0, 2.0])
    rows = np.arange(4)
    assert ordered(rows, keys).tolist() == [2, 0, 3, 1]
    assert ordered(rows, keys, descending=True).tolist() == [0, 3, 2, 1]
    assert ordered(rows, np.array([3, -1, 0, 3])).tolist() == [2, 0, 3, 1]


@pytest.mark.parametrize(
    ("sort", "message"),
    [
        ({"by": "moon"}, "no field 'moon'"),
        ({"descending": True}, '"by"'),
        ({"by": "row", "up": True}, "'up'"),
        ({"by": "random", "seed": -1}, '"seed"'),
        ({"by": "row", "descending": 1}, '"descending"'),
        ({"by": "field"}, "name the field"),
    ],
)
def test_a_sort_that_cannot_be_used_is_told(corpus, sort, message):
    with pytest.raises(BadInputError, match=message):
        corpus.rows_matching(None, sort=sort)


def test_a_field_named_like_an_order_can_be_sorted_by():
    assert parse_sort({"by": "field", "name": "label"}).field == "label"
    assert parse_sort({"by": "year"}).field == "year"


# ---- what is refused --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"labl": "x"}, "at query: there is no condition 'labl'"),
        ({"label": "Delta"}, "at label: there is no label 'Delta'; there are: Alpha, Beta, Gamma"),
        ({"label": 3}, "at label: it takes a label's name"),
        ({"all": {"label": "Alpha"}}, "at all: 'all' takes a list"),
        ({"all": [{"label": "Alpha"}, 7]}, r"at all\[1\]: write one condition"),
        ({"any": [{"not": {"text": {"contain": "x"}}}]}, r"at any\[0\].not.text: give one operator"),
        ({"label": "Alpha", "source": "lasso"}, "at query: write one condition"),
        ([], "at query: write one condition"),
        ({"text": {"contains": ""}}, "at text.contains: it takes a text"),
        ({"text": {"contains": "x", "case": "no"}}, 'at text: "case" is true or false'),
        ({"text": {"between": [1]}}, "at text.between: it takes two values"),
        ({"field": {"equals": 1}}, "at field: name the field"),
        (
            {"field": {"name": "moon", "equals": 1}},
            "at field: there is no field 'moon'; there are: title, body",
        ),
        ({"source": "hearsay"}, "at source: there is no source 'hearsay'"),
        ({"confidence": [0.9, 0.1]}, "at confidence: it takes two numbers from 0 to 1"),
        ({"predicted": {"confidence": [0, 2]}}, "at predicted.confidence"),
        ({"differs": "all"}, "at differs"),
        ({"flagged": "yes"}, "at flagged: it takes true or false"),
        ({"similar": {"n": 5}}, 'at similar: give either "text" or'),
        ({"similar": {"to": 1, "n": 0}}, "at similar.n"),
        (
            {"inside": {"embedding": "raw", "method": "pca", "polygons": [[[0, 0], [1, 1]]]}},
            "inside.polygons",
        ),
        ({"slice": "none"}, "at slice: there is no slice 'none'"),
        ({"cluster": {"clustering": 1}}, "at cluster: it takes clustering, cluster"),
        ({"records": []}, "at records: it takes ids or rows"),
    ],
)
def test_a_query_that_cannot_be_used_names_the_place(project, query, message):
    with pytest.raises(BadInputError, match=message) as error:
        project.rows_matching(query)
    assert "\n" not in str(error.value)


def test_a_query_that_is_too_deep_or_too_long_is_refused(project):
    deep = {"flagged": True}
    for _ in range(40):
        deep = {"not": deep}
    with pytest.raises(BadInputError, match="nested 30 deep"):
        project.rows_matching(deep)
    with pytest.raises(BadInputError, match="1,000 conditions"):
        project.rows_matching({"any": [{"flagged": True}] * 1001})


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(goal", "missing"),
        ("goal(?=keeper)", "looking ahead or behind"),
        (r"(a)\1", "references to groups"),
        ("a{5000}", "cannot be used"),
    ],
)
def test_a_bad_regular_expression_is_told_in_a_sentence(corpus, pattern, message):
    with pytest.raises(BadInputError, match=message):
        corpus.rows_matching({"text": {"regex": pattern}})


def test_a_pattern_that_would_explode_elsewhere_takes_linear_time(corpus):
    assert found(corpus, {"text": {"regex": "(a+)+(b|a+)*$$"}}) == []


def test_a_scan_that_takes_too_long_stops_and_says_so():
    import pyarrow as pa
    import pyarrow.compute as pc

    column = pa.chunked_array([pa.array(["goal"] * 200)] * 4)
    ticks = iter(range(100))
    with pytest.raises(BadInputError, match="took more than 2 s"):
        scan(column, lambda part: pc.match_substring(part, "goal"), seconds=2, clock=lambda: next(ticks))
    assert scan(column, lambda part: pc.match_substring(part, "goal")).all()


# ---- pieces ----------------------------------------------------------------------------------------


def test_numbers_are_read_from_texts():
    import pyarrow as pa

    column = pa.chunked_array([["1", " -2.5 ", "+3", "1e3", ".5", "5."], ["x", "1 2", "", None, "0x1"]])
    numbers = as_numbers(column)
    assert numbers[:6].tolist() == [1, -2.5, 3, 1000, 0.5, 5]
    assert np.isnan(numbers[6:]).all()


def test_a_group_that_is_decided_asks_no_further():
    asked = []

    def answer(leaf: Leaf, within=None):
        asked.append(leaf.value)
        return np.zeros(3, dtype=bool)

    tree = parse({"all": [{"words": "a"}, {"words": "b"}]})
    assert mask_of(tree, 3, answer).tolist() == [False] * 3
    assert asked == ["a"]


def test_matches_are_cut_out_and_nothing_is_lost():
    tree = parse({"all": [{"words": 'goal "last minute"'}, {"not": {"words": "stocks"}}]})
    texts = ["A GOAL in the last minute", "no stocks"]
    cut = cut_at_matches(texts, highlight_pattern(tree))
    assert cut == [["A ", "GOAL", " in the ", "last minute", ""], ["no stocks"]]
    assert ["".join(pieces) for pieces in cut] == texts
    assert cut_at_matches(["aab"], highlight_pattern(parse({"text": {"regex": "a*"}}))) == [["", "aa", "b"]]


def test_a_match_far_into_a_text_is_brought_to_the_front():
    pieces = ["word " * 60, "goal", " after"]
    shown = from_first_match(pieces)
    assert shown[0].startswith("… word")
    assert len(shown[0]) < 80
    assert shown[1:] == ["goal", " after"]
    assert from_first_match(["short ", "goal"]) == ["short ", "goal"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"label": None}, "no label"),
        ({"not": {"label": None}}, "has a label"),
        ({"label": ["Sports", "World"]}, "label is Sports or World"),
        ({"not": {"label": "Sports"}}, "label is not Sports"),
        ({"not": {"words": "goal"}}, "text does not contain “goal”"),
        ({"field": {"name": "year", "between": [1, 2]}}, "year between 1 and 2"),
        ({"confidence": [0, 0.5]}, "confidence at most 50 %"),
        ({"all": [{"flagged": True}, {"any": [{"label": None}, {"words": "a"}]}]},
         "flagged and (no label or text contains “a”)"),
        (None, "every record"),
    ],
)  # fmt: skip
def test_a_query_in_words(query, words):
    assert wording(parse(query)) == words


def test_a_result_is_kept_until_labels_change(project):
    first = project.rows_matching({"label": None})
    assert project.rows_matching({"label": None}) is first
    project.label([5], "Beta")
    assert 5 not in project.rows_matching({"label": None})
    still = project.still_matching({"label": None}, first[:10])
    assert np.flatnonzero(~still).tolist() == [5]


def test_many_records_are_looked_up_at_once(project, monkeypatch):
    ids = project.record_ids
    calls = []
    plain = type(project).rows_of
    monkeypatch.setattr(type(project), "rows_of", lambda *given: calls.append(1) or plain(*given))
    chosen = [ids[5], 3, ids[9], *range(20, 40)]
    assert found(project, {"records": chosen}) == [3, 5, 9, *range(20, 40)]
    assert len(calls) == 2
    assert found(project, {"similar": {"to": chosen, "n": 60}}, sort={"by": "row"})
    assert len(calls) == 4


def test_a_result_is_not_kept_when_its_map_is_drawn_anew(project):
    project.make_map(embedding="raw", method="pca")
    xy = np.array(project.map("raw", "pca"))
    x, y = xy[7].tolist()
    around = [[x - 1e-4, y - 1e-4], [x + 1e-4, y - 1e-4], [x + 1e-4, y + 1e-4], [x - 1e-4, y + 1e-4]]
    query = {"inside": {"embedding": "raw", "method": "pca", "polygons": [around]}}
    assert 7 in found(project, query)
    other = project.folder("maps") / "other.npy"
    np.save(other, xy + np.float32(100))
    artifacts.put_map(
        project.db,
        project.id,
        embedding="raw",
        method="pca",
        n_rows=60,
        file=project.relative(other),
        detail={},
    )
    assert found(project, query) == []


def test_a_result_is_not_kept_when_the_graph_comes(labelled_project, monkeypatch):
    project = labelled_project
    project.label([0, 3], "Alpha")
    project.label([1, 4], "Beta")
    for file in project.folder("graphs").glob("*.npz"):
        file.unlink()
    project._cache.clear()
    monkeypatch.setattr(graphs, "AT_ONCE", 10)
    held, compute = threading.Event(), graphs._Kept._compute
    monkeypatch.setattr(graphs._Kept, "_compute", lambda *given: held.wait(10) and compute(*given))
    query = {"predicted": {"label": "Alpha", "confidence": [0.0, 1.0]}}
    sort = {"by": "uncertainty"}
    without = project.rows_matching(query, sort=sort)
    assert project.rows_matching(query, sort=sort) is without
    held.set()
    for thread in threading.enumerate():
        if thread.name == graphs.THREAD:
            thread.join()
    assert project.rows_matching(query, sort=sort) is not without
