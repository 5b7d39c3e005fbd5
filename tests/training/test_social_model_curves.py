"""What a step reports, and what an evaluation of the formula does."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tensorflow as tf
from keras_names import community_name
from sklearn.metrics import log_loss
from small_formulas import DISTANCES, TWO_TASKS, fit, weights_of

from tfsocial.text import batch as keys
from tfsocial.training.callbacks.guard import Diverged, Guard
from tfsocial.training.callbacks.metrics_logger import MetricsLogger


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
