"""The text encoder that a Quaterion servable carries; import it only where quaterion-models is wanted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from quaterion_models.encoders import Encoder
from sentence_transformers import SentenceTransformer


class TextEncoder(Encoder):  # type: ignore[misc]
    """A frozen sentence-transformers model: texts in, vectors of unit length out, as embtune embeds them.

    `SimilarityModel.load` finds this class by its import path; the model itself lies in the servable.
    """

    def __init__(self, model: SentenceTransformer) -> None:
        super().__init__()
        self.sentence_transformer = model

    @property
    def trainable(self) -> bool:
        """Whether training changes it: no."""
        return False

    @property
    def embedding_size(self) -> int:
        """Length of a vector."""
        return int(self.sentence_transformer.get_embedding_dimension() or 0)

    def get_collate_fn(self) -> Callable[[list[Any]], Any]:
        """Return a function that passes a list of texts on as it is."""
        return list

    def forward(self, batch: list[str]) -> torch.Tensor:
        """Return the vectors, shape (len(batch), `embedding_size`), rows of unit length."""
        vectors = self.sentence_transformer.encode(
            batch, convert_to_tensor=True, normalize_embeddings=True, show_progress_bar=False
        )
        return vectors.clone()  # out of inference mode, so that a head can be trained on top

    def save(self, output_path: str) -> None:
        """Write the whole model into the folder, weights as safetensors."""
        self.sentence_transformer.save(output_path, create_model_card=False)

    @classmethod
    def load(cls, input_path: str) -> TextEncoder:
        """Read what `save` wrote."""
        return cls(SentenceTransformer(input_path, device="cpu", local_files_only=True))
