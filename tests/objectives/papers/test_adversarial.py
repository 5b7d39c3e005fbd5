"""FGM, PGD, FreeLB, SMART and VAT where the worst direction is known, and on a real model."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf

from tfsocial.objectives import divergence, perturbation, weighing
from tfsocial.objectives.papers.fast_gradient import FGM
from tfsocial.objectives.papers.free_lb import FreeLB
from tfsocial.objectives.papers.noisy_embeddings import NEFTune
from tfsocial.objectives.papers.projected_gradient import PGD
from tfsocial.objectives.papers.smart import SMART
from tfsocial.objectives.papers.virtual_adversarial import VAT
from tfsocial.text import batch as keys

ASCENTS = [FGM("topic", 0.5), PGD("topic", 0.5), FreeLB("topic", start=0.0)]
INVARIANCES = [SMART("topic"), VAT("topic", 0.5)]
ALL = [*ASCENTS, *INVARIANCES, NEFTune("topic")]
REACH = 5 * math.sqrt(2)  # of w . x for a perturbation of length 1 over two tokens


def cross_entropy(score: float) -> float:
    """-log p of label 0 at logits (0, score); of label 1 at -score."""
    return math.log1p(math.exp(score))


def bernoulli_kl(score: float, other: float) -> float:
    """KL of the softmaxes of (0, score) and (0, other)."""
    p, q = 1 / (1 + math.exp(-score)), 1 / (1 + math.exp(-other))
    return p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))


class TestByHand:
    """Both texts have the same loss: one is label 0 at score 1, the other label 1 at -1."""

    def test_the_plain_step_is_as_described(self, linear):
        """Scores 1 and -1 before anything moves."""
        np.testing.assert_allclose(linear.outputs.logits["topic"][0, :, 1], [1, -1], atol=1e-6)

    def test_fgm(self, linear):
        """epsilon = 0.2 moves the score by 0.2 * 5 * sqrt(2), to the wrong side of either."""
        loss, mask = FGM("topic", 0.2)(linear)
        np.testing.assert_allclose(loss, [[cross_entropy(1 + 0.2 * REACH)] * 2], rtol=1e-5)
        np.testing.assert_array_equal(mask, [[1, 1]])

    def test_pgd_stops_at_the_ball(self, linear):
        """Three steps of 0.1 reach 0.25, not 0.3."""
        loss, _ = PGD("topic", epsilon=0.25, step_size=0.1, steps=3)(linear)
        np.testing.assert_allclose(loss, [[cross_entropy(1 + 0.25 * REACH)] * 2], rtol=1e-5)

    def test_pgd_of_one_step_is_fgm(self, linear):
        """K = 1 with a step as long as the radius."""
        one, other = PGD("topic", 0.2, step_size=0.2, steps=1)(linear), FGM("topic", 0.2)(linear)
        np.testing.assert_allclose(one.loss, other.loss, rtol=1e-6)

    def test_free_lb_is_the_mean_over_its_walk(self, linear):
        """From 0, two steps of 0.1: the losses at 0, 0.1 and 0.2, a third each."""
        loss, _ = FreeLB("topic", epsilon=1.0, step_size=0.1, start=0.0, steps=3)(linear)
        expected = np.mean([cross_entropy(1 + far * REACH) for far in (0.0, 0.1, 0.2)])
        np.testing.assert_allclose(loss, [[expected] * 2], rtol=1e-5)

    def test_free_lb_starts_anywhere_of_the_given_size(self, linear):
        """Entries erf(1 / sqrt 2) * start / sqrt(2 tokens * 2 numbers), none on padding."""
        FreeLB("topic", start=0.3, steps=1)(linear)
        entry = math.erf(1 / math.sqrt(2)) * 0.3 / 2
        np.testing.assert_allclose(linear.deltas[0][0, :4], np.full([4, 2], entry), rtol=1e-5)
        np.testing.assert_array_equal(linear.deltas[0][0, 4], [0, 0])

    def test_vat_moves_the_answer_farthest(self, linear):
        """From (1, 1), where w . d < 0, KL grows downwards: both scores fall by 0.1 * REACH."""
        loss, _ = VAT("topic", epsilon=0.1)(linear)
        expected = [bernoulli_kl(score, score - 0.1 * REACH) for score in (1, -1)]
        np.testing.assert_allclose(loss, [expected], rtol=1e-3)

    def test_smart_goes_to_the_corner_of_its_cube(self, linear):
        """A long step, cut to epsilon in each entry: both scores fall by 2 * 7 * epsilon."""
        loss, _ = SMART("topic", epsilon=0.01, step_size=1.0)(linear)
        shift = 2 * 7 * 0.01
        expected = [
            bernoulli_kl(score, score - shift) + bernoulli_kl(score - shift, score)
            for score in (1, -1)
        ]
        np.testing.assert_allclose(loss, [expected], rtol=1e-3)

    def test_neftune(self, linear):
        """Noise erf(1 / sqrt 2) * 0.8 / sqrt(4) in each of four numbers: scores move by -1 each."""
        loss, _ = NEFTune("topic", noise=0.8)(linear)
        entry = math.erf(1 / math.sqrt(2)) * 0.8 / 2
        moved = 1 - 2 * entry  # w . (entry, entry) = -entry, for two tokens
        np.testing.assert_allclose(loss[0, 0], cross_entropy(moved), rtol=1e-5)


def recorded(step):
    """A step that keeps the perturbations it is asked for."""
    deltas, plain = [], step.perturbed
    vars(step)["perturbed"] = lambda delta: deltas.append(delta) or plain(delta)
    return step, deltas


@pytest.mark.parametrize("objective", ALL, ids=lambda objective: type(objective).__name__)
class TestOnARealModel:
    """What the papers promise of every perturbation."""

    def test_only_real_tokens_are_moved(self, objective, bench, batch):
        """Zero on padding; of examples that count, every token's vector moves."""
        step, deltas = recorded(bench.step(batch))
        objective(step)
        sizes = np.abs(deltas[-1].numpy()).sum(-1)
        np.testing.assert_array_equal(sizes[batch[keys.SEGMENT_IDS] == 0], 0)
        counts = np.pad(batch[keys.WEIGHT].numpy(), [[0, 0], [1, 0]])
        labelled = np.pad(batch[keys.label_key("topic")].numpy() >= 0, [[0, 0], [1, 0]])
        counted = np.take_along_axis(counts * labelled, batch[keys.SEGMENT_IDS].numpy(), 1) > 0
        assert (sizes[counted] > 0).all()

    def test_the_clean_gradient_stays(self, objective, bench, batch):
        """Beside the term, the task's own gradient is what it is without the term."""

        def gradient(beside) -> list[tf.Tensor]:
            step = bench.step(batch)
            with tf.GradientTape() as tape:
                beside(step)
                clean = weighing.mean(step.task_loss("topic", step.outputs))
            found = tape.gradient(clean, bench.variables, unconnected_gradients="zero")
            return [tf.convert_to_tensor(gradient) for gradient in found]

        for alone, together in zip(gradient(lambda step: None), gradient(objective), strict=True):
            np.testing.assert_allclose(together, alone, atol=1e-6)


@pytest.mark.parametrize("objective", ASCENTS, ids=lambda objective: type(objective).__name__)
def test_an_ascent_raises_the_loss_of_every_example(objective, bench, batch):
    """After steps along its own gradient no counted example is easier than before."""
    step = bench.step(batch)
    clean, (loss, mask) = step.task_loss("topic", step.outputs).loss, objective(step)
    assert (loss[mask > 0] > clean[mask > 0]).numpy().all()


@pytest.mark.parametrize("objective", INVARIANCES, ids=lambda objective: type(objective).__name__)
def test_the_searched_direction_is_worse_than_chance(objective, bench, batch):
    """The answers move farther than under noise of the same size."""
    step, deltas = recorded(bench.step(batch))
    _, mask = objective(step)
    chance = perturbation.of_norm(step.noise(), batch, perturbation.norms(deltas[-1], batch))

    def apart(delta) -> float:
        logits = (outputs.logits["topic"] for outputs in (step.outputs, step.perturbed(delta)))
        return float(tf.reduce_sum(divergence.symmetric("classify", *logits) * mask))

    assert apart(deltas[-1]) > 1.5 * apart(chance)


def test_the_ordinary_pass_serves_the_first_gradient(bench, batch):
    """FGM costs one pass beside the ordinary one, not two."""
    calls, plain = [], bench.text_model.call

    def counted(*args, **kwargs):
        calls.append(1)
        return plain(*args, **kwargs)

    bench.text_model.call = counted
    try:
        FGM("topic")(bench.step(batch))
    finally:
        bench.text_model.call = plain
    assert len(calls) == 2
