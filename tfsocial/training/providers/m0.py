"""M0 beside the model that is tuned: the community's encoder, frozen."""

from __future__ import annotations

from tfsocial.models.encoder import PackedBert
from tfsocial.training.providers.contract import Context, Provider
from tfsocial.training.run_constants import RunConstants


class M0(Provider):
    """A `PackedBert` with M0's weights, never to be trained."""

    def build(self, context: Context, constants: RunConstants) -> PackedBert:
        encoder = context.text_model.encoder
        m0 = PackedBert(encoder.config, pooler=encoder.has_pooler, name="m0")
        m0.build()
        m0.set_weights(encoder.get_weights())
        m0.trainable = False
        return m0
