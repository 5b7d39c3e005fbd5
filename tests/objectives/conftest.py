"""A tiny real model, a packed batch with every kind of slot, and a plain stand-in for a step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pytest
import replicas
import tensorflow as tf
import tf_keras as keras
from all_objectives import CASES, FIRST_KINDS

from tfsocial.models import parameters
from tfsocial.models.encoder import PackedBert
from tfsocial.models.heads import Heads
from tfsocial.models.spec import HeadSpec
from tfsocial.models.text_model import Outputs, TextModel
from tfsocial.models.tf_transformers import BertConfig
from tfsocial.objectives import table, weighing
from tfsocial.objectives.contract import LabelTokens, Taught, Terms
from tfsocial.text import batch as keys
from tfsocial.text import packing
from tfsocial.training.forward import Step
from tfsocial.training.run_constants import RunConstants

ROWS, ROW_LENGTH, SLOTS, WORDS = 4, 20, 4, 40
TASK_OF_KIND = {"classify": "topic", "multilabel": "tags", "regress": "score"}
SPECS = {
    "topic": HeadSpec("classify", ("red", "green", "blue")),
    "tags": HeadSpec("multilabel", ("new", "loud")),
    "score": HeadSpec("regress", ()),
}
LOSSES = {task: table.TASK[table.USUAL_LOSS[spec.kind]](task) for task, spec in SPECS.items()}
COUNTS = {"topic": np.array([40, 30, 4])}
# What neighbours say of the ten examples; of example 8 nothing.
SHARES = np.float32([[6, 3, 1], [2, 7, 1], [1, 1, 8], [4, 3, 3], [5, 4, 1], [1, 2, 7]]) / 10
PROPAGATED = {"topic": np.concatenate([SHARES, SHARES[:2], np.zeros([1, 3]), SHARES[2:3]])}
# Three to five examples of each class; example 4 has weight 0, example 6 has no label.
# Class 2 has one example in each half of the rows: they meet across replicas only.
CLASSES = [0, 1, 0, 2, 1, 0, -1, 2, 1, 0]
WEIGHTS = [1, 1, 1, 1, 0, 1, 1, 1, 1, 1]
# A teacher's vectors and logits of the ten.
TAUGHT = Taught(
    np.sin(np.outer(1.3 + np.arange(10), np.arange(32))).astype(np.float32),
    {
        task: np.cos(np.outer(0.7 + np.arange(10), 1 + np.arange(spec.width))).astype(np.float32)
        for task, spec in SPECS.items()
    },
    np.ones(10, np.float32),
)
EMPTY = packing.EMPTY
# Labelled examples: five in the upper half of the rows, three in the lower half.
ASSIGNMENT = [[0, 1, 2, EMPTY], [3, 4, 5, EMPTY], [6, 7, 8, EMPTY], [9, EMPTY, EMPTY, EMPTY]]
ELSEWHERE = [[9, 7, EMPTY, EMPTY], [2, EMPTY, EMPTY, EMPTY], [8, 5, 0, 6], [3, 1, 4, EMPTY]]

MIDDLE = 0.4  # of the run
# Word 1 is special, every third goes on with the word before it, word 2 stands for [MASK].
WORD_PARTS = keys.WordParts(np.arange(WORDS) < 2, np.arange(WORDS) % 3 == 0, mask=2)

replicas.configure()


class Measured(NamedTuple):
    """What an objective gives on a batch, and the gradients of its weighed mean."""

    terms: Terms
    share: tf.Tensor
    gradients: list[tf.Tensor]


@dataclass(frozen=True)
class DeterministicStep(Step):
    """A step whose chance is a function of its examples, wherever these stand.

    The second pass differs in the type of each token. What was frozen once can be frozen at the
    same values again, with other weights: then the loss is the function its gradient is of.
    """

    replayed: list[tf.Tensor] | None = None  # to hold again, in the order of the calls
    drawn: list[int] = field(default_factory=list)
    held: list[tf.Tensor] = field(default_factory=list)

    def uniform(self) -> tf.Tensor:
        self.drawn.append(1)
        golden = tf.cast(self.batch[keys.EXAMPLE_ID] + 2, tf.float32) * 0.618034
        return tf.math.floormod(golden + 0.377 * len(self.drawn), 1.0)

    def noise(self) -> tf.Tensor:
        self.drawn.append(1)
        token, place = (
            tf.cast(self.batch[key], tf.float32)[..., tf.newaxis]
            for key in (keys.TOKEN_IDS, keys.POSITION_IDS)
        )
        dimension = tf.range(self.text_model.encoder.config.hidden_size, dtype=tf.float32)
        return 1.4 * tf.sin(7.1 * token + 3.3 * place + 1.7 * dimension * (1 + token))

    def uniform_tokens(self) -> tf.Tensor:
        self.drawn.append(1)
        example = tf.gather(
            tf.pad(self.batch[keys.EXAMPLE_ID] + 2, [[0, 0], [1, 0]]),
            self.batch[keys.SEGMENT_IDS],
            batch_dims=1,
        )
        place = tf.cast(31 * example, tf.float32) + tf.cast(
            self.batch[keys.POSITION_IDS], tf.float32
        )
        return tf.math.floormod(0.618034 * place + 0.377 * len(self.drawn), 1.0)

    def frozen(self, values: tf.Tensor) -> tf.Tensor:
        self.held.append(tf.stop_gradient(values))
        return self.held[-1] if self.replayed is None else self.replayed[len(self.held) - 1]

    @cached_property
    def _other_types(self) -> Outputs:
        batch = {**self.batch, keys.TYPE_IDS: 1 - self.batch[keys.TYPE_IDS]}
        return self.text_model(batch, training=self.training)

    def again(self) -> Outputs:
        return self._other_types


@dataclass
class Bench:
    """A small model beside another as M0, and what an objective makes of them."""

    text_model: TextModel
    m0: PackedBert
    probes: Heads
    average: TextModel
    names: Mapping[str, keys.Batch]
    fisher: dict[str, tf.Tensor]

    @property
    def constants(self) -> RunConstants:
        """What the providers would have made, of every need."""
        spread = {task: tf.constant(shares, tf.float32) for task, shares in PROPAGATED.items()}
        provided = {
            "probe": self.probes,
            "m0": self.m0,
            "averaged_weights": self.average,
            "second_view": keys.VIEW,
            "label_embeddings": self.names,
            "name_separation": dict.fromkeys(self.names, 0.6),
            "m0_vectors": None,
            "propagated_labels": spread,
            "teacher": {"teacher": TAUGHT},
            "teacher_encoder": {"teacher": self.m0},
            "word_parts": WORD_PARTS,
            "mlm_head": self.text_model.mlm_logits,
            "fisher": self.fisher,
        }
        return RunConstants(LOSSES, COUNTS, provided, frozenset({"propagated_labels", "teacher"}))

    @property
    def variables(self) -> list[tf.Variable]:
        return self.text_model.trainable_variables

    def step(self, batch: keys.Batch, held: list[tf.Tensor] | None = None) -> Step:
        return DeterministicStep(batch, self.text_model, self.constants, False, MIDDLE, held)

    def dropout_step(self, batch: keys.Batch) -> Step:
        return Step(batch, self.text_model, self.constants, True, MIDDLE)

    def terms(self, objective, batch: keys.Batch) -> Terms:
        return objective(self.step(batch))

    def share(self, objective, batch: keys.Batch) -> tf.Tensor:
        return weighing.mean(self.terms(objective, batch))

    def measure(self, objective, batch: keys.Batch, dropout: bool = False) -> Measured:
        with tf.GradientTape() as tape:
            terms = objective(self.dropout_step(batch) if dropout else self.step(batch))
            share = weighing.mean(terms)
        gradients = tape.gradient(share, self.variables, unconnected_gradients="zero")
        return Measured(terms, share, [tf.convert_to_tensor(gradient) for gradient in gradients])

    def copy(self) -> Bench:
        """The same weights in new variables, under the strategy and precision of now."""
        twin = make_bench()
        twin.text_model.set_weights(self.text_model.get_weights())
        twin.m0.set_weights(self.m0.get_weights())
        twin.probes.set_weights(self.probes.get_weights())
        twin.average.set_weights(self.average.get_weights())
        return twin


@dataclass(frozen=True)
class FakeStep:
    """A step whose outputs are given instead of computed; one replica."""

    batch: Mapping[str, tf.Tensor]
    outputs: Outputs | None = None
    second: Outputs | None = None
    community: Outputs | None = None
    parameters: Mapping[str, tuple] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)
    label_counts: Mapping[str, np.ndarray] = field(default_factory=dict)
    progress: float = 1.0
    average: Outputs | None = None
    label_names: Mapping[str, tf.Tensor] = field(default_factory=dict)
    fisher: Mapping[str, tf.Tensor] = field(default_factory=dict)
    view: Outputs | None = None
    propagated: Mapping[str, tf.Tensor] = field(default_factory=dict)
    taught: Mapping[str, Taught] = field(default_factory=dict)
    hidden_of: Mapping[str, tf.Tensor] = field(default_factory=dict)
    tokens_of_names: LabelTokens | None = None
    separation: float = 1.0

    def name_separation(self, task: str) -> float:
        return self.separation

    def label_tokens(self, task: str) -> LabelTokens:
        return self.tokens_of_names

    def teacher_hidden(self, name: str) -> tf.Tensor:
        return self.hidden_of[name]

    def teacher(self, name: str) -> Taught:
        return self.taught[name]

    def propagated_labels(self, task: str) -> tf.Tensor:
        return self.propagated[task]

    def second_view(self) -> Outputs:
        return self.view

    def label_embeddings(self, task: str) -> tf.Tensor:
        return self.label_names[task]

    def again(self) -> Outputs:
        return self.second

    def frozen(self, values: tf.Tensor) -> tf.Tensor:
        return tf.stop_gradient(values)

    def gather(self, values: tf.Tensor) -> tf.Tensor:
        return values


def make_bench() -> Bench:
    keras.utils.set_random_seed(5)
    config = BertConfig(
        vocab_size=WORDS,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=ROW_LENGTH,
        initializer_range=0.2,  # BERT's 0.02 makes an untrained model nearly linear
    )
    text_model = TextModel(config, SPECS, pooling="mean", head_dropout=0.1, mlm_head=True)
    text_model.build()
    m0 = PackedBert(config, name="m0")
    m0.build()
    m0.trainable = False
    probes = Heads(SPECS, config.hidden_size, name="probes")
    probes.build()
    probes.set_weights([6 * weight for weight in probes.get_weights()])
    average = TextModel(config, SPECS, pooling="mean", mlm_head=True)
    average.build()
    average.trainable = False
    random = np.random.default_rng(3)
    fisher = {
        name: tf.constant(random.exponential(size=weight.shape), tf.float32)
        for name, weight in parameters.of_encoder(m0).variables.items()
    }
    return Bench(text_model, m0, probes, average, {"topic": make_names()}, fisher)


def make_names() -> dict[str, tf.Tensor]:
    """The three classes' names, of one to three tokens, in two rows and out of order."""
    names = tf.ragged.constant([[3], [5, 6, 7], [8, 9]], tf.int32)
    features = {keys.EXAMPLE_ID: tf.range(3, dtype=tf.int64), keys.WEIGHT: tf.ones([3])}
    places = tf.constant([[2, 0], [1, EMPTY]], tf.int64)
    return packing.pack(names, tf.zeros_like(names), features, places, ROW_LENGTH)


def make_batch(assignment: list[list[int]]) -> dict[str, tf.Tensor]:
    """The ten examples, three to five tokens each, in the rows an assignment gives them.

    A second view lacks the first token of each.
    """
    random = np.random.default_rng(7)
    count = len(CLASSES)
    tokens = [random.integers(1, WORDS, 3 + number % 3).tolist() for number in range(count)]
    tags = random.integers(0, 2, [count, 2]).astype(np.float32)
    score = random.normal(size=[count, 1]).astype(np.float32)
    tags[6], score[6] = np.nan, np.nan
    features = {
        keys.EXAMPLE_ID: tf.range(count, dtype=tf.int64),
        keys.WEIGHT: tf.constant(WEIGHTS, tf.float32),
        keys.label_key("topic"): tf.constant(CLASSES),
        keys.label_key("tags"): tf.constant(tags),
        keys.label_key("score"): tf.constant(score),
    }
    ragged = tf.ragged.constant(tokens, tf.int32)
    types = tf.ragged.constant([[0, *[1] * (len(words) - 1)] for words in tokens], tf.int32)
    places = tf.constant(assignment, tf.int64)
    packed = packing.pack(ragged, types, features, places, ROW_LENGTH)
    second = packing.pack(ragged[:, 1:], types[:, 1:], {}, places, ROW_LENGTH)
    packed |= {keys.view_key(keys.VIEW, key): values for key, values in second.items()}
    shape = keys.Shape(ROWS, ROW_LENGTH, SLOTS)
    static = keys.spec(shape, {"topic": None, "tags": 2, "score": 1}, ("", keys.VIEW))
    return {key: tf.ensure_shape(packed[key], spec.shape) for key, spec in static.items()}


@pytest.fixture(scope="session")
def bench() -> Bench:
    return make_bench()


@pytest.fixture(scope="session")
def bfloat16_bench(bench) -> Bench:
    before = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        return bench.copy()
    finally:
        keras.mixed_precision.set_global_policy(before)


@pytest.fixture(scope="session")
def batch() -> dict[str, tf.Tensor]:
    return make_batch(ASSIGNMENT)


@pytest.fixture(scope="session")
def rearranged() -> dict[str, tf.Tensor]:
    """The examples of `batch` in other rows and slots."""
    return make_batch(ELSEWHERE)


@pytest.fixture(scope="session")
def task_of_kind() -> Mapping[str, str]:
    return TASK_OF_KIND


@pytest.fixture(scope="session")
def fake_step() -> type[FakeStep]:
    return FakeStep


@pytest.fixture(scope="session")
def fake_outputs():
    """Outputs of a pass that gave these logits, or these pooled vectors."""

    def make(logits=None, pooled=None, task: str = "topic") -> Outputs:
        logits = {} if logits is None else {task: tf.constant(logits, tf.float32)}
        pooled = None if pooled is None else tf.constant(pooled, tf.float32)
        return Outputs(None, pooled, logits)

    return make


@pytest.fixture(scope="session")
def two_cpus() -> tf.distribute.MirroredStrategy:
    return replicas.two_cpus()


@pytest.fixture(scope="session")
def mirrored_bench(bench, two_cpus) -> Bench:
    with two_cpus.scope():
        return bench.copy()


@pytest.fixture(params=CASES, ids=str)
def objective(request, task_of_kind):
    return request.param.objective(task_of_kind)


@pytest.fixture(params=FIRST_KINDS, ids=str)
def of_first_kind(request, task_of_kind):
    return request.param.objective(task_of_kind)
