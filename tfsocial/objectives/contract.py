"""What every objective promises, and what it gets: the two sides of the formula's seam.

An objective is a frozen dataclass whose fields are its knobs. Called with a view of the
step it returns per-example losses and their mask, never a reduced number: `weighing`
alone weighs, masks, reduces and sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import tensorflow as tf

from tfsocial.config import TaskKind
from tfsocial.data.batch import Batch
from tfsocial.models.text_model import Outputs


class Terms(NamedTuple):
    """Per-example losses.

    Attributes:
        loss: float32 [rows, slots]; whatever stands where the mask is 0 is ignored,
            so long as it is finite.
        mask: float32 [rows, slots] of 0 and 1.
    """

    loss: tf.Tensor
    mask: tf.Tensor


class Forward(Protocol):
    """A lazy view of one step: what nobody asks for is not computed, nothing is computed twice."""

    batch: Batch
    kinds: dict[str, TaskKind]

    @property
    def outputs(self) -> Outputs:
        """The ordinary training pass."""

    def again(self) -> Outputs:
        """A second pass with fresh dropout; the same one for all who ask."""

    @property
    def community(self) -> Outputs:
        """M0's own outputs, frozen, without dropout; its logits are empty."""

    @property
    def parameters(self) -> Sequence[tuple[tf.Tensor, tf.Tensor]]:
        """Each encoder weight beside its value in M0."""

    def gather(self, values: tf.Tensor) -> tf.Tensor:
        """Values of all replicas, concatenated along the first axis; differentiable."""


class Objective(Protocol):
    """One term of L + alpha * L0 + beta * L_paper."""

    def __call__(self, step: Forward) -> Terms: ...
