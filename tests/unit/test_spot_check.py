"""Spot checks of bulk actions, and the interval they are told with."""

import numpy as np
import pytest

from embtune.errors import BadInputError
from embtune.evaluation.wilson import wilson
from embtune.labeling import spot_check


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        # By hand, z = 1.959964: middle (p + z²/2n) and half width over 1 + z²/n.
        (0, 10, 0.0, 0.277533),
        (1, 10, 0.017876, 0.404150),
        (5, 10, 0.236593, 0.763407),
        (10, 10, 0.722467, 1.0),
        (20, 100, 0.133367, 0.288829),
        (0, 0, 0.0, 1.0),
    ],
)
def test_wilson_by_hand(hits, n, low, high):
    assert wilson(hits, n) == pytest.approx((low, high), abs=1e-5)


def test_wilson_covers_the_true_share_as_often_as_it_says():
    generator = np.random.default_rng(0)
    for share in (0.02, 0.1, 0.3):
        hits = generator.binomial(10, share, 2000)
        bounds = [wilson(int(one), 10) for one in range(11)]
        assert np.mean([bounds[one][0] <= share <= bounds[one][1] for one in hits]) >= 0.9


def test_wilson_is_narrower_at_a_lower_level_and_refuses_what_is_no_share():
    low, high = wilson(3, 10, level=0.8)
    assert wilson(3, 10)[0] < low < 0.3 < high < wilson(3, 10)[1]
    with pytest.raises(ValueError, match="n_hits is 11; it must be from 0 to n, which is 10"):
        wilson(11, 10)


@pytest.fixture
def bulk(project):
    """An action that gave Alpha to the first 30 records."""
    return project.label(range(30), "Alpha", source="lasso")


def answer(project, session, wrong=0, of=10):
    for position in range(of):
        project.sessions_book.answer(session, position, "Beta" if position < wrong else "Alpha")


def test_ten_records_are_drawn_at_random_and_the_draw_is_kept(project, bulk):
    assert project.spot_check_result(bulk.id) is None
    session = project.spot_check(bulk.id)
    row = project.session(session)
    assert (row.kind, row.origin, row.n_items) == ("spot check", {"action": bulk.id, "blind": True}, 10)
    rows = [item.row for item in project.sessions_book.items(session)]
    assert len(set(rows)) == 10
    assert set(rows) <= set(range(30))
    assert rows != sorted(rows)
    (draw,) = project.book.action(bulk.id).detail["spot_check"]["draws"]
    assert (draw["rows"], draw["session"]) == (rows, session)
    again = np.random.default_rng(draw["seed"]).choice(np.arange(30), 10, replace=False)
    assert again.tolist() == rows
    assert project.spot_check(bulk.id) == session  # it goes on, and is not drawn anew


def test_neither_the_card_nor_the_name_tells_the_label_under_test(project, bulk):
    from pages.shared.typing_card import card_data

    session = project.session(project.spot_check(bulk.id))
    assert session.name == f"Spot check of 30 records, action {bulk.id}"
    data = card_data(project, session)
    assert [(item["label"], item["guess"]) for item in data["items"]] == [(None, None)] * 10
    assert "Alpha" not in " ".join(item["why"] for item in data["items"])
    assert project.sessions_book.label_counts(session.id) == {}


def test_answers_that_differ_count_as_wrong(project, bulk):
    session = project.spot_check(bulk.id)
    found = project.spot_check_result(bulk.id)
    assert (found.n, found.n_drawn, found.complete, found.low, found.high) == (0, 10, False, 0, 1)
    assert found.sentence == "10 drawn, none answered yet"
    book = project.sessions_book
    book.answer(session, 0, "Beta")
    book.answer(session, 1, "Alpha")
    book.answer(session, 2, None)
    book.skip(session, 3)
    found = project.spot_check_result(bulk.id)
    assert (found.n, found.n_wrong, found.rate) == (3, 2, pytest.approx(2 / 3))
    assert found.sentence == "2 of 3 wrong, 7 to go: 67 % (95 % interval 21 to 94 %)"
    book.answer(session, 0, "Alpha")  # the last answer counts
    assert project.spot_check_result(bulk.id).n_wrong == 1
    book.undo(session)
    assert project.spot_check_result(bulk.id).n_wrong == 2


def test_the_result_is_kept_with_the_action_and_outlives_the_session(project, bulk):
    session = project.spot_check(bulk.id)
    answer(project, session, wrong=1)
    found = project.spot_check_result(bulk.id)
    assert (found.n, found.n_wrong, found.rate, found.complete) == (10, 1, 0.1, True)
    assert (found.low, found.high) == pytest.approx((0.017876, 0.404150), abs=1e-5)
    project.sessions_book.delete(session)
    assert project.spot_check_result(bulk.id) == found
    kept = project.book.action(bulk.id).detail["spot_check"]
    assert (kept["n"], kept["n_wrong"]) == (10, 1)
    assert project.spot_check_results(project.history(50)) == {bulk.id: found}
    project.undo(bulk.id)
    assert project.spot_check_result(bulk.id) == found
    # What was answered by hand stays.
    assert int(project.label_state().labelled.sum()) == 10


def test_a_second_check_draws_others_and_counts_with_the_first(project, bulk):
    first = project.spot_check(bulk.id)
    answer(project, first, wrong=1)
    second = project.spot_check(bulk.id)
    rows = [{item.row for item in project.sessions_book.items(one)} for one in (first, second)]
    assert not rows[0] & rows[1]
    answer(project, second)
    found = project.spot_check_result(bulk.id)
    assert (found.n, found.n_wrong, found.n_drawn) == (20, 1, 20)
    answer(project, project.spot_check(bulk.id))
    with pytest.raises(BadInputError, match="Every record of “Labelled 30 records Alpha” was checked"):
        project.spot_check(bulk.id)


def test_a_check_whose_session_was_deleted_starts_over_with_the_same_records(project, bulk):
    first = project.spot_check(bulk.id)
    rows = {item.row for item in project.sessions_book.items(first)}
    project.sessions_book.answer(first, 0, "Beta")
    project.sessions_book.delete(first)
    second = project.spot_check(bulk.id)
    assert second != first
    assert {item.row for item in project.sessions_book.items(second)} == rows
    assert project.spot_check_result(bulk.id).n_wrong == 1  # what was answered counts


def test_few_records_are_all_checked_and_each_by_the_label_it_got(project, tmp_path):
    ids = project.record_ids
    file = f"id,label\n{ids[0]},Alpha\n{ids[1]},Beta\n{ids[2]},none of these\n".encode()
    action = project.label_from_file(file, name="labels.csv")["action"]
    session = project.spot_check(action)
    given = {0: "Alpha", 1: "Gamma", 2: None}
    for item in project.sessions_book.items(session):
        project.sessions_book.answer(session, item.position, given[item.row])
    found = project.spot_check_result(action)
    assert (found.n, found.n_wrong, found.complete) == (3, 1, True)


def test_a_merge_makes_no_answer_wrong(project, bulk):
    session = project.spot_check(bulk.id)
    answer(project, session, wrong=2)
    project.label_set.merge("Beta", "Alpha")
    assert project.spot_check_result(bulk.id).n_wrong == 0


def test_what_gave_no_labels_cannot_be_checked(project, bulk):
    cleared = project.book.clear([0, 1])
    flagged = project.flag([0])
    for action in (cleared, flagged):
        with pytest.raises(BadInputError, match="cannot be checked: it gave no labels"):
            project.spot_check(action.id)
    project.undo(bulk.id)
    with pytest.raises(BadInputError, match="cannot be checked: it was undone"):
        project.spot_check(bulk.id)


def test_a_check_belongs_to_the_task_of_its_action(project):
    tone = project.add_task("Tone")
    tone.add_label("Calm")
    action = tone.label(range(12), "Calm")
    assert project.session(project.spot_check(action.id)).task_id == tone.task.id


def test_the_result_reads_what_was_drawn_and_not_the_whole_action(project, bulk, monkeypatch):
    session = project.spot_check(bulk.id)
    answer(project, session, wrong=3)
    read = []
    plain = spot_check.answers_of_action

    def spied(*given):
        read.append(plain(*given))
        return read[-1]

    monkeypatch.setattr(spot_check, "answers_of_action", spied)
    assert project.spot_check_result(bulk.id).n_wrong == 3
    assert [len(one) for one in read] == [10]
