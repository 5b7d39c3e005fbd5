"""Writes a SavedModel that takes plain strings."""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from tfsocial import api, cli, folders

FLAGS = flags.FlagValues()
flags.DEFINE_string("model", None, "A run's model/ folder.", flag_values=FLAGS)
flags.DEFINE_string("output", None, "Folder of the model's versions.", flag_values=FLAGS)
flags.DEFINE_integer(
    "version",
    None,
    "Number of this one; left out, the highest there is plus one.",
    lower_bound=1,
    flag_values=FLAGS,
)
flags.mark_flags_as_required(["model", "output"], flag_values=FLAGS)


def main(arguments: Sequence[str]) -> int:
    cli.parse(FLAGS, arguments, __doc__)
    model = folders.existing("--model", FLAGS.model)
    version = api.export(model, folders.local("--output", FLAGS.output), FLAGS.version)
    print(f"SavedModel: {version}, checked: it says what the model says, and loads in old servers")
    return 0
