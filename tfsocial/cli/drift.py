"""Scores a gateway's windows of texts anew: with another rate of false alarms, or another model."""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from tfsocial import cli, extras, folders

FLAGS = flags.FlagValues()
flags.DEFINE_string("windows", "gateway/drift.jsonl", "What a gateway wrote.", flag_values=FLAGS)
flags.DEFINE_string("model", None, "The version whose windows they are.", flag_values=FLAGS)
flags.DEFINE_float(
    "false_alarms", 0.01, "Probability of drift that is none.", 0.0001, 0.5, flag_values=FLAGS
)
flags.mark_flags_as_required(["model"], flag_values=FLAGS)


def main(arguments: Sequence[str]) -> int:
    cli.parse(FLAGS, arguments, __doc__)
    extras.library("limits", "limits", "serve", "tfsocial drift")
    from tfsocial.serving.gateway.watch import replay

    windows = folders.existing("--windows", FLAGS.windows)
    model = folders.existing("--model", FLAGS.model)
    for line in replay.scored(windows, model, FLAGS.false_alarms):
        marks = (
            f"{name} {score.value:.4g} of {score.threshold:.4g}{' DRIFT' if score.drifted else ''}"
            for name, score in line.scores.items()
        )
        print(line.at, f"version {line.version}", *marks, sep="  ")
    return 0
