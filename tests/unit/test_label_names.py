"""What the names of labels say before there are labels, and how their vectors are kept."""

import threading
from dataclasses import replace

import numpy as np
import pytest

from embtune.embedding import models
from embtune.errors import NotReadyError
from embtune.evaluation.names import name_hints
from embtune.evaluation.quick import fit_quick
from embtune.work import label_names, predicting
from embtune.work.label_names import LabelNames, names_of
from embtune.work.overview import CHECK


class Encoder:
    """Gives each text a vector of its own, and counts."""

    def __init__(self):
        self.asked = []
        self.go_on = threading.Event()
        self.go_on.set()

    def encode(self, texts):
        self.go_on.wait(10)
        self.asked.append(list(texts))
        return np.eye(16, dtype=np.float32)[[len(text) % 16 for text in texts]]


@pytest.fixture
def encoder(project, monkeypatch):
    made = Encoder()
    monkeypatch.setattr(models, "resolve_model", lambda path: path)
    monkeypatch.setattr(project, "encoder", lambda model, device: made)
    monkeypatch.setattr(project, "model_path", lambda row: "somewhere")
    return made


@pytest.fixture
def named(project, monkeypatch):
    """The axes of the three classes as the vectors of their names."""
    ids = np.array([project.label_named(name).id for name in ("Alpha", "Beta", "Gamma")])
    names = LabelNames(ids, np.eye(16, dtype=np.float32)[:3], b"key")
    monkeypatch.setattr(predicting, "names_of", lambda project, row, wait=False: names)
    return project


def _raw(project):
    return replace(project.require_embedding("raw"), model_path="somewhere")


def test_without_any_label_names_alone_make_a_guess(named):
    predicted, confidence = named.quick_predictions()
    assert (predicted == named.reference()).mean() > 0.95
    assert (confidence < 1).all()
    assert named.can_predict()
    assert named.can_guess()
    # A guess is no model: nothing is known of how good it is.
    assert predicting.quick_model(named) is None
    assert named.out_of_fold() is None
    assert named.calibration() is None
    assert named.look_first([1, 2, 3]).purity is None


def test_a_label_without_an_example_is_predicted_by_its_name(named):
    named.label(np.arange(0, 30, 3), "Alpha", source="session")
    named.label(np.arange(1, 30, 3), "Beta", source="session")
    predicted, _ = named.quick_predictions()
    gamma = named.label_named("Gamma").id
    assert (predicted[np.arange(32, 60, 3)] == gamma).mean() > 0.9
    _, classes, share = named.out_of_fold()  # label errors are looked for among what has examples
    assert gamma not in classes
    assert share.shape == (20, 2)


def test_the_first_step_is_to_check_guesses_where_names_are_known(named):
    step = named.next_step()
    assert (step.page, step.action) == (CHECK, "Check first guesses")


def test_a_name_counts_less_with_each_label_of_its_class():
    vectors = np.eye(8, dtype=np.float32)
    hints = name_hints(vectors, vectors[:2], np.array([0]))
    assert 0 not in hints.rows
    near, alone = hints.weights(np.array([0, 0, 0]), np.ones((3, 1), np.float32), 2)
    assert alone[:, 0].tolist() == [1 / 16, 1.0]  # three labels, and none
    assert near[hints.labels == 1] == pytest.approx(0.2)


def test_names_that_mislead_lose_to_labels():
    generator = np.random.default_rng(0)
    truth = np.arange(200) % 2
    vectors = np.eye(8)[truth] + generator.normal(0, 0.2, (200, 8))
    vectors = (vectors / np.linalg.norm(vectors, axis=1)[:, None]).astype(np.float32)
    swapped = np.eye(8, dtype=np.float32)[[1, 0]]
    rows = np.arange(40)
    found = fit_quick(vectors, rows, truth[rows], 2, names=swapped)
    assert (found.probability.argmax(axis=1) == truth).mean() > 0.95
    assert found.exponents[-1] < 0.5  # it began with that


def test_names_are_encoded_once_as_one_says_them_and_kept_on_disk(project, encoder):
    found = names_of(project, _raw(project), wait=True)
    assert encoder.asked == [["Alpha", "Beta", "Gamma"]]
    assert found.vectors.shape == (3, 16)
    project.add_label("card_arrival")
    assert names_of(project, _raw(project), wait=True).key != found.key
    assert encoder.asked[1:] == [["card arrival"]]
    project._cache.clear()  # a new process
    assert len(names_of(project, _raw(project)).ids) == 4
    assert len(encoder.asked) == 2


def test_a_page_does_not_wait_for_the_encoder(project, encoder):
    encoder.go_on.clear()
    assert names_of(project, _raw(project)) is None
    encoder.go_on.set()
    for thread in threading.enumerate():
        if thread.name == label_names.THREAD:
            thread.join(10)
    assert names_of(project, _raw(project)) is not None


def test_without_an_encoder_there_are_no_names(project, encoder, monkeypatch):
    def absent(*given):
        raise NotReadyError("The model is not there.")

    assert names_of(project, project.require_embedding("raw"), wait=True) is None  # vectors from outside
    monkeypatch.setattr(project, "encoder", absent)
    assert names_of(project, _raw(project), wait=True) is None
    assert not project.can_guess()


def test_a_label_does_not_say_how_common_its_own_class_is():
    generator = np.random.default_rng(0)
    of = np.repeat(np.arange(40), 10)
    vectors = (np.eye(64)[of] + generator.normal(0, 0.3, (400, 64))).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1)[:, None]
    names = np.eye(64, dtype=np.float32)[:40]
    seen = np.arange(0, 150, 10)  # one of each of fifteen classes: the other 25 are no rarer for that
    fit, before = (fit_quick(vectors, rows, of[rows], 40, names=names) for rows in (seen, seen[:0]))
    right, guessed = ((one.probability.argmax(axis=1) == of)[of >= 15].mean() for one in (fit, before))
    assert right >= guessed
    assert fit.exponents[1] < 1  # what "how common" counts: it says nothing of labels that it has not seen
