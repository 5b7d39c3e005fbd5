"""Writes a SavedModel that takes plain strings."""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from tfsocial import cli

FLAGS = flags.FlagValues()
flags.DEFINE_string("model", None, "A run's model/ folder.", flag_values=FLAGS)
flags.DEFINE_string("output", None, "Folder of the SavedModel; must not exist.", flag_values=FLAGS)
flags.mark_flags_as_required(["model", "output"], flag_values=FLAGS)


def main(arguments: Sequence[str]) -> int:
    cli.parse(FLAGS, arguments, __doc__)
    model, output = cli.existing("model", FLAGS.model), cli.local("output", FLAGS.output)

    from tfsocial.serving.export import export

    export(model, output)
    print(f"SavedModel: {FLAGS.output}")
    return 0
