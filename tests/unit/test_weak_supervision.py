"""Label models, their calibration, and the comparison that tells the truth about them."""

import importlib.util
import math

import numpy as np
import pytest

from embtune.errors import BadInputError, NotReadyError, TooFewLabelsError, UnknownChoiceError
from embtune.weak_supervision.calibrating import adaptive_error
from embtune.weak_supervision.comparing import compare
from embtune.weak_supervision.evidence import evidence_of, numbers_of, places_of
from embtune.weak_supervision.models import MODELS, model_of, why_not
from embtune.weak_supervision.precision import precisions
from embtune.weak_supervision.running import WeakResult, run_all, weak_supervise
from embtune.weak_supervision.thresholds import confusion, reliability_of, threshold_curve

CLASSES = np.array([12, 7, 30])  # label numbers, in the label set's order


def given(votes, known=None, *, confidence=None, classes=CLASSES, seen=None, **more):
    votes = np.array(votes, dtype=np.int64)
    n = len(votes)
    return evidence_of(
        votes,
        np.where(votes >= 0, 1.0, 0.0) if confidence is None else confidence,
        np.full(n, -1) if known is None else np.array(known),
        np.arange(n) % 5,
        classes,
        seen=None if seen is None else np.array(seen),
        **more,
    )


def rules(truth, *, precision, share, rng):
    """One heuristic per class, in labels: it hits `share` of its class, and is right with `precision`."""
    votes = np.full((len(truth), 3), -1)
    for j, label in enumerate(CLASSES):
        own, others = np.flatnonzero(truth == label), np.flatnonzero(truth != label)
        hits = int(share * len(own))
        votes[rng.choice(own, hits, replace=False), j] = label
        votes[rng.choice(others, round(hits * (1 - precision) / precision), replace=False), j] = label
    return votes


@pytest.fixture(scope="module")
def corpus():
    """900 records of three classes in overlapping clouds, 90 of them labelled by hand."""
    rng = np.random.default_rng(3)
    truth = CLASSES[rng.integers(0, 3, 900)]
    centres = rng.normal(size=(3, 16))
    vectors = centres[places_of(truth, CLASSES)] + rng.normal(scale=2.2, size=(900, 16))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    known = np.full(900, -1)
    some = rng.choice(900, 90, replace=False)
    known[some] = truth[some]
    return truth, vectors, known


@pytest.fixture(scope="module")
def graph(corpus):
    from embtune.neighbors.exact import nearest
    from embtune.tuning.propagation import rank_weighted_graph

    return rank_weighted_graph(*nearest(corpus[1], 20))


def share_right(result, truth, known):
    checked = (known < 0) & (result.labels >= 0)
    return float((result.labels == truth)[checked].mean())


def test_label_numbers_become_places_and_back_and_unknown_ones_are_none():
    assert places_of(np.array([30, 12, 7, 99, -1]), CLASSES).tolist() == [2, 0, 1, -1, -1]
    assert numbers_of(np.array([2, -1, 0]), CLASSES).tolist() == [30, -1, 12]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"confidence": np.ones((2, 1))}, "do not fit votes"),
        ({"vectors": np.ones((3, 4))}, "3 vectors for 2 records"),
        ({"seen": [True]}, "1 marks of what was seen for 2 heuristics"),
        ({"classes": np.array([12])}, "at least 2 classes; there are 1"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(change, message):
    with pytest.raises(BadInputError, match=message):
        given([[12, -1], [7, 7]], **change)


def test_majority_takes_the_label_with_most_votes_and_stays_silent_without_any():
    result = weak_supervise(given([[12, 12, 7], [7, -1, -1], [-1, -1, -1], [99, -1, -1]]), "majority")
    assert result.labels.tolist() == [12, 7, -1, -1]
    assert result.confidence[2] == 0
    assert result.voted.tolist() == [True, True, False, False]
    assert result.reliability is None  # no manual label, nothing to check against


def test_more_votes_for_a_label_are_surer_than_one_and_a_tie_goes_to_the_commoner():
    result = weak_supervise(given([[12, 12, 12], [12, -1, -1], [12, 7, -1]]), "majority")
    assert result.confidence[0] > result.confidence[1] > result.confidence[2]
    assert result.labels[2] == 12


def test_precision_by_hand():
    votes = np.array([[0], [0], [0], [1], [-1]])
    known = np.array([0, 0, 1, 1, 1])
    mean = (3 + 2) / (4 + 3)  # 3 of 4 hits are right, and 2 of 3 are believed beforehand
    expected = [(2 + 4 * mean) / (3 + 4), (1 + 4 * mean) / (1 + 4), mean]
    assert precisions(votes, known, 3)[0] == pytest.approx(expected)


def test_a_precise_heuristic_outvotes_two_poor_ones():
    known = np.array([12, 7, 30] * 20 + [-1])
    other = np.roll(CLASSES, 1)[places_of(known[:-1], CLASSES)]
    right_in_ten = np.where(np.arange(60) % 10 == 0, known[:-1], other)
    votes = np.column_stack([known[:-1], right_in_ten, right_in_ten])
    votes = np.vstack([votes, [12, 7, 7]])
    assert weak_supervise(given(votes), "majority").labels[-1] == 7
    assert weak_supervise(given(votes, known), "precision").labels[-1] == 12


def test_the_label_of_a_record_has_no_say_in_its_own_held_out_answer():
    """One heuristic's only hits are two records of different labels: each is judged by the other's."""
    known = np.full(12, -1)
    known[[0, 1]] = 12, 7
    votes = np.full((12, 1), -1)
    votes[:, 0] = 12
    result = weak_supervise(given(votes, known), "precision")
    both = precisions(places_of(votes, CLASSES), places_of(known, CLASSES), 3)[0, 0]
    without_own = precisions(
        places_of(votes, CLASSES), places_of(np.where(np.arange(12) == 0, -1, known), CLASSES), 3
    )
    assert without_own[0, 0] < both
    assert result.confidence[0] < result.confidence[5] < result.confidence[1]


def test_dawid_skene_finds_the_better_of_two_without_any_label():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 600)
    good = [np.where(rng.random(600) < 0.9, truth, rng.integers(0, 3, 600)) for _ in range(2)]
    poor = [np.where(rng.random(600) < 0.3, truth, rng.integers(0, 3, 600)) for _ in range(3)]
    evidence = given(CLASSES[np.column_stack(good + poor)])
    by_model = (weak_supervise(evidence, "dawid-skene").labels == CLASSES[truth]).mean()
    by_count = (weak_supervise(evidence, "majority").labels == CLASSES[truth]).mean()
    assert by_model > by_count + 0.03


def test_dawid_skene_is_no_worse_than_counting_with_heuristics_of_one_label_each(corpus):
    """Where silence is taken for not having been asked, such heuristics would tell nothing."""
    truth, _, known = corpus
    evidence = given(rules(truth, precision=0.85, share=0.6, rng=np.random.default_rng(1)), known)
    by_model = share_right(weak_supervise(evidence, "dawid-skene"), truth, known)
    assert by_model > share_right(weak_supervise(evidence, "majority"), truth, known) - 0.01


def test_snorkel_says_plainly_what_it_lacks(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert why_not("snorkel", 5, 3, has_vectors=True) == "Snorkel is not installed: pip install snorkel."
    with pytest.raises(NotReadyError, match="not installed"):
        weak_supervise(given([[12, 7, 7]]), "snorkel")


def test_snorkel_refuses_too_few_heuristics_and_what_would_take_minutes(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    assert "needs 3 heuristics; there are 2" in why_not("snorkel", 2, 3, has_vectors=True)
    assert "takes minutes for 32 heuristics and 77 classes" in why_not("snorkel", 32, 77, has_vectors=True)


def test_snorkel_runs_where_it_is_installed_and_leaves_numpys_seed_alone(corpus):
    pytest.importorskip("snorkel", reason="Snorkel is not installed")
    truth, _, known = corpus
    evidence = given(rules(truth, precision=0.85, share=0.6, rng=np.random.default_rng(1)), known)
    np.random.seed(5)  # noqa: NPY002
    expected = np.random.RandomState(5).rand()
    result = weak_supervise(evidence, "snorkel")
    assert np.random.rand() == expected  # noqa: NPY002
    assert share_right(result, truth, known) > 0.7
    assert (result.labels[~evidence.voted] == -1).all()


def test_models_that_cannot_run_say_why():
    assert why_not("majority", 0, 3, has_vectors=True) == "Majority vote needs at least one heuristic."
    assert why_not("combined", 2, 3, has_vectors=False).endswith("needs an embedding of the records.")
    assert why_not("manual", 0, 3, has_vectors=True) is None
    with pytest.raises(UnknownChoiceError, match="combined"):
        model_of("magic")


def test_learning_needs_labels_of_two_classes(corpus):
    _, vectors, _ = corpus
    known = np.full(900, -1)
    known[:5] = 12
    with pytest.raises(TooFewLabelsError, match="5 manual labels are of 1 class;"):
        weak_supervise(given(np.full((900, 1), 12), known, vectors=vectors), "combined")


def test_votes_that_know_more_than_the_vectors_help(corpus, graph):
    truth, vectors, known = corpus
    votes = rules(truth, precision=0.95, share=0.6, rng=np.random.default_rng(2))
    evidence = given(votes, known, seen=[False] * 3, vectors=vectors, graph=graph)
    with_votes = weak_supervise(evidence, "combined")
    assert share_right(with_votes, truth, known) > (
        share_right(weak_supervise(evidence, "neighbours"), truth, known) + 0.05
    )
    assert (with_votes.labels >= 0).all()


def test_votes_that_fit_only_the_manual_labels_do_no_harm(corpus, graph):
    """Heuristics that are right on every manual label and guess elsewhere, as overfitted rules do."""
    truth, vectors, known = corpus
    rng = np.random.default_rng(4)
    votes = np.where(known >= 0, known, CLASSES[rng.integers(0, 3, 900)])[:, None].repeat(2, axis=1)
    evidence = given(votes, known, vectors=vectors, graph=graph)
    alone = share_right(weak_supervise(evidence, "neighbours"), truth, known)
    assert share_right(weak_supervise(evidence, "combined"), truth, known) > alone - 0.02
    fooled = weak_supervise(evidence, "majority")
    right = fooled.labels == truth
    assert fooled.confidence[known < 0].mean() == pytest.approx(right[known < 0].mean(), abs=0.1)


@pytest.fixture(scope="module")
def overfitted(corpus):
    """A heuristic right on all manual labels and on 4 in 5 others; labels aside, one in five."""
    truth, _, known = corpus
    rng = np.random.default_rng(7)
    wrong = CLASSES[(places_of(truth, CLASSES) + rng.integers(1, 3, 900)) % 3]
    votes = np.where((known >= 0) | (rng.random(900) < 0.8), truth, wrong)[:, None]
    aside = np.where((known < 0) & (rng.random(900) < 0.2), truth, -1)
    return votes, aside


@pytest.mark.parametrize("model", ["majority", "precision", "dawid-skene"])
def test_without_vectors_labels_kept_aside_say_how_far_votes_are_right(corpus, overfitted, model):
    _, _, known = corpus
    votes, aside = overfitted
    result = weak_supervise(given(votes, known, aside=aside), model)
    assert result.judged
    assert result.confidence[known < 0].mean() == pytest.approx(0.8, abs=0.07)
    assert result.reliability is None  # the manual labels cannot tell
    assert reliability_of(result, aside)[0].error < 0.1


@pytest.mark.parametrize("model", ["majority", "precision", "dawid-skene"])
def test_where_nothing_can_judge_votes_none_is_believed_more_than_two_in_three(corpus, overfitted, model):
    _, _, known = corpus
    votes, aside = overfitted
    few = np.where(np.cumsum(aside >= 0) <= 19, aside, -1)
    for given_aside in (None, few):
        result = weak_supervise(given(votes, known, aside=given_aside), model)
        assert not result.judged
        assert result.confidence.max() <= 2 / 3
        assert np.array_equal(result.labels, votes[:, 0])  # what they say is as before
        assert result.reliability is None


def test_labels_kept_aside_have_no_say_in_the_confidence_of_their_own_fold(corpus, overfitted):
    _, _, known = corpus
    votes, aside = overfitted
    mine = np.arange(900) % 5 == 2
    lies = np.where(mine & (aside >= 0), CLASSES[(places_of(aside, CLASSES) + 1) % 3], aside)
    honest, lied_to = (weak_supervise(given(votes, known, aside=one), "majority") for one in (aside, lies))
    own = mine & (aside >= 0)
    assert np.array_equal(honest.confidence[own], lied_to.confidence[own])
    assert lied_to.confidence[~own & (known < 0)].mean() < honest.confidence[~own & (known < 0)].mean()


def test_what_was_known_of_labelled_records_is_told(corpus):
    truth, vectors, known = corpus
    votes = rules(truth, precision=0.85, share=0.6, rng=np.random.default_rng(2))

    def by(model, seen):
        result = weak_supervise(given(votes, known, seen=[seen] * 3, vectors=vectors), model)
        return result.held_out_by, result.reliability is not None

    assert by("majority", True) == ("knowing", False)
    assert by("majority", False) == ("blind", True)
    assert by("combined", True) == ("without seen", True)
    assert by("combined", False) == ("blind", True)
    assert by("manual", True) == ("blind", True)


@pytest.mark.parametrize("labels", [[], [12, 12]])
def test_votes_run_before_labels_of_two_classes_are_there(corpus, labels):
    truth, vectors, _ = corpus
    known = np.full(900, -1)
    known[: len(labels)] = labels
    results, missing = run_all(given(truth[:, None], known, vectors=vectors))
    assert set(results) >= {"majority", "precision", "dawid-skene"}
    assert set(missing) >= {"combined", "manual", "neighbours"}
    assert not results["majority"].judged
    assert results["majority"].reliability is None


def test_confidence_is_how_often_it_is_right(corpus, graph):
    truth, vectors, known = corpus
    votes = rules(truth, precision=0.85, share=0.6, rng=np.random.default_rng(2))
    result = weak_supervise(given(votes, known, vectors=vectors, graph=graph), "combined")
    measured, adaptive = reliability_of(result, np.where(known < 0, truth, -1))
    assert measured.n == 810
    assert measured.error < 0.07
    assert adaptive < 0.07


def test_records_without_a_vote_get_a_label_only_where_asked(corpus):
    truth, vectors, known = corpus
    votes = rules(truth, precision=0.85, share=0.3, rng=np.random.default_rng(2))
    evidence = given(votes, known, vectors=vectors)
    inside = weak_supervise(evidence, "combined", everywhere=False)
    assert ((inside.labels >= 0) == evidence.voted).all()
    assert (weak_supervise(evidence, "combined").labels >= 0).all()
    assert (weak_supervise(evidence, "majority", everywhere=True).labels[~evidence.voted] == -1).all()


def test_the_same_seed_gives_the_same_labels(corpus, graph):
    truth, vectors, known = corpus
    votes = rules(truth, precision=0.85, share=0.6, rng=np.random.default_rng(2))
    for name in ("combined", "dawid-skene", "manual", "majority"):
        first, second = (
            weak_supervise(given(votes, known, vectors=vectors, graph=graph), name) for _ in range(2)
        )
        assert np.array_equal(first.probability, second.probability), name


def test_every_model_runs_or_says_why_not(corpus):
    truth, vectors, known = corpus
    votes = rules(truth, precision=0.85, share=0.6, rng=np.random.default_rng(2))
    results, missing = run_all(given(votes, known, vectors=vectors))
    assert set(results) | set(missing) == set(MODELS)
    assert set(missing) <= {"snorkel"}
    for name, result in results.items():
        sums = result.probability.sum(axis=1)
        assert np.isclose(sums, 1, atol=1e-4).any(), name
        assert (np.isclose(sums, 1, atol=1e-4) | (sums == 0)).all(), name


def test_votes_on_every_labelled_record_only_are_survived(corpus):
    truth, vectors, _ = corpus
    evidence = given(truth[:, None], truth, vectors=vectors)  # nothing is left to judge by
    assert (weak_supervise(evidence, "combined").labels >= 0).all()


def test_calibration_error_in_bins_of_equal_size_by_hand():
    confidence = np.array([0.6] * 4 + [0.9] * 4)
    right = np.array([True, True, False, False] + [True] * 4)
    # |0.6 - 0.5| on one half, |0.9 - 1| on the other; in whatever order the equal ones come
    assert adaptive_error(confidence, right, 2) == pytest.approx(0.1)
    assert adaptive_error(confidence[::-1], right[::-1], 2) == pytest.approx(0.1)


def made(name, labels, confidence):
    labels = np.array(labels)
    return WeakResult(
        name,
        labels,
        np.array(confidence, dtype=np.float32),
        labels >= 0,
        CLASSES,
        None,
        None,
        0,
        np.zeros((len(labels), 3), dtype=np.float32),
    )


def test_threshold_curve_counts_what_is_kept_and_right():
    result = made("majority", [12, 12, 7, 7, -1], [0.95, 0.7, 0.7, 0.55, 0])
    truth = np.array([12, 7, 7, -1, 30])
    curve = {kept.threshold: kept for kept in threshold_curve(result, truth, thresholds=(0.5, 0.7, 1.0))}
    assert (curve[0.5].n, curve[0.5].n_checked, curve[0.5].n_right) == (4, 3, 2)
    assert curve[0.7].share == pytest.approx(3 / 5)  # 0.7 itself is kept, though float32 has it below
    assert curve[0.7].accuracy == pytest.approx(2 / 3)
    assert curve[0.7].low < 2 / 3 < curve[0.7].high
    assert (curve[1.0].n, curve[1.0].accuracy, curve[1.0].low, curve[1.0].high) == (0, None, 0, 1)
    among = np.array([True, True, False, False, False])
    assert threshold_curve(result, truth, thresholds=(0.7,), among=among)[0].n == 2


def test_confusion_has_manual_labels_in_rows_and_a_column_for_none():
    manual = np.array([12, 12, 7, 30, -1])
    weak = np.array([12, 7, 7, -1, 12])
    assert confusion(manual, weak, CLASSES).tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]]
    kept = np.array([True, False, True, True, True])
    assert confusion(manual, weak, CLASSES, kept)[0].tolist() == [1, 0, 0, 1]


def two_methods(first_right, second_right, n=100):
    """Two methods that label all records surely, and are right on the first so many."""
    truth = np.full(n, 12)
    place = np.arange(n)
    sure = np.full(n, 0.9)
    return truth, {
        "combined": made("combined", np.where(place < first_right, 12, 7), sure),
        "manual": made("manual", np.where(place < second_right, 12, 7), sure),
    }


def test_the_comparison_offers_the_winner_where_the_label_model_loses():
    truth, results = two_methods(80, 95)
    found = compare("combined", results, truth, missing={"snorkel": "Snorkel is not installed."})
    assert (found.best, found.winner) == ("manual", "manual")
    assert found.difference == pytest.approx(-0.15)
    half = 1.96 * math.sqrt(0.15 * 0.85 / 100)  # 15 of 100 records differ, all to one side
    assert (found.low, found.high) == pytest.approx((-0.15 - half, -0.15 + half), abs=1e-4)
    assert found.sentence.startswith(
        "“Training on the manual labels alone” is more often right: 95.0 % against 80.0 % right of the 100 "
    )
    assert found.sentence.endswith("use it instead.")
    assert found.missing == {"snorkel": "Snorkel is not installed."}


def test_the_comparison_does_not_make_a_winner_of_chance():
    truth, results = two_methods(90, 91)
    found = compare("combined", results, truth)
    assert found.winner == "combined"
    assert "cannot be told apart" in found.sentence
    assert found.low < 0 < found.high


def test_the_comparison_says_so_where_the_label_model_is_better():
    truth, results = two_methods(95, 80)
    found = compare("combined", results, truth)
    assert found.winner == "combined"
    assert "is more often right than “Training on the manual labels alone”" in found.sentence


def test_others_are_compared_on_as_many_records_those_they_are_surest_of():
    truth = np.full(40, 12)
    place = np.arange(40)
    results = {
        "combined": made("combined", np.where(place < 18, 12, 7), np.where(place < 20, 0.8, 0.4)),
        "manual": made("manual", np.where(place >= 20, 12, 7), np.where(place >= 20, 0.6, 0.5)),
        "majority": made("majority", np.where(place < 10, 12, -1), np.where(place < 10, 0.9, 0)),
    }
    by_name = {score.name: score for score in compare("combined", results, truth).scores}
    assert (by_name["combined"].n, by_name["combined"].n_right) == (20, 18)
    assert (by_name["manual"].n, by_name["manual"].n_right) == (20, 20)
    assert by_name["manual"].accuracy_of_all == pytest.approx(0.5)
    assert (by_name["majority"].n, by_name["majority"].whole) == (10, False)
    assert compare("combined", results, truth).best == "manual"  # majority labels too few


def test_a_comparison_needs_records_and_a_result():
    truth, results = two_methods(5, 5, n=9)
    with pytest.raises(NotReadyError, match="needs 10 records with a label kept aside; there are 9"):
        compare("combined", results, truth)
    with pytest.raises(NotReadyError, match="no result of Dawid–Skene"):
        compare("dawid-skene", results, truth)
