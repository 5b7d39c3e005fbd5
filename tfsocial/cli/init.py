"""Looks at a table of texts and labels and writes a commented config for it, with its splits."""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from tfsocial import api, cli, folders

FLAGS = flags.FlagValues()
flags.DEFINE_string("data", None, "csv, tsv or jsonl with labels, or .gz.", flag_values=FLAGS)
flags.DEFINE_string(
    "output", None, "New folder; left out, one called as the file.", flag_values=FLAGS
)
flags.DEFINE_multi_string(
    "text", [], "Text column; twice for pairs; left out, guessed.", flag_values=FLAGS
)
flags.DEFINE_multi_string("label", [], "Label column; left out, guessed.", flag_values=FLAGS)
flags.DEFINE_string(
    "checkpoint",
    None,
    "M0, which counts tokens and checks labels; left out, that of the default config.",
    flag_values=FLAGS,
)
flags.mark_flags_as_required(["data"], flag_values=FLAGS)


def main(arguments: Sequence[str]) -> int:
    cli.parse(FLAGS, arguments, __doc__)
    data = folders.existing("--data", FLAGS.data)
    name = data.name.partition(".")[0] or "data"
    output = folders.unused("--output", FLAGS.output or name)
    print(api.init_config(data, output, FLAGS.text, FLAGS.label, FLAGS.checkpoint))
    return 0
