"""Opinions, counts and incidents of files, from the flags of a command to its last file."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib import metadata
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.transforms.window import GlobalWindows

import tfsocial
from tfsocial.apps.monitor import topics
from tfsocial.apps.monitor.incidents import Incident
from tfsocial.apps.monitor.on_beam import messages
from tfsocial.apps.monitor.on_beam.folding import Opinion
from tfsocial.apps.monitor.on_beam.labelling import AT_ONCE, ByModel, Labeller
from tfsocial.apps.monitor.on_beam.messages import Message, Unanswered
from tfsocial.apps.monitor.on_beam.pipeline import Asked, Bucket, Counts, Incidents, Opinions
from tfsocial.apps.monitor.on_beam.scoring import Looking
from tfsocial.apps.monitor.records import Rules
from tfsocial.apps.monitor.tasks import Tasks
from tfsocial.errors import InputError
from tfsocial.serving import signature
from tfsocial.serving.batch.on_beam import storage
from tfsocial.serving.batch.on_beam.options import beam_options
from tfsocial.serving.predictor import texts_at_once

RECORD, MAKING = "monitor.json", "making"
FILES = ("opinions", "counts", "incidents", "unanswered")  # .jsonl
INTERNAL = ("order", "pane")


class Job(NamedTuple):
    """What the flags of `tfsocial monitor-batch` say.

    Attributes:
        labeller: instead of the model's; None: the model's.
        threshold: that a score must exceed; None: found out from each topic's past.
        now: seconds since 1970, after which nothing can have happened; None: the clock's.
    """

    model: str
    inputs: Sequence[str]
    output: str
    topics: str = ""
    negative: str = "negative"
    false_alarms: float = 1.0
    zone: str = "UTC"
    options: Sequence[str] = ()
    labeller: Labeller | None = None
    threshold: float | None = None
    now: float | None = None


def run(job: Job) -> Counter[str]:
    """Label, count and score all lines of all inputs.

    Returns:
        how many `opinions`, `counts`, `incidents` and `unanswered` lines were written.

    Raises:
        InputError: a flag, an input or the model is wrong, or the folder holds other files.
    """
    options, output = beam_options(job.options), job.output.rstrip("/")
    asked, looking = _asked(job)
    files = list(storage.matches(job.inputs))
    making = f"{_free(output)}/{MAKING}"
    with beam.Pipeline(options=options) as pipeline:
        lines = (
            pipeline
            | "inputs" >> beam.Create(list(enumerate(files)), reshuffle=True)
            | "lines" >> beam.FlatMapTuple(_lines)
        )
        _write(lines, asked, looking, making)
    counts = Counter(json.loads(storage.read(f"{making}/{RECORD}")))
    _put(output, _record(job, asked, files, counts))
    return counts


def _asked(job: Job) -> tuple[Asked, Looking]:
    rules = Rules.of_flags(job.negative, job.false_alarms, job.zone)
    now = time.time() if job.now is None else job.now
    told, labeller, at_once = False, job.labeller, AT_ONCE
    if labeller is None:
        folder = storage.model_folder(job.model)
        with storage.at_hand(f"{folder}/{signature.MANIFEST}") as path:
            manifest = signature.read_manifest(path.parent)
        told = bool(Tasks.of(manifest, job.negative).topic)
        labeller, at_once = ByModel(folder, job.negative), texts_at_once(manifest)
    rule = topics.of_flag(job.topics, told)
    return Asked(labeller, rule, rules, at_once, now=now), Looking(rules, job.threshold)


def _free(output: str) -> str:
    """Check that nothing of another job is in a folder, and clear what a killed one has left.

    Raises:
        InputError: there is.
    """
    there = storage.files_in(output)
    own = {f"{name}.jsonl" for name in FILES}
    foreign = {name for name in there if name not in own and not name.startswith(f"{MAKING}/")}
    if foreign:
        raise InputError(f"--output={output}: holds files already; name a new folder")
    if there:
        FileSystems.delete([f"{output}/{name}" for name in sorted(there)])
    return output


def _lines(place: int, file: str) -> Iterator[Message]:
    with storage.at_hand(file) as here:
        yield from messages.lines(here, file, place)


def _write(lines: beam.PCollection, asked: Asked, looking: Looking, making: str) -> None:
    """Write all files beside their places, and last how many lines each has."""
    found: dict[str, beam.PCollection] = lines | "opinions" >> Opinions(asked)
    counts = found["opinions"] | "counts" >> Counts(asked.late)
    found["counts"] = counts | "of all buckets" >> beam.WindowInto(GlobalWindows())
    both = found["opinions"], found["counts"]
    found["incidents"] = both | "incidents" >> Incidents(looking)
    sizes = []
    for name in FILES:
        values = found[name] | f"{name} as lines" >> beam.Map(_line)
        sizes.append(values | f"count {name}" >> beam.Map(lambda _, name: name, name))
        _ = values | f"write {name}" >> beam.io.WriteToText(
            f"{making}/{name}", ".jsonl", num_shards=1, shard_name_template=""
        )
    _ = (
        sizes
        | "sizes" >> beam.Flatten()
        | "of each" >> beam.combiners.Count.PerElement()
        | "together" >> beam.combiners.ToDict()
        | "write sizes" >> beam.Map(_write_json, f"{making}/{RECORD}")
    )


def _line(one: Opinion | Bucket | Incident | Unanswered) -> str:
    """Write what is found as a line; of the order of lines and of panes nobody is told."""
    values = one._asdict() if isinstance(one, Unanswered) else asdict(one)
    return json.dumps({k: v for k, v in values.items() if k not in INTERNAL}, ensure_ascii=False)


def _write_json(value: Any, path: str) -> None:
    storage.write_json(path, value)


def _put(output: str, record: Mapping[str, Any]) -> None:
    """Put all files in their places; the record comes last: where it is, all is."""
    names = [f"{name}.jsonl" for name in FILES]
    for name in names:
        FileSystems.rename([f"{output}/{MAKING}/{name}"], [f"{output}/{name}"])
    storage.write_json(f"{output}/{RECORD}", record)
    FileSystems.delete([f"{output}/{MAKING}"])


def _record(
    job: Job, asked: Asked, files: Sequence[str], counts: Mapping[str, int]
) -> dict[str, Any]:
    packages = ("apache-beam", "numpy", "scipy")
    return {
        "model": job.model,
        "manifest": _fingerprint(asked.labeller),
        "inputs": list(files),
        "topics": job.topics,
        "rules": asdict(asked.rules),
        "now": asked.now,
        "versions": {"tfsocial": tfsocial.__version__}
        | {name: metadata.version(name) for name in packages},
        "counts": {name: counts.get(name, 0) for name in FILES},
    }


def _fingerprint(labeller: Labeller) -> str:
    return storage.fingerprint(labeller.folder) if isinstance(labeller, ByModel) else ""
