"""Any source as TFRecord shards, the same examples in and out.

A split becomes SPLIT-00000-of-00008.tfrecord and so on, and SPLIT.json, its manifest: how many
examples there are and their hash, and for each finished shard its examples, hash and bytes. Bad
rows are in SPLIT-quarantine.jsonl. A shard is there whole or not at all, so a conversion that was
stopped goes on at the first one that is missing. The source is read once to count and hash it,
once to write it; then all shards are read back and counted and hashed again.

The hash is that of a multiset: the sum modulo 2^256 of the SHA-256 of each example, which does
not depend on their order and, unlike an exclusive or, notices an example that stands twice
(Bellare & Micciancio 1997, A New Paradigm for Collision-Free Hashing: Incrementality at Reduced
Cost).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

import numpy as np
from tqdm import tqdm

from tfsocial import config
from tfsocial.data.examples import SPLITS, Counts
from tfsocial.data.reading import label_cells, quarantine, source_rows, source_types, tfrecord
from tfsocial.data.reading.rows import BadRow
from tfsocial.data.reading.source_rows import Example
from tfsocial.errors import InputError

SHARDS = 8
_MODULUS = 2**256


@dataclass
class Content:
    """How many examples, and the hash of them all in any order."""

    examples: int = 0
    total: int = 0

    def add(self, example: Example) -> None:
        """Count an example and add its hash; the order does not matter."""
        self.examples += 1
        self.total = (self.total + int.from_bytes(_digest(example), "big")) % _MODULUS

    @property
    def sha256(self) -> str:
        return f"{self.total:064x}"


def _digest(example: Example) -> bytes:
    """Hash texts, labels and attributes as they are used, not as a file spells them."""
    cells = {task: _canonical(cell) for task, cell in example.cells.items()}
    values = [example.text.text, example.text.pair, sorted(cells.items())]
    values += [sorted(example.attributes.items())] if example.attributes else []
    return hashlib.sha256(json.dumps(values).encode()).digest()


def _canonical(cell: label_cells.Cell) -> Any:
    if isinstance(cell, frozenset):
        return sorted(cell)
    return float(np.float32(cell)) if isinstance(cell, float) else cell


@dataclass
class Manifest:
    """What SPLIT.json holds.

    Attributes:
        columns: of the config, which a record has.
        finished: file name -> its examples, sha256 of them in any order, and bytes.
    """

    split: str
    source: str
    licence: str
    columns: list[str]
    examples: int
    sha256: str
    shards: int
    finished: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """Of all shards, in order."""
        form = f"{self.split}-{{:05d}}-of-{self.shards:05d}.{tfrecord.SUFFIX}"
        return [form.format(number) for number in range(self.shards)]

    def size(self, number: int) -> int:
        """Count a shard's examples: the first have one more where it does not come out even."""
        return self.examples // self.shards + (number < self.examples % self.shards)


@dataclass(frozen=True)
class Converted:
    """A split that was converted: where its shards are, and what was left out."""

    key: str
    split: str
    pattern: str
    counts: Counts
    manifest: Manifest


def convert(
    data: config.Data, tasks: Mapping[str, config.Task], output: str, shards: int = SHARDS
) -> Iterator[Converted]:
    """Convert each split of each source to shards in `output`, a mixture's in a folder a source.

    Args:
        output: local or gs://.

    Raises:
        InputError: a source cannot be read, too many of its rows are bad, or the folder holds
            a conversion of other data.
        OSError: a file cannot be written, or does not hold what was written.
    """
    for key, source in data.sources.items():
        folder = f"{output}/{key.rpartition('.')[2]}" if data.mixture else output
        plain = _as_written(source)
        for split in SPLITS:
            if getattr(source.splits, split):
                yield _Split(key, split, plain, data, tasks, folder).converted(shards)


def _as_written(source: config.Source) -> config.Source:
    """Keep the source's labels as they are: they are renamed when the shards are read."""
    return source.model_copy(update={"labels": {}} if hasattr(source, "labels") else {})


@dataclass(frozen=True)
class _Split:
    """One split of one source on its way into a folder."""

    key: str
    split: str
    source: config.Source
    data: config.Data
    tasks: Mapping[str, config.Task]
    folder: str

    def converted(self, shards: int) -> Converted:
        wanted, counts = self._measured()
        manifest = self._manifest(wanted, shards)
        self._write_missing(manifest)
        self._check(manifest)
        pattern = f"{self.folder}/{self.split}-*.{tfrecord.SUFFIX}"
        return Converted(self.key, self.split, pattern, counts, manifest)

    def _rows(self) -> Iterator[Example | BadRow]:
        for name in source_types.names(self.source, self.split, self.key):
            yield from source_rows.examples_of(name, self.key, self.source, self.data, self.tasks)

    def _measured(self) -> tuple[Content, Counts]:
        """Measure what the source holds, and how many of its rows are bad."""
        content, bad = Content(), []
        for row in _shown(self._rows(), f"{self.split}: reading"):
            if isinstance(row, BadRow):
                bad.append(row)
            else:
                content.add(row)
        counts = Counts(content.examples + len(bad), content.examples, len(bad))
        place = f"{self.key}.splits.{self.split}"
        quarantine.check_bad_rows(place, counts, bad, self.data.max_bad_fraction)
        self._put(f"{self.split}-quarantine.jsonl", "".join(map(quarantine.quarantine_line, bad)))
        return content, counts

    def _columns(self) -> list[str]:
        """List texts, labels and attributes; nothing else of a row is kept."""
        labels = (task.column for task in self.source.labelled(self.tasks).values())
        return list(dict.fromkeys([*self.source.text, *labels, *self.source.attributes.values()]))

    # --- the manifest ------------------------------------------------------------------

    def _path(self, name: str) -> str:
        return f"{self.folder}/{name}"

    def _manifest(self, content: Content, shards: int) -> Manifest:
        """Give the manifest of this data: as it is in the folder, or new."""
        new = Manifest(
            self.split,
            self.source.name or self.source.source,
            self.source.licence,
            self._columns(),
            content.examples,
            content.sha256,
            min(shards, content.examples),
        )
        there = self._read()
        if there is None:
            self._write(new)
            return new
        changed = _differences(there, new)
        if changed:
            raise InputError(
                f"{self._path(self.split)}.json is of another conversion ({', '.join(changed)}); "
                "name a new --output"
            )
        return there

    def _read(self) -> Manifest | None:
        import tensorflow as tf

        path = self._path(f"{self.split}.json")
        if not tf.io.gfile.exists(path):
            return None
        try:
            with tf.io.gfile.GFile(path, "r") as file:
                return Manifest(**json.loads(file.read()))
        except (ValueError, TypeError):
            raise InputError(
                f"{path}: is no manifest of a conversion; name a new --output"
            ) from None

    def _write(self, manifest: Manifest) -> None:
        text = json.dumps(asdict(manifest), indent=1, ensure_ascii=False)
        self._put(f"{self.split}.json", f"{text}\n")

    def _put(self, name: str, text: str) -> None:
        """Write a file of the folder, whole or not at all."""
        import tensorflow as tf

        path = self._path(name)
        try:
            tf.io.gfile.makedirs(self.folder)
            with tf.io.gfile.GFile(f"{path}.partial", "w") as file:
                file.write(text)
            tf.io.gfile.rename(f"{path}.partial", path, overwrite=True)
        except tf.errors.OpError as error:
            raise OSError(None, error.message, path) from None

    # --- shards ------------------------------------------------------------------------

    def _write_missing(self, manifest: Manifest) -> None:
        missing = [not self._is_whole(manifest, name) for name in manifest.names]
        if not any(missing):
            return
        examples = (row for row in self._rows() if isinstance(row, Example))
        shown = _shown(examples, f"{self.split}: writing", manifest.examples)
        for number, name in enumerate(manifest.names):
            of_shard = islice(shown, manifest.size(number))
            if missing[number]:
                manifest.finished[name] = self._write_shard(name, of_shard, manifest.columns)
                self._write(manifest)
            else:
                list(of_shard)

    def _is_whole(self, manifest: Manifest, name: str) -> bool:
        import tensorflow as tf

        path = self._path(name)
        if name not in manifest.finished or not tf.io.gfile.exists(path):
            return False
        return tf.io.gfile.stat(path).length == manifest.finished[name]["bytes"]

    def _write_shard(
        self, name: str, examples: Iterable[Example], columns: list[str]
    ) -> dict[str, Any]:
        import tensorflow as tf

        content, path = Content(), self._path(name)

        def records() -> Iterator[bytes]:
            for example in examples:
                content.add(example)
                yield tfrecord.record(self._cells(example, columns))

        tfrecord.write(path, records())
        size = int(tf.io.gfile.stat(path).length)
        return {"examples": content.examples, "sha256": content.sha256, "bytes": size}

    def _cells(self, example: Example, columns: Sequence[str]) -> dict[str, Any]:
        """Give the cells of a record; an attribute's is what examples have of it."""
        attributes = {
            column: example.attributes[name] for name, column in self.source.attributes.items()
        }
        read = {*self.source.text, *(t.column for t in self.source.labelled(self.tasks).values())}
        return {key: example.values.get(key) if key in read else attributes[key] for key in columns}

    def _check(self, manifest: Manifest) -> None:
        """Read all shards back."""
        total = Content()
        with tqdm(total=manifest.examples, desc=f"{self.split}: checking", disable=None) as bar:
            for name in manifest.names:
                content = self._read_back(name)
                expected = manifest.finished[name]
                if (content.examples, content.sha256) != (expected["examples"], expected["sha256"]):
                    raise OSError(
                        None,
                        "does not hold the examples that were written; delete it and run again",
                        self._path(name),
                    )
                total.examples += content.examples
                total.total = (total.total + content.total) % _MODULUS
                bar.update(content.examples)
        if (total.examples, total.sha256) != (manifest.examples, manifest.sha256):
            raise OSError(
                None,
                "the source changed while it was converted; delete the folder and run again",
                self.folder,
            )

    def _read_back(self, name: str) -> Content:
        content = Content()
        update = {"source": "files", "format": tfrecord.SUFFIX}
        files = self.source.model_copy(update=update)
        path = self._path(name)
        for row in source_rows.examples_of(path, self.key, files, self.data, self.tasks):
            if isinstance(row, Example):
                content.add(row)
        return content


def _differences(there: Manifest, new: Manifest) -> list[str]:
    """List what of two manifests is not alike, but for what is finished."""
    before, now = asdict(there), asdict(new)
    return [key for key in now if key != "finished" and before[key] != now[key]]


def _shown(items: Iterable[Any], what: str, total: int | None = None) -> Iterator[Any]:
    """Show a bar where stderr is a terminal; the items stay the same."""
    return iter(tqdm(items, desc=what, total=total, disable=None, leave=False))


def use(data: config.Data, done: Iterable[Converted]) -> dict[str, Any]:
    """Write the part of a config that reads what was converted, not what it was made from.

    >>> manifest = Manifest("train", "", "MIT", ["text"], 8, "", 1)
    >>> use(config.Data(), [Converted("data", "train", "/d/train-*.tfrecord", None, manifest)])
    {'source': 'files', 'root': None, 'format': 'tfrecord', \
'splits': {'train': '/d/train-*.tfrecord'}}
    """
    by_source: dict[str, Any] = {}
    for one in done:
        changes = by_source.setdefault(
            one.key, {"source": "files", "root": None, "format": tfrecord.SUFFIX, "splits": {}}
        )
        changes["splits"][one.split] = one.pattern
    if not data.mixture:
        return by_source["data"]
    return {"mixture": {key.rpartition(".")[2]: changes for key, changes in by_source.items()}}
