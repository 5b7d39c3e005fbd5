"""Fills the cache of paraphrases of a config's data.back_translation. Run again, it goes on."""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from tfsocial import cli, config

FLAGS = flags.FlagValues()
cli.define_config(FLAGS)
flags.DEFINE_integer(
    "show", 0, "Of how many texts the kept paraphrases are printed.", 0, flag_values=FLAGS
)
flags.mark_flag_as_required("config", flag_values=FLAGS)

INTERRUPTED = (
    "paraphrases are kept in data.back_translation.cache as they come: the same command goes on "
    "with those that are missing"
)


def main(arguments: Sequence[str]) -> int:
    cli.parse(FLAGS, arguments, __doc__)
    settings = config.load(FLAGS.config, FLAGS.set)

    from tfsocial.back_translation import filling

    filled = filling.fill(settings.data, settings.model, settings.tasks, settings.seed)
    print("\n".join(filled.lines(FLAGS.show)))
    return 0
