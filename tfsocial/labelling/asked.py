"""What a user asks of `label`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from tfsocial.config import Model
from tfsocial.errors import InputError, nearest
from tfsocial.selection.asked import AUTO
from tfsocial.selection.strategies.table import strategy

FORMATS = (".csv", ".jsonl")
Language = Literal["en", "zh"]


@dataclass(frozen=True)
class Asked:
    """What a user asked for.

    Attributes:
        data: csv, tsv, jsonl or txt, or .gz; rows with a label already are labelled by the file.
        output: csv or jsonl of the labelled rows; the log of all that was done lies beside it.
        text: columns; none: guessed.
        label: column; None: `label`.
        labels: names to begin with.
        model: folder of a run, or a predictor's; None: M0 reads the texts.
        m0: M0, where there is no such folder.
        strategy: of the selection's table, or auto.
        overlap: share of texts that a second annotator is asked about too.
        language: of the page.
        retrain: whether a model is trained in the background.
        licence: of the texts, an SPDX id, for that model.
    """

    data: Path
    output: Path
    text: Sequence[str] = ()
    label: str = "label"
    labels: Sequence[str] = ()
    model: Path | None = None
    m0: Model = field(default_factory=Model)
    strategy: str = AUTO
    overlap: float = 0.1
    language: Language = "en"
    retrain: bool = True
    licence: str | None = None

    def __post_init__(self):
        if self.output.suffix not in FORMATS:
            raise InputError(f"--output={self.output}: has to end in {' or '.join(FORMATS)}")
        if self.output.resolve() == self.data.resolve():
            raise InputError(f"--output={self.output}: is the file that is read; name a new one")
        if not 0 <= self.overlap <= 1:
            raise InputError(f"--overlap={self.overlap:g}: has to be from 0 to 1")
        if self.strategy != AUTO:
            strategy(self.strategy)
        languages = list(get_args(Language))
        if self.language not in languages:
            raise InputError(f"--language={self.language}: {nearest(self.language, languages)}")

    def beside(self, suffix: str) -> Path:
        """Name a file or folder next to the output.

        >>> Asked(Path("in.csv"), Path("out.csv")).beside(".labels").name
        'out.labels'
        """
        return self.output.with_suffix(suffix)
