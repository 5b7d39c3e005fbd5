"""A split as tokens, in M0's vocabulary or in one of only the tokens that occur."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfsocial.data.attributes import Attribute
from tfsocial.data.examples import Examples
from tfsocial.data.pipeline.disk_cache import as_tensor, content_key, on_disk
from tfsocial.data.pipeline.shuffling import Chunks
from tfsocial.data.pipeline.together import Together
from tfsocial.data.pipeline.tokenization import in_memory, token_blocks
from tfsocial.text import batch as keys
from tfsocial.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class TokenizedSplit:
    """A split as tokens: ragged, in memory or mapped into it from a cache, row i is example i.

    Attributes:
        tokens, types: int32 [n, (length)]; tokens in M0's vocabulary.
        labels: task -> [n] or [n, C], of the types a batch has them in.
        groups: task -> int32 [n], which list each example belongs to, -1 for none; of tasks that
            name their list.
        feature_vectors: float32 [n, F], what heads read beside the text; None: nothing.
        together: which group each example belongs to, where a batch keeps groups whole.
        truncated: how many examples were cut to the row length.
        ids: int32 [M0's vocabulary], what a batch calls each of its tokens; None: as they are.
        folder: of the cache it lies in.
    """

    tokens: tf.RaggedTensor
    types: tf.RaggedTensor
    labels: Mapping[str, tf.Tensor]
    truncated: int
    ids: tf.Tensor | None = None
    folder: Path | None = None
    groups: Mapping[str, tf.Tensor] = field(default_factory=dict)
    feature_vectors: tf.Tensor | None = None
    together: Attribute | None = None
    _chunks: dict[keys.Shape, Chunks | Together] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __len__(self) -> int:
        return self.tokens.row_splits.shape[0] - 1  # known at trace time too

    @property
    def lengths(self) -> tf.Tensor:
        return self.tokens.row_lengths()

    @property
    def features(self) -> dict[str, tf.Tensor]:
        """What a batch has of each example beside its tokens, by its keys."""
        labels = {keys.label_key(task): values for task, values in self.labels.items()}
        groups = {keys.group_key(task): codes for task, codes in self.groups.items()}
        vectors = self.feature_vectors
        return labels | groups | ({} if vectors is None else {keys.FEATURES: vectors})

    def spec(self, shape: keys.Shape, views: Iterable[str] = ("",)) -> dict[str, tf.TensorSpec]:
        """Describe its batches."""
        widths = {
            task: values.shape[1] if values.shape.rank == 2 else None
            for task, values in self.labels.items()
        }
        width = 0 if self.feature_vectors is None else self.feature_vectors.shape[1]
        return keys.spec(shape, widths, views, self.groups, width)

    def chunks(self, shape: keys.Shape) -> Chunks | Together:
        """Work out once how it is shuffled and packed.

        Raises:
            InputError: a batch cannot hold a group that stands together.
        """
        if shape not in self._chunks:
            self._chunks[shape] = (
                Together.of(self.lengths.numpy(), self.together, shape)
                if self.together is not None
                else Chunks.of(self.tokens.row_splits, shape, self.folder)
            )
        return self._chunks[shape]

    def renumbered(self, tokens: tf.Tensor) -> tf.Tensor:
        """Call tokens, int32 of any shape, as a batch calls them."""
        return tokens if self.ids is None else tf.gather(self.ids, tokens)


def tokenize_split(
    examples: Examples,
    tokenizer: Tokenizer,
    row_length: int,
    cache: str | None = None,
    lists: Mapping[str, str] | None = None,
    feature_vectors: np.ndarray | None = None,
    together: str | None = None,
) -> TokenizedSplit:
    """Tokenize a split once; with `cache`, a folder, later runs read it from there.

    What lies in the cache is mapped into memory: the system takes the pages back when it needs
    them, so a split may be larger than memory.

    Args:
        lists: task -> the attribute that says to which list an example belongs.
        feature_vectors: float32 [n, F], what heads read beside the text.
        together: the attribute whose examples stand in one batch of training.
    """
    folder = Path(cache, content_key(examples, tokenizer, row_length)) if cache else None
    blocks = token_blocks(examples, tokenizer, row_length)
    table = on_disk(folder, blocks) if folder else in_memory(blocks)
    labels = {task: as_tensor(values) for task, values in examples.labels.items()}
    tokens, types = (
        tf.RaggedTensor.from_row_splits(values, table.splits, validate=False)
        for values in (table.tokens, table.types)
    )
    groups = {
        task: as_tensor(examples.attributes[attribute].codes)
        for task, attribute in (lists or {}).items()
    }
    return TokenizedSplit(
        tokens,
        types,
        labels,
        table.truncated,
        folder=folder,
        groups=groups,
        feature_vectors=None if feature_vectors is None else tf.constant(feature_vectors),
        together=examples.attributes[together] if together else None,
    )


def tokenize_names(names: Sequence[str], tokenizer: Tokenizer, row_length: int) -> TokenizedSplit:
    """Tokenize label names as the words they are made of: `card_arrival` as "card arrival"."""
    spoken = [re.sub(r"[\W_]+", " ", name).strip() or name for name in names]
    return tokenize_split(Examples.of_texts(spoken), tokenizer, row_length)


def prune_vocabulary(
    *groups: Mapping[str, TokenizedSplit], keep: Sequence[int] = ()
) -> tuple[np.ndarray, list[dict[str, TokenizedSplit]]]:
    """Cut the vocabulary of groups of texts to the tokens that occur, and say which those are.

    A word no text contains gets no gradient, and without decay no optimizer moves it: training
    on its row is work without effect. On BANKING77 nine rows of ten are such, half the model.
    Tokens are renumbered when they are packed, so that there is no second copy of them.

    Args:
        keep: ids that are kept whether they occur or not.

    Returns:
        int64 [used], ascending: the old id of each new one; and the groups in new ids.
        The padding id 0 is always among them.
    """
    parts = [texts.tokens.flat_values for group in groups for texts in group.values()]
    occurring = [np.flatnonzero(np.bincount(b)) for part in parts for b in _blocks(part)]
    used = np.unique(np.concatenate([[0], keep, *occurring]).astype(np.int64))
    ids = np.zeros(used[-1] + 1, np.int32)
    ids[used] = np.arange(len(used))
    table = tf.constant(ids)
    return used, [
        {name: replace(own, ids=table) for name, own in group.items()} for group in groups
    ]


def sample(encoded: TokenizedSplit, count: int) -> TokenizedSplit:
    """Take so many examples, spread evenly over the whole; all if there are no more."""
    rows = np.linspace(0, len(encoded) - 1, min(count, len(encoded))).round().astype(np.int64)
    labels, groups = (
        {task: tf.gather(values, rows) for task, values in columns.items()}
        for columns in (encoded.labels, encoded.groups)
    )
    tokens, types = (tf.gather(values, rows) for values in (encoded.tokens, encoded.types))
    vectors = encoded.feature_vectors
    together = encoded.together and encoded.together.taken(rows)
    return replace(
        encoded,
        tokens=tokens,
        types=types,
        labels=labels,
        groups=groups,
        feature_vectors=None if vectors is None else tf.gather(vectors, rows),
        together=together,
        folder=None,
    )


def fingerprint(encoded: TokenizedSplit) -> str:
    """Hash tokens, as batches call them, labels, lists and features, in their order, by sha256."""
    tokens, types = encoded.tokens.flat_values, encoded.types.flat_values
    digest = hashlib.sha256()
    beside = [
        columns[task] for columns in (encoded.labels, encoded.groups) for task in sorted(columns)
    ]
    beside += [] if encoded.feature_vectors is None else [encoded.feature_vectors]
    if encoded.together is not None:
        beside.append(as_tensor(encoded.together.codes))
    for values in (tokens, encoded.tokens.row_splits, types, *beside):
        digest.update(f"{values.dtype.name} {values.shape}".encode())
        for block in _blocks(values):
            hashed = np.asarray(encoded.renumbered(block)) if values is tokens else block
            digest.update(hashed.data)
    return digest.hexdigest()


def _blocks(values: tf.Tensor) -> Iterator[np.ndarray]:
    """Yield a tensor a part at a time: of one that is mapped, `numpy` makes a copy in memory."""
    for start in range(0, len(values), _BLOCK):
        yield values[start : start + _BLOCK].numpy()


_BLOCK = 2**20
