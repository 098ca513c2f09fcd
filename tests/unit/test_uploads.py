import io
import os
import time

import pytest

from embtune.errors import StorageError
from embtune.work.uploads import drop_upload, find_upload, keep_upload, safe_name, upload_token


def test_upload_is_found_again_by_its_token_and_dropped(home):
    path = keep_upload("my news (1).csv", io.BytesIO(b"text\na\n"))
    assert path.name == "my news (1).csv"
    assert path.read_bytes() == b"text\na\n"
    assert find_upload(upload_token(path)) == path
    drop_upload(path)
    assert find_upload(path.parent.name) is None
    assert not path.parent.exists()


@pytest.mark.parametrize("token", ["", "..", "../..", "0123456789abcdef", "/etc"])
def test_no_other_folder_is_taken_for_an_upload(home, token):
    keep_upload("a.csv", io.BytesIO(b"x"))
    assert find_upload(token) is None


def test_a_file_elsewhere_is_never_deleted(home, tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("x")
    drop_upload(path)
    assert path.exists()
    assert upload_token(path) == ""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("news.csv", "news.csv"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\news.tsv", "news.tsv"),
        ('a:b*"c.json', "a-b-c.json"),
        ("...", "upload"),
        ("neues für später.jsonl", "neues für später.jsonl"),
        ("x" * 300 + ".parquet", "x" * 60 + ".parquet"),
    ],
)
def test_safe_name_keeps_what_a_file_system_takes(name, expected):
    assert safe_name(name) == expected


def test_uploads_of_last_week_go_when_the_next_comes(home):
    old = keep_upload("old.csv", io.BytesIO(b"x"))
    long_ago = time.time() - 8 * 86_400
    os.utime(old.parent, (long_ago, long_ago))
    new = keep_upload("new.csv", io.BytesIO(b"x"))
    assert not old.exists()
    assert new.exists()


def test_a_full_disk_is_told_and_leaves_nothing(home):
    class Full(io.BytesIO):
        def read(self, *_):
            raise OSError(28, "No space left on device")

    with pytest.raises(StorageError, match=r"news\.csv cannot be kept in .* \(No space left on device\)"):
        keep_upload("news.csv", Full())
    assert list((home / "uploads").iterdir()) == []
