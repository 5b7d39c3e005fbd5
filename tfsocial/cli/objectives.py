"""Prints every objective the formula can hold, and what else moves a step: formula, source."""

from __future__ import annotations

import json
from collections.abc import Sequence

from absl import flags

from tfsocial import cli, folders
from tfsocial.errors import InputError

FLAGS = flags.FlagValues()
flags.DEFINE_string("costs", None, "Results of benchmarks/cost.py to show.", flag_values=FLAGS)


def main(arguments: Sequence[str]) -> int:
    cli.parse(FLAGS, arguments, __doc__)

    from tfsocial.data.augment.table import OPS
    from tfsocial.objectives import reference
    from tfsocial.runs.methods import METHODS

    methods = {setting: method.does for setting, method in METHODS.items()}
    print(reference.page(_ratios(FLAGS.costs) if FLAGS.costs else {}, methods, OPS))
    return 0


def _ratios(path: str) -> dict[str, float]:
    try:
        return json.loads(folders.existing("--costs", path).read_text(encoding="utf-8"))["ratios"]
    except (ValueError, KeyError, TypeError):
        raise InputError(f"--costs={path}: is no result of benchmarks/cost.py") from None
