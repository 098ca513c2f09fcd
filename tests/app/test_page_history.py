"""The History page: what was done, by day, each line to undo or redo."""

import pytest

import embtune


def markdown(at):
    return [element.value for element in at.main.markdown]


def turn(at, action):
    return at.button(key=f"history_turn_{action.id}")


def test_it_opens_on_an_empty_home(open_page, shown):
    assert "There is no project yet" in shown(open_page("history"))
    assert "There is no project yet" in shown(open_page("label_set"))


def test_an_empty_history_says_so(open_page, project, shown):
    assert "Nothing was done yet" in shown(open_page("history", project))


def test_lines_say_what_when_who_and_where(open_page, project):
    project.label([0, 1], "Alpha", source="lasso", detail={"map": {"embedding": "raw", "method": "pca"}})
    project.flag([2])
    project.label_set.rename("Gamma", "Last")
    lines = markdown(open_page("history", project))
    assert lines[0] == "##### Today"
    assert "**Renamed Gamma to Last**" in lines[1]
    assert "label set" in lines[1]
    assert "**Flagged 1 record**" in lines[2]
    assert ":material/gesture: **Labelled 2 records Alpha**" in lines[3]
    assert f"{project.annotator} · map of raw · 2 records" in lines[3]


def test_any_line_is_undone_and_redone(open_page, project):
    first = project.label([0, 1], "Alpha")
    project.label([1], "Beta")
    at = open_page("history", project)
    turn(at, first).click().run()
    assert [record.label for record in project.records([0, 1])] == [None, "Beta"]
    assert turn(at, first).label == "Redo"
    assert any("~~Labelled 2 records Alpha~~ · undone" in line for line in markdown(at))
    turn(at, first).click().run()
    assert [record.label for record in project.records([0, 1])] == ["Alpha", "Beta"]


def test_what_cannot_be_undone_says_why_and_has_no_way(open_page, plain_project, shown):
    made = plain_project.label_set.create("News")
    plain_project.label([0], "News")
    at = open_page("history", plain_project)
    assert turn(at, made).disabled
    assert "Cannot be undone. 1 annotation carries the label 'News' that this made" in shown(at)


def test_a_conflict_that_came_up_meanwhile_is_told(open_page, plain_project):
    made = plain_project.label_set.create("News")
    at = open_page("history", plain_project)
    plain_project.label([0], "News")
    turn(at, made).click().run()
    assert "1 annotation carries the label" in at.error[0].value


def test_the_sidebar_tells_a_conflict_and_links_here(open_page, plain_project):
    from streamlit.testing.v1 import AppTest

    made = plain_project.label_set.create("News")
    at, after = (AppTest.from_file("../../app.py", default_timeout=60) for _ in range(2))
    at.session_state["project"] = after.session_state["project"] = "plain"
    at.run()
    plain_project.label([0], "News", annotator="somebody")
    at.button(key="sidebar_undo").click().run()
    assert not at.exception
    assert plain_project.book.action(made.id).undone_at is None
    after.session_state["sidebar_refused"] = at.session_state["sidebar_refused"]  # only a first run draws it
    after.run()
    assert "undo those first" in after.sidebar.warning[0].value
    assert "History" in [one.proto.label for one in after.get("page_link")]


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("history_kind", "Flags and comments", ["Flagged 1 record"]),
        ("history_who", "ann", ["Labelled 1 record Beta"]),
        ("history_label", "Alpha", ["Labelled 2 records Alpha"]),
        ("history_when", "Today", ["Labelled 1 record Beta", "Flagged 1 record", "Labelled 2 records Alpha"]),
    ],
)
def test_filters(open_page, project, key, value, expected):
    project.label([0, 1], "Alpha")
    project.flag([2])
    project.label([0], "Beta", annotator="ann")
    at = open_page("history", project)
    at.selectbox(key=key).set_value(value).run()
    lines = [line.split("**")[1] for line in markdown(at) if "**" in line]
    assert lines == expected


def test_who_put_what_in_force_is_told_and_undone_from_its_line(open_page, tuned, shown):
    tuned.activate("v1" if tuned.active_embedding == "raw" else "raw")
    ann, before = tuned.view(annotator="ann"), tuned.active_embedding
    other = "v1" if before == "raw" else "raw"
    ann.activate(other)
    at = open_page("history", tuned)
    action = tuned.history(1)[0]
    line = markdown(at)[1]
    assert action.summary in line
    assert "ann · Tune" in line
    assert f"history_open_{action.id}" not in [one.key for one in at.button]
    turn(at, action).click().run()
    assert tuned.active_embedding == before
    at.selectbox(key="history_kind").set_value("Active embedding").run()
    assert all("embedding" in line or "Rolled back" in line for line in markdown(at)[1:])


def test_a_task_that_was_deleted_is_named_and_comes_back_from_its_line(open_page, project):
    tone = project.add_task("Tone")
    tone.add_label("Calm")
    given = tone.label([0], "Calm")
    tone.delete_task()
    at = open_page("history", project)
    assert any("task Tone, deleted" in line for line in markdown(at))
    assert turn(at, given).disabled
    turn(at, project.history(1)[0]).click().run()
    assert [task.name for task in project.tasks] == ["Labels", "Tone"]
    assert not turn(at, given).disabled


def test_labels_that_stay_when_their_import_is_undone_are_named_with_the_reason(open_page, home, shown):
    import json

    project = embtune.open("made")
    rows = [{"text": f"text {name}", "class": name} for name in "AB"]
    project.import_records(json.dumps(rows).encode(), name="f.json", text="{text}", label_field="class")
    action = project.history(1)[0]
    project.label([1], "A")
    at = open_page("history", project)
    turn(at, action).click().run()
    assert "A stays: 1 other annotation carries it." in shown(at)
    assert [label.name for label in project.labels] == ["A"]


def test_older_entries_are_a_page_on(open_page, project):
    for i in range(65):
        project.label([i % 60], "Alpha")
    at = open_page("history", project)
    numbers = []
    for _ in range(3):
        numbers.append([one.key for one in at.button if (one.key or "").startswith("history_turn_")])
        if len(numbers) < 3:
            at.button(key="history_older").click().run()
    assert [len(one) for one in numbers] == [30, 30, 5]
    assert len({key for page in numbers for key in page}) == 65
    assert not [one for one in at.button if one.key == "history_older"]
    at.button(key="history_newer").click().run()
    assert [one.key for one in at.button if (one.key or "").startswith("history_turn_")] == numbers[1]
    at.selectbox(key="history_label").set_value("Alpha").run()  # another filter starts at the newest
    assert [one.key for one in at.button if (one.key or "").startswith("history_turn_")] == numbers[0]


def test_a_bulk_action_is_checked_from_its_line_and_shows_what_was_found(open_page, project, shown):
    small = project.label([0], "Beta")
    bulk = project.label(range(30), "Alpha")
    at = open_page("history", project)
    keys = [one.key for one in at.button]
    assert f"history_check_{small.id}" not in keys
    at.button(key=f"history_check_{bulk.id}").click().run()
    assert not at.exception
    session = at.session_state["session_open"]
    assert project.session(session).kind == "spot check"
    project.sessions_book.answer(session, 0, "Gamma")
    at = open_page("history", project)
    assert "Spot check: 1 of 1 wrong, 9 to go" in shown(at)
    assert at.button(key=f"history_check_{bulk.id}").label == "Go on checking"
    for position in range(1, 10):
        project.sessions_book.answer(session, position, "Alpha")
    at.run()
    assert "Spot check: 1 of 10 wrong: 10 % (95 % interval 2 to 40 %)" in shown(at)


def test_the_records_of_an_action_open_as_one_session(open_page, project):
    action = project.label([3, 1, 2], "Alpha")
    for _ in range(2):
        at = open_page("history", project)
        at.button(key=f"history_open_{action.id}").click().run()
        assert not at.exception
        session = at.session_state["session_open"]
        assert [item.row for item in project.sessions_book.items(session)] == [1, 2, 3]
    assert len(project.sessions()) == 1


def test_names_that_look_like_markup_stay_text(open_page, plain_project):
    plain_project.label_set.create("*a* <b> $x$")
    (line,) = [one for one in markdown(open_page("history", plain_project)) if "Added" in one]
    assert r"\*a\* \<b> \$x\$" in line


def test_a_sitting_is_folded_and_opens_to_its_answers(open_page, project):
    session = project.create_session(range(10), "Ten of them")
    for i in range(5):
        project.sessions_book.answer(session, i, "Alpha")
    at = open_page("history", project)
    assert "**5 answers in “Ten of them”**" in at.expander[0].label
    assert not [one for one in at.button if (one.key or "").startswith("history_turn_")]
    oldest = project.history()[-1].id
    at = open_page("history", project, **{f"history_fold_{oldest}": True})
    turn(at, project.history()[2]).click().run()
    assert project.session(session).n_labelled == 4
