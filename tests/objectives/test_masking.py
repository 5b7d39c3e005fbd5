"""Which words are hidden, and by what."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf

from tfsocial.objectives.masking import masked, most
from tfsocial.text import batch as keys

CLS, MASK = 0, 1  # of 100 words; every second of the others goes on with the word before it
PARTS = keys.WordParts(np.arange(100) < 2, np.arange(100) % 2 == 1, mask=MASK)


@dataclass
class ByHand:
    """A row of [CLS], ten tokens that make five words, and padding; draws what it is given."""

    draws: list
    word_parts: keys.WordParts = PARTS
    batch: dict = field(
        default_factory=lambda: {
            keys.TOKEN_IDS: tf.constant([[CLS, 10, 11, 20, 21, 30, 31, 40, 41, 50, 51, 0]]),
            keys.SEGMENT_IDS: tf.constant([[1] * 11 + [0]]),
        }
    )

    def uniform_tokens(self) -> tf.Tensor:
        return tf.constant([self.draws.pop(0)], tf.float32)


def test_whole_words_share_the_luck_of_their_first_piece():
    """The second and the fourth word are chosen whatever their second pieces drew."""
    luck = [0.0, 0.9, 0.0, 0.1, 0.9, 0.9, 0.0, 0.1, 0.9, 0.9, 0.0, 0.0]
    step = ByHand([luck, [0.5] * 12, [0.0] * 12])
    hidden = masked(step, share=0.15, whole_words=True)
    assert hidden.predicted.numpy()[0].nonzero()[0].tolist() == [3, 4, 7, 8]
    assert hidden.places.numpy()[0].tolist() == [3, 4, 7, 8, 0, 1, 2, 5]
    expected = [CLS, 10, 11, MASK, MASK, 30, 31, MASK, MASK, 50, 51, 0]
    assert hidden.token_ids.numpy()[0].tolist() == expected


def test_of_single_pieces_each_has_its_own_luck():
    """[CLS] and padding drew 0 too and stay."""
    luck = [0.0, 0.9, 0.0, 0.1, 0.9, 0.9, 0.0, 0.1, 0.9, 0.9, 0.9, 0.0]
    hidden = masked(ByHand([luck, [0.5] * 12, [0.0] * 12]), share=0.15, whole_words=False)
    assert hidden.predicted.numpy()[0].nonzero()[0].tolist() == [2, 3, 6, 7]


def test_a_chosen_token_becomes_mask_another_word_or_stays():
    """Below 0.8, below 0.9, above: 30 becomes word 77 of 100, 31 stays."""
    luck, fate = [0.0] * 12, [0.5] * 5 + [0.85, 0.95] + [0.79] * 5
    hidden = masked(ByHand([luck, fate, [0.775] * 12]), share=0.8, whole_words=False)
    expected = [CLS, MASK, MASK, MASK, MASK, 77, 31, MASK, MASK, MASK, MASK, 0]
    assert hidden.token_ids.numpy()[0].tolist() == expected
    assert hidden.predicted.numpy()[0].tolist() == [False] + [True] * 10 + [False]


def test_no_more_are_hidden_than_have_a_place():
    """Of ten that drew 0 the last two stay; the others are all among the places."""
    assert most(0.15, 12) == 8
    hidden = masked(ByHand([[0.0] * 12, [0.5] * 12, [0.0] * 12]), share=0.15, whole_words=False)
    assert hidden.predicted.numpy()[0].nonzero()[0].tolist() == list(range(1, 9))
    assert hidden.places.numpy()[0].tolist() == list(range(1, 9))
    assert hidden.token_ids.numpy()[0].tolist() == [CLS, *[MASK] * 8, 50, 51, 0]
    values = tf.range(12)[tf.newaxis] * 10
    assert hidden.at_places(values).numpy()[0].tolist() == [*range(10, 90, 10)]


def test_shares_are_bert_s():
    """Of 100,000 tokens 15 % are chosen; of them 80 % become [MASK], 10 % stay."""
    random = np.random.default_rng(0)
    tokens = random.integers(2, 100, [500, 200]).astype(np.int32)
    draws = [random.random([500, 200]) for _ in range(3)]
    batch = {keys.TOKEN_IDS: tf.constant(tokens), keys.SEGMENT_IDS: tf.ones_like(tokens)}
    step = ByHand([], batch=batch)
    step.uniform_tokens = lambda: tf.constant(draws.pop(0), tf.float32)
    hidden = masked(step, share=0.15, whole_words=False)
    chosen, now = hidden.predicted.numpy(), hidden.token_ids.numpy()
    assert abs(chosen.mean() - 0.15) < 0.005
    assert np.array_equal(now[~chosen], tokens[~chosen])
    assert abs((now[chosen] == MASK).mean() - 0.8) < 0.015
    assert abs((now[chosen] == tokens[chosen]).mean() - 0.1) < 0.015
