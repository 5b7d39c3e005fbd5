"""Texts that give way to their paraphrases."""

from __future__ import annotations

from collections import Counter

import pytest
import tensorflow as tf

from tfsocial import config
from tfsocial.data.augment import chain, table
from tfsocial.data.augment.chain import Chain
from tfsocial.data.augment.paraphrases import Paraphrases
from tfsocial.errors import InputError

MANY = 3000
KNOWN = {"the card is late": ["the card comes late", "卡迟到了", "late card"], "hello": ["hi"]}
PAIRS = {"translator": "pairs", "file": "pairs.csv", "cache": "cache"}
OP = {"back_translation": {"probability": 0.3}}


def run(ops, texts, **context):
    """Texts, examples 0, 1 and so on, after these ops."""
    built = Chain(table.build_all(ops, "at", None), 0, paraphrases=Paraphrases.of(KNOWN))
    examples = tf.range(len(texts), dtype=tf.int64)
    progress, epoch = tf.constant(context.get("progress", 0.0)), context.get("epoch", 0)
    (after,) = built.texts([tf.constant(texts)], examples, epoch, progress)
    return [text.decode() for text in after.numpy()]


def test_gives_a_text_one_of_its_own():
    """The only one it has; a text without, or with another letter, stays."""
    texts = ["hello", "Hello", "hello ", "bye"]
    assert run([{"back_translation": {}}], texts) == ["hi", *texts[1:]]


def test_mixes_by_probability_and_draws_evenly():
    """Three of ten give way, to each of three paraphrases as often; others in another epoch."""
    late = "the card is late"
    after = run([OP], [late] * MANY)
    counts = Counter(after)
    assert set(counts) == {late, *KNOWN[late]}
    assert counts[late] == pytest.approx(0.7 * MANY, abs=5 * (MANY * 0.21) ** 0.5)
    for paraphrase in KNOWN[late]:
        assert counts[paraphrase] == pytest.approx(0.1 * MANY, abs=5 * (MANY * 0.09) ** 0.5)
    assert run([OP], [late] * MANY) == after
    assert run([OP], [late] * MANY, epoch=1) != after


def test_a_schedule_moves_it():
    """From none to all over the run, as every op's probability can."""
    moving = {"back_translation": {"probability": {"start": 0.0, "end": 1.0}}}
    assert run([moving], ["hello"] * 20) == ["hello"] * 20
    assert run([moving], ["hello"] * 20, progress=1.0) == ["hi"] * 20


def test_other_ops_go_on_with_the_paraphrase():
    """It comes first, whatever follows."""
    upper = {"character_noise": {"rate": 1.0, "kinds": ["look_alike"]}}
    assert run([{"back_translation": {}}, upper], ["hello"]) != ["hi"]
    with pytest.raises(InputError, match="back_translation knows texts as they were read and "):
        table.build_all([{"word_drop": {}}, OP], "at", None)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"augment": [OP]}, "the op back_translation needs data.back_translation"),
        ({"back_translation": PAIRS}, r"data\.back_translation is set, but no op mixes"),
    ],
)
def test_op_and_translator_belong_together(data, sentence):
    """One without the other is an error before step one."""
    with pytest.raises(InputError, match=sentence):
        chain.build(config.parse({"data": data}).data, 0)
