"""Reports on a config's data before training: sizes, labels, lengths, leaks, licences."""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from tfsocial import api, cli, config, folders
from tfsocial.inspection import NEAR

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
    "near", NEAR, "Similarity from which two texts count as near.", 0.5, 1.0, flag_values=FLAGS
)
flags.mark_flags_as_required(["config"], flag_values=FLAGS)


def main(arguments: Sequence[str]) -> int:
    cli.parse(FLAGS, arguments, __doc__)
    settings = config.load(FLAGS.config, FLAGS.set)
    output = folders.new_folder("--output", FLAGS.output, besides=WRITTEN) if FLAGS.output else None

    print(api.inspect(settings, output, FLAGS.near))
    if output:
        print(f"page: {output / 'inspect.html'}")
    else:
        print("--output=DIR writes it as a page, with plots and the texts")
    return 0
