"""What the recommender takes of the model's answers: vectors of texts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfsocial.apps.model import Model, unit_vectors, version_of


def embed(model: Model, texts: Sequence[str]) -> tuple[str, np.ndarray]:
    """Ask a model for the vectors of texts, [n, d], of length 1.

    Returns:
        The version of the model that gave them, and they.

    Raises:
        Problem: it is not allowed, not possible, or not in time.
    """
    answers = model.answers("embed", texts)
    versions = {version_of(answer) for answer in answers}
    if len(versions) > 1:  # exchanged between two calls: all anew, by the new one
        return embed(model, texts)
    return versions.pop(), unit_vectors(answers)
