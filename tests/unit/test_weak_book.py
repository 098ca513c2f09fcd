"""Weak supervision of a project: when it runs, what it writes, and how it is taken back."""

import numpy as np
import pytest

from embtune.errors import BadInputError, NotReadyError, UnknownChoiceError

# The project's 60 records: "Alpha story 0", "Beta story 0", "Gamma story 0", "Alpha story 1", …
NAMES = ("Alpha", "Beta", "Gamma")


@pytest.fixture
def voted(project):
    """Six labels a class, and one look-up for each class, which has run."""
    for i, name in enumerate(NAMES):
        project.label(range(i, 18, 3), name)
        project.heuristics.add("lookup", f"finds {name}", label=name, terms=[name.lower()])
    project.heuristics.run()
    return project


def test_it_does_not_run_without_votes_or_on_old_ones(voted):
    assert voted.weak.why_not() is None
    voted.heuristics.change("finds Beta", terms=["beta", "words"])
    assert "'finds Beta' (outdated)" in voted.weak.why_not()
    with pytest.raises(NotReadyError, match="finds Beta"):
        voted.weak.run()
    with pytest.raises(NotReadyError, match="finds Beta"):
        voted.weak.start()
    assert voted.weak.runs() == []
    voted.heuristics.select({"finds Beta": False})
    assert voted.weak.why_not() is None
    voted.heuristics.select({"finds Alpha": False, "finds Gamma": False})
    assert "No heuristic is selected" in voted.weak.why_not("majority")


@pytest.mark.parametrize("model", ["combined", "majority", "precision"])
def test_every_record_gets_its_label_and_no_label_of_a_person_changes(voted, model):
    wrong = voted.label(0, "Gamma", source="lasso")  # the votes say Alpha
    done = voted.weak.run(model)
    state = voted.label_state()
    names = {label.id: label.name for label in voted.labels}
    assert done["n_labelled"] == 42
    assert (voted.weak.labels()[0] >= 0).all()  # of the others it tells what it would say
    assert [names[i] for i in state.label_ids[18:].tolist()] == list(NAMES) * 14
    assert names[int(state.label_ids[0])] == "Gamma"
    assert state.manual[:18].all()
    assert not state.manual[18:].any()
    assert (state.confidence[18:] <= 1).all()
    assert voted.book.action(wrong.id).undone_at is None


def test_without_a_vote_majority_says_nothing(voted):
    voted.heuristics.select({"finds Gamma": False})
    voted.weak.run("majority")
    labels, confidence = voted.weak.labels()
    assert (labels >= 0).sum() == 40
    assert (labels[2::3] == -1).all()
    assert (confidence[2::3] == 0).all()


def test_another_run_takes_the_place_of_the_last_and_can_be_rolled_back(voted):
    first = voted.weak.run("majority")["run"]
    voted.heuristics.select({"finds Gamma": False})
    second = voted.weak.run("majority")["run"]
    assert [(one.id, one.stands) for one in voted.weak.runs()] == [(second, True), (first, False)]
    assert voted.label_state().labelled.sum() == 18 + 28  # Gammas without a manual label have none
    voted.weak.put_in_force(first)
    assert voted.weak.standing().id == first
    assert voted.label_state().labelled.all()
    voted.weak.put_in_force(None)
    assert voted.weak.labels() is None
    assert voted.label_state().labelled.sum() == 18


def test_undoing_it_in_the_history_takes_it_out_of_force(voted):
    voted.weak.run("majority")
    voted.undo()
    assert voted.weak.standing() is None
    assert voted.label_state().labelled.sum() == 18
    voted.redo()
    assert voted.weak.standing() is not None


@pytest.fixture
def thrice(voted):
    """Three runs, the first two replaced; of 20, 40 and 60 records with a vote."""
    numbers = []
    for selected in (NAMES[:1], NAMES[:2], NAMES):
        voted.heuristics.select({f"finds {name}": name in selected for name in NAMES})
        numbers.append(voted.weak.run("majority")["run"])
    return voted, numbers


def in_force(project):
    standing = [run.id for run in project.weak.runs() if run.stands]
    return standing[0] if len(standing) == 1 else standing


def test_undoing_runs_puts_back_what_each_replaced_and_redoing_goes_the_same_way_forth(thrice):
    project, (first, second, third) = thrice
    went = []
    for step in (project.undo, project.undo, project.undo, project.redo, project.redo, project.redo):
        assert step() is not None
        went.append(in_force(project))
    assert went == [second, first, [], first, second, third]
    assert project.redo() is None  # the replaced ones were not taken back for their own sake
    assert in_force(project) == third


def test_a_replaced_run_is_not_the_newest_to_redo(thrice):
    project, (_, _, third) = thrice
    flagged = project.flag([3])
    project.undo()
    assert project.redo().id == flagged.id
    assert project.redo() is None
    assert in_force(project) == third


def test_a_run_redone_by_its_number_takes_the_place_of_the_one_in_force(thrice):
    project, (first, _, third) = thrice
    project.redo(project.weak.get(first).action_id)
    assert in_force(project) == first
    assert project.label_state().labelled.sum() == 18 + 14
    project.undo(project.weak.get(first).action_id)
    assert in_force(project) == third
    project.weak.put_in_force(None)
    assert project.redo().id == project.weak.get(third).action_id
    project.undo()
    assert in_force(project) == []  # as before it was redone


def test_putting_one_in_force_and_undoing_it_does_not_go_round_in_circles(thrice):
    project, (first, second, third) = thrice
    project.weak.put_in_force(first)
    project.undo(project.weak.get(first).action_id)
    assert in_force(project) == third
    project.undo(project.weak.get(third).action_id)
    assert in_force(project) == second
    project.undo(project.weak.get(second).action_id)
    assert in_force(project) == []


def test_weak_labels_are_written_only_where_no_person_answered(voted):
    nothing = voted.label([30], None)  # "none of these" is an answer
    voted.label([0], "Gamma")
    done = voted.weak.run("majority")
    run = voted.weak.standing()
    assert done["n_labelled"] == run.n_labelled == 41
    assert run.metrics["n_beside"] == 19
    assert run.metrics["curve"][0]["n"] == 41
    assert voted.history(limit=1)[0].summary == "Weak supervision labelled 41 records"
    assert not set(range(18)) & set(voted.rows_of_action(run.action_id).tolist())
    voted.undo(nothing.id)
    assert not voted.label_state().labelled[30]


def test_where_people_answered_everything_there_is_nothing_to_label(voted):
    voted.label(range(60), "Alpha")
    with pytest.raises(NotReadyError, match="nothing left to label"):
        voted.weak.run("majority")
    assert voted.weak.runs() == []


def test_what_is_written_is_made_before_others_have_to_wait(voted, monkeypatch):
    from contextlib import contextmanager

    from embtune.work import weak_runs

    write, vote, inside, made_inside = voted.db.write, weak_runs.Vote, [], []

    @contextmanager
    def writing():
        with write() as connection:
            inside.append(True)
            yield connection
            inside.pop()

    monkeypatch.setattr(voted.db, "write", writing)
    monkeypatch.setattr(weak_runs, "Vote", lambda *one: made_inside.append(bool(inside)) or vote(*one))
    voted.weak.run("majority")
    assert len(made_inside) == 42
    assert not any(made_inside)


def test_before_any_label_heuristics_run_without_a_word_of_vectors(project):
    for name in NAMES:
        project.heuristics.add("lookup", f"finds {name}", label=name, terms=[name.lower()])
    project.heuristics.run()
    assert project.weak.default_model() == "majority"
    assert project.weak.why_not() is None
    assert "label records of 2 classes" in project.weak.why_not("combined")
    assert project.weak.run()["n_labelled"] == 60
    project.label([0, 3], "Alpha")  # of one class still
    assert project.weak.run()["n_labelled"] == 58
    assert project.weak.standing().metrics["judged"] is False


def test_records_that_are_newer_than_the_embedding_stop_it(voted):
    voted.import_records(
        b'[{"title": "Alpha story 99", "body": "Words about alpha.", "topic": "Alpha"}]',
        name="more.json",
        text="{title}. {body}",
        reference_field="topic",
    )
    voted.heuristics.run()
    assert voted.weak.default_model() == "combined"
    assert "1 record is newer than the embedding: embed it" in voted.weak.why_not()
    with pytest.raises(NotReadyError, match="newer than the embedding"):
        voted.weak.run("majority")


def test_learners_on_a_tuned_embedding_have_seen_the_labels(voted):
    from dataclasses import asdict

    from embtune.store.artifacts import activate, put_embedding
    from embtune.work.weak_evidence import gather, made_on_labels

    voted.heuristics.add("learner", "plain", embedding="raw")
    voted.heuristics.add("learner", "tuned", embedding="active")
    voted.heuristics.run()
    of = {one.name: one for one in voted.heuristics.all()}
    assert not made_on_labels(voted, of["plain"])
    assert not made_on_labels(voted, of["tuned"])  # active is raw as long as nothing is tuned
    put_embedding(voted.db, voted.id, **asdict(voted.require_embedding("raw")) | {"name": "v1"})
    activate(voted.db, voted.id, "v1", annotator="me", summary="Made v1 active")
    assert not made_on_labels(voted, of["plain"])
    assert made_on_labels(voted, of["tuned"])
    matrix = voted.heuristics.votes([of["plain"].id, of["tuned"].id])
    assert gather(voted, matrix.heuristics, matrix.labels, matrix.confidence, 0).seen.tolist() == [
        False,
        True,
    ]


def test_the_run_says_what_it_heard_and_what_it_is_worth(voted):
    voted.weak.run("majority", threshold=0.9)
    run = voted.weak.standing()
    assert [one["name"] for one in run.heuristics] == [f"finds {name}" for name in NAMES]
    metrics = run.metrics
    # Reference labels of the 42 records without a manual one; every vote is right.
    assert (metrics["measured_on"], metrics["n_measured_on"]) == ("reference labels", 42)
    assert metrics["distribution"]["Beta"]["manual"] == 6
    assert metrics["distribution"]["Beta"]["weak"] == 14
    assert (metrics["n_beside"], metrics["n_sure"]) == (18, 42)
    assert metrics["held_out_by"] == "knowing"  # the look-ups were made in view of the labels
    assert "reliability" not in metrics or metrics["reliability"] is None
    assert metrics["curve"][0]["n_checked"] == 42
    assert metrics["curve"][0]["accuracy"] == 1.0
    assert {one["name"] for one in metrics["scores"]} >= {"majority", "manual"}
    assert "snorkel" in metrics["missing"] or any(one["name"] == "snorkel" for one in metrics["scores"])


def test_cells_of_the_confusion_matrix_open_their_records(voted):
    voted.label(0, "Gamma")
    voted.weak.run("majority")
    rows, columns, counts = voted.weak.confusion()
    assert (rows, columns) == (list(NAMES), [*NAMES, "no weak label"])
    assert counts.tolist() == [[5, 0, 0, 0], [0, 6, 0, 0], [1, 0, 6, 0]]
    assert voted.weak.cell_rows("Gamma", "Alpha").tolist() == [0]
    voted.heuristics.select({"finds Beta": False})
    voted.weak.run("majority")
    assert voted.weak.cell_rows("Beta", None).tolist() == [1, 4, 7, 10, 13, 16]


def test_filters_ask_what_it_says(voted):
    with pytest.raises(NotReadyError, match="no weak supervision in force"):
        voted.rows_matching({"weak": "Alpha"})
    voted.label(0, "Gamma")
    voted.weak.run("majority")
    assert voted.rows_matching({"weak": {"label": "Alpha"}}).tolist() == list(range(0, 60, 3))
    query = {"all": [{"weak": {"label": "Alpha"}}, {"label": "Gamma"}]}
    assert voted.rows_matching(query).tolist() == [0]


def test_tuning_takes_manual_labels_and_weak_ones_above_the_threshold(voted):
    from embtune.work.tuning import training_set

    voted.weak.run("majority")
    _, confidence = voted.weak.labels()
    assert 0.9 < confidence[18:].min() <= confidence.max() < 1  # of 18 that were all right
    assert len(training_set(voted, min_confidence=0.9).rows) == 60
    assert training_set(voted, min_confidence=1.0).rows.tolist() == list(range(18))


def test_a_threshold_seed_or_model_that_is_none_is_refused(voted):
    with pytest.raises(BadInputError, match="from 0 to 1"):
        voted.weak.run(threshold=1.5)
    with pytest.raises(BadInputError, match="The seed is -1;"):
        voted.weak.run(seed=-1)
    with pytest.raises(UnknownChoiceError, match="label model"):
        voted.weak.run("oracle")


def test_the_same_seed_gives_the_same_labels(voted):
    voted.weak.run()
    first = voted.weak.labels()
    voted.weak.run()
    second = voted.weak.labels()
    assert (first[0] == second[0]).all()
    assert np.allclose(first[1], second[1])
