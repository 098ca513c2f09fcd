"""The Heuristics page: rules written, tried, saved, run and judged; lists, suggestions and what is off."""

import numpy as np
import pytest

LIST = "heuristics_list"


def field(widgets, name):
    """The widget of an editor's field: its key begins with the heuristic's and ends with the field's name."""
    return next(one for one in widgets if (one.key or "").endswith(f"_{name}"))


def button(at, name):
    return next(one for one in at.button if name in (one.key, one.label))


def press(at, name):
    button(at, name).click().run()
    assert not at.exception, at.exception[0].message
    return at


def open_in_list(at, browser_sends, **step):
    return browser_sends(at, LIST, steps={"client": "c", "steps": [{"seq": 1, **step}]})


@pytest.fixture
def many(labelled):
    """Three heuristics that ran: one right, one wrong on Beta, and one field rule; 24 manual labels."""
    book = labelled.heuristics
    book.add("lookup", "says alpha", label="Alpha", terms=["alpha"])
    book.add("lookup", "says beta", label="Gamma", terms=["beta"])
    book.add("regex", "one digit", label="Alpha", pattern=r"number \d\.")
    book.run()
    return labelled


# ---- empty states ----------------------------------------------------------------------------


def test_without_labels_it_leads_to_the_label_set(open_page, plain_project, shown):
    at = open_page("heuristics", plain_project)
    assert "there is no label yet" in shown(at)
    assert not [one for one in at.button if one.key == "heuristics_new"]


def test_without_heuristics_it_says_what_one_is_and_offers_three_beginnings(open_page, project, shown):
    at = open_page("heuristics", project)
    assert "A heuristic is a rule" in shown(at)
    assert "no manual label yet" in shown(at)
    press(at, "heuristics_first_learner")
    assert field(at.selectbox, "classifier").value == "logistic regression"
    at = open_page("heuristics", project)
    press(at, "heuristics_first_lookup")
    assert field(at.text_area, "terms").value == ""
    assert not at.error  # nothing written is no mistake


def test_without_manual_labels_suggestions_say_how_many_are_missing(open_page, project, shown):
    at = open_page("heuristics", project)
    press(at, "heuristics_first_suggested")
    assert "Suggestions need 10 manual labels" in shown(at)
    press(at, "heuristics_typical")
    assert [one.kind for one in project.sessions()] == ["typical"]


# ---- writing ---------------------------------------------------------------------------------


def test_a_look_up_list_is_written_tried_and_saved(open_page, project, given_to):
    at = open_page("heuristics", project)
    press(at, "heuristics_first_lookup")
    field(at.selectbox, "label").set_value(project.label_named("Beta").id).run()
    field(at.text_area, "terms").set_value("beta\n number 1 \n").run()
    assert not at.exception
    found = given_to(at, "heuristics_examples_new-lookup")
    assert len(found["lines"]) == 10
    assert {line["label"] for line in found["lines"]} == {"Beta"}
    line = next(line for line in found["lines"] if line["parts"][0]["pieces"][1] == "Beta")
    assert "".join(line["parts"][0]["pieces"]).startswith("Beta story")
    press(at, "heuristics_save")
    made = project.heuristics.all()
    assert [(one.name, one.state, one.labels) for one in made] == [
        ("beta, number 1 → Beta", "draft", ("Beta",))
    ]
    assert made[0].config["terms"] == ["beta", "number 1"]
    assert at.query_params["heuristic"] == str(made[0].id)


def test_an_error_leaves_what_was_typed(open_page, project):
    project.heuristics.add("lookup", "taken", label="Alpha", terms=["x"])
    at = open_page("heuristics", project)
    press(at, "heuristics_new")
    press(at, "heuristics_new_regex")
    field(at.text_input, "name").set_value("taken")
    field(at.text_area, "pattern").set_value("alpha").run()
    press(at, "heuristics_save")
    assert "taken" in at.error[0].value
    assert field(at.text_area, "pattern").value == "alpha"
    field(at.text_area, "pattern").set_value("alpha(").run()
    assert len(at.error) == 1  # of the trial: one sentence, and no exception
    assert [one.name for one in project.heuristics.all()] == ["taken"]


def test_what_is_written_survives_another_page_and_another_heuristic(open_page, project, browser_sends):
    one = project.heuristics.add("lookup", "one", label="Alpha", terms=["alpha"])
    two = project.heuristics.add("lookup", "two", label="Beta", terms=["beta"])
    at = open_page("heuristics", project)
    open_in_list(at, browser_sends, kind="open", id=one.id)
    field(at.text_area, "terms").set_value("alpha\nomega").run()
    open_in_list(at, browser_sends, kind="open", id=one.id)
    browser_sends(at, LIST, steps={"client": "c", "steps": [{"seq": 2, "kind": "open", "id": two.id}]})
    assert field(at.text_area, "terms").value == "beta"
    at.switch_page("pages/history.py").run()
    at.switch_page("pages/heuristics.py").run()
    browser_sends(at, LIST, steps={"client": "c", "steps": [{"seq": 3, "kind": "open", "id": one.id}]})
    assert field(at.text_area, "terms").value == "alpha\nomega"
    assert project.heuristics.get(one.id).config["terms"] == ["alpha"]
    press(at, "heuristics_discard")
    assert field(at.text_area, "terms").value == "alpha"


def test_what_is_written_survives_a_reload_and_is_offered_again(open_page, project):
    one = project.heuristics.add("lookup", "one", label="Alpha", terms=["alpha"])
    at = open_page("heuristics", project, heuristics_open=(project.id, project.task.id, "new-regex"))
    field(at.text_area, "pattern").set_value("om+ega").run()
    at = open_page("heuristics", project, heuristics_open=(project.id, project.task.id, str(one.id)))
    field(at.text_area, "terms").set_value("alpha\nomega").run()
    at = open_page("heuristics", project)  # a visit that knows nothing of these
    press(at, "heuristics_go_on_regex")
    assert field(at.text_area, "pattern").value == "om+ega"
    press(at, "heuristics_save")
    assert project.heuristics.all()[-1].config["pattern"] == "om+ega"
    at = open_page("heuristics", project, heuristics_open=(project.id, project.task.id, str(one.id)))
    assert field(at.text_area, "terms").value == "alpha\nomega"
    assert project.heuristics.get(one.id).config["terms"] == ["alpha"]
    press(at, "heuristics_discard")
    assert project.heuristics.drafts() == {}  # what is saved or discarded is kept no more


def test_an_empty_look_up_is_refused_and_its_trial_says_what_is_missing(open_page, project, shown):
    at = open_page("heuristics", project, heuristics_open=(project.id, project.task.id, "new-lookup"))
    press(at, "heuristics_try_new-lookup")
    assert "Write a term or choose a look-up list" in shown(at)
    press(at, "heuristics_save")
    assert at.error[0].value == "Look-up list: write at least one term, or choose a look-up list."
    assert project.heuristics.all() == []


def test_a_version_names_its_lists_as_the_list_does(open_page, labelled, shown):
    labelled.lookup_lists.add("greek", ["alpha"])
    made = labelled.heuristics.add("lookup", "listed", label="Alpha", lists=["greek"])
    at = open_page("heuristics", labelled, heuristics_open=(labelled.id, labelled.task.id, str(made.id)))
    assert "**1** greek → Alpha" in shown(at)


def test_saving_is_a_version_that_can_be_restored(open_page, many):
    number = many.heuristics.get("says alpha").id
    at = open_page("heuristics", many, heuristics_open=(many.id, many.task.id, str(number)))
    field(at.text_area, "terms").set_value("alpha\nomega").run()
    press(at, "heuristics_save")
    found = many.heuristics.get(number)
    assert (found.version, found.state) == (2, "outdated")
    press(at, "heuristics_restore_1")
    assert many.heuristics.get(number).config["terms"] == ["alpha"]
    assert field(at.text_area, "terms").value == "alpha"
    assert many.heuristics.get(number).state == "done"  # the votes are those of that configuration


def test_what_somebody_else_saved_is_told_and_lost_on_neither_side(open_page, many, shown):
    number = many.heuristics.get("says alpha").id
    at = open_page("heuristics", many, heuristics_open=(many.id, many.task.id, str(number)))
    field(at.text_area, "terms").set_value("mine").run()
    many.heuristics.change(number, terms=["theirs"])
    at.run()
    assert "changed elsewhere to version 2" in shown(at)
    assert field(at.text_area, "terms").value == "mine"
    press(at, "heuristics_discard")
    assert field(at.text_area, "terms").value == "theirs"


def test_a_copy_and_a_deletion_that_is_undone(open_page, many):
    number = many.heuristics.get("says alpha").id
    at = open_page("heuristics", many, heuristics_open=(many.id, many.task.id, str(number)))
    press(at, "heuristics_copy")
    assert [one.name for one in many.heuristics.all()][-1] == "says alpha copy"
    press(at, "heuristics_delete")
    assert "says alpha copy" not in [one.name for one in many.heuristics.all()]
    press(at, "heuristics_undelete")
    assert "says alpha copy" in [one.name for one in many.heuristics.all()]


@pytest.mark.parametrize(
    ("op", "typed", "config"),
    [
        ("length between", ("5", "9"), {"op": "length between", "value": [5, 9]}),
        (">", ("1.5", ""), {"op": ">", "value": 1.5}),
        ("in", ("a\nb", ""), {"op": "in", "value": ["a", "b"]}),
        ("not empty", ("", ""), {"op": "empty", "value": False}),
        ("contains", ("7", ""), {"op": "contains", "value": "7"}),
    ],
)
def test_a_condition_goes_into_its_widgets_and_back(project, op, typed, config):
    from pages.shared.heuristic_drafts import to_config, to_raw

    raw = {"name": "", "label": 1, "field": "text", "op": op, "value": typed[0], "value_to": typed[1]}
    assert to_config(raw) == {"label": 1, "field": "text"} | config
    back = to_raw(project, "", to_config(raw))
    assert {key: back[key] for key in raw} == raw


@pytest.mark.parametrize(
    "kind", ["lookup", "regex", "field", "nearest", "learner", "zero-shot", "llm", "code"]
)
def test_every_kind_has_an_editor_whose_beginning_can_be_drawn(open_page, labelled, kind):
    at = open_page("heuristics", labelled, heuristics_open=(labelled.id, labelled.task.id, f"new-{kind}"))
    assert button(at, "heuristics_save")
    assert not at.error


# ---- the list --------------------------------------------------------------------------------


def test_the_list_shows_numbers_counted_by_hand(open_page, many, given_to):
    at = open_page("heuristics", many)
    lines = {line["name"]: line for line in given_to(at, LIST)["lines"]}
    right, wrong = lines["says alpha"]["numbers"], lines["says beta"]["numbers"]
    # "alpha" stands in 20 of 60 records, 8 of which are labelled, all Alpha; so it is with "beta".
    assert (right["hits"], right["coverage"], right["known"], right["right"]) == (20, 20 / 60, 8, 8)
    assert (wrong["hits"], wrong["known"], wrong["right"], wrong["precision"]) == (20, 8, 0, 0.0)
    # "one digit" votes Alpha on 10 records of each class: it overlaps with both, and differs on beta's ten.
    digits = lines["one digit"]["numbers"]
    assert (digits["hits"], digits["overlaps"], digits["conflicts"], digits["adds"]) == (30, 20, 10, 10)
    assert [label["name"] for label in lines["says beta"]["labels"]] == ["Gamma"]
    assert {line["state"] for line in lines.values()} == {"done"}


def test_a_number_opens_its_records_with_what_was_voted(open_page, many, browser_sends):
    number = many.heuristics.get("one digit").id
    at = open_page("heuristics", many)
    open_in_list(at, browser_sends, kind="records", id=number, what="conflicts")
    session = many.sessions()[0]
    assert session.n_items == 10
    item = many.sessions_book.items(session.id)[0]
    assert item.why == "one digit votes Alpha; says beta Gamma"
    assert at.session_state["session_open"] == session.id


def test_precision_opens_the_labelled_ones_wrong_first(open_page, many, browser_sends):
    number = many.heuristics.get("one digit").id
    at = open_page("heuristics", many)
    open_in_list(at, browser_sends, kind="records", id=number, what="known")
    session = many.sessions()[0]
    rows = [item.row for item in many.sessions_book.items(session.id)]
    manual = [many.record(row).label for row in rows]
    assert manual == ["Beta", "Gamma"] * 8 + ["Alpha"] * 8
    why = [item.why for item in many.sessions_book.items(session.id)]
    assert why[0] == "one digit votes Alpha; wrong: it is labelled Beta"
    assert why[-1] == "one digit votes Alpha; right"


def click_number(open_page, browser_sends, project, name, what, **state):
    """Click a number of a heuristic; return the page and the session that opened."""
    at = open_page("heuristics", project, **state)
    open_in_list(at, browser_sends, kind="records", id=project.heuristics.get(name).id, what=what)
    return at, at.session_state["session_open"]


def test_a_number_clicked_again_opens_its_session_and_another_drops_one_without_answers(
    open_page, many, browser_sends
):
    at, first = click_number(open_page, browser_sends, many, "one digit", "conflicts")
    visit = {"figure_session": first}  # what this visit opened last
    at, again = click_number(open_page, browser_sends, many, "one digit", "conflicts", **visit)
    assert again == first
    at, second = click_number(open_page, browser_sends, many, "says beta", "hits", **visit)
    assert [one.id for one in many.sessions()] == [second]
    assert at.query_params["session"] == str(second)
    assert at.query_params["project"] == many.name


def test_a_session_of_a_number_stays_once_something_was_answered_or_it_was_named(
    open_page, many, browser_sends
):
    _, answered = click_number(open_page, browser_sends, many, "one digit", "conflicts")
    many.sessions_book.answer(answered, 0, "Alpha")
    _, named = click_number(open_page, browser_sends, many, "one digit", "hits", figure_session=answered)
    many.sessions_book.rename(named, "to look at")
    _, last = click_number(open_page, browser_sends, many, "says beta", "hits", figure_session=named)
    assert {one.id for one in many.sessions()} == {answered, named, last}


def test_what_another_visit_looks_at_goes_only_after_an_hour(open_page, many, browser_sends, monkeypatch):
    _, first = click_number(open_page, browser_sends, many, "one digit", "hits")
    _, second = click_number(open_page, browser_sends, many, "says beta", "hits")
    assert {one.id for one in many.sessions()} == {first, second}
    monkeypatch.setattr("pages.shared.heuristic_sessions._PASSED_SECONDS", -1.0)
    _, third = click_number(open_page, browser_sends, many, "says alpha", "hits")
    assert [one.id for one in many.sessions()] == [third]


def test_a_tick_chooses_for_weak_supervision(open_page, many, browser_sends):
    number = many.heuristics.get("says beta").id
    at = open_page("heuristics", many)
    open_in_list(at, browser_sends, kind="select", id=number, on=False)
    assert [one.name for one in many.heuristics.all() if not one.selected] == ["says beta"]


# ---- running ---------------------------------------------------------------------------------


def test_one_button_runs_what_is_not_current(open_page, many, started):
    many.heuristics.change("says beta", terms=["beta", "b"])
    draft = many.heuristics.add("lookup", "new one", label="Gamma", terms=["gamma"])
    many.heuristics.add("code", "program", source="def vote(record):\n    return None\n")
    at = open_page("heuristics", many)
    assert button(at, "heuristics_run").label == "Run 2 heuristics"
    press(at, "heuristics_run")
    kind, options = started[0]
    assert kind == "heuristics"
    assert options["which"] == [many.heuristics.get("says beta").id, draft.id]


def test_all_up_to_date_leaves_nothing_to_run(open_page, many):
    at = open_page("heuristics", many)
    assert button(at, "heuristics_run").label == "All are up to date"
    assert button(at, "heuristics_run").disabled


def test_a_run_that_failed_says_why_in_its_line(open_page, project, given_to):
    project.heuristics.add("learner", "learns", min_confidence=0.5)  # there are no labels to learn from
    project.heuristics.run()
    line = given_to(open_page("heuristics", project), LIST)["lines"][0]
    assert line["state"] == "failed"
    assert "label" in line["why"]


def test_one_that_failed_says_so_and_runs_again_apart_from_the_new_ones(open_page, project, started, shown):
    project.heuristics.add("learner", "learns", min_confidence=0.5)  # there are no labels to learn from
    project.heuristics.run()
    at = open_page("heuristics", project)
    assert button(at, "heuristics_run").label == "None to run together"
    assert "**learns** failed: The active learner needs" in shown(at)
    press(at, "heuristics_run_again")
    assert started[0][1]["which"] == [project.heuristics.get("learns").id]


def test_one_that_would_fail_again_is_to_be_edited_first(open_page, project, shown):
    made = project.heuristics.add("field", "gone", label="Alpha", field="nowhere", op="contains", value="x")
    project.heuristics.run()
    at = open_page("heuristics", project)
    assert "**gone** cannot run as it is written: There is no field" in shown(at)
    assert not [one for one in at.button if one.key == "heuristics_run_again"]
    press(at, "heuristics_edit_failed")
    assert at.query_params["heuristic"] == str(made.id)
    project.heuristics.change(made.id, field="text")
    at = open_page("heuristics", project)
    assert "cannot run" not in shown(at)


# ---- the trial -------------------------------------------------------------------------------


def test_a_clicked_word_becomes_a_term_and_goes_again(open_page, many, browser_sends):
    number = many.heuristics.get("says alpha").id
    at = open_page("heuristics", many, heuristics_open=(many.id, many.task.id, str(number)))
    key = f"heuristics_examples_{number}"
    browser_sends(at, key, steps={"client": "c", "steps": [{"seq": 1, "term": "Story", "target": 0}]})
    assert field(at.text_area, "terms").value == "alpha\nStory"
    browser_sends(at, key, steps={"client": "c", "steps": [{"seq": 2, "term": "story", "target": 0}]})
    assert field(at.text_area, "terms").value == "alpha"


def test_a_clicked_word_goes_to_a_shared_list_and_back(open_page, many, browser_sends, shown):
    shared = many.lookup_lists.add("words", ["alpha"])
    made = many.heuristics.add("lookup", "listed", label="Alpha", lists=["words"])
    at = open_page("heuristics", many, heuristics_open=(many.id, many.task.id, str(made.id)))
    step = {"seq": 1, "term": "number 3", "target": shared.id}
    browser_sends(at, f"heuristics_examples_{made.id}", steps={"client": "c", "steps": [step]})
    assert many.lookup_lists.get("words").terms == ("alpha", "number 3")
    assert "Added “number 3” to the list" in shown(at)
    press(at, f"heuristics_added_{made.id}")
    assert many.lookup_lists.get("words").terms == ("alpha",)


def test_ten_chosen_records_show_right_and_wrong(open_page, many, given_to):
    number = many.heuristics.get("one digit").id
    at = open_page("heuristics", many, heuristics_open=(many.id, many.task.id, str(number)))
    at.selectbox(key=f"heuristics_which_{number}").set_value("by their ids").run()
    ids = many.record_ids
    at.text_input(key=f"heuristics_ids_{number}").set_value(f"{ids[0]}, {ids[1]}").run()
    lines = given_to(at, f"heuristics_examples_{number}")["lines"]
    assert [(line["label"], line["manual"], line["right"]) for line in lines] == [
        ("Alpha", "Alpha", True),
        ("Alpha", "Beta", False),
    ]
    at.text_input(key=f"heuristics_ids_{number}").set_value("nobody").run()
    assert "nobody" in at.error[0].value


def test_a_learner_is_tried_when_asked_and_says_when_that_is_old(open_page, labelled, given_to, shown):
    at = open_page("heuristics", labelled, heuristics_open=(labelled.id, labelled.task.id, "new-learner"))
    key = "heuristics_examples_new-learner"
    assert given_to(at, key) is None
    press(at, "heuristics_try_new-learner")
    first = [line["row"] for line in given_to(at, key)["lines"]]
    assert len(first) == 10
    field(at.slider, "min_confidence").set_value(0.3).run()
    assert "before your last change" in shown(at)
    press(at, "heuristics_try_new-learner")
    assert [line["row"] for line in given_to(at, key)["lines"]] != first


# ---- lists and suggestions -------------------------------------------------------------------


def in_dialog(at, opened_by, name):
    """Click a button of a dialog, drawn only if the button that opens it is pressed in the same run."""
    button(at, opened_by).click()
    return press(at, name)


def test_a_list_is_made_in_the_dialog(open_page, many):
    at = open_page("heuristics", many)
    press(at, "heuristics_lists")
    field(at.text_input, "name_new_0").set_value("colours")
    field(at.text_area, "terms_new_0").set_value("red\nblue")
    in_dialog(at, "heuristics_lists", "Make the list")
    made = many.lookup_lists.get("colours")
    assert made.terms == ("red", "blue")


def test_a_list_shows_who_uses_it_and_goes_once_nobody_does(open_page, many, shown):
    many.lookup_lists.add("colours", ["red"])
    many.heuristics.add("lookup", "painted", label="Alpha", lists=["colours"])
    number = many.lookup_lists.get("colours").id
    at = open_page("heuristics", many)
    press(at, "heuristics_lists")
    assert "Used by painted." in shown(at)
    assert button(at, f"heuristics_list_delete_{number}").disabled
    field(at.text_area, f"terms_{number}_0").set_value("red\ngreen")
    in_dialog(at, "heuristics_lists", f"heuristics_list_save_{number}")
    assert many.lookup_lists.get("colours").terms == ("red", "green")
    many.heuristics.change("painted", lists=[], terms=["red"])
    press(at, "heuristics_lists")
    in_dialog(at, "heuristics_lists", f"heuristics_list_delete_{number}")
    assert many.lookup_lists.all() == []


def test_suggestions_become_drafts_with_one_click(open_page, labelled, shown):
    at = open_page(
        "heuristics",
        labelled,
        heuristics_view="suggested",
        heuristics_open=(labelled.id, labelled.task.id, "new"),
    )
    assert "right" in shown(at)
    first = next(one for one in at.button if one.label == "Make a draft")
    first.click().run()
    assert not at.exception
    made = labelled.heuristics.all()
    assert [one.state for one in made] == ["draft"]
    assert at.query_params["heuristic"] == str(made[0].id)
    assert any(one.label == "Open" for one in at.button)


def take_suggestions(at, n):
    for _ in range(n):
        next(one for one in at.button if one.label == "Make a draft").click().run()
        assert not at.exception
    field(at.text_input, "name").set_value("taken over").run()
    return press(at, "heuristics_save")


@pytest.mark.parametrize(("n", "shows"), [(1, "yours"), (2, "suggested")])
def test_saving_the_one_suggestion_that_was_taken_shows_it_in_the_list(
    open_page, labelled, given_to, n, shows
):
    at = open_page("heuristics", labelled, heuristics_view="suggested")
    at.selectbox(key="heuristics_suggest_label").set_value("Alpha").run()
    take_suggestions(at, n)
    assert at.session_state["heuristics_view"] == shows
    made = labelled.heuristics.all()
    assert len(made) == n
    if shows == "yours":
        assert [line["id"] for line in given_to(at, LIST)["lines"]] == [made[0].id]
        assert given_to(at, LIST)["open"] == made[0].id


def test_a_suggested_one_shows_its_figures_until_labels_given_since_tell(
    open_page, labelled, shown, given_to
):
    book = labelled.heuristics
    made = book.accept(book.suggest("Alpha", kinds=("lookup",))[0])
    book.run()
    at = open_page("heuristics", labelled, heuristic=str(made.id))
    line = given_to(at, LIST)["lines"][0]
    assert line["numbers"]["known"] == 0  # all labels were there when it was found
    assert line["suggested"]["precision"] > 0
    assert line["suggested"]["n"] > 0
    assert "of a suggested one, only against labels kept aside or given since" in shown(at)
    labelled.label(np.arange(24, 60, 3), "Alpha")
    line = given_to(open_page("heuristics", labelled), LIST)["lines"][0]
    assert line["numbers"]["known"] > 0


# ---- what the operator must allow ------------------------------------------------------------


def test_code_that_is_off_says_how_to_allow_it(open_page, labelled, shown):
    at = open_page("heuristics", labelled, heuristics_open=(labelled.id, labelled.task.id, "new-code"))
    assert "EMBTUNE_ALLOW_CODE=1" in shown(at)
    assert button(at, "heuristics_try_new-code").disabled
    press(at, "heuristics_save")
    assert [one.kind for one in labelled.heuristics.all()] == ["code"]
    assert button(at, "heuristics_run_one").disabled


def test_a_language_model_says_what_leaves_and_what_it_costs_first(
    open_page, labelled, shown, started, monkeypatch
):
    from embtune.settings import get_settings

    at = open_page("heuristics", labelled, heuristics_open=(labelled.id, labelled.task.id, "new-llm"))
    assert "EMBTUNE_LLM_URL" in shown(at)
    monkeypatch.setenv("EMBTUNE_LLM_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("EMBTUNE_LLM_MODEL", "small")
    get_settings.cache_clear()
    at.run()
    assert "leave this machine" in shown(at)
    press(at, "heuristics_save")
    made = labelled.heuristics.all()[0]
    assert button(at, "heuristics_run").disabled  # it is not among those that run together
    press(at, "heuristics_run_one")
    assert "**60 requests**" in shown(at)
    assert "no price is configured" in shown(at)
    assert not started
    in_dialog(at, "heuristics_run_one", "heuristics_ask_sure")
    assert started[0][1]["which"] == [made.id]


def test_ten_at_random_are_the_same_until_drawn_again(open_page, many, given_to):
    number = many.heuristics.get("says alpha").id
    at = open_page("heuristics", many, heuristics_open=(many.id, many.task.id, str(number)))
    at.selectbox(key=f"heuristics_which_{number}").set_value("at random").run()
    key = f"heuristics_examples_{number}"
    rows = [line["row"] for line in given_to(at, key)["lines"]]
    at.run()
    assert [line["row"] for line in given_to(at, key)["lines"]] == rows
    press(at, f"heuristics_try_{number}")
    assert [line["row"] for line in given_to(at, key)["lines"]] != rows
    assert len(np.unique(rows)) == 10
