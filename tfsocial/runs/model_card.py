"""The model card: README.md of a saved model, from what was recorded and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

import tfsocial
from tfsocial.config import Config, Source
from tfsocial.models.spec import HeadSpec
from tfsocial.provenance import resources as provenance
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
    front = yaml.safe_dump(_front(config, specs, resources), sort_keys=False, allow_unicode=True)
    sections = [
        ("Intended use", _use(config, specs)),
        ("Licence", _licence(resources, config.data.licence_policy)),
        ("Data", _data(config)),
        ("Training", _training(config, resources)),
        ("Results", "Not measured yet." if reports is None else _results(reports)),
        ("Use", _usage() if specs else _further_use()),
        ("Citation", _citations(resources)),
    ]
    body = "\n".join(f"## {title}\n\n{lines}\n" for title, lines in sections)
    return f"---\n{front}---\n\n# {_plain(config.name)}\n\n{_lead(config, resources)}\n\n{body}"


def _front(
    config: Config, specs: Mapping[str, HeadSpec], resources: Sequence[Resource]
) -> dict[str, Any]:
    metrics = dict.fromkeys(name for spec in specs.values() for name in METRICS[spec.kind])
    front: dict[str, Any] = {"license": _hub_id(provenance.strictest(resources).licence)}
    base = config.model.checkpoint.partition("hub:")[2]
    if base:
        front["base_model"] = base
    use = "text-classification" if specs else "fill-mask"
    front |= {"library_name": "tfsocial", "pipeline_tag": use, "tags": [use, "bert", "tfsocial"]}
    named = [source.name for source in config.data.sources.values() if source.name]
    front |= {"datasets": named} if named else {}
    return front | ({"metrics": list(metrics)} if metrics else {})


def _hub_id(licence: str) -> str:
    """Write an SPDX id as hubs do: small, and they know no expressions of several."""
    return "other" if " " in licence else licence.lower()


def _lead(config: Config, resources: Sequence[Resource]) -> str:
    m0 = next(one for one in resources if one.role == "model")
    data = " and ".join(_plain(one.name) for one in resources if one.role == "data")
    began = (
        "with random weights and the words of" if config.model.checkpoint == "random" else "from"
    )
    return (
        f"A BERT encoder that started {began} {_code(_name(m0))} and was tuned on "
        f"{data} with tfsocial {tfsocial.__version__}."
    )


def _name(resource: Resource) -> str:
    """Name a local folder by its last two names: a card is shared, the machine is not.

    >>> _name(Resource("model", "/home/me/runs/one/model")), _name(Resource("data", "a/b/c"))
    ('one/model', 'a/b/c')
    """
    local = resource.role in ("model", "translator") and ":" not in resource.name
    return "/".join(Path(resource.name).parts[-2:]) if local else resource.name


def _use(config: Config, specs: Mapping[str, HeadSpec]) -> str:
    columns = " and ".join(_code(column) for column in config.data.text)
    tasks = [f"* {_code(name)}: {_task(name, spec, config)}" for name, spec in specs.items()]
    return "\n".join(
        [
            f"For texts ({columns}) like those it was trained on, up to {config.data.row_length} "
            f"tokens; what is longer is cut. {'It gives for each text' if tasks else PRETRAINED}",
            "",
            *(tasks and [*tasks, ""]),
            "It was not tested on texts of another origin, language or time, nor for whether it "
            "treats groups of people alike. Decisions about people need a person who can overrule "
            "it.",
        ]
    )


def _task(name: str, spec: HeadSpec, config: Config) -> str:
    sentence = _KINDS[spec.kind]
    if spec.labels:
        shown = ", ".join(_code(label) for label in spec.labels[:LABELS_SHOWN])
        more = len(spec.labels) - LABELS_SHOWN
        sentence += f" ({len(spec.labels)}: {shown}{f' and {more} more' if more > 0 else ''})"
    outside = config.tasks[name].ood_label if name in config.tasks else None
    return f"{sentence}; {_code(outside)} means none of the others" if outside else sentence


def _licence(resources: Sequence[Resource], policy: str) -> str:
    binding = provenance.strictest(resources)
    rows = [_row(resource) for resource in resources]
    header = ["| what | name | licence | where that was read |", "|---|---|---|---|"]
    said = [
        f"* {_plain(_name(one))}: {_plain(one.acknowledgement)}"
        for one in resources
        if one.acknowledgement
    ]
    why = ["", "Whoever trained the model said why they may use", "", *said] if said else []
    return "\n".join(
        [
            f"{_plain(binding.licence)}, which is that of {_plain(_name(binding))}: the "
            f"strictest of those below. The run accepted licences by the policy `{policy}`.",
            "",
            *header,
            *rows,
            *why,
        ]
    )


def _row(resource: Resource) -> str:
    version = f" {resource.version}" if resource.version else ""
    cells = (
        resource.role,
        _plain(_name(resource) + version),
        _plain(resource.licence),
        _plain(resource.licence_source),
    )
    return f"| {' | '.join(cells)} |"


def _data(config: Config) -> str:
    data = config.data
    lines = [
        *(_source(source) for source in data.sources.values()),
        f"{data.shots} training examples of each class were drawn by seed." if data.shots else "",
    ]
    return "\n".join(filter(None, lines))


def _source(source: Source) -> str:
    name = source.name or ("A data set without a name" if source.kind == "files" else source.source)
    home = f", {_plain(source.homepage)}" if source.homepage else ""
    return f"{_plain(name)}{home}."


def _training(config: Config, resources: Sequence[Resource]) -> str:
    training, optimizer = config.training, config.optimizer
    limit = f" or {training.max_steps} steps" if training.max_steps else ""
    methods = ", ".join(_code(one.name) for one in resources if one.role == "method")
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
        f"| {split} | {_plain(task)} | {name} | {value:.4g} | {report['count']} |"
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


def _citations(resources: Sequence[Resource]) -> str:
    lines = dict.fromkeys(_cited(resources))
    return "\n".join(f"* {line}" for line in lines) or "Nothing was recorded to cite."


def _cited(resources: Sequence[Resource]) -> Iterator[str]:
    for resource in resources:
        if resource.citation:
            yield _plain(resource.citation)


def _plain(words: str) -> str:
    """Write one line that no Markdown table or page takes for its own marks.

    >>> _plain("a|b <i>\\nc")
    'a\\\\|b &lt;i&gt; c'
    """
    line = " ".join(words.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*|\[\]])", r"\\\1", line)


def _code(words: str) -> str:
    """Quote words as they stand, between as many backticks as they need.

    >>> _code("a`b"), _code("x")
    ('``a`b``', '`x`')
    """
    line = " ".join(words.split())
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    room = " " if line.startswith("`") or line.endswith("`") or not line else ""
    return f"{fence}{room}{line}{room}{fence}"
