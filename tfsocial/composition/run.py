"""theta1 + theta2, from the runs' folders to a model folder with its card and report."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tfsocial import files
from tfsocial.checkpoints import manifest as manifests
from tfsocial.checkpoints.locations import CARD
from tfsocial.composition import card, merge, parents, search
from tfsocial.composition import heads as composed_heads
from tfsocial.composition.asked import Asked
from tfsocial.composition.bench import WORK, Bench
from tfsocial.composition.merge import Composition
from tfsocial.composition.methods import table
from tfsocial.composition.methods.contract import Method
from tfsocial.composition.methods.linear import Greedy, WiseFT
from tfsocial.composition.parents import Base, Parent
from tfsocial.composition.report import Report, about
from tfsocial.composition.search import Point, Tried
from tfsocial.errors import InputError
from tfsocial.provenance import resources as provenance
from tfsocial.provenance.methods import of_method

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Composed:
    """What came of a composition; prints as its report."""

    model: Path
    report: Report = field(repr=False)

    def __str__(self) -> str:
        return self.report.as_text()


def compose(asked: Asked, output: Path) -> Composed:
    """Add the weights of runs and leave a model folder, its card and a report in `output`.

    Raises:
        InputError: the runs cannot be added so, a licence does not fit, or `output` holds another
            composition.
    """
    method = table.method(asked.method, asked.knobs)
    table.check_runs(asked.method, method, [weight for _, weight in asked.runs])
    _check_other(asked, method)
    runs = [
        parents.read(folder, weight, asked.overrides, asked.renamed.get(folder))
        for folder, weight in asked.runs
    ]
    base = parents.find_base(asked.base, runs)
    parents.check(base, runs)
    heads = composed_heads.plan(runs, asked.heads)
    policy = asked.licence_policy or parents.strictest_policy(runs)
    listed = parents.all_resources(runs, of_method(f"compose={asked.method}", type(method)))
    parents.check_licences(listed, policy)
    _check_plan(output, asked, base, runs, method)
    bench = Bench(asked, base, runs, heads, output / WORK)
    found = _decided(bench, Composition(base, runs, method, heads))
    report = _built(bench, found, listed, policy, output)
    report.write(output)
    identity = {"config": {"name": report.method}, "licence_policy": policy}
    provenance.write(output / "provenance.json", identity, listed)
    shutil.rmtree(output / WORK, ignore_errors=True)
    return Composed(output / "model", report)


def _check_other(asked: Asked, method: Method) -> None:
    """Refuse texts that nobody would look at."""
    if asked.other and not (isinstance(method, WiseFT) and method.alpha is None):
        raise InputError(
            "--other is shown on the curve of --method=wise_ft without alpha; leave it out, or "
            "take that method"
        )


def _check_plan(
    output: Path, asked: Asked, base: Base, runs: Sequence[Parent], method: Method
) -> None:
    """Write down what is composed, or refuse an output that has another composition."""
    plan = {
        "base": base.sha256,
        "runs": [
            [provenance.checkpoint_digest(run.model), run.weight, str(run.folder)] for run in runs
        ],
        "method": [asked.method, vars(method)],
        "heads": asked.heads,
        "settle": asked.settle,
        "other": [str(path) for path in asked.other],
        "overrides": [*asked.overrides],
        "renamed": {str(folder): names for folder, names in asked.renamed.items()},
    }
    path = output / "plan.json"
    if path.is_file() and manifests.read_json(path) != json.loads(json.dumps(plan)):
        raise InputError(f"--output={output}: holds another composition; name a new folder")
    (output / WORK).mkdir(parents=True, exist_ok=True)
    files.write_text(path, json.dumps(plan, indent=1) + "\n")


@dataclass(frozen=True)
class Found:
    """A composition with all that dev decides decided, and how it was."""

    composition: Composition
    greedy: Sequence[Tried] = ()
    curve: Sequence[Point] = ()


def _decided(bench: Bench, composition: Composition) -> Found:
    """Choose members or alpha on dev where the method asks for it; measure what it needs."""
    method = composition.method
    if isinstance(method, Greedy):
        bench.check_dev()
        _check_same_tasks(bench.runs)
        members, steps = search.greedy(composition.parents, bench.score_of_mean)
        return Found(bench.of_members(members), steps)
    if isinstance(method, WiseFT) and method.alpha is None:
        bench.check_dev()
        points = search.curve(lambda alpha: bench.point(composition, alpha))
        alpha = search.choose_alpha(points, method.keep)
        chosen = replace(composition, method=replace(method, alpha=alpha))
        return Found(chosen, curve=points)
    if method.needs:
        return Found(replace(composition, statistics=bench.statistics(method)))
    return Found(composition)


def _check_same_tasks(runs: Sequence[Parent]) -> None:
    first = runs[0]
    for run in runs[1:]:
        if run.manifest.tasks.keys() != first.manifest.tasks.keys():
            raise InputError(
                f"--method=greedy compares runs of the same tasks; {run.folder} has "
                f"{', '.join(run.manifest.tasks)}, {first.folder} {', '.join(first.manifest.tasks)}"
            )


def _built(
    bench: Bench,
    found: Found,
    listed: Sequence[provenance.Resource],
    policy: str,
    output: Path,
) -> Report:
    """Write the model folder whole; return what is said of it."""
    composition = found.composition
    with files.swapping(output / "model") as partial:
        merge.write(partial, composition)
        scores = bench.fit(partial, composition.heads)
        report = Report(
            about(bench.asked.method, composition.method),
            composition.base.name,
            {str(run.folder): run.weight for run in composition.parents},
            {head.task: head.how for head in composition.heads},
            scores,
            bench.scores_of_runs() if scores else {},
            composed_heads.lost(bench.unfitted(composition.heads, scores)),
            found.greedy,
            found.curve,
        )
        specs = manifests.read(partial).tasks
        (partial / CARD).write_text(card.text(report, specs, listed, policy), "utf-8")
    return report
