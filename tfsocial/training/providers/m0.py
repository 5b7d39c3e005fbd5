"""M0 beside the model that is tuned: the community's encoder, frozen."""

from __future__ import annotations

from tfsocial.models import parameters
from tfsocial.models.encoder import PackedBert
from tfsocial.training.providers.contract import Context, Provider
from tfsocial.training.run_constants import RunConstants


class M0(Provider):
    """A `PackedBert` with M0's weights, never to be trained."""

    def build(self, context: Context, constants: RunConstants) -> PackedBert:
        """Copy the encoder while its weights are still M0's."""
        return frozen_copy(context.text_model.encoder)


def frozen_copy(encoder: PackedBert) -> PackedBert:
    """Copy what an encoder without adapters has of the encoder's weights."""
    m0 = PackedBert(encoder.config, pooler=encoder.has_pooler, name="m0")
    m0.build()
    parameters.of_encoder(m0).copy_from(parameters.of_encoder(encoder))
    m0.trainable = False
    return m0
