"""What is to be left of a model, and whether that can be."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from tfsocial.checkpoints.model_folder import TextModelBundle
from tfsocial.errors import InputError
from tfsocial.text.tokenizer_files import SPECIAL_TOKENS


@dataclass(frozen=True)
class Plan:
    """How much of each part is kept.

    Attributes:
        layers: of the encoder; None: half of them.
        heads: of attention, in each layer; None: all.
        intermediate_size: width within the feed-forward part of a layer; None: all of it.
        vocabulary: tokens, those that train has before those it lacks; None: those
            that train has, and 4,000 of the most frequent others.
    """

    layers: int | None = None
    heads: int | None = None
    intermediate_size: int | None = None
    vocabulary: int | None = None

    def completed(self, bundle: TextModelBundle) -> Plan:
        """Put in how many layers are half of a model's, and compare the rest with what it has.

        Raises:
            InputError: see `check`.
        """
        config = bundle.model.encoder.config
        plan = replace(self, layers=self.layers or -(-config.num_hidden_layers // 2))
        plan.check(bundle)
        return plan

    def values(self) -> dict[str, Any]:
        """Give it as JSON values."""
        return asdict(self)

    def check(self, bundle: TextModelBundle) -> None:
        """Compare it with what the model has.

        Raises:
            InputError: a part would be larger than it is, or nothing be left of it.
        """
        config = bundle.model.encoder.config
        for name, has, least in (
            ("layers", config.num_hidden_layers, 1),
            ("heads", config.num_attention_heads, 1),
            ("intermediate_size", config.intermediate_size, 1),
            ("vocabulary", bundle.tokenizer.vocabulary_size, len(SPECIAL_TOKENS)),
        ):
            wanted = getattr(self, name)
            if wanted is not None and not least <= wanted <= has:
                raise InputError(f"--{name}={wanted}: the model has {has}; give {least} to {has}")
        if self.heads is not None and config.pruned_heads:
            raise InputError(f"--heads={self.heads}: heads were left out of this model already")
