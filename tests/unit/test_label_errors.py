"""Likely label errors: confident learning, its numbers computed by hand."""

import numpy as np
import pytest

from embtune.exploring.label_errors import suspects, suspicion, thresholds

LABELS = np.array([0, 0, 0, 1, 1])
PROBABILITIES = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.1, 0.9], [0.4, 0.6]], dtype=np.float32)


def test_a_class_counts_from_the_mean_probability_of_its_own_records():
    assert thresholds(LABELS, PROBABILITIES).tolist() == pytest.approx([0.6, 0.75])


def test_a_class_without_records_counts_for_nothing():
    found = thresholds(np.array([0]), np.array([[0.2, 0.8]], dtype=np.float32))
    assert found[0] == pytest.approx(0.2)
    assert np.isinf(found[1])
    assert len(suspects(np.array([0]), np.array([[0.4, 0.6]], dtype=np.float32)).places) == 0


def test_a_record_is_suspect_where_it_counts_for_another_class():
    found = suspects(LABELS, PROBABILITIES)
    # Record 2: .8 for class 1, whose mean is .75. Record 4 has .4 for class 0, below its .6.
    assert found.places.tolist() == [2]
    assert found.suggested.tolist() == [1]
    assert found.scores.tolist() == pytest.approx([0.6])


def test_the_most_suspicious_comes_first():
    labels = np.array([0, 0, 0, 0, 1, 1, 1])
    first = np.array([0.95, 0.9, 0.05, 0.1, 0.1, 0.1, 0.3], dtype=np.float32)
    found = suspects(labels, np.column_stack([first, 1 - first]))
    assert found.places.tolist() == [2, 3]


def test_suspicion_is_how_many_times_likelier_the_best_other_class_is():
    given = np.array([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7], [0.0, 0.58, 0.42]], dtype=np.float32)
    expected = np.log([0.32 / 0.52, 0.72 / 0.22, 0.60 / 0.02])
    assert suspicion(np.array([0, 1, 0]), given).tolist() == pytest.approx(expected.tolist())


def test_where_a_class_is_very_clean_a_clear_lead_is_enough():
    # Class 1 has a mean of .98, which record 2 with its .9 does not reach; its lead is .8.
    first = np.array([0.95, 0.9, 0.1, 0.02, 0.02], dtype=np.float32)
    found = suspects(np.array([0, 0, 0, 1, 1]), np.column_stack([first, 1 - first]))
    assert found.places.tolist() == [2]
    assert found.suggested.tolist() == [1]


def test_no_labels_give_no_suspects():
    assert len(suspects(np.empty(0, dtype=np.int64), np.empty((0, 2), dtype=np.float32)).places) == 0


def test_a_project_finds_the_labels_that_were_swapped(project):
    rows = np.arange(45)
    truth = [record.reference_label for record in project.records(rows)]
    wrong = {4: "Alpha", 13: "Gamma"}  # both are Beta
    for name in ("Alpha", "Beta", "Gamma"):
        mine = [int(r) for r, label in zip(rows, truth, strict=True) if wrong.get(int(r), label) == name]
        project.label(mine, name, source="import")
    found = project.label_errors("raw")
    assert sorted(found.rows[:2].tolist()) == [4, 13]
    names = {label.id: label.name for label in project.labels}
    said = {
        int(r): (names[int(g)], names[int(s)])
        for r, g, s in zip(found.rows, found.given, found.suggested, strict=True)
    }
    assert said[4] == ("Alpha", "Beta")
    assert said[13] == ("Gamma", "Beta")
    assert found.n_labels == 45


def test_labels_of_one_class_leave_nothing_to_compare(project):
    project.label([0, 3, 6], "Alpha")
    found = project.label_errors("raw")
    assert len(found) == 0
    assert found.n_labels == 0


def test_a_label_alone_in_its_class_is_not_called_wrong(project):
    project.label(np.arange(0, 30, 3), "Alpha")
    project.label(np.arange(1, 30, 3), "Beta")
    project.label([2], "Gamma")
    assert 2 not in project.label_errors("raw").rows.tolist()


def test_what_was_found_last_is_known_with_whether_it_is_of_now(project):
    from embtune.work.finding import known_label_errors

    project.label(np.arange(0, 30, 3), "Alpha")
    project.label(np.arange(1, 30, 3), "Beta")
    assert known_label_errors(project, "raw") == (None, False)
    found = project.label_errors("raw")
    assert known_label_errors(project, "raw") == (found, True)
    project.label([2], "Gamma")
    assert known_label_errors(project, "raw") == (found, False)
