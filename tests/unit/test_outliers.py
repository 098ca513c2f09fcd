"""Outliers: what lies far from all others."""

import numpy as np
import pytest

from embtune.exploring.outliers import outlier_scores
from embtune.neighbors.exact import nearest


def test_a_record_as_near_to_others_as_they_are_scores_one():
    rows = np.array([[1], [2], [0]])
    cosine = np.full((3, 1), 0.8, dtype=np.float32)
    assert outlier_scores(rows, cosine, 1).tolist() == pytest.approx([1, 1, 1])


def test_the_score_is_the_distance_against_the_median():
    # Distances .1, .1, .1, .4.
    rows = np.array([[1], [0], [1], [0]])
    cosine = np.array([[0.9], [0.9], [0.9], [0.6]], dtype=np.float32)
    assert outlier_scores(rows, cosine, 1).tolist() == pytest.approx([1, 1, 1, 4], rel=1e-5)


def test_beside_copies_an_ordinary_record_does_not_stand_out():
    # 0 and 1 are copies (distance 0), 2 has them for its neighbour at the usual .2.
    rows = np.array([[1], [0], [0], [4], [3], [3]])
    cosine = np.array([[1.0], [1.0], [0.8], [0.8], [0.8], [0.8]], dtype=np.float32)
    assert outlier_scores(rows, cosine, 1)[2] < 1.5


def test_planted_odd_vectors_come_first():
    rng = np.random.default_rng(0)
    usual = np.zeros((200, 32))
    usual[:, 0] = 1
    usual += rng.normal(0, 0.1, usual.shape)
    odd = rng.normal(0, 1, (5, 32))
    vectors = np.vstack([usual, odd]).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    scores = outlier_scores(*nearest(vectors, 10))
    assert set(np.argsort(-scores)[:5].tolist()) == {200, 201, 202, 203, 204}


def test_a_project_scores_every_record_and_newer_ones_not(project, monkeypatch):
    scores = project.outlier_scores("raw")
    assert scores.shape == (60,)
    assert (scores > 0).all()
    assert project.outlier_scores("raw") is scores


def test_without_lists_nothing_is_computed_unless_asked_for(project):
    assert project.outlier_scores("raw", make=False) is None
