"""The two pipelines of a batch job: count the rows of all inputs; answer the parts of one wave.

    parts -> read -> group by bucket -> distinct texts -> RunInference -> group by part -> write

A bucket is some thousand texts, drawn by their hashes. So all rows with one text meet in one place,
the text is asked once, and which texts share a call does not depend on how Beam bundles them.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.ml.inference.base import KeyedModelHandler, ModelHandler, RunInference

from tfsocial.data.reading.rows import BadRow
from tfsocial.data.reading.text_cells import Text
from tfsocial.data.reading.texts import read_texts
from tfsocial.errors import InputError
from tfsocial.serving.batch import plan, rows
from tfsocial.serving.batch.on_beam import storage
from tfsocial.serving.batch.plan import Input, Part, Wave
from tfsocial.serving.formats import load_version
from tfsocial.serving.predictor import Predictor

CALLS = 4  # of the model, at the most, for a bucket: few calls are then for a remainder


class Asked(NamedTuple):
    """What every wave of a job has in common.

    Attributes:
        model: folder of an exported version.
        columns: its text columns.
        at_once: texts in one call.
        top: labels listed with their probabilities; 0 lists all.
        output: the folder.
    """

    model: str
    columns: tuple[str, ...]
    at_once: int
    top: int
    output: str


def count(pipeline: beam.Pipeline, inputs: Sequence[Input], asked: Asked) -> None:
    """Write `plan.ROWS`: for each input its rows, or why it cannot be read."""
    rows_of = functools.partial(_rows_of, columns=asked.columns)
    _ = (
        pipeline
        | "inputs" >> beam.Create([item.file for item in inputs], reshuffle=True)
        | "count rows" >> beam.Map(rows_of)
        | "gather" >> beam.CombineGlobally(_joined)
        | "write rows" >> beam.Map(_write_json, path=f"{asked.output}/{plan.ROWS}")
    )


def answer(pipeline: beam.Pipeline, number: int, wave: Wave, asked: Asked) -> None:
    """Write the answers of a wave, its dead letters, and last its marker."""
    read = (
        pipeline
        | "parts" >> beam.Create(plan.by_file(wave), reshuffle=True)
        | "read"
        >> beam.FlatMap(
            _read, columns=asked.columns, buckets=_buckets(wave, asked.at_once)
        ).with_outputs("unreadable", main="texts")
    )
    texts = (
        read.texts
        | "by bucket" >> beam.GroupByKey()
        | "distinct" >> beam.MapTuple(lambda _, blocks: rows.distinct(blocks))
    )
    answers = (
        texts
        | "ask" >> RunInference(KeyedModelHandler(Answerer(asked)).with_no_batching())
        | "to parts" >> beam.FlatMapTuple(_to_parts)
    )
    written = (
        (answers, read.unreadable)
        | "with the unreadable" >> beam.Flatten()
        | "by part" >> beam.GroupByKey()
        | "write parts" >> beam.Map(_write, wave=wave, output=asked.output)
    )
    _ = (
        (written, texts | "count texts" >> beam.Map(lambda batch: Counter(distinct=len(batch))))
        | "counts" >> beam.Flatten()
        | "add up" >> beam.CombineGlobally(_added)
        | "write marker" >> beam.Map(_write_json, path=f"{asked.output}/{plan.marker(number)}")
    )


class Answerer(ModelHandler[rows.Texts, rows.Answer, Predictor]):
    """Answers with an exported model, one copy a process; never fails for the sake of a text."""

    def __init__(self, asked: Asked):
        super().__init__()
        self._asked = asked

    def load_model(self) -> Predictor:
        return _loaded(self._asked.model)

    def run_inference(
        self,
        batch: Sequence[rows.Texts],
        model: Predictor,
        inference_args: dict[str, Any] | None = None,
    ) -> Iterator[rows.Answer]:
        return rows.answered(model, batch, self._asked.top)

    def get_num_bytes(self, batch: Sequence[rows.Texts]) -> int:
        return sum(len(text) for columns in batch for text in columns)

    def get_metrics_namespace(self) -> str:
        return "tfsocial"


@functools.lru_cache(maxsize=1)  # Beam forgets a model with its pipeline, and waves are many
def _loaded(folder: str) -> Predictor:
    with storage.model_at_hand(folder) as here:
        return load_version(here)


def _buckets(wave: Wave, at_once: int) -> int:
    return -(-sum(part.rows for part in wave) // (CALLS * at_once))


def _rows_of(file: str, columns: Sequence[str]) -> dict[str, int | str]:
    try:
        return {file: sum(1 for _ in _texts(file, columns))}
    except InputError as error:
        return {file: str(error)}


def _texts(file: str, columns: Sequence[str]) -> Iterator[Text | BadRow]:
    with storage.at_hand(file) as here:
        try:
            yield from read_texts(here, columns)
        except InputError as error:  # a user knows a remote file by its own name alone
            raise InputError(str(error).replace(str(here), file)) from None


def _read(group: list[tuple[int, Part]], columns: Sequence[str], buckets: int) -> Iterator[Any]:
    """Read the parts of one file: (bucket, (part, texts)), and (part, the unreadable)."""
    places, parts = zip(*group, strict=True)
    found = rows.of_parts(_texts(parts[0].file, columns), parts)
    for place, (texts, unreadable) in zip(places, found, strict=True):
        for number, block in rows.in_buckets(texts, buckets).items():
            yield number, (place, block)
        for row in unreadable:
            yield beam.pvalue.TaggedOutput("unreadable", (place, row))


def _to_parts(
    where: list[tuple[int, rows.Places]], answer: rows.Answer
) -> Iterator[tuple[int, tuple[rows.Places, rows.Answer]]]:
    return ((part, (places, answer)) for part, places in where)


def _write(
    element: tuple[int, Iterable[tuple[rows.Places, rows.Answer]]], wave: Wave, output: str
) -> Counter[str]:
    """Write a part's files, the answers last: where they are, all of the part is."""
    place, answers = element
    part = wave[place]
    written = rows.written(part, answers)
    if not storage.exists(f"{output}/{part.answers}"):
        storage.write_or_remove(f"{output}/{part.unanswered}", written.unanswered)
        storage.write(f"{output}/{part.answers}", written.answers)
    return written.counts


def _joined(mappings: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return dict(chain.from_iterable(mapping.items() for mapping in mappings))


def _added(counts: Iterable[Counter[str]]) -> Counter[str]:
    return sum(counts, Counter())


def _write_json(value: Any, path: str) -> None:
    storage.write_json(path, value)
