"""The paraphrases that a run mixes in."""

from __future__ import annotations

from collections.abc import Mapping

from tfsocial.checkpoints.community import CommunityCheckpoint
from tfsocial.config import Data, Model
from tfsocial.data.augment import chain, paraphrase_filter
from tfsocial.data.augment.chain import Chain
from tfsocial.data.augment.paraphrases import Paraphrases
from tfsocial.data.examples import Examples


def of_run(
    data: Data,
    model: Model,
    views: Mapping[str, Chain],
    m0: CommunityCheckpoint,
    train: Examples,
) -> Paraphrases | None:
    """Read what the ops of `views` mix in; None where none does.

    Raises:
        InputError: see `paraphrase_filter.usable_paraphrases`.
    """
    if not chain.needs_paraphrases(views):
        return None
    yardstick = paraphrase_filter.yardstick(m0.resource(model).sha256, model.pooling)
    return Paraphrases.of(paraphrase_filter.usable_paraphrases(data, train, yardstick))
