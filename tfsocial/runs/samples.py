"""What a run would read of its first texts."""

from __future__ import annotations

from tfsocial.checkpoints import community
from tfsocial.config import Config
from tfsocial.data import corpus
from tfsocial.data.augment import chain, samples
from tfsocial.data.augment.samples import Samples
from tfsocial.runs.paraphrases import of_run
from tfsocial.text.tokenizer import Tokenizer


def of_config(config: Config, count: int, epochs: int) -> Samples:
    """Read the first `count` texts of train in the first epochs, before and after augmentation.

    Raises:
        InputError: the config augments nothing, or the data or the checkpoint cannot be read.
    """
    data, seed = config.data, config.seed
    train = corpus.load_corpus(data, config.tasks, seed).splits["train"]
    m0 = community.of_config(config.model)
    paraphrases = of_run(data, config.model, chain.build(data, seed), m0, train)
    tokenizer = Tokenizer.load(m0.folder)
    counts = (count, epochs, config.training.epochs)
    return samples.draw(data, seed, train, tokenizer, *counts, paraphrases)
