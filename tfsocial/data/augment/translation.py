"""Whole texts that give way to a paraphrase, which a translator made beforehand."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from tfsocial.data.augment.contract import AugmentContext, Rate, TextOp, declared


@dataclass(frozen=True, repr=False)
class BackTranslation(TextOp):
    """Each text that has paraphrases gives way to one of them with this probability.

    They are those of `data.back_translation`, which `python -m tfsocial augment` made; texts are
    known by how they were read, so this op stands first.

    Back-translation as in UDA, Xie et al. (2020), arXiv:1904.12848.
    """

    rate: Rate = 1.0

    @property
    def needs_paraphrases(self) -> bool:
        return True

    def __call__(self, texts: tf.Tensor, context: AugmentContext) -> tf.Tensor:
        u, which = (context.stream.branch(number).uniform() for number in range(2))
        has, paraphrase = declared(context.paraphrases).draw(texts, which)
        return tf.where(has & (u < context.rate(self.rate)), paraphrase, texts)
