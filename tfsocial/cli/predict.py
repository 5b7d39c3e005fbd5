"""Answers each row of a file, from a run's model/ folder or its SavedModel."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from absl import flags

from tfsocial import cli, folders
from tfsocial.serving import predictor

FLAGS = flags.FlagValues()
flags.DEFINE_multi_string(
    "model",
    None,
    "A run's model/ folder, or a SavedModel; given again, another folder: their mean answers.",
    flag_values=FLAGS,
)
flags.DEFINE_string("input", None, "txt, csv, tsv or jsonl, plain or .gz.", flag_values=FLAGS)
flags.DEFINE_string("output", None, "jsonl file; line i answers row i.", flag_values=FLAGS)
flags.DEFINE_integer(
    "top", 5, "Labels listed with their probabilities; 0 lists all.", 0, flag_values=FLAGS
)
flags.mark_flags_as_required(["model", "input", "output"], flag_values=FLAGS)

INTERRUPTED = (
    "--output is written whole or not at all, so it is as it was before: the same command answers "
    "all rows"
)


def main(arguments: Sequence[str]) -> int:
    cli.parse(FLAGS, arguments, __doc__)
    models = [folders.existing("--model", model) for model in FLAGS.model]
    source = folders.existing("--input", FLAGS.input)
    output = folders.local("--output", FLAGS.output)

    from tfsocial.serving.loading import load_ensemble

    answered, bad = predictor.predict_file(load_ensemble(models), source, output, FLAGS.top)
    print(f"{answered} rows answered, {bad} unreadable: {FLAGS.output}", file=sys.stderr)
    return 0
