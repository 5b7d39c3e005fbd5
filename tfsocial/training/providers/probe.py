"""Linear probes on M0: what its vectors say of each task before anything is tuned."""

from __future__ import annotations

from tfsocial.models.heads import Heads
from tfsocial.training import probe
from tfsocial.training.providers.contract import Context, Provider
from tfsocial.training.run_constants import RunConstants


class Probe(Provider):
    """`Heads` that are fitted to M0's vectors of train, frozen."""

    def build(self, context: Context, constants: RunConstants) -> Heads:
        text_model, c = context.text_model, context.settings.model.probe_c
        size, normalize = text_model.encoder.config.hidden_size, text_model.heads.normalize
        probes = Heads(text_model.specs, size, normalize=normalize, name="probes")
        probes.build()
        probe.put(probes, context.vectors, context.encoded, text_model.specs, "probe", c)
        return probes
