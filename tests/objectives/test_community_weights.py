"""Terms of L0 about the weights themselves and about M0's own task, worked by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from community_by_hand import models, reading
from keras_names import community_name

from tfsocial.models.text_model import Outputs
from tfsocial.objectives import masking, weighing
from tfsocial.objectives.community import EWC, L2SP, MaskedLM, RecAdam
from tfsocial.text import batch as keys
from tfsocial.training.forward import Step


class TestL2SP:
    """1/2 * sum (w - w0)^2."""

    def test_by_hand(self, fake_step):
        """(1, 2) from (0, 0) and 5 from 2: (1 + 4 + 9) / 2 = 7 for every counted example."""
        pairs = {
            "a": (tf.constant([1.0, 2.0]), tf.zeros([2])),
            "b": (tf.constant(5.0), tf.constant(2.0)),
        }
        weight = tf.constant([[1.0, 1.0, 0.0]])
        terms = L2SP()(fake_step({keys.WEIGHT: weight}, parameters=pairs))
        np.testing.assert_array_equal(terms.mask, weight)
        np.testing.assert_allclose(terms.loss[terms.mask > 0], [7, 7])
        np.testing.assert_allclose(weighing.mean(terms), 7)

    def test_gradient_is_the_distance(self, bench, batch):
        """Each encoder weight is pulled back by w - w0; the heads are left alone."""
        measured = bench.measure(L2SP(), batch)
        frozen = {community_name(variable.name): variable for variable in bench.m0.variables}
        encoder = {variable.ref() for variable in bench.text_model.encoder.variables}
        assert len(encoder) == len(frozen)
        for variable, gradient in zip(bench.variables, measured.gradients, strict=True):
            at_m0 = variable
            if variable.ref() in encoder:
                at_m0 = frozen[community_name(variable.name)]
            np.testing.assert_allclose(gradient, variable - at_m0, atol=1e-5)

    def test_is_zero_at_theta0(self, batch):
        """With M0's weights there is nothing to pull at."""
        text_model, m0 = models("mean")
        text_model.encoder.set_weights(m0.get_weights())
        loss, _ = L2SP()(Step(batch, text_model, reading(m0), training=False))
        np.testing.assert_array_equal(loss, tf.zeros_like(loss))


class TestRecAdam:
    """(1 - lambda(t)) * L2-SP."""

    @pytest.mark.parametrize(
        ("progress", "recalled"),
        [(0.5, 0.5), (0.5 - np.log(3) / 20, 0.75), (0.5 + np.log(3) / 20, 0.25)],
    )
    def test_by_hand(self, fake_step, progress, recalled):
        """A distance of 7 times one half in the middle, three quarters and a quarter about it."""
        pairs = {
            "a": (tf.constant([1.0, 2.0]), tf.zeros([2])),
            "b": (tf.constant(5.0), tf.constant(2.0)),
        }
        step = fake_step(
            {keys.WEIGHT: tf.ones([1, 1])},
            parameters=pairs,
            progress=tf.constant(progress, tf.float32),
        )
        np.testing.assert_allclose(RecAdam()(step).loss, [[7 * recalled]], rtol=1e-5)


class TestMaskedLM:
    """The mean over a text's hidden words of -log p(word)."""

    def test_by_hand(self, monkeypatch):
        """Two of the first text's words are hidden, one of the second's, none of the third's.

        Of 4 words the hidden ones have probabilities 1/4 and 1/2, and 1/8.
        """
        chosen = tf.constant([[True, True, False, True, False]])
        hidden = masking.Masked(None, chosen, places=tf.constant([[0, 1, 3, 2]]))
        monkeypatch.setattr(masking, "masked", lambda *_: hidden)
        others = [[0.25, 0.25, 0.25], [1 / 6] * 3, [0.1] * 3, [7 / 24] * 3, [0.2] * 3]
        own = [0.25, 0.5, 0.7, 0.125, 0.4]
        logits = np.log([[[p, *rest] for p, rest in zip(own, others, strict=True)]])
        batch = {
            keys.TOKEN_IDS: tf.zeros([1, 5], tf.int32),
            keys.SEGMENT_IDS: tf.constant([[1, 1, 2, 2, 3]]),
            keys.EXAMPLE_ID: tf.constant([[0, 1, 2]], tf.int64),
            keys.WEIGHT: tf.ones([1, 3]),
        }
        step = SimpleNamespace(
            batch=batch,
            encode_tokens=lambda tokens: Outputs(tf.constant(logits, tf.float32), None, {}),
            mlm_logits=lambda states: states,
        )
        loss, mask = MaskedLM()(step)
        expected = [[(np.log(4) + np.log(2)) / 2, np.log(8), 0]]
        np.testing.assert_allclose(loss, expected, rtol=1e-5)
        np.testing.assert_array_equal(mask, [[1, 1, 1]])


class TestEWC:
    """1/2 sum of F (w - w0)^2."""

    def test_by_hand(self, fake_step):
        """F 2 and 0 on moves of 3 and 9, F 4 on a move of 1: (18 + 0 + 4) / 2."""
        pairs = {
            "a": (tf.constant([4.0, 9.0]), tf.constant([1.0, 0.0])),
            "b": (tf.ones([]), tf.zeros([])),
        }
        fisher = {"b": tf.constant(4.0), "a": tf.constant([2.0, 0.0])}  # order says nothing
        weight = tf.constant([[1.0, 0.0]])
        step = fake_step({keys.WEIGHT: weight}, parameters=pairs, fisher=fisher)
        loss, mask = EWC()(step)
        np.testing.assert_allclose(loss, [[11, 11]])
        np.testing.assert_array_equal(mask, [[1, 0]])

    def test_is_l2_sp_where_all_weights_matter_alike(self, fake_step):
        """With F = 1 everywhere."""
        pairs = {"a": (tf.constant([4.0, 9.0]), tf.constant([1.0, 0.0]))}
        alike = {"a": tf.ones([2])}
        step = fake_step({keys.WEIGHT: tf.ones([1, 1])}, parameters=pairs, fisher=alike)
        np.testing.assert_allclose(EWC()(step).loss, L2SP()(step).loss)
