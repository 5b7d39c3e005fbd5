"""The train step: what it computes, how often, on how many replicas, and what it reports."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tensorflow as tf
from keras_names import community_name
from sklearn.metrics import log_loss

from tfsocial.text import batch as keys
from tfsocial.training.callbacks.guard import Diverged, Guard
from tfsocial.training.callbacks.metrics_logger import MetricsLogger

LAYERS = 1  # of the encoder in conftest.py
TWO_TASKS = {"topic": {"weight": 2.0}, "score": {"kind": "regress", "weight": 0.5}}
DISTANCES = {"feature_cosine": {"weight": 3.0}, "l2_sp": {"weight": 0.01}}
PAPERS = {"r_drop": {"weight": 4.0}, "supervised_contrastive": {"weight": 0.5}}
# The gradient of some weights (the bias of attention's keys) is 0 but for rounding, which Adam
# blows up to a whole step; with a large epsilon such weights stay where they are.
CALM = {"epsilon": 1e-3}


def fit(model, dataset, steps: int, **options) -> dict[str, list[float]]:
    """The curves of single steps: each epoch is one step."""
    history = model.fit(dataset, steps_per_epoch=1, epochs=steps, verbose=0, **options)
    return history.history


def weights_of(model) -> dict[str, np.ndarray]:
    return {variable.name: variable.numpy() for variable in model.text_model.variables}


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


class TestCurves:
    """What leaves a step."""

    @pytest.fixture(scope="class", params=[1, 2], ids=["one replica", "two replicas"])
    def trained(self, request, social_model, batch, endless):
        """(curves of one step, the model's outputs before it); L, L0 twice and a schedule."""
        parts = {
            "tasks": TWO_TASKS,
            "community": DISTANCES,
            "papers": {"supervised_contrastive": {"weight": {"start": 0.25, "end": 1.0}}},
        }
        if request.param == 1:
            model = social_model(**parts)
        else:
            with request.getfixturevalue("two_cpus").scope():
                model = social_model(**parts)
        before = social_model(**parts)
        return fit(model, endless(batch), 1), before

    def test_terms_equal_the_formula_by_hand(self, trained, batch):
        """Raw terms from the outputs in numpy, times their weights, and their sum."""
        curves, model = trained
        raw = terms_by_hand(model, batch)
        weights = {
            "L/topic": 2.0,
            "L/score": 0.5,
            "L0/feature_cosine": 3.0,
            "L0/l2_sp": 0.01,
        }
        for name, value in raw.items():
            assert curves[f"raw/{name}"][0] == pytest.approx(value, rel=1e-4)
            assert curves[f"weighted/{name}"][0] == pytest.approx(weights[name] * value, rel=1e-4)
        contrastive = curves["raw/L_paper/supervised_contrastive"][0]
        assert contrastive > 0.1
        weighted = curves["weighted/L_paper/supervised_contrastive"][0]
        assert weighted == pytest.approx(0.25 * contrastive, rel=1e-5)
        total = sum(weights[name] * value for name, value in raw.items()) + weighted
        assert curves["loss"][0] == pytest.approx(total, rel=1e-4)

    def test_counts_and_padding(self, trained, batch):
        """Ten examples of 3, 4, 5, 3, 4, 5, 3, 4, 5 and 3 tokens in four rows of twenty."""
        curves, _ = trained
        assert curves["examples"] == [10]
        assert curves["tokens"] == [39]
        assert curves["padding_share"][0] == pytest.approx(1 - 39 / 80)

    def test_names(self, trained):
        """Every term raw and weighted, the loss, and what the machine did; nothing else."""
        curves, _ = trained
        terms = [
            "L/topic", "L/score", "L0/feature_cosine", "L0/l2_sp", "L_paper/supervised_contrastive",
        ]  # fmt: skip
        both = {f"{form}/{term}" for form in ("raw", "weighted") for term in terms}
        assert set(curves) == {"loss", "examples", "tokens", "padding_share", *both}

    def test_an_epochs_curve_is_the_mean_of_its_steps(self, social_model, batch, endless):
        """Three steps in one epoch report the mean of three one-step epochs."""
        apart = fit(social_model(), endless(batch), 3)["loss"]
        together = social_model().fit(endless(batch), steps_per_epoch=3, verbose=0).history["loss"]
        assert together[0] == pytest.approx(np.mean(apart), rel=1e-5)

    def test_weights_move_with_the_run(self, social_model, batch, endless):
        """A jump at half of a run of four steps: no weight in two steps, all of it in two."""
        jump = {"end": 1.0, "begin": 0.5, "shape": "step"}
        model = social_model(community={"feature_cosine": {"weight": jump}}, total_steps=4)
        curves = fit(model, endless(batch), 4)
        weighted, raw = (curves[f"{form}/L0/feature_cosine"] for form in ("weighted", "raw"))
        assert weighted[:2] == [0, 0]
        assert weighted[2:] == raw[2:]
        assert min(raw) > 0


def terms_by_hand(model, batch) -> dict[str, float]:
    """L and L0 from the model's outputs, in numpy and scikit-learn."""
    outputs = model(batch)
    m0 = model.text_model.pool(model.formula.constants["m0"](batch), batch).numpy()
    used = batch[keys.WEIGHT].numpy() > 0
    topic, score = (batch[keys.label_key(task)].numpy() for task in ("topic", "score"))
    probabilities = tf.nn.softmax(outputs.logits["topic"]).numpy()[topic >= 0]
    errors = (outputs.logits["score"] - score).numpy()[np.isfinite(score)]
    tuned, frozen = outputs.pooled.numpy()[used], m0[used]
    lengths = np.linalg.norm(tuned, axis=-1) * np.linalg.norm(frozen, axis=-1)
    at_m0 = {
        community_name(variable.name): variable
        for variable in model.formula.constants["m0"].variables
    }
    drift = (v - at_m0[community_name(v.name)] for v in model.text_model.encoder.variables)
    return {
        "L/topic": log_loss(topic[topic >= 0], probabilities, labels=range(3)),
        "L/score": np.mean(errors**2),
        "L0/feature_cosine": np.mean(1 - (tuned * frozen).sum(-1) / lengths),
        "L0/l2_sp": sum(np.square(difference).sum() for difference in drift) / 2,
    }


class TestTestStep:
    """`evaluate` and `predict`."""

    def test_evaluate_knows_no_dropout_and_changes_nothing(self, social_model, batch):
        """The formula of the weights as they are, schedules at their end."""
        model = social_model(TWO_TASKS, DISTANCES, dropout=0.5)
        before = weights_of(model)
        dataset = tf.data.Dataset.from_tensors(batch)
        results = model.evaluate(dataset, verbose=0, return_dict=True)
        for name, value in terms_by_hand(model, batch).items():
            assert results[f"raw/{name}"] == pytest.approx(value, rel=1e-4)
        for name, value in weights_of(model).items():
            np.testing.assert_array_equal(value, before[name])

    def test_predict_gives_ids_and_every_task(self, social_model, batch):
        """Probabilities add up to 1; the ids say which example a slot holds."""
        outputs = social_model(TWO_TASKS).predict(tf.data.Dataset.from_tensors(batch), verbose=0)
        assert set(outputs) == {keys.EXAMPLE_ID, "topic", "score"}
        np.testing.assert_array_equal(outputs[keys.EXAMPLE_ID], batch[keys.EXAMPLE_ID])
        np.testing.assert_allclose(outputs["topic"].sum(-1), np.ones([4, 4]), rtol=1e-5)
        assert outputs["score"].shape == (4, 4, 1)


class TestGuard:
    """A loss that stops being a number stops the run, and says where."""

    def test_names_step_and_term(self, social_model, batch, endless):
        """A label of 1e30 has no finite square: L/score alone is named, at step 1."""
        score = tf.fill(batch[keys.label_key("score")].shape, 1e30)
        model = social_model(TWO_TASKS)
        with pytest.raises(Diverged, match=r"not finite at step 1; first in L/score\. "):
            fit(model, endless({**batch, keys.label_key("score"): score}), 3, callbacks=[Guard(3)])

    def test_learning_rate_that_breaks_the_weights(self, social_model, batch, endless):
        """The first step's loss is still finite; the second's, after a step of 1e30, is not."""
        model = social_model(learning_rate=1e30)
        with pytest.raises(Diverged, match=r"at step 2; first in L/topic.*optimizer.learning_rate"):
            fit(model, endless(batch), 5, callbacks=[Guard(5)])

    def test_one_bad_step_in_an_epoch_is_enough(self, social_model, batch):
        """Logs are means over the epoch: the guard sees the third of four steps in them."""
        bad = {**batch, keys.WEIGHT: batch[keys.WEIGHT] * float("inf")}
        steps = [batch, batch, bad, batch]
        dataset = tf.data.Dataset.from_generator(
            lambda: iter(steps),
            output_signature={key: tf.TensorSpec(v.shape, v.dtype) for key, v in batch.items()},
        )
        with pytest.raises(Diverged, match="at step 3; first in L/topic"):
            social_model().fit(dataset, verbose=0, callbacks=[Guard(4)])

    def test_callbacks_read_mirrored_variables(
        self, social_model, batch, endless, two_cpus, tmp_path
    ):
        """Guard and curves follow a run on two replicas; a point after a step is of both."""
        with two_cpus.scope():
            model = social_model()
        curves = MetricsLogger(tmp_path, every=1)
        curves.open()
        ends = fit(model, endless(batch), 1, callbacks=[Guard(1), curves])
        (point,) = map(json.loads, (tmp_path / "metrics.jsonl").read_text().splitlines())
        assert point["train/gradient_norm"] > 0
        assert point["train/loss"] == pytest.approx(ends["loss"][0], rel=1e-5)
        assert point["train/padding_share"] == pytest.approx(ends["padding_share"][0], rel=1e-5)

    def test_lets_good_runs_pass(self, social_model, batch, endless):
        """Finite losses are nobody's business."""
        model = social_model()
        assert len(fit(model, endless(batch), 3, callbacks=[Guard(3)])["loss"]) == 3

    def test_ends_the_run_at_its_last_step(self, social_model, batch, endless):
        """An epoch of five steps is cut short after the second, if the run has but two."""
        model = social_model()
        model.fit(endless(batch), steps_per_epoch=5, epochs=3, verbose=0, callbacks=[Guard(2)])
        assert int(model.optimizer.iterations) == 2
