"""M0's vectors of train, so that M0 need not read a text more than once."""

from __future__ import annotations

import tensorflow as tf

from tfsocial.training.providers import contract
from tfsocial.training.providers.contract import Context, Provider
from tfsocial.training.run_constants import RunConstants


class M0Vectors(Provider):
    """Float32 [train's examples, hidden], M0's pooled vector of each.

    None where texts change in each epoch or are too many: then M0 reads each batch.
    """

    of_train = True

    def build(self, context: Context, constants: RunConstants) -> tf.Tensor | None:
        size = len(context.encoded) * context.text_model.encoder.config.hidden_size
        if context.settings.data.augment or size > contract.MOST_NUMBERS:
            return None
        return tf.constant(context.vectors)
