"""What a text model is built from beside the sizes of its encoder; imports no framework."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tfsocial.kinds import FeatureKind, OODScore, TaskKind

NEVER = -3e38  # a threshold that no score lies below: nothing is out of scope


class HeadSpec(NamedTuple):
    """What a head predicts: `labels` name its predictions; a regression has one, unnamed.

    With `scope` the last label means "none of the others" and is told by that score: the head
    has no logit for it. `separator` stands between the labels of a multilabel answer.
    """

    kind: TaskKind
    labels: tuple[str, ...]
    scope: OODScore | None = None
    separator: str = "|"

    @property
    def width(self) -> int:
        """Columns of the predictions."""
        return len(self.labels) if self.kind != "regress" else 1

    @property
    def learned(self) -> int:
        """Columns of the logits."""
        return self.width - (self.scope is not None)

    def places(self, labels: Sequence[str]) -> list[int]:
        """Find its columns that stand for these labels; of a regression the only one.

        >>> HeadSpec("classify", ("no", "yes")).places(["yes", "no"])
        [1, 0]
        >>> HeadSpec("regress", ()).places([])
        [0]
        """
        return [0] if self.kind == "regress" else [self.labels.index(label) for label in labels]

    @property
    def learned_labels(self) -> tuple[str, ...]:
        """Names of the logits."""
        return self.labels[: self.learned]


@dataclass(frozen=True)
class FeatureSpec:
    """How a column beside the text becomes numbers, by what train had in it.

    Attributes:
        column: its name in the files.
        log: whether log(1 + x) stands for a number x in all that follows.
        mean, spread: of train's numbers, the spread their standard deviation, or 1 where all are
            one number.
        levels: the categories that have a slot of their own, sorted; a missing one is "".
    """

    column: str
    kind: FeatureKind
    log: bool = False
    mean: float = 0.0
    spread: float = 1.0
    levels: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """Numbers it becomes: (x - mean) / spread and a flag; or one a level and one for others."""
        return 2 if self.kind == "numeric" else len(self.levels) + 1


@dataclass(frozen=True)
class LogitScaling:
    """What a task's logits z become before probabilities are made of them: scale * z + shift.

    Attributes:
        scale: one number for all logits, 1 / temperature, or one each.
        shift: as many.
    """

    scale: tuple[float, ...]
    shift: tuple[float, ...]


@dataclass(frozen=True)
class TextModelSpec:
    """The parts of a text model: what it is built from beside its encoder's `BertConfig`.

    Attributes:
        tasks: task -> what its head predicts.
        pooling: mean, cls or pooler; with the last the encoder has BERT's pooler.
        head_normalize: whether the heads read a vector's direction alone.
        mlm_head: whether there is a masked-LM head.
        calibration: task -> how its logits are scaled, where that was fitted.
        features: name -> a column that the heads read beside the vector, in this order.
    """

    tasks: dict[str, HeadSpec]
    pooling: str
    head_normalize: bool = field(default=False, kw_only=True)
    mlm_head: bool = field(default=False, kw_only=True)
    calibration: dict[str, LogitScaling] = field(default_factory=dict, kw_only=True)
    features: dict[str, FeatureSpec] = field(default_factory=dict, kw_only=True)

    @property
    def feature_width(self) -> int:
        """Numbers that the heads read beside the vector."""
        return sum(feature.width for feature in self.features.values())
