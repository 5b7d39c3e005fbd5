"""Shape a model for what is to run it: smaller, and in the formats of servers."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfsocial import folders
from tfsocial.api.use import Models, model_folders
from tfsocial.errors import InputError

MIN_AGREEMENT = 0.98  # of an exported version's answers with its model's
MAX_LOSS = 1.5  # points of score that a compressed model may lose

if TYPE_CHECKING:
    from tfsocial.composition.run import Composed
    from tfsocial.compression.run import Compressed


def compose(
    runs: Sequence[str | Path | tuple[str | Path, float]],
    output: str | Path,
    *,
    base: str | None = None,
    method: str = "linear",
    knobs: Mapping[str, Any] | None = None,
    heads: str | None = None,
    settle: bool = True,
    rename: Mapping[str, Mapping[str, str]] | None = None,
    other: Sequence[str | Path] = (),
    overrides: Sequence[str] = (),
    licence_policy: str | None = None,
) -> Composed:
    """Add the weights of several runs of one M0.

    Args:
        runs: folders of finished runs, or of compositions, each alone or with its weight.
        output: folder for `model/`, its card, composition.json and .txt, provenance.json.
        base: M0 of all of them, as `model.checkpoint` names it; left out, the first run's.
        method: linear, greedy, wise_ft, task_arithmetic, ties, dare, slerp, model_stock, fisher or
            regmean; see `composition.methods`.
        knobs: of the method.
        heads: own, average, or refit to the runs' data; left out, own of a single run whose heads
            were not fitted alone at the end, else refit.
        settle: fit scales and thresholds to the runs' dev; without, they are left out.
        rename: run -> task -> what it is called in the composed model.
        other: labelled files that no run learned, with columns text and label: how well they are
            still read is shown on the curve of wise_ft.
        overrides: KEY.PATH=VALUE, over the runs' configs.
        licence_policy: permissive, noncommercial or any; left out, the strictest of the runs'.

    Raises:
        InputError: the runs are not of one M0, a weight or knob does not fit the method, a
            licence does not fit, or `output` holds another composition.
    """
    from tfsocial.composition import asked, run

    pairs = [one if isinstance(one, tuple) else (one, 1.0) for one in runs]
    wanted = asked.Asked(
        [(folders.existing("add", folder), float(weight)) for folder, weight in pairs],
        base,
        method,
        dict(knobs or {}),
        asked.how(heads),
        settle,
        [folders.existing("other", path) for path in other],
        tuple(overrides),
        asked.renamed([Path(folder) for folder, _ in pairs], rename or {}),
        asked.policy(licence_policy),
    )
    return run.compose(wanted, folders.local("output", output))


def compress(
    run: str | Path,
    output: str | Path,
    *,
    layers: int | None = None,
    heads: int | None = None,
    intermediate_size: int | None = None,
    vocabulary: int | None = None,
    epochs: int | None = None,
    max_loss: float = MAX_LOSS,
    overrides: Sequence[str] = (),
    device: str = "auto",
) -> Compressed:
    """Make a finished run's model smaller and faster, taught by the whole one; int8 at the end.

    Args:
        run: its folder: config.yaml says what data to learn from, model/ is the teacher.
        output: folder for `pruned/`, the run `distilled/`, `served/1` and the report.
        layers: of the encoder that stay; left out, half of them.
        heads: of attention that stay in each layer; left out, all.
        intermediate_size: width of the feed-forward part that stays; left out, all of it.
        vocabulary: tokens that stay; left out, those in use and 4,000 more.
        epochs: in which the small model learns; left out, the run's own.
        max_loss: points of score that may be lost, on dev, or on test where there is no dev.
        overrides: KEY.PATH=VALUE, over the run's config and the smaller model's.
        device: as `train` has it.

    Raises:
        InputError: `run` is no finished run, a number does not fit its model, `output` is another
            plan's, or more is lost than `max_loss`; then nothing is published.
    """
    from tfsocial.training import environment

    environment.prepare(device)
    from tfsocial.compression import run as compression
    from tfsocial.compression.plan import Plan

    plan = Plan(layers, heads, intermediate_size, vocabulary)
    source, folder = folders.existing("run", run), folders.local("output", output)
    return compression.compress(source, folder, plan, max_loss, epochs, overrides, device)


def export(
    model: Models | None,
    output: str | Path,
    version: int | None = None,
    *,
    checkpoint: str = "",
    changes: str | Path | None = None,
    format: str = "saved_model",
    data: str | Path | None = None,
    min_agreement: float = MIN_AGREEMENT,
) -> Path:
    """Write a run's `model/` folder for servers.

    Args:
        model: of several folders the mean of their calibrated probabilities is written, as one
            graph that tokenizes and packs once. None: `checkpoint` says what.
        checkpoint: a community checkpoint that is written as it is, for its vectors, as
            `model.checkpoint` of a config names it.
        changes: folder of what a run changed of that checkpoint, laid over it first; see
            `checkpoints.changes`.
        output: folder of the served model's versions.
        version: left out, the highest there is plus one.
        format: saved_model, which takes plain strings and is what TensorFlow Serving loads; litert,
            int8 and the quickest on a CPU; or openvino, bfloat16.
        data: file of texts on which the version is compared with the model.
        min_agreement: least share of those texts that get the same answer.

    Returns:
        Folder of the version, `output`/`version`.

    Raises:
        InputError: neither or both of `model` and `checkpoint` are given, the checkpoint cannot
            be had or is not the one that was changed, the version exists, `model` is not a model
            folder, the format's package is not installed, or too few answers are the same.
    """
    from tfsocial.serving.export import publish

    if (model is None) == (not checkpoint):
        raise InputError("export: give either --model or --checkpoint")
    if changes is not None and not checkpoint:
        raise InputError("export: --changes goes with --checkpoint")
    base = folders.local("output", output)
    with tempfile.TemporaryDirectory() as place:
        source = (
            model_folders(model)
            if model is not None
            else [_of_checkpoint(checkpoint, changes, place)]
        )
        texts = _texts(folders.existing("data", data), source[0]) if data is not None else []
        least = min_agreement if texts else 0.0
        return publish.publish(source, base, version, format, texts, least)


def _of_checkpoint(checkpoint: str, changes: str | Path | None, place: str) -> Path:
    from tfsocial.checkpoints import as_it_is
    from tfsocial.checkpoints import changes as laid_over
    from tfsocial.config.model import Model

    folder = Path(place) / "model"
    if changes is None:
        as_it_is.save(Model(checkpoint=checkpoint), folder)
    else:
        laid_over.apply(checkpoint, folders.existing("changes", changes), folder)
    return folder


def _texts(data: Path, model: Path) -> list[tuple[str, ...]]:
    """Read the texts of a file that can be read, for a model's text columns."""
    from tfsocial.checkpoints import manifest
    from tfsocial.data.reading.text_cells import Text
    from tfsocial.data.reading.texts import read_texts

    of_model = manifest.read(model)
    rows = read_texts(data, of_model.text_columns, features=list(of_model.features.values()))
    return [row.columns for row in rows if isinstance(row, Text)]
