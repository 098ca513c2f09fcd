"""Distillation: a network behind the encoder that gives vectors which no such network made."""

import numpy as np
import pytest

from embtune.errors import BadInputError, JobCancelledError
from embtune.tuning.distillation import distil
from embtune.tuning.export import transform_head


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(autouse=True)
def one_thread():
    """Matrices this small are slower on several, and on a busy machine very much so."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def raw():
    return unit(np.random.default_rng(0).normal(size=(400, 6)))


def bent(raw):
    """Vectors that bend: the sign of the first number decides between two directions beside the raw ones."""
    side = np.where(raw[:, :1] > 0, [[2.0, 0.0]], [[0.0, 2.0]])
    return unit(np.hstack([raw, side]))


def test_a_linear_map_is_found_at_once_and_kept(raw):
    tuned = unit(raw @ np.random.default_rng(1).normal(size=(6, 3)))
    found = distil(raw, tuned)
    assert found.cosine > 0.99
    assert found.loss == pytest.approx(1 - found.cosine)


def test_it_bends_where_no_linear_map_would_do(raw):
    tuned = bent(raw)
    found = distil(raw, tuned)
    assert found.best_epoch > 0
    assert found.curve[-1]["train_loss"] < found.curve[0]["train_loss"]
    solution, *_ = np.linalg.lstsq(np.hstack([raw, np.ones((400, 1))]), tuned, rcond=None)
    linear = unit(np.hstack([raw, np.ones((400, 1))]) @ solution)
    held = found.held_out
    assert found.cosine > (linear[held] * tuned[held]).sum(axis=1).mean() + 0.01


def test_the_cosine_told_is_that_of_the_head_on_records_it_did_not_learn_from(raw):
    tuned = bent(raw)
    found = distil(raw, tuned, held_out=0.25)
    assert len(found.held_out) == 100
    assert sorted([*found.held_out, *found.learned]) == list(range(400))
    made = transform_head(found.head, raw[found.held_out])
    assert found.cosine == pytest.approx((made * tuned[found.held_out]).sum(axis=1).mean(), abs=1e-5)


def test_the_rows_held_out_can_be_named(raw):
    found = distil(raw, bent(raw), held_out=np.array([7, 3, 5]))
    assert found.held_out.tolist() == [3, 5, 7]
    assert not np.isin([3, 5, 7], found.learned).any()


def test_equal_seeds_give_equal_heads(raw):
    one, other = (distil(raw, bent(raw), seed=3).head for _ in range(2))
    assert all(np.array_equal(one.state[name], other.state[name]) for name in one.state)


def test_it_can_be_stopped(raw):
    def report(done, total, unit, message, detail=None):
        if done:
            raise JobCancelledError("stopped")

    with pytest.raises(JobCancelledError):
        distil(raw, bent(raw), report=report)


@pytest.mark.parametrize(
    ("rows", "held_out", "message"),
    [
        (9, 0.1, "There are 9 records to learn from; it takes 10 at least"),
        (20, 1.0, "The share held out is 1.0; it must be between 0 and 1"),
        (20, np.arange(20), "Of 20 records, some must be held out and some must not; got 20"),
    ],
)
def test_what_it_refuses(raw, rows, held_out, message):
    with pytest.raises(BadInputError, match=message):
        distil(raw[:rows], raw[:rows], held_out=held_out)
    with pytest.raises(BadInputError, match="rows must pair up"):
        distil(raw, raw[:5])
