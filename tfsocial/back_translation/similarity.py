"""How near M0 finds texts to one another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfsocial.checkpoints.community import CommunityCheckpoint
from tfsocial.config import Model
from tfsocial.data.examples import Examples
from tfsocial.models.embedder import Embedder

ROW_LENGTH = 128  # tokens of a text that M0 compares


class SemanticSimilarity:
    """How near M0 finds texts to one another; see `translation.Similarity`."""

    def __init__(self, embedder: Embedder):
        self._embedder = embedder

    @classmethod
    def of(cls, model: Model, m0: CommunityCheckpoint) -> SemanticSimilarity:
        """Make one with M0's weights and pooling."""
        return cls(m0.embedder(model.pooling, ROW_LENGTH))

    def __call__(self, texts: Sequence[str], others: Sequence[str]) -> np.ndarray:
        """Compute the cosine of each text with the other of its place, float32 [n]."""
        both = list(dict.fromkeys([*texts, *others]))
        places = {text: place for place, text in enumerate(both)}
        vectors = self._embedder(Examples.of_texts(both))
        one, other = (vectors[[places[text] for text in column]] for column in (texts, others))
        return np.sum(one * other, axis=-1)
