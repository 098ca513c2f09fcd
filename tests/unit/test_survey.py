import pytest

from embtune.errors import BadFileError
from embtune.records import survey as module
from embtune.records.survey import survey


def csv_of(path, n):
    path.write_text("text,kind\n" + "".join(f"text {i},{'ab'[i % 2]}\n" for i in range(n)))
    return path


def test_small_file_is_read_to_its_end_and_counted(tmp_path):
    found = survey(csv_of(tmp_path / "a.csv", 120))
    assert (found.n_records, found.n_values("kind"), found.n_values("text")) == (120, 2, 120)


def test_empty_values_and_spaces_around_values_make_no_value(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,kind\none,a\ntwo, a \nthree,\n")
    assert survey(path).n_values("kind") == 1


def test_of_a_big_file_only_the_first_rows_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_WHOLE_BYTES", 100)
    monkeypatch.setattr(module, "_MOST_ROWS", 70)
    path = csv_of(tmp_path / "a.csv", 120)
    found = survey(path)
    assert (len(found.table.rows), found.n_records) == (70, None)
    assert found.n_bytes == path.stat().st_size


def test_long_texts_mean_fewer_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_WHOLE_BYTES", 100)
    monkeypatch.setattr(module, "_MOST_CHARACTERS", 60 * 100)
    path = tmp_path / "a.csv"
    path.write_text("text\n" + ("x" * 100 + "\n") * 120)
    assert len(survey(path).table.rows) == 60


def test_the_name_shown_is_the_one_given(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("")
    with pytest.raises(BadFileError, match=r"^my news\.csv is empty"):
        survey(path, name="my news.csv")
