"""Sources in, columns out: files of any format, sets by name, or several of them beside each other.

What a type of source is made of, and its rows, are in `source_types`; from there on all are alike.
One bad row never stops a run and never disappears: it goes to quarantine with its file, line and
reason, and only too many of them (`data.max_bad_fraction`) are an error. In a mixture each source
has its own columns, tasks and labels; a label set is that of all of them together.

Texts go to the quarantine file, never into a message.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from itertools import chain
from pathlib import Path

from tfsocial import config
from tfsocial.data.examples import SPLITS, Corpus, Counts, Part, joined
from tfsocial.data.reading import source_types
from tfsocial.data.reading.label_sets import (
    check_something_is_learned,
    label_names,
    without_unlearned,
)
from tfsocial.data.reading.mmap_columns import Store
from tfsocial.data.reading.quarantine import check_bad_rows, write_quarantine
from tfsocial.data.reading.rows import BadRow, listed
from tfsocial.data.reading.source_rows import examples_of, label_mappings
from tfsocial.data.reading.split_table import SplitTable
from tfsocial.errors import InputError

log = logging.getLogger(__name__)


def read_splits(
    data: config.Data, tasks: Mapping[str, config.Task], quarantine: Path | None = None
) -> Corpus:
    """Read all configured splits, with labels as numbers.

    A label set is the one the config gives, in its order, or learned from train
    and sorted. Bad rows are written to `quarantine` (jsonl: file, line, reason,
    row), also when too many of them then stop the run.

    Raises:
        InputError: a file, column or label is missing or unknown, or more than
            `data.max_bad_fraction` of a split's rows are bad.
    """
    store = Store(data.cache) if data.cache else None
    tables = {split: _tables(split, data, tasks, store) for split in SPLITS}
    tables = {split: by_source for split, by_source in tables.items() if by_source}
    if not tables:
        if data.mixture:
            raise InputError("data.mixture: no source names splits; give at least one's train")
        raise InputError("data.splits names no files; give at least data.splits.train")
    if quarantine is not None:
        every = (table for by_source in tables.values() for table in by_source.values())
        write_quarantine(quarantine, chain.from_iterable(table.bad for table in every))
    for split, by_source in tables.items():
        for key, table in by_source.items():
            place = f"{key}.splits.{split}"
            check_bad_rows(place, table.counts(), table.bad, data.max_bad_fraction, quarantine)
    _check_apart(tables, data, tasks)
    _warn_of_typos(tables, data)
    train = list(tables.get("train", {}).values())
    place = "data.mixture" if data.mixture else "data.splits.train"
    names = {name: label_names(name, task, train, place) for name, task in tasks.items()}
    columns = dict.fromkeys(name for source in data.sources.values() for name in source.attributes)
    corpus = _corpus(tables, tasks, names, columns)
    check_something_is_learned(corpus.splits.get("train"), tasks, place)
    return corpus


def _tables(
    split: str, data: config.Data, tasks: Mapping[str, config.Task], store: Store | None
) -> dict[str, SplitTable]:
    """Read each source that has the split, by its key."""
    return {
        key: _read_split(split, key, source, data, tasks, store)
        for key, source in data.sources.items()
        if getattr(source.splits, split)
    }


def _warn_of_typos(tables: Mapping[str, Mapping[str, SplitTable]], data: config.Data) -> None:
    """Warn of a mapping's label that no row has: the one that is meant would be one more class."""
    for key, source in data.sources.items():
        seen = set().union(
            *(by_source[key].renamed for by_source in tables.values() if key in by_source)
        )
        for task, mapping in label_mappings(source).items():
            if lost := [label for label in mapping if (task, label) not in seen]:
                log.warning("%s.labels.%s: no row has the label %s", key, task, listed(lost))


def _check_apart(
    tables: Mapping[str, Mapping[str, SplitTable]],
    data: config.Data,
    tasks: Mapping[str, config.Task],
) -> None:
    """Refuse a file whose labels are learned and scored on; without labels it may be both."""
    learned: dict[str, str] = {}
    for split, key, file in _labelled_files(tables, data, tasks):
        path = os.path.realpath(file)
        if split == "train":
            learned[path] = f"{key}.splits.train"
        elif path in learned:
            raise InputError(
                f"{key}.splits.{split}: {file} is a file of {learned[path]} too, so scores would "
                "be of texts that were learned; give each split files of its own"
            )


def _labelled_files(
    tables: Mapping[str, Mapping[str, SplitTable]],
    data: config.Data,
    tasks: Mapping[str, config.Task],
) -> Iterator[tuple[str, str, str]]:
    """Yield (split, key of its source, name) of each file with labels, train's first."""
    for split, by_source in tables.items():
        for key, table in by_source.items():
            if data.sources[key].labelled(tasks):
                yield from ((split, key, file) for file in table.files)


def _corpus(
    tables: Mapping[str, Mapping[str, SplitTable]],
    tasks: Mapping[str, config.Task],
    names: dict[str, tuple[str, ...]],
    columns: Iterable[str],
) -> Corpus:
    splits, counts, parts = {}, {}, {}
    for split, by_source in tables.items():
        examples = [table.examples(tasks, names) for table in by_source.values()]
        if split == "train":
            examples = [without_unlearned(part, tasks, names) for part in examples]
        each = [table.counts() for table in by_source.values()]
        splits[split] = joined(examples, columns)
        counts[split] = Counts(
            *(sum(getattr(one, name.name) for one in each) for name in fields(Counts))
        )
        sized = zip(by_source, map(len, examples), each, strict=True)
        parts[split] = {key: Part(size, rows) for key, size, rows in sized}
    return Corpus(splits, names, counts, parts)


def _read_split(
    split: str,
    key: str,
    source: config.Source,
    data: config.Data,
    tasks: Mapping[str, config.Task],
    store: Store | None,
) -> SplitTable:
    table = SplitTable(tasks, source.attributes, store)
    for name in source_types.names(source, split, key):
        table.files.append(name)
        for row in examples_of(name, key, source, data, tasks):
            if isinstance(row, BadRow):
                table.bad.append(row)
            else:
                table.add(row)
    return table
