"""Write what an encoder of items' texts learns by: each text, and who bought it, by numbers."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from absl import flags

from tfsocial import cli, folders

FLAGS = flags.FlagValues()
cli.define_database(FLAGS, "recommend")
flags.DEFINE_string(
    "output",
    None,
    "Folder of train.csv, for configs/recommender.yaml.",
    required=True,
    flag_values=FLAGS,
)


def main(arguments: Sequence[str]) -> int:
    cli.parse(FLAGS, arguments, __doc__)
    from tfsocial.api import run

    state, output = (
        folders.existing("--state", FLAGS.state),
        folders.local("--output", FLAGS.output),
    )
    print(run.recommend_teach(state, output, FLAGS.database), file=sys.stderr)
    return 0
