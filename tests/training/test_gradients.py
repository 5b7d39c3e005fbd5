"""PCGrad and cosines on vectors worked by hand, and in the step."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tensorflow as tf
import tiny_run

from tfsocial.training import gradients


def vectors(*rows) -> list[list[tf.Tensor]]:
    """Terms' gradients, each of two variables: the first number, and the rest."""
    return [[tf.constant(row[:1], tf.float32), tf.constant(row[1:], tf.float32)] for row in rows]


def flat(parts) -> list[float]:
    return np.concatenate([part.numpy() for part in parts]).tolist()


def test_agreeing_gradients_are_added():
    """No angle above 90 degrees: the plain sum."""
    assert flat(gradients.without_conflicts(vectors([1, 0], [1, 1]))) == [2, 1]


def test_conflicting_gradients_by_hand():
    """(1, 0) and (-1, 1): their dot product is -1.

    The first becomes (1, 0) + 1/2 (-1, 1) = (1/2, 1/2), the second (-1, 1) + (1, 0) = (0, 1).
    """
    assert flat(gradients.without_conflicts(vectors([1, 0], [-1, 1]))) == [0.5, 1.5]


def test_a_zero_gradient_changes_nothing():
    """A term that is satisfied has no direction to be against."""
    assert flat(gradients.without_conflicts(vectors([1, -2], [0, 0]))) == [1, -2]


def test_what_is_not_shared_is_added():
    """Only the second variable is shared; there (0) and (1) agree, and the first is a plain sum."""
    assert flat(gradients.combined(vectors([1, 0], [-1, 1]), [False, True])) == [0, 1]


def test_cosines_by_hand():
    """45 degrees, 180 degrees, and nothing to measure."""
    terms = dict(zip("abc", vectors([1, 0], [2, 2], [-3, 0]), strict=True))
    found = {name: float(value) for name, value in gradients.cosines(terms).items()}
    expected = {"cosine/a~b": 0.5**0.5, "cosine/a~c": -1, "cosine/b~c": -(0.5**0.5)}
    assert found == pytest.approx(expected)
    zero = dict(zip("ab", vectors([1, 0], [0, 0]), strict=True))
    assert float(gradients.cosines(zero)["cosine/a~b"]) == 0


FORMULA = {"community": {"l2_sp": {"weight": 1.0}}, "papers": {"r_drop": {"weight": 1.0}}}


def one_step(social_model, batch, endless, weighing: str, **options):
    model = social_model(weighing=weighing, **FORMULA, **options)
    model.fit(endless(batch), steps_per_epoch=1, epochs=1, verbose=0)
    return {variable.name: variable.numpy() for variable in model.text_model.variables}


def test_uncertainty_begins_with_the_weights_given(social_model, batch, endless):
    """exp(-0) is 1: the first step moves the model as without; then the variances move."""
    calm = {"epsilon": 1e-3, "clip_norm": None}
    plain = one_step(social_model, batch, endless, "fixed", **calm)
    learned = one_step(social_model, batch, endless, "uncertainty", **calm)
    for name, value in plain.items():
        np.testing.assert_allclose(learned[name], value, atol=1e-6, err_msg=name)


def test_uncertainty_learns_to_trust_the_small_loss(social_model, batch, endless):
    """s / 2 + exp(-s) L has its minimum at s = log 2 L: larger losses end with larger s."""
    model = social_model(weighing="uncertainty", learning_rate=0.05, **FORMULA)
    history = model.fit(endless(batch), steps_per_epoch=1, epochs=10, verbose=0).history
    variances = model.term_variables["log_variances"]
    last = [history[f"raw/{term.name}"][-1] for term in model.formula.terms]
    assert np.argmin(variances.numpy()) == np.argmin(last)


def test_pcgrad_and_cosines_in_the_step(social_model, batch, endless):
    """The loss falls, and each pair of terms has a cosine, measured every second step."""
    model = social_model(
        weighing="pcgrad", cosines_every=2, dropout=0.1, learning_rate=0.01, **FORMULA
    )
    losses, measured = [], []
    for _ in range(6):
        losses += model.fit(endless(batch), steps_per_epoch=1, verbose=0).history["loss"]
        measured.append([float(cosine.numpy()) for cosine in model.step.cosines.last.values()])
    assert losses[-1] < losses[0]
    assert len(measured[0]) == 3
    assert measured[0::2] == measured[1::2], "taken at steps 0, 2, 4 and kept in between"
    assert measured[0] != measured[2] != measured[4]
    assert all(0 < abs(cosine) <= 1 for cosine in measured[0])


def test_pcgrad_and_cosines_under_xla(social_model, batch, endless):
    """Compiled, the first steps have the same losses and the same angle between two terms."""
    found = []
    for jit_compile in (False, True):
        model = social_model(
            weighing="pcgrad", cosines_every=1, jit_compile=jit_compile,
            community=FORMULA["community"], epsilon=1e-3,
        )  # fmt: skip
        losses = model.fit(endless(batch), steps_per_epoch=1, epochs=2, verbose=0).history["loss"]
        found.append(
            [*losses, *(float(cosine.numpy()) for cosine in model.step.cosines.last.values())]
        )
    np.testing.assert_allclose(found[1], found[0], rtol=1e-4)


@pytest.mark.parametrize("weighing", ["uncertainty", "pcgrad"])
def test_two_replicas_are_one(social_model, batch, endless, two_cpus, weighing):
    """The same weights and the same angles after two steps on half of the rows each."""
    formula = {"community": {"l2_sp": {}}, "papers": {"supervised_contrastive": {}}}

    def trained():
        return social_model(weighing=weighing, cosines_every=1, epsilon=1e-3, **formula)

    alone = trained()
    with two_cpus.scope():
        together = trained()
    for model in (alone, together):
        model.fit(endless(batch), steps_per_epoch=1, epochs=2, verbose=0)
    for one, other in zip(alone.trainable_variables, together.trainable_variables, strict=True):
        np.testing.assert_allclose(other.numpy(), one.numpy(), atol=1e-5, err_msg=one.name)
    for name, cosine in alone.step.cosines.last.items():
        np.testing.assert_allclose(
            together.step.cosines.last[name].numpy(), cosine.numpy(), atol=1e-4
        )


def test_pcgrad_without_conflict_is_the_plain_step(social_model, batch, endless):
    """One term has nothing to be against."""
    steps = []
    for weighing in ("fixed", "pcgrad"):
        model = social_model(weighing=weighing, epsilon=1e-3)
        model.fit(endless(batch), steps_per_epoch=2, epochs=1, verbose=0)
        steps.append({v.name: v.numpy() for v in model.text_model.variables})
    for name, value in steps[0].items():
        np.testing.assert_allclose(steps[1][name], value, atol=1e-6, err_msg=name)


def test_cosines_are_curves(tmp_path):
    """metrics.jsonl has the last measured angle of each pair, not a mean with zeros in it."""
    moods = tiny_run.write_moods(tmp_path / "data")
    objectives = {"community": {"feature_cosine": {}}, "cosines_every": 3}
    run = tiny_run.train(tiny_run.settings(moods, objectives=objectives), tmp_path / "run")
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").open()]
    found = [row["train/cosine/L/mood~L0/feature_cosine"] for row in rows if "train/loss" in row]
    (last,) = run.metrics_logger.model.step.cosines.last.values()
    assert len(found) > 1
    assert found[-1] == pytest.approx(float(last.numpy()))
    assert all(0 < abs(value) <= 1 for value in found)
