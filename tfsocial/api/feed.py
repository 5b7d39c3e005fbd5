"""Feed it: what a table holds, which of its texts to label, how they are augmented."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tfsocial import folders
from tfsocial.config import Config
from tfsocial.inspection import NEAR

if TYPE_CHECKING:
    from tfsocial.config import Model
    from tfsocial.data.augment.samples import Samples
    from tfsocial.init.run import Written
    from tfsocial.labelling.asked import Language
    from tfsocial.selection.report import Selection


@dataclass(frozen=True)
class Inspection:
    """What a config's data is like; prints as a report.

    Attributes:
        facts: ready for JSON.
    """

    facts: Mapping[str, Any]

    def __str__(self) -> str:
        from tfsocial.inspection import text_report

        return text_report.as_text(self.facts)


def init_config(
    data: str | Path,
    output: str | Path,
    text: Sequence[str] = (),
    labels: Sequence[str] = (),
    checkpoint: str | None = None,
) -> Written:
    """Look at a labelled table and write a commented config for it, with its splits.

    Args:
        data: csv, tsv or jsonl, or .gz.
        output: new folder for config.yaml and the splits.
        text, labels: columns; none: guessed.
        checkpoint: M0, which counts tokens and checks labels; left out, that of the default config.

    Returns:
        What was written, which prints as what was seen. Its `config` is the path for `load_config`,
        its `licence_keys` are the keys whose answers a training waits for.

    Raises:
        InputError: the file cannot be read, no column of it can be text or labels, or the folder
            holds files already.
    """
    from tfsocial.config import Model
    from tfsocial.init.run import init

    model = Model(checkpoint=checkpoint) if checkpoint else Model()
    folder = folders.unused("output", output)
    return init(folders.existing("data", data), folder, text, labels, model)


def inspect(config: Config, output: str | Path | None = None, near: float = NEAR) -> Inspection:
    """Look at a config's data before training: sizes, labels, lengths, leaks, licences.

    Args:
        output: folder for inspect.html, .json and .txt and quarantine.jsonl, which show texts.
        near: similarity from which two texts count as near.

    Raises:
        InputError: the data or the checkpoint cannot be read.
    """
    from tfsocial.inspection import page, text_report
    from tfsocial.inspection.facts.gather import gather

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(output or scratch)
        folder.mkdir(parents=True, exist_ok=True)
        quarantine = folder / "quarantine.jsonl"
        facts = gather(config.data, config.tasks, config.model, quarantine, near)
        facts = {"name": config.name, **facts}
        if output is not None:
            text_report.write(facts, page.page(facts), folder)
    return Inspection(facts)


def select(
    pool: str | Path,
    output: str | Path,
    *,
    labelled: Sequence[str | Path] = (),
    model: str | Path | None = None,
    strategy: str = "auto",
    n: int = 100,
    text: Sequence[str] = (),
    label: str | None = None,
    ood_label: str | None = None,
    vectors: str | Path | None = None,
    seed: int = 0,
    device: str = "auto",
) -> Selection:
    """Choose which texts of a pool to label next, and write them to a file.

    Args:
        pool: csv, tsv, jsonl or txt, or .gz.
        output: csv, tsv or jsonl; the text to label first comes first.
        labelled: files of texts with labels; the pool itself may be one.
        model: a run, its `model/` folder, an exported version, or M0; left out, that of the
            default config.
        strategy: typi_clust, typi_margin, margin, badge, entropy, random, or auto.
        n: texts to choose.
        text, label: columns; left out, guessed.
        ood_label: of what is out of scope; left out, one that is called so.
        vectors: folder that keeps the texts' vectors for the next call; left out, beside `output`.
        seed: of all chance.
        device: as `train` has it.

    Raises:
        InputError: a file cannot be read or used, or nothing is left to label.
    """
    from tfsocial.training import environment

    environment.prepare(device)
    from tfsocial.selection import run
    from tfsocial.selection.asked import Asked

    local, m0 = _reading(model)
    return run.select(
        Asked(
            folders.existing("pool", pool),
            folders.local("output", output),
            n,
            tuple(folders.existing("labelled", one) for one in labelled),
            local,
            m0,
            strategy,
            tuple(text),
            label,
            ood_label,
            folders.local("vectors", vectors) if vectors else None,
            seed,
        )
    )


def show_augment(config: Config, samples: int = 10, epochs: int = 2) -> Samples:
    """Read texts of train as a config's augmentation changes them; prints as before and after.

    Args:
        samples: how many texts.
        epochs: in how many epochs; each changes them anew.

    Raises:
        InputError: the config augments nothing, or the data or the checkpoint cannot be read.
    """
    from tfsocial.runs import samples as runs_samples

    return runs_samples.of_config(config, samples, epochs)


def label(
    data: str | Path,
    output: str | Path,
    *,
    text: Sequence[str] = (),
    label: str = "label",
    labels: Sequence[str] = (),
    model: str | Path | None = None,
    strategy: str = "auto",
    overlap: float = 0.1,
    language: str = "en",
    retrain: bool = True,
    licence: str | None = None,
    host: str = "127.0.0.1",
    port: int = 8765,
    device: str = "auto",
) -> None:
    """Open a page on which people label texts, until SIGINT or SIGTERM.

    Args:
        data: csv, tsv, jsonl or txt, or .gz; rows with a label already are labelled by the file.
        output: csv or jsonl of the labelled rows; the log of all that was done lies beside it.
        text, label: columns; text left out: guessed.
        labels: to begin with.
        model: reads the texts; see `select`.
        strategy: how texts are chosen, see `select`.
        overlap: share of texts that a second annotator is asked about too.
        language: of the page, en or zh.
        retrain: whether a model is trained in the background.
        licence: of the texts, an SPDX id, for that model.
        host: address to answer at; from another one than this machine's a token is needed.
        port: 0: a free one.
        device: as `train` has it.

    Raises:
        InputError: a file cannot be read or used, or the port is taken.
    """
    from tfsocial import extras
    from tfsocial.training import environment

    for module in ("fastapi", "uvicorn", "jinja2", "python_multipart"):
        extras.library(module, module, "label", "tfsocial label")
    environment.prepare(device)
    from tfsocial.labelling import run
    from tfsocial.labelling.asked import Asked

    local, m0 = _reading(model)
    asked = Asked(
        folders.existing("data", data),
        folders.local("output", output),
        tuple(text),
        label,
        tuple(labels),
        local,
        m0,
        strategy,
        overlap,
        cast("Language", language),
        retrain,
        licence,
    )
    run.serve(run.open_session(asked, device), host, port, lambda at: print(at, flush=True))


def _reading(model: str | Path | None) -> tuple[Path | None, Model]:
    """Tell a folder of a model from the name of an M0."""
    from tfsocial.config import Model

    if model is None:
        return None, Model()
    if Path(model).exists():
        return Path(model), Model()
    return None, Model(checkpoint=str(model))
