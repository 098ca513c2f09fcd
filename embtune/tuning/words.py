"""A second look at the texts: the words themselves, as TF-IDF reduced to a few hundred numbers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import BadFileError

Matrix = NDArray[np.float32]

_DIMENSIONS = 256
_MOST_WORDS = 50_000
_LEARNT_FROM = 100_000
_FEWEST_WORDS = 50
_BLOCK = 8192


class WordView:
    """Latent semantic analysis: Deerwester et al. (1990), doi:10.1002/(SICI)1097-4571(199009)41:6.

    An embedding model rounds names, products and jargon down to their topic; the words keep them apart.
    """

    def __init__(self, vocabulary: list[str], idf: Matrix, components: Matrix) -> None:
        self.vocabulary = vocabulary
        self.idf = idf
        self.components = components
        self._vectorizer: Any = None

    @classmethod
    def fit(cls, texts: Sequence[str], *, seed: int = 0) -> WordView | None:
        """Learn words and directions from texts; None where there are too few words to say anything.

        Parameters
        ----------
        texts
            More than 100,000 are sampled.
        seed
            Of the sample and of the decomposition; equal seeds give equal views.
        """
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import TfidfVectorizer

        if len(texts) > _LEARNT_FROM:
            chosen = np.sort(np.random.default_rng(seed).choice(len(texts), _LEARNT_FROM, replace=False))
            texts = [texts[i] for i in chosen.tolist()]
        vectorizer = TfidfVectorizer(
            sublinear_tf=True, min_df=3 if len(texts) >= 2000 else 2, max_features=_MOST_WORDS
        )
        try:
            counted = vectorizer.fit_transform(texts)
        except ValueError:  # no word at all, or each in a single text
            return None
        if counted.shape[1] < _FEWEST_WORDS:
            return None
        size = min(_DIMENSIONS, counted.shape[1] - 1, len(texts) - 1)
        svd = TruncatedSVD(size, n_iter=2, random_state=seed).fit(counted.astype(np.float32))
        return cls(
            vectorizer.get_feature_names_out().tolist(),
            vectorizer.idf_.astype(np.float32),
            svd.components_.astype(np.float32),
        )

    def transform(self, texts: Sequence[str]) -> Matrix:
        """Return shape (n, size), rows of unit length; a text without known words has zeros."""
        if self._vectorizer is None:
            from sklearn.feature_extraction.text import TfidfVectorizer

            self._vectorizer = TfidfVectorizer(sublinear_tf=True, vocabulary=self.vocabulary)
            self._vectorizer.idf_ = self.idf.astype(np.float64)
        found = np.empty((len(texts), len(self.components)), dtype=np.float32)
        directions = np.ascontiguousarray(self.components.T)
        for start in range(0, len(texts), _BLOCK):
            counted = self._vectorizer.transform(texts[start : start + _BLOCK]).astype(np.float32)
            block = np.asarray(counted @ directions)
            length = np.linalg.norm(block, axis=1, keepdims=True)
            found[start : start + len(block)] = block / np.where(length > 0, length, 1.0)
        return found

    def save(self, folder: Path) -> None:
        """Write `words.json` and `words.safetensors`."""
        from safetensors.numpy import save_file

        (folder / "words.json").write_text(json.dumps(self.vocabulary), encoding="utf-8")
        # Half precision is plenty for directions, and halves what an upload or a download weighs.
        half = self.components.astype(np.float16)
        save_file(  # it writes memory as it lies, and a decomposition's lies column by column
            {"idf": self.idf, "components": np.ascontiguousarray(half)}, folder / "words.safetensors"
        )

    @classmethod
    def load(cls, folder: Path) -> WordView:
        """Read what `save` wrote.

        Raises
        ------
        BadFileError
            If a file is missing or damaged.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            words = json.loads((folder / "words.json").read_text(encoding="utf-8"))
            arrays = load_file(folder / "words.safetensors")
            return cls(words, arrays["idf"], arrays["components"].astype(np.float32))
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise BadFileError(f"The words in {folder} cannot be read: {error}. Tune again.") from error
