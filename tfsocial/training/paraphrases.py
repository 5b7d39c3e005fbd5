"""The paraphrases that a run mixes in."""

from __future__ import annotations

from tfsocial.checkpoints.community import CommunityCheckpoint
from tfsocial.config import Config
from tfsocial.data.augment import chain, paraphrase_filter
from tfsocial.data.augment.paraphrases import Paraphrases
from tfsocial.data.examples import Examples


def of_run(config: Config, m0: CommunityCheckpoint, train: Examples) -> Paraphrases | None:
    """Reads what the ops of a config mix in; None where none does.

    Raises:
        ConfigError: see `paraphrase_filter.usable_paraphrases`.
    """
    if not chain.needs_paraphrases(chain.build(config)):
        return None
    yardstick = paraphrase_filter.yardstick(m0.resource(config.model).sha256, config.model.pooling)
    return Paraphrases.of(paraphrase_filter.usable_paraphrases(config.data, train, yardstick))
