"""The model card: README.md of a saved model, from what was recorded and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tfsocial
from tfsocial.config import Config, Source
from tfsocial.models.spec import HeadSpec
from tfsocial.provenance import resources as provenance
from tfsocial.provenance.card_parts import (
    citations,
    code,
    hub_id,
    licence_section,
    page,
    plain,
    shared_name,
)
from tfsocial.provenance.resources import Resource

LABELS_SHOWN = 30
PRETRAINED = (
    "It is a starting point and answers nothing by itself: `model.checkpoint` of a run with a task."
)
METRICS = {"classify": ("accuracy", "f1"), "multilabel": ("f1",), "regress": ("mse", "pearsonr")}
_KINDS = {
    "classify": "one of its labels",
    "multilabel": "any number of its labels",
    "regress": "a number",
}
Reports = Mapping[str, Mapping[str, Mapping[str, Any]]]


def text(
    config: Config,
    specs: Mapping[str, HeadSpec],
    resources: Sequence[Resource],
    reports: Reports | None = None,
) -> str:
    """Write a card with YAML front matter, as model hubs read it.

    Args:
        specs: task -> its head.
        reports: split -> task -> the report, once there is one.
    """
    sections = [
        ("Intended use", _use(config, specs)),
        ("Licence", licence_section(resources, config.data.licence_policy)),
        ("Data", _data(config)),
        ("Training", _training(config, resources)),
        ("Results", "Not measured yet." if reports is None else _results(reports)),
        ("Use", _usage() if specs else _further_use()),
        ("Citation", citations(resources)),
    ]
    front = _front(config, specs, resources)
    return page(front, config.name, _lead(config, resources), sections)


def _front(
    config: Config, specs: Mapping[str, HeadSpec], resources: Sequence[Resource]
) -> dict[str, Any]:
    metrics = dict.fromkeys(name for spec in specs.values() for name in METRICS[spec.kind])
    front: dict[str, Any] = {"license": hub_id(provenance.strictest(resources).licence)}
    base = config.model.checkpoint.partition("hub:")[2]
    if base:
        front["base_model"] = base
    use = "text-classification" if specs else "fill-mask"
    front |= {"library_name": "tfsocial", "pipeline_tag": use, "tags": [use, "bert", "tfsocial"]}
    named = [source.name for source in config.data.sources.values() if source.name]
    front |= {"datasets": named} if named else {}
    return front | ({"metrics": list(metrics)} if metrics else {})


def _lead(config: Config, resources: Sequence[Resource]) -> str:
    m0 = next(one for one in resources if one.role == "model")
    data = " and ".join(plain(one.name) for one in resources if one.role == "data")
    began = (
        "with random weights and the words of" if config.model.checkpoint == "random" else "from"
    )
    return (
        f"A BERT encoder that started {began} {code(shared_name(m0))} and was tuned on "
        f"{data} with tfsocial {tfsocial.__version__}."
    )


def _use(config: Config, specs: Mapping[str, HeadSpec]) -> str:
    columns = " and ".join(code(column) for column in config.data.text)
    tasks = [f"* {code(name)}: {_task(name, spec, config)}" for name, spec in specs.items()]
    return "\n".join(
        [
            f"For texts ({columns}) like those it was trained on, up to {config.data.row_length} "
            f"tokens; what is longer is cut. {'It gives for each text' if tasks else PRETRAINED}",
            "",
            *(tasks and [*tasks, ""]),
            *_beside(config),
            "It was not tested on texts of another origin, language or time, nor for whether it "
            "treats groups of people alike. Decisions about people need a person who can overrule "
            "it.",
        ]
    )


def _beside(config: Config) -> list[str]:
    """Say which columns have to stand beside the text."""
    columns = [
        f"{code(config.data.feature_column(name))} ({feature.kind})"
        for name, feature in config.data.features.items()
    ]
    return [f"Beside the text it reads {', '.join(columns)}.", ""] if columns else []


def _task(name: str, spec: HeadSpec, config: Config) -> str:
    sentence = _KINDS[spec.kind]
    if spec.labels:
        shown = ", ".join(code(label) for label in spec.labels[:LABELS_SHOWN])
        more = len(spec.labels) - LABELS_SHOWN
        sentence += f" ({len(spec.labels)}: {shown}{f' and {more} more' if more > 0 else ''})"
    outside = config.tasks[name].ood_label if name in config.tasks else None
    return f"{sentence}; {code(outside)} means none of the others" if outside else sentence


def _data(config: Config) -> str:
    data = config.data
    lines = [
        *(_source(source) for source in data.sources.values()),
        f"{data.shots} training examples of each class were drawn by seed." if data.shots else "",
    ]
    return "\n".join(filter(None, lines))


def _source(source: Source) -> str:
    name = source.name or ("A data set without a name" if source.kind == "files" else source.source)
    home = f", {plain(source.homepage)}" if source.homepage else ""
    return f"{plain(name)}{home}."


def _training(config: Config, resources: Sequence[Resource]) -> str:
    training, optimizer = config.training, config.optimizer
    limit = f" or {training.max_steps} steps" if training.max_steps else ""
    methods = ", ".join(code(one.name) for one in resources if one.role == "method")
    return "\n".join(
        [
            f"* formula and step: {methods}",
            f"* {training.epochs} epochs{limit} at most, batches of {config.data.rows} rows of "
            f"{config.data.row_length} tokens, seed {config.seed}",
            f"* {optimizer.name}, learning rate {optimizer.learning_rate:g}, heads "
            f"{optimizer.head_multiplier:g} times that, {optimizer.decay} decay",
            f"* pooling: {config.model.pooling}",
            "",
            "The whole config is in `config.yaml` of the run, package versions and content hashes "
            "in its `provenance.json`.",
        ]
    )


def _results(reports: Reports) -> str:
    rows = [
        f"| {split} | {plain(task)} | {name} | {value:.4g} | {report['count']} |"
        for split, tasks in reports.items()
        for task, report in tasks.items()
        for name, value in report.items()
        if isinstance(value, float)
    ]
    if not rows:
        return "Not measured: the data had no dev or test split."
    header = ["| split | task | score | value | examples |", "|---|---|---|---|---|"]
    return "\n".join([*header, *rows, "", "One run, one seed."])


def _usage() -> str:
    return "\n".join(
        [
            "    python -m tfsocial predict --model=DIR --input=new.csv --output=answers.jsonl",
            "    python -m tfsocial export  --model=DIR --output=SAVED_MODEL",
            "",
            "PyTorch's `BertModel.from_pretrained` loads the encoder as it is.",
        ]
    )


def _further_use() -> str:
    return "\n".join(
        [
            "    python -m tfsocial train --config=F.yaml --workdir=D --set model.checkpoint=DIR",
            "",
            "PyTorch's `BertModel.from_pretrained` loads the encoder as it is, and where the "
            "formula has masked words `BertForMaskedLM.from_pretrained` all of it.",
        ]
    )
