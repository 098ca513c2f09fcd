"""What is known of a comparison, which records it speaks of, and what a version leaves behind."""

import numpy as np
import pytest

from embtune.errors import BadInputError, NotReadyError, TooFewLabelsError
from embtune.jobs.kinds import KINDS
from embtune.store.artifacts import insert_version
from embtune.work.comparison import MOST_FOR_MAPS
from embtune.work.exporting import export_preview, folder_bytes, zipped


@pytest.fixture(autouse=True)
def no_maps(monkeypatch):
    """Leave the two UMAPs out: they take longer to import than the tests to run."""
    assert MOST_FOR_MAPS > 1000
    monkeypatch.setattr("embtune.work.comparison.MOST_FOR_MAPS", 0)


def add_version(project, name, trained):
    """Write a version as a tuning would, with the raw vectors mirrored, trained on {row: label name}."""
    ids = {label.name: label.id for label in project.labels}
    file = project.folder("embeddings") / f"{name}.npy"
    np.save(file, -project.vectors("raw"))
    folder = project.folder("models", name)
    (folder / "head.json").write_text("{}")
    given = insert_version(
        project.db,
        project.id,
        embedding={
            "model": "own",
            "model_path": None,
            "dim": 16,
            "n_rows": project.n_records,
            "file": project.relative(file),
            "detail": {},
        },
        trained=[(row, ids[label]) for row, label in trained.items()],
        recipe="none",
        parameters={},
        seed=0,
        labels={"n": len(trained)},
        metrics={},
        curve=[],
        gate={},
        warnings=[],
        libraries={},
        device="cpu",
        seconds=0.0,
        folder=project.relative(folder),
    )
    assert given == name


def measure(project, *names):
    for name in names:
        project.evaluate(embedding=name, **project.comparison_options(names))


def test_nothing_is_known_until_both_are_measured(project):
    add_version(project, "v1", {0: "Alpha", 1: "Beta"})
    assert project.known_comparison(["raw", "v1"]) is None
    project.evaluate(embedding="raw", **project.comparison_options(["raw", "v1"]))
    assert project.known_comparison(["raw", "v1"]) is None
    measure(project, "raw", "v1")
    known = project.known_comparison(["raw", "v1"])
    assert [result["embedding"] for result in known.results] == ["raw", "v1"]
    assert known.fresh


def test_records_that_either_version_was_trained_on_are_not_measured_on(project):
    add_version(project, "v1", {0: "Alpha", 1: "Beta"})
    add_version(project, "v2", {1: "Beta", 2: "Gamma", 3: "Alpha"})
    measure(project, "v1", "v2")
    assert {result["n_records"] for result in project.known_comparison(["v1", "v2"]).results} == {56}


def test_mirrored_vectors_have_the_same_neighbours_so_the_difference_is_zero(project):
    add_version(project, "v1", {0: "Alpha"})
    measure(project, "raw", "v1")
    gap = project.known_comparison(["raw", "v1"]).difference
    assert (gap.mean, gap.low, gap.high, gap.n) == (0.0, 0.0, 0.0, 59)


def test_new_labels_make_a_result_old_and_measuring_again_makes_it_fresh(project):
    project.label([0, 3], "Alpha")
    project.label([1, 4], "Beta")
    add_version(project, "v1", {0: "Alpha", 3: "Alpha", 1: "Beta", 4: "Beta"})
    measure(project, "raw", "v1")
    project.label(0, "Gamma")  # what the classifier learns from is another now
    assert not project.known_comparison(["raw", "v1"]).fresh
    measure(project, "raw", "v1")
    assert project.known_comparison(["raw", "v1"]).fresh


def test_too_few_labels_are_said_where_nothing_was_measured(plain_project):
    with pytest.raises(TooFewLabelsError, match="it takes at least 10 in 2"):
        plain_project.known_comparison(["raw"])


def test_a_list_and_a_tuple_of_ks_are_the_same_question(project):
    first = project.evaluate(embedding="raw", ks=(5, 10), maps=False)
    assert project.evaluate(embedding="raw", ks=[5, 10], maps=False)["seconds"] == first["seconds"]


def test_the_ceiling_is_what_a_perfect_embedding_would_reach(project):
    # 3 classes of 20: each record has 19 others of its class.
    ceiling = project.evaluate(embedding="raw", ks=(10, 25, 50), maps=False)["ceiling"]
    assert ceiling == {"10": 1.0, "25": 19 / 25, "50": 19 / 50}


def test_the_job_reports_several_embeddings_as_one_piece_of_work(project):
    add_version(project, "v1", {0: "Alpha"})
    told = []
    KINDS["evaluate"](
        project,
        lambda done, total=None, unit="", message="", detail=None: told.append((done, total, message)),
        embeddings=["raw", "v1"],
        **project.comparison_options(["raw", "v1"]),
    )
    assert told[0] == (0, 6, "raw: top_k")
    assert told[-1][0] >= 4
    assert {total for _, total, _ in told} == {6}


def test_labels_since_a_version_counts_new_changed_and_gone(project):
    project.label([0, 3, 6], "Alpha")
    project.label([1, 4, 7], "Beta")
    add_version(project, "v1", {0: "Alpha", 3: "Alpha", 1: "Beta", 4: "Beta", 9: "Alpha"})
    project.label(3, "Beta")
    since = project.labels_since("v1")
    assert (since.new, since.changed, since.gone) == (2, 1, 1)  # 6 and 7; 3; 9


def test_a_deleted_version_leaves_no_file_and_no_score(project):
    add_version(project, "v1", {0: "Alpha"})
    measure(project, "raw", "v1")
    project.make_map(embedding="v1", method="pca")
    row, version = project.require_embedding("v1"), project.version("v1")
    files = [project.path(row.file), project.path(project.find_map("v1", "pca").file)]
    project.delete_version("v1")
    assert not any(file.exists() for file in [*files, project.path(version.folder)])
    assert project.find_map("v1", "pca") is None
    with pytest.raises(NotReadyError, match="no tuned version"):
        project.delete_version("v1")


def test_the_active_version_is_not_deleted(project):
    add_version(project, "v1", {0: "Alpha"})
    project.activate("v1")
    with pytest.raises(BadInputError, match="'v1' is the active embedding: make another one active"):
        project.delete_version("v1")
    assert project.vectors("v1").shape == (60, 16)


def test_an_export_preview_counts_all_and_shows_the_first(project):
    project.label([5, 2, 8], "Gamma", source="lasso")
    n, lines = export_preview(project, n=2)
    assert n == 3
    assert [line["record_id"] for line in lines] == [project.record_ids[row] for row in (2, 5)]
    assert [(line["label"], line["source"], line["annotator"]) for line in lines] == [
        ("Gamma", "lasso", project.annotator)
    ] * 2
    assert export_preview(project, which="unlabelled")[0] == 57


def test_a_zip_holds_the_folder_under_its_name_and_is_made_once(tmp_path):
    import zipfile

    folder = tmp_path / "model"
    (folder / "0").mkdir(parents=True)
    (folder / "modules.json").write_text("[]")
    (folder / "0" / "weights").write_bytes(bytes(5))
    assert folder_bytes(folder) == 7
    archive = zipped(folder)
    assert archive == tmp_path / "model.zip"
    assert sorted(zipfile.ZipFile(archive).namelist()) == ["model/0/weights", "model/modules.json"]
    made = archive.stat().st_mtime_ns
    assert zipped(folder).stat().st_mtime_ns == made
