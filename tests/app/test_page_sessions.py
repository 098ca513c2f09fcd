"""Sessions: the list, the typing card, its end, and the review."""

import numpy as np
import pytest

ROWS = [7, 3, 11, 5]


@pytest.fixture
def session(project):
    return project.create_session(
        np.array(ROWS),
        "Similar to <b>x</b>",
        kind="similar",
        origin={"embedding": "raw"},
        cosine=[0.9, 0.8, 0.7, 0.6],
    )


def param(at, name):
    value = at.query_params[name]
    return value if isinstance(value, str) else value[0]


def card_key(session):
    return f"session_card_{session}"


def typed(*steps):
    return {"client": "c", "steps": [{"seq": i + 1, **step} for i, step in enumerate(steps)]}


def label(project, position, name):
    return {"kind": "label", "position": position, "label": project.label_named(name).id}


def test_without_sessions_it_leads_to_the_typical_records(open_page, project, given_to):
    at = open_page("sessions", project)
    assert "Next: Typical records" in at.markdown[0].value
    at.button(key="session_advised").click().run()
    made = project.sessions()[0]
    assert (made.kind, made.n_items) == ("typical", 12)
    assert given_to(at, card_key(made.id))["items"][0]["why"] == "nearest to centre 1 of 12"


def test_the_list_shows_progress_and_opens_at_the_cursor(open_page, project, session, given_to):
    project.sessions_book.answer(session, 0, "Alpha")
    at = open_page("sessions", project)
    listed = " ".join(str(element.proto.body) for element in at.get("html"))
    assert "1 of 4 labelled" in listed
    assert "Similar to &lt;b&gt;x&lt;/b&gt;" in listed
    at.button(key=f"session_go_{session}").click().run()
    assert param(at, "session") == str(session)
    card = given_to(at, card_key(session))
    assert card["items"][0]["text"] == project.record(3).text
    assert card["items"][0]["why"] == "rank 2, cosine .80 under raw"
    assert [dot["label"] for dot in card["past"]] == ["Alpha"]


def test_the_card_brings_the_next_records_along(open_page, project, session, given_to):
    at = open_page("sessions", project, session_open=session)
    assert [item["row"] for item in given_to(at, card_key(session))["items"]] == ROWS


def test_keys_label_save_and_advance_none_is_lost_or_swapped(
    open_page, project, session, given_to, browser_sends
):
    at = open_page("sessions", project, session_open=session)
    browser_sends(
        at,
        card_key(session),
        steps=typed(label(project, 0, "Beta"), label(project, 1, "Alpha"), {"kind": "skip", "position": 2}),
    )
    assert [project.record(row).label for row in ROWS[:3]] == ["Beta", "Alpha", None]
    card = given_to(at, card_key(session))
    assert card["items"][0]["row"] == 5
    assert card["taken"] == {"client": "c", "seq": 3}
    # The browser had not heard of those three yet when it sent the fourth.
    browser_sends(
        at,
        card_key(session),
        steps=typed(
            label(project, 0, "Beta"),
            label(project, 1, "Alpha"),
            {"kind": "skip", "position": 2},
            {"kind": "undo", "position": 3},
        ),
    )
    assert [project.record(row).label for row in ROWS[:3]] == ["Beta", None, None]
    assert given_to(at, card_key(session))["items"][0]["row"] == 3


def test_a_step_that_cannot_be_taken_is_told_in_a_sentence(open_page, project, session, browser_sends):
    at = open_page("sessions", project, session_open=session)
    browser_sends(at, card_key(session), steps=typed(label(project, 99, "Beta")))
    assert "has no place 100; it has 4" in at.error[0].value


def test_a_label_that_is_gone_is_told_and_the_next_keys_count(
    open_page, project, session, given_to, browser_sends
):
    at = open_page("sessions", project, session_open=session)
    gone = label(project, 1, "Gamma")
    project.label_set.delete("Gamma")  # by somebody else
    steps = [
        label(project, 0, "Beta"),
        gone,
        {"kind": "label", "position": 2, "label": None, "new": True, "name": "none of these"},
        label(project, 3, "Alpha"),
    ]
    browser_sends(at, card_key(session), steps=typed(*steps))
    assert [project.record(row).label for row in ROWS] == ["Beta", None, None, "Alpha"]
    assert "given to record 2 was deleted meanwhile" in at.error[0].value


def test_a_session_is_open_at_the_same_record_after_a_reload(open_page, project, session, given_to):
    project.sessions_book.take(session, [])
    project.sessions_book.go_to(session, 2)
    again = open_page("sessions")
    again.query_params["project"] = project.name
    again.query_params["session"] = str(session)
    again.run()
    assert given_to(again, card_key(session))["items"][0]["position"] == 2


def test_an_address_of_a_session_that_is_gone_shows_the_list(open_page, project):
    at = open_page("sessions", project)
    at.query_params["session"] = "77"
    at.run()
    assert not at.exception
    assert "session" not in at.query_params
    assert at.title[0].value == "Sessions"


def test_the_end_sums_up_and_offers_what_is_left(open_page, project, session, given_to):
    book = project.sessions_book
    for position in range(3):
        book.answer(session, position, "Alpha")
    book.skip(session, 3)
    at = open_page("sessions", project, session_open=session)
    assert given_to(at, card_key(session)) is None
    assert "3 of 4 records labelled, 1 skipped." in [element.value for element in at.markdown]
    at.button(key="session_skipped").click().run()
    assert given_to(at, card_key(session))["items"][0]["position"] == 3


def test_undo_at_the_end_returns_to_the_last_answer(open_page, project, session, given_to):
    for position in range(4):
        project.sessions_book.answer(session, position, "Alpha")
    at = open_page("sessions", project, session_open=session)
    at.button(key="session_undo").click().run()
    assert given_to(at, card_key(session))["items"][0]["position"] == 3
    assert project.record(5).label is None


def test_an_undo_from_elsewhere_is_followed_by_the_card(open_page, project, session, given_to, browser_sends):
    at = open_page("sessions", project, session_open=session)
    browser_sends(at, card_key(session), steps=typed(label(project, 0, "Beta")))
    project.undo()
    at.run()
    assert given_to(at, card_key(session))["items"][0]["position"] == 0


def test_review_shows_all_and_corrects_in_place(open_page, project, session, given_to, browser_sends):
    project.sessions_book.answer(session, 0, "Alpha")
    project.sessions_book.skip(session, 1)
    at = open_page("sessions", project, session_open=session)
    at.button(key="session_review").click().run()
    assert param(at, "view") == "review"
    lines = given_to(at, "review_list")["lines"]
    assert [(line["rank"], line["label"], line["mark"]) for line in lines] == [
        (1, "Alpha", ""),
        (2, None, "skipped"),
        (3, None, "to do"),
        (4, None, "to do"),
    ]
    gamma = project.label_named("Gamma").id
    browser_sends(
        at, "review_list", steps={"client": "r", "steps": [{"seq": 1, "row": ROWS[0], "label": gamma}]}
    )
    assert project.record(ROWS[0]).label == "Gamma"
    assert project.history()[0].detail["session"] == session
    assert project.session(session).cursor == 2  # where it was


def test_review_filters_and_opens_a_record_in_the_card(open_page, project, session, given_to, browser_sends):
    project.sessions_book.skip(session, 0)
    at = open_page("sessions", project, session_open=session, session_reviewing=True)
    at.segmented_control(key="review_show").set_value("skipped").run()
    assert [line["rank"] for line in given_to(at, "review_list")["lines"]] == [1]
    browser_sends(at, "review_list", trigger="open", value=ROWS[0])
    assert given_to(at, card_key(session))["items"][0]["position"] == 0
    assert "view" not in at.query_params


def test_a_long_review_comes_in_pages(open_page, project, given_to):
    long = project.create_session(np.arange(60), "Long")
    at = open_page("sessions", project, session_open=long, session_reviewing=True)
    at.button(key="review_later").click().run()
    assert [line["rank"] for line in given_to(at, "review_list")["lines"]] == list(range(51, 61))


def test_a_session_is_renamed_and_deleted_its_labels_stay(open_page, project, session):
    project.sessions_book.answer(session, 0, "Alpha")
    at = open_page("sessions", project)
    at.text_input(key=f"session_name_{session}").set_value("Better").run()
    at.button(key=f"session_rename_{session}").click().run()
    assert project.session(session).name == "Better"
    at.button(key=f"session_delete_{session}").click().run()
    at.button(key="session_delete_sure").click().run()
    assert project.sessions() == []
    assert project.record(7).label == "Alpha"


def test_a_new_session_of_unlabelled_records_is_made_and_opened(open_page, project, given_to):
    project.label(np.arange(50), "Alpha")
    at = open_page("sessions", project)
    at.number_input(key="session_size").set_value(5).run()
    at.button(key="session_create").click().run()
    made = project.sessions()[0]
    assert made.n_items == 5
    assert all(item["row"] >= 50 for item in given_to(at, card_key(made.id))["items"])


def test_without_labels_the_card_asks_for_the_first(open_page, plain_project):
    made = plain_project.create_session(np.arange(4), "Plain")
    at = open_page("sessions", plain_project, session_open=made)
    assert "There is no label yet" in at.markdown[-1].value
    assert at.button(key="session_first_label")


# ---- making one of any kind -----------------------------------------------------------------------


def test_kinds_are_grouped_with_a_line_each_and_make_their_session(open_page, project, given_to):
    for i, label in enumerate(project.labels):
        project.label(np.arange(12) * 3 + i, label.name)
    at = open_page("sessions", project)
    kinds = at.radio(key="session_kind_2")
    assert kinds.value == "uncertain"  # the advised one stands first
    at.segmented_control(key="session_group").set_value("Check").run()
    at.radio(key="session_kind_3").set_value("errors").run()
    at.segmented_control(key="session_group").set_value("Where the model doubts").run()
    at.radio(key="session_kind_2").set_value("unlikely").run()
    at.selectbox(key="session_label").set_value("Beta").run()
    at.button(key="session_create").click().run()
    made = project.sessions()[0]
    assert (made.kind, made.origin["label"]) == ("unlikely", "Beta")
    assert given_to(at, card_key(made.id))["items"][0]["why"].startswith("model: ")


def test_a_session_that_cannot_be_made_says_why(open_page, project):
    at = open_page("sessions", project)
    at.segmented_control(key="session_group").set_value("Where the model doubts").run()
    at.button(key="session_create").click().run()
    assert "Label a few records of two labels first" in at.error[0].value
    assert project.sessions() == []


# ---- what the card is given -------------------------------------------------------------------------


def test_the_card_says_what_the_model_and_the_nearest_labels_say(open_page, project, given_to, browser_sends):
    for i, name in enumerate(("Alpha", "Beta", "Gamma")):
        project.label(np.arange(8) * 3 + i, name)
    session = project.create_session([30, 31], "Two")
    at = open_page("sessions", project, session_open=session)
    item = given_to(at, card_key(session))["items"][0]
    assert item["near"] == "5 of 5 Alpha"
    assert item["guess"]["name"] == "Alpha"
    guess = item["guess"]
    sent = label(project, 0, "Beta") | {"predicted": guess["id"], "sure": guess["sure"]}
    browser_sends(at, card_key(session), steps=typed(sent))
    detail = project.history()[0].detail
    assert (detail["predicted"], detail["sure"]) == (guess["id"], pytest.approx(guess["sure"]))
    past = given_to(at, card_key(session))["past"]
    assert [dot["label"] for dot in past] == ["Beta"]


def test_flag_comment_key_and_new_label_come_from_the_card(
    open_page, project, session, given_to, browser_sends
):
    at = open_page("sessions", project, session_open=session)
    browser_sends(
        at,
        card_key(session),
        steps=typed(
            {"kind": "flag", "position": 0, "on": True},
            {"kind": "comment", "position": 0, "text": "odd"},
            {
                "kind": "hotkey",
                "position": 0,
                "label": project.label_named("Beta").id,
                "text": "k",
                "on": False,
            },
            {"kind": "label", "position": 0, "label": None, "new": True, "name": "Delta"},
        ),
    )
    record = project.record(ROWS[0])
    assert (record.label, record.flagged, record.comments[0].text) == ("Delta", True, "odd")
    card = given_to(at, card_key(session))
    assert {one["name"]: one["key"] for one in card["labels"]}["Beta"] == "k"
    assert "Delta" in [one["name"] for one in card["labels"]]
    taken = {
        "kind": "hotkey",
        "position": 1,
        "label": project.label_named("Beta").id,
        "text": "1",
        "on": False,
    }
    browser_sends(at, card_key(session), steps={"client": "c", "steps": [{"seq": 5, **taken}]})
    assert "belongs to 'Alpha'" in at.error[0].value


def test_with_many_labels_the_likeliest_come_along(open_page, project, given_to):
    for i in range(20):
        project.add_label(f"Extra {i}")
    for i, name in enumerate(("Alpha", "Beta", "Gamma")):
        project.label(np.arange(8) * 3 + i, name)
    session = project.create_session([31], "One")
    at = open_page("sessions", project, session_open=session)
    card = given_to(at, card_key(session))
    assert card["many"] is True
    likely = card["items"][0]["likely"]
    assert (likely[0], len(likely)) == (project.label_named("Beta").id, 9)


# ---- several annotators ------------------------------------------------------------------------------


@pytest.fixture
def two(project):
    ann, bob = project.view(annotator="ann"), project.view(annotator="bob")
    ann.label(range(6), "Alpha")
    bob.label(range(4), "Alpha")
    bob.label([1], "Beta")
    return ann, bob


def test_a_blind_card_hides_the_label_and_the_model_until_given(
    open_page, project, two, given_to, browser_sends
):
    _, bob = two
    session = bob.sessions_book.create_of("second", of="ann")
    at = open_page("sessions", project, session_open=session, annotator="bob")
    items = given_to(at, card_key(session))["items"]
    assert {item["row"] for item in items} == {4, 5}
    assert [(item["label"], item["guess"], item["near"]) for item in items] == [(None, None, "")] * 2
    browser_sends(at, card_key(session), steps=typed(label(project, 0, "Gamma")))
    assert project.history()[0].annotator == "bob"
    assert [dot["label"] for dot in given_to(at, card_key(session))["past"]] == ["Gamma"]
    at.button(key="session_review").click().run()
    assert [line["label"] for line in given_to(at, "review_list")["lines"]] == ["Gamma", None]


def test_agreement_is_shown_and_differences_are_settled_with_both_answers_in_view(
    open_page, project, two, given_to, browser_sends
):
    at = open_page("sessions", project)
    table = at.dataframe[-1].value
    assert table["annotators"].tolist() == ["ann and bob"]
    assert table["alike"].tolist() == [75.0]
    at.button(key="session_settle").click().run()
    session = project.sessions()[0].id
    item = given_to(at, card_key(session))["items"][0]
    assert [(one["who"], one["name"]) for one in item["answers"]] == [("ann", "Alpha"), ("bob", "Beta")]
    assert (item["label"], item["guess"]) == (None, None)
    browser_sends(at, card_key(session), steps=typed(label(project, 0, "Beta")))
    assert project.record(1).label == "Beta"
    assert len(project.differing_rows()) == 0


def test_a_name_is_kept_on_every_page_and_in_the_address(open_page, project):
    at = open_page("sessions", project)
    at.text_input(key="session_annotator").set_value("ann").run()
    assert param(at, "annotator") == "ann"
    at.button(key="session_advised").click().run()
    assert project.sessions()[0].annotator == "ann"


# ---- tasks, summary, comparison ------------------------------------------------------------------------


def test_a_session_of_another_task_switches_the_task(open_page, project, given_to, browser_sends):
    tone = project.add_task("Tone")
    tone.add_label("Friendly")
    session = tone.create_session([4], "Tone of one")
    at = open_page("sessions", project, session_open=session)
    assert [one["name"] for one in given_to(at, card_key(session))["labels"]] == ["Friendly", "none of these"]
    assert at.session_state["task"] == "Tone"
    browser_sends(
        at,
        card_key(session),
        steps=typed({"kind": "label", "position": 0, "label": tone.label_named("Friendly").id}),
    )
    assert (tone.record(4).label, project.record(4).label) == ("Friendly", None)


def test_the_end_tells_how_it_went_and_the_list_compares(open_page, project, session):
    for position, name in enumerate(["Alpha", "Alpha", "Beta", "Beta"]):
        project.sessions_book.answer(session, position, name)
    other = project.create_session([20, 21, 22], "Three")
    for position in range(3):
        project.sessions_book.answer(other, position, "Alpha")
    at = open_page("sessions", project, session_open=session)
    figures = {metric.label: metric.value for metric in at.metric}
    assert figures["records"] == "4"
    assert figures["context switches per 100"] == "33"  # 1 change in 3 steps
    at.button(key="session_another").click().run()
    table = at.dataframe[0].value
    assert table["session"].tolist() == ["Three", "Similar to <b>x</b>"]
    assert table["embedding"].tolist() == ["", "raw"]
    assert table["switches/100"].round().tolist() == [0, 33]


def test_review_narrows_to_what_changed_since(open_page, project, session, given_to):
    project.sessions_book.answer(session, 0, "Alpha")
    project.sessions_book.answer(session, 1, "Alpha")
    project.label([ROWS[1]], "Beta")
    at = open_page("sessions", project, session_open=session, session_reviewing=True)
    at.pills(key="review_only").set_value(["changed"]).run()
    assert [line["rank"] for line in given_to(at, "review_list")["lines"]] == [2]
