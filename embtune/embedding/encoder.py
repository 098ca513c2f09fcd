"""Texts to vectors: length-sorted batches, in bfloat16 where the processor has it and it is close enough."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.embedding.device import Device
from embtune.embedding.matrix import unit_rows
from embtune.embedding.models import ResolvedModel, load_sentence_transformer
from embtune.errors import ModelError, UnknownChoiceError
from embtune.progress import Report, silent

MIN_PROBE_COSINE = 0.999
"""bfloat16 is used where no probe's vector is farther from the float32 one than this."""

_PRECISIONS = ("auto", "bfloat16", "float32")
# Of different length, script and kind, so that a model which bfloat16 harms shows it.
_PROBES = (
    "Rain.",
    "",
    "The harbour reopened on Tuesday after divers had cleared the last of the wreck.",
    "Invoice 20418-B: 3 × 14.90 € less 2 % discount, due 1 March; call +49 30 5550 if the sum differs!",
    "Der Zug nach Lübeck fällt heute aus; ein Ersatzbus fährt um halb neun vor dem Bahnhof ab.",
    "明日の会議は午後三時に変更されました。",
    "def mean(xs): return sum(xs) / len(xs)",
    "A keeper who had let in four goals by half-time saved two penalties, ran the length of the pitch in "
    "the last minute, and headed in the equaliser, which nobody in the small town expects to see again. "
    "The club's chair, asked about a contract, said that he would first have to find a pen. " * 4,
)

# Padded tokens in a batch, per unit of `batch_size`: more gain a CPU nothing, a GPU needs them to be busy.
_TOKENS_PER_UNIT = {"cpu": 64, "mps": 128, "cuda": 256}
_WINDOW_RECORDS = 1024
_WINDOW_CHARACTERS = 4_000_000
# Prose has 4 to 6 characters a token. A text is cut here, unless so much of it yields too few tokens (very
# long words, say); then more of it is taken, up to the hard limit.
_CHARACTERS_PER_TOKEN = 20
_CHARACTERS_PER_TOKEN_LIMIT = 1280
_TOKENS_IF_UNLIMITED = 8192
_BLANKS = re.compile(r"\s{64,}")


class Encoder:
    """An embedding model on a device; made by `Encoder.load`."""

    name: str
    """The model's name, as it was asked for."""

    dim: int
    """Length of a vector."""

    dtype: str
    """What the model computes in: `bfloat16` or `float32`. Vectors are float32 always."""

    max_tokens: int
    """What the model reads of a text; the rest is cut off."""

    probe_cosine: float | None
    """The smallest cosine between a probe's bfloat16 and float32 vectors; None if bfloat16 was not tried."""

    def __init__(self, model: Any, resolved: ResolvedModel, device: Device) -> None:
        """Wrap a loaded SentenceTransformer of float32 weights; `load` is the usual way."""
        self.name = resolved.name
        self.dtype = "float32"
        self.max_tokens = _max_tokens(model)
        self.probe_cosine = None
        self._model = model
        self._resolved = resolved
        self._device = device
        self._original = model
        self.dim = int(model.get_embedding_dimension() or 0)
        self.dim = self.dim or self._encode_batch([""]).shape[1]

    @classmethod
    def load(cls, model: ResolvedModel, device: Device, *, precision: str = "auto") -> Encoder:
        """Load a model onto a device.

        Parameters
        ----------
        model
            From `resolve_model`.
        device
            From `pick_device`.
        precision
            `auto` takes bfloat16 where the device has it natively and the cosine to the float32 vectors
            is at least `MIN_PROBE_COSINE` on every probe text, else float32. `bfloat16` and
            `float32` insist.

        Raises
        ------
        ModelError
            If the model cannot be loaded.
        UnknownChoiceError
            If there is no such precision.
        """
        if precision not in _PRECISIONS:
            raise UnknownChoiceError("precision", precision, _PRECISIONS)
        encoder = cls(load_sentence_transformer(model, device.kind), model, device)
        if precision == "bfloat16" or (precision == "auto" and device.bfloat16):
            expected = encoder.encode(_PROBES)
            if encoder._use_bfloat16():
                cosine = float((encoder.encode(_PROBES) * expected).sum(axis=1).min())
                if precision == "auto" and not cosine >= MIN_PROBE_COSINE:  # NaN is not
                    encoder = cls(load_sentence_transformer(model, device.kind), model, device)
                encoder.probe_cosine = cosine
        return encoder

    def encode(
        self, texts: Sequence[str], *, batch_size: int = 64, report: Report = silent
    ) -> NDArray[np.float32]:
        """Compute the vectors of texts.

        Parameters
        ----------
        texts
            Of any length; what exceeds `max_tokens` is not read. The empty text has a vector, too.
        batch_size
            Texts computed at once if they are of about 64 tokens (CPU) or 256 (GPU); of shorter texts
            there are more, of longer ones fewer. It changes speed and memory, not the vectors.
        report
            Called after every batch with the records done; a `JobCancelledError` from it passes.

        Returns
        -------
        NDArray
            Shape (len(texts), dim), float32, in the order of the texts, rows of unit length. (A static
            model sees nothing at all in an empty text: its row is zeros.)
        """
        if isinstance(texts, str):
            raise TypeError("encode takes a list of texts, not one text.")
        out = np.empty((len(texts), self.dim), dtype=np.float32)
        done = 0
        report(0, len(texts), unit="records")
        for window in _windows(
            np.fromiter(map(len, texts), dtype=np.int64, count=len(texts)), self._cut_limit
        ):
            prepared = [self._prepare(texts[i]) for i in window]
            for rows, vectors in self._encode_window(prepared, batch_size):
                out[window[rows]] = vectors
                done += len(rows)
                report(done, len(texts), unit="records")
        return out

    @property
    def sentence_transformer(self) -> Any:
        """The `SentenceTransformer` with float32 weights, for saving; loaded anew if `dtype` is bfloat16."""
        if self._original is None:
            self._original = load_sentence_transformer(self._resolved, "cpu")
        return self._original

    @property
    def _cut_limit(self) -> int:
        return self.max_tokens * _CHARACTERS_PER_TOKEN_LIMIT

    def _encode_window(
        self, texts: list[str], batch_size: int
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Yield (rows, their unit vectors) batch by batch until every text had its turn."""
        features = self._preprocess(texts)
        mask = features.get("attention_mask")
        if mask is None or tuple(mask.shape[:1]) != (len(texts),):
            # Not padded texts side by side (a static model's bags of words): each batch on its own.
            for start in range(0, len(texts), batch_size):
                part = texts[start : start + batch_size]
                yield np.arange(start, start + len(part)), self._encode_batch(part)
            return
        lengths = mask.sum(dim=1).numpy()
        from_right = getattr(self._model.tokenizer, "padding_side", "right") == "left"
        budget = batch_size * _TOKENS_PER_UNIT.get(self._device.kind, _TOKENS_PER_UNIT["cpu"])
        for rows in _batches(lengths, budget):
            width = max(1, int(lengths[rows[0]]))
            columns = slice(-width, None) if from_right else slice(0, width)
            batch = {
                key: value[rows, columns] if getattr(value, "shape", None) == mask.shape else value
                for key, value in features.items()
            }
            yield rows, self._forward(batch)

    def _encode_batch(self, texts: list[str]) -> NDArray[np.float32]:
        return self._forward(self._preprocess(texts))

    def _preprocess(self, texts: list[str]) -> dict[str, Any]:
        prompt = self._model.prompts.get(self._model.default_prompt_name or "")
        return dict(self._model.preprocess(texts, prompt=prompt))

    def _forward(self, features: dict[str, Any]) -> NDArray[np.float32]:
        """Run the model; a batch that the device has no memory for is halved until it fits."""
        import torch

        try:
            on_device = {
                key: value.to(self._device.kind) if isinstance(value, torch.Tensor) else value
                for key, value in features.items()
            }
            with torch.inference_mode():
                vectors = self._model(on_device)["sentence_embedding"].float().cpu().numpy()
                # A model may be told to keep the first numbers only; its modules give all.
                vectors = vectors[:, : self.dim or None]
        except torch.OutOfMemoryError:
            mask = features.get("attention_mask")
            if mask is None or len(mask) < 2:
                raise ModelError(
                    f"{self._device.name} has too little memory for the model {self.name!r}: choose the "
                    f"device 'cpu' or a smaller model."
                ) from None
        else:
            return unit_rows(vectors)
        halves = [
            {
                key: value[part] if getattr(value, "shape", None) == mask.shape else value
                for key, value in features.items()
            }
            for part in (slice(0, len(mask) // 2), slice(len(mask) // 2, None))
        ]
        return np.concatenate([self._forward(half) for half in halves])

    def _prepare(self, text: str) -> str:
        """Cut a text to somewhat more than the model can read of it, and mend what no tokenizer takes."""
        end = self.max_tokens * _CHARACTERS_PER_TOKEN
        if len(text) > end:
            text = _BLANKS.sub(" ", text)
        while end < min(len(text), self._cut_limit) and self._n_tokens(text[:end]) < self.max_tokens:
            end *= 4
        text = text[: min(end, self._cut_limit)]
        # JSON can smuggle in half of a surrogate pair, which is no character.
        return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")

    def _n_tokens(self, text: str) -> int:
        mask = self._preprocess([text.encode("utf-8", "replace").decode("utf-8")]).get("attention_mask")
        return 0 if mask is None else int(mask.sum())

    def _use_bfloat16(self) -> bool:
        """Turn the transformer's weights into bfloat16; False if the model has no transformer.

        Pooling and all after it stay in float32: they cost next to nothing, and rounding there is
        most of what the cosine would lose.
        """
        import torch

        if self._model.transformers_model is None:
            return False
        self._model[0].to(torch.bfloat16)
        self._model[0].register_forward_hook(_features_to_float32)
        self._original = None
        self.dtype = "bfloat16"
        return True


def _features_to_float32(_module: Any, _inputs: Any, features: dict[str, Any]) -> dict[str, Any]:
    import torch

    return {
        key: value.float() if isinstance(value, torch.Tensor) and value.is_floating_point() else value
        for key, value in features.items()
    }


def _windows(characters: NDArray[np.int64], limit: int) -> Iterator[NDArray[np.int64]]:
    """Yield row numbers, longest texts first, in groups that are tokenized together.

    Longest first, so that a lack of memory shows at once. A group has up to `_WINDOW_RECORDS`
    texts and, unless it is a single one, `_WINDOW_CHARACTERS` characters, no text counted above `limit`.
    """
    order = np.argsort(-characters, kind="stable")
    cost = np.minimum(characters[order], limit)
    start = 0
    while start < len(order):
        upto = np.cumsum(cost[start : start + _WINDOW_RECORDS])
        size = max(1, int(np.searchsorted(upto, _WINDOW_CHARACTERS, side="right")))
        yield order[start : start + size]
        start += size


def _batches(lengths: NDArray[np.int64], budget: int) -> Iterator[NDArray[np.int64]]:
    """Yield row numbers, longest rows first, so that rows × longest row of a batch <= budget tokens."""
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        size = max(1, budget // max(1, int(lengths[order[start]])))
        yield order[start : start + size]
        start += size


def _max_tokens(model: Any) -> int:
    """Return how many tokens the model reads; a transformer that does not say is held to its positions."""
    declared = model.max_seq_length
    if declared is not None and declared < 10**6:
        return int(declared)
    transformer = model.transformers_model
    if transformer is None:
        return _TOKENS_IF_UNLIMITED
    positions = getattr(transformer.config, "max_position_embeddings", None) or _TOKENS_IF_UNLIMITED
    limit = int(
        min(positions - 2, _TOKENS_IF_UNLIMITED)
    )  # RoBERTa and its kin keep two positions for themselves
    model.max_seq_length = limit
    return limit
