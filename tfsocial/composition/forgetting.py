"""How well a model still reads texts that it was not tuned on: a probe of ten examples a class."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np

from tfsocial.data.examples import Examples
from tfsocial.data.pipeline import batches
from tfsocial.data.pipeline.tokenized_split import TokenizedSplit, tokenize_split
from tfsocial.data.reading.file_rows import read_rows
from tfsocial.data.reading.rows import Row
from tfsocial.data.sampling.shots import draw_shots
from tfsocial.errors import InputError
from tfsocial.models import inference
from tfsocial.models.text_model import TextModel
from tfsocial.text.batch import Shape
from tfsocial.text.tokenizer import Tokenizer
from tfsocial.training import probe

SHOTS = 10
DRAWS = 3
JUDGED = 500  # examples that are not drawn, at most
C = 10.0  # of the probe, on vectors of length 1
SHAPE = Shape(8, 128, 16)


class Draw(NamedTuple):
    """Places among the texts that are read: those that a probe is fitted to, and judged by."""

    fitted: np.ndarray
    judged: np.ndarray


@dataclass(frozen=True)
class OtherTexts:
    """A labelled file that no run learned.

    Attributes:
        encoded: those of its texts that some draw has.
        labels: int [n], of the same.
    """

    name: str
    encoded: TokenizedSplit
    labels: np.ndarray
    draws: tuple[Draw, ...]

    @classmethod
    def read(cls, path: Path, tokenizer: Tokenizer) -> Self:
        """Read a file with the columns text and label.

        Raises:
            InputError: it has no such columns, or not two labels with more than ten examples.
        """
        rows = [row for row in read_rows(path) if isinstance(row, Row)]
        pairs = [(row.values.get("text"), row.values.get("label")) for row in rows]
        known = [(str(text), str(label)) for text, label in pairs if text and label is not None]
        names, labels = np.unique([label for _, label in known], return_inverse=True)
        if len(names) < 2 or np.bincount(labels).max() <= SHOTS:
            raise InputError(
                f"--other={path}: needs the columns text and label, with two labels at least and "
                f"more than {SHOTS} examples of one"
            )
        draws = [_drawn(labels, seed) for seed in range(DRAWS)]
        used = np.unique(np.concatenate([rows for draw in draws for rows in draw]))
        examples = Examples.of_texts([known[row][0] for row in used])
        encoded = tokenize_split(examples, tokenizer, SHAPE.row_length)
        places = tuple(Draw(*(np.searchsorted(used, rows) for rows in draw)) for draw in draws)
        return cls(_name(path), encoded, labels[used], places)

    def accuracy(self, model: TextModel) -> float:
        """Score a logistic regression on a model's vectors, the mean over the draws."""
        vectors = inference.embed(model, batches.evaluation_batches(self.encoded, SHAPE))
        vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
        return float(np.mean([self._of_draw(vectors, draw) for draw in self.draws]))

    def _of_draw(self, vectors: np.ndarray, draw: Draw) -> float:
        fitted, judged = draw
        width = int(self.labels.max()) + 1
        linear = probe.logistic(vectors[fitted], self.labels[fitted], width, C)
        said = (vectors[judged] @ linear.kernel + linear.bias).argmax(-1)
        return float(np.mean(said == self.labels[judged]))


def _drawn(labels: np.ndarray, seed: int) -> Draw:
    fitted = draw_shots(labels, SHOTS, seed)
    left = np.setdiff1d(np.arange(len(labels)), fitted)
    return Draw(fitted, np.random.default_rng(seed).permutation(left)[:JUDGED])


def _name(path: Path) -> str:
    """Name a file; of one called as splits are the folder too.

    >>> _name(Path("data/trec6/test.csv")), _name(Path("data/mine.csv"))
    ('trec6/test', 'mine')
    """
    stem = path.name.partition(".")[0]
    return f"{path.parent.name}/{stem}" if stem in ("train", "dev", "test") else stem
