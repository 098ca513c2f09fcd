"""The label set: every change, what hangs on a label, and that each change can be taken back."""

import threading

import numpy as np
import pytest
import sqlalchemy as sa

import embtune
from embtune.errors import BadInputError, ConflictError, UnknownChoiceError
from embtune.labeling.labelset import HOTKEYS, RESERVED


def names(project):
    return [label.name for label in project.labels]


def labels_of(project, n=4):
    return [record.label for record in project.records(range(n))]


@pytest.fixture
def voted(project):
    """Rows 0 and 1 Alpha, 2 Beta, 3 none of these."""
    project.label([0, 1], "Alpha")
    project.label([2], "Beta", source="lasso")
    project.label([3], None)
    return project


# ---- one change after the other --------------------------------------------------------------


def test_a_new_label_is_an_action_that_can_be_undone_and_redone(plain_project):
    action = plain_project.label_set.create("News", description="what is new")
    assert (action.kind, action.summary, action.place) == (
        "label set",
        "Added the label News",
        "label set",
    )
    plain_project.undo()
    assert names(plain_project) == []
    plain_project.redo(action.id)
    assert [(one.name, one.description, one.hotkey) for one in plain_project.labels] == [
        ("News", "what is new", "1")
    ]


def test_what_is_said_of_a_label_changes_as_one_action(voted):
    action = voted.label_set.edit(
        "Alpha", new_name=" First ", color="#a1b2c3", hotkey="K", description=" the first "
    )
    label = voted.labels[0]
    assert (label.name, label.color, label.hotkey, label.description) == (
        "First",
        "#A1B2C3",
        "k",
        "the first",
    )
    assert action.summary == "Changed the name, colour, key and description of Alpha"
    assert labels_of(voted) == ["First", "First", "Beta", "none of these"]
    voted.undo(action.id)
    label = voted.labels[0]
    assert (label.name, label.color, label.hotkey, label.description) == ("Alpha", "#0072B2", "1", "")


@pytest.mark.parametrize(
    ("change", "summary"),
    [
        (lambda book: book.rename("Alpha", "A"), "Renamed Alpha to A"),
        (lambda book: book.describe("Alpha", "first"), "Changed the description of Alpha"),
        (lambda book: book.recolour("Alpha", "#112233"), "Changed the colour of Alpha"),
        (lambda book: book.set_hotkeys({"Alpha": "q"}), "Gave Alpha the key q"),
        (lambda book: book.set_hotkeys({"Alpha": None}), "Gave Alpha the key none"),
        (lambda book: book.set_hotkeys({"Alpha": "2", "Beta": "1"}), "Changed the keys of 2 labels"),
        (lambda book: book.reorder(["Gamma", "Alpha"]), "Put the labels in another order"),
        (lambda book: book.move("Alpha", 3), "Put the labels in another order"),
        (lambda book: book.merge("Alpha", "Beta"), "Merged Alpha into Beta"),
        (lambda book: book.merge(["Alpha", "Gamma"], "Beta"), "Merged Alpha, Gamma into Beta"),
        (lambda book: book.delete("Alpha"), "Deleted the label Alpha"),
        (lambda book: book.split("Alpha", "Half", [0]), "Split 1 record of Alpha off into Half"),
        (lambda book: book.create("Delta"), "Added the label Delta"),
    ],
)
def test_every_change_is_one_action_and_comes_back_with_undo_and_redo(voted, change, summary):
    def seen():
        return voted.labels, labels_of(voted), voted.reference().tolist()

    before, n = seen(), len(voted.history())
    action = change(voted.label_set)
    after = seen()
    assert (action.summary, len(voted.history()), after != before) == (summary, n + 1, True)
    voted.undo(action.id)
    assert seen() == before
    voted.redo(action.id)
    assert seen() == after


def test_merged_annotations_count_as_the_other_label_at_once(voted):
    action = voted.label_set.merge("Alpha", "Beta")
    assert names(voted) == ["Beta", "Gamma"]
    assert labels_of(voted) == ["Beta", "Beta", "Beta", "none of these"]
    assert action.n_records == 2
    beta = voted.label_named("Beta").id
    assert (voted.reference() == beta).sum() == 40  # the reference labels follow
    voted.label_set.merge("Beta", "Gamma")  # and on
    assert labels_of(voted)[:3] == ["Gamma"] * 3
    voted.undo(action.id)  # Alpha comes out of the middle
    assert labels_of(voted) == ["Alpha", "Alpha", "Gamma", "none of these"]
    voted.redo(action.id)
    assert labels_of(voted)[:3] == ["Gamma"] * 3


def test_a_deleted_label_does_not_count_and_what_stood_before_counts_again(voted):
    voted.label([0], "Beta", source="import")
    voted.label([0], "Gamma")
    voted.label_set.delete("Gamma")
    assert labels_of(voted, 2) == ["Alpha", "Alpha"]
    voted.label_set.delete("Alpha")
    assert labels_of(voted) == ["Beta", None, "Beta", "none of these"]
    voted.undo()
    voted.undo()
    assert labels_of(voted, 2) == ["Gamma", "Alpha"]


def test_splitting_moves_only_records_that_have_the_label(voted):
    action = voted.label_set.split("Alpha", "Half", [1, 2, 3, 40])
    assert (action.kind, action.n_records, action.detail["made"]) == ("votes", 1, True)
    assert labels_of(voted) == ["Alpha", "Half", "Beta", "none of these"]
    assert voted.rows_of_action(action.id).tolist() == [1]
    with pytest.raises(BadInputError, match="None of these records has the label 'Alpha'"):
        voted.label_set.split("Alpha", "Other", [2])
    assert names(voted) == ["Alpha", "Beta", "Gamma", "Half"]


def test_a_split_with_later_annotations_is_not_undone(voted):
    action = voted.label_set.split("Alpha", "Half", [1])
    later = voted.label([5], "Half")
    with pytest.raises(ConflictError, match="1 annotation carries the label 'Half' that this made: undo"):
        voted.undo(action.id)
    assert labels_of(voted, 2) == ["Alpha", "Half"]
    assert voted.why_not([action]).keys() == {action.id}
    voted.undo(later.id)
    voted.undo(action.id)
    assert labels_of(voted, 2) == ["Alpha", "Alpha"]


# ---- what is refused -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda book: book.rename("Alpha", "beta"), "There is a label 'beta' already"),
        (lambda book: book.rename("Alpha", "Alpha"), "'Alpha' is like that already: nothing was changed"),
        (lambda book: book.rename("Alpha", "none of these"), "that no label fits"),
        (lambda book: book.recolour("Alpha", "red"), "'red' is no colour"),
        (lambda book: book.set_hotkeys({"Alpha": "s"}), "The key 's' cannot be a label's .* such as '1'"),
        (lambda book: book.set_hotkeys({"Alpha": "2"}), "The key '2' belongs to 'Beta': take a free one"),
        (lambda book: book.set_hotkeys({"Alpha": "9", "Beta": "9"}), "'9' is given to 'Alpha' and to 'Beta'"),
        (lambda book: book.set_hotkeys({"Alpha": "1"}), "these keys already"),
        (lambda book: book.reorder(["Alpha", "Alpha"]), "named twice"),
        (lambda book: book.reorder(["Alpha", "Beta"]), "in that order already"),
        (lambda book: book.move("Alpha", 4), "There is no place 4: there are 3 labels"),
        (lambda book: book.merge("Alpha", "Alpha"), "Name another label to merge into 'Alpha'"),
        (lambda book: book.merge([], "Alpha"), "Name another label to merge into 'Alpha'"),
        (lambda book: book.split("Alpha", "Beta", [0]), "There is a label 'Beta' already"),
        (lambda book: book.split("Alpha", "Half"), "Name either records or a slice"),
    ],
)
def test_what_cannot_be_is_told_and_changes_nothing(voted, change, message):
    n = len(voted.history())
    with pytest.raises(BadInputError, match=message):
        change(voted.label_set)
    assert (names(voted), len(voted.history())) == (["Alpha", "Beta", "Gamma"], n)


@pytest.mark.parametrize("method", ["delete", "impact"])
def test_an_unknown_label_is_told(project, method):
    with pytest.raises(UnknownChoiceError, match="Unknown label 'Sport'"):
        getattr(project.label_set, method)("Sport")


def test_the_keys_of_pages_are_no_label_s():
    assert {"s", "b", "u", "f", "n", "c", "r", "0", "/", "?"} == RESERVED
    assert not RESERVED & set(HOTKEYS)
    assert len(HOTKEYS) == 9 + 26 - 7


# ---- any order that stays consistent ---------------------------------------------------------


def test_a_rename_is_undone_unless_the_old_name_went_to_another(voted):
    first = voted.label_set.rename("Alpha", "A")
    second = voted.label_set.rename("A", "AA")
    with pytest.raises(ConflictError, match="The label 'AA' was renamed since: take that back first"):
        voted.undo(first.id)
    voted.undo(second.id)
    voted.label_set.rename("Gamma", "Alpha")
    with pytest.raises(ConflictError, match="There would be two labels 'Alpha': rename the other one first"):
        voted.undo(first.id)
    assert names(voted) == ["A", "Beta", "Alpha"]


def test_two_labels_are_never_merged_into_each_other(voted):
    first = voted.label_set.merge("Alpha", "Beta")
    voted.undo()
    voted.label_set.merge("Beta", "Alpha")
    with pytest.raises(ConflictError, match="'Alpha' cannot count as 'Beta', which was merged or deleted"):
        voted.redo(first.id)
    assert labels_of(voted)[:3] == ["Alpha"] * 3


def test_a_merge_into_a_label_that_is_gone_is_not_redone(voted):
    merge = voted.label_set.merge("Alpha", "Beta")
    voted.undo()
    voted.label_set.delete("Beta")
    with pytest.raises(ConflictError, match="cannot count as 'Beta'"):
        voted.redo(merge.id)
    assert labels_of(voted) == ["Alpha", "Alpha", None, "none of these"]


def test_a_merged_label_is_neither_deleted_nor_unmade(plain_project):
    book = plain_project.label_set
    made = [book.create("A"), book.create("B")]
    plain_project.label([0], "A")
    deleted = book.delete("A")
    plain_project.undo()
    book.merge("A", "B")
    with pytest.raises(ConflictError, match="The label 'A' was merged since: take that back first"):
        plain_project.redo(deleted.id)
    with pytest.raises(ConflictError, match="'A' was merged into 'B' since: take that back first"):
        plain_project.undo(made[1].id)
    with pytest.raises(ConflictError, match="The label 'A' was merged since"):
        plain_project.undo(made[0].id)
    assert labels_of(plain_project, 1) == ["B"]


def test_a_label_that_reference_labels_have_is_not_unmade(plain_project):
    made = plain_project.label_set.create("k")
    plain_project.import_records(
        b'[{"title": "t", "body": "b", "kind": "k"}]',
        name="more.json",
        text="{title}",
        reference_field="kind",
    )
    with pytest.raises(ConflictError, match="1 record has 'k' as reference label: delete the label instead"):
        plain_project.undo(made.id)


def test_a_label_comes_back_without_the_key_that_another_has_now(voted):
    voted.label_set.delete("Alpha")
    voted.label_set.create("Delta")
    assert [label.hotkey for label in voted.labels] == ["2", "3", "1"]
    action = next(one for one in voted.history() if one.summary == "Deleted the label Alpha")
    voted.undo(action.id)
    assert {label.name: label.hotkey for label in voted.labels} == {
        "Alpha": None,
        "Beta": "2",
        "Gamma": "3",
        "Delta": "1",
    }


def test_an_action_whose_label_was_deleted_is_redone_only_after_it_is_back(voted):
    action = voted.label([7], "Gamma")
    voted.undo()
    voted.label_set.delete("Gamma")
    with pytest.raises(ConflictError, match="The label 'Gamma' was deleted since: bring it back first"):
        voted.redo(action.id)
    (undone,) = (one for one in voted.history() if one.id == action.id)
    assert "bring it back first" in voted.why_not([undone])[action.id]


def test_a_label_deleted_in_another_tab_labels_nothing(voted, monkeypatch):
    known = voted.label_named("Gamma")
    embtune.open("demo").label_set.delete("Gamma")
    monkeypatch.setattr(voted, "label_named", lambda name: known)  # as a page drawn before had it
    with pytest.raises(ConflictError, match="'Gamma' was deleted meanwhile: nothing was labelled"):
        voted.label([9], "Gamma")


# ---- what hangs on a label -------------------------------------------------------------------


def test_impact_counts_what_stands(voted):
    assert voted.label_set.impact("Gamma").sentence == "20 reference labels"
    voted.label([0], "Alpha", source="lasso")
    session = voted.create_session([5, 6], "some")
    voted.sessions_book.answer(session, 0, "Alpha")
    voted.label([8, 9], "Alpha")
    voted.undo()
    impact = voted.label_set.impact("Alpha")
    assert (impact.n_annotations, impact.n_records, impact.n_sessions) == (4, 3, 1)
    assert impact.by_source == {"manual": 2, "lasso": 1, "session": 1}
    assert impact.sentence == ("4 annotations on 3 records, 20 reference labels, given in 1 session")
    voted.label_set.merge("Beta", "Alpha")
    impact = voted.label_set.impact("Alpha")
    assert (impact.n_annotations, impact.n_records, impact.n_reference) == (5, 4, 40)


def test_impact_names_the_versions_that_learned_from_a_label(project, axes, label_rows):
    label_rows(project, range(30))
    project.tune("axes")
    extra = project.label_set.create("Extra").label_id
    assert project.label_set.impact("Alpha").versions == ("v1",)
    assert "1 version learned from it" in project.label_set.impact("Alpha").sentence
    assert project.label_set.impact("Extra").versions == ()
    assert project.label_set.impact("Extra").sentence == "nothing has it yet"
    assert extra == project.label_named("Extra").id


# ---- many labels, many people ----------------------------------------------------------------


def test_a_hundred_labels_are_put_in_order_and_merged_as_one_action_each(plain_project):
    for i in range(100):
        plain_project.label_set.create(f"label {i:02d}")
    backwards = names(plain_project)[::-1]
    plain_project.label_set.reorder(backwards)
    assert names(plain_project) == backwards
    plain_project.label_set.merge(backwards[1:], backwards[0])
    assert names(plain_project) == backwards[:1]
    plain_project.undo()
    plain_project.undo()
    assert names(plain_project) == backwards[::-1]


def test_of_two_who_add_the_same_label_at_once_one_is_told(plain_project):
    barrier, told = threading.Barrier(4), []

    def add():
        mine = embtune.open("plain")
        barrier.wait()
        try:
            mine.label_set.create("Same")
        except (BadInputError, ConflictError) as error:
            told.append(str(error))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names(plain_project) == ["Same"]
    assert len(told) == 3


def test_two_people_who_label_undo_and_rename_at_once_lose_nothing(project):
    barrier, failed = threading.Barrier(3), []

    def together(work):
        try:
            barrier.wait()
            work(embtune.open("demo"))
        except Exception as error:
            failed.append(error)

    def label(mine):
        for row in range(20):
            mine.label([row], mine.labels[0].name if row % 2 else None)

    def label_and_undo(mine):
        for row in range(20, 40):
            action = mine.label([row], None)
            if row % 2:
                mine.undo(action.id)

    def rename(mine):
        for i in range(20):
            mine.label_set.rename(mine.labels[2].name, f"Name {i}")
            mine.label_set.move(mine.labels[2].name, 2)

    threads = [threading.Thread(target=together, args=(w,)) for w in (label, label_and_undo, rename)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    first = project.label_named("Alpha").id
    given = project.label_state().label_ids
    assert given[:20].tolist() == [-2, first] * 10
    assert given[20:40].tolist() == [-2, -1] * 10
    assert len(project.history(200)) == 20 + 20 + 40
    assert sorted(label.position for label in project.labels) == [0, 1, 2]


def test_a_change_that_fails_half_way_leaves_nothing(voted, monkeypatch):
    before, n = voted.labels, len(voted.history())

    def full(*_, **__):
        raise sa.exc.OperationalError("insert", {}, Exception("database or disk is full"))

    monkeypatch.setattr("embtune.store.journal.insert_action", full)
    with pytest.raises(embtune.errors.StorageError, match="is full"):
        voted.label_set.merge("Alpha", "Beta")
    with pytest.raises(embtune.errors.StorageError, match="is full"):
        voted.label_set.split("Alpha", "Half", np.array([0]))
    monkeypatch.undo()
    assert (embtune.open("demo").labels, len(voted.history())) == (before, n)


def test_impact_counts_the_slices_that_ask_for_a_label(project):
    assert project.label_set.impact("Alpha").n_slices == 0
    project.save_slice("mine", query={"label": ["Alpha", "Beta"]})
    project.save_slice("fixed", query={"label": "Alpha"}, rows=[1])
    impact = project.label_set.impact("Alpha")
    assert impact.n_slices == 1
    assert impact.sentence.endswith("1 slice asks for it")
    project.book.rename_label("Alpha", "Anfang")
    assert project.label_set.impact("Anfang").n_slices == 1
    project.label_set.merge("Beta", "Anfang")
    assert project.label_set.impact("Anfang").n_slices == 1
    assert project.label_set.impact("Gamma").n_slices == 0


def test_what_hangs_on_a_label_counts_the_heuristics_that_vote_for_it(project):
    impact = project.label_set.impact
    assert impact("Alpha").n_heuristics == 0
    book = project.heuristics
    book.add("lookup", "a", label="Alpha", terms=["alpha"])
    assert impact("Alpha").sentence == "20 reference labels, 1 heuristic votes for it"
    book.add("regex", "b", label="Beta", pattern="beta")
    book.add("zero-shot", "any label")
    project.label_set.merge("Beta", "Alpha")
    assert "2 heuristics vote for it" in impact("Alpha").sentence
    assert impact("Gamma").n_heuristics == 0
    book.delete("a")
    assert impact("Alpha").n_heuristics == 1
