"""Records: what the address says shows, labelling keeps the place, and all that match are one action."""

import json

import numpy as np
import pytest

import embtune
from pages.shared.records_chips import added, after, conditions, without_kind
from pages.shared.records_state import View, from_params
from pages.shared.records_table import first_look

TABLE = "records_table"


@pytest.fixture
def opened(open_page, given_to):
    """Open the page under an address; `lines()` are the rows that the table shows."""

    def open_at(project, **params):
        at = open_page("records", project)
        if params:
            for name, value in params.items():
                at.query_params[name] = value if isinstance(value, str) else json.dumps(value)
            at.run()
            assert not at.exception, at.exception[0].message
        return at

    return open_at


@pytest.fixture
def lines(given_to):
    return lambda at: [line["row"] for line in given_to(at, TABLE)["lines"]]


def take(at, browser_sends, *steps, first=1):
    """Send steps as the browser does."""
    numbered = [{"seq": first + i, **step} for i, step in enumerate(steps)]
    return browser_sends(at, TABLE, steps={"client": "c", "steps": numbered})


def param(at, name):
    value = at.query_params[name]
    return value if isinstance(value, str) else value[0]


def text(at):
    return " ".join(element.value for element in [*at.markdown, *at.error, *at.caption])


def test_it_opens_on_all_records_fifty_a_page(opened, project, lines, given_to):
    at = opened(project)
    assert lines(at) == list(range(50))
    data = given_to(at, TABLE)
    assert (data["n"], data["n_pages"]) == (60, 2)
    assert "**60** records" in text(at)


def test_the_address_says_what_shows(opened, project, lines, given_to):
    project.label([3], "Alpha")
    at = opened(
        project,
        q={"all": [{"reference": "Alpha"}, {"not": {"label": "Alpha"}}]},
        sort={"by": "row", "descending": True},
        size="25",
        cols=["title"],
    )
    assert lines(at) == [row for row in range(57, -1, -3) if row != 3]
    first = given_to(at, TABLE)["lines"][0]
    assert first["fields"] == ["Alpha story 19"]
    chips = given_to(at, "records_chips")["parts"]
    assert [chip["words"] for chip in chips] == ["reference is Alpha", "label is not Alpha"]


def test_a_search_goes_into_the_address_and_marks_its_matches(opened, project, lines, given_to):
    at = opened(project)
    at.text_input(key="records_find").set_value("story 1").run()
    assert param(at, "find") == "story 1"
    rows = project.rows_matching({"words": "story 1"}).tolist()
    assert lines(at) == rows
    assert "story" in given_to(at, TABLE)["lines"][0]["pieces"][1::2]
    at.segmented_control(key="records_by").set_value("regex").run()
    assert param(at, "by") == "regex"
    assert lines(at) == project.rows_matching({"text": {"regex": "story 1"}}).tolist()


def test_a_bad_expression_is_told_and_the_search_stays(opened, project):
    at = opened(project, find="(story", by="regex")
    assert "cannot be used" in at.error[0].value
    assert at.text_input(key="records_find").value == "(story"


def test_labelling_in_place_keeps_the_order_and_says_what_no_longer_matches(
    opened, project, lines, browser_sends, given_to
):
    at = opened(project, q={"label": None}, page="2", size="25")
    before = lines(at)
    assert before == list(range(25, 50))
    alpha, beta = (project.label_named(name).id for name in ("Alpha", "Beta"))
    take(at, browser_sends, {"kind": "label", "row": 26, "label": alpha})
    take(at, browser_sends, {"kind": "label", "row": 27, "label": beta}, first=2)
    assert [project.record(row).label for row in (25, 26, 27)] == [None, "Alpha", "Beta"]
    assert lines(at) == before
    shown = {line["row"]: line for line in given_to(at, TABLE)["lines"]}
    assert shown[26]["label"] == "Alpha"
    assert [row for row, line in shown.items() if line["gone"]] == [26, 27]
    assert given_to(at, TABLE)["changed"] == "2 no longer match"
    browser_sends(at, TABLE, trigger="refresh", value=1)
    assert lines(at) == [25, *range(28, 52)]
    assert given_to(at, TABLE)["changed"] == ""


def test_a_tick_after_a_label_keeps_the_place_too(opened, project, lines, browser_sends, given_to):
    at = opened(project, q={"label": None})
    take(at, browser_sends, {"kind": "label", "row": 2, "label": project.label_named("Beta").id})
    take(at, browser_sends, {"kind": "select", "rows": [1, 2], "on": True}, first=2)
    take(at, browser_sends, {"kind": "select", "rows": [4], "on": True}, first=3)
    assert lines(at) == list(range(50))
    at.button(key="records_select_all").click().run()
    assert given_to(at, TABLE)["n_selected"] == 60  # the 59 that match, and the one that was ticked


def test_an_address_with_nonsense_in_it_can_be_mended(opened, project, lines, browser_sends, given_to):
    at = opened(project, q={"all": [7]})
    assert "write one condition" in at.error[0].value
    browser_sends(at, "records_chips", trigger="act", value={"what": "remove", "at": [0]})
    assert lines(at) == list(range(50))


def test_undo_takes_back_step_by_step(opened, project, browser_sends, given_to):
    at = opened(project)
    alpha = project.label_named("Alpha").id
    take(
        at,
        browser_sends,
        {"kind": "label", "row": 1, "label": alpha},
        {"kind": "flag", "row": 2, "on": True},
        {"kind": "comment", "row": 2, "text": "look again"},
    )
    data = given_to(at, TABLE)
    assert (data["done"], data["can_undo"]) == ("Commented on 1 record", True)
    assert data["lines"][2]["flagged"]
    assert data["lines"][2]["mine"] == "look again"
    take(at, browser_sends, {"kind": "undo"}, {"kind": "undo"}, first=4)
    assert (project.record(2).flagged, project.record(2).comments) == (False, ())
    assert project.record(1).label == "Alpha"
    take(at, browser_sends, {"kind": "undo"}, first=6)
    assert project.record(1).label is None
    assert not given_to(at, TABLE)["can_undo"]


def test_what_a_stopped_server_had_not_taken_is_taken_and_nothing_twice(opened, project, browser_sends):
    alpha, beta, gamma = (label.id for label in project.labels)
    project.label([1], "Beta"), project.label([5], "Gamma")  # by the server that stopped
    project.flag([2]), project.comment(2, "look")
    n = len(project.history(100))
    at = opened(project)
    take(
        at,
        browser_sends,
        {"kind": "label", "row": 1, "label": alpha},
        {"kind": "label", "row": 1, "label": beta},
        {"kind": "flag", "row": 2, "on": True},
        {"kind": "comment", "row": 2, "text": "look"},
        {"kind": "accept", "rows": [5, 6], "labels": [alpha, beta]},
        {"kind": "label", "row": 5, "label": gamma},
        {"kind": "select", "rows": [7], "on": True},
        {"kind": "bulk", "label": alpha},
        {"kind": "label", "row": 8, "label": alpha},
        {"kind": "undo"},
        {"kind": "label", "row": 3, "label": alpha},
        {"kind": "flag", "row": 4, "on": True},
        first=9,
    )
    assert [project.record(row).label for row in (1, 3, 5, 6, 7, 8)] == [
        "Beta",
        "Alpha",
        "Gamma",
        "Beta",
        None,
        None,
    ]
    assert project.record(4).flagged
    new = [one.summary for one in project.history(100)[:-n]]
    assert new == ["Flagged 1 record", "Labelled 1 record Alpha", "Accepted 1 prediction"]


def test_what_cannot_be_undone_is_told_and_does_not_block_what_was_before(opened, project, browser_sends):
    at = opened(project)
    made = project.label_set.create("Delta")
    take(at, browser_sends, {"kind": "label", "row": 1, "label": project.label_named("Alpha").id})
    at.session_state["records_trail"] = [*at.session_state["records_trail"], made.id]
    project.label([9], "Delta")  # so its label cannot be taken back
    take(at, browser_sends, {"kind": "undo"}, first=2)
    assert "carries the label 'Delta'" in text(at)
    take(at, browser_sends, {"kind": "undo"}, first=3)
    assert project.record(1).label is None


def test_undo_never_reaches_into_another_task_or_project(
    opened, project, plain_project, browser_sends, given_to
):
    project.add_task("Tone")
    for key, other in (("task", "Tone"), ("project", plain_project.name)):
        at = opened(project)
        row = {"kind": "label", "row": 1, "label": project.label_named("Alpha").id}
        take(at, browser_sends, row)
        assert given_to(at, TABLE)["can_undo"]
        at.session_state[key] = other
        at.run()
        assert (given_to(at, TABLE)["can_undo"], given_to(at, TABLE)["done"]) == (False, "")


def test_all_that_match_are_labelled_as_one_action_after_a_look(opened, project, browser_sends):
    at = opened(project, q={"reference": ["Alpha", "Beta"]}, size="25")
    rows = project.rows_matching({"reference": ["Alpha", "Beta"]})
    take(at, browser_sends, {"kind": "select", "rows": rows[:25].tolist(), "on": True})
    assert "**25 selected**" in text(at)
    at.button(key="records_select_all").click().run()
    assert "**40 selected**" in text(at)
    beta = project.label_named("Beta").id
    take(at, browser_sends, {"kind": "bulk", "label": beta}, first=2)
    assert not project.label_state().labelled.any()  # more than twenty: a look first
    at.button(key=f"records_look_give_{beta}").click().run()
    action = project.history(1)[0]
    assert action.n_records == 40
    assert action.detail["query"] == {"reference": ["Alpha", "Beta"]}
    assert np.flatnonzero(project.label_state().labelled).tolist() == rows.tolist()


def test_the_look_is_about_the_label_whose_key_was_pressed(opened, labelled, browser_sends, shown):
    at = opened(labelled)
    rows = np.concatenate([np.arange(0, 60, 3), np.arange(1, 40, 3)])
    alpha, beta = labelled.look_first(rows), labelled.look_first(rows, "Beta")
    assert alpha.label == "Alpha"
    assert alpha.purity.share != beta.purity.share
    take(
        at,
        browser_sends,
        {"kind": "select", "rows": rows.tolist(), "on": True},
        {"kind": "bulk", "label": labelled.label_named("Beta").id},
    )
    assert f"≈ {100 * beta.purity.share:.0f} % Beta" in shown(at)


def test_a_key_for_ticked_records_leaves_what_somebody_labelled_since(
    opened, project, browser_sends, given_to
):
    project.label([4], "Gamma")
    at = opened(project)
    alpha, beta = (project.label_named(name).id for name in ("Alpha", "Beta"))
    project.view(annotator="bob").label([9], "Gamma")
    take(
        at,
        browser_sends,
        {"kind": "label", "row": 11, "label": alpha},  # what the person did here is no news to them
        {"kind": "select", "rows": [4, 9, 11], "on": True},
        {"kind": "bulk", "label": beta},
    )
    assert [project.record(row).label for row in (4, 9, 11)] == ["Beta", "Gamma", "Beta"]
    done = "Labelled 2 records Beta; left out 1 that a person labelled meanwhile"
    assert given_to(at, TABLE)["done"] == done
    take(
        at,
        browser_sends,
        {"kind": "select", "rows": [9], "on": True},  # shown by now
        {"kind": "bulk", "label": beta},
        first=4,
    )
    assert project.record(9).label == "Beta"


def test_a_few_that_are_ticked_are_labelled_by_one_key(opened, project, browser_sends):
    at = opened(project)
    beta = project.label_named("Beta").id
    take(
        at,
        browser_sends,
        {"kind": "select", "rows": [4, 9, 11], "on": True},
        {"kind": "select", "rows": [9], "on": False},
        {"kind": "bulk", "label": beta},
    )
    assert project.history(1)[0].n_records == 2
    assert [project.record(row).label for row in (4, 9, 11)] == ["Beta", None, "Beta"]
    assert "selected" not in text(at)


def test_what_is_selected_can_be_flagged_and_become_a_session(opened, project, browser_sends):
    at = opened(project, q={"reference": "Alpha"})
    take(at, browser_sends, {"kind": "select", "rows": [6, 3], "on": True})
    at.button(key="records_flag").click().run()
    assert [project.record(row).flagged for row in (3, 6, 9)] == [True, True, False]
    at.button(key="records_session").click().run()
    made = project.sessions()[0]
    assert [item.row for item in project.sessions_book.items(made.id)] == [6, 3]
    assert (made.kind, made.origin["query"]) == ("slice", {"reference": "Alpha"})


def test_similar_to_one_puts_the_nearest_first(opened, project, lines, browser_sends):
    at = opened(project, q={"label": None})
    browser_sends(at, TABLE, trigger="similar", value=5)
    assert lines(at)[0] == 5
    assert json.loads(param(at, "q")) == {"all": [{"label": None}, {"similar": {"to": 5}}]}
    cosine = project.vectors("raw") @ project.vectors("raw")[5]
    assert lines(at) == np.argsort(-cosine)[:50].tolist()


def test_chips_turn_round_and_go(opened, project, lines, browser_sends):
    at = opened(project, q={"reference": "Alpha"})
    browser_sends(at, "records_chips", trigger="act", value={"what": "negate", "at": [0]})
    assert json.loads(param(at, "q")) == {"not": {"reference": "Alpha"}}
    assert lines(at) == [row for row in range(60) if row % 3][:50]
    browser_sends(at, "records_chips", trigger="act", value={"what": "remove", "at": [0]})
    assert "q" not in at.query_params
    assert lines(at) == list(range(50))


def test_a_filter_is_built_from_what_one_chooses(opened, project, lines):
    at = opened(project)
    at.multiselect(key="records_new_0_Label_names").set_value(["no label"]).run()
    at.button(key="records_add_0").click().run()
    assert json.loads(param(at, "q")) == {"label": None}
    at.selectbox(key="records_new_kind_1").set_value("Reference label").run()
    at.selectbox(key="records_new_1_Reference label_name").set_value("Beta").run()
    at.button(key="records_add_1").click().run()
    assert json.loads(param(at, "q")) == {"all": [{"label": None}, {"reference": "Beta"}]}
    assert lines(at) == list(range(1, 60, 3))


def test_a_slice_is_saved_shown_by_its_link_and_deleted(opened, project, lines):
    at = opened(project, q={"reference": "Beta"})
    at.text_input(key="records_slice_name_0").set_value("betas").run()
    at.button(key="records_slice_save_0").click().run()
    assert project.slices()[0].query == {"reference": "Beta"}
    other = opened(project, slice="betas")
    assert lines(other) == list(range(1, 60, 3))
    assert json.loads(param(other, "q")) == {"slice": "betas"}
    other.button(key=f"records_delete_{project.slices()[0].id}").click().run()
    assert project.slices() == []
    assert "no slice 'betas'" in other.error[0].value


def test_nothing_found_says_what_to_do(opened, project, lines):
    at = opened(project, find="xylophone")
    assert "No record matches" in text(at)
    at.button(key="records_all").click().run()
    assert lines(at) == list(range(50))


def test_without_vectors_only_words_can_be_searched(opened, home, given_to):
    bare = embtune.open("bare")
    bare.import_records(json.dumps([{"text": "one"}, {"text": "two"}]).encode(), name="b.json", text="{text}")
    at = opened(bare)
    assert at.segmented_control(key="records_by").options == ["keyword", "regex"]
    assert given_to(at, TABLE)["embedded"] is False


# ---- pieces ----------------------------------------------------------------------------------------


def test_an_address_is_read_back_as_it_was_written():
    view = View("a b", "regex", {"label": None}, {"by": "random", "seed": 3}, 4, 100, ("year",))
    assert from_params(view.params()) == view
    assert View().params() == {}
    odd = {"q": "{bad", "sort": "[1]", "page": "x", "size": "7", "cols": "3", "by": "magic"}
    assert from_params(odd) == View()


def test_search_and_filter_make_one_query():
    assert View(find="a", filter={"all": [{"label": None}]}).query == {
        "all": [{"words": "a"}, {"label": None}]
    }
    either = {"any": [{"label": None}, {"flagged": True}]}
    assert View(find="a", filter=either).query == {"all": [{"words": "a"}, either]}
    assert View(filter=either).query == either
    assert View().query is None


A, B, C = {"words": "a"}, {"words": "b"}, {"words": "c"}


def test_chips_join_group_and_part():
    assert conditions(A) == ("all", [A])
    both = added(A, B)
    assert both == {"all": [A, B]}
    assert after(both, "join", []) == {"any": [A, B]}
    grouped = added(both, C, beside=1)
    assert grouped == {"all": [A, {"any": [B, C]}]}
    assert after(grouped, "join", [1]) == {"all": [A, {"all": [B, C]}]}
    assert after(grouped, "negate", [1, 0]) == {"all": [A, {"any": [{"not": B}, C]}]}
    assert after(grouped, "remove", [1, 1]) == {"all": [A, B]}
    assert after(after(grouped, "remove", [0]), "clear", []) is None
    assert after(A, "remove", [0]) is None
    assert after({"not": A}, "negate", [0]) == A
    assert without_kind(both, "words") is None


def test_a_long_text_shows_its_beginning():
    shown = first_look(["x" * 1000])
    assert shown == ["x" * 420 + " …"]
    assert first_look(["a ", "b", " c"]) == ["a ", "b", " c"]
