"""The train step: what it computes, how often, on how many replicas, and what it reports."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from keras_names import community_name
from small_formulas import DISTANCES, TWO_TASKS, fit, weights_of

from tfsocial.text import batch as keys

LAYERS = 1  # of the encoder in conftest.py


PAPERS = {"r_drop": {"weight": 4.0}, "supervised_contrastive": {"weight": 0.5}}


# The gradient of some weights (the bias of attention's keys) is 0 but for rounding, which Adam
# blows up to a whole step; with a large epsilon such weights stay where they are.
CALM = {"epsilon": 1e-3}


class TestLearning:
    """L goes down."""

    def test_loss_falls(self, social_model, batch, endless):
        """Twenty steps on one batch leave a fifth of the loss at most."""
        losses = fit(social_model(learning_rate=1e-2), endless(batch), 20)["loss"]
        assert losses[-1] < losses[0] / 5

    def test_whole_formula_falls_under_xla(self, social_model, batch, endless):
        """All terms at once, dropout on, compiled by XLA: finite, and falling."""
        model = social_model(
            TWO_TASKS, DISTANCES, PAPERS, dropout=0.1, jit_compile=True, learning_rate=1e-2
        )
        curves = fit(model, endless(batch), 15)
        assert all(np.isfinite(values).all() for values in curves.values())
        assert np.mean(curves["loss"][-3:]) < 0.8 * np.mean(curves["loss"][:3])

    def test_xla_takes_the_same_steps(self, social_model, batch, endless):
        """Without dropout the compiled step moves the weights where the graph's does."""
        models = [
            social_model(community={"l2_sp": {}}, jit_compile=jit, **CALM) for jit in (False, True)
        ]
        for model in models:
            fit(model, endless(batch), 2)
        graph, xla = map(weights_of, models)
        for name, value in graph.items():
            np.testing.assert_allclose(xla[name], value, atol=1e-5, err_msg=name)

    def test_dropout_differs_from_step_to_step(self, social_model, batch, endless):
        """A compiled step draws anew each time: with a rate of next to nothing the loss varies."""
        model = social_model(dropout=0.3, learning_rate=1e-12, weight_decay=0.0)
        losses = fit(model, endless(batch), 3)["loss"]
        assert len(set(losses)) == 3

    def test_label_without_examples_does_no_harm(self, social_model, batch, endless):
        """A batch in which nothing is labelled has loss 0 and moves nothing but by decay."""
        unlabelled = {
            **batch,
            keys.label_key("topic"): -tf.ones_like(batch[keys.label_key("topic")]),
        }
        model = social_model(weight_decay=0.0)
        before = weights_of(model)
        assert fit(model, endless(unlabelled), 2)["loss"] == [0, 0]
        for name, value in weights_of(model).items():
            np.testing.assert_array_equal(value, before[name])


class TestCost:
    """Cost follows use."""

    @pytest.mark.parametrize(
        ("parts", "passes"),
        [
            ({}, 1),
            ({"tasks": TWO_TASKS}, 1),
            ({"community": {"l2_sp": {}}}, 1),
            ({"papers": {"supervised_contrastive": {}}}, 1),
            ({"community": {"feature_cosine": {}}}, 2),
            ({"papers": {"r_drop": {}}}, 2),
            ({"papers": {"r_drop": {}, "supervised_contrastive": {"two_views": True}}}, 2),
            ({"community": DISTANCES, "papers": PAPERS}, 3),
        ],
        ids=[
            "L", "two tasks", "l2_sp", "contrastive", "feature_cosine", "r_drop",
            "two papers share the second pass", "all",
        ],
    )  # fmt: skip
    def test_passes_in_the_graph(self, social_model, batch, parts, passes):
        """One GELU a layer and pass: the traced step holds as many as its terms ask for."""
        model = social_model(**parts)
        graph = tf.function(model.train_step).get_concrete_function(batch).graph
        count = sum(operation.type == "Erf" for operation in graph.get_operations())
        assert count == passes * LAYERS


class TestCommunity:
    """M0 is kept frozen and untouched."""

    @pytest.mark.parametrize("dropout", [0.0, 0.2])
    def test_never_changes(self, social_model, batch, endless, dropout):
        """Five steps that ask M0 for features and weights leave every one of its weights."""
        model = social_model(community=DISTANCES, dropout=dropout, learning_rate=0.1)
        before = [weight.copy() for weight in model.formula.constants["m0"].get_weights()]
        fit(model, endless(batch), 5)
        for value, kept in zip(model.formula.constants["m0"].get_weights(), before, strict=True):
            np.testing.assert_array_equal(value, kept)

    def test_is_not_trained(self, social_model):
        """The optimizer is given the text model's weights and no other."""
        model = social_model(community=DISTANCES)
        trained = {variable.ref() for variable in model.trainable_variables}
        assert trained == {variable.ref() for variable in model.text_model.trainable_variables}

    def test_its_pass_knows_no_dropout(self, social_model, batch):
        """In training as well M0 gives the same features each time."""
        model = social_model(community=DISTANCES, dropout=0.5)
        first, second = (
            model.evaluate(tf.data.Dataset.from_tensors(batch), verbose=0, return_dict=True)
            for _ in range(2)
        )
        assert first == second

    def test_pulls_the_weights_back(self, social_model, batch, endless):
        """With L2-SP far heavier than L the encoder ends nearer to M0 than it began."""

        def distance(model):
            m0 = {
                community_name(v.name): v.numpy() for v in model.formula.constants["m0"].variables
            }
            pairs = (
                (v.numpy(), m0[community_name(v.name)]) for v in model.text_model.encoder.variables
            )
            return sum(np.square(weight - at_m0).sum() for weight, at_m0 in pairs)

        model = social_model(community={"l2_sp": {"weight": 100.0}}, learning_rate=1e-2)
        before = distance(model)
        fit(model, endless(batch), 10)
        assert distance(model) < 0.8 * before


class TestReplicas:
    """Two replicas are one."""

    def test_fit_ends_at_the_same_weights(self, social_model, batch, endless, two_cpus):
        """Three steps of the whole formula on halves of the rows move all weights alike.

        The halves hold five and three labelled examples. The curves agree as well, and so does
        the norm on record: replicas' gradients are added before it is taken and clipped.
        """
        terms = {"tasks": TWO_TASKS, "community": DISTANCES, "papers": PAPERS}
        parts = {**terms, **CALM, "head_multiplier": 5.0}
        alone = social_model(**parts)
        with two_cpus.scope():
            together = social_model(**parts)
        expected, actual = fit(alone, endless(batch), 3), fit(together, endless(batch), 3)
        after = weights_of(alone)
        for name, value in weights_of(together).items():
            np.testing.assert_allclose(value, after[name], atol=1e-5, err_msg=name)
        assert actual.keys() == expected.keys()
        for name, values in expected.items():
            np.testing.assert_allclose(actual[name], values, rtol=1e-4, atol=1e-6, err_msg=name)
        norms = [model.optimizer.gradient_norm.numpy() for model in (alone, together)]
        assert norms[0] == pytest.approx(norms[1], rel=1e-4)
        assert norms[0] > 1.0  # it was clipped

    def test_evaluate_gives_the_same_numbers(self, social_model, batch, two_cpus):
        """`evaluate` reports the formula on two replicas as on one."""
        dataset = tf.data.Dataset.from_tensors(batch)
        parts = {"community": DISTANCES, "papers": PAPERS}
        with two_cpus.scope():
            together = social_model(**parts)
        actual = together.evaluate(dataset, verbose=0, return_dict=True)
        expected = social_model(**parts).evaluate(dataset, verbose=0, return_dict=True)
        assert actual == pytest.approx(expected, rel=1e-4, abs=1e-6)

    def test_replicas_drop_different_units(self, social_model, batch, two_cpus):
        """Each replica has a stream of its own: the same rows on both give different losses."""
        half = {key: value[:2] for key, value in batch.items()}
        with two_cpus.scope():
            model = social_model(dropout=0.3)

        @tf.function
        def pooled():
            return two_cpus.run(lambda: model(half, training=True).pooled)

        one, other = two_cpus.experimental_local_results(pooled())
        assert np.abs(one - other).max() > 1e-3
