"""A slice as the bounds of other work: what is exported, learned from and measured on."""

import json

import numpy as np
import pytest

from embtune.errors import NotFoundError, NotReadyError, TooFewLabelsError
from embtune.work.slice_masks import slice_mask, slice_stamp


@pytest.fixture
def sliced(project, label_rows):
    """Rows 0 to 29 labelled; `early` holds rows 0 to 14, `open` what has no label, `none` nothing."""
    label_rows(project, range(30))
    project.save_slice("early", rows=range(15))
    project.save_slice("open", query={"label": None})
    project.save_slice("none", query={"flagged": True})
    return project


def read(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


# ---- the records of a slice ---------------------------------------------------------------------


def test_a_mask_holds_the_records_of_now_and_its_stamp_changes_with_them(sliced):
    assert np.flatnonzero(slice_mask(sliced, "open")).tolist() == list(range(30, 60))
    assert slice_mask(sliced, None).all()
    before = slice_stamp(sliced, "open"), slice_stamp(sliced, "early")
    sliced.label([30], "Alpha")
    assert np.flatnonzero(slice_mask(sliced, "open")).tolist() == list(range(31, 60))
    assert slice_stamp(sliced, "open") != before[0]
    assert slice_stamp(sliced, "early") == before[1]
    assert slice_stamp(sliced, None) is None


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("nowhere", NotFoundError, "no slice 'nowhere'; there are: early, none, open"),
        ("none", NotReadyError, "The slice 'none' of project 'demo' holds no record now: change its filter"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_sentence_and_nothing_is_done(
    sliced, axes, tmp_path, name, error, message
):
    steps = [
        lambda: sliced.export(tmp_path / "out.csv", slice=name),
        lambda: sliced.export_preview(slice=name),
        lambda: sliced.readiness(slice=name),
        lambda: sliced.tune("axes", slice=name),
        lambda: sliced.evaluate(slice=name, maps=False),
        lambda: sliced.known_comparison(["raw"], slice=name),
    ]
    for step in steps:
        with pytest.raises(error, match=message):
            step()
    assert not (tmp_path / "out.csv").exists()
    assert axes == []
    assert sliced.versions == []


def test_a_list_knows_its_size_as_a_whole_number(sliced):
    assert f"{sliced.slices()[0].n_static:,}" == "15"


# ---- export ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choices", "rows"),
    [
        ({"slice": "early"}, range(15)),
        ({"slice": "early", "labels": ["Beta"]}, range(1, 15, 3)),
        ({"slice": "open", "which": "unlabelled"}, range(30, 60)),
        ({"slice": "mixed", "which": "all"}, range(25, 35)),
        ({"slice": "mixed", "which": "labelled"}, range(25, 30)),
        ({"slice": "mixed", "which": "unlabelled"}, range(30, 35)),
    ],
)
def test_an_export_of_a_slice_holds_its_records_alone(sliced, tmp_path, choices, rows):
    sliced.save_slice("mixed", rows=range(25, 35))
    result = sliced.export(tmp_path / "out.jsonl", format="jsonl", **choices)
    ids = [sliced.record_ids[row] for row in rows]
    assert (result["n_records"], [line["record_id"] for line in read(tmp_path / "out.jsonl")]) == (
        len(ids),
        ids,
    )
    n, first = sliced.export_preview(**choices)
    assert (n, [line["record_id"] for line in first]) == (len(ids), ids[:3])


def test_an_export_says_when_none_of_a_slice_fits(sliced, tmp_path):
    with pytest.raises(NotReadyError, match="no record of the slice 'open' is labelled"):
        sliced.export(tmp_path / "out.csv", slice="open")
    assert not list(tmp_path.glob("*.csv"))


def test_the_preview_follows_a_slice_that_is_saved_anew(sliced):
    assert sliced.export_preview(slice="early")[0] == 15
    sliced.save_slice("early", rows=[3, 4], replace=True)  # no label changed
    assert sliced.export_preview(slice="early")[0] == 2


def test_flags_and_comments_are_columns_where_there_are_any(sliced, tmp_path):
    assert not {"flagged", "comments"} & set(sliced.export_preview()[1][0])
    sliced.flag([1])
    assert [line["flagged"] for line in sliced.export_preview()[1]] == [False, True, False]
    assert "comments" not in sliced.export_preview()[1][0]
    sliced.comment(2, "odd one")
    sliced.view(annotator="ada").comment(2, "no, fine")
    sliced.export(tmp_path / "out.jsonl", format="jsonl")
    lines = read(tmp_path / "out.jsonl")
    assert lines[2]["comments"] in ("me: odd one | ada: no, fine", "ada: no, fine | me: odd one")
    assert (lines[0]["comments"], lines[0]["flagged"]) == (None, False)
    sliced.export(tmp_path / "set", format="hf")
    card = (tmp_path / "set" / "README.md").read_text(encoding="utf-8")
    assert "`flagged` is true" in card
    assert "`comments` holds" in card


def test_a_field_of_the_users_own_called_flagged_keeps_its_values(home):
    import embtune

    project = embtune.open("own")
    project.import_records(
        json.dumps([{"text": "T", "flagged": "mine"}]).encode(), name="o.json", text="{text}"
    )
    assert project.export_preview(which="all")[1][0]["flagged"] == "mine"
    project.flag([0])
    line = project.export_preview(which="all")[1][0]
    assert (line["field.flagged"], line["flagged"]) == ("mine", True)


# ---- tune -------------------------------------------------------------------------------------------


def test_a_tuning_learns_from_the_labels_of_a_slice_and_the_version_says_so(sliced, axes):
    ready = sliced.readiness(slice="early", recipe="axes")
    assert (ready["n"], ready["counts"], ready["enough"]) == (15, {"Alpha": 5, "Beta": 5, "Gamma": 5}, True)
    result = sliced.tune("axes", slice="early")
    assert axes[0].rows.tolist() == list(range(15))
    assert result["n_labels"] == 15
    version = sliced.version("v1")
    assert (version.labels["slice"], version.labels["n_in_slice"], version.labels["n"]) == ("early", 15, 15)
    assert version.parameters["slice"] == "early"
    assert sliced.require_embedding("v1").n_rows == 60  # the others take part, unlabelled
    assert "only from labels of the slice early, 15 records" in sliced.model_card("v1")
    assert "slice" not in sliced.version(sliced.tune("axes")["version"]).labels


def test_labels_outside_of_its_slice_are_not_new_to_a_version(sliced, axes):
    sliced.tune("axes", slice="early")
    assert not sliced.labels_since("v1")
    sliced.label([40], "Beta")
    assert not sliced.labels_since("v1")
    sliced.label([0], "Beta")  # was Alpha
    assert sliced.labels_since("v1").changed == 1
    sliced.delete_slice("early")
    assert sliced.labels_since("v1").new == 16  # rows 15 to 29, and 40


def test_a_slice_with_too_few_labels_says_which_and_makes_no_version(sliced, axes):
    ready = sliced.readiness(slice="open", recipe="axes")
    assert not ready["enough"]
    assert "none has that many in the slice open now" in ready["missing"][0]
    with pytest.raises(TooFewLabelsError, match="In the slice 'open': Tuning needs at least 2 classes"):
        sliced.tune("axes", slice="open")
    assert sliced.versions == []


def test_automatic_labels_and_judgements_are_counted_within_the_slice(plain_project, label_rows):
    project = plain_project
    label_rows(project, range(30))
    project.label([40, 43], "Beta", source="heuristic", confidence=0.9)
    project.save_slice("early", rows=range(30))
    assert project.readiness()["n_automatic"] == 2
    ready = project.readiness(slice="early")
    assert ready["n_automatic"] == 0
    assert ready["n"] + ready["n_kept_aside"] == 30


# ---- evaluate -----------------------------------------------------------------------------------------


def test_queries_and_neighbours_are_among_the_records_of_the_slice(sliced):
    rows = np.flatnonzero(np.arange(60) % 3 < 2)  # two of the three classes
    sliced.save_slice("two", rows=rows)
    result = sliced.evaluate(slice="two", ks=(5,), maps=False)
    assert (result["slice"], result["n_records"], result["n_queries"]) == ("two", 40, 40)
    assert result["question"]["slice"] == "two"
    assert {line["label"]: line["n_queries"] for line in result["per_class"]}["Gamma"] == 0
    vectors = np.asarray(sliced.vectors("raw")[rows], dtype=np.float64)
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -2)
    nearest = np.argsort(-cosines, axis=1)[:, :5]
    expected = np.mean((rows % 3)[nearest] == (rows % 3)[:, None])
    assert result["top_k"]["5"] == pytest.approx(expected, abs=1e-4)


def test_a_result_is_known_by_its_slice(sliced):
    options = {"ks": (5,), "maps": False}
    sliced.save_slice("all", query={"not": {"flagged": True}})
    whole = sliced.evaluate(**options)
    within = sliced.evaluate(slice="all", **options)  # the same records
    assert "slice" not in whole
    assert within["slice"] == "all"
    assert "slice" not in sliced.evaluate(**options)
    assert sliced.evaluate(slice="all", **options) == within  # kept, and given back


def test_a_comparison_within_a_slice_is_apart_from_the_one_over_all(sliced, monkeypatch):
    monkeypatch.setattr("embtune.work.comparison.MOST_FOR_MAPS", 0)
    assert "slice" not in sliced.comparison_options(["raw"])
    options = sliced.comparison_options(["raw"], slice="early")
    sliced.evaluate(embedding="raw", **options)
    assert sliced.known_comparison(["raw"]) is None
    known = sliced.known_comparison(["raw"], slice="early")
    assert known.fresh
    assert known.results[0]["n_records"] == 15
    sliced.save_slice("early", rows=range(18), replace=True)
    known = sliced.known_comparison(["raw"], slice="early")
    assert not known.fresh
    assert known.results[0]["n_records"] == 15


def test_too_few_records_in_a_slice_are_told_with_its_name(sliced):
    sliced.save_slice("few", rows=range(5))
    with pytest.raises(TooFewLabelsError, match="5 reference labels in 3 classes in the slice 'few'"):
        sliced.evaluate(slice="few", maps=False)


# ---- command line ---------------------------------------------------------------------------------------


def test_the_command_line_takes_slices(sliced, axes, tmp_path, capfd, monkeypatch):
    import sys

    from embtune import cli

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["embtune", *map(str, words), "--json"])
        try:
            cli.main()
        except SystemExit as leaving:
            if leaving.code:
                return leaving.code, capfd.readouterr().err
        return json.loads(capfd.readouterr().out)

    assert run("export", "demo", tmp_path / "out.csv", "--slice", "early")["n_records"] == 15
    assert run("tune", "demo", "--recipe", "axes", "--slice", "early")["n_labels"] == 15
    found = run("evaluate", "demo", "--k", "5", "--slice", "open", "--no-maps")
    assert (found["slice"], found["n_records"]) == ("open", 30)
    status, message = run("export", "demo", tmp_path / "no.csv", "--slice", "nowhere")
    assert status == 1
    assert "has no slice 'nowhere'; there are: early, none, open" in message
    assert not (tmp_path / "no.csv").exists()
    status, message = run("export", "demo", tmp_path / "m", "--format", "servable", "--slice", "early")
    assert (status, "--slice chooses records" in message) == (1, True)
