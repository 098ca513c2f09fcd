"""The database connection: SQLite by default, PostgreSQL by URL; migrated at the first use."""

from __future__ import annotations

import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from embtune.errors import StorageError
from embtune.settings import get_settings

MIGRATIONS = Path(__file__).parent / "migrations"
WAL_WAIT = 15.0  # seconds


class Database:
    """Short read and write transactions over one engine; safe to share between threads.

    Raises
    ------
    StorageError
        From any method, if the database cannot be opened, is locked for long, or the disk is full.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._lock = threading.Lock()
        self._migrated = False
        try:
            self.engine = sa.create_engine(url, pool_pre_ping=not url.startswith("sqlite"))
        except (sa.exc.ArgumentError, ImportError) as error:
            raise StorageError(
                f"EMBTUNE_DATABASE_URL cannot be used ({error}): write a SQLAlchemy URL whose driver is "
                "installed, such as postgresql+psycopg://user@host/name."
            ) from error
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", _on_sqlite_connect)
            event.listen(self.engine, "begin", _on_sqlite_begin)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Open a read transaction."""
        self._migrate()
        with _told_plainly(self.url), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """Open a write transaction: all of it is committed, or none."""
        self._migrate()
        with (
            _told_plainly(self.url),
            self.engine.connect().execution_options(embtune_write=True) as connection,
            connection.begin(),
        ):
            yield connection

    def _migrate(self) -> None:
        if self._migrated:
            return
        with self._lock:
            if not self._migrated:
                self._prepare_home()
                with _told_plainly(self.url):
                    migrate(self.engine)
                self._migrated = True

    def _prepare_home(self) -> None:
        if self.engine.dialect.name != "sqlite" or not self.engine.url.database:
            return
        folder = Path(self.engine.url.database).parent
        ensure_folder(folder)


def ensure_folder(folder: Path) -> Path:
    """Make a folder that can be written to, or say in one sentence why not."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise StorageError(
            f"The folder {folder} cannot be written to ({error.strerror or error}): "
            "make it writable or set EMBTUNE_HOME to another folder."
        ) from error
    return folder


def migrate(engine: sa.Engine) -> None:
    """Bring the schema to the newest revision; costs one query when it is already there."""
    newest = max(path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))
    with engine.connect() as connection:
        has_table = sa.inspect(connection).has_table("alembic_version")
        now = connection.scalar(sa.text("select version_num from alembic_version")) if has_table else None
    if now == newest:
        return
    if now is not None and now > newest:
        raise StorageError(
            f"The database was made by a newer embtune (schema {now}, this one knows {newest}): update it."
        )
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.connect().execution_options(embtune_write=True) as connection:
        sqlite = engine.dialect.name == "sqlite"
        # SQLite changes a table by copying and dropping it: with foreign keys on, that would delete what
        # refers to it. The switch does nothing inside a transaction.
        raw = connection.connection.dbapi_connection
        if sqlite and raw is not None:
            raw.execute("PRAGMA foreign_keys=OFF")
        try:
            with connection.begin():
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
                if sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                    raise StorageError("The database holds rows that belong to nothing: restore a backup.")
        finally:
            if sqlite and raw is not None:
                raw.execute("PRAGMA foreign_keys=ON")


@lru_cache(maxsize=8)
def _database(url: str) -> Database:
    return Database(url)


def get_database() -> Database:
    """Return this process's database for the settings in force."""
    return _database(get_settings().url)


def _on_sqlite_connect(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # transactions are begun below, so that writers queue up
    # SQLite's own lower() leaves É and Ж as they are, so that a search for é would miss them.
    connection.create_function("lower", 1, _lower, deterministic=True)
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=15000")
    _use_wal(cursor)
    for pragma in ("foreign_keys=ON", "synchronous=NORMAL", "cache_size=-65536"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _use_wal(cursor: Any) -> None:
    # SQLite does not wait, whatever its timeout, when two processes change a new file to WAL at once: the
    # second would have to upgrade a read lock. The file remembers the mode, so this waits once in its life.
    deadline = time.monotonic() + WAL_WAIT
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _on_sqlite_begin(connection: sa.Connection) -> None:
    # A writer takes the lock at once: upgrading a read lock later could fail however long one waits.
    writes = connection.get_execution_options().get("embtune_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _told_plainly(url: str) -> Iterator[None]:
    place = sa.make_url(url).render_as_string(hide_password=True)
    try:
        yield
    except sa.exc.OperationalError as error:
        cause = error.orig
        text = str(cause)
        if "is full" in text or "No space left" in text:
            raise StorageError(
                f"The disk that holds {place} is full: free some space; nothing of this step was kept."
            ) from error
        if "locked" in text:
            raise StorageError(f"Another process keeps {place} locked: try again in a moment.") from error
        if isinstance(cause, sqlite3.OperationalError) and ("unable to open" in text or "readonly" in text):
            raise StorageError(
                f"The database {place} cannot be written ({text}): "
                "make its folder writable or set EMBTUNE_HOME to another one."
            ) from error
        raise StorageError(f"The database {place} cannot be used: {text.strip()}.") from error
    except sa.exc.DatabaseError as error:
        if "not a database" in str(error.orig) or "malformed" in str(error.orig):
            raise StorageError(
                f"The file {place} is not a sound database ({error.orig}): restore a backup or move it away."
            ) from error
        raise
