"""How well a model still reads texts that it was not tuned on: a probe of ten examples a class."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from tfsocial.checkpoints import model_folder
from tfsocial.data.examples import Examples
from tfsocial.data.pipeline import batches
from tfsocial.data.pipeline.tokenized_split import TokenizedSplit, tokenize_split
from tfsocial.data.reading.file_rows import read_rows
from tfsocial.data.reading.rows import Row
from tfsocial.data.sampling.shots import draw_shots
from tfsocial.errors import InputError
from tfsocial.models import inference
from tfsocial.text.batch import Shape
from tfsocial.text.tokenizer import Tokenizer
from tfsocial.training import probe

SHOTS = 10
DRAWS = 3
JUDGED = 1000  # examples that are not drawn, at most
SHAPE = Shape(8, 128, 16)


@dataclass(frozen=True)
class OtherTexts:
    """A labelled file that no run learned.

    Attributes:
        labels: int [n].
    """

    name: str
    encoded: TokenizedSplit
    labels: np.ndarray

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
        examples = Examples.of_texts([text for text, _ in known])
        encoded = tokenize_split(examples, tokenizer, SHAPE.row_length)
        return cls(path.stem if path.stem != "test" else path.parent.name, encoded, labels)

    def accuracy(self, folder: Path) -> float:
        """Score a logistic regression on a model folder's vectors, the mean over three draws."""
        model = model_folder.load(folder).model
        vectors = inference.embed(model, batches.evaluation_batches(self.encoded, SHAPE))
        vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
        return float(np.mean([self._of_draw(vectors, seed) for seed in range(DRAWS)]))

    def _of_draw(self, vectors: np.ndarray, seed: int) -> float:
        drawn = draw_shots(self.labels, SHOTS, seed)
        left = np.setdiff1d(np.arange(len(self.labels)), drawn)
        judged = np.random.default_rng(seed).permutation(left)[:JUDGED]
        width = int(self.labels.max()) + 1
        fitted = probe.logistic(vectors[drawn], self.labels[drawn], width, 10.0)
        said = (vectors[judged] @ fitted.kernel + fitted.bias).argmax(-1)
        return float(np.mean(said == self.labels[judged]))
