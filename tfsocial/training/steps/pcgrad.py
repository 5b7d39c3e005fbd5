"""PCGrad: where terms pull against each other, neither is pulled back."""

from __future__ import annotations

from collections.abc import Iterable

import tensorflow as tf

from tfsocial.text.batch import Batch
from tfsocial.training import gradients
from tfsocial.training.steps.contract import Evaluated, Trained
from tfsocial.training.steps.plain import taped


class PCGrad:
    """The sum of the terms' gradients without conflicts on what the terms share.

    Yu et al. (2020), Gradient Surgery for Multi-Task Learning, arXiv:2001.06782; see
    `gradients.without_conflicts`.

    Args:
        shared: variables of which all terms have gradients, the encoder's.
    """

    def __init__(self, shared: Iterable[tf.Variable]):
        self._shared = frozenset(variable.ref() for variable in shared)

    def evaluate(self, model: Trained, batch: Batch) -> Evaluated:
        """Compute the formula and the gradients to descend along, of the global batch."""
        weighed, tape = taped(model, batch, keep=True)
        per_term = gradients.per_term(
            tape, weighed.weighted, model.learned, gradients.scaling(model.optimizer)
        )
        shared = [variable.ref() in self._shared for variable in model.learned]
        return Evaluated(weighed, gradients.combined([*per_term.values()], shared), tape)
