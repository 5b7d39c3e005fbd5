"""Prints texts of train before and after a config's augmentation, to be looked at."""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from tfsocial import api, cli, config

FLAGS = flags.FlagValues()
cli.define_config(FLAGS)
flags.DEFINE_integer("samples", 10, "How many texts.", 1, flag_values=FLAGS)
flags.DEFINE_integer("epochs", 2, "In how many epochs.", 1, flag_values=FLAGS)
flags.mark_flag_as_required("config", flag_values=FLAGS)


def main(arguments: Sequence[str]) -> int:
    cli.parse(FLAGS, arguments, __doc__)
    settings = config.load(FLAGS.config, FLAGS.set)
    print(api.show_augment(settings, FLAGS.samples, FLAGS.epochs))
    return 0
