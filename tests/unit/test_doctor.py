"""What the doctor finds, and what it calls wrong."""

import json
import shutil
from collections import namedtuple

import pytest

from embtune import doctor
from embtune.errors import ModelError
from embtune.settings import get_settings

Usage = namedtuple("Usage", "total used free")


@pytest.fixture(autouse=True)
def nothing_heavy(monkeypatch):
    """Neither the device nor the model is looked for: that has its own tests, and takes seconds."""

    class Found:
        name, origin, path = "all-MiniLM-L6-v2", "package", "here"

    class Cpu:
        name = "CPU"

    monkeypatch.setattr("embtune.embedding.models.resolve_model", lambda name: Found)
    monkeypatch.setattr("embtune.embedding.device.pick_device", lambda wanted: Cpu)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(9e11, 1e11, 8e11))


def test_a_sound_machine_has_no_problems(home):
    found = doctor.examine()
    assert found["problems"] == []
    assert found["home"] == str(home)
    assert found["database"].endswith("embtune.db")
    assert (found["device"], found["model"]) == ("CPU", "all-MiniLM-L6-v2 from package: here")
    assert found["quaterion"] == "usable"
    assert found["versions"]["torch"].startswith("2.")
    assert json.loads(json.dumps(found)) == found


def test_every_problem_is_one_sentence_and_the_rest_is_still_told(home, monkeypatch):
    def missing(name):
        raise ModelError("There is no model 'x': name another.")

    monkeypatch.setattr("embtune.embedding.models.resolve_model", missing)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(9e9, 8.5e9, 2**29))
    monkeypatch.setattr(doctor, "_PACKAGES", ("numpy", "no-such-package"))
    found = doctor.examine()
    assert found["problems"] == [
        "no-such-package is not installed: run `make install`.",
        f"Only 0.5 GiB are free at {home}: make room for 2 GiB.",
        "There is no model 'x': name another.",
    ]
    assert (found["model"], found["versions"]["no-such-package"]) == ("not usable", "missing")
    assert found["device"] == "CPU"


def test_a_home_that_cannot_be_made_is_a_problem(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("EMBTUNE_HOME", str(tmp_path / "file" / "home"))
    get_settings.cache_clear()
    found = doctor.examine()
    assert any("cannot be written to" in problem for problem in found["problems"])
    assert found["home"] == found["database"] == "not usable"


def test_a_password_in_the_database_url_is_not_shown(monkeypatch):
    monkeypatch.setenv("EMBTUNE_DATABASE_URL", "postgresql+nodriver://me:secret@host/db")
    get_settings.cache_clear()
    found = doctor.examine()
    assert "secret" not in json.dumps(found)
    assert any("EMBTUNE_DATABASE_URL cannot be used" in problem for problem in found["problems"])
