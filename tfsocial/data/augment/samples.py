"""What a config's ops make of the first texts of train, to be looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tfsocial.config import Data
from tfsocial.data.augment import chain
from tfsocial.data.augment.chain import Chain
from tfsocial.data.augment.paraphrases import Paraphrases
from tfsocial.data.examples import Examples
from tfsocial.errors import InputError
from tfsocial.text.tokenizer import Tokenizer

SHOWN = {"": "augment", "augmented": "second_view"}
BETWEEN = " | "  # the two texts of a pair


@dataclass(frozen=True)
class Samples:
    """The first texts of train, before and after.

    Attributes:
        views: view -> its ops.
        before: the texts, those of a pair in one line.
        after: (view, epoch from 1 on) -> the same texts as they then read.
    """

    views: Mapping[str, Chain]
    before: Sequence[str]
    after: Mapping[tuple[str, int], Sequence[str]]

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> Iterator[str]:
        """Yield the ops, then each text with what became of it."""
        for view, own in self.views.items():
            yield f"data.{SHOWN[view]}:" + ("" if own.ops else " []")
            yield from (f"- {op!r}" for op in own.ops)
        for number, text in enumerate(self.before):
            yield f"\n{text}"
            for (view, epoch), texts in self.after.items():
                yield f"  {SHOWN[view]:11} epoch {epoch}: {texts[number]}"


def draw(
    data: Data,
    seed: int,
    train: Examples,
    tokenizer: Tokenizer,
    count: int,
    epochs: int,
    run_epochs: int,
    paraphrases: Paraphrases | None = None,
) -> Samples:
    """Read the first `count` texts in the first epochs, as a run would.

    Args:
        seed: the run's.
        run_epochs: how many the run has; rates may move from its first to its last.
        paraphrases: of train's texts, where an op mixes them in.

    Raises:
        InputError: the config augments nothing, or its ops do not fit.
    """
    views = chain.build(data, seed)
    if not views:
        raise InputError("data.augment and data.second_view name no ops; there is nothing to show")
    parts = tokenizer.word_parts(np.arange(tokenizer.vocabulary_size))
    views = chain.with_knowledge(views, train, parts, paraphrases)
    columns = [column[:count] for column in (train.text, train.pair) if column is not None]
    after = {
        (view, epoch + 1): _read(own, columns, tokenizer, epoch, run_epochs, data.row_length)
        for view, own in views.items()
        for epoch in range(epochs)
        if own.ops
    }
    return Samples(views, [BETWEEN.join(texts) for texts in zip(*columns, strict=True)], after)


def _read(
    own: Chain,
    columns: Sequence[Sequence[str]],
    tokenizer: Tokenizer,
    epoch: int,
    run_epochs: int,
    row_length: int,
) -> list[str]:
    """Read the texts of an epoch: as strings, or as words once tokens have changed."""
    examples = tf.range(len(columns[0]), dtype=tf.int64)
    progress = tf.constant(epoch / run_epochs)
    texts = [tf.constant(column, tf.string) for column in columns]
    texts = own.texts(texts, examples, epoch, progress)
    if not own.reads_tokens:
        decoded = ([text.decode() for text in column.numpy()] for column in texts)
        return [BETWEEN.join(parts) for parts in zip(*decoded, strict=True)]
    tokens, types, _ = tokenizer(*texts, max_length=row_length)
    tokens, _ = own.tokens(tokens, types, examples, epoch, progress)
    return [_spelled(ids, tokenizer) for ids in tokens.to_list()]


def _spelled(ids: Sequence[int], tokenizer: Tokenizer) -> str:
    """Spell token ids: pieces put together, without the special tokens at the ends."""
    words = [tokenizer.vocabulary[token] for token in ids[1:-1]]
    return " ".join(words).replace(" ##", "").replace(" [SEP] ", BETWEEN)
