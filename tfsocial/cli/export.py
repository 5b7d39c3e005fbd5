"""Writes a SavedModel that takes plain strings."""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from tfsocial import api, cli, folders

FLAGS = flags.FlagValues()
flags.DEFINE_string("model", None, "A run's model/ folder.", flag_values=FLAGS)
flags.DEFINE_string("output", None, "Folder of the SavedModel; must not exist.", flag_values=FLAGS)
flags.mark_flags_as_required(["model", "output"], flag_values=FLAGS)


def main(arguments: Sequence[str]) -> int:
    cli.parse(FLAGS, arguments, __doc__)
    model = folders.existing("--model", FLAGS.model)
    api.export(model, folders.local("--output", FLAGS.output))
    print(f"SavedModel: {FLAGS.output}")
    return 0
