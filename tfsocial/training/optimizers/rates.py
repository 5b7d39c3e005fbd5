"""How fast each weight learns beside the run's schedule, by its place in the model."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfsocial import config
from tfsocial.config import InputError
from tfsocial.models.encoder import PackedBert
from tfsocial.models.text_model import TextModel


def multipliers(
    text_model: TextModel, chosen: config.Optimizer, beside: Sequence[tf.Variable] = ()
) -> list[tuple[tf.Variable, float]]:
    """What the rate of each weight is multiplied with: xi^depth in the encoder, else the heads'.

    Layer-wise decay of the learning rate: Howard & Ruder (2018), ULMFiT, arXiv:1801.06146,
    section 3.2 (discriminative fine-tuning), where xi is 1 / 2.6; Clark et al. (2020), ELECTRA,
    arXiv:2003.10555, appendix B. Layer l of n has xi^(n - l): the top layer has 1, as has the
    pooler over it, and the embeddings have xi^n. Heads start from nothing, M0 does not: they
    have `head_multiplier` whatever the decay, and so has what is learned `beside` the text model.
    """
    encoder = [
        (variable, chosen.layer_decay**depth) for variable, depth in depths(text_model.encoder)
    ]
    fresh = [*text_model.heads.variables, *beside]
    return encoder + [(variable, chosen.head_multiplier) for variable in fresh]


def begins(encoder: PackedBert, steps_per_layer: float) -> list[tuple[tf.Variable, int]]:
    """The first step (from 0) at which each weight of the encoder moves: the top layer first.

    Gradual unfreezing: Howard & Ruder (2018), ULMFiT, arXiv:1801.06146, section 3.3. The heads
    learn alone for `steps_per_layer`, then with the top layer and the pooler, then with one layer
    more; the embeddings come last. Meanwhile the schedule of the learning rate runs on for all.
    """
    return [(variable, round((depth + 1) * steps_per_layer)) for variable, depth in depths(encoder)]


def lowest(encoder: PackedBert, layers: int | None) -> list[tf.Variable]:
    """The weights of so many of the lowest layers and of the embeddings below; none for None.

    Raises:
        InputError: the encoder has no layer above them.
    """
    if layers is None:
        return []
    top = encoder.config.num_hidden_layers
    if layers >= top:
        raise InputError(
            f"training.frozen_layers={layers}: the encoder has {top} layers, and the top one at "
            "least must learn"
        )
    return [variable for variable, depth in depths(encoder) if depth >= top - layers]


def depths(encoder: PackedBert) -> list[tuple[tf.Variable, int]]:
    """Each weight of a built encoder, and how far its layer is below the top one.

    0 for the top layer and the pooler over it, n - 1 for the lowest of n, n for the embeddings.
    """
    bert = encoder.bert
    top_down = [*reversed(bert.encoder.layer), bert.embeddings]
    blocks = [(block, depth) for depth, block in enumerate(top_down)]
    if encoder.has_pooler:
        blocks.append((bert.pooler, 0))
    return [(variable, depth) for block, depth in blocks for variable in block.trainable_variables]
