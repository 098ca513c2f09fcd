"""The words of the texts as numbers."""

import json

import numpy as np
import pytest

from embtune.errors import BadFileError
from embtune.tuning import words
from embtune.tuning.words import WordView


def sentences(n=60, seed=0):
    """Texts of ten words each, out of 40 words about one of two things and 40 that both share."""
    rng = np.random.default_rng(seed)
    found = []
    for i in range(n):
        own = [f"{('sport', 'stock')[i % 2]}{j}" for j in rng.integers(40, size=5)]
        shared = [f"word{j}" for j in rng.integers(40, size=5)]
        found.append(" ".join(own + shared))
    return found


@pytest.fixture(scope="module")
def view():
    return WordView.fit(sentences())


@pytest.mark.parametrize(
    "texts",
    [[], [""], ["one text alone"], ["the same words"] * 20, [f"only{i}" for i in range(200)]],
    ids=["none", "empty", "one", "three words", "each word once"],
)
def test_too_few_words_give_no_view(texts):
    assert WordView.fit(texts) is None


def test_rows_have_unit_length_and_texts_of_unknown_words_have_zeros(view):
    found = view.transform(["sport1 word2", "stock3", "qqq zzz", ""])
    assert found.dtype == np.float32
    assert np.linalg.norm(found, axis=1) == pytest.approx([1, 1, 0, 0], abs=1e-5)
    assert np.isfinite(found).all()


def test_texts_about_one_thing_are_more_alike_than_texts_about_two(view):
    found = view.transform(sentences())
    cosine = found @ found.T
    np.fill_diagonal(cosine, np.nan)
    sport, stock = cosine[::2, ::2], cosine[::2, 1::2]
    assert np.nanmean(sport) > np.nanmean(stock) + 0.05


def test_the_order_of_words_and_their_case_do_not_matter(view):
    found = view.transform(["sport1 word2 word3", "WORD3 Sport1 word2"])
    assert found[0] == pytest.approx(found[1], abs=1e-6)


def test_equal_seeds_give_equal_views():
    first, again = (WordView.fit(sentences(), seed=3).transform(sentences()) for _ in range(2))
    assert np.array_equal(first, again)


def test_of_very_many_texts_a_sample_by_the_seed_is_read(monkeypatch):
    monkeypatch.setattr(words, "_LEARNT_FROM", 55)
    first, again, other = (WordView.fit(sentences(120), seed=seed) for seed in (0, 0, 1))
    assert first.vocabulary == again.vocabulary != other.vocabulary


def test_saved_and_loaded_it_gives_the_same_vectors(view, tmp_path):
    view.save(tmp_path)
    known, new = sentences(), ["sport7 word9 unheardof"]
    loaded = WordView.load(tmp_path)
    assert loaded.transform(known) == pytest.approx(view.transform(known), abs=2e-3)
    assert loaded.transform(new) == pytest.approx(view.transform(new), abs=2e-3)


def test_texts_in_many_blocks_come_out_as_in_one(view, monkeypatch):
    whole = view.transform(sentences())
    monkeypatch.setattr(words, "_BLOCK", 7)
    assert view.transform(sentences()) == pytest.approx(whole, abs=1e-6)


@pytest.mark.parametrize("harm", ["no words", "cut words", "no arrays", "cut arrays"])
def test_damaged_files_are_told_in_words(view, tmp_path, harm):
    view.save(tmp_path)
    path = tmp_path / ("words.json" if "words" in harm else "words.safetensors")
    if harm.startswith("no"):
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(BadFileError, match=r"^The words in .* cannot be read: .*\. Tune again\.$"):
        WordView.load(tmp_path)


def test_the_files_hold_data_only(view, tmp_path):
    view.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["words.json", "words.safetensors"]
    assert json.loads((tmp_path / "words.json").read_text()) == view.vocabulary
