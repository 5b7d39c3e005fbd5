"""Reports on a config's data before training: sizes, labels, lengths, leaks, licences."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from tfsocial import cli, config
from tfsocial.inspection import page, text_report

WRITTEN = ("inspect.html", "inspect.json", "inspect.txt", "quarantine.jsonl")

FLAGS = flags.FlagValues()
cli.define_config(FLAGS)
flags.DEFINE_string(
    "output",
    None,
    "Folder for inspect.html, .json and .txt and quarantine.jsonl, which show texts; left out, "
    "the report is only printed, without texts.",
    flag_values=FLAGS,
)
flags.DEFINE_float(
    "near", 0.8, "Similarity from which two texts count as near.", 0.5, 1.0, flag_values=FLAGS
)
flags.mark_flags_as_required(["config"], flag_values=FLAGS)


def main(arguments: Sequence[str]) -> int:
    cli.parse(FLAGS, arguments, __doc__)
    settings = config.load(FLAGS.config, FLAGS.set)
    output = cli.new_folder("output", FLAGS.output, besides=WRITTEN) if FLAGS.output else None

    from tfsocial.inspection.facts.gather import gather

    with tempfile.TemporaryDirectory() as scratch:
        quarantine = (output or Path(scratch)) / "quarantine.jsonl"
        facts = gather(settings.data, settings.tasks, settings.model, quarantine, FLAGS.near)
    facts = {"name": settings.name, **facts}
    print(text_report.as_text(facts))
    if output:
        text_report.write(facts, page.page(facts), output)
        print(f"page: {output / 'inspect.html'}")
    else:
        print("--output=DIR writes it as a page, with plots and the texts")
    return 0
