"""From a config to the TPU compiler's verdict on its train step; read top to bottom."""

from __future__ import annotations

import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfsocial.config import Config
from tfsocial.errors import InputError
from tfsocial.preflight import largest
from tfsocial.preflight.bounds import Load, Network
from tfsocial.preflight.chips import Topology
from tfsocial.preflight.compiler import Counts, NotCompiled, OutOfMemory, compile_step
from tfsocial.preflight.largest import Largest
from tfsocial.preflight.lowering import Lowering
from tfsocial.runs.prepare import Prepared, prepare
from tfsocial.runs.texts import Texts
from tfsocial.text import packing
from tfsocial.training import devices
from tfsocial.training.social_model import SocialModel

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checked:
    """A step that compiles.

    Attributes:
        rows: of one chip.
        row: what a row holds on average.
        steps: of the whole run.
        largest: None where it was not asked for.
    """

    name: str
    topology: Topology
    rows: int
    row_length: int
    row: Load
    network: Network
    counts: Counts
    steps: int
    largest: Largest | None


class Refused(Exception):
    """The step does not compile, the message names operation and source line; or it does not fit,
    and the message says how large a batch would.
    """


def check(config: Config, topology: Topology, python: Path, find_largest: bool) -> Checked:
    """Compile a config's train step for one chip of a slice that shares each batch.

    Args:
        python: of the environment with the TPU compiler.
        find_largest: whether to look for the largest batch too; some compilations more.

    Raises:
        InputError: the config, the data, the compiler's environment or the slice is wrong.
        Refused: the step does not compile, or does not fit.
    """
    rows = _rows_of_a_chip(config, topology)
    with tempfile.TemporaryDirectory() as folder:
        as_there = _as_on_a_tpu(config)
        ready = prepare(as_there, Path(folder), devices.choose("cpu", as_there.training))
    lowering = Lowering(ready.model, ready.training_batches().element_spec)

    def compile_rows(count: int) -> Counts:
        log.info("compiling %d rows a chip for %s", count, topology.name)
        return compile_step(lowering.module(count), topology.name, python)

    memory, parts = topology.chip.memory, config.training.micro_batches
    try:
        counts = compile_rows(rows)
    except OutOfMemory as error:
        most = None
        if find_largest:
            most = largest.largest({}, memory, compile_rows, unit=parts, too_many=rows)
        raise Refused(_too_large(rows, topology, error, most)) from error
    except NotCompiled as error:
        raise Refused(f"does not compile: {_told(error, lowering)}") from error
    most = None
    if find_largest:
        most = largest.largest({rows: counts}, memory, compile_rows, unit=parts)
    return _checked(ready, topology, rows, counts, most)


def _rows_of_a_chip(config: Config, topology: Topology) -> int:
    rows, parts = config.data.rows, config.training.micro_batches
    if rows % (topology.chips * parts):
        each = f", each in {parts} parts," if parts > 1 else ""
        raise InputError(
            f"data.rows={rows}: {topology.chips} chips of {topology.name}{each} cannot share "
            f"it evenly; give --global_batch as a multiple of {topology.chips * parts}"
        )
    return rows // topology.chips


def _too_large(rows: int, topology: Topology, error: OutOfMemory, most: Largest | None) -> str:
    first = str(error).strip().splitlines()[0]
    said = f"does not fit with {rows} rows a chip ({first})"
    if most is None:
        return said
    return f"{said}; {most.fits} do: --global_batch={most.fits * topology.chips}"


def _as_on_a_tpu(config: Config) -> Config:
    """Choose XLA whatever the config says, bfloat16 unless it says otherwise.

    Raises:
        InputError: it says float16.
    """
    training = config.training
    if training.precision == "float16":
        raise InputError(devices.NO_FLOAT16_ON_TPU)
    precision = "bfloat16" if training.precision == "auto" else training.precision
    on_tpu = training.model_copy(update={"compile": "xla", "precision": precision})
    return config.model_copy(update={"training": on_tpu})


def _told(error: NotCompiled, lowering: Lowering) -> str:
    place = lowering.place(error.names)
    first = str(error).strip().splitlines()[0]
    return f"{place}: {first}" if place else first


def _checked(
    ready: Prepared, topology: Topology, rows: int, counts: Counts, most: Largest | None
) -> Checked:
    data, texts = ready.config.data, ready.texts
    network = network_of(ready.model, ready.config.training.frozen_layers or 0)
    row, steps = row_of(texts), ready.total_steps
    return Checked(
        ready.config.name, topology, rows, data.row_length, row, network, counts, steps, most
    )


def network_of(model: SocialModel, frozen_layers: int = 0) -> Network:
    """Measure the text model; what terms beside L learn counts in the gradient alone."""
    encoder = model.text_model.encoder
    bert, config = encoder.bert, encoder.config
    beside = [model.text_model.heads, *([bert.pooler] if encoder.has_pooler else [])]
    return Network(
        per_token=_size(bert.encoder),
        per_example=sum(map(_size, beside)),
        layers=config.num_hidden_layers,
        hidden=config.hidden_size,
        gradient_bytes=4 * sum(int(np.prod(weight.shape)) for weight in model.learned),
        frozen_layers=frozen_layers,
        frozen_per_token=sum(map(_size, bert.encoder.layer[:frozen_layers])),
    )


def _size(layer) -> int:
    return sum(int(np.prod(weight.shape)) for weight in layer.trainable_variables)


def row_of(texts: Texts) -> Load:
    """Average what a packed row of the train split holds."""
    train = texts.compacted["train"]
    lengths, shape = train.lengths.numpy(), texts.shape
    rows = len(packing.best_fit(lengths, shape.row_length, shape.slots))
    squares = float(np.sum(np.square(lengths)))
    return Load(len(lengths), float(np.sum(lengths)), squares).times(1 / rows)
