"""Texts in other words, made beforehand by a translator and kept on disk until a run reads them.

`fill` asks a translator for what the cache lacks, `compare` measures how near each paraphrase
came to its text, `judge` says which are kept, and `kept` gives a run what its op
`back_translation` mixes in. Filling and reading are apart: a run needs no translator.

Sennrich et al. (2016), Improving Neural Machine Translation Models with Monolingual Data,
arXiv:1511.06709; as augmentation of a classifier's texts: Xie et al. (2020), Unsupervised Data
Augmentation, arXiv:1904.12848.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from tqdm import tqdm

from tfsocial import config
from tfsocial.config import InputError
from tfsocial.data import licences, paraphrase_cache, rows
from tfsocial.data.paraphrase_cache import Cache
from tfsocial.data.provenance import Resource
from tfsocial.data.sources import Examples

log = logging.getLogger(__name__)

COMPARED_AT_ONCE = 256  # pairs between two commits
Pair = tuple[str, str]
Similarity = Callable[[Sequence[str], Sequence[str]], np.ndarray]
"""Cosines float [n] of texts and their paraphrases."""


class Translator(Protocol):
    """Says texts in other words; raises InputError where it cannot."""

    def __call__(self, texts: list[str], draw: int = 0) -> list[str]:
        """A paraphrase of each text, in their order; empty where it has none.

        Args:
            draw: which of several paraphrases, from 0 on; another draw may give another one.
        """


def texts_of(train: Examples) -> list[str]:
    """The texts of all columns, each once; blank ones have no paraphrase."""
    columns = [train.text, train.pair or []]
    return list(dict.fromkeys(text for column in columns for text in column if text.strip()))


# --- filling ---------------------------------------------------------------------------


def fill(cache: Cache, translator: Translator, texts: Sequence[str], count: int, batch: int) -> int:
    """Asks for the paraphrases that the cache lacks, a batch at a time; returns how many.

    All texts get their first one before any gets a second. Texts of a length go together.

    Raises:
        InputError: the translator cannot go on. What it had made is kept.
    """
    asked = 0
    lacking = {draw: cache.missing(texts, draw) for draw in range(count)}
    left = sum(map(len, lacking.values()))
    with tqdm(total=left, desc="paraphrases", unit="text", disable=None, leave=False) as bar:
        for draw, missing in lacking.items():
            for block in _blocks(sorted(missing, key=len), batch):
                cache.add(draw, _translated(translator, block, draw))
                asked += len(block)
                bar.update(len(block))
    return asked


def _translated(translator: Translator, texts: list[str], draw: int) -> dict[str, str]:
    made = translator(texts, draw)
    if len(made) != len(texts):
        raise InputError(
            f"data.back_translation: the translator was given {len(texts)} texts "
            f"and gave back {len(made)}"
        )
    return dict(zip(texts, map(_tidy, made), strict=True))


def _tidy(paraphrase: str) -> str:
    """On one line; empty where it is no text that can be used."""
    return "" if rows.flaw_of(paraphrase) else " ".join(paraphrase.split())


def compare(cache: Cache, similarity: Similarity, yardstick: str, wanted: Sequence[Pair]) -> int:
    """Measures the pairs that were not measured yet; returns how many."""
    measured = cache.cosines(yardstick, wanted)
    lacking = [pair for pair in wanted if pair not in measured]
    with tqdm(total=len(lacking), desc="cosines", disable=None, leave=False) as bar:
        for block in _blocks(lacking, COMPARED_AT_ONCE):
            found = similarity(*zip(*block, strict=True))
            cache.measure(yardstick, dict(zip(block, map(float, found), strict=True)))
            bar.update(len(block))
    return len(lacking)


def yardstick(model: config.Model, m0: Resource) -> str:
    """What a cosine is measured with: the content of M0 and how it makes a vector of a text."""
    return f"{m0.sha256} {model.pooling}"


def pairs(found: Mapping[str, Sequence[str]]) -> list[Pair]:
    """Texts and their paraphrases, each pair once, without empty ones."""
    each = [(text, new) for text, several in found.items() for new in several if new]
    return list(dict.fromkeys(each))


def _blocks(items: list, size: int) -> Iterator[list]:
    return (items[start : start + size] for start in range(0, len(items), size))


# --- which are kept --------------------------------------------------------------------

Verdict = Literal["kept", "copy", "near", "far", "repeated", "none"]


@dataclass(frozen=True)
class Judged:
    """Paraphrases, sorted by a filter.

    Attributes:
        kept: text -> its paraphrases; no text without one.
        counts: how many there are of each verdict.
    """

    kept: Mapping[str, tuple[str, ...]]
    counts: Mapping[Verdict, int]


def judge(
    found: Mapping[str, Sequence[str]],
    cosines: Mapping[Pair, float],
    bounds: tuple[float, float] | None,
) -> Judged:
    """Keeps what lies within the bounds, these included; never a copy, nor one twice.

    >>> found = {"a b": ["a b", "b a", "b a", "c", ""]}
    >>> cosines = {("a b", "a b"): 1.0, ("a b", "b a"): 0.9, ("a b", "c"): 0.2}
    >>> judged = judge(found, cosines, (0.7, 0.98))
    >>> judged.kept, judged.counts
    ({'a b': ('b a',)}, {'copy': 1, 'kept': 1, 'repeated': 1, 'far': 1, 'none': 1})
    """
    counts: Counter[Verdict] = Counter()
    kept: dict[str, tuple[str, ...]] = {}
    for text, several in found.items():
        for place, paraphrase in enumerate(several):
            repeated = paraphrase in several[:place]
            verdict = _verdict(text, paraphrase, repeated, cosines, bounds)
            counts[verdict] += 1
            if verdict == "kept":
                kept[text] = (*kept.get(text, ()), paraphrase)
    return Judged(kept, dict(counts))


def _verdict(
    text: str,
    paraphrase: str,
    repeated: bool,
    cosines: Mapping[Pair, float],
    bounds: tuple[float, float] | None,
) -> Verdict:
    if not paraphrase:
        return "none"
    if paraphrase == text:
        return "copy"
    if repeated:
        return "repeated"
    if bounds is None or bounds[0] <= cosines[text, paraphrase] <= bounds[1]:
        return "kept"
    return "far" if cosines[text, paraphrase] < bounds[0] else "near"


# --- reading ---------------------------------------------------------------------------


def section(data: config.Data) -> config.BackTranslation:
    """`data.back_translation`.

    Raises:
        InputError: the config has none.
    """
    if data.back_translation is None:
        raise InputError(
            "data.back_translation is not set; name a translator there, "
            "as {translator: pairs, file: pairs.csv, cache: DIR}"
        )
    return data.back_translation


def resources(data: config.Data) -> tuple[Resource, ...]:
    """What the translator took from others when the cache was filled, under this config's licence.

    Raises:
        InputError: see `paraphrase_cache.reading`.
    """
    chosen = section(data)
    with paraphrase_cache.reading(Path(chosen.cache), chosen.identity) as (_, identity):
        return licensed(identity.resources, data)


def licensed(found: Sequence[Resource], data: config.Data) -> tuple[Resource, ...]:
    """The resources, with the config's licence where they say none, and its acknowledgement."""
    chosen = section(data)
    given, why = licences.spdx(chosen.licence), chosen.licence_ack or ""
    source = "" if given == licences.UNKNOWN else "data.back_translation.licence of the config"
    return tuple(
        replace(one, acknowledgement=why)
        if one.licence != licences.UNKNOWN
        else replace(one, acknowledgement=why, licence=given, licence_source=source)
        for one in found
    )


def kept(data: config.Data, train: Examples, measured_by: str) -> Mapping[str, tuple[str, ...]]:
    """Text of train -> the paraphrases that a run mixes in.

    Args:
        measured_by: see `yardstick`.

    Raises:
        InputError: there is none, or some were not measured with this M0.
    """
    chosen, texts = section(data), texts_of(train)
    with paraphrase_cache.reading(Path(chosen.cache), chosen.identity) as (cache, _):
        found = cache.found(texts, chosen.count)
        judged = _judged(cache, found, measured_by, chosen.similarity)
    if not judged.kept:
        raise InputError(
            f"data.back_translation: {chosen.cache} holds no paraphrase of train's texts that is "
            "kept; run python -m tfsocial augment with this config, which says why"
        )
    log.info(
        "back-translation: %d paraphrases, of %d of the %d texts of train",
        sum(map(len, judged.kept.values())),
        len(judged.kept),
        len(texts),
    )
    return judged.kept


def _judged(
    cache: Cache,
    found: Mapping[str, Sequence[str]],
    measured_by: str,
    bounds: tuple[float, float] | None,
) -> Judged:
    if bounds is None:
        return judge(found, {}, None)
    wanted = pairs(found)
    cosines = cache.cosines(measured_by, wanted)
    if len(cosines) < len(wanted):
        raise InputError(
            f"data.back_translation: {len(wanted) - len(cosines)} paraphrases were not compared "
            "by this M0; run python -m tfsocial augment with this config (nothing is translated "
            "again)"
        )
    return judge(found, cosines, bounds)
