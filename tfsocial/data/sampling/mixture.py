"""Several sources in one training epoch: how much of each, and which of its examples.

Of N examples an epoch draws (`data.epoch_examples`; left out, as many as all sources have) source
i of n_i examples gets the part r_i / sum(r), with r_i its `sampling_weight`, or n_i^(1/T) with
`data.temperature` T: T = 1 is its size, and the larger T, the more even the parts. Conneau et al.
(2020), XLM-R, arXiv:1911.02116, and Xue et al. (2021), mT5, arXiv:2010.11934, take 1/T = 0.3;
Raffel et al. (2020), T5, arXiv:1910.10683, call T the temperature.

Which examples is drawn by seed, once in a run: a source's examples stand as often as its part
holds all of them, and once more for as many as are left over. So where a part is smaller than its
source, what was not drawn is never seen; a larger `data.epoch_examples` (with fewer epochs) takes
it in. Rates act on train alone: dev and test are what the sources have, once.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tfsocial import config
from tfsocial.data.examples import Corpus
from tfsocial.errors import InputError

log = logging.getLogger(__name__)


def mixed(corpus: Corpus, data: config.Data, seed: int) -> Corpus:
    """Mix the sources in train as the mixture says; return the corpus itself without one.

    Raises:
        InputError: a source's part is less than one example.
    """
    if not data.mixture or "train" not in corpus.splits:
        return corpus
    train_parts = corpus.parts["train"]
    sizes = {key: part.size for key, part in train_parts.items() if part.size}
    for key in train_parts.keys() - sizes.keys():  # all of it is out of scope, and told by a score
        log.info("%s: no example of it is learned", key)
    counts = parts(list(sizes.values()), _rates(sizes, data), data.epoch_examples)
    for key, count in zip(sizes, counts, strict=True):
        log.info("%s: %d of an epoch's examples, from %d", key, count, sizes[key])
        if not count:
            raise InputError(
                f"{key}: its part of an epoch is less than one example; raise its sampling_weight, "
                "data.temperature or data.epoch_examples"
            )
    starts = np.cumsum([0, *sizes.values()])
    rows = [
        start + draw_rows(sizes[key], count, seed, key)
        for key, count, start in zip(sizes, counts, starts, strict=False)
    ]
    train = corpus.splits["train"].taken(np.concatenate(rows))
    return replace(corpus, splits={**corpus.splits, "train": train})


def _rates(sizes: dict[str, int], data: config.Data) -> list[float]:
    """Give one sampling weight a source, in the order of `sizes`."""
    weights = [data.mixture[key.rpartition(".")[2]].sampling_weight for key in sizes]
    power = 1 / (data.temperature or 1.0)
    return [
        size**power if rate is None else rate
        for rate, size in zip(weights, sizes.values(), strict=True)
    ]


def parts(sizes: Sequence[int], rates: Sequence[float], total: int | None = None) -> list[int]:
    """Compute how many of an epoch's examples each source gives; together exactly `total`.

    Rounded down, then up for those that lost most (the largest remainders).

    >>> parts([100, 1000], [1, 3]), parts([100, 900], [1, 1], total=7)
    ([275, 825], [4, 3])
    """
    total = sum(sizes) if total is None else total
    exact = np.asarray(rates, np.float64) / np.sum(rates) * total
    counts = np.floor(exact).astype(np.int64)
    lacking = total - int(counts.sum())
    counts[np.argsort(counts - exact, kind="stable")[:lacking]] += 1
    return counts.tolist()


def draw_rows(size: int, count: int, seed: int, key: str) -> np.ndarray:
    """Draw the rows of a source that an epoch has, ascending; int64 [count].

    A function of the seed and the source's key, not of its place among the others; a smaller
    draw is part of a larger one.

    >>> often = np.bincount(draw_rows(3, 7, seed=0, key="data.mixture.own"))
    >>> sorted(often.tolist())
    [2, 2, 3]
    """
    whole, left = divmod(count, size)
    order = np.random.default_rng([seed, *key.encode()]).permutation(size)
    return np.sort(np.concatenate([np.repeat(np.arange(size), whole), order[:left]]))
