"""The pages of objectives, of what else moves a step, and of augmentation ops."""

from __future__ import annotations

import re

from docs.hooks.results import tree
from tfsocial.composition.methods.contract import Method
from tfsocial.composition.methods.table import METHODS as MERGING
from tfsocial.data.augment.table import OPS
from tfsocial.objectives import reference
from tfsocial.runs.methods import METHODS

OBJECTIVES = """# Objectives

Every term that the formula can hold: its formula, its source, its knobs and defaults. All of it
comes from the code. `L` is the loss on the labels (`tasks.NAME.loss`), `L0` what the community
model has to say (`objectives.community`), `L_paper` a paper's objective (`objectives.papers`).

The cost is the time of a training step with `L` and the term, divided by the time with `L` alone;
for losses of `L` itself, divided by the usual loss of that kind of task.
`python -m benchmarks.cost` measured it on two CPU cores.

"""
METHODS_HEAD = """# Optimizers and weighing

What moves a step beside the terms: how terms are weighed, which optimizer descends, what is
averaged or frozen. The left column is what `--set` takes.
"""
MERGING_HEAD = """# Ways to add weights

What `tfsocial compose --method` takes; knobs are set by `--knob=NAME=VALUE`. theta0 is M0, theta_i
a run, w_i its weight. The [guide](../guides/composition.md) says how to use them.
"""
OPS_HEAD = """# Augmentation ops

What `data.augment` and `data.second_view` can hold. The [guide](../guides/augmentation.md) says how
to use them, [results](../results/augmentation.md) what they were worth.
"""


def objectives() -> str:
    """Write the page of objectives."""
    return OBJECTIVES + _page(*reference.objectives_part(tree("cost.json")["ratios"]))


def methods() -> str:
    """Write the page of weighing, optimizers and averages."""
    done_by = {setting: method.does for setting, method in METHODS.items()}
    return METHODS_HEAD + _page(*reference.methods_part(done_by, tree("cost.json")["ratios"]))


def augmentation() -> str:
    """Write the page of augmentation ops."""
    return OPS_HEAD + _page(*reference.ops_part(OPS))


def merging() -> str:
    """Write the page of ways to add weights."""
    rows = [
        f"| [`{name}`](#{name}) | {_runs(kind)} | {reference.knobs(kind)} |"
        for name, kind in MERGING.items()
    ]
    header = "\n".join(["| method | runs | knobs |", "|---|---|---|", *rows])
    return MERGING_HEAD + _page(
        header, [reference.section(name, kind) for name, kind in MERGING.items()]
    )


def _runs(kind: type[Method]) -> str:
    count = f"{kind.least}" if kind.least == kind.most else f"{kind.least} or more"
    return f"{count}; weights below 0 too" if kind.negative else count


def _page(header: str, sections: list[str]) -> str:
    return "\n".join([header, "", *map(_linked, sections)])


def _linked(section: str) -> str:
    """Make a link of each arXiv number outside of code blocks.

    >>> _linked("See arXiv:2106.14448.")
    'See [arXiv:2106.14448](https://arxiv.org/abs/2106.14448).'
    """
    return "\n".join(
        line if line.startswith("    ") else _ARXIV.sub(r"[\g<0>](https://arxiv.org/abs/\1)", line)
        for line in section.split("\n")
    )


_ARXIV = re.compile(r"arXiv:(\d{4}\.\d{4,5})")
