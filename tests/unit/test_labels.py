"""Which label counts, what the journal keeps and undoes, and what labelling refuses."""

import hashlib
import json
import threading

import numpy as np
import pytest

import embtune
from embtune.errors import BadInputError, NotFoundError, UnknownChoiceError
from embtune.labeling.labelset import HOTKEYS, OKABE_ITO, color_for, hotkey_for, is_color
from embtune.labeling.state import (
    NONE_OF_THESE,
    SOURCES,
    UNLABELLED,
    count_labels,
    kept_aside,
    resolve,
)
from embtune.store.votes import Votes

A, B = 7, 8  # label numbers


def votes(*given):
    """Votes as arrays from (row, label, source) or (row, label, source, confidence), oldest first."""
    table = [
        (i + 1, i + 1, row, label, SOURCES.index(source), *(rest or (1.0,)))
        for i, (row, label, source, *rest) in enumerate(given)
    ]
    return Votes.of(np.array(table, dtype=float).reshape(-1, 6))


# ---- which vote counts -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "label", "source"),
    [
        ([], UNLABELLED, None),
        ([(0, A, "manual")], A, "manual"),
        ([(0, A, "manual"), (0, B, "model")], A, "manual"),
        ([(0, A, "session"), (0, B, "import")], A, "session"),
        ([(0, A, "manual"), (0, B, "manual")], B, "manual"),
        ([(0, A, "session"), (0, B, "lasso")], B, "lasso"),
        ([(0, A, "lasso"), (0, B, "manual"), (0, A, "session")], A, "session"),
        ([(0, A, "model"), (0, B, "model")], B, "model"),
        ([(0, A, "import"), (0, B, "model")], A, "import"),
        ([(0, A, "heuristic"), (0, B, "weak supervision")], B, "weak supervision"),
        ([(0, A, "manual"), (0, NONE_OF_THESE, "manual")], NONE_OF_THESE, "manual"),
        ([(0, NONE_OF_THESE, "manual"), (0, B, "model")], NONE_OF_THESE, "manual"),
        ([(0, A, "manual"), (0, UNLABELLED, "manual")], UNLABELLED, None),
        ([(0, A, "model"), (0, UNLABELLED, "manual")], UNLABELLED, None),
        ([(0, UNLABELLED, "manual"), (0, A, "manual")], A, "manual"),
    ],
)
def test_the_vote_that_counts(given, label, source):
    state = resolve(votes(*given), 1)
    assert state.label_ids.tolist() == [label]
    assert [SOURCES[i] if i >= 0 else None for i in state.sources.tolist()] == [source]
    assert state.labelled.tolist() == [label >= 0]
    assert state.manual.tolist() == [source in ("manual", "lasso", "session")]


def test_every_record_is_resolved_by_itself():
    state = resolve(
        votes((2, A, "import", 0.25), (0, B, "manual"), (2, B, "import", 0.75), (9, A, "manual")), 4
    )
    assert state.label_ids.tolist() == [B, UNLABELLED, B, UNLABELLED]  # row 9 came after the count
    assert state.confidence.tolist() == [1.0, 0.0, 0.75, 0.0]
    assert state.vote_ids.tolist() == [2, 0, 3, 0]


def test_counting_leaves_out_what_is_no_label():
    assert count_labels(np.array([A, A, B, UNLABELLED, NONE_OF_THESE])) == {A: 2, B: 1}


def test_of_two_annotators_the_newest_vote_counts_and_both_are_kept(project):
    project.label([0], "Alpha", annotator="ann")
    project.label([0], "Beta", annotator="bob")
    assert project.record(0).label == "Beta"
    from embtune.store.journal import record_history

    kept = record_history(project.db, project.id, 0)
    assert [(vote["label"], vote["annotator"]) for vote in kept] == [("Beta", "bob"), ("Alpha", "ann")]


# ---- the journal -----------------------------------------------------------------------------


def labels_of(project, n=4):
    return [record.label for record in project.records(range(n))]


def test_undo_and_redo_take_whole_actions(project):
    assert project.undo() is None
    project.label([0, 1], "Alpha", source="lasso", detail={"map": "raw"})
    project.label([1, 2], "Beta")
    assert labels_of(project) == ["Alpha", "Beta", "Beta", None]
    undone = project.undo()
    assert (undone.summary, undone.undone_at is not None) == ("Labelled 2 records Beta", True)
    assert labels_of(project) == ["Alpha", "Alpha", None, None]
    project.undo()
    assert labels_of(project) == [None] * 4
    assert project.undo() is None
    assert project.redo().summary == "Labelled 2 records Alpha"
    assert project.redo().summary == "Labelled 2 records Beta"
    assert project.redo() is None
    assert labels_of(project) == ["Alpha", "Beta", "Beta", None]
    assert project.history()[1].detail == {"map": "raw"}


def test_an_older_action_can_be_undone_by_itself(project):
    first = project.label([0, 1], "Alpha")
    project.label([1], "Beta")
    project.undo(first.id)
    assert labels_of(project, 2) == [None, "Beta"]
    assert project.undo(first.id).undone_at is not None  # again: nothing changes
    assert labels_of(project, 2) == [None, "Beta"]
    project.redo(first.id)
    assert labels_of(project, 2) == ["Alpha", "Beta"]  # Beta is still the newer vote
    with pytest.raises(NotFoundError, match="has no action 999"):
        project.undo(999)


def test_nothing_is_ever_overwritten(project):
    for label in ("Alpha", "Beta", None):
        project.label([0], label)
    project.book.clear([0])
    project.undo()
    assert project.record(0).label == "none of these"
    assert project.status()["annotations"] == {"manual": 3}
    assert [action.summary for action in project.history()] == [
        "Cleared 1 record",
        "Labelled 1 record none of these",
        "Labelled 1 record Beta",
        "Labelled 1 record Alpha",
    ]


def test_a_cleared_label_comes_back_with_undo(project):
    project.label([0], "Alpha")
    project.book.clear([0])
    assert labels_of(project, 1) == [None]
    project.undo()
    assert labels_of(project, 1) == ["Alpha"]


def test_an_automatic_vote_changes_no_manual_one(project):
    project.label([0], "Alpha")
    project.label([0, 1], "Beta", source="model", confidence=0.9)
    assert labels_of(project, 2) == ["Alpha", "Beta"]
    assert project.record(1).confidence == pytest.approx(0.9)
    assert (project.record(0).source, project.record(1).source) == ("manual", "model")


def test_records_are_named_by_id_row_or_mask(project):
    project.label(project.record_ids[:2], "Alpha")
    project.label(2, "Alpha")
    project.label(project.record_ids[3], "Alpha")
    mask = np.zeros(60, dtype=bool)
    mask[[4, 5]] = True
    assert project.label(mask, "Alpha").n_records == 2
    assert np.flatnonzero(project.label_state().labelled).tolist() == [0, 1, 2, 3, 4, 5]
    with pytest.raises(BadInputError, match=r"The mask has the shape \(3,\), but there are 60 records"):
        project.label(mask[:3], "Alpha")


def test_a_record_named_twice_gets_one_vote(project):
    assert project.label([0, 0, 1], "Alpha").n_records == 2
    assert project.status()["annotations"] == {"manual": 2}


@pytest.mark.parametrize("chosen", [["unknown"], [0, 60], [-1]])
def test_one_unknown_record_and_nothing_is_labelled(project, chosen):
    first = project.record_ids[0]
    with pytest.raises(NotFoundError, match=r"has no (record 'unknown'|row (60|-1))"):
        project.label([first, "unknown"] if chosen == ["unknown"] else chosen, "Alpha")
    assert not project.label_state().labelled.any()
    assert project.history() == []


@pytest.mark.parametrize(
    ("label", "options", "error", "message"),
    [
        ("Sport", {}, UnknownChoiceError, r"Unknown label 'Sport'\. Choose one of: Alpha, Beta, Gamma\."),
        (
            "Alpha",
            {"source": "guess"},
            UnknownChoiceError,
            "Unknown label source 'guess'. Choose one of: heur",
        ),
        ("Alpha", {"source": "model", "confidence": 1.5}, BadInputError, "confidence is 1.5; .* from 0 to 1"),
        ("Alpha", {"source": "model", "confidence": float("nan")}, BadInputError, "confidence is nan"),
        ("Alpha", {"confidence": 0.5}, BadInputError, "vote given by a person has confidence 1"),
    ],
)
def test_what_labelling_refuses(project, label, options, error, message):
    with pytest.raises(error, match=message):
        project.label([0], label, **options)
    assert project.history() == []


def test_labelling_nothing_is_refused(project):
    with pytest.raises(BadInputError, match="No record was chosen, so nothing was labelled"):
        project.label([], "Alpha")
    with pytest.raises(BadInputError, match="No record was chosen, so nothing was changed"):
        project.book.clear([])


def test_another_process_sees_labels_at_once(project):
    other = embtune.open("demo")
    assert not other.label_state().labelled.any()
    project.label([0], "Alpha")
    assert other.record(0).label == "Alpha"
    other.label([0], "Beta")
    assert project.record(0).label == "Beta"
    other.undo()
    assert project.record(0).label == "Alpha"


def test_twenty_thousand_records_in_one_action(home):
    project = embtune.open("large")
    lines = "\n".join(json.dumps({"text": f"text {i}"}) for i in range(20_000))
    project.import_records(lines.encode(), name="large.jsonl", text="{text}")
    project.add_label("All")
    project.label_state()
    assert project.label(np.arange(20_000), "All", source="lasso").n_records == 20_000
    assert project.label_state().labelled.sum() == 20_000
    project.undo()
    assert project.label_state().labelled.sum() == 0
    project.redo()
    assert (project.label_state().label_ids == project.label_named("All").id).all()


# ---- what is computed once -------------------------------------------------------------------


def test_a_slow_computation_keeps_no_other_waiting(project):
    started, go_on = threading.Event(), threading.Event()

    def slow():
        started.set()
        assert go_on.wait(10)
        return "slow"

    thread = threading.Thread(target=project.cached, args=("slow", 1, slow))
    thread.start()
    assert started.wait(10)
    assert project.cached("quick", 1, lambda: "quick") == "quick"
    project.label([0], "Alpha")
    assert project.label_state().labelled.sum() == 1
    go_on.set()
    thread.join()
    assert project.cached("slow", 1, lambda: "never computed again") == "slow"
    assert project.cached("slow", 2, lambda: "for the new stamp") == "for the new stamp"


def test_two_threads_compute_one_thing_once(project):
    calls = []
    barrier = threading.Barrier(4)

    def ask():
        barrier.wait()
        project.cached("once", 1, lambda: calls.append(1))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls == [1]


# ---- kept aside ------------------------------------------------------------------------------


def ids(n):
    return [hashlib.blake2b(str(i).encode(), digest_size=8).hexdigest() for i in range(n)]


def test_about_one_in_five_is_kept_aside():
    assert kept_aside(ids(10_000)).mean() == pytest.approx(0.2, abs=0.02)
    assert kept_aside(["00000005ffffffff", "00000006ffffffff", "0000000affffffff"]).tolist() == [
        True,
        False,
        True,
    ]


def test_who_is_kept_aside_does_not_change_with_more_records(plain_project):
    before = plain_project.kept_aside()
    plain_project.label(range(0, 60, 2), plain_project.add_label("Any").name)
    plain_project.import_records(b"title,body\nNew,One\nNewer,Two\n", name="more.csv")
    after = plain_project.kept_aside()
    assert len(after) == 62
    assert after[:60].tolist() == before.tolist()


# ---- the label set ---------------------------------------------------------------------------


def test_the_first_eight_colours_are_okabe_and_ito_s():
    assert [color_for(i) for i in range(8)] == list(OKABE_ITO)
    assert OKABE_ITO[:7] == ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#F0E442")


def test_beyond_eight_colours_stay_distinct_and_visible():
    colors = [color_for(i) for i in range(100)]
    assert all(map(is_color, colors))
    assert len(set(colors)) == 100
    channels = np.array([[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in colors])
    assert (channels.max(axis=1) > 60).all()  # none is black
    assert (channels.min(axis=1) < 220).all()  # and none white
    to_first = np.linalg.norm(channels[8:, None] - channels[:8], axis=2)
    assert to_first.min() > 40


@pytest.mark.parametrize("value", ["", "red", "#12345", "#1234567", "0072B2#", "#00g2B2", "#0072b2 "])
def test_what_is_no_colour(value):
    assert not is_color(value)


def test_hotkeys_run_from_1_and_leave_out_those_the_pages_use():
    assert hotkey_for([]) == "1"
    assert hotkey_for(["1", "2", None]) == "3"
    assert hotkey_for(list(HOTKEYS)) is None
    assert len(set(HOTKEYS)) == len(HOTKEYS)
    assert not set(HOTKEYS) & set("csbufnr0")


def test_a_hundred_labels_have_their_own_colours_and_as_many_hotkeys_as_there_are(project):
    for i in range(3, 100):
        project.add_label(f"label {i}")
    labels = project.labels
    assert [label.position for label in labels] == list(range(100))
    assert len({label.color for label in labels}) == 100
    keys = [label.hotkey for label in labels if label.hotkey]
    assert keys == list(HOTKEYS)
    assert labels[-1].hotkey is None


def test_a_label_keeps_what_it_was_given(plain_project):
    label = plain_project.add_label("  Ünï ", color="#123456", hotkey="k", description="why")
    assert (label.name, label.color, label.hotkey, label.description) == ("Ünï", "#123456", "k", "why")
    assert plain_project.add_label("next").hotkey == "1"


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("", {}, "needs a name of 1 to 200 printable characters"),
        ("  ", {}, "needs a name of 1 to 200 printable characters"),
        ("a\nb", {}, "needs a name of 1 to 200 printable characters"),
        ("x" * 201, {}, "needs a name of 1 to 200 printable characters"),
        ("alpha", {}, "There is a label 'alpha' already"),
        ("None of these", {}, "is what a record is answered that no label fits"),
        ("new", {"color": "blue"}, "'blue' is no colour; write it like #0072B2"),
        ("new", {"hotkey": "1"}, "The key '1' belongs to 'Alpha': take a free one, such as '4'"),
        ("new", {"hotkey": "s"}, "The key 's' cannot be a label's .* such as '4'"),
    ],
)
def test_what_no_label_can_be(project, name, options, message):
    with pytest.raises(BadInputError, match=message):
        project.add_label(name, **options)
    assert [label.name for label in project.labels] == ["Alpha", "Beta", "Gamma"]


def test_renaming_a_label_keeps_its_votes(project):
    project.label([0], "Alpha")
    assert project.book.rename_label("Alpha", "Anfang").color == OKABE_ITO[0]
    assert project.record(0).label == "Anfang"
    assert project.book.rename_label("Anfang", "ANFANG").name == "ANFANG"
    for taken in ("beta", "", "none of these"):
        with pytest.raises(BadInputError):
            project.book.rename_label("ANFANG", taken)
