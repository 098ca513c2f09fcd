"""The quick model: what it predicts, and the one that is fitted beside a person's typing."""

import threading

import numpy as np

from embtune.work import predicting
from embtune.work.predicting import recent_predictions


def test_no_prediction_with_labels_of_one_class(project):
    project.label([0, 3], "Alpha")
    assert project.quick_predictions() is None
    assert recent_predictions(project, wait=10) is None


def test_recent_predictions_are_the_quick_models(project):
    project.label(np.arange(0, 30, 3), "Alpha")
    project.label(np.arange(1, 30, 3), "Beta")
    found = recent_predictions(project, wait=10)
    expected = project.quick_predictions()
    assert found[0].tolist() == expected[0].tolist()
    assert found[1].tolist() == expected[1].tolist()


def test_recent_predictions_do_not_wait_for_newer_ones(project, monkeypatch):
    project.label(np.arange(0, 30, 3), "Alpha")
    project.label(np.arange(1, 30, 3), "Beta")
    before = recent_predictions(project, wait=10)
    held, fit = threading.Event(), predicting._fit

    def slow_fit(*given):
        held.wait(10)
        return fit(*given)

    monkeypatch.setattr(predicting, "_fit", slow_fit)
    monkeypatch.setattr(predicting.time, "monotonic", lambda: 1e9)  # the pause between fits is over
    project.label([2, 5, 8, 11], "Gamma")
    assert recent_predictions(project, wait=10)[0] is before[0]
    held.set()
    for thread in threading.enumerate():
        if thread.name == predicting.THREAD:
            thread.join(10)
    assert project.label_named("Gamma").id in recent_predictions(project)[0]
