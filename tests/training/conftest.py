"""Tiny models in training and one batch that can be learned by heart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import replicas
import tensorflow as tf
import tf_keras as keras

from tfsocial import config
from tfsocial.models import parameters
from tfsocial.models.encoder import PackedBert
from tfsocial.models.spec import HeadSpec
from tfsocial.models.text_model import TextModel
from tfsocial.models.tf_transformers import BertConfig
from tfsocial.objectives import table
from tfsocial.text import batch as keys
from tfsocial.text import packing
from tfsocial.training.optimizers import build, rates
from tfsocial.training.run_constants import RunConstants
from tfsocial.training.social_model import SocialModel

ROWS, ROW_LENGTH, SLOTS, WORDS, LAYERS = 4, 20, 4, 40, 1
LABELS = {"classify": ("red", "green", "blue"), "multilabel": ("new", "loud"), "regress": ()}
CLASSES = [0, 1, 0, 2, 1, 0, -1, 2, 1, 0]
SCORES = [0.5, -1.0, 2.0, 0.0, 1.5, np.nan, 0.3, -0.7, 1.0, 0.1]
EMPTY = packing.EMPTY
ASSIGNMENT = [[0, 1, 2, EMPTY], [3, 4, 5, EMPTY], [6, 7, 8, EMPTY], [9, EMPTY, EMPTY, EMPTY]]
TOPIC = {"topic": {}}
PLAIN_RATES = {"learning_rate": 1e-3, "head_multiplier": 1.0, "warmup_fraction": 0.0}

replicas.configure()


@pytest.fixture(scope="session")
def two_cpus() -> tf.distribute.MirroredStrategy:
    return replicas.two_cpus()


@pytest.fixture(scope="session")
def batch() -> dict[str, tf.Tensor]:
    """Ten examples of three to five tokens; each class has words of its own."""
    random = np.random.default_rng(7)
    count = len(CLASSES)
    tokens = [
        random.integers(1 + 10 * (label + 1), 11 + 10 * (label + 1), 3 + number % 3).tolist()
        for number, label in enumerate(CLASSES)
    ]
    tokens = [[min(word, WORDS - 1) for word in words] for words in tokens]
    features = {
        keys.EXAMPLE_ID: tf.range(count, dtype=tf.int64),
        keys.WEIGHT: tf.ones([count]),
        keys.label_key("topic"): tf.constant(CLASSES),
        keys.label_key("score"): tf.constant(SCORES, tf.float32)[:, tf.newaxis],
    }
    ragged = tf.ragged.constant(tokens, tf.int32)
    types = tf.zeros_like(ragged)
    packed = packing.pack(ragged, types, features, tf.constant(ASSIGNMENT, tf.int64), ROW_LENGTH)
    static = keys.spec(keys.Shape(ROWS, ROW_LENGTH, SLOTS), {"topic": None, "score": 1})
    return {key: tf.ensure_shape(packed[key], spec.shape) for key, spec in static.items()}


@pytest.fixture(scope="session")
def endless() -> Callable[[Mapping[str, tf.Tensor]], tf.data.Dataset]:
    """A batch again and again, as the pipeline would deliver it."""

    def make(batch) -> tf.data.Dataset:
        options = tf.data.Options()
        options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
        return tf.data.Dataset.from_tensors(batch).repeat().with_options(options)

    return make


def encoder_config(dropout: float, layers: int = LAYERS) -> BertConfig:
    return BertConfig(
        vocab_size=WORDS,
        hidden_size=32,
        num_hidden_layers=layers,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=ROW_LENGTH,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        initializer_range=0.2,
    )


@pytest.fixture(scope="session")
def social_model() -> Callable[..., SocialModel]:
    """A compiled SocialModel; always the same first weights, M0's are others."""

    def make(
        tasks: Mapping[str, Any] = TOPIC,
        community: Mapping[str, Any] | None = None,
        papers: Mapping[str, Any] | None = None,
        dropout: float = 0.0,
        jit_compile: bool = False,
        total_steps: int = 100,
        weighing: str = "fixed",
        cosines_every: int | None = None,
        ema: float | None = None,
        sam_radius: float | None = None,
        parts: int = 1,
        layers: int = LAYERS,
        frozen_layers: int | None = None,
        biases_alone: bool = False,
        gradient_checkpointing: bool = False,
        **optimizer: Any,
    ) -> SocialModel:
        tree = {
            "tasks": tasks,
            "objectives": {
                "community": community or {},
                "papers": papers or {},
                "weighing": weighing,
                "cosines_every": cosines_every,
                "sam_radius": sam_radius,
            },
            "optimizer": {**PLAIN_RATES, **optimizer},
        }
        parsed = config.parse(tree)
        keras.utils.set_random_seed(11)
        specs = {
            name: HeadSpec(task.kind, LABELS[task.kind]) for name, task in parsed.tasks.items()
        }
        shape = encoder_config(dropout, layers)
        text_model = TextModel(
            shape,
            specs,
            "mean",
            compiled=jit_compile,
            gradient_checkpointing=gradient_checkpointing,
        )
        text_model.build()
        m0 = PackedBert(shape, name="m0")
        m0.build()
        terms = table.formula(parsed.tasks, parsed.objectives)
        constants = RunConstants(table.losses(terms), provided={"m0": m0})
        weights = parameters.of_encoder(text_model.encoder)
        frozen = rates.matrices(weights) if biases_alone else rates.lowest(weights, frozen_layers)
        model = SocialModel(
            text_model, terms, total_steps, constants, parsed.objectives, ema, parts, frozen
        )
        optimizer = build.of_parameters(model.parameters, parsed.optimizer, total_steps)
        model.compile(optimizer, jit_compile=jit_compile)
        return model

    return make
