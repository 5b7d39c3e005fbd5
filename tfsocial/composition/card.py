"""The card of a composed model: README.md of its folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import tfsocial
from tfsocial.composition.report import Report
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


def text(
    report: Report,
    specs: Mapping[str, HeadSpec],
    resources: Sequence[Resource],
    policy: str,
) -> str:
    """Write a card with YAML front matter, as model hubs read it.

    Args:
        resources: M0 first.
    """
    binding = provenance.strictest(resources)
    use = "text-classification" if specs else "fill-mask"
    front = {
        "license": hub_id(binding.licence),
        "library_name": "tfsocial",
        "pipeline_tag": use,
        "tags": [use, "bert", "tfsocial", "merge"],
    }
    tasks = [f"* {code(name)}: {_task(spec)}" for name, spec in specs.items()]
    sections = [
        ("Parents", _parents(report)),
        ("Tasks", "\n".join(tasks) or "None: it is a starting point and answers nothing."),
        ("Licence", licence_section(resources, policy)),
        ("Results", _results(report)),
        ("Citation", citations(resources)),
    ]
    lead = (
        f"A BERT encoder made of {len(report.runs)} runs of {code(shared_name(resources[0]))} by "
        f"adding their weights, with tfsocial {tfsocial.__version__}."
    )
    return page(front, report.method, lead, sections)


def _task(spec: HeadSpec) -> str:
    labels = f" of {len(spec.labels)} labels" if spec.labels else ""
    return f"{spec.kind}{labels}"


def _parents(report: Report) -> str:
    rows = [f"| {plain(_short(run))} | {weight:g} |" for run, weight in report.runs.items()]
    notes = [f"* {plain(sentence)}" for sentence in report.left_out]
    return "\n".join(["| run | weight |", "|---|---|", *rows, "", *notes]).rstrip()


def _short(run: str) -> str:
    return shared_name(Resource("model", run))


def _results(report: Report) -> str:
    if not report.scores:
        return "Not measured."
    rows = [f"| {plain(task)} | {100 * score:.2f} |" for task, score in report.scores.items()]
    note = "On dev, on which thresholds and scales were fitted; accuracy, macro-F1 or Pearson's r."
    return "\n".join(["| task | score |", "|---|---|", *rows, "", note])
