"""Makes a run's model smaller and faster: fewer layers and words, taught by the whole one, int8."""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from tfsocial import api, cli, folders

FLAGS = flags.FlagValues()
flags.DEFINE_string("run", None, "Folder of a finished run.", flag_values=FLAGS)
flags.DEFINE_string(
    "output", None, "Folder for the smaller model and its int8 version.", flag_values=FLAGS
)
for name, what in (
    ("layers", "Layers of the encoder that stay; left out, half of them."),
    ("heads", "Heads of attention that stay in each layer; left out, all."),
    ("intermediate_size", "Width of the feed-forward part that stays; left out, all."),
    ("vocabulary", "Tokens that stay; left out, those in use and 4,000 more."),
    ("epochs", "Epochs in which it learns from the whole one; left out, the run's own."),
):
    flags.DEFINE_integer(name, None, what, 1, flag_values=FLAGS)
flags.DEFINE_float(
    "max_loss",
    api.MAX_LOSS,
    "Points of score that may be lost; with more nothing is published.",
    0.0,
    flag_values=FLAGS,
)
flags.DEFINE_multi_string(
    "set",
    [],
    "Override of the run's and the smaller model's config, KEY.PATH=VALUE.",
    flag_values=FLAGS,
)
flags.DEFINE_string("device", "auto", "As train has it.", flag_values=FLAGS)
flags.mark_flags_as_required(["run", "output"], flag_values=FLAGS)


def main(arguments: Sequence[str]) -> int:
    cli.parse(FLAGS, arguments, __doc__)
    compressed = api.compress(
        folders.existing("--run", FLAGS.run),
        folders.local("--output", FLAGS.output),
        layers=FLAGS.layers,
        heads=FLAGS.heads,
        intermediate_size=FLAGS.intermediate_size,
        vocabulary=FLAGS.vocabulary,
        epochs=FLAGS.epochs,
        max_loss=FLAGS.max_loss,
        overrides=FLAGS.set,
        device=FLAGS.device,
    )
    print(compressed)
    print(f"\nint8 version: {compressed.served}\nfloat32 model: {compressed.model}")
    return 0
