"""What keeps a million records fluent: counting, inserting, laying out, ranking, bounds on what is kept."""

import json

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa

import embtune
from embtune.errors import StorageError
from embtune.filtering.recent import Recent
from embtune.filtering.sorting import text_ranks
from embtune.filtering.text import as_numbers
from embtune.project import project_names
from embtune.store import many
from embtune.store.database import get_database
from embtune.store.projects import create_project
from embtune.store.records import NewRecord, count_records, insert_records
from embtune.store.tables import records
from embtune.work import columns

COLUMNS = ("project_id", "row", "id", "text", "fields", "reference_label_id", "created_at")


def rows_of(n, prefix=""):
    return json.dumps([{"text": f"{prefix}text {i}", "n": i} for i in range(n)]).encode()


@pytest.fixture
def db(home):
    return get_database()


@pytest.mark.parametrize("names", [COLUMNS, COLUMNS[::-1]])  # straight to the driver, and by name
def test_many_rows_are_inserted_in_blocks_with_their_types(db, monkeypatch, names):
    monkeypatch.setattr(many, "_BLOCK", 2)
    project = create_project(db, "demo", model="m").id
    values = [
        {"project_id": project, "row": i, "id": f"id{i}", "text": "é", "fields": {"a": [i, None]},
         "reference_label_id": None, "created_at": 1.5}
        for i in range(5)
    ]  # fmt: skip
    with db.write() as connection:
        many.insert_many(connection, records, names, ([one[name] for name in names] for one in values))
    with db.read() as connection:
        found = connection.execute(sa.select(records).order_by(records.c.row))
        assert [dict(row._mapping) for row in found] == values


def test_inserting_nothing_is_no_error(db):
    with db.write() as connection:
        many.insert_many(connection, records, COLUMNS, [])


def test_counting_records_takes_no_walk_through_them(db):
    project = create_project(db, "demo", model="m").id
    assert count_records(db, project) == 0
    with db.write() as connection:
        insert_records(
            connection, project, [NewRecord(f"{i}", "some text", {}) for i in range(3000)], first_row=0
        )
    steps = []
    with db.read() as connection:
        driver = connection.connection.dbapi_connection
        driver.set_progress_handler(lambda: steps.append(1), 10)
        try:
            assert count_records(db, project) == 3000
            (card,) = embtune.projects()
        finally:
            driver.set_progress_handler(None, 0)
    assert card.n_records == 3000
    assert len(steps) < 100  # a walk takes several steps a record


def test_names_of_projects_come_the_last_used_first(home):
    for name in ("first", "second"):
        embtune.open(name).touch()
    assert project_names() == ["second", "first"]


def test_an_import_of_many_lays_the_columns_out_and_one_of_few_does_not(home, monkeypatch):
    monkeypatch.setattr(columns, "LAID_OUT_AT_ONCE", 4)
    project = embtune.open("demo")
    project.import_records(rows_of(3), name="a.json", text="{text}")
    assert not list(project.folder("columns").iterdir())
    project.import_records(rows_of(2, "later "), name="b.json")
    names = sorted(path.name for path in project.folder("columns").iterdir())
    assert names == ["fields-0-5.arrow", "texts-0-5.arrow"]
    assert project.rows_matching({"words": "later"}).tolist() == [3, 4]
    assert project.rows_matching({"field": {"name": "n", ">": 0}}).tolist() == [1, 2, 4]
    assert sorted(path.name for path in project.folder("columns").iterdir()) == names


def test_an_import_stands_where_the_columns_find_no_room(home, monkeypatch):
    def full(*_):
        raise StorageError("no space")

    monkeypatch.setattr(columns, "LAID_OUT_AT_ONCE", 1)
    monkeypatch.setattr(columns, "_write", full)
    project = embtune.open("demo")
    assert project.import_records(rows_of(3), name="a.json", text="{text}").n_new == 3
    assert project.n_records == 3


def test_what_is_kept_is_bounded_in_number_and_in_bytes():
    kept = Recent(3, most_bytes=2000)
    for key in "abcd":
        kept.put(key, key)
    assert [kept.get(key) for key in "abcd"] == [None, "b", "c", "d"]
    kept.put("e", np.zeros(100))  # 800 bytes
    kept.put("f", np.zeros(100))
    kept.put("g", np.zeros(100))
    assert kept.get("e") is None
    assert kept.get("f") is not None
    kept.put("h", np.zeros(1000))  # the last one stays, whatever its size
    assert kept.get("h") is not None
    assert kept.get("g") is None


def test_numbers_of_values_that_repeat():
    column = pa.chunked_array([pa.array(["7", " 7 ", "x", None] * 10, pa.large_string()), ["7"] * 3])
    numbers = as_numbers(column)
    assert numbers[:4].tolist() == pytest.approx([7, 7, np.nan, np.nan], nan_ok=True)
    assert np.array_equal(numbers[:40].reshape(10, 4), np.tile(numbers[:4], (10, 1)), equal_nan=True)
    assert numbers[40:].tolist() == [7, 7, 7]


def test_ranks_put_numbers_first_then_texts_in_any_case_over_all_pieces():
    long = "z" * 90
    column = pa.chunked_array(
        [
            pa.array(part, pa.large_string())
            for part in (["b", "10", " B ", None], ["a", "9", "  ", long + "1", long])
        ]
    )
    ranks = text_ranks(column, as_numbers(column))
    # 9 < 10 < a < b = B < what begins with 80 z; blank and missing have none
    assert ranks.tolist() == [3, 1, 3, -1, 2, 0, -1, 4, 4]
