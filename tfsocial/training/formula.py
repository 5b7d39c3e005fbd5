"""The formula of a run, L + alpha * L0 + beta * L_paper, on any batch of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import tensorflow as tf

from tfsocial.models.text_model import TextModel
from tfsocial.objectives import weighing
from tfsocial.objectives.table import Term, drift_constraints, needs
from tfsocial.text.batch import Batch
from tfsocial.training.forward import Step
from tfsocial.training.run_constants import RunConstants


@dataclass(frozen=True, eq=False)
class Formula:
    """The formula with all that it is computed from.

    Attributes:
        terms: of the formula.
        text_model: that is trained.
        constants: of the run.
        total_steps: of the run; schedules of weights follow from it.
        alphas: term -> its weight, of those that a drift constraint moves.
        factors: term -> what GradNorm multiplies its weight with; empty without it.
        log_variances: float32 [terms], of weighing by uncertainty; else None.
    """

    terms: list[Term]
    text_model: TextModel
    constants: RunConstants
    total_steps: int
    alphas: Mapping[str, tf.Variable] = field(default_factory=dict)
    factors: Mapping[str, tf.Variable] = field(default_factory=dict)
    log_variances: tf.Variable | None = None

    def training(
        self,
        batch: Batch,
        iterations: tf.Tensor | tf.Variable,
        counts: Mapping[str, tf.Tensor] | None = None,
        parts: int = 1,
    ) -> weighing.Weighed:
        """Compute this replica's share of the formula, with dropout.

        Args:
            iterations: int64 [], steps that were done before.
            counts: term -> examples it counts in the global batch, where `batch` is one of
                `parts` parts of it.
        """
        progress = tf.cast(iterations, tf.float32) / self.total_steps
        step = Step(batch, self.text_model, self.constants, True, progress)
        moved = dict(self.alphas)
        for name, factor in self.factors.items():
            moved[name] = moved.get(name, 1.0) * factor
        return weighing.total(self.terms, step, moved, self.log_variances, counts, parts)

    def evaluation(self, batch: Batch) -> weighing.Weighed:
        """Compute this replica's share of the formula without dropout, its schedules at their end.

        With the weights that the config says, a drift constraint's at its start: what training has
        made of them would measure one epoch by another yardstick than the next.
        """
        step = Step(batch, self.text_model, self.constants.elsewhere, False, tf.constant(1.0))
        constraints = drift_constraints(self.evaluated_terms)
        starts = {name: constraint.start for name, constraint in constraints.items()}
        return weighing.total(self.evaluated_terms, step, starts)

    @property
    def evaluated_terms(self) -> list[Term]:
        """The terms that can be asked of any split: only train's texts have a second view."""
        return [term for term in self.terms if not needs([term], "second_view")]
