"""Answers files of any size on Apache Beam, in an environment of its own."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from absl import flags

from tfsocial import cli

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "model", None, "An exported model, or the folder of its versions.", flag_values=FLAGS
)
flags.DEFINE_multi_string(
    "input", None, "Files or a pattern (in/*.csv); given again, more.", flag_values=FLAGS
)
flags.DEFINE_string(
    "output", None, "Folder of the answers; one that was begun is gone on with.", flag_values=FLAGS
)
flags.DEFINE_integer(
    "top", 5, "Labels listed with their probabilities; 0 lists all.", 0, flag_values=FLAGS
)
flags.DEFINE_integer("part_rows", 50_000, "Rows answered in one file.", 1, flag_values=FLAGS)
flags.DEFINE_integer(
    "wave_rows", 500_000, "Rows of one pipeline, which a kill loses at most.", 1, flag_values=FLAGS
)
flags.DEFINE_multi_string(
    "option", [], "Option of Beam, NAME=VALUE (runner=DataflowRunner).", flag_values=FLAGS
)
flags.mark_flags_as_required(["model", "input", "output"], flag_values=FLAGS)

INTERRUPTED = "the same command goes on with the wave that it was stopped in"


def main(arguments: Sequence[str]) -> int:
    cli.parse(FLAGS, arguments, __doc__)
    job = cli.beam_job("batch-predict", "tfsocial.serving.batch.on_beam.job")
    asked = job.Job(
        FLAGS.model, FLAGS.input, FLAGS.output, FLAGS.top,
        FLAGS.part_rows, FLAGS.wave_rows, FLAGS.option,
    )  # fmt: skip
    counts = job.run(asked)
    print(
        f"{counts['answered']} rows answered, {counts['unreadable']} unreadable, "
        f"{counts['failed']} failed; {counts['distinct']} texts asked: {FLAGS.output}",
        file=sys.stderr,
    )
    return 0
