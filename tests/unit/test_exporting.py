"""Handing over: the labelled records in every format, and what an export refuses."""

import json

import pytest

import embtune
from embtune.errors import BadInputError, NotReadyError, StorageError, UnknownChoiceError


@pytest.fixture
def mixed(home):
    """Five records: two labelled by hand, one by a model, one none of these, one open."""
    project = embtune.open("mixed")
    rows = [{"text": f"T{i}", "label": f"own {i}", "n": i, "label_": "x"} for i in range(5)]
    project.import_records(json.dumps(rows).encode(), name="m.json", text="{text}")
    project.add_label("Ä")
    project.label([0, 1], "Ä", annotator="ann")
    project.label([2], "Ä", source="model", confidence=0.6)
    project.label([3], None, source="session")
    return project


def read(path):
    import pandas as pd

    if path.suffix == ".csv":
        return pd.read_csv(path, keep_default_na=False).to_dict("records")
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    import pyarrow.parquet as pq

    return pq.read_table(path).to_pylist()


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_an_export_holds_labels_with_their_origin(mixed, tmp_path, kind):
    out = tmp_path / f"out.{kind}"
    result = mixed.export(out, format=kind)
    assert (result["n_records"], result["file"]) == (4, str(out))
    rows = read(out)
    assert list(rows[0]) == [
        *("record_id", "text", "field.text", "field.label", "n", "label_"),
        *("label", "source", "annotator", "confidence", "labelled_at", "reference_label"),
    ]
    shown = [(r["text"], r["field.label"], r["label"], r["source"], r["annotator"]) for r in rows]
    assert shown == [
        ("T0", "own 0", "Ä", "manual", "ann"),
        ("T1", "own 1", "Ä", "manual", "ann"),
        ("T2", "own 2", "Ä", "model", "me"),
        ("T3", "own 3", "none of these", "session", "me"),
    ]
    assert [float(r["confidence"]) for r in rows] == [1, 1, 0.6, 1]
    assert [r["record_id"] for r in rows] == mixed.record_ids[:4]
    assert all(r["labelled_at"].endswith("+00:00") for r in rows)


def test_a_data_set_folder_holds_a_card_and_parquet(mixed, tmp_path):
    mixed.export(tmp_path / "set", format="hf", which="all")
    rows = read(tmp_path / "set" / "data" / "train-00000-of-00001.parquet")
    assert [row["label"] for row in rows] == ["Ä", "Ä", "Ä", "none of these", None]
    card = (tmp_path / "set" / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\nconfigs:")
    assert "5 records" in card
    mixed.export(tmp_path / "set", format="hf")  # again: its own folder
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "README.md").write_text("mine")
    with pytest.raises(BadInputError, match=r"holds a README\.md that is not ours: name a folder of its own"):
        mixed.export(tmp_path / "mine", format="hf")
    assert (tmp_path / "mine" / "README.md").read_text() == "mine"


@pytest.mark.parametrize(
    ("choices", "rows"),
    [
        ({"which": "labelled"}, [0, 1, 2, 3]),
        ({"which": "labelled", "min_confidence": 0.7}, [0, 1, 3]),
        ({"which": "unlabelled"}, [4]),
        ({"which": "all"}, [0, 1, 2, 3, 4]),
        ({"which": "all", "labels": ["Ä"]}, [0, 1, 2]),
    ],
)
def test_what_an_export_chooses(mixed, choices, rows):
    n, first = mixed.export_preview(**choices)
    assert n == len(rows)
    assert [row["text"] for row in first] == [f"T{i}" for i in rows[:3]]


def test_what_an_export_refuses(mixed, project, tmp_path):
    with pytest.raises(UnknownChoiceError, match="Unknown format 'xls'"):
        mixed.export(tmp_path / "out.xls", format="xls")
    with pytest.raises(UnknownChoiceError, match="Unknown choice of records 'some'"):
        mixed.export(tmp_path / "out.csv", which="some")
    with pytest.raises(NotReadyError, match="nothing to export: no record of project 'demo' is labelled"):
        project.export(tmp_path / "out.csv")
    with pytest.raises(BadInputError, match="is a folder: name a file in it"):
        mixed.export(tmp_path)
    with pytest.raises(StorageError, match="there is no folder"):
        mixed.export(tmp_path / "nowhere" / "out.csv")
    assert not list(tmp_path.glob("*.csv"))


def test_a_model_of_own_vectors_cannot_be_exported(faint_project, axes, tmp_path, label_rows):
    project = faint_project
    with pytest.raises(NotReadyError, match="has no tuned version yet"):
        project.export_model("best", tmp_path / "model")
    label_rows(project, range(0, 30))
    project.tune("axes")
    with pytest.raises(NotReadyError, match="'v1' was tuned from vectors of your own"):
        project.export_model("best", tmp_path / "model")
    project.activate("raw")
    with pytest.raises(NotReadyError, match="The active embedding of project 'demo' is raw"):
        project.export_model("best", tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_the_reference_label_of_a_merged_label_is_what_it_became(project):
    from embtune.work.exporting import export_rows

    row = next(record.row for record in project.records(range(3)) if record.reference_label == "Alpha")
    project.label_set.merge("Alpha", "Beta")
    assert [line["reference_label"] for line in export_rows(project, [row])] == ["Beta"]
