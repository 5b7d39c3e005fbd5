"""A batch job from its flags to its last wave; the same command again goes on where it was."""

from __future__ import annotations

import contextlib
import json
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib import metadata
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

import tfsocial
from tfsocial.errors import InputError
from tfsocial.serving import signature
from tfsocial.serving.batch import plan
from tfsocial.serving.batch.on_beam import pipeline, storage
from tfsocial.serving.batch.on_beam.options import beam_options
from tfsocial.serving.batch.on_beam.pipeline import Asked
from tfsocial.serving.batch.plan import RECORD, ROWS, Input, Wave
from tfsocial.serving.predictor import texts_at_once


class Job(NamedTuple):
    """What the flags of `tfsocial batch-predict` say."""

    model: str
    inputs: Sequence[str]
    output: str
    top: int
    part_rows: int
    wave_rows: int
    options: Sequence[str]


def run(job: Job) -> Counter[str]:
    """Answer all rows of all inputs, wave by wave.

    Returns:
        rows that are `answered`, `unreadable` or `failed`, and how many texts were asked,
        `distinct` within each wave.

    Raises:
        InputError: a flag, an input or the model is wrong, or the folder is another job's.
    """
    options = beam_options(job.options)
    asked = _asked(job)
    inputs = plan.named(storage.matches(job.inputs))
    record = _record(job, inputs, asked, options)
    all_parts = [
        part
        for item in inputs
        for part in plan.parts(item, record["rows"][item.file], job.part_rows)
    ]
    waves = plan.waves(all_parts, job.wave_rows)
    _answer(waves, asked, options)
    counts = _counts(waves, asked.output)
    storage.write_json(f"{asked.output}/{RECORD}", {**record, "counts": counts})
    storage.sweep(asked.output)
    return counts


def _asked(job: Job) -> Asked:
    model = storage.model_folder(job.model)
    with storage.at_hand(f"{model}/{signature.MANIFEST}") as path:
        manifest = signature.read_manifest(path.parent)
    if not manifest.tasks:
        raise InputError(
            f"--model={job.model}: was trained without a task, so it has nothing to answer with"
        )
    at_once = texts_at_once(manifest)
    return Asked(model, tuple(manifest.text_columns), at_once, job.top, job.output.rstrip("/"))


def _record(
    job: Job, inputs: Sequence[Input], asked: Asked, options: PipelineOptions
) -> dict[str, Any]:
    """Read what the folder was begun with, or begin it: count rows, and write that down."""
    settings = {
        "model": storage.fingerprint(asked.model),
        "inputs": {item.file: item.bytes for item in inputs},
        "top": job.top,
        "part_rows": job.part_rows,
        "wave_rows": job.wave_rows,
    }
    path = f"{asked.output}/{RECORD}"
    if storage.exists(path):
        record = json.loads(storage.read(path))
        plan.check_same(job.output, record["settings"], settings)
        return record
    if storage.files_in(asked.output) - {ROWS}:
        raise InputError(f"--output={job.output}: holds files, but no {RECORD}; name a new folder")
    record = {
        "settings": settings,
        "rows": _rows(inputs, asked, options),
        "model": job.model,
        "versions": {"tfsocial": tfsocial.__version__, **_versions()},
        "counts": None,
    }
    storage.write_json(path, record)
    return record


def _versions() -> dict[str, str]:
    packages = ("apache-beam", "tensorflow", "tensorflow-text", "numpy")
    return {name: metadata.version(name) for name in packages}


def _rows(inputs: Sequence[Input], asked: Asked, options: PipelineOptions) -> dict[str, int]:
    """Count the rows of each input, so that one that cannot be read ends the job here."""
    with beam.Pipeline(options=options) as counting:
        pipeline.count(counting, inputs, asked)
    counted = json.loads(storage.read(f"{asked.output}/{ROWS}"))
    for rows in counted.values():
        if isinstance(rows, str):
            raise InputError(rows)
    return counted


def _answer(waves: Sequence[Wave], asked: Asked, options: PipelineOptions) -> None:
    """Run the waves of which something is missing."""
    there = storage.files_in(asked.output)
    for number, wave in enumerate(waves):
        if not plan.is_done(number, wave, there):
            with _own_words(), beam.Pipeline(options=options) as answering:
                pipeline.answer(answering, number, wave, asked)
            logging.getLogger(__name__).info("wave %d of %d is answered", number + 1, len(waves))


@contextlib.contextmanager
def _own_words() -> Iterator[None]:
    """Let an error say what it said before Beam added in which step that was."""
    try:
        yield
    except InputError as error:
        raise InputError(str(error).partition(" [while running")[0]) from None


def _counts(waves: Sequence[Wave], output: str) -> Counter[str]:
    """Add up the counts of all waves.

    Raises:
        InputError: a part has not come, since its input has fewer rows than were counted.
    """
    there = storage.files_in(output)
    for part in (part for wave in waves for part in wave if part.answers not in there):
        raise InputError(plan.changed(part))
    markers = (storage.read(f"{output}/{plan.marker(number)}") for number in range(len(waves)))
    return sum((Counter(json.loads(marker)) for marker in markers), Counter())
