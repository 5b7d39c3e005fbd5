"""SocialModel, whose `train_step` computes L + alpha * L0 + beta * L_paper."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence

import tensorflow as tf
import tf_keras as keras

from tfsocial.config import DriftConstraint, Objectives
from tfsocial.data import batch as keys
from tfsocial.data import packing
from tfsocial.models.text_model import Outputs, TextModel
from tfsocial.objectives import weighing
from tfsocial.objectives.table import Term, losses, needs
from tfsocial.training import gradients, micro_batches, sharpness, stalls
from tfsocial.training.averaging import WeightAverage
from tfsocial.training.forward import Step
from tfsocial.training.given import Given
from tfsocial.training.pace import GradNorm, moving_number, top_layer


class SocialModel(keras.Model):
    """The text model in training, beside M0 and the formula that joins them.

    Only metrics leave a step: a raw tensor would be summed over replicas on GPU but taken
    from the first replica on TPU.

    Args:
        ema: memory of the averages of the weights; None for none.
        parts: that a batch is computed in.
        frozen: weights of the encoder that stay as they are.
    """

    def __init__(
        self,
        text_model: TextModel,
        terms: Sequence[Term],
        total_steps: int,
        given: Given | None = None,
        objectives: Objectives | None = None,
        ema: float | None = None,
        parts: int = 1,
        frozen: Iterable[tf.Variable] = (),
    ):
        super().__init__(name="social_model")
        self._frozen = frozenset(variable.ref() for variable in frozen)
        self.text_model = text_model
        self.terms = list(terms)
        self.total_steps = total_steps
        self.parts = parts
        self.given = given or Given(losses=losses(terms))
        average = self.given.average
        averages = average.trainable_variables if average else None
        for frozen in filter(None, (self.given.m0, self.given.probes, average)):
            frozen.trainable = False
        objectives = objectives or Objectives()
        self.sharpness = objectives.sam_radius
        self.surgery = objectives.weighing == "pcgrad"
        self.pace = None
        if objectives.weighing == "gradnorm":
            self.pace = GradNorm([term.name for term in terms], objectives.gradnorm_alpha)
        self.budgets = {
            term.name: moving_number(term.name, term.weight.start)
            for term in terms
            if isinstance(term.weight, DriftConstraint)
        }
        self.log_variances = None
        if objectives.weighing == "uncertainty":
            self.log_variances = self.add_weight("log_variances", [len(terms)], initializer="zeros")
        self.cosines_every = objectives.cosines_every
        pairs = itertools.combinations([term.name for term in terms], 2)
        measured = [gradients.pair_name(*pair) for pair in pairs] if self.cosines_every else []
        self.cosines = {name: moving_number(name) for name in measured}
        weights = text_model.trainable_variables
        learns = [weight.ref() not in self._frozen for weight in weights]
        self.average = WeightAverage(
            [*itertools.compress(weights, learns)],
            ema,
            averages and [*itertools.compress(averages, learns)],
        )
        self.curves = {name: keras.metrics.Mean(name) for name in _curve_names(self.terms)}
        self._start = (0, 0)
        self._counts_waiting: stalls.Stalls | None = None

    def start_at(self, epoch: int, step: int) -> None:
        """The next `fit` begins there, in the middle of an epoch perhaps."""
        self._start = (epoch, step)

    def _maybe_load_initial_counters_from_ckpt(self, steps_per_epoch, initial_epoch):
        """Where Keras asks its own BackupAndRestore; `initial_epoch` alone cannot say it."""
        return self._start

    def count_waiting(self, counts: stalls.Stalls) -> None:
        """From here on `fit` adds up there what its steps wait for their batches."""
        self._counts_waiting = counts

    def make_train_function(self, force=False):
        """Keras's, with the waiting counted where somebody asked for it."""
        if not self._counts_waiting or (self.train_function is not None and not force):
            return super().make_train_function(force)
        steps = super().make_train_function(force).python_function
        self.train_function = stalls.counting(steps, self._counts_waiting.waited)
        return self.train_function

    def compile(
        self,
        optimizer: keras.optimizers.Optimizer,
        jit_compile: bool,
        steps_per_execution: int = 1,
    ) -> None:
        """As Keras does; builds the optimizer too: a step that makes variables is traced twice."""
        self.steps_at_once = steps_per_execution
        super().compile(optimizer, jit_compile=jit_compile, steps_per_execution=steps_per_execution)
        optimizer.build(self.learned)

    def call(self, batch: keys.Batch, training: bool = False) -> Outputs:
        return self.text_model(batch, training=training)

    @property
    def learned(self) -> list[tf.Variable]:
        """What the optimizer moves. Keras's flags say nothing of it: they would change the order
        of a layer's variables, by which M0's and the averages' are found.
        """
        weights = [*self.term_variables, *self.text_model.trainable_variables]
        return [weight for weight in weights if weight.ref() not in self._frozen]

    @property
    def term_variables(self) -> list[tf.Variable]:
        """What is learned beside the text model: the terms' log variances, if they are."""
        return [] if self.log_variances is None else [self.log_variances]

    @property
    def moving_numbers(self) -> dict[str, tf.Variable]:
        """What has a curve beside the metrics: cosines between terms, weights that move."""
        alphas = {f"alpha/{name}": alpha for name, alpha in self.budgets.items()}
        paces = self.pace.factors if self.pace else {}
        return {**self.cosines, **alphas, **{f"pace/{name}": pace for name, pace in paces.items()}}

    def train_step(self, batch: keys.Batch) -> dict[str, tf.Tensor]:
        weighed = self._descend(batch) if self.parts == 1 else self._descend_in_parts(batch)
        self.average.update(self.optimizer.iterations)
        return self._recorded(batch, weighed)

    def _descend(self, batch: keys.Batch) -> weighing.Weighed:
        """Moves the weights; what the formula was before."""
        weighed, tape = self._taped(batch)
        if self.cosines:
            self._measure_cosines(tape, weighed)
        if self.sharpness:
            self._descend_from_above(batch, weighed, tape)
        elif self.surgery:
            self._apply(self._gradients(weighed, tape))
        else:
            self.optimizer.minimize(weighed.loss, self.learned, tape=tape)
        if self.pace:
            self.pace.update(weighed, tape, top_layer(self.text_model.encoder), self._scaling)
        return weighed

    def _descend_in_parts(self, batch: keys.Batch) -> weighing.Weighed:
        """The same for a batch that does not fit into memory as a whole."""
        certain = [
            micro_batches.Certain(part, self.text_model, self.given, training=False)
            for part in micro_batches.split(batch, self.parts)
        ]
        counts = micro_batches.counted(self.terms, certain)

        def accumulated() -> tuple[weighing.Weighed, list[tf.Tensor]]:
            weighed, found = micro_batches.accumulated(
                batch, self.parts, self._part, counts, self.learned, self._scaling
            )
            return weighed, gradients.over_replicas(found)

        weighed, found = accumulated()
        if self.sharpness:
            with sharpness.climbed(self.learned, found, self.sharpness):
                _, found = accumulated()
        self._apply(found)
        return weighed

    def _part(self, part: keys.Batch, counts: Mapping[str, tf.Tensor]) -> weighing.Weighed:
        """The share of a part of the batch in the formula."""
        return self._formula(part, counts)

    @property
    def _scaling(self) -> gradients.Scaling | None:
        """The optimizer, if it scales losses; Keras makes it so where layers are in float16."""
        return self.optimizer if isinstance(self.optimizer, gradients.Scaling) else None

    def _progress(self) -> tf.Tensor:
        return tf.cast(self.optimizer.iterations, tf.float32) / self.total_steps

    def test_step(self, batch: keys.Batch) -> dict[str, tf.Tensor]:
        """With the weights that the config says, a budget's at its start: what training has made of
        them would measure one epoch by another yardstick than the next.
        """
        step = Step(batch, self.text_model, self.given.elsewhere, False, tf.constant(1.0))
        starts = {
            term.name: term.weight.start
            for term in self.evaluated_terms
            if term.name in self.budgets
        }
        return self._recorded(batch, weighing.total(self.evaluated_terms, step, starts))

    @property
    def evaluated_terms(self) -> list[Term]:
        """Those that can be asked of any split: only train's texts have a second view."""
        return [term for term in self.terms if not needs([term], "view")]

    def predict_step(self, batch: keys.Batch) -> dict[str, tf.Tensor]:
        """Example ids [rows, slots] and every task's predictions [rows, slots, width]."""
        outputs = self(batch, training=False)
        predictions = self.text_model.predictions(outputs)
        return {keys.EXAMPLE_ID: batch[keys.EXAMPLE_ID], **predictions}

    def _taped(self, batch: keys.Batch) -> tuple[weighing.Weighed, tf.GradientTape]:
        """The formula on a batch, and the tape it stands on."""
        several = self.surgery or self.pace is not None or bool(self.cosines)
        # Of what is not watched nothing is recorded, so no gradient of frozen layers is computed.
        with tf.GradientTape(several, watch_accessed_variables=False) as tape:
            tape.watch(self.learned)
            weighed = self._formula(batch)
        return weighed, tape

    def _descend_from_above(
        self, batch: keys.Batch, weighed: weighing.Weighed, tape: tf.GradientTape
    ) -> None:
        """SAM: the gradient at the worst point near theta moves theta."""
        with sharpness.climbed(self.learned, self._gradients(weighed, tape), self.sharpness):
            there = self._gradients(*self._taped(batch))
        self._apply(there)

    def _gradients(self, weighed: weighing.Weighed, tape: tf.GradientTape) -> list[tf.Tensor]:
        """Of the global batch; with PCGrad on what the terms share, the encoder."""
        variables, scaling = self.learned, self._scaling
        if not self.surgery:
            return gradients.of_loss(tape, weighed.loss, variables, scaling)
        encoder = {variable.ref() for variable in self.text_model.encoder.trainable_variables}
        per_term = gradients.per_term(tape, weighed.weighted, variables, scaling)
        shared = [variable.ref() in encoder for variable in variables]
        return gradients.combined([*per_term.values()], shared)

    def _apply(self, of_global_batch: Sequence[tf.Tensor]) -> None:
        pairs = zip(of_global_batch, self.learned, strict=True)
        self.optimizer.apply_gradients(pairs, skip_gradients_aggregation=True)

    def _measure_cosines(self, tape: tf.GradientTape, weighed: weighing.Weighed) -> None:
        lasts = [*self.cosines.values()]

        def measured() -> list[tf.Tensor]:
            variables = self.text_model.encoder.trainable_variables
            per_term = gradients.per_term(tape, weighed.weighted, variables, self._scaling)
            return [*gradients.cosines(per_term).values()]

        if tf.distribute.get_strategy().num_replicas_in_sync > 1:
            values = measured()  # replicas cannot meet inside a branch
        else:
            due = self.optimizer.iterations % self.cosines_every == 0
            values = tf.cond(due, measured, lambda: [last.read_value() for last in lasts])
        for last, value in zip(lasts, values, strict=True):
            last.assign(value)

    def _formula(
        self, batch: keys.Batch, counts: Mapping[str, tf.Tensor] | None = None
    ) -> weighing.Weighed:
        step = Step(batch, self.text_model, self.given, True, self._progress())
        parts = self.parts if counts else 1
        factors, variances = self._factors(), self.log_variances
        return weighing.total(self.terms, step, factors, variances, counts, parts)

    def _factors(self) -> dict[str, tf.Tensor]:
        """What training itself makes of the terms' weights."""
        moved = dict(self.budgets)
        for name, factor in (self.pace.factors if self.pace else {}).items():
            moved[name] = moved.get(name, 1.0) * factor
        return moved

    def _recorded(self, batch: keys.Batch, weighed: weighing.Weighed) -> dict[str, tf.Tensor]:
        """Feeds the curves. Shares of R replicas add up, so their mean is R times too small."""
        replicas = tf.cast(tf.distribute.get_strategy().num_replicas_in_sync, tf.float32)
        shares = {"loss": weighed.loss}
        shares |= {f"raw/{name}": value for name, value in weighed.raw.items()}
        shares |= {f"weighted/{name}": value for name, value in weighed.weighted.items()}
        shares["examples"] = tf.reduce_sum(batch[keys.WEIGHT])
        shares["tokens"] = tf.reduce_sum(tf.cast(batch[keys.SEGMENT_IDS] > 0, tf.float32))
        for name, share in shares.items():
            self.curves[name].update_state(share * replicas)
        self.curves["padding_share"].update_state(packing.padding_share(batch[keys.SEGMENT_IDS]))
        results = {name: metric.result() for name, metric in self.curves.items()}
        if not isinstance(tf.distribute.get_strategy(), tf.distribute.MultiWorkerMirroredStrategy):
            return results
        # Keras adds the workers' logs up, each of which is of the global batch already.
        return {name: result / replicas for name, result in results.items()}


def _curve_names(terms: Sequence[Term]) -> list[str]:
    per_term = [f"{form}/{term.name}" for form in ("raw", "weighted") for term in terms]
    return ["loss", *per_term, "examples", "tokens", "padding_share"]
