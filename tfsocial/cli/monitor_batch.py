"""Opinion monitor of files of any size on Apache Beam, in an environment of its own."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from types import ModuleType

from absl import flags

from tfsocial import cli
from tfsocial.errors import InputError

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
flags.DEFINE_string(
    "topics",
    "",
    "What tells topics: model (its task `topic`), field:NAME of each message, or words:FILE.csv "
    "(topic, words with | between them); left out, the model if it can, and else field:topic.",
    flag_values=FLAGS,
)
flags.DEFINE_string("negative", "negative", "Label that alarms are about.", flag_values=FLAGS)
flags.DEFINE_float(
    "false_alarms", 1.0, "A week, over all topics, that are put up with.", flag_values=FLAGS
)
flags.DEFINE_string("zone", "UTC", "Time zone of the day's season.", flag_values=FLAGS)
flags.DEFINE_multi_string(
    "option", [], "Option of Beam, NAME=VALUE (runner=DataflowRunner).", flag_values=FLAGS
)
flags.mark_flags_as_required(["model", "input", "output"], flag_values=FLAGS)


def main(arguments: Sequence[str]) -> int:
    cli.parse(FLAGS, arguments, __doc__)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as `serve` has it, and why
    job = _job()
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


def _job() -> ModuleType:
    """Import what needs Beam.

    Raises:
        InputError: it is not installed.
    """
    # Beam warns of each package that it could use and does not find, and means no harm by it.
    logging.getLogger().setLevel(logging.ERROR)
    logging.getLogger("tfsocial").setLevel(logging.INFO)
    try:
        from tfsocial.apps.monitor.on_beam import job
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "apache_beam":
            raise
        raise InputError(
            "monitor-batch: needs apache-beam, which is not installed here and does not go with "
            "the trainer's packages; make an environment from requirements-batch.txt "
            "(make batch-env) and run .venv-batch/bin/tfsocial monitor-batch"
        ) from None
    logging.getLogger("apache_beam").setLevel(logging.WARNING)
    return job
