"""Texts tokenised once, cut into padded batches as often as wanted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.errors import ModelError
from embtune.progress import Report, silent

_WINDOW_TEXTS = 1024
_CHARACTERS_PER_TOKEN = 20  # what exceeds it is not worth tokenising


class Tokens:
    """The tokens of n texts, on a device."""

    lengths: NDArray[np.int64]
    """Shape (n,), tokens of each text."""

    def __init__(
        self, model: Any, texts: Sequence[str], *, max_tokens: int, device: str, report: Report = silent
    ) -> None:
        """Tokenise.

        Parameters
        ----------
        model
            A SentenceTransformer with a transformer in it.
        max_tokens
            Tokens read of a text at most, however many the model could read.

        Raises
        ------
        ModelError
            If the model reads no sequences of tokens.
        """
        import torch

        declared = model.max_seq_length
        limit = declared
        if declared is None or declared >= 10**6:  # two positions a RoBERTa keeps for itself
            limit = (getattr(model.transformers_model.config, "max_position_embeddings", None) or 10**6) - 2
        model.max_seq_length = min(max_tokens, limit)
        prompt = model.prompts.get(model.default_prompt_name or "")
        windows: list[dict[str, Any]] = []
        try:
            for start in range(0, len(texts), _WINDOW_TEXTS):
                part = [
                    text[: max_tokens * _CHARACTERS_PER_TOKEN].encode("utf-8", "replace").decode("utf-8")
                    for text in texts[start : start + _WINDOW_TEXTS]
                ]
                features = dict(model.preprocess(part, prompt=prompt))
                mask = features.get("attention_mask")
                if mask is None or len(mask) != len(part):
                    raise ModelError(
                        "This model reads no sequences of tokens: its encoder cannot be trained."
                    )
                windows.append(features)
                report(start + len(part), len(texts), "records", "reading the texts")
        finally:
            model.max_seq_length = declared
        self._from_right = getattr(model.tokenizer, "padding_side", "right") == "left"
        shape = windows[0]["attention_mask"].shape
        self._same = {
            key: value for key, value in windows[0].items() if getattr(value, "shape", None) != shape
        }
        width = max(window["attention_mask"].shape[1] for window in windows)
        self._matrices: dict[str, torch.Tensor] = {}
        for key in windows[0]:
            if key in self._same:
                continue
            # The pad token is masked, so that its number matters to no model.
            whole = torch.zeros(len(texts), width, dtype=torch.int32)
            start = 0
            for window in windows:
                value = window[key]
                columns = slice(-value.shape[1], None) if self._from_right else slice(0, value.shape[1])
                whole[start : start + len(value), columns] = value.to(torch.int32)
                start += len(value)
            self._matrices[key] = whole.to(device)
        counts = np.concatenate([window["attention_mask"].sum(dim=1).numpy() for window in windows])
        self.lengths = counts.astype(np.int64)
        self._device = device

    def batch(self, rows: NDArray[np.int64]) -> dict[str, Any]:
        """Return the features of some texts, padded to the longest of them."""
        import torch

        width = max(1, int(self.lengths[rows].max()))
        columns = slice(-width, None) if self._from_right else slice(0, width)
        index = torch.from_numpy(rows).to(self._device)
        features = dict(self._same)
        for key, matrix in self._matrices.items():
            features[key] = matrix[:, columns][index].long()
        return features
