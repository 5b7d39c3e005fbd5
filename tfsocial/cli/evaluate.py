"""Scores a saved model, of a run or a SavedModel, on any labelled file."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from absl import flags

from tfsocial import cli
from tfsocial.evaluation import reading, run
from tfsocial.serving import loading

FLAGS = flags.FlagValues()
flags.DEFINE_string("model", None, "A run's model/ folder, or a SavedModel.", flag_values=FLAGS)
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
    model, data = cli.existing("model", FLAGS.model), cli.existing("data", FLAGS.data)
    labels = cli.pairs("label", FLAGS.label)
    ood_labels = cli.pairs("ood_label", FLAGS.ood_label)
    fitted = {
        name: cli.existing(name, path) for name in ("train", "dev") if (path := FLAGS[name].value)
    }
    output = cli.new_folder("output", FLAGS.output)

    loaded = loading.load_predictor(model)
    manifest = loaded.manifest
    columns = reading.Columns(tuple(FLAGS.text), labels, tuple(FLAGS.attribute), FLAGS.separator)
    examples, unreadable = reading.read(data, manifest, columns)
    without = reading.Columns(columns.text, columns.labels, (), columns.separator)
    sets = {name: reading.read(path, manifest, without).examples for name, path in fitted.items()}
    suites = run.make_suites(
        FLAGS.suite, manifest, ood_labels, FLAGS.attribute, sets.get("train"), sets.get("dev")
    )
    findings = run.evaluate(loaded, examples, suites)
    about = {
        "model": FLAGS.model,
        "data": FLAGS.data,
        "rows": len(examples),
        "unreadable": len(unreadable),
    }
    run.write(findings, about, output)
    print(run.as_text(findings))
    if unreadable:
        first = unreadable[0]
        print(
            f"{len(unreadable)} rows left out; the first is {first.file}:{first.line}: "
            f"{first.reason}",
            file=sys.stderr,
        )
    return 0
