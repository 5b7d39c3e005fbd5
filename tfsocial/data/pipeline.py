"""The one order in which data happens: tokenize -> cache -> shuffle -> assign to rows -> pack.

Shuffling is global: each epoch draws one permutation of *all* its examples and one of all its
rows, pure functions of (seed, epoch), so the same seed gives the same batches whatever machine
reads them.
Only indices travel through the shuffle; tokens are gathered when a batch is packed.

With augmentation, the texts of train are other ones in each epoch: shuffle -> augment -> tokenize
-> augment -> assign to rows -> pack, a window of examples at a time.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfsocial import files
from tfsocial.data import batch as keys
from tfsocial.data import packing, stored
from tfsocial.data.augment.chain import Chain
from tfsocial.data.sources import Examples
from tfsocial.data.text import Tokenizer

TOKENIZE_AT_ONCE = 1024  # texts a tokenizer call; larger gains nothing
CALLS = 64  # of the tokenizer, whose texts are in memory together
CHUNK = 2**18  # examples that are shuffled and packed together, of some 40 bytes each
WINDOW = 2048  # examples that are augmented and packed together; a smaller one packs less tightly


@dataclass(frozen=True)
class Encoded:
    """A split as tokens: ragged, in memory or mapped into it from a cache, row i is example i.

    Attributes:
        tokens, types: int32 [n, (length)]; tokens in M0's vocabulary.
        labels: task -> [n] or [n, C], of the types a batch has them in.
        truncated: how many examples were cut to the row length.
        ids: int32 [M0's vocabulary], what a batch calls each of its tokens; None: as they are.
        folder: of the cache it lies in.
        groups: task -> int32 [n], which list each example belongs to, -1 for none; of tasks that
            name their list.
    """

    tokens: tf.RaggedTensor
    types: tf.RaggedTensor
    labels: Mapping[str, tf.Tensor]
    truncated: int
    ids: tf.Tensor | None = None
    folder: Path | None = None
    groups: Mapping[str, tf.Tensor] = field(default_factory=dict)
    _chunks: dict[keys.Shape, Chunks] = field(
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
        return labels | {keys.group_key(task): codes for task, codes in self.groups.items()}

    def spec(self, shape: keys.Shape, views: Iterable[str] = ("",)) -> dict[str, tf.TensorSpec]:
        """Of its batches."""
        widths = {
            task: values.shape[1] if values.shape.rank == 2 else None
            for task, values in self.labels.items()
        }
        return keys.spec(shape, widths, views, self.groups)

    def chunks(self, shape: keys.Shape) -> Chunks:
        """How it is shuffled and packed, worked out once."""
        if shape not in self._chunks:
            self._chunks[shape] = Chunks.of(self, shape)
        return self._chunks[shape]

    def renumbered(self, tokens: tf.Tensor) -> tf.Tensor:
        """Tokens of any shape as a batch calls them."""
        return tokens if self.ids is None else tf.gather(self.ids, tokens)


@dataclass(frozen=True)
class Source:
    """A split whose texts are augmented anew in each epoch.

    Attributes:
        encoded: the texts as they are.
        columns: string [n] each; one, or two for pairs; none where no view changes strings.
        views: name -> what it goes through; "" is the ordinary one.
        seed: of the shuffles.
        epochs: how many there will be, for rates that move.
    """

    encoded: Encoded
    columns: Sequence[tf.Tensor]
    tokenizer: Tokenizer
    views: Mapping[str, Chain]
    seed: int
    epochs: float

    def read(
        self, view: str, examples: tf.Tensor, epoch: tf.Tensor, row_length: int
    ) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
        """Token ids and type ids of these examples, int64 [m], in this epoch."""
        chain, progress = self.views[view], tf.cast(epoch, tf.float32) / self.epochs
        if chain.reads_text:
            columns = [tf.gather(column, examples) for column in self.columns]
            columns = chain.texts(columns, examples, epoch, progress)
            tokens, types, _ = self.tokenizer(*columns, max_length=row_length)
        else:
            tokens, types = (
                tf.gather(values, examples) for values in (self.encoded.tokens, self.encoded.types)
            )
            tokens = tokens.with_flat_values(self.encoded.renumbered(tokens.flat_values))
        return chain.tokens(tokens, types, examples, epoch, progress)


def encode(
    examples: Examples,
    tokenizer: Tokenizer,
    row_length: int,
    cache: str | None = None,
    lists: Mapping[str, str] | None = None,
) -> Encoded:
    """Tokenizes a split once; with `cache`, a folder, later runs read it from there.

    What lies in the cache is mapped into memory: the system takes the pages back when it needs
    them, so a split may be larger than memory.

    Args:
        lists: task -> the attribute that says to which list an example belongs.
    """
    folder = Path(cache, _content_key(examples, tokenizer, row_length)) if cache else None
    blocks = _tokenized(examples, tokenizer, row_length)
    found = _on_disk(folder, blocks) if folder else _in_memory(blocks)
    labels = {task: _tensor(values) for task, values in examples.labels.items()}
    tokens, types = (
        tf.RaggedTensor.from_row_splits(values, found.splits, validate=False)
        for values in (found.tokens, found.types)
    )
    groups = {
        task: _tensor(examples.attributes[attribute].codes)
        for task, attribute in (lists or {}).items()
    }
    return Encoded(tokens, types, labels, found.truncated, folder=folder, groups=groups)


def encode_names(names: Sequence[str], tokenizer: Tokenizer, row_length: int) -> Encoded:
    """Label names as the words they are made of: `card_arrival` as "card arrival"."""
    spoken = [re.sub(r"[\W_]+", " ", name).strip() or name for name in names]
    return encode(Examples.of_texts(spoken), tokenizer, row_length)


def compact(
    *groups: Mapping[str, Encoded], keep: Sequence[int] = ()
) -> tuple[np.ndarray, list[dict[str, Encoded]]]:
    """Groups of texts in a vocabulary of only the tokens that occur, and which those are.

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


def sample(encoded: Encoded, count: int) -> Encoded:
    """So many of the examples, spread evenly over the whole; all if there are no more."""
    chosen = np.linspace(0, len(encoded) - 1, min(count, len(encoded))).round().astype(np.int64)
    labels, groups = (
        {task: tf.gather(values, chosen) for task, values in found.items()}
        for found in (encoded.labels, encoded.groups)
    )
    tokens, types = (tf.gather(values, chosen) for values in (encoded.tokens, encoded.types))
    return replace(encoded, tokens=tokens, types=types, labels=labels, groups=groups, folder=None)


def fingerprint(encoded: Encoded) -> str:
    """Sha256 of tokens, as batches call them, labels and lists, in their order."""
    tokens, types = encoded.tokens.flat_values, encoded.types.flat_values
    digest = hashlib.sha256()
    beside = [found[task] for found in (encoded.labels, encoded.groups) for task in sorted(found)]
    for values in (tokens, encoded.tokens.row_splits, types, *beside):
        digest.update(f"{values.dtype.name} {values.shape}".encode())
        for block in _blocks(values):
            digest.update(np.asarray(encoded.renumbered(block)) if values is tokens else block)
    return digest.hexdigest()


def _blocks(values: tf.Tensor) -> Iterator[np.ndarray]:
    """A tensor a part at a time: of one that is mapped, `numpy` makes a copy in memory."""
    for start in range(0, len(values), _BLOCK):
        yield values[start : start + _BLOCK].numpy()


_BLOCK = 2**20


def training_batches(
    encoded: Encoded, shape: keys.Shape, seed: int, done: int = 0
) -> tf.data.Dataset:
    """Endless packed batches; rows run on over the end of an epoch, so no batch is part empty.

    Which lengths share a row is the same in every epoch, because the lengths are; which of the
    examples of a length goes where, and the order of the rows, is drawn anew. All examples are
    shuffled together, or, of more than `CHUNK`, each of so many chunks and their order: what an
    epoch's shuffle holds in memory does not grow with the data.

    Args:
        done: batches to leave out at the beginning; costs no more than the last epoch's rows.
    """
    chunks = encoded.chunks(shape)

    def rows_of_epoch(epoch):
        order = _shuffle(tf.range(chunks.count), seed, 2 * epoch)
        parts = tf.data.Dataset.from_tensor_slices(order)
        return parts.flat_map(
            lambda chunk: tf.data.Dataset.from_tensor_slices(chunks.rows(chunk, epoch, seed))
        )

    epoch, row = divmod(done * shape.rows, chunks.rows_of_all)
    rows = tf.data.Dataset.counter(epoch).flat_map(rows_of_epoch).skip(row)
    return _packed(encoded, rows.batch(shape.rows, drop_remainder=True), shape)


@dataclass(frozen=True)
class Chunks:
    """Every k-th example from the first on, from the second on, ...: files in order are mixed.

    Attributes:
        splits: int64 [n + 1], where each example's tokens begin.
        template: int32 [rows of all, slots], of each chunk which of its lengths share a row, the
            longest being number 0.
        starts: int64 [k + 1], where each chunk's rows begin there.
    """

    splits: tf.Tensor
    template: tf.Tensor
    starts: tf.Tensor

    @classmethod
    def of(cls, encoded: Encoded, shape: keys.Shape) -> Chunks:
        """From the cache that the examples lie in, where they do."""
        splits = encoded.tokens.row_splits
        count = max(1, -(-len(encoded) // CHUNK))
        # A chunk holds its examples' numbers several times over: 32 bits of each are enough.
        parts = (
            packing.best_fit(
                tf.sort(_lengths(splits, chunk, count), direction="DESCENDING").numpy(),
                shape.row_length,
                shape.slots,
            ).astype(np.int32)
            for chunk in range(count)
        )
        template, starts = _template(parts, encoded.folder, shape)
        return cls(splits, template, tf.constant(starts))

    @property
    def count(self) -> int:
        return len(self.starts) - 1

    @property
    def rows_of_all(self) -> int:
        return len(self.template)

    def rows(self, chunk: tf.Tensor, epoch: tf.Tensor, seed: int) -> tf.Tensor:
        """Assignment int32 [rows, slots] of a chunk's examples in this epoch."""
        lengths = _lengths(self.splits, chunk, self.count)
        draw = 2 * epoch + tf.cast(chunk, tf.int64) * 2**40
        order = _shuffle(tf.range(tf.size(lengths)), seed, draw)
        places = tf.argsort(tf.gather(lengths, order), direction="DESCENDING", stable=True)
        template = self.template[self.starts[chunk] : self.starts[chunk + 1]]
        names = chunk + self.count * tf.gather(order, places)
        return _named(_shuffle(template, seed, draw + 1), names)


def _template(
    parts: Iterator[np.ndarray], cache: Path | None, shape: keys.Shape
) -> tuple[tf.Tensor, np.ndarray]:
    """All parts, one after the other, and int64 [parts + 1], where each begins."""
    if cache is None:
        found = list(parts)
        return tf.constant(np.concatenate(found)), np.cumsum([0, *map(len, found)])

    def write(folder: Path) -> None:
        starts = [0]
        with (folder / "template").open("wb") as stream:
            for part in parts:
                part.tofile(stream)
                starts.append(starts[-1] + len(part))
        np.array(starts, np.int64).tofile(folder / "starts")

    folder = _made(cache / f"rows-{shape.row_length}-{shape.slots}-{CHUNK}", write)
    template = stored.mapped(folder / "template", np.int32).reshape(-1, shape.slots)
    return _tensor(template), np.fromfile(folder / "starts", np.int64)


def _lengths(splits: tf.Tensor, chunk: tf.Tensor | int, count: int) -> tf.Tensor:
    """Int32, of every `count`-th example from number `chunk` on."""
    return tf.cast(splits[chunk + 1 :: count] - splits[chunk:-1:count], tf.int32)


def augmented_batches(source: Source, shape: keys.Shape, done: int = 0) -> tf.data.Dataset:
    """Endless packed batches of texts that are other ones in each epoch.

    A view's tokens stand under keys of their own, with the examples in the same rows and slots:
    what counts is the longest view of an example.

    Args:
        done: batches to leave out at the beginning. They are made all the same: how many rows an
            epoch fills is known only then.
    """
    rows = tf.data.Dataset.counter().flat_map(lambda epoch: _windows(source, epoch))
    rows = rows.map(
        lambda examples, epoch: _packed_window(source, examples, epoch, shape),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    static = source.encoded.spec(shape, source.views)
    batches = rows.rebatch(shape.rows, drop_remainder=True).map(
        lambda batch: {key: tf.ensure_shape(batch[key], spec.shape) for key, spec in static.items()}
    )
    return batches.skip(done).prefetch(tf.data.AUTOTUNE).with_options(_options())


def augmented_steps_per_epoch(source: Source, shape: keys.Shape) -> int:
    """Batches that the first epoch fills, rounded up; it is read for that."""
    windows = _windows(source, tf.constant(0, tf.int64)).map(
        lambda examples, epoch: tf.shape(
            _packed_window(source, examples, epoch, shape)[keys.WEIGHT]
        )[0]
    )
    rows = sum(int(count) for count in windows)
    return max(1, -(-rows // shape.rows))


def evaluation_batches(encoded: Encoded, shape: keys.Shape) -> tf.data.Dataset:
    """Every example once, the longest first; the last batch is filled up with empty rows."""
    assignment = packing.best_fit(encoded.lengths.numpy(), shape.row_length, shape.slots)
    lacking = -len(assignment) % shape.rows
    assignment = np.pad(assignment, [[0, lacking], [0, 0]], constant_values=packing.EMPTY)
    rows = tf.data.Dataset.from_tensor_slices(assignment)
    return _packed(encoded, rows.batch(shape.rows, drop_remainder=True), shape)


def one_batch(encoded: Encoded, row_length: int, slots: int) -> keys.Batch:
    """All examples in one batch of as many rows as they need."""
    assignment = packing.best_fit(encoded.lengths.numpy(), row_length, slots)
    return _rows(encoded, tf.constant(assignment), row_length)


def steps_per_epoch(encoded: Encoded, shape: keys.Shape) -> int:
    """Training batches that hold every example once, the last one rounded up."""
    return max(1, -(-encoded.chunks(shape).rows_of_all // shape.rows))


def pack_texts(
    columns: Sequence[tf.Tensor], tokenizer: Tokenizer, row_length: int, slots: int
) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
    """Packed rows of raw texts, as few and as short as they can be, and their assignment.

    Args:
        columns: string [n] each; one, or two for pairs.

    Returns:
        Token keys [rows, length], `example_id` and `weight` [rows, slots], with length at
        most `row_length` and rows whatever n needs; and the assignment int64 [rows, slots].
    """
    tokens, types, _ = tokenizer(*columns, max_length=row_length)
    lengths = tokens.row_lengths()
    # One short text should not pay for a whole row: a row is no longer than all tokens together.
    length = tf.clip_by_value(tf.reduce_sum(lengths), 1, tf.cast(row_length, tf.int64))
    assignment = packing.next_fit(lengths, length, slots)
    count = tf.size(lengths, tf.int64)
    # Of no texts one empty row: a matrix without rows is more than some kernels can take.
    empty = [[0, tf.cast(count == 0, tf.int32)], [0, 0]]
    assignment = tf.pad(assignment, empty, constant_values=packing.EMPTY)
    features = {keys.EXAMPLE_ID: tf.range(count), keys.WEIGHT: tf.ones([count])}
    return packing.pack(tokens, types, features, assignment, length), assignment


def _shuffle(values: tf.Tensor, seed: int, draw: tf.Tensor) -> tf.Tensor:
    seeds = tf.stack([tf.constant(seed, tf.int64), draw])
    return tf.random.experimental.stateless_shuffle(values, seeds)


def _named(assignment: tf.Tensor, names: tf.Tensor) -> tf.Tensor:
    """The assignment with names[i] in the place of i."""
    present = assignment != packing.EMPTY
    return tf.where(present, tf.gather(names, tf.maximum(assignment, 0)), packing.EMPTY)


def _packed(encoded: Encoded, assignments: tf.data.Dataset, shape: keys.Shape) -> tf.data.Dataset:
    static = encoded.spec(shape)

    def pack(assignment):
        batch = _rows(encoded, tf.cast(assignment, tf.int64), shape.row_length)
        return {key: tf.ensure_shape(batch[key], spec.shape) for key, spec in static.items()}

    packed = assignments.map(pack, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return packed.prefetch(tf.data.AUTOTUNE).with_options(_options())


def _rows(encoded: Encoded, assignment: tf.Tensor, row_length: int) -> dict[str, tf.Tensor]:
    """The rows of an assignment; padding is 0 under any number."""
    batch = packing.pack(encoded.tokens, encoded.types, encoded.features, assignment, row_length)
    tokens = encoded.renumbered(batch[keys.TOKEN_IDS])
    return {**batch, keys.TOKEN_IDS: tokens, **_names(assignment)}


def _names(assignment: tf.Tensor) -> dict[str, tf.Tensor]:
    """Who sits in which slot, and that each counts alike."""
    weight = tf.cast(assignment != packing.EMPTY, tf.float32)
    return {keys.EXAMPLE_ID: assignment, keys.WEIGHT: weight}


def _options() -> tf.data.Options:
    options = tf.data.Options()
    # Rewriting a graph copies every tensor it reads: all tokens, though a file holds them.
    options.experimental_optimization.apply_default_optimizations = False
    # Each worker makes every batch and takes its own rows of it; files are not what is shared out.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return options


def _windows(source: Source, epoch: tf.Tensor) -> tf.data.Dataset:
    """Examples int64 [up to WINDOW] and their epoch, all once, in the epoch's order."""
    count = len(source.encoded)
    order = _shuffle(tf.range(count, dtype=tf.int64), source.seed, 2 * epoch)
    windows = tf.data.Dataset.from_tensor_slices(order).batch(WINDOW)
    return windows.map(lambda examples: (examples, epoch))


def _packed_window(
    source: Source, examples: tf.Tensor, epoch: tf.Tensor, shape: keys.Shape
) -> dict[str, tf.Tensor]:
    """Rows of these examples as they read in this epoch, shuffled; the last may be part empty."""
    views = {view: source.read(view, examples, epoch, shape.row_length) for view in source.views}
    assignment = _window_rows(
        source, [tokens for tokens, _ in views.values()], examples, epoch, shape
    )
    features = {key: tf.gather(values, examples) for key, values in source.encoded.features.items()}
    packed = _names(_named(assignment, examples))
    for view, (tokens, types) in views.items():
        rows = packing.pack(tokens, types, {} if view else features, assignment, shape.row_length)
        packed |= {keys.view_key(view, key): values for key, values in rows.items()}
    return packed


def _window_rows(
    source: Source,
    views: Sequence[tf.RaggedTensor],
    examples: tf.Tensor,
    epoch: tf.Tensor,
    shape: keys.Shape,
) -> tf.Tensor:
    """Assignment int64 [rows, slots] of the longest view of each example, the rows shuffled."""
    lengths = tf.reduce_max([tokens.row_lengths() for tokens in views], 0)
    assignment = packing.first_fit(lengths, shape.row_length, shape.slots)
    draw = (examples[0] + 1) * 2**32 + 2 * epoch + 1  # its first example names a window
    return _shuffle(assignment, source.seed, draw)


class _Block(NamedTuple):
    """Tokens of m texts, one after the other, int32 [tokens]; their lengths, int64 [m]."""

    tokens: np.ndarray
    types: np.ndarray
    lengths: np.ndarray
    truncated: int


class _Found(NamedTuple):
    """All texts' tokens: int32 [tokens] twice, int64 [n + 1] where each text begins."""

    tokens: tf.Tensor
    types: tf.Tensor
    splits: tf.Tensor
    truncated: int


def _tokenized(examples: Examples, tokenizer: Tokenizer, row_length: int) -> Iterator[_Block]:
    columns = [column for column in (examples.text, examples.pair) if column is not None]
    at_once = CALLS * TOKENIZE_AT_ONCE
    call = _in_graph(tokenizer, row_length, len(columns))
    for start in range(0, len(examples), at_once):
        texts = tuple(tf.constant(column[start : start + at_once]) for column in columns)
        dataset = tf.data.Dataset.from_tensor_slices(texts).batch(TOKENIZE_AT_ONCE)
        for tokens, types, cut in dataset.map(
            call, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
        ):
            values = (tokens.flat_values, types.flat_values, tokens.row_lengths())
            yield _Block(*(value.numpy() for value in values), int(np.sum(cut)))


@lru_cache(maxsize=2)
def _in_graph(tokenizer: Tokenizer, row_length: int, columns: int) -> Callable:
    """Traced once: a run has several splits, and ten million texts are 150 datasets."""
    signature = [tf.TensorSpec([None], tf.string)] * columns
    return tf.function(partial(tokenizer, max_length=row_length), input_signature=signature)


def _content_key(examples: Examples, tokenizer: Tokenizer, row_length: int) -> str:
    digest = hashlib.sha256(f"{tokenizer.fingerprint} {row_length}".encode())
    for column in (examples.text, examples.pair or ()):
        for text in column:
            digest.update(f"{len(text)} ".encode() + text.encode("utf-8", "surrogatepass"))
        digest.update(b"\0")
    return digest.hexdigest()


def _in_memory(blocks: Iterator[_Block]) -> _Found:
    blocks = list(blocks)
    tokens, types, lengths = (
        np.concatenate([block[place] for block in blocks]) for place in range(3)
    )
    splits = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    cut = sum(block.truncated for block in blocks)
    return _Found(tf.constant(tokens), tf.constant(types), tf.constant(splits), cut)


_ON_DISK = {"tokens": np.int32, "types": np.int32, "splits": np.int64, "truncated": np.int64}


def _on_disk(folder: Path, blocks: Iterator[_Block]) -> _Found:
    """What lies in the folder; written first where it is not there."""
    _made(folder, lambda partial: _write(partial, blocks))
    tokens, types, splits = (
        _tensor(stored.mapped(folder / name, _ON_DISK[name]))
        for name in ("tokens", "types", "splits")
    )
    return _Found(tokens, types, splits, int(np.fromfile(folder / "truncated", np.int64)[0]))


def _made(folder: Path, write: Callable[[Path], None]) -> Path:
    """The folder; where it is not there it is written, whole or not at all."""
    if not folder.is_dir():
        try:
            with files.making(folder) as partial:
                write(partial)
        except OSError:
            if not folder.is_dir():  # else another worker was faster
                raise
    return folder


def _write(folder: Path, blocks: Iterator[_Block]) -> None:
    """Bare numbers of `_ON_DISK`'s types, in the machine's byte order."""
    with contextlib.ExitStack() as stack:
        streams = {name: stack.enter_context((folder / name).open("wb")) for name in _ON_DISK}
        end, cut = np.zeros(1, np.int64), 0
        end.tofile(streams["splits"])
        for block in blocks:
            ends = end + np.cumsum(block.lengths)
            for name, values in zip(_ON_DISK, (block.tokens, block.types, ends), strict=False):
                values.astype(_ON_DISK[name]).tofile(streams[name])
            end, cut = ends[-1:], cut + block.truncated
        np.array([cut], np.int64).tofile(streams["truncated"])


def _tensor(numbers: np.ndarray) -> tf.Tensor:
    """Without a copy where they are mapped."""
    if isinstance(numbers, np.memmap):
        return tf.experimental.dlpack.from_dlpack(numbers.__dlpack__())
    return tf.constant(numbers)
