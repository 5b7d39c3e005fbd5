"""What a user asks of `fit`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tfsocial.config import Model
from tfsocial.errors import InputError
from tfsocial.fit import MINUTES

UNSAID = (
    "given to `tfsocial fit` by whoever ran it, who did not say whose texts these are; say it "
    "with --licence or --licence_ack"
)

# Keys that a candidate is made of, or compared by -> what to do instead.
DECIDED = {
    "data.features": "it compares models of the text; name it in a config of `train`",
    "data.mixture": "it makes its splits of --data",
    "data.splits": "it makes them of --data",
    "model.checkpoint": "name M0 with --checkpoint",
    "model.layers": "take a checkpoint that has them",
    "seed": "it takes 0, 1 and 2",
    "training.monitor": "it compares accuracy, macro-F1 or Pearson's r by the kind of labels",
}


@dataclass(frozen=True)
class Asked:
    """What a user asked for.

    Attributes:
        data: csv, tsv or jsonl with labels, or .gz.
        minutes: for all of it, of all calls that go on with it.
        text, labels: columns; none: guessed.
        model: M0 and what is to be on it.
        licence: of the texts, an SPDX id.
        licence_ack: why a model may be trained on them.
        test: labelled file that is scored once, at the end.
        overrides: KEY.PATH=VALUE, over every candidate's config.
    """

    data: Path
    minutes: float = MINUTES
    text: Sequence[str] = ()
    labels: Sequence[str] = ()
    model: Model = field(default_factory=Model)
    licence: str | None = None
    licence_ack: str | None = None
    test: Path | None = None
    overrides: Sequence[str] = ()
    device: str = "auto"

    def __post_init__(self):
        if not self.minutes > 0:
            raise InputError(f"--minutes={self.minutes:g}: has to be more than 0")
        for key, instead in DECIDED.items():
            if any(one.partition("=")[0].strip().startswith(key) for one in self.overrides):
                raise InputError(f"--set {key}: is what `fit` decides itself; {instead}")

    @property
    def licence_settings(self) -> dict[str, Any]:
        """What the config says of whose texts these are."""
        if self.licence and not self.licence_ack:
            return {"licence": self.licence}
        ack = self.licence_ack or UNSAID
        return {"licence": self.licence or "unknown", "licence_ack": ack}
