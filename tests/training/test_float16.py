"""float16 with scaled losses: the same steps, small gradients held, large ones skipped."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from tfsocial.config import Config, Training
from tfsocial.errors import InputError
from tfsocial.training import devices
from tfsocial.training.callbacks.checkpointing import CheckpointCallback

Scaling = keras.mixed_precision.LossScaleOptimizer
FORMULA = {"community": {"l2_sp": {}}, "papers": {"r_drop": {}}, "epsilon": 1e-3}
SHORT = {**FORMULA, "papers": {}}  # two terms on one pass
HEAVY = {**SHORT, "tasks": {"topic": {"weight": 1e3}}}  # times 2^127 more than float32 holds
SCALE = 2.0**10  # a power of two changes no bit of a float32


@pytest.fixture
def under_float16():
    """Layers made in the test compute in float16."""
    before = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("mixed_float16")
    yield
    keras.mixed_precision.set_global_policy(before)


def weights(model) -> dict[str, np.ndarray]:
    return {v.name: v.numpy() for v in model.text_model.variables}


def scaled(model, scale: float, jit_compile: bool = False):
    """The model with its losses scaled."""
    optimizer = Scaling(model.optimizer, initial_scale=scale)
    model.compile(optimizer, jit_compile=jit_compile)
    return model


# --- the scale ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {},
        pytest.param({"weighing": "gradnorm", "jit_compile": True}, marks=pytest.mark.long),
        {"parts": 2, "sam_radius": 0.05},
        {"weighing": "pcgrad"},
        {"weighing": "uncertainty", "cosines_every": 1},
    ],
    ids=lambda options: "-".join(map(str, options)) or "plain",
)
def test_a_scale_changes_no_step(social_model, batch, endless, options):
    """However gradients are taken, they come out as they were: three steps in float32.

    Without clipping, which would take a scale away that is left in them.
    """
    options = {**(SHORT if options else FORMULA), "clip_norm": None, **options}
    plain = social_model(**options)
    other = scaled(social_model(**options), SCALE, jit_compile=options.get("jit_compile", False))
    for model in (plain, other):
        model.fit(endless(batch), steps_per_epoch=3, verbose=0)
    expected = weights(plain)
    for name, value in weights(other).items():
        np.testing.assert_allclose(value, expected[name], atol=1e-6, err_msg=name)


@pytest.mark.parametrize("weighing", ["fixed", "gradnorm"])
def test_a_step_whose_gradients_overflow_is_skipped(social_model, batch, endless, weighing):
    """Nothing moves, the scale is halved, the step is counted."""
    model = scaled(social_model(**HEAVY, weighing=weighing), 2.0**127)
    before = weights(model)
    model.fit(endless(batch), steps_per_epoch=1, verbose=0)
    for name, value in weights(model).items():
        np.testing.assert_array_equal(value, before[name], err_msg=name)
    assert float(model.optimizer.loss_scale) == 2.0**126
    assert int(model.optimizer.iterations) == 1
    if model.step.gradnorm:
        assert [float(factor.numpy()) for factor in model.step.gradnorm.factors.values()] == [
            1.0
        ] * 2


def test_two_replicas_skip_together(social_model, batch, endless, two_cpus):
    """And take the same steps otherwise."""
    alone = scaled(social_model(**FORMULA), SCALE)
    with two_cpus.scope():
        together = scaled(social_model(**FORMULA), SCALE)
        skipping = scaled(social_model(**HEAVY), 2.0**127)
    before = weights(skipping)
    for model in (alone, together, skipping):
        model.fit(endless(batch), steps_per_epoch=2, verbose=0)
    expected = weights(alone)
    for name, value in weights(together).items():
        np.testing.assert_allclose(value, expected[name], atol=1e-5, err_msg=name)
    for name, value in weights(skipping).items():
        np.testing.assert_array_equal(value, before[name], err_msg=name)


# --- in float16 ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gradient_checkpointing", "jit_compile"),
    [(False, False), (True, False), (True, True)],
    ids=["graph", "graph, checkpointing", "xla, checkpointing"],
)
def test_loss_falls(
    under_float16, social_model, batch, endless, jit_compile, gradient_checkpointing
):
    """The layers compute in float16, Keras scales by itself, and twenty steps learn the batch."""
    model = social_model(
        learning_rate=1e-2, jit_compile=jit_compile, gradient_checkpointing=gradient_checkpointing
    )
    assert model.text_model.encoder.compute_dtype == "float16"
    assert isinstance(model.optimizer, Scaling)
    losses = model.fit(endless(batch), steps_per_epoch=1, epochs=25, verbose=0).history["loss"]
    assert losses[-1] < losses[0] / 5
    assert all(v.dtype == tf.float32 for v in model.text_model.trainable_variables)


def test_the_scale_is_part_of_a_checkpoint(social_model, batch, endless, tmp_path):
    """A run that goes on begins with the scale it had reached."""
    kept, again = (scaled(social_model(**HEAVY), scale) for scale in (2.0**127, 8.0))
    keepers = [
        CheckpointCallback(model, str(tmp_path), Config(), "data", {}, None, every=1, keep=1)
        for model in (kept, again)
    ]
    kept.fit(endless(batch), steps_per_epoch=2, verbose=0)
    keepers[0].save()
    assert keepers[1].restore_latest().step == 2
    assert float(again.optimizer.loss_scale) == 2.0**125


# --- where --------------------------------------------------------------------------------


def test_a_tpu_has_none():
    """Keras refuses to scale there; the sentence says what to use."""

    class Eight:
        num_replicas_in_sync = 8

    with pytest.raises(InputError, match=r"training\.precision=float16: a TPU .*use bfloat16"):
        devices._device(Eight(), Training(precision="float16"), "TPU")
    assert "float16 (as configured)" in devices.choose("cpu", Training(precision="float16")).reason
