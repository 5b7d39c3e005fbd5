"""Texts in two scripts, a chance of their own for each, and how an op is applied to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import pytest
import tensorflow as tf

from tfsocial.data.augment.contract import AugmentContext
from tfsocial.data.augment.lexicon import Lexicon
from tfsocial.data.augment.paraphrases import Paraphrases
from tfsocial.data.augment.random_stream import RandomStream
from tfsocial.text.tokenizer import Tokenizer

TEXTS = (
    "What do I do if my card hasn't arrived, still?",
    "我的借记卡还没有到，请问怎么办？",
    "",
    " \t ",
    "Pay $5.20 on 2024-01-02 to a@b.org or see www.x.com/a @joe #tag",
    "naïve café ÉTÉ e\u0301 ½ 👍🏽",
    "x",
    "the card is late, the card is lost 我要 refund",
)
TOGETHER = " ".join(text for text in TEXTS if text != " \t ")


def moment_of(
    examples: int | Sequence[int], progress: float = 0.0, seed: int = 1, epoch: int = 0
) -> AugmentContext:
    """What an op sees of these examples, or so many; its lexicon and paraphrases are of `TEXTS`."""
    ids = tf.range(examples) if isinstance(examples, int) else tf.convert_to_tensor(examples)
    stream = RandomStream.of(seed, epoch, tf.cast(ids, tf.int64))
    return AugmentContext(stream, tf.constant(progress), _lexicon(), paraphrases=_paraphrases())


@cache
def _lexicon() -> Lexicon:
    with tf.init_scope():
        return Lexicon.of([TEXTS])


@cache
def _paraphrases() -> Paraphrases:
    texts = [text for text in (*TEXTS, TOGETHER) if text.strip()]
    return Paraphrases.of({text: [f"{text} {word}" for word in ("再", "b", "c")] for text in texts})


@pytest.fixture
def apply() -> Callable:
    """`apply(op, texts, ...)`: the texts after an op, as strings; the rest goes to `moment_of`."""

    def applied(op, texts: Sequence[str], **knobs) -> list[str]:
        after = op(tf.constant(texts, tf.string), moment_of(len(texts), **knobs))
        return [text.decode() for text in after.numpy()]

    return applied


@pytest.fixture(scope="session")
def pieces_tokenizer() -> Tokenizer:
    """Knows the letters a to h, alone (5 to 12) and as ## pieces (13 to 20)."""
    letters = "abcdefgh"
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    return Tokenizer([*specials, *letters, *(f"##{letter}" for letter in letters)])
