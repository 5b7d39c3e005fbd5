"""Paraphrases of whole texts, looked up in the graph, and the op that mixes them in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import tensorflow as tf

from tfsocial.data.augment import random_stream


@dataclass(frozen=True)
class Paraphrases:
    """Texts and what may stand for each.

    Attributes:
        texts: those that have paraphrases, byte for byte.
        paraphrases: of all texts one after another.
        first, count: int64 [texts], where a text's own begin, and how many there are.
    """

    texts: tuple[str, ...]
    paraphrases: tuple[str, ...]
    first: np.ndarray
    count: np.ndarray

    @classmethod
    def of(cls, entries: Mapping[str, Sequence[str]]) -> Paraphrases:
        """Make a table of text -> its paraphrases; no text without one, and at least one text."""
        count = np.array([len(several) for several in entries.values()], np.int64)
        every = tuple(paraphrase for several in entries.values() for paraphrase in several)
        return cls(tuple(entries), every, np.cumsum(count) - count, count)

    @property
    def fingerprint(self) -> str:
        """Sha256 of the texts and what stands for each."""
        content = json.dumps([self.texts, self.paraphrases, self.count.tolist()])
        return hashlib.sha256(content.encode()).hexdigest()

    @cached_property
    def _sorted(self) -> tuple[np.ndarray, np.ndarray]:
        with tf.init_scope():
            hashes = _hash(tf.constant(self.texts, tf.string)).numpy()
        order = np.argsort(hashes, kind="stable")
        return hashes[order], order

    def draw(self, texts: tf.Tensor, u: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Tell whether each text, string [n], has a paraphrase, bool [n]; draw one by u, [n]."""
        known, order = self._sorted
        sought = _hash(texts)
        place = tf.minimum(tf.searchsorted(known, sought), len(known) - 1)
        text = tf.gather(order, place)
        pick = tf.gather(self.first, text) + random_stream.index(u, tf.gather(self.count, text))
        return tf.gather(known, place) == sought, tf.gather(tf.constant(self.paraphrases), pick)


def _hash(texts: tf.Tensor) -> tf.Tensor:
    """Hash texts to 63 bits: of a million texts two share one with a probability of 1e-7."""
    return tf.strings.to_hash_bucket_fast(texts, 2**63 - 1)
