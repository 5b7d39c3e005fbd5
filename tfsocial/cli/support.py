"""Customer service over HTTP: answers from stored text with its source, or a person."""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from tfsocial import cli, folders

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "model",
    None,
    "Folder of versions that `tfsocial export` wrote; left out, the default community model as "
    "it is.",
    flag_values=FLAGS,
)
flags.DEFINE_bool(
    "demo", False, "With the questions of a shop that comes along.", flag_values=FLAGS
)
flags.DEFINE_multi_string(
    "questions",
    [],
    "Questions with their answers, .csv or .jsonl: id, question, answer, paraphrases; beside "
    "those that the database has.",
    flag_values=FLAGS,
)
flags.DEFINE_multi_string(
    "asked",
    [],
    "What people asked, .csv or .jsonl: text, and the id of what they meant; empty: nobody knows. "
    "Weights and thresholds are fitted on it; left out, they are as they come.",
    flag_values=FLAGS,
)
flags.DEFINE_enum(
    "precision",
    "0.95",
    ["0.9", "0.95", "0.98"],
    "Share of answers given that are to be right; the rest is for people.",
    flag_values=FLAGS,
)
cli.define_server(FLAGS, "support")


def main(arguments: Sequence[str]) -> int:
    cli.parse(FLAGS, arguments, __doc__)
    server = cli.server_of(FLAGS)
    from tfsocial.api import run

    run.support(
        demo=FLAGS.demo,
        questions=[folders.existing("--questions", one) for one in FLAGS.questions],
        asked=[folders.existing("--asked", one) for one in FLAGS.asked],
        precision=float(FLAGS.precision),
        **server,
    )
    return 0
