"""What `select` says it did."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tfsocial.selection.auto import Choice


@dataclass(frozen=True)
class Selection:
    """Texts to label, in a file; `str` of it is what the command prints.

    Attributes:
        output: the file, the text to label first first.
        n: texts in it.
        choice: the strategy, and why.
        source: who says what labels the pool's texts may have.
        rows: usable ones of the pool.
        unreadable: rows of the pool without a usable text.
        near: texts left out because they are nearly equal to one that is labelled or asked for.
        out_of_scope: how many texts were kept apart, and their file.
    """

    output: Path
    n: int
    choice: Choice
    source: str
    rows: int
    unreadable: int
    near: int
    out_of_scope: tuple[int, Path]

    def __str__(self) -> str:
        apart, beside = self.out_of_scope
        lines = [
            f"{self.n} of {self.rows} texts to label: {self.output}",
            f"strategy {self.choice.name}: {self.choice.why} ({self.source})",
            f"{self.near} left out, nearly equal to a labelled or chosen text" if self.near else "",
            f"{apart} look out of scope and are not asked for: {beside}" if apart else "",
            f"{self.unreadable} rows without a usable text" if self.unreadable else "",
        ]
        return "\n".join(line for line in lines if line)
