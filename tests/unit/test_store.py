"""The database: its schema, what it refuses, and that nothing written is lost."""

import sqlite3
import subprocess
import sys
import threading

import pytest
import sqlalchemy as sa

import embtune
from embtune.errors import BadInputError, NotFoundError, StorageError
from embtune.settings import get_settings
from embtune.store.artifacts import put_evaluation
from embtune.store.database import MIGRATIONS, Database, ensure_folder, get_database
from embtune.store.jobs import create_job, finish_job
from embtune.store.journal import Vote, insert_action
from embtune.store.projects import create_project
from embtune.store.records import NewRecord, insert_records
from embtune.store.tables import metadata
from embtune.store.tasks import list_tasks
from embtune.store.votes import NONE_OF_THESE, UNLABELLED, VoteLog, journal_state, read_votes


@pytest.fixture
def db(home):
    return get_database()


def put_records(db, project_id, n, *, first_row=0, text="some text"):
    with db.write() as connection:
        new = [NewRecord(f"{i:016x}", text, {}) for i in range(first_row, first_row + n)]
        insert_records(connection, project_id, new, first_row=first_row)


def read_something(database):
    with database.read() as connection:
        connection.execute(sa.text("select 1"))


# ---- schema ----------------------------------------------------------------------------------


def test_migrations_make_exactly_the_tables(db):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with db.read() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []


def test_migrations_are_numbered_without_gaps():
    numbers = sorted(int(path.name[:4]) for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))
    assert numbers == list(range(1, len(numbers) + 1))


def test_opening_twice_changes_nothing(home):
    url = f"sqlite:///{home / 'twice.db'}"
    for _ in range(2):
        database = Database(url)
        with database.write() as connection:
            assert connection.scalar(sa.text("select count(*) from alembic_version")) == 1
            connection.execute(sa.text("update alembic_version set version_num = version_num"))
        database.engine.dispose()


def test_a_newer_schema_is_refused_in_one_sentence(home, db):
    with db.write() as connection:
        connection.execute(sa.text("update alembic_version set version_num = '9999'"))
    newer = Database(db.url)
    with pytest.raises(StorageError, match=r"made by a newer embtune \(schema 9999, this one knows \d{4}\)"):
        read_something(newer)
    newer.engine.dispose()


def test_foreign_keys_are_enforced_and_the_journal_is_write_ahead(db):
    with db.read() as connection:
        assert connection.scalar(sa.text("pragma foreign_keys")) == 1
        assert connection.scalar(sa.text("pragma journal_mode")) == "wal"


# ---- what cannot be used ---------------------------------------------------------------------


def test_a_file_where_the_home_folder_should_be_is_told(tmp_path, monkeypatch):
    (tmp_path / "in-the-way").write_text("")
    monkeypatch.setenv("EMBTUNE_HOME", str(tmp_path / "in-the-way" / "home"))
    get_settings.cache_clear()
    with pytest.raises(StorageError, match=r"in-the-way/home cannot be written to .* set EMBTUNE_HOME"):
        embtune.open("any")


def test_a_home_without_write_permission_is_told(tmp_path, monkeypatch):
    def refused(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", refused)
    with pytest.raises(StorageError, match=r"cannot be written to \(Permission denied\): make it writable"):
        ensure_folder(tmp_path)


def test_a_file_that_is_no_database_is_told(tmp_path):
    path = tmp_path / "notes.db"
    path.write_text("These are notes, and not a database at all. " * 50)
    database = Database(f"sqlite:///{path}")
    with pytest.raises(StorageError, match=r"notes\.db is not a sound database .*restore a backup"):
        read_something(database)
    database.engine.dispose()


@pytest.mark.parametrize("url", ["no url", "foo://somewhere/db"])
def test_an_unusable_url_is_told(url):
    with pytest.raises(StorageError, match="EMBTUNE_DATABASE_URL cannot be used"):
        Database(url)


def test_a_full_disk_is_told_and_keeps_what_was_there(db):
    project = create_project(db, "full", model="m")
    put_records(db, project.id, 10)
    with db.write() as connection:
        pages = connection.scalar(sa.text("pragma page_count"))

    def shrink(connection, _record, _proxy):
        connection.execute(f"pragma max_page_count = {pages}")

    sa.event.listen(db.engine, "checkout", shrink)
    with pytest.raises(StorageError, match=r"The disk that holds .* is full: free some space"):
        put_records(db, project.id, 200, first_row=10, text="x" * 4000)
    with db.read() as connection:
        assert connection.scalar(sa.text("select count(*) from records")) == 10


def test_a_database_locked_by_another_process_is_told(db, monkeypatch):
    other = Database(db.url)
    with db.read() as connection:
        connection.exec_driver_sql("pragma busy_timeout = 10")
    with other.write(), pytest.raises(StorageError, match=r"keeps .* locked: try again in a moment"):
        put_records(db, 1, 1)
    other.engine.dispose()


# ---- writing at once -------------------------------------------------------------------------


def test_two_threads_that_label_at_once_lose_nothing(project):
    def label_every_second(first):
        for row in range(first, 30, 2):
            project.label([row], "Alpha")

    threads = [threading.Thread(target=label_every_second, args=(first,)) for first in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert project.label_state().labelled.sum() == 30
    assert len(project.history()) == 30


def test_two_processes_that_begin_at_once_make_one_database_and_lose_nothing(tmp_path, monkeypatch):
    program = (
        "import embtune, json, sys\n"
        "rows = [{'text': f'{sys.argv[1]} {i}', 'kind': 'k'} for i in range(20)]\n"
        "options = {'text': '{text}', 'label_field': 'kind'}\n"
        "embtune.open('both').import_records(json.dumps(rows).encode(), name='a.json', **options)"
    )
    monkeypatch.setenv("EMBTUNE_HOME", str(tmp_path / "fresh"))
    processes = [subprocess.Popen([sys.executable, "-c", program, name]) for name in ("one", "two")]
    assert [process.wait(timeout=60) for process in processes] == [0, 0]
    get_settings.cache_clear()
    project = embtune.open("both", create=False)
    assert project.n_records == len(set(project.record_ids)) == 40
    assert [label.name for label in project.labels] == ["k"]
    assert project.label_state().labelled.all()
    project.db.engine.dispose()


# ---- votes in memory -------------------------------------------------------------------------

SOURCES = ("model", "manual")


@pytest.fixture
def journal(db):
    """A project with ten records, and a function that writes an action and gives its number."""
    project = create_project(db, "journal", model="m")
    put_records(db, project.id, 10)
    task = list_tasks(db, project.id)[0].id
    with db.write() as connection:
        label_ids = [
            connection.execute(
                sa.text(
                    "insert into labels (project_id, task_id, name, position, color, created_at) "
                    f"values ({project.id}, {task}, '{name}', 0, '#000000', 0) returning id"
                )
            ).scalar_one()
            for name in ("a", "b")
        ]

    def act(*votes, source="manual"):
        with db.write() as connection:
            return insert_action(
                connection,
                project.id,
                votes,
                source=source,
                annotator="me",
                label_id=None,
                summary="",
                detail={},
                task_id=task,
            )

    act.project_id, act.task, act.labels = project.id, task, label_ids
    return act


def test_votes_are_read_as_arrays(db, journal):
    a = journal.labels[0]
    first = journal(Vote(3, a, "label", 0.5), Vote(4, None, "none"), source="model")
    second = journal(Vote(3, None, "cleared"))
    votes = read_votes(db, journal.project_id, journal.task, SOURCES)
    assert votes.rows.tolist() == [3, 4, 3]
    assert votes.labels.tolist() == [a, NONE_OF_THESE, UNLABELLED]
    assert votes.sources.tolist() == [0, 0, 1]
    assert votes.confidence.tolist() == [0.5, 1.0, 1.0]
    assert votes.actions.tolist() == [first, first, second]
    assert len(read_votes(db, journal.project_id, journal.task, SOURCES, newer_than=int(votes.ids[1]))) == 1


def test_vote_log_follows_votes_undo_and_redo(db, journal):
    log = VoteLog(journal.project_id, journal.task, SOURCES)
    assert len(log.live(db)) == 0
    first = journal(Vote(0, journal.labels[0]), Vote(1, journal.labels[0]))
    second = journal(Vote(2, journal.labels[1]))
    assert log.live(db).rows.tolist() == [0, 1, 2]
    for undone_at, expected in (("1.0", [2]), ("null", [0, 1, 2])):
        with db.write() as connection:
            connection.execute(sa.text(f"update actions set undone_at = {undone_at} where id = {first}"))
        assert log.live(db).rows.tolist() == expected
    assert journal_state(db, journal.project_id, journal.task).last_action == second


def test_vote_log_starts_over_when_votes_went_with_their_label(db, journal):
    log = VoteLog(journal.project_id, journal.task, SOURCES)
    journal(Vote(0, journal.labels[0]), Vote(1, journal.labels[1]))
    assert len(log.live(db)) == 2
    with db.write() as connection:
        connection.execute(sa.text(f"delete from labels where id = {journal.labels[0]}"))
    assert log.live(db).rows.tolist() == [1]


def test_vote_log_starts_over_when_an_older_action_was_committed_late(db, journal):
    log = VoteLog(journal.project_id, journal.task, SOURCES)
    journal(Vote(0, journal.labels[0]))
    newer = journal(Vote(1, journal.labels[0]))
    with db.write() as connection:  # as if a slower writer had drawn its numbers first
        connection.execute(sa.text("pragma defer_foreign_keys = on"))
        connection.execute(sa.text(f"update actions set id = 1000 where id = {newer}"))
        connection.execute(sa.text('update annotations set action_id = 1000, id = 1000 where "row" = 1'))
    assert log.live(db).rows.tolist() == [0, 1]
    journal(Vote(2, journal.labels[0]))
    with db.write() as connection:
        connection.execute(sa.text('update annotations set id = 500 where "row" = 2'))
    assert sorted(log.live(db).rows.tolist()) == [0, 1, 2]


def test_votes_of_other_projects_stay_out(db, journal):
    other = create_project(db, "other", model="m")
    journal(Vote(0, journal.labels[0]))
    log = VoteLog(other.id, list_tasks(db, other.id)[0].id, SOURCES)
    assert len(log.live(db)) == 0
    journal(Vote(1, journal.labels[0]))
    assert len(log.live(db)) == 0


# ---- projects --------------------------------------------------------------------------------


def test_deleting_a_project_leaves_no_row_and_no_file(project, db, home):
    other = embtune.open("other")
    project.label([0, 1], "Alpha")
    project.create_session([0, 1, 2], "some")
    put_evaluation(db, project.id, "raw", "abc", {})
    project.make_map()
    finish_job(db, create_job(db, project.id, "map", {}), "done")
    folder = project.folder()
    assert any(folder.rglob("*.npy"))
    project.delete()
    assert not folder.exists()
    with db.read() as connection:
        left = {
            table.name: connection.scalar(sa.select(sa.func.count()).select_from(table))
            for table in metadata.sorted_tables
        }
    assert {name for name, n in left.items() if n} == {"projects", "tasks"}
    assert left["projects"] == left["tasks"] == 1
    assert [card.name for card in embtune.projects()] == ["other"]
    with pytest.raises(NotFoundError, match="Project 'demo' was deleted"):
        project.label([0], "Alpha")
    assert other.n_records == 0


def test_the_number_of_a_deleted_project_or_session_is_not_given_again(project):
    session = project.create_session([0, 1], "first")
    project.sessions_book.delete(session)
    assert project.create_session([0, 1], "second") > session
    project.delete()
    assert embtune.open("demo").id > project.id


def test_project_cards_count_the_labels_in_force(project):
    project.label([0, 1, 2], "Alpha")
    project.book.clear([2])
    project.label([3], None)
    (card,) = embtune.projects()
    assert (card.name, card.n_records, card.n_labelled, card.n_running_jobs) == ("demo", 60, 2, 0)
    project.undo()
    project.undo()
    assert embtune.projects()[0].n_labelled == 3


@pytest.mark.parametrize("name", ["", "  ", "a/b", "a\\b", ".hidden", "x" * 101, "two\nlines"])
def test_names_that_no_project_can_have(home, name):
    with pytest.raises(BadInputError, match="cannot be a project name: use 1 to 100 characters"):
        embtune.open(name)
    assert embtune.projects() == []


def test_opening_twice_gives_the_same_project(home):
    assert embtune.open("news").id == embtune.open(" news ").id
    with pytest.raises(NotFoundError, match=r"There is no project 'old'\. There are: news\."):
        embtune.open("old", create=False)


def test_a_process_that_opens_a_new_database_while_another_begins_it_waits(tmp_path):
    path = tmp_path / "new.db"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    threading.Timer(0.2, lambda: other.execute("ROLLBACK")).start()
    database = Database(f"sqlite:///{path}")
    with database.read() as connection:  # SQLite itself would refuse at once, whatever its timeout
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    database.engine.dispose()
    other.close()
