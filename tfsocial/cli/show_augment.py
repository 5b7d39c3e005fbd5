"""Prints texts of train before and after a config's augmentation, to be looked at."""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from tfsocial import cli, config

FLAGS = flags.FlagValues()
cli.define_config(FLAGS)
flags.DEFINE_integer("samples", 10, "How many texts.", 1, flag_values=FLAGS)
flags.DEFINE_integer("epochs", 2, "In how many epochs.", 1, flag_values=FLAGS)
flags.mark_flag_as_required("config", flag_values=FLAGS)


def main(arguments: Sequence[str]) -> int:
    cli.parse(FLAGS, arguments, __doc__)
    settings = config.load(FLAGS.config, FLAGS.set)

    from tfsocial.checkpoints import community
    from tfsocial.data import corpus
    from tfsocial.data.augment import chain, samples
    from tfsocial.runs.paraphrases import of_run
    from tfsocial.text.tokenizer import Tokenizer

    data, seed = settings.data, settings.seed
    train = corpus.load_corpus(data, settings.tasks, seed).splits["train"]
    m0 = community.of_config(settings.model)
    tokenizer = Tokenizer.load(m0.folder)
    views = chain.build(data, seed)
    paraphrases = of_run(data, settings.model, views, m0, train)
    counts = (FLAGS.samples, FLAGS.epochs, settings.training.epochs)
    shown = samples.draw(data, seed, train, tokenizer, *counts, paraphrases)
    print("\n".join(shown.lines()))
    return 0
