"""Fit a ranking for `tfsocial recommend` on what its database has, and put it in use."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from absl import flags

from tfsocial import cli, folders

FLAGS = flags.FlagValues()
cli.define_database(FLAGS, "recommend")
flags.DEFINE_bool(
    "measure",
    True,
    "Also fit without the last four weeks, and see how lists do on them.",
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "rounds",
    0,
    "Rounds of learning from its own lists that are simulated for the report, a fit each.",
    0,
    50,
    flag_values=FLAGS,
)


def main(arguments: Sequence[str]) -> int:
    cli.parse(FLAGS, arguments, __doc__)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # lists are made meanwhile
    from tfsocial.api import run

    state = folders.existing("--state", FLAGS.state)
    print(run.recommend_fit(state, FLAGS.database, FLAGS.measure, FLAGS.rounds), file=sys.stderr)
    return 0
