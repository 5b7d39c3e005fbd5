"""What a user asks of `select`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tfsocial.config import Model
from tfsocial.errors import InputError
from tfsocial.selection.strategies.table import strategy

AUTO = "auto"
FORMATS = (".csv", ".tsv", ".jsonl")


@dataclass(frozen=True)
class Asked:
    """What a user asked for.

    Attributes:
        pool: csv, tsv, jsonl or txt of texts, or .gz.
        output: csv, tsv or jsonl of the texts to label.
        n: how many.
        labelled: files of texts with labels; the pool itself may be one.
        model: folder of a run, or a predictor's; None: M0 reads the texts.
        m0: M0, where there is no such folder.
        strategy: of the table, or auto.
        text: columns; none: guessed.
        label: column of the labelled files; None: guessed.
        ood_label: of the texts that are out of scope; None: one that is called so.
        vectors: folder that keeps the texts' vectors; None: beside the output.
        seed: of all chance.
    """

    pool: Path
    output: Path
    n: int = 100
    labelled: Sequence[Path] = ()
    model: Path | None = None
    m0: Model = field(default_factory=Model)
    strategy: str = AUTO
    text: Sequence[str] = ()
    label: str | None = None
    ood_label: str | None = None
    vectors: Path | None = None
    seed: int = 0

    def __post_init__(self):
        if self.n < 1:
            raise InputError(f"--n={self.n}: has to be 1 or more")
        if self.strategy != AUTO:
            strategy(self.strategy)
        if self.output.suffix not in FORMATS:
            raise InputError(
                f"--output={self.output}: has to end in {', '.join(FORMATS[:-1])} or {FORMATS[-1]}"
            )
        if any(self.output.resolve() == one.resolve() for one in (self.pool, *self.labelled)):
            raise InputError(f"--output={self.output}: is one of the files that are read")
