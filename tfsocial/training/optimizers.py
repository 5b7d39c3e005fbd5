"""AdamW as its paper has it, learning rates over the run, what decays, clipping."""

from __future__ import annotations

import math
from collections.abc import Sequence

import tensorflow as tf
import tf_keras as keras

from tfsocial.config import Optimizer

# Decay pulls weights towards zero. For biases and LayerNorm scales zero means nothing; rows of
# the word table that no training text touches would only be worn away.
NOT_DECAYED = ("bias", "LayerNorm", "word_embeddings", "log_variances")


class AdamW(keras.optimizers.AdamW):
    """Keras's AdamW with one fused kernel per variable and the gradient's norm on record.

    theta <- theta - eta_t * (m_hat / (sqrt(v_hat) + epsilon) + lambda * theta)
    Loshchilov & Hutter (2019), Decoupled Weight Decay Regularization, arXiv:1711.05101.
    As in Keras, epsilon is the epsilon-hat of Adam's paper, arXiv:1412.6980, section 2: it is
    added to sqrt(v) before v's correction, not after.

    Keras's own update is a dozen passes over memory for each variable; on a CPU that costs
    as much as a third of the step. `ResourceApplyAdam` is the same arithmetic in one.
    """

    def __init__(self, *args, head_multiplier: float = 1.0, **kwargs):
        super().__init__(*args, **kwargs)
        self.head_multiplier = head_multiplier
        self._heads: set[str] = set()

    def mark_heads(self, variables: Sequence[tf.Variable]) -> None:
        """These learn `head_multiplier` times as fast: they start from nothing, M0 does not."""
        self._heads |= {self._var_key(variable) for variable in variables}

    def build(self, var_list):
        if not getattr(self, "_built", False):
            self.gradient_norm = tf.Variable(
                0.0,
                trainable=False,
                name="gradient_norm",
                synchronization=tf.VariableSynchronization.ON_WRITE,
                aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
            )
        super().build(var_list)

    def _deduplicate_sparse_grad(self, grads):
        """Nothing here: `_clip_gradients` has made them dense."""
        return grads

    def _clip_gradients(self, grads):
        """Runs after replicas' gradients were summed, so the norm is the global one.

        Dense from here on: the norm of a table's single rows is not that of their sum (each
        text has its own row for [CLS]), and XLA cannot know the shapes of deduplicated rows.
        """
        grads = [tf.convert_to_tensor(grad) for grad in grads]
        norm = tf.linalg.global_norm(grads)
        self.gradient_norm.assign(norm)
        if not self.global_clipnorm:
            return grads
        return tf.clip_by_global_norm(grads, self.global_clipnorm, use_norm=norm)[0]

    def _apply_weight_decay(self, variables):
        """Nothing here: `update_step` decays, in one pass instead of three."""

    def update_step(self, gradient, variable):
        key = self._var_key(variable)
        index = self._index_dict[key]
        momentum, velocity = self._momentums[index], self._velocities[index]
        rate = self.learning_rate * (self.head_multiplier if key in self._heads else 1.0)
        step = tf.cast(self.iterations + 1, tf.float32)
        if self.weight_decay and self._use_weight_decay(variable):
            tf.raw_ops.ResourceApplyGradientDescent(
                var=variable.handle,
                alpha=rate * self.weight_decay,
                delta=variable,
                use_locking=True,
            )
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=momentum.handle,
            v=velocity.handle,
            beta1_power=tf.pow(self.beta_1, step),
            beta2_power=tf.pow(self.beta_2, step),
            lr=rate,
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=gradient,
            use_locking=True,
        )


class WarmUpAndDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up from 0 to `peak`, then linear, cosine or no decay to `final`.

    >>> schedule = WarmUpAndDecay(1.0, total_steps=10, warmup_steps=2, decay="linear", final=0.0)
    >>> [round(float(schedule(step)), 3) for step in (0, 1, 2, 6, 10)]
    [0.5, 1.0, 1.0, 0.5, 0.0]
    """

    def __init__(self, peak: float, total_steps: int, warmup_steps: int, decay: str, final: float):
        self.peak, self.final, self.decay = peak, final, decay
        self.total_steps, self.warmup_steps = total_steps, warmup_steps

    def __call__(self, step):
        step = tf.cast(step, tf.float32)
        # The first step already moves: a rate of exactly 0 would waste a batch.
        warm = (step + 1) / max(1, self.warmup_steps)
        return self.peak * tf.minimum(1.0, tf.minimum(warm, self._decayed(step)))

    def get_config(self):
        return dict(vars(self))

    def _decayed(self, step):
        if self.decay == "constant":
            return tf.ones([])
        behind = (step - self.warmup_steps) / max(1, self.total_steps - self.warmup_steps)
        behind = tf.clip_by_value(behind, 0.0, 1.0)
        left = (1 + tf.cos(math.pi * behind)) / 2 if self.decay == "cosine" else 1 - behind
        return self.final / self.peak + (1 - self.final / self.peak) * left


def build(config: Optimizer, total_steps: int, heads: Sequence[tf.Variable] = ()) -> AdamW:
    """The optimizer of a run of so many steps, in which `heads` have a rate of their own."""
    schedule = WarmUpAndDecay(
        config.learning_rate,
        total_steps,
        round(config.warmup_fraction * total_steps),
        config.decay,
        config.final_fraction * config.learning_rate,
    )
    optimizer = AdamW(
        schedule,
        weight_decay=config.weight_decay,
        beta_1=config.beta_1,
        beta_2=config.beta_2,
        epsilon=config.epsilon,
        global_clipnorm=config.clip_norm,
        head_multiplier=config.head_multiplier,
        jit_compile=False,  # the train step is compiled as a whole or not at all
    )
    optimizer.mark_heads(heads)
    optimizer.exclude_from_weight_decay(var_names=list(NOT_DECAYED))
    return optimizer
