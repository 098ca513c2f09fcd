"""Kinds of sessions: which records, in which order, and why."""

import numpy as np
import pytest

from embtune.errors import BadInputError, NotFoundError, NotReadyError, UnknownChoiceError
from embtune.labeling.session_kinds import GROUPS, KINDS, advice
from embtune.neighbors.spread import centres_of, farthest_first, nearest_to_centres


@pytest.fixture
def book(project):
    return project.sessions_book


@pytest.fixture
def known(project):
    """Eight labels in each of the three classes: records 0 to 23."""
    for i, label in enumerate(project.labels):
        project.label(np.arange(8) * 3 + i, label.name)
    return project


def rows_of(project, session):
    return [item.row for item in project.sessions_book.items(session)]


def whys(project, session):
    return [item.why for item in project.sessions_book.items(session)]


def on_circle(*degrees):
    angle = np.radians(degrees)
    return np.column_stack([np.cos(angle), np.sin(angle)]).astype(np.float32)


# ---- the arrays under it ----------------------------------------------------------------------------


def test_farthest_first_takes_the_farthest_from_all_before():
    vectors = on_circle(0, 10, 90, 170)
    rows, cosine = farthest_first(vectors, np.array([1, 2, 3]), 3, known=np.array([0]))
    assert rows.tolist() == [3, 2, 1]
    assert cosine == pytest.approx(np.cos(np.radians([170, 80, 10])), abs=1e-5)


def test_farthest_first_without_any_begins_in_the_middle():
    rows, cosine = farthest_first(on_circle(0, 40, 80), np.arange(3), 2)
    assert rows[0] == 1
    assert np.isnan(cosine[0])


def test_centres_follow_each_other_and_the_first_has_most_records():
    vectors = on_circle(0, 1, 2, 3, 100, 101, 50, 51)
    centres = centres_of(vectors, 3)
    at = np.degrees(np.arctan2(centres[:, 1], centres[:, 0])).round(1)
    assert at.tolist() == pytest.approx([1.5, 50.5, 100.5], abs=0.2)


def test_every_centres_nearest_comes_first_then_every_second():
    vectors = on_circle(0, 5, 90, 93, 99)
    rows, centre, rank, _ = nearest_to_centres(vectors, on_circle(1, 92), np.arange(5))
    assert rows.tolist() == [0, 3, 1, 2, 4]
    assert centre.tolist() == [0, 1, 0, 1, 1]
    assert rank.tolist() == [1, 1, 2, 2, 3]


# ---- begin and cover --------------------------------------------------------------------------------


def test_typical_records_are_one_of_each_class_first(project, book):
    session = book.create_of("typical", n=6, centres=3)
    rows = rows_of(project, session)
    assert {row % 3 for row in rows[:3]} == {0, 1, 2}
    assert whys(project, session)[:4] == [
        "nearest to centre 1 of 3",
        "nearest to centre 2 of 3",
        "nearest to centre 3 of 3",
        "number 2 of centre 1",
    ]


def test_typical_records_leave_out_what_has_an_answer(project, book):
    first = rows_of(project, book.create_of("typical", n=3, centres=3))
    project.label(first, "Alpha")
    assert not set(first) & set(rows_of(project, book.create_of("typical", n=30, centres=3)))


def test_diverse_records_are_far_from_the_labelled_ones(project, book):
    project.label(np.arange(0, 60, 3), "Alpha")  # the whole first class
    session = book.create_of("diverse", n=2)
    rows = rows_of(project, session)
    assert {row % 3 for row in rows} == {1, 2}
    assert "to the nearest one seen" in whys(project, session)[0]


def test_random_ones_are_repeatable_with_a_seed(project, book):
    one, other = (rows_of(project, book.create_of("random", n=10, seed=3)) for _ in range(2))
    assert one == other
    assert len(set(one)) == 10


def test_outliers_come_oddest_first(project, book):
    scores = project.outlier_scores("raw")
    rows = rows_of(project, book.create_of("outliers", n=4))
    assert rows == np.argsort(-scores, kind="stable")[:4].tolist()


# ---- around something --------------------------------------------------------------------------------


def test_similar_ones_keep_their_rank_without_the_answered(project, book):
    nearest, cosine = project.neighbor_rows(0, 4, "raw")
    project.label([int(nearest[0])], "Alpha")
    session = book.create_of("similar", record=project.record(0).id, n=2)
    assert rows_of(project, session) == nearest[1:3].tolist()
    assert whys(project, session)[0] == f"rank 2, cosine {cosine[1]:.2f} under raw".replace("0.", ".")
    assert rows_of(project, book.create_of("similar", record=0, n=4, unlabelled=False)) == nearest.tolist()


def test_a_shape_goes_from_its_middle_outwards(project, book):
    xy = project.map("raw", "pca")
    low, high = xy.min(axis=0) - 1, xy.max(axis=0) + 1
    all_around = {"x": [low[0], high[0], high[0], low[0]], "y": [low[1], low[1], high[1], high[1]]}
    session = book.create_of("shape", polygons=[all_around], method="pca", n=60)
    vectors = project.vectors("raw")
    middle = vectors.mean(axis=0)
    assert rows_of(project, session) == np.argsort(-(vectors @ middle), kind="stable").tolist()
    assert whys(project, session)[0].endswith("to the middle of the shape")
    assert project.session(session).origin["shapes"][0]["x"] == all_around["x"]


def test_a_slice_keeps_its_order(project, book):
    project.save_slice("odd ones", rows=np.array([9, 3, 7]))
    project.label([3], "Alpha")
    session = book.create_of("slice", slice="odd ones")
    expected = [row for row in project.slice_rows("odd ones").tolist() if row != 3]
    assert rows_of(project, session) == expected
    assert "of the slice “odd ones”" in whys(project, session)[0]


def test_a_filter_is_a_session_too(project, book):
    assert len(rows_of(project, book.create_of("slice", query=None, n=7))) == 7


def test_a_cluster_by_number_or_name(project, book):
    found = project.clusters("raw", k=3)
    rows = rows_of(project, book.create_of("cluster", cluster=0, k=3, n=60))
    assert sorted(rows) == np.flatnonzero(found.ids == 0).tolist()
    assert sorted(rows_of(project, book.create_of("cluster", cluster=found.names[0], k=3))) == sorted(rows)
    with pytest.raises(NotFoundError, match="no cluster 'Nine'"):
        book.create_of("cluster", cluster="Nine", k=3)


# ---- where the model doubts ---------------------------------------------------------------------------


def test_uncertain_ones_say_what_the_model_wavers_between(known):
    session = known.sessions_book.create_of("uncertain", n=3)
    ids, chances = known.class_probabilities("raw")
    names = {label.id: label.name for label in known.labels}
    row = rows_of(known, session)[0]
    first, second = np.argsort(-chances[row])[:2]
    assert whys(known, session)[0] == (
        f"model: {100 * chances[row, first]:.0f} % {names[ids[first]]}, "
        f"{100 * chances[row, second]:.0f} % {names[ids[second]]}"
    )


def test_least_likely_of_a_label_are_predicted_so_and_hardly(known):
    session = known.sessions_book.create_of("unlikely", label="Beta", n=5)
    predicted, sure = known.quick_predictions("raw")
    rows = rows_of(known, session)
    assert {int(predicted[row]) for row in rows} == {known.label_named("Beta").id}
    assert list(sure[rows]) == sorted(sure[rows])


def test_raw_and_tuned_differ(known, axes):
    known.tune("axes", seed=0, parameters={"keep": "noise"})  # a version that knows nothing of the classes
    session = known.sessions_book.create_of("raw-tuned", embedding="v1", n=60)
    one, other = known.quick_predictions("raw")[0], known.quick_predictions("v1")[0]
    rows = rows_of(known, session)
    assert sorted(rows) == [row for row in range(24, 60) if one[row] != other[row]]
    assert whys(known, session)[0].startswith("raw says ")
    with pytest.raises(NotReadyError, match="compared with itself"):
        known.sessions_book.create_of("raw-tuned", embedding="raw")


# ---- checking --------------------------------------------------------------------------------------------


def test_likely_label_errors_hold_the_planted_one(known):
    known.label([3], "Gamma")  # an Alpha
    session = known.sessions_book.create_of("errors")
    assert rows_of(known, session)[0] == 3
    assert whys(known, session)[0].startswith("labelled Gamma; a model that has not seen that says Alpha")


def test_without_a_suspicion_there_is_nothing_to_check(known):
    with pytest.raises(BadInputError, match="No label looks wrong"):
        known.sessions_book.create_of("errors")


def test_near_duplicates_stand_side_by_side(project, book):
    groups = project.near_duplicates(0.8).as_lists()
    assert len(groups)
    session = book.create_of("duplicates", threshold=0.8, n=60)
    assert rows_of(project, session) == [int(row) for group in groups for row in group]
    assert whys(project, session)[0] == f"number 1 of {len(groups[0])} near-duplicates"


def test_a_spot_check_is_made_by_the_journal(known):
    action = known.label(np.arange(24, 50), "Alpha", source="lasso")
    session = known.sessions_book.create_of("spot check", action=action.id)
    assert known.session(session).n_items == 10


# ---- the registry ------------------------------------------------------------------------------------------


def test_every_kind_is_in_a_group_and_says_when_to_use_it():
    assert {kind.group for kind in KINDS.values()} == set(GROUPS)
    for kind in KINDS.values():
        assert kind.when.endswith(".")
        assert len(kind.when) < 90
        assert set(kind.needs) <= set(kind.options)


def test_unknown_kinds_and_options_are_told(book):
    with pytest.raises(UnknownChoiceError, match="Unknown kind of session 'best'"):
        book.create_of("best")
    with pytest.raises(BadInputError, match="has no option 'colour'; it takes: n, name, seed"):
        book.create_of("random", colour=1)
    with pytest.raises(BadInputError, match="needs the option 'record'"):
        book.create_of("similar")
    with pytest.raises(BadInputError, match="n is 0"):
        book.create_of("random", n=0)


def test_a_session_remembers_its_kind_task_and_embedding(project, book):
    session = project.session(book.create_of("diverse", n=3, name="Spread"))
    assert (session.kind, session.name, session.task_id) == ("diverse", "Spread", project.task.id)
    assert session.origin == {"embedding": "raw"}


def test_the_advice_goes_from_typical_to_predictions_to_doubts_and_to_what_differs(project):
    assert advice(project).kind == "typical"
    project.label(np.arange(0, 33, 3), "Alpha")
    assert advice(project).kind == "typical"  # 11 labels: too few, and all of one kind
    project.label(np.arange(1, 30, 3), "Beta")
    assert advice(project).kind == "predictions"  # 21 of 60
    project.label(np.arange(36, 50), "Gamma")
    assert advice(project).kind == "uncertain"  # more than half is labelled
    differs = project.view(annotator="bob").label([0], "Beta")
    assert advice(project).kind == "annotators"
    project.undo(differs.id)
    project.label(np.arange(60), "Alpha")
    assert advice(project) is None


def test_the_advice_heeds_the_sessions_of_its_own_task_only(project):
    tone = project.add_task("Tone")
    tone.add_label("Calm"), tone.add_label("Harsh")
    tone.label([3], "Calm"), tone.view(annotator="bob").label([3], "Harsh")
    tone.create_session([3], "Differing", kind="annotators", origin={"arbitrate": True})
    project.label([0], "Alpha"), project.view(annotator="bob").label([0], "Beta")
    assert advice(project).kind == "annotators"
    project.create_session([0], "Differing", kind="annotators", origin={"arbitrate": True})
    assert advice(project).kind == "typical"


def test_after_tuning_the_advice_is_to_look_at_what_changed(known, axes):
    known.label(np.arange(24, 40), "Alpha")
    known.tune("axes", seed=0)
    known.activate("v1")
    assert advice(known).kind == "raw-tuned"


def test_predictions_to_check_are_drawn_at_random_from_the_unlabelled(known):
    rows = [
        item.row for item in known.sessions_book.items(known.sessions_book.create_of("predictions", n=10))
    ]
    assert len(rows) == 10
    assert rows != sorted(rows)
    assert not known.label_state().labelled[rows].any()
