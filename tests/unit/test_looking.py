"""Look first: what a selection holds before it is labelled."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest

from embtune.errors import UnknownChoiceError
from embtune.work import looking, predicting

ALPHA, BETA, GAMMA = (np.arange(c, 60, 3) for c in range(3))


@pytest.fixture
def known(project):
    """Eight labels of each class, one by one."""
    for rows, name in ((ALPHA, "Alpha"), (BETA, "Beta"), (GAMMA, "Gamma")):
        project.label(rows[:8], name, source="session")
    return project


def test_counts_and_labels_already_there(known):
    look = known.look_first(np.concatenate([ALPHA[:10], BETA[:3]]))
    assert look.n == 13
    assert look.labels == (("Alpha", 8), ("Beta", 3), ("unlabelled", 2))
    assert look.rows.tolist() == ALPHA[8:10].tolist()
    assert look.n_answered == 11


def test_none_of_these_is_named(known):
    known.label([ALPHA[9]], None)
    assert dict(known.look_first(ALPHA[9:11]).labels) == {"none of these": 1, "unlabelled": 1}


def test_the_likeliest_label_is_the_one_that_purity_is_about(known):
    look = known.look_first(np.concatenate([ALPHA[8:18], BETA[8:10]]))
    assert look.label == "Alpha"
    assert look.predicted[0][0] == "Alpha"
    assert sum(share for _, share in look.predicted) == pytest.approx(1, abs=0.05)
    assert look.purity.low < 10 / 12 < look.purity.high
    assert look.purity.low <= look.purity.share <= look.purity.high


def test_purity_of_another_label_and_of_one_without_an_example(known):
    look = known.look_first(ALPHA[8:], "Beta")
    assert look.label == "Beta"
    assert look.purity.share < 0.3
    assert look.purity_sure is None  # none of them is surely Beta
    known.add_label("Delta")
    assert known.look_first(ALPHA[8:], "Delta").purity is None
    with pytest.raises(UnknownChoiceError, match="Unknown label 'Omega'"):
        known.look_first(ALPHA, "Omega")


def test_leaving_the_uncertain_out_makes_it_purer(known):
    rows = np.concatenate([ALPHA[8:18], BETA[8:12]])
    look = known.look_first(rows)
    assert set(look.uncertain.tolist()) == set(BETA[8:12].tolist())
    assert look.least_certain.tolist() == look.uncertain[:4].tolist()
    assert look.without_uncertain().tolist() == ALPHA[8:18].tolist()
    assert look.purity_sure.share > look.purity.share


def test_central_and_far_texts_are_inside_and_never_the_same(known):
    look = known.look_first(ALPHA)
    assert len(look.central) == len(look.far) == 4
    assert not set(look.central.tolist()) & set(look.far.tolist())
    assert set(look.central.tolist()) | set(look.far.tolist()) <= set(ALPHA.tolist())


def test_with_relabel_what_a_person_answered_counts_as_it_was_answered(known):
    look = known.look_first(np.concatenate([ALPHA[:8], BETA[:8]]), "Alpha", relabel=True)
    assert look.purity.share == pytest.approx(0.5, abs=0.02)
    assert look.rows.tolist() == sorted([*ALPHA[:8], *BETA[:8]])


def test_without_labels_there_are_counts_and_texts_and_no_estimate(project):
    look = project.look_first(ALPHA)
    assert (look.n, look.labels) == (20, (("unlabelled", 20),))
    assert (look.purity, look.label, look.predicted, look.pending) == (None, None, (), False)
    assert len(look.central) == 4


def test_a_look_that_may_not_wait_says_that_the_estimate_is_coming(known, monkeypatch):
    held, fit = threading.Event(), predicting._fit
    monkeypatch.setattr(predicting, "_fit", lambda *given: held.wait(10) and fit(*given))
    look = known.look_first(ALPHA, wait=0.0)
    assert look.pending
    assert look.n == 20
    held.set()
    assert known.look_first(ALPHA, wait=10.0).purity is not None


@pytest.mark.parametrize(("blocks", "seen"), [([0, 1, 2, 3], 2), ([0, 0, 1, 1], 0)])
def test_answers_inside_count_besides_only_where_they_were_scattered(monkeypatch, blocks, seen):
    """A spot is looked through because it looks like one kind: it is no sample of what is around it."""
    given = {}
    monkeypatch.setattr(looking, "estimate_purity", lambda p, **options: given.update(options))
    fit = SimpleNamespace(
        places=np.arange(4),
        blocks=np.array(blocks),
        draws=np.array([2, 2]),
        without=None,
        held_out=np.full((4, 2), 0.5),
    )
    model = SimpleNamespace(
        fit=fit,
        tested=SimpleNamespace(correlation_of=lambda share: 0.1, untested=lambda vectors: 0.0),
        single=np.ones(4, dtype=bool),
        rows=np.arange(4),
        labels=np.array([0, 0, 1, 1]),
    )
    open_rows = np.arange(4, 8)
    looking.purity_of(model, np.eye(10), open_rows, np.full(4, 0.7), 0, np.array([0, 1, *open_rows]))
    assert given["seen"] == seen
