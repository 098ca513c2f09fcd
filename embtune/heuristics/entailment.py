"""Models of natural language inference: whether a statement about a label follows from a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embtune.embedding.device import Device
from embtune.embedding.models import ResolvedModel, _quiet
from embtune.errors import ModelError
from embtune.progress import Report, silent

_ENTAILS = "entail"
_CLASSIFIER = "ForSequenceClassification"
_PAIRS = 64
_MOST_TOKENS = 512
_MOST_CHARACTERS = 20 * _MOST_TOKENS


def is_classifier(resolved: ResolvedModel) -> bool:
    """Tell whether a model classifies (pairs of) texts, where others make vectors of them."""
    with _quiet():
        from transformers import AutoConfig

        try:
            config = AutoConfig.from_pretrained(resolved.path, **_loading(resolved))
        except (OSError, ValueError, KeyError):
            return False  # a sentence-transformers folder of another build
    return any(name.endswith(_CLASSIFIER) for name in config.architectures or ())


@dataclass(frozen=True)
class EntailmentModel:
    """A loaded model, and which of its answers says that the second text follows from the first."""

    model: Any
    tokenizer: Any
    entails: int
    device: str

    @classmethod
    def load(cls, resolved: ResolvedModel, device: Device) -> EntailmentModel:
        """Load a model; its code is never run, and its weights are safetensors.

        Raises
        ------
        ModelError
            If it cannot be loaded, or was not made for inference.
        """
        with _quiet():
            try:
                from transformers import AutoModelForSequenceClassification, AutoTokenizer

                tokenizer = AutoTokenizer.from_pretrained(resolved.path, **_loading(resolved))
                model = AutoModelForSequenceClassification.from_pretrained(
                    resolved.path, use_safetensors=True, **_loading(resolved)
                )
            except MemoryError:
                raise
            except (
                Exception
            ) as error:  # a damaged model fails in as many ways as there are libraries under it
                reason = str(error).strip().splitlines() or [type(error).__name__]
                raise ModelError(
                    f"The model {resolved.name!r} ({resolved.path}) cannot be loaded: "
                    f"{reason[0].rstrip('.')}. Check that it is whole, in safetensors and without code."
                ) from error
        names = {int(number): str(name).lower() for number, name in model.config.id2label.items()}
        entails = next((number for number, name in names.items() if name.startswith(_ENTAILS)), None)
        if entails is None:
            raise ModelError(
                f"The model {resolved.name!r} tells {', '.join(names.values())} apart, not what follows "
                "from a text: choose a model of natural language inference, or one that makes embeddings."
            )
        return cls(model.float().eval().to(device.kind), tokenizer, entails, device.kind)

    def scores(
        self, texts: Sequence[str], statements: Sequence[str], *, report: Report = silent
    ) -> NDArray[np.float32]:
        """Say how far each statement follows from each text: logits, shape (texts, statements)."""
        import torch

        found = np.empty((len(texts), len(statements)), np.float32)
        order = np.argsort([-len(text) for text in texts], kind="stable")  # of one length side by side
        size = max(1, _PAIRS // len(statements))
        report(0, len(texts), unit="records")
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            pairs = [(texts[row][:_MOST_CHARACTERS], said) for row in rows.tolist() for said in statements]
            tokens = self.tokenizer(
                [text for text, _ in pairs],
                [said for _, said in pairs],
                padding=True,
                truncation="only_first",
                max_length=min(self.tokenizer.model_max_length, _MOST_TOKENS),
                return_tensors="pt",
            ).to(self.device)
            with torch.inference_mode():
                logits = self.model(**tokens).logits[:, self.entails]
            found[rows] = logits.float().cpu().numpy().reshape(len(rows), len(statements))
            report(start + len(rows), len(texts), unit="records")
        return found


def _loading(resolved: ResolvedModel) -> dict[str, Any]:
    return {"trust_remote_code": False, "local_files_only": resolved.origin != "hub"}
