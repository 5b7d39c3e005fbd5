"""The text model once more, for the moving average of its weights."""

from __future__ import annotations

from collections.abc import Sequence

from tfsocial.errors import InputError
from tfsocial.models import parameters
from tfsocial.models.text_model import TextModel
from tfsocial.objectives.table import Term
from tfsocial.training.providers.contract import Context, Provider, Settings
from tfsocial.training.run_constants import RunConstants


class AveragedWeights(Provider):
    """A `TextModel`, at first with the weights of the one that is trained."""

    def check(self, terms: Sequence[Term], settings: Settings) -> None:
        if terms and settings.training.ema is None:
            raise InputError(
                f"{terms[0].where} needs an average of the weights: "
                "set training.ema too, 0.99 for short runs"
            )

    def build(self, context: Context, constants: RunConstants) -> TextModel:
        """Copy the text model with the weights that it has now."""
        return twin(context.text_model)


def twin(text_model: TextModel) -> TextModel:
    """Build the same model once more, with the same weights."""
    other = TextModel.of(text_model.encoder.config, text_model.spec)
    parameters.of_text_model(other).copy_from(parameters.of_text_model(text_model))
    return other
