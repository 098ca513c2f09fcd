"""Similarity judgements: what counts, what undo takes back, what files must say, and what trains."""

import json

import numpy as np
import pytest
import sqlalchemy as sa

import embtune
from embtune.errors import BadFileError, BadInputError, NotFoundError
from embtune.store.database import MIGRATIONS, Database
from embtune.store.tables import metadata
from embtune.tuning.judgements import Judgements, without_contradictions


def said(project):
    """What is in force as {(annotator, rows): score}."""
    return {(one.annotator, one.rows): one.score for one in project.judgements()}


# ---- what counts -----------------------------------------------------------------------------


def test_the_newest_judgement_of_an_annotator_on_a_pair_counts_whichever_record_comes_first(project):
    project.judge_pair(3, 7, 1)
    project.judge_pair(7, 3, 0)
    project.judge_pair(3, 7, 0.25, annotator="ann")
    assert said(project) == {("me", (7, 3)): 0.0, ("ann", (3, 7)): 0.25}
    first = project.judgements()[0]
    assert (first.kind, first.record_ids) == ("pair", (project.record_ids[7], project.record_ids[3]))


def test_a_triplet_said_the_other_way_round_later_replaces_the_first(project):
    project.judge_triplet(0, 1, 2)
    project.judge_triplet(1, 0, 2)  # another anchor: says something else
    project.judge_triplet(0, 2, 1)
    assert set(said(project)) == {("me", (1, 0, 2)), ("me", (0, 2, 1))}


def test_records_are_named_by_id_or_row(project):
    ids = project.record_ids
    project.judge_pair(ids[4], 5, 1.0)
    project.judge_triplet(ids[1], ids[2], ids[3])
    assert [one.rows for one in project.judgements()] == [(4, 5), (1, 2, 3)]


def test_taking_back_leaves_nothing_said_and_can_itself_be_undone(project):
    project.judge_pair(0, 1, 1)
    project.judge_pair(1, 0, None)
    assert project.judgements() == []
    project.undo()
    assert said(project) == {("me", (0, 1)): 1.0}
    with pytest.raises(BadInputError, match="Nothing was said of these two records"):
        project.judge_pair(0, 2, None)


def test_what_was_said_around_a_record_is_told_from_its_side_and_of_one_annotator(project):
    project.judge_pair(0, 1, 1)
    project.judge_pair(2, 0, 0)
    project.judge_pair(2, 3, 1)
    project.judge_pair(0, 4, 1, annotator="ann")
    project.judge_triplet(0, 5, 6)
    project.judge_triplet(0, 5, 7)
    project.judge_triplet(5, 0, 6)
    marks = project.judgement_book.marks(0)
    assert marks.scores == {1: 1.0, 2: 0.0}
    assert marks.closer_than == {5: (6, 7)}


def test_counts_and_status_say_how_many_are_in_force(project):
    for b, score in ((1, 1), (2, 0.5), (3, 0.4), (4, 0)):
        project.judge_pair(0, b, score)
    project.judge_pair(4, 0, 1)
    project.judge_triplet(0, 1, 4)
    counts = project.judgement_book.counts()
    assert (counts.similar, counts.different, counts.triplets) == (3, 1, 1)
    assert project.status()["judgements"] == {"pairs": 4, "triplets": 1}


# ---- the journal -----------------------------------------------------------------------------


def test_every_marking_is_an_action_that_undo_and_redo_take_as_a_whole(project):
    project.label([0, 1], "Alpha")
    project.judge_pair(0, 1, 1)
    project.judge_pair(0, 2, 0)
    project.judge_triplet(0, 1, 2)
    project.judge_pair(0, 3, 0.4)
    assert [action.summary for action in project.history()] == [
        "Marked 2 records 40% similar",
        "Marked a record closer than another",
        "Marked 2 records different",
        "Marked 2 records similar",
        "Labelled 2 records Alpha",
    ]
    project.undo()
    project.undo()
    assert said(project) == {("me", (0, 1)): 1.0, ("me", (0, 2)): 0.0}
    assert project.redo().summary == "Marked a record closer than another"
    assert len(project.judgements()) == 3
    assert project.record(0).label == "Alpha"


def test_an_undone_judgement_brings_back_the_one_before_it(project):
    project.judge_pair(0, 1, 1)
    later = project.judge_pair(0, 1, 0)
    (one,) = project.judgements()
    assert one.action_id == later.id
    assert project.undo_judgement(one.id).id == later.id
    assert said(project) == {("me", (0, 1)): 1.0}


def test_undoing_the_last_judgement_passes_over_labels_given_since(project):
    project.judge_pair(0, 1, 1)
    project.label([5], "Alpha")
    assert project.judgement_book.last().summary == "Marked 2 records similar"
    assert project.undo_judgement().summary == "Marked 2 records similar"
    assert project.record(5).label == "Alpha"
    assert (project.undo_judgement(), project.judgement_book.last()) == (None, None)
    with pytest.raises(NotFoundError, match="Project 'demo' has no judgement 99"):
        project.undo_judgement(99)


def test_judgements_label_nothing_and_cost_no_second_reading_of_votes(project, monkeypatch):
    project.label([0, 1, 2], "Alpha")
    project.label_state()
    project.judge_pair(0, 1, 1)
    from embtune.store import votes

    read = []
    monkeypatch.setattr(
        votes, "read_votes", lambda *a, **k: read.append(k) or votes.Votes.of(np.empty((0, 6)))
    )
    assert project.label_state().labelled.sum() == 3
    assert all(options.get("newer_than") for options in read)
    assert project.status()["annotations"] == {"manual": 3}


def test_labels_given_do_not_make_judgements_be_read_again(project):
    project.judge_pair(0, 1, 1)
    known = project.judgements()
    project.label([3], "Alpha")
    assert project.judgements() is known
    project.undo()
    first = project.judge_pair(0, 2, 1)
    project.undo(first.id)
    project.redo(first.id)
    assert set(said(project)) == {("me", (0, 1)), ("me", (0, 2))}


def test_another_program_sees_what_was_said(project):
    other = embtune.open("demo")
    project.judge_pair(0, 1, 1)
    assert said(other) == {("me", (0, 1)): 1.0}
    other.undo_judgement()
    assert project.judgements() == []


def test_a_deleted_project_takes_its_judgements_along(project):
    project.judge_triplet(0, 1, 2)
    project.delete()
    with project.db.read() as connection:
        assert connection.scalar(sa.text("select count(*) from judgements")) == 0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda p: p.judge_pair(3, 3, 1), BadInputError, "cannot be judged against itself"),
        (lambda p: p.judge_pair(0, 1, 1.2), BadInputError, r"The score is 1\.2; it must be from 0"),
        (lambda p: p.judge_pair(0, 1, -0.1), BadInputError, r"The score is -0\.1"),
        (lambda p: p.judge_pair(0, 1, float("nan")), BadInputError, "The score is nan"),
        (lambda p: p.judge_pair(0, 60, 1), NotFoundError, "has no row 60; it has 60 records"),
        (lambda p: p.judge_pair("nobody", 1, 1), NotFoundError, "has no record 'nobody'"),
        (lambda p: p.judge_triplet(0, 1, 1), BadInputError, "must be three different records"),
        (lambda p: p.judge_triplet(1, 1, 2), BadInputError, "must be three different records"),
        (lambda p: p.judge_triplet(0, 1, "x"), NotFoundError, "has no record 'x'"),
    ],
)
def test_what_cannot_be_judged_is_told_and_writes_nothing(project, call, error, message):
    with pytest.raises(error, match=message):
        call(project)
    assert (project.judgements(), project.history()) == ([], [])


# ---- files -----------------------------------------------------------------------------------


def as_csv(*lines):
    return "\n".join(",".join(map(str, line)) for line in lines).encode()


def test_a_file_of_pairs_and_one_of_triplets_are_one_action_each(project, tmp_path):
    ids = project.record_ids
    (tmp_path / "pairs.csv").write_bytes(
        as_csv(("record_a", "record_b", "score"), (ids[0], ids[1], 1), (ids[2], ids[3], 0.25))
    )
    (tmp_path / "triplets.jsonl").write_text(
        json.dumps({"anchor": ids[4], "closer": ids[5], "farther": ids[6]})
    )
    got = project.import_judgements(tmp_path / "pairs.csv", annotator="ann")
    assert (got["n_pairs"], got["n_triplets"], got["file"]) == (2, 0, "pairs.csv")
    project.import_judgements(str(tmp_path / "triplets.jsonl"))
    assert said(project) == {("ann", (0, 1)): 1.0, ("ann", (2, 3)): 0.25, ("me", (4, 5, 6)): None}
    assert [action.summary for action in project.history()] == [
        "Judged 1 triplet from triplets.jsonl",
        "Judged 2 pairs from pairs.csv",
    ]
    project.undo(got["action"])
    assert set(said(project)) == {("me", (4, 5, 6))}


def test_what_is_handed_over_can_be_brought_in_again(project):
    project.judge_pair(0, 1, 0.75)
    project.judge_triplet(2, 3, 4)
    lines = json.dumps([one.as_fields() for one in project.judgements()]).encode()
    before = said(project)
    project.undo(), project.undo()
    project.import_judgements(lines, name="judgements.json")
    assert said(project) == before


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            [("record_a", "record_b"), ("A", "B")],
            r"j\.csv has no field 'score'; it belongs to record_a, reco",
        ),
        ([("x", "y"), (1, 2)], r"j\.csv has neither the fields record_a, .*; its fields are: x, y\."),
        (
            [("record_a", "record_b", "score"), ("A", "B", 1), ("A", "gone", 1)],
            r"j\.csv, line 3: no record 'g",
        ),
        (
            [("record_a", "record_b", "score"), ("A", "B", 2)],
            r"line 2, field 'score': The score is 2\.0; it m",
        ),
        (
            [("record_a", "record_b", "score"), ("A", "B", "very")],
            r"line 2, field 'score': 'very' is no numb",
        ),
        ([("record_a", "record_b", "score"), ("A", "B", "")], r"line 2: the field 'score' is empty"),
        (
            [("record_a", "record_b", "score"), ("A", "A", 1)],
            r"line 2, fields record_a, record_b: A record c",
        ),
        ([("anchor", "closer", "farther"), ("A", "B", "A")], r"line 2, fields anchor, closer, farther: Anch"),
        ([("anchor", "closer", "farther"), ("A", "B", "")], r"line 2: the field 'farther' is empty"),
    ],
)
def test_a_bad_file_says_where_and_adds_nothing(project, lines, message):
    ids = {"A": project.record_ids[0], "B": project.record_ids[1]}
    content = as_csv(*([ids.get(value, value) for value in line] for line in lines))
    with pytest.raises(BadInputError, match=message):
        project.import_judgements(content, name="j.csv")
    assert (project.judgements(), project.history()) == ([], [])


def test_a_file_that_is_not_there_is_told(project, tmp_path):
    with pytest.raises(BadFileError, match=r"absent\.csv"):
        project.import_judgements(tmp_path / "absent.csv")


# ---- what trains -----------------------------------------------------------------------------


def test_without_judgements_there_is_nothing_to_train_on(plain_project):
    found = plain_project.judgements_for_training()
    assert (len(found), found.pairs.shape, found.scores.shape, found.triplets.shape) == (
        0,
        (0, 2),
        (0,),
        (0, 3),
    )
    assert len(Judgements.empty()) == 0
    Judgements.empty().check(0)


def test_annotators_scores_are_averaged_and_their_contradictions_dropped(plain_project):
    project = plain_project
    project.judge_pair(1, 0, 1)
    project.judge_pair(0, 1, 0.5, annotator="ann")
    project.judge_pair(2, 3, 0)
    project.judge_triplet(0, 1, 2)
    project.judge_triplet(0, 2, 1, annotator="ann")
    project.judge_triplet(3, 1, 2)
    project.judge_triplet(3, 1, 2, annotator="ann")
    found = project.judgements_for_training()
    assert found.pairs.tolist() == [[0, 1], [2, 3]]
    assert found.scores.tolist() == [0.75, 0.0]
    assert found.triplets.tolist() == [[3, 1, 2]]
    assert (found.pairs.dtype, found.scores.dtype, found.triplets.dtype) == (np.int64, np.float32, np.int64)
    assert len(found) == 3


def test_a_kept_aside_record_takes_its_judgements_out_of_training_once_it_is_labelled(plain_project):
    project = plain_project
    project.add_label("Alpha")
    aside = np.flatnonzero(project.kept_aside())
    other = np.flatnonzero(~project.kept_aside())
    a, b = int(aside[0]), int(other[0])
    c, d = (int(row) for row in other[1:3])
    project.judge_pair(a, b, 1)
    project.judge_pair(b, c, 1)
    project.judge_triplet(b, c, a)
    project.judge_triplet(b, c, d)
    assert len(project.judgements_for_training()) == 4
    project.label([a, b], "Alpha")
    found = project.judgements_for_training()
    assert (found.pairs.tolist(), found.triplets.tolist()) == ([[b, c]], [[b, c, d]])


def test_records_with_reference_labels_train_no_judgement_where_measuring_uses_them(home):
    rows = [{"t": f"text {i}", "topic": "AB"[i % 2] if i < 12 else ""} for i in range(20)]
    project = embtune.open("some")
    project.import_records(json.dumps(rows).encode(), name="s.json", text="{t}", reference_field="topic")
    assert project.measures_on_reference
    project.judge_pair(0, 15, 1)
    project.judge_pair(14, 15, 1)
    project.judge_triplet(14, 15, 3)
    assert project.judgements_for_training().pairs.tolist() == [[14, 15]]
    assert len(project.judgements_for_training().triplets) == 0


def test_contradicting_triplets_are_both_dropped_and_repeated_ones_kept_once():
    given = np.array([[5, 1, 2], [0, 1, 2], [0, 2, 1], [0, 1, 3], [5, 1, 2], [1, 2, 0]])
    assert without_contradictions(given).tolist() == [[0, 1, 3], [1, 2, 0], [5, 1, 2]]
    assert without_contradictions(np.empty((0, 3), dtype=np.int64)).shape == (0, 3)


@pytest.mark.parametrize(
    ("pairs", "scores", "triplets", "message"),
    [
        ([[0, 1]], [1.0, 0.0], [], r"shape \(p, 2\) and scores \(p,\), not \(1, 2\) and \(2,\)"),
        ([[0, 9]], [1.0], [], "must be from 0 to 8; they run from 0 to 9"),
        ([[-1, 1]], [1.0], [], "they run from -1 to 1"),
        ([[2, 2]], [1.0], [], "A pair names the same row twice"),
        ([], [], [[1, 2, 1]], "A triplet names the same row twice"),
        ([[0, 1]], [1.5], [], "Scores of pairs must be from 0 to 1"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(pairs, scores, triplets, message):
    given = Judgements(
        np.array(pairs, dtype=np.int64).reshape(-1, 2),
        np.array(scores, dtype=np.float32),
        np.array(triplets, dtype=np.int64).reshape(-1, 3),
    )
    with pytest.raises(BadInputError, match=message):
        given.check(9)


# ---- an older database -----------------------------------------------------------------------


def test_a_database_of_the_first_schema_is_upgraded_in_place(home):
    from alembic import command
    from alembic.autogenerate import compare_metadata
    from alembic.config import Config
    from alembic.migration import MigrationContext

    path = home / "embtune.db"
    path.unlink()
    old = Database(f"sqlite:///{path}")
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with old.engine.connect().execution_options(embtune_write=True) as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(
            sa.text(
                "insert into projects (id, name, model, created_at, opened_at) values (1, 'old', 'm', 1, 1)"
            )
        )
        for row in range(2):
            connection.execute(
                sa.text(
                    "insert into records (project_id, row, id, text, fields, created_at) "
                    f"values (1, {row}, '{row:016x}', 'text {row}', '{{}}', 1)"
                )
            )
    old.engine.dispose()
    project = embtune.open("old", create=False)
    project.judge_pair(0, 1, 1)
    assert [one.record_ids for one in project.judgements()] == [(f"{0:016x}", f"{1:016x}")]
    with project.db.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


# ---- the command line ------------------------------------------------------------------------


def test_the_command_line_adds_a_file_or_tells_in_one_line(project, tmp_path, monkeypatch, capfd):
    import sys

    from embtune import cli

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["embtune", *words])
        try:
            cli.main()
        except SystemExit as leaving:
            return leaving.code or 0, *capfd.readouterr()
        return 0, *capfd.readouterr()

    ids = project.record_ids
    file = tmp_path / "pairs.csv"
    file.write_bytes(as_csv(("record_a", "record_b", "score"), (ids[0], ids[1], 1)))
    status, out, _ = run("judge", "demo", "--from", str(file), "--json")
    assert status == 0
    assert {name: json.loads(out)[name] for name in ("n_pairs", "n_triplets")} == {
        "n_pairs": 1,
        "n_triplets": 0,
    }
    file.write_bytes(as_csv(("record_a", "record_b", "score"), (ids[0], "gone", 1)))
    status, out, err = run("judge", "demo", "--from", str(file))
    assert (status, out) == (1, "")
    assert err == "embtune: pairs.csv, line 2: no record 'gone' (field 'record_b'); nothing was added.\n"
