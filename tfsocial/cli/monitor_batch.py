"""Opinion monitor of files of any size on Apache Beam, in an environment of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from absl import flags

from tfsocial import cli

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "model",
    None,
    "An exported model that tells sentiment, or the folder of its versions.",
    flag_values=FLAGS,
)
flags.DEFINE_multi_string(
    "input",
    None,
    "Files or a pattern (in/*.jsonl), one JSON object a line; given again, more.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "output", None, "New folder of opinions, counts and incidents.", flag_values=FLAGS
)
cli.define_opinions(FLAGS)
flags.DEFINE_multi_string(
    "option", [], "Option of Beam, NAME=VALUE (runner=DataflowRunner).", flag_values=FLAGS
)
flags.mark_flags_as_required(["model", "input", "output"], flag_values=FLAGS)


def main(arguments: Sequence[str]) -> int:
    cli.parse(FLAGS, arguments, __doc__)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as `serve` has it, and why
    job = cli.beam_job("monitor-batch", "tfsocial.apps.monitor.on_beam.job")
    counts = job.run(
        job.Job(
            FLAGS.model,
            FLAGS.input,
            FLAGS.output,
            FLAGS.topics,
            FLAGS.negative,
            FLAGS.false_alarms,
            FLAGS.zone,
            FLAGS.option,
        )
    )
    print(
        f"{counts['opinions']} opinions, {counts['incidents']} incidents; "
        f"{counts['unanswered']} lines not answered: {FLAGS.output}",
        file=sys.stderr,
    )
    return 0
