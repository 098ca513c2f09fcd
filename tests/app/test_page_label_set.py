"""The Label set page: labels found, changed, merged, split and deleted; tasks added and switched."""

import pytest


def names(project):
    return [label.name for label in project.labels]


def table(at):
    return at.dataframe[0].value


def field(widgets, name):
    """The field of a label's form: its key goes on with what it holds."""
    return next(one for one in widgets if (one.key or "").startswith(f"{name}_"))


def in_dialog(at, opened_by, name):
    """Click a button of a dialog, drawn only if the button that opens it is pressed in the same run."""
    at.button(key=opened_by).click()
    next(one for one in at.button if name in (one.key, one.label)).click()
    at.run()
    assert not at.exception


@pytest.fixture
def whole_app(open_page):
    """The app with its sidebar, which is drawn in the first run alone; later ones are the page's."""
    from streamlit.testing.v1 import AppTest

    def opened(project, **state):
        at = AppTest.from_file("../../app.py", default_timeout=60)
        for key, value in {"project": project.name, **state}.items():
            at.session_state[key] = value
        return at.run()

    return opened


def chosen_label(project, name):
    return {"label_set_chosen": project.label_named(name).id}


@pytest.fixture
def many(plain_project):
    """A project with 77 labels, three of which speak of cards."""
    for i in range(74):
        plain_project.add_label(f"intent {i}")
    for name in ("card lost", "card stolen", "top up"):
        plain_project.add_label(name, description="about a card" if name == "top up" else "")
    return plain_project


def test_an_empty_label_set_says_what_to_do(open_page, plain_project, shown):
    at = open_page("label_set", plain_project)
    assert "has no labels yet" in shown(at)
    at.button(key="label_new").click().run()
    next(one for one in at.text_input if one.label == "Name").set_value("News")
    in_dialog(at, "label_new", "Add label")
    assert names(plain_project) == ["News"]


def test_the_table_lists_counts_and_keys(open_page, project, shown):
    project.label([0, 1], "Beta")
    project.label([2], None)
    at = open_page("label_set", project)
    found = table(at)
    assert found["label"].tolist() == ["Alpha", "Beta", "Gamma"]
    assert found["key"].tolist() == ["1", "2", "3"]
    assert found["records"].tolist() == [0, 2, 0]
    assert found["reference"].tolist() == [20, 20, 20]
    assert "**none of these**, key 0: 1 so far" in shown(at)


def test_seventy_seven_labels_are_found_by_typing(open_page, many, shown):
    at = open_page("label_set", many)
    assert len(table(at)) == 77
    at.text_input(key="label_set_find").set_value("card").run()
    assert table(at)["label"].tolist() == ["card lost", "card stolen", "top up"]
    at.text_input(key="label_set_find").set_value("STOLEN card").run()
    assert table(at)["label"].tolist() == ["card stolen"]
    assert at.button(key="label_delete")  # the only one found is the one that is shown
    at.text_input(key="label_set_find").set_value("nothing like it").run()
    assert "No label is called “nothing like it”" in shown(at)


def test_a_label_is_changed_in_its_form(open_page, project, shown):
    at = open_page("label_set", project, **chosen_label(project, "Beta"))
    label = project.label_named("Beta")
    field(at.text_input, f"label_name_{label.id}").set_value("Second")
    field(at.text_input, f"label_about_{label.id}").set_value("the second one")
    field(at.text_input, f"label_key_{label.id}").set_value("K")
    field(at.number_input, f"label_place_{label.id}").set_value(1)
    next(one for one in at.button if one.label == "Save").click().run()
    assert not at.exception
    assert names(project) == ["Second", "Alpha", "Gamma"]
    label = project.labels[0]
    assert (label.hotkey, label.description) == ("k", "the second one")


def test_what_somebody_else_changed_is_shown_and_kept(open_page, project):
    at = open_page("label_set", project, **chosen_label(project, "Beta"))
    label = project.label_named("Beta")
    project.label_set.rename("Beta", "Better")  # by somebody else, while the form is open
    project.label_set.move("Better", 3)
    field(at.text_input, f"label_about_{label.id}").set_value("the second one")
    next(one for one in at.button if one.label == "Save").click().run()
    assert not at.exception
    assert names(project) == ["Alpha", "Gamma", "Better"]
    assert project.label_named("Better").description == "the second one"
    assert field(at.text_input, f"label_name_{label.id}").value == "Better"


def test_a_key_that_is_taken_is_told(open_page, project):
    at = open_page("label_set", project, **chosen_label(project, "Beta"))
    field(at.text_input, f"label_key_{project.label_named('Beta').id}").set_value("1")
    next(one for one in at.button if one.label == "Save").click().run()
    assert "belongs to 'Alpha'" in at.error[0].value
    assert project.label_named("Beta").hotkey == "2"


def test_merging_shows_what_hangs_on_the_label_first(open_page, project, shown):
    project.label([0, 1, 2], "Alpha")
    at = open_page("label_set", project, **chosen_label(project, "Alpha"))
    at.button(key="label_merge").click().run()
    assert "3 annotations on 3 records, 20 reference labels" in shown(at)
    assert at.button(key="label_merge_sure").disabled
    at.selectbox(key="label_merge_into").set_value("Gamma")
    at.button(key="label_merge").click().run()
    in_dialog(at, "label_merge", "label_merge_sure")
    assert names(project) == ["Beta", "Gamma"]
    assert project.record(0).label == "Gamma"
    assert project.history(1)[0].summary == "Merged Alpha into Gamma"


def test_deleting_says_what_goes_and_the_sidebar_undoes_it(open_page, whole_app, project, shown):
    project.label([0], "Alpha")
    at = open_page("label_set", project, **chosen_label(project, "Alpha"))
    at.button(key="label_delete").click().run()
    assert "1 annotation on 1 record" in shown(at)
    assert names(project) == ["Alpha", "Beta", "Gamma"]
    in_dialog(at, "label_delete", "label_delete_sure")
    assert names(project) == ["Beta", "Gamma"]
    whole_app(project).button(key="sidebar_undo").click().run()
    assert names(project) == ["Alpha", "Beta", "Gamma"]


def test_records_with_a_word_are_split_off(open_page, project, shown):
    project.label(range(60), "Alpha")
    at = open_page("label_set", project, **chosen_label(project, "Alpha"))
    at.button(key="label_split").click().run()
    assert at.button(key="label_split_sure").disabled
    at.text_input(key="label_split_name").set_value("Gamma only")
    at.text_input(key="label_split_words").set_value("gamma")
    at.button(key="label_split").click().run()
    assert "20 records of Alpha would move" in shown(at)
    in_dialog(at, "label_split", "label_split_sure")
    assert [label.name for label in project.labels][-1] == "Gamma only"
    assert (project.label_state().label_ids == project.label_named("Gamma only").id).sum() == 20


# ---- tasks -----------------------------------------------------------------------------------


def test_a_task_is_added_and_shown_at_once(open_page, project):
    at = open_page("label_set", project)
    at.button(key="task_add").click().run()
    at.text_input(key="task_new_name").set_value("Tone")
    in_dialog(at, "task_add", "Add task")
    assert [task.name for task in project.tasks] == ["Labels", "Tone"]
    assert at.session_state["task"] == "Tone"
    assert at.query_params["task"] == "Tone"
    project.view(task="Tone").add_label("Calm")
    at.run()
    assert table(at)["label"].tolist() == ["Calm"]
    at.button(key=f"task_show_{project.task.id}").click().run()
    assert table(at)["label"].tolist() == ["Alpha", "Beta", "Gamma"]


def test_the_sidebar_switches_between_tasks_on_every_page(open_page, whole_app, project):
    project.add_task("Tone").add_label("Calm")
    at = whole_app(project)
    assert at.selectbox(key="sidebar_task").value == "Labels"
    at.selectbox(key="sidebar_task").set_value("Tone").run()
    assert (at.session_state["task"], at.query_params["task"]) == ("Tone", "Tone")
    for name in ("label_set", "map", "neighbors", "sessions"):
        at.switch_page(f"pages/{name}.py").run()
        assert not at.exception
    assert at.session_state["task"] == "Tone"


def test_one_task_needs_no_switch(whole_app, project):
    at = whole_app(project)
    assert not [one for one in at.selectbox if one.key == "sidebar_task"]
    assert "task" not in at.query_params


def test_a_task_is_followed_when_it_is_renamed_and_left_when_it_is_deleted(whole_app, project):
    tone = project.add_task("Tone")
    at = whole_app(project, task="Tone")
    assert at.selectbox(key="sidebar_task").value == "Tone"
    tone.change_task(name="Mood")  # by somebody else
    kept = {"task": "Tone", "task_number": at.session_state["task_number"]}
    assert whole_app(project, **kept).selectbox(key="sidebar_task").value == "Mood"
    tone.delete_task()
    at = whole_app(project, **kept)
    assert not at.exception
    assert at.session_state["task"] == "Labels"


def test_a_task_is_changed_and_refused_to_go_with_a_reason(open_page, project):
    tone = project.add_task("Tone")
    tone.add_label("Calm")
    tone.heuristics.add("lookup", "quiet", label="Calm", terms=["calm"])
    at = open_page("label_set", project)
    opener = f"task_change_{tone.task.id}"
    at.button(key=opener).click().run()
    in_dialog(at, opener, f"task_delete_{tone.task.id}")
    assert "1 heuristic votes in this task ('quiet')" in at.error[0].value
    at.text_input(key=f"task_name_{tone.task.id}").set_value("Mood")
    in_dialog(at, opener, f"task_save_{tone.task.id}")
    assert tone.task.name == "Mood"


def test_what_hangs_on_a_task_is_told_before_it_is_deleted_and_undo_brings_it_back(open_page, project, shown):
    tone = project.add_task("Tone")
    tone.label([0, 1], tone.add_label("Calm").name)
    at = open_page("label_set", project)
    opener = f"task_change_{tone.task.id}"
    at.button(key=opener).click().run()
    assert "1 label, 2 annotations on 2 records." in shown(at)
    in_dialog(at, opener, f"task_delete_{tone.task.id}")
    assert [task.name for task in project.tasks] == ["Labels"]
    project.undo()
    assert tone.record(0).label == "Calm"


def test_the_first_of_two_tasks_is_deleted_and_brought_back_on_pages_that_were_open(open_page, plain_project):
    first = plain_project.task.id
    tone = plain_project.add_task("Tone")
    tone.label([0, 1], tone.add_label("Calm").name)
    at = open_page("label_set", plain_project, task="Tone")
    opener = f"task_change_{first}"
    at.button(key=opener).click().run()
    in_dialog(at, opener, f"task_delete_{first}")
    for page in ("label_set", "overview", "history"):
        at.switch_page(f"pages/{page}.py").run()
        assert not at.exception, at.exception[0].message
    assert "task" not in at.query_params
    deleted = tone.history(1)[0]
    assert deleted.summary == "Deleted the label task Labels"
    at.button(key=f"history_turn_{deleted.id}").click().run()
    assert not at.exception, at.exception[0].message
    assert [task.name for task in tone.tasks] == ["Labels", "Tone"]
    assert at.query_params["task"] == "Tone"
