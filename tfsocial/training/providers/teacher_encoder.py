"""Teachers' encoders beside the model that learns, frozen, in its vocabulary."""

from __future__ import annotations

from tfsocial.errors import InputError
from tfsocial.models.encoder import PackedBert
from tfsocial.objectives import table
from tfsocial.text.tokenizer import Tokenizer
from tfsocial.training.providers.contract import Context, Provider
from tfsocial.training.run_constants import RunConstants


class TeacherEncoder(Provider):
    """Name in `checkpoints` -> its encoder, a `PackedBert` that is never trained."""

    def build(self, context: Context, constants: RunConstants) -> dict[str, PackedBert]:
        terms = [one for one in context.terms if "teacher_encoder" in one.objective.needs]
        return {
            name: _encoder(context, name, key) for name, key in table.checkpoints(terms).items()
        }


def _encoder(context: Context, name: str, key: str) -> PackedBert:
    """Build a teacher's encoder with the rows of its word table that the run has.

    Raises:
        InputError: it has another vocabulary or width than the model.
    """
    checkpoint = context.checkpoints[name]
    width = context.text_model.encoder.config.hidden_size
    if (its := checkpoint.config.hidden_size) != width:
        raise InputError(f"{key}: the teacher's states have {its} numbers, the model's {width}")
    if Tokenizer.load(checkpoint.folder).vocabulary != context.tokenizer.vocabulary:
        raise InputError(f"{key}: the teacher's vocabulary is not the model's")
    encoder = PackedBert(checkpoint.architecture(context.token_ids), name=f"teacher_{name}")
    encoder.build()
    checkpoint.fill(encoder, context.token_ids)
    encoder.trainable = False
    return encoder
