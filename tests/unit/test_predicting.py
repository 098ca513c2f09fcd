"""The quick model: what it predicts, when it is fitted, and what is fitted beside a person's typing."""

import threading

import numpy as np
import pytest

from embtune.evaluation.blocks import label_blocks
from embtune.evaluation.quick import fit_quick
from embtune.work import graphs, predicting
from embtune.work.predicting import recent_predictions


@pytest.fixture
def two_labels(project):
    project.label(np.arange(0, 30, 3), "Alpha", source="session")
    project.label(np.arange(1, 30, 3), "Beta", source="session")
    return project


@pytest.fixture
def fits(monkeypatch):
    """Counts the fits."""
    made, fit = [], predicting._fit
    monkeypatch.setattr(predicting, "_fit", lambda *given: made.append(1) or fit(*given))
    return made


def _join(name=predicting.THREAD):
    for thread in threading.enumerate():
        if thread.name == name:
            thread.join(10)


def test_no_prediction_with_labels_of_one_class(project):
    project.label([0, 3], "Alpha")
    assert project.quick_predictions() is None
    assert project.class_probabilities() is None
    assert project.out_of_fold() is None
    assert project.calibration() is None
    assert recent_predictions(project, wait=10) is None


def test_clear_classes_are_predicted_rightly(two_labels):
    predicted, confidence = two_labels.quick_predictions()
    reference = two_labels.reference()
    known = np.isin(reference, [two_labels.label_named(name).id for name in ("Alpha", "Beta")])
    assert (predicted[known] == reference[known]).mean() > 0.95
    assert confidence[known].mean() > confidence[~known].mean()  # Gamma, which has no label, is less sure


def test_probabilities_leave_a_little_for_labels_without_an_example(two_labels):
    ids, share = two_labels.class_probabilities()
    predicted, confidence = two_labels.quick_predictions()
    # Gamma has no example: at least as much as Laplace's rule leaves for it, 1 / (2 + 1 + 20).
    unseen = predicting.quick_model(two_labels).fit.unseen
    assert 1 / 23 <= unseen < 0.5
    assert share.sum(axis=1) == pytest.approx(1 - unseen, abs=1e-5)
    assert (ids[share.argmax(axis=1)] == predicted).all()
    assert share.max(axis=1) == pytest.approx(confidence)


def test_a_wrong_label_is_not_repeated_out_of_fold(two_labels):
    wrong = 0
    two_labels.label([wrong], "Beta", source="session")
    rows, ids, share = two_labels.out_of_fold()
    alpha = two_labels.label_named("Alpha").id
    assert rows.tolist() == sorted([*range(0, 30, 3), *range(1, 30, 3)])
    assert ids[share[rows == wrong].argmax()] == alpha


def test_a_flag_or_a_comment_costs_no_fit_and_a_label_does(two_labels, fits):
    two_labels.quick_predictions()
    two_labels.flag([4], True)
    two_labels.comment(5, "Odd one.")
    two_labels.quick_predictions()
    assert len(fits) == 1
    two_labels.label([2], "Gamma")
    two_labels.quick_predictions()
    assert len(fits) == 2


def test_labels_of_one_stroke_are_told_from_those_given_one_by_one(project):
    project.label(np.arange(0, 30), "Alpha", source="lasso")
    project.label(np.arange(30, 40), "Beta", source="manual")
    for row in range(40, 45):
        project.label([row], "Beta", source="session")
    state = project.label_state()
    groups = predicting.strokes(state, np.flatnonzero(state.labelled))
    assert len(set(groups[:30].tolist())) == 1
    assert groups[0] >= 0
    assert (groups[30:] == -1).all()


def test_labels_of_a_few_spots_are_held_out_spot_by_spot_and_scattered_ones_one_by_one():
    generator = np.random.default_rng(0)
    spots = generator.normal(size=(40, 16))
    vectors = spots.repeat(25, axis=0) + generator.normal(0, 0.1, (1000, 16))
    vectors = (vectors / np.linalg.norm(vectors, axis=1)[:, None]).astype(np.float32)
    of_spots = np.arange(150)  # all of six spots: other records are far from them
    blocks = label_blocks(vectors, of_spots, np.random.default_rng(0))
    assert blocks.max() + 1 <= 20
    scattered = np.random.default_rng(1).choice(1000, 150, replace=False)
    assert label_blocks(vectors, scattered, np.random.default_rng(0)).max() + 1 == 150


def test_labels_travel_along_the_graph():
    """Two half circles, one label each: the regression alone must cut them straight."""
    from embtune.neighbors.exact import nearest
    from embtune.tuning.propagation import rank_weighted_graph

    angle = np.linspace(0, 1.4, 60)
    ring = np.vstack(
        [
            np.column_stack([np.cos(angle + a), np.sin(angle + a), np.full(60, h)])
            for a, h in ((0, 0), (1, 0.8))
        ]
    )
    vectors = (ring / np.linalg.norm(ring, axis=1)[:, None]).astype(np.float32)
    truth = np.repeat([0, 1], 60)
    rows = np.array([0, 2, 4, 60, 62, 64])
    graph = rank_weighted_graph(*nearest(vectors, 6), sizes=(6,))
    found = fit_quick(vectors, rows, truth[rows], 2, graph=graph)
    assert (found.probability.argmax(axis=1) == truth).mean() > 0.95
    assert len(found.exponents) == 3  # regression, propagation and how common each class is


def test_the_graph_is_kept_on_disk_and_survives_a_broken_file(two_labels):
    two_labels.quick_predictions()
    (file,) = two_labels.folder("graphs").iterdir()
    row = two_labels.require_embedding("raw")
    assert file.stem in row.file
    again = graphs._load(file, 60)
    assert again.shape == (60, 60)
    assert abs(again - again.T).max() < 1e-6
    file.write_bytes(file.read_bytes()[:100])
    assert graphs._load(file, 60) is None
    assert graphs._load(file.with_name("none.npz"), 60) is None


def test_of_many_records_the_graph_is_made_beside_and_the_regression_stands_alone(two_labels, monkeypatch):
    monkeypatch.setattr(graphs, "AT_ONCE", 10)
    for file in two_labels.folder("graphs").glob("*.npz"):  # as of a project from before there were any
        file.unlink()
    two_labels._cache.clear()
    held, compute = threading.Event(), graphs._Kept._compute
    monkeypatch.setattr(graphs._Kept, "_compute", lambda *given: held.wait(10) and compute(*given))
    assert len(predicting.quick_model(two_labels).fit.exponents) == 2
    held.set()
    _join(graphs.THREAD)
    assert len(predicting.quick_model(two_labels).fit.exponents) == 3


def test_calibration_is_measured_on_reference_labels_where_there_are_enough(two_labels, plain_project):
    monitored = two_labels.calibration()
    assert not monitored.on_reference  # 40 unlabelled records have one, and 50 are wanted
    assert monitored.reliability.n == monitored.n_labels == 20
    assert monitored.reliability.accuracy == 1.0


def test_with_enough_reference_labels_the_labelled_records_are_left_out(two_labels, monkeypatch):
    monkeypatch.setattr(predicting, "FEWEST_REFERENCE", 30)
    found = two_labels.calibration()
    assert found.on_reference
    assert found.reliability.n == 40


def test_recent_predictions_are_the_quick_models(two_labels):
    found = recent_predictions(two_labels, wait=10)
    expected = two_labels.quick_predictions()
    assert found[0] is expected[0]
    assert found[1] is expected[1]


def test_recent_predictions_do_not_wait_for_newer_ones(two_labels, monkeypatch):
    before = recent_predictions(two_labels, wait=10)
    held, fit = threading.Event(), predicting._fit

    def slow_fit(*given):
        held.wait(10)
        return fit(*given)

    monkeypatch.setattr(predicting, "_fit", slow_fit)
    monkeypatch.setattr(predicting.time, "monotonic", lambda: 1e9)  # the pause between fits is over
    two_labels.label([2, 5, 8, 11], "Gamma")
    assert recent_predictions(two_labels, wait=10)[0] is before[0]
    held.set()
    _join()
    assert two_labels.label_named("Gamma").id in recent_predictions(two_labels)[0]


def test_a_look_does_not_take_the_pause_between_fits(two_labels):
    recent_predictions(two_labels, wait=10)
    two_labels.label([2, 5, 8, 11], "Gamma")
    found, coming = predicting.model_within(two_labels, "raw", 10)
    assert not coming
    assert two_labels.label_named("Gamma").id in found.classes


def test_a_version_that_learned_the_labels_does_not_judge_them(two_labels, axes):
    """On a version's vectors a model is surer than it is right: what is active changes no prediction."""
    before = two_labels.quick_predictions()
    two_labels.tune("axes", parameters={"keep": "signal"})
    two_labels.activate("v1")
    after = two_labels.quick_predictions("active")
    assert (before[0] == after[0]).all()
    assert (before[1] == after[1]).all()
    assert (two_labels.quick_predictions("v1")[1] != after[1]).any()
    assert (two_labels.out_of_fold("active")[2] == two_labels.out_of_fold("raw")[2]).all()
