"""Adds the weights of several runs of one M0: soups, WiSE-FT, task arithmetic, TIES and others."""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from tfsocial import api, cli, folders
from tfsocial.errors import InputError

FLAGS = flags.FlagValues()
flags.DEFINE_multi_string(
    "add",
    None,
    "Folder of a finished run, or of a composition, RUN or RUN:WEIGHT; a weight left out is 1.",
    flag_values=FLAGS,
)
flags.DEFINE_string("output", None, "Folder for model/, its card and report.", flag_values=FLAGS)
flags.DEFINE_string(
    "base",
    None,
    "M0 of all runs, as model.checkpoint names it; left out, the first run's.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "method",
    "linear",
    "linear, greedy, wise_ft, task_arithmetic, ties, dare, slerp, model_stock, fisher or regmean.",
    flag_values=FLAGS,
)
flags.DEFINE_multi_string("knob", [], "Knob of the method, NAME=VALUE.", flag_values=FLAGS)
flags.DEFINE_string(
    "heads",
    None,
    "own, average, or refit to the runs' data; left out, own of a single run, else refit.",
    flag_values=FLAGS,
)
flags.DEFINE_multi_string(
    "rename",
    [],
    "What a run's task is called in the composed model, RUN:TASK:NEW_NAME.",
    flag_values=FLAGS,
)
flags.DEFINE_bool(
    "settle",
    True,
    "Fit scales and thresholds to the runs' dev; without, they are left out, no data is read, and "
    "TensorFlow is not needed (with heads own or average).",
    flag_values=FLAGS,
)
flags.DEFINE_multi_string(
    "other",
    [],
    "Labelled file (text, label) that no run learned: how well it is still read is shown on the "
    "curve of wise_ft.",
    flag_values=FLAGS,
)
flags.DEFINE_multi_string(
    "set", [], "Override of the runs' configs, KEY.PATH=VALUE.", flag_values=FLAGS
)
flags.DEFINE_string(
    "licence_policy",
    None,
    "permissive, noncommercial or any; left out, the strictest that a run kept to.",
    flag_values=FLAGS,
)
flags.mark_flags_as_required(["add", "output"], flag_values=FLAGS)


def main(arguments: Sequence[str]) -> int:
    cli.parse(FLAGS, arguments, __doc__)
    composed = api.compose(
        [_run(value) for value in FLAGS.add],
        folders.local("--output", FLAGS.output),
        base=FLAGS.base,
        method=FLAGS.method,
        knobs=dict(map(_knob, FLAGS.knob)),
        heads=FLAGS.heads,
        settle=FLAGS.settle,
        other=[folders.existing("--other", path) for path in FLAGS.other],
        rename=_renamed(FLAGS.rename),
        overrides=FLAGS.set,
        licence_policy=FLAGS.licence_policy,
    )
    print(composed)
    print(f"\nmodel: {composed.model}")
    return 0


def _run(value: str) -> tuple[str, float]:
    """Read RUN or RUN:WEIGHT; a colon that no number follows belongs to the name.

    >>> _run("runs/one"), _run("runs/one:-0.5"), _run("c:/runs")
    (('runs/one', 1.0), ('runs/one', -0.5), ('c:/runs', 1.0))
    """
    name, colon, weight = value.rpartition(":")
    try:
        return (name, float(weight)) if colon and name else (value, 1.0)
    except ValueError:
        return value, 1.0


def _renamed(values: Sequence[str]) -> dict[str, dict[str, str]]:
    """Read RUN:TASK:NEW_NAME as run -> task -> new name."""
    renamed: dict[str, dict[str, str]] = {}
    for value in values:
        run, task, name = ["", "", *value.rsplit(":", 2)][-3:]
        if not (run and task and name):
            raise InputError(f"--rename={value}: has to be RUN:TASK:NEW_NAME")
        renamed.setdefault(run, {})[task] = name
    return renamed


def _knob(value: str) -> tuple[str, str]:
    name, equals, setting = value.partition("=")
    if not (name and equals and setting):
        raise InputError(f"--knob={value}: has to be NAME=VALUE, as --knob=density=0.2")
    return name, setting
