import gzip
import json
import os
import time
import zipfile
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from embtune.errors import BadFileError, BadInputError, UnknownChoiceError
from embtune.records.readers import Table, read_table
from embtune.records.readers.source import Source

SHARED = Path(os.environ.get("EMBTUNE_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))


def read(content: str | bytes, name: str = "news.csv", **options) -> Table:
    return read_table(content.encode() if isinstance(content, str) else content, name=name, **options)


def refusal(content: str | bytes, name: str = "news.csv", **options) -> str:
    with pytest.raises(BadFileError) as caught:
        read(content, name, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert name in message
    return message


def parquet(columns: dict) -> bytes:
    sink = BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


# CSV and TSV


def test_csv_keeps_text_lines_and_empty_values():
    table = read('Title,Body\n1,\n"a, ""b""","two\nlines"\n\nü,end\n')
    assert (table.name, table.format, table.columns) == ("news.csv", "csv", ("Title", "Body"))
    assert table.rows == [
        {"Title": "1", "Body": ""},
        {"Title": 'a, "b"', "Body": "two\nlines"},
        {"Title": "ü", "Body": "end"},
    ]
    assert table.lines == [2, 3, 6]
    assert table.notes == ()
    assert not table.truncated


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("name", ["a.csv", "a.txt", "a.unknown"])
def test_delimiter_and_line_end_are_recognised(delimiter, ending, name):
    lines = [delimiter.join(row) for row in (["id", "text"], ["1", "Hello; you, there"], ["2", "x"])]
    if delimiter in ",;":
        lines[1] = lines[1].replace("Hello; you, there", '"Hello; you, there"')
    table = read(ending.join(lines), name)
    assert table.rows == [{"id": "1", "text": "Hello; you, there"}, {"id": "2", "text": "x"}]
    assert table.lines == [2, 3]


def test_other_delimiter_is_noted():
    assert read("a;b\n1,5;2\n").notes == ("Fields are separated by semicolons.",)


def test_one_column():
    assert read("text\nhello\nworld\n").rows == [{"text": "hello"}, {"text": "world"}]
    assert read("text\nhello, you\n", "a.tsv").rows == [{"text": "hello, you"}]


def test_tsv_quotes_and_plain_quotes():
    assert read('id\ttext\n1\t"a\tb"\n', "a.tsv").rows == [{"id": "1", "text": "a\tb"}]
    table = read('id\ttext\n1\t"Yes" he said\n2\t"open\n', "a.tsv")
    assert [row["text"] for row in table.rows] == ['"Yes" he said', '"open']
    assert table.notes == ("Quotes were read as ordinary characters, since they do not pair up.",)


def test_byte_order_mark_is_removed_and_noted():
    for content, name in [(b"a\nx\n", "f.csv"), (b'[{"a":"x"}]', "f.json"), (b'{"a":"x"}', "f.jsonl")]:
        table = read(b"\xef\xbb\xbf" + content, name)
        assert (table.columns, table.rows) == (("a",), [{"a": "x"}])
        assert table.notes == ("A byte order mark at the start was removed.",)


def test_million_character_text():
    text = "word " * 200_000
    assert read(f'id,text\n1,"{text}"\n').rows[0]["text"] == text
    assert read(json.dumps([{"text": text}]), "a.json", limit=1).rows[0]["text"] == text


def test_names_are_stripped_and_braces_noted():
    table = read("a , b{x}\n1,2\n")
    assert table.columns == ("a", "b{x}")
    assert table.notes == (
        "Spaces around column names were removed.",
        "A text template cannot use 'b{x}': a brace is in the name.",
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "news.csv is empty"),
        (" \n\n", "news.csv is empty"),
        (b"\xef\xbb\xbf", "news.csv is empty"),
        ("a,b\n", "has a header but no rows"),
        (
            "a,b\n1,2\n1,2,3\n",
            "line 3: 3 fields where the header has 2. Put quotes around a text with commas",
        ),
        ('a,b\n"x\ny",2\n1\n', "line 4: 1 field where the header has 2"),
        ("a,b\n1,2\n1,\x002\n", "line 3: a NUL byte"),
        ("a,b,a\n1,2,3\n", "more than one column named 'a' (columns 1 and 3)"),
        ("a,b, a,b\n1,2,3,4\n", "named 'a' (columns 1 and 3), 'b' (columns 2 and 4)"),
        (",a\n0,x\n", "column 1 has no name"),
        ('a,b\n1,"x\n2,y\n', "line 2: a quote opens a field here and is never closed"),
        ('a,b\n"x\n""y","z\nw\n', "line 3: a quote opens a field here and is never closed"),
        ('a,b\n1,"x" y\n', "line 2: text follows the closing quote"),
        ('a,b\n1,"x\n2,"y"\n', "line 2: a quote opens a field here and is closed only in line 3"),
    ],
)
def test_broken_csv_is_told_with_its_place(content, expected):
    assert expected in refusal(content)


# Encodings


@pytest.mark.parametrize(
    ("text", "codec", "expected"),
    [
        ("id,text\n1,plain\n2,un café crème à Paris\n", "cp1252", "Windows-1252"),
        ("id,text\n1,plain\n2,Müller grüßt\n", "latin-1", "Windows-1252"),
        ("id,text\n1,plain\n2,caf\u00e9\n", "cp1252", "Windows-1252"),
        ("id,text\n1,plain\n2,Привет мир, это новости дня\n", "cp1251", "Windows-1251"),
        ("id,text\n1,plain\n2,今日のニュースはとても面白いです\n", "shift_jis", "Shift_JIS"),
    ],
)
def test_other_encoding_is_named_with_place_and_remedy(text, codec, expected):
    content = text.encode(codec)
    position = next(index for index, byte in enumerate(content) if byte > 127) + 1
    message = refusal(content)
    assert f"is not UTF-8: byte {position} (line 3) does not fit; it looks like {expected}." in message
    assert f"iconv -f {expected} -t UTF-8 news.csv > news.utf8.csv" in message


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("name", ["a.csv", "a.json", "a.txt"])
def test_utf16_is_named(codec, name):
    assert "looks like UTF-16" in refusal("id,text\n1,hello there\n".encode(codec), name)


def test_one_damaged_character_far_into_the_file():
    content = b"text\n" + "grüß dich schöne Welt\n".encode() * 100_000
    content += b"gr\xfcn\n" + "schön schön\n".encode() * 10
    offset = content.index(b"\xfcn\n") + 1
    assert f"is damaged UTF-8: byte {offset:,} (line 100,002) does not fit" in refusal(content)


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_json_in_another_encoding(name):
    assert "looks like Windows-1252" in refusal('[{"a":"café crème"}]'.encode("cp1252"), name)


# JSON


def test_json_array_keeps_types_and_fills_what_is_missing():
    table = read('[{"a": "x", "n": 1, "f": 1.5}, {"b": true, "a": null}]', "f.json")
    assert table.columns == ("a", "n", "f", "b")
    assert table.rows == [
        {"a": "x", "n": 1, "f": 1.5, "b": None},
        {"a": None, "n": None, "f": None, "b": True},
    ]
    assert table.lines is None


@pytest.mark.parametrize("kind", ["json", "jsonl"])
def test_nested_values_are_flattened(kind):
    record = {
        "id": 7,
        "author": {"name": "Ann", "home": {"city": "Ulm"}},
        "tags": ["a", 1, None],
        "replies": [{"text": "yes"}, {"text": "no"}],
        "grid": [[1, 2], [3]],
        "none": [],
    }
    content = json.dumps([{"author": None}, record] if kind == "json" else record)
    table = read(content, f"f.{kind}")
    assert table.rows[-1] == {
        "id": 7,
        "author.name": "Ann",
        "author.home.city": "Ulm",
        "tags": '["a", 1, null]',
        "replies.0.text": "yes",
        "replies.1.text": "no",
        "grid": "[[1, 2], [3]]",
        "none": None,
    }
    assert set(table.columns) == set(table.rows[-1])


def test_values_that_are_no_numbers_become_empty():
    table = read('[{"a": NaN, "b": 1}, {"a": 2, "b": -Infinity}]', "f.json")
    assert [row["a"] for row in table.rows] == [None, 2]
    assert table.notes == ("NaN and infinity became empty: 2 values.",)


def test_half_characters_and_nul_escapes_are_mended():
    table = read('[{"a": "x\\ud800y", "b": "n\\u0000"}]', "f.json")
    assert table.rows == [{"a": "x?y", "b": "n"}]
    assert table.notes == ("NUL and half characters were taken out: 2 values.",)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "f.json is empty"),
        ("[]", "is an empty JSON array"),
        ("[{}]", "none of them has a field"),
        ('"text"', "holds a string, not an array of objects"),
        ("12", "holds a number, not an array"),
        ("null", "holds null, not an array"),
        (
            '{"n": 1, "data": [{"a": 1}]}',
            "holds an object, not an array of objects. Its member 'data' is one: save",
        ),
        ('{"x": [{"a": 1}], "y": [{"a": 1}]}', "Its members 'x', 'y' are"),
        ('{"a": 1}', "holds an object, not an array of objects"),
        ('[{"a": 1}, 5]', "element 1 of the array (counted from 0) is a number, not an object"),
        ('[{"a": 1},\n {"a" 2}]', "line 2, column 7: not valid JSON (expecting ':' delimiter)"),
        ('[{"a": 1},\n {"a": 2', "line 2, column 9: the JSON ends in the middle"),
        ("Title,Body\n1,2", "line 1, column 1: not JSON; it begins with 'Title,Body"),
        ('[{"a.b": 1, "a": {"b": 2}}]', "element 0: two values for the field 'a.b'"),
        ('[{"a": 1, " a": 2}]', "more than one column named 'a'"),
        ('[{"": 1}]', "column 1 has no name"),
        ('[{"a": ' + "[" * 100_000 + "]" * 100_000 + "}]", "nested too deeply"),
        ('[{"a": ' + "1" * 5_000 + "}]", "a value cannot be read"),
    ],
)
@pytest.mark.parametrize("limit", [None, 50])
def test_broken_json_is_told_with_its_place(content, expected, limit):
    assert expected in refusal(content, "f.json", limit=limit)


def test_objects_that_flatten_into_thousands_of_fields():
    tokens = [{"t": index} for index in range(3_000)]
    assert "at most 2,000" in refusal(json.dumps([{"tokens": tokens}]), "f.json")


def test_json_name_with_an_object_per_line_is_read_as_json_lines():
    table = read('\n{"a": 1}\n\n{"a": 2}\n', "f.json")
    assert (table.format, table.rows, table.lines) == ("jsonl", [{"a": 1}, {"a": 2}], [2, 4])
    assert "line 2" in refusal('{"a": 1}\n{"a": \n', "f.json")


# JSON Lines


def test_jsonl_skips_blank_lines_and_counts_them():
    table = read('{"a": "x\u2028y"}\r\n\r\n{"b": 2}', "f.jsonl")
    assert table.rows == [{"a": "x\u2028y", "b": None}, {"a": None, "b": 2}]
    assert table.lines == [1, 3]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"a": 1}\n\n{"a": ]\n', "line 3, column 7: not valid JSON"),
        ('{"a": 1}\n{"a": "x\n', "line 2"),
        ('{"a": 1}\n{"a": \n{"a": 3}\n', "line 2, column 6: the record ends in the middle. Every line"),
        ('{"a": 1}\n[1]\n', "line 2: an array, not an object"),
        ('{"a": 1}\n"x"\n', "line 2: a string, not an object"),
        ('{"a": 1}\n{"a": 1} {"a": 2}\n', "line 2, column 10: not valid JSON (extra data)"),
        ('[{"a": 1}]', "line 1: an array, not an object. Every line is a record"),
        ('[\n{"a": 1}\n]', "If the file is one JSON array, let its name end in .json"),
    ],
)
def test_broken_jsonl_is_told_with_its_line(content, expected):
    assert expected in refusal(content, "f.jsonl")


# Parquet


def test_parquet_values_become_plain():
    table = read(
        parquet(
            {
                "text": ["a", None],
                "when": [datetime(2026, 11, 3, 12, 30), None],
                "day": [date(2026, 11, 3), None],
                "price": [Decimal("1.50"), None],
                "share": [0.5, float("nan")],
                "raw": [b"ok", None],
                "tags": [["x", "y"], []],
                "author": [{"name": "Ann"}, {"name": None}],
                "a.b": [1, 2],
                "map": pa.array([[("k", 1)], []], pa.map_(pa.string(), pa.int64())),
            }
        ),
        "f.parquet",
    )
    first = {
        "text": "a",
        "when": "2026-11-03T12:30:00",
        "day": "2026-11-03",
        "price": "1.50",
        "share": 0.5,
        "raw": "ok",
        "tags": '["x", "y"]',
        "author.name": "Ann",
        "a.b": 1,
        "map.k": 1,
    }
    assert table.columns == tuple(first)
    assert table.rows == [first, dict.fromkeys(first) | {"a.b": 2}]
    assert table.lines is None
    assert table.notes == ("NaN and infinity became empty: 1 value.",)


def test_pandas_index_is_left_out():
    table = read(parquet({"a": ["x"], "__index_level_0__": [5]}), "f.parquet")
    assert table.rows == [{"a": "x"}]
    assert table.notes == ("The pandas index was left out.",)


def test_parquet_refusals():
    good = parquet({"text": ["hello"] * 2_000, "n": list(range(2_000))})
    assert "damaged or cut-off Parquet file" in refusal(good[:-20], "f.parquet")
    middle = good[:60] + b"\xff" * 60 + good[120:]
    assert "damaged or cut-off Parquet file" in refusal(middle, "f.parquet")
    assert "damaged or cut-off Parquet file" in refusal(b"PAR1", "f.parquet")
    assert "is no Parquet file" in refusal(b"hello there", "f.parquet")
    assert "has a header but no rows" in refusal(parquet({"text": pa.array([], pa.string())}), "f.parquet")
    assert "row 1: the field 'image' holds binary data" in refusal(
        parquet({"image": [b"\xff\xfe\x00"]}), "f.parquet"
    )


def test_parquet_with_the_same_column_twice():
    sink = BytesIO()
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]), sink)
    assert "more than one column named 'a'" in refusal(sink.getvalue(), "f.parquet")


# What the file is


def zipped(name: str = "xl/workbook.xml") -> bytes:
    sink = BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr(name, "x")
    return sink.getvalue()


@pytest.mark.parametrize(
    ("content", "name", "expected"),
    [
        (
            zipped(),
            "news.csv",
            "news.csv is an Excel or zip file, not CSV: open it in a spreadsheet and save it as CSV.",
        ),
        (zipped(), "f.json", "f.json is an Excel or zip file, not JSON"),
        (
            zipped(),
            "f.xlsx",
            "f.xlsx is an Excel or zip file, which is not read here: open it in a spreadsheet",
        ),
        (zipped(), "f.parquet", "f.parquet is an Excel or zip file, not Parquet"),
        (gzip.compress(b"a,b\n1,2\n"), "f.csv.gz", "is a gzip file, which is not read here: unpack it first"),
        (b"%PDF-1.7\n", "f.csv", "is a PDF file, not CSV"),
        (b"<!DOCTYPE html><p>", "f.json", "is a web page, not JSON: download the file itself"),
        (parquet({"a": [1]}), "f.csv", "f.csv is a Parquet file, not CSV: rename it to f.parquet"),
        (b'[{"a": 1}]', "f.csv", "f.csv is a JSON file, not CSV: rename it to f.json"),
        (b'[{"a": 1}]', "f.parquet", "f.parquet is a JSON file, not Parquet: rename it to f.json"),
    ],
)
def test_content_of_another_kind_is_refused(content, name, expected):
    assert expected in refusal(content, name)


def test_unknown_ending_goes_by_content():
    assert read('[{"a": 1}]', "f.dat").format == "json"
    assert read('{"a": 1}\n{"a": 2}', "f").format == "jsonl"
    assert read(parquet({"a": [1]}), "f.bin").format == "parquet"
    assert read("a,b\n1,2", "f.dat").format == "csv"


def test_format_can_be_given():
    assert read('{"a": 1}', "f.dat", format="jsonl").rows == [{"a": 1}]
    assert read("a\tb\n1\t2", "f.csv", format="tsv").format == "tsv"
    with pytest.raises(UnknownChoiceError, match=r"Unknown file format 'xml'. Choose one of: csv, json"):
        read("x", format="xml")


def test_paths_that_cannot_be_read(tmp_path, monkeypatch):
    with pytest.raises(BadFileError, match=r"There is no file .*missing\.csv: check the path"):
        read_table(tmp_path / "missing.csv")
    with pytest.raises(BadFileError, match="is a folder"):
        read_table(tmp_path)
    with pytest.raises(BadFileError, match="cannot be looked up"):
        read_table(tmp_path / ("x" * 300))
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(BadFileError, match="is no regular file"):
        read_table(tmp_path / "pipe.csv")

    (tmp_path / "mine.csv").write_text("a\n1\n")

    def denied(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(BadFileError, match=r"mine\.csv cannot be read: you have no permission to"):
        read_table(tmp_path / "mine.csv")


def test_disk_error_is_told(tmp_path, monkeypatch):
    (tmp_path / "mine.csv").write_text("a\n1\n")

    def broken(*args, **kwargs):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "open", broken)
    with pytest.raises(BadFileError, match=r"mine\.csv cannot be read: Input/output error\."):
        read_table(tmp_path / "mine.csv")


def test_path_and_upload_agree(tmp_path):
    for name, content in {
        "f.csv": b"a,b\n1,2\n",
        "f.json": b'[{"a": 1}]',
        "f.parquet": parquet({"a": [1]}),
    }.items():
        (tmp_path / name).write_bytes(content)
        assert read_table(tmp_path / name) == read_table(content, name=name)


def test_upload_needs_a_name():
    with pytest.raises(BadInputError, match="needs its file name"):
        read_table(b"a\n1\n")


# Previews


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("f.csv", b"a\n" + b"1\n2\n3\n"),
        ("f.jsonl", b'{"a":"1"}\n{"a":"2"}\n\n{"a":"3"}\n'),
        ("f.json", b' [ {"a":"1"} , {"a":"2"},\n{"a":"3"}]'),
        ("f.parquet", parquet({"a": ["1", "2", "3"]})),
    ],
)
@pytest.mark.parametrize(
    ("limit", "n_rows", "truncated"), [(1, 1, True), (2, 2, True), (3, 3, False), (9, 3, False)]
)
def test_limit_reads_the_first_rows(name, content, limit, n_rows, truncated):
    table = read(content, name, limit=limit)
    assert [row["a"] for row in table.rows] == ["1", "2", "3"][:n_rows]
    assert table.truncated is truncated


def test_limit_must_be_positive():
    with pytest.raises(BadInputError, match="at least 1 row, not 0"):
        read("a\n1\n", limit=0)


@pytest.mark.parametrize("name", ["f.csv", "f.jsonl", "f.json"])
def test_preview_stops_before_what_is_broken_later(name):
    content = {
        "f.csv": "a,b\n" + "1,2\n" * 5 + "1,2,3\n",
        "f.jsonl": '{"a": 1}\n' * 5 + "broken\n",
        "f.json": "[" + '{"a": 1},' * 5 + "broken",
    }[name]
    assert len(read(content, name, limit=3).rows) == 3
    refusal(content, name)


@pytest.mark.parametrize("name", ["f.csv", "f.jsonl", "f.json"])
def test_preview_of_a_big_file_reads_little_of_it(name, monkeypatch):
    text = "some words in a row " * 50
    content = {
        "f.csv": lambda: "id,text\n" + f"1,{text}\n" * 5_000,
        "f.jsonl": lambda: (json.dumps({"text": text}) + "\n") * 5_000,
        "f.json": lambda: json.dumps([{"text": text}] * 5_000),
    }[name]().encode()
    n_bytes = []

    class Counting(BytesIO):
        def close(self):
            n_bytes.append(self.tell())
            super().close()

    monkeypatch.setattr(Source, "open", lambda self: Counting(self.content))
    assert len(read(content, name, limit=5).rows) == 5
    assert 0 < sum(n_bytes) < len(content) / 5


# Real files


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("path", "columns", "n_rows"),
    [
        ("ag_news_seed/train.json", ("Title", "Description", "label"), 8_140),
        ("ag_news_seed/val.json", ("Title", "Description", "label"), 2_714),
        ("ag_news_seed/test.json", ("Title", "Description", "label"), 9_146),
        ("banking77/train.csv", ("text", "category"), 10_003),
        ("banking77/test.csv", ("text", "category"), 3_080),
    ],
)
def test_shared_data_is_read_right_and_fast(path, columns, n_rows):
    if not (SHARED / path).exists():
        pytest.skip(f"no {path} in {SHARED}")
    started = time.perf_counter()
    table = read_table(SHARED / path)
    assert time.perf_counter() - started < 1
    assert (table.columns, len(table.rows), table.notes) == (columns, n_rows, ())
    assert len(read_table(SHARED / path, limit=20).rows) == 20


@pytest.mark.shared_data
def test_shared_zip_named_json_is_refused():
    path = SHARED / "refinery_conversational_ai" / "snapshot_data.json.zip"
    if not path.exists():
        pytest.skip(f"no {path.name} in {SHARED}")
    with pytest.raises(BadFileError, match="is an Excel or zip file"):
        read_table(path)
