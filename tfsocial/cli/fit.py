"""Makes the best model of a labelled table that some minutes allow, and exports it."""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from tfsocial import api, cli, folders
from tfsocial.fit import MINUTES

FLAGS = flags.FlagValues()
flags.DEFINE_string("data", None, "csv, tsv or jsonl with labels, or .gz.", flag_values=FLAGS)
flags.DEFINE_string(
    "output", None, "Folder for model/, served/1 and the leaderboard.", flag_values=FLAGS
)
flags.DEFINE_float("minutes", MINUTES, "For all of it, about.", flag_values=FLAGS)
flags.DEFINE_multi_string(
    "text", [], "Text column; twice for pairs; left out, guessed.", flag_values=FLAGS
)
flags.DEFINE_multi_string("label", [], "Label column; left out, guessed.", flag_values=FLAGS)
flags.DEFINE_string(
    "checkpoint", None, "M0; left out, that of the default config.", flag_values=FLAGS
)
flags.DEFINE_string("licence", None, "Of the texts, an SPDX id.", flag_values=FLAGS)
flags.DEFINE_string(
    "licence_ack", None, "Why a model may be trained on these texts.", flag_values=FLAGS
)
flags.DEFINE_string(
    "test", None, "Labelled file that is scored once, at the end.", flag_values=FLAGS
)
flags.DEFINE_multi_string(
    "set", [], "Override of every candidate's config, KEY.PATH=VALUE.", flag_values=FLAGS
)
flags.DEFINE_string("device", "auto", "As `train` has it.", flag_values=FLAGS)
flags.mark_flags_as_required(["data", "output"], flag_values=FLAGS)

INTERRUPTED = "the same command goes on where it was"


def main(arguments: Sequence[str]) -> int:
    cli.parse(FLAGS, arguments, __doc__)
    fitted = api.fit(
        folders.existing("--data", FLAGS.data),
        folders.local("--output", FLAGS.output),
        minutes=FLAGS.minutes,
        text=FLAGS.text,
        labels=FLAGS.label,
        checkpoint=FLAGS.checkpoint,
        licence=FLAGS.licence,
        licence_ack=FLAGS.licence_ack,
        test=folders.existing("--test", FLAGS.test) if FLAGS.test else None,
        overrides=FLAGS.set,
        device=FLAGS.device,
    )
    print(fitted)
    print(f"leaderboard: {fitted.output / 'leaderboard.html'}")
    return 0
