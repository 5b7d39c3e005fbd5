"""Scores a saved model, of a run or a SavedModel, on any labelled file."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from absl import flags

from tfsocial import api, cli, folders

FLAGS = flags.FlagValues()
flags.DEFINE_multi_string(
    "model",
    None,
    "A run's model/ folder, or a SavedModel; given again, another folder: their mean is scored.",
    flag_values=FLAGS,
)
flags.DEFINE_string("data", None, "csv, tsv or jsonl with labels, or .gz.", flag_values=FLAGS)
flags.DEFINE_multi_string(
    "suite",
    [],
    "quality, calibration, baselines, out_of_distribution or slices; left out, all that what is "
    "given suffices for.",
    flag_values=FLAGS,
)
flags.DEFINE_multi_string("text", [], "Text column; twice for pairs.", flag_values=FLAGS)
flags.DEFINE_multi_string("label", [], "Label column, TASK:COLUMN.", flag_values=FLAGS)
flags.DEFINE_multi_string("attribute", [], "Column to slice by.", flag_values=FLAGS)
flags.DEFINE_multi_string(
    "ood_label", [], "Label that means none of the others, TASK:LABEL.", flag_values=FLAGS
)
flags.DEFINE_string("separator", "|", "Between labels of one multilabel cell.", flag_values=FLAGS)
flags.DEFINE_string("train", None, "File that baselines are fitted to.", flag_values=FLAGS)
flags.DEFINE_string("dev", None, "File for baselines' thresholds.", flag_values=FLAGS)
flags.DEFINE_string(
    "output", None, "New folder for evaluation.json, .txt and pictures.", flag_values=FLAGS
)
flags.mark_flags_as_required(["model", "data", "output"], flag_values=FLAGS)


def main(arguments: Sequence[str]) -> int:
    cli.parse(FLAGS, arguments, __doc__)
    models = [folders.existing("--model", model) for model in FLAGS.model]
    data = folders.existing("--data", FLAGS.data)
    train, dev = (
        folders.existing(f"--{name}", value) if value else None
        for name, value in (("train", FLAGS.train), ("dev", FLAGS.dev))
    )
    evaluation = api.evaluate(
        models,
        data,
        suites=FLAGS.suite,
        text=FLAGS.text,
        labels=cli.pairs("label", FLAGS.label),
        attributes=FLAGS.attribute,
        ood_labels=cli.pairs("ood_label", FLAGS.ood_label),
        separator=FLAGS.separator,
        train=train,
        dev=dev,
        output=folders.new_folder("--output", FLAGS.output),
    )
    print(evaluation)
    if evaluation.unreadable:
        first = evaluation.unreadable[0]
        print(
            f"{len(evaluation.unreadable)} rows left out; the first is {first.file}:{first.line}: "
            f"{first.reason}",
            file=sys.stderr,
        )
    return 0
