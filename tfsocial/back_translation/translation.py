"""Texts in other words: asks a translator for what the cache lacks, and measures what it said.

Sennrich et al. (2016), Improving Neural Machine Translation Models with Monolingual Data,
arXiv:1511.06709; as augmentation of a classifier's texts: Xie et al. (2020), Unsupervised Data
Augmentation, arXiv:1904.12848.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
from tqdm import tqdm

from tfsocial.data.augment.paraphrase_cache import Cache
from tfsocial.data.augment.paraphrase_filter import Pair
from tfsocial.data.reading import rows
from tfsocial.errors import InputError

COMPARED_AT_ONCE = 256  # pairs between two commits

Similarity = Callable[[Sequence[str], Sequence[str]], np.ndarray]
"""Cosines float [n] of texts and their paraphrases."""


class Translator(Protocol):
    """Says texts in other words; raises InputError where it cannot."""

    def __call__(self, texts: list[str], draw: int = 0) -> list[str]:
        """Paraphrase each text, in their order; "" for a text that has no paraphrase.

        Args:
            draw: which of several paraphrases, from 0 on; another draw may give another one.
        """


def fill(cache: Cache, translator: Translator, texts: Sequence[str], count: int, batch: int) -> int:
    """Ask for the paraphrases that the cache lacks, a batch at a time; return how many.

    All texts get their first one before any gets a second. Texts of a length go together.

    Raises:
        InputError: the translator cannot go on. What it had made is kept.
    """
    asked = 0
    lacking = {draw: cache.missing(texts, draw) for draw in range(count)}
    left = sum(map(len, lacking.values()))
    with tqdm(total=left, desc="paraphrases", unit="text", disable=None, leave=False) as bar:
        for draw, missing in lacking.items():
            for block in _blocks(sorted(missing, key=len), batch):
                cache.add(draw, _translated(translator, block, draw))
                asked += len(block)
                bar.update(len(block))
    return asked


def _translated(translator: Translator, texts: list[str], draw: int) -> dict[str, str]:
    made = translator(texts, draw)
    if len(made) != len(texts):
        raise InputError(
            f"data.back_translation: the translator was given {len(texts)} texts "
            f"and gave back {len(made)}"
        )
    return dict(zip(texts, map(_tidy, made), strict=True))


def _tidy(paraphrase: str) -> str:
    """Put a paraphrase on one line; empty it where it is no text that can be used."""
    return "" if rows.flaw_of(paraphrase) else " ".join(paraphrase.split())


def compare(cache: Cache, similarity: Similarity, yardstick: str, wanted: Sequence[Pair]) -> int:
    """Measure the pairs that were not measured yet; return how many."""
    measured = cache.cosines(yardstick, wanted)
    lacking = [pair for pair in wanted if pair not in measured]
    with tqdm(total=len(lacking), desc="cosines", disable=None, leave=False) as bar:
        for block in _blocks(lacking, COMPARED_AT_ONCE):
            cosines = similarity(*zip(*block, strict=True))
            cache.measure(yardstick, dict(zip(block, map(float, cosines), strict=True)))
            bar.update(len(block))
    return len(lacking)


def _blocks(items: list, size: int) -> Iterator[list]:
    return (items[start : start + size] for start in range(0, len(items), size))
