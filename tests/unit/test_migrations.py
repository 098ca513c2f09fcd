"""A database of an older version, with data in it, becomes one of now: nothing is lost."""

import pytest
import sqlalchemy as sa

import embtune
from embtune.store.database import MIGRATIONS, Database, get_database

OLD = """
insert into projects (id, name, model, created_at, opened_at) values
  (3, 'old', 'm', 1, 1), (5, 'other', 'm', 1, 1);
insert into labels (id, project_id, name, position, color, hotkey, created_at) values
  (4, 3, 'A', 0, '#0072B2', '1', 1), (6, 3, 'B', 1, '#E69F00', 'n', 1), (7, 5, 'A', 0, '#0072B2', '1', 1);
insert into records (project_id, "row", id, text, fields, reference_label_id, created_at) values
  (3, 0, 'aa00000000000000', 'one', '{}', 4, 1), (3, 1, 'bb00000000000000', 'two', '{}', null, 1),
  (3, 2, 'cc00000000000000', 'three', '{}', 6, 1), (5, 0, 'aa00000000000000', 'one', '{}', null, 1);
insert into actions
  (id, project_id, source, annotator, label_id, n_records, summary, detail, created_at, undone_at)
  values (10, 3, 'lasso', 'me', 4, 2, 'Labelled 2 records A', '{"map": "raw"}', 1, null),
         (11, 3, 'session', 'me', 6, 1, 'Labelled 1 record B', '{"session": 8, "position": 0}', 2, null),
         (12, 3, 'manual', 'me', null, 1, 'Marked 2 records similar', '{"kind": "judgement"}', 3, null),
         (13, 3, 'manual', 'me', 6, 1, 'Labelled 1 record B', '{}', 4, 5),
         (14, 5, 'manual', 'me', 7, 1, 'Labelled 1 record A', '{}', 4, null);
insert into annotations
  (id, project_id, "row", action_id, answer, label_id, source, annotator, confidence, created_at)
  values (20, 3, 0, 10, 'label', 4, 'lasso', 'me', 1, 1), (21, 3, 1, 10, 'label', 4, 'lasso', 'me', 1, 1),
         (22, 3, 1, 11, 'label', 6, 'session', 'me', 1, 2), (23, 3, 2, 13, 'label', 6, 'manual', 'me', 1, 4),
         (24, 5, 0, 14, 'label', 7, 'manual', 'me', 1, 4);
insert into judgements (id, project_id, action_id, kind, row_a, row_b, score, annotator, created_at)
  values (30, 3, 12, 'pair', 0, 1, 1, 'me', 3);
insert into sessions (id, project_id, name, kind, origin, annotator, "cursor", created_at, updated_at)
  values (8, 3, 'some', 'list', '{}', 'me', 1, 1, 1);
insert into session_items (session_id, position, "row", skipped, action_id) values
  (8, 0, 1, 0, 11), (8, 1, 2, 1, null);
insert into sessions (id, project_id, name, kind, origin, annotator, "cursor", created_at, updated_at)
  values (99, 3, 'gone', 'list', '{}', 'me', 1, 1, 1);
delete from sessions where id = 99;
insert into labels (id, project_id, name, position, color, created_at) values
  (50, 3, 'gone', 9, '#000000', 1);
delete from labels where id = 50;
insert into actions (id, project_id, source, annotator, n_records, summary, detail, created_at)
  values (77, 3, 'manual', 'me', 0, '', '{}', 1);
delete from actions where id = 77;
"""
COUNTED = (
    "projects",
    "labels",
    "records",
    "actions",
    "annotations",
    "judgements",
    "sessions",
    "session_items",
)


def upgrade(engine, revision):
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.connect() as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def counts(connection):
    return {name: connection.scalar(sa.text(f"select count(*) from {name}")) for name in COUNTED}


@pytest.fixture
def old(home):
    """A database at revision 0002 in place of this test's; gives the counts of its tables."""
    (home / "embtune.db").unlink()
    engine = sa.create_engine(f"sqlite:///{home / 'embtune.db'}")
    upgrade(engine, "0002")
    with engine.connect() as connection, connection.begin():
        for statement in filter(str.strip, OLD.split(";\n")):
            connection.exec_driver_sql(statement)
        found = counts(connection)
    engine.dispose()
    return found


def test_everything_is_still_there_under_one_task_a_project(old):
    with get_database().read() as connection:
        assert counts(connection) == old
        assert connection.exec_driver_sql("pragma foreign_key_check").all() == []
        assert connection.exec_driver_sql("pragma integrity_check").scalar() == "ok"
        tasks = connection.exec_driver_sql("select project_id, name from tasks order by 1").all()
        assert tasks == [(3, "Labels"), (5, "Labels")]
        tied = "select count(*) from actions where kind = 'judgement' and task_id is not null"
        assert connection.exec_driver_sql(tied).scalar() == 0
        for table in ("labels", "annotations", "sessions", "actions"):
            wrong = (
                f"select count(*) from {table} t left join tasks on tasks.id = t.task_id "
                "where tasks.project_id is not t.project_id"
                # Judgements are of no task: deleting one must not take them along.
                + (" and t.kind != 'judgement'" if table == "actions" else "")
            )
            assert connection.exec_driver_sql(wrong).scalar() == 0
    project = embtune.open("old", create=False)
    assert [(one.id, one.name, one.hotkey) for one in project.labels] == [(4, "A", "1"), (6, "B", "n")]
    assert [record.label for record in project.records(range(3))] == ["A", "B", None]
    assert [record.reference_label for record in project.records(range(3))] == ["A", None, "B"]
    assert [(one.id, one.kind) for one in project.history()] == [
        (13, "votes"),
        (12, "judgement"),
        (11, "votes"),
        (10, "votes"),
    ]
    assert len(project.judgements()) == 1
    session = project.session(8)
    assert (session.n_labelled, session.n_skipped, session.cursor) == (1, 1, 1)
    assert embtune.open("other", create=False).record(0).label == "A"


def test_tasks_of_an_older_version_can_be_deleted_and_brought_back(old):
    project = embtune.open("old", create=False)
    assert [task.name for task in project.tasks] == ["Labels"]
    tone = project.add_task("Tone")
    tone.delete_task()
    project.undo()
    assert [task.name for task in project.tasks] == ["Labels", "Tone"]


def test_a_task_table_of_the_last_version_gets_its_column_in_place(home):
    (home / "embtune.db").unlink()
    engine = sa.create_engine(f"sqlite:///{home / 'embtune.db'}")
    upgrade(engine, "0004")
    with engine.connect() as connection, connection.begin():
        for statement in (
            "insert into projects (id, name, model, created_at, opened_at) values (3, 'old', 'm', 1, 1)",
            "insert into tasks (id, project_id, name, description, position, created_at) values "
            "(8, 3, 'Topic', 'What?', 0, 1), (9, 3, 'gone', '', 1, 1)",
            "delete from tasks where id = 9",
        ):
            connection.exec_driver_sql(statement)
    engine.dispose()
    project = embtune.open("old", create=False)
    assert [(task.id, task.name, task.description) for task in project.tasks] == [(8, "Topic", "What?")]
    assert project.add_task("next").task.id == 10  # no number is given twice


def test_old_actions_are_undone_and_redone_as_before(old):
    project = embtune.open("old", create=False)
    project.redo(13)
    assert project.record(2).label == "B"
    project.undo(11)
    project.undo(12)
    assert [record.label for record in project.records(range(3))] == ["A", "A", "B"]
    assert project.judgements() == []
    assert project.session(8).n_labelled == 0


def test_no_number_of_what_was_deleted_is_given_again(old):
    project = embtune.open("old", create=False)
    assert project.create_session([0], "next") == 100
    assert project.add_label("C").id == 51
    assert project.history(1)[0].id == 78


def test_the_way_back_keeps_the_data_too(old, home):
    from alembic import command
    from alembic.config import Config

    database = Database(f"sqlite:///{home / 'embtune.db'}")
    with database.read():
        pass
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.engine.connect() as connection:
        connection.connection.dbapi_connection.execute("pragma foreign_keys = off")
        with connection.begin():
            config.attributes["connection"] = connection
            command.downgrade(config, "0002")
            assert counts(connection) == old
            assert connection.exec_driver_sql("pragma foreign_key_check").all() == []
    database.engine.dispose()
