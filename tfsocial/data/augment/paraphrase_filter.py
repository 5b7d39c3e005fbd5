"""Which paraphrases of the cache a run mixes in: near enough to their text, and no copies.

A run needs no translator; what one made is read from disk.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tfsocial import config
from tfsocial.data.augment import paraphrase_cache
from tfsocial.data.augment.paraphrase_cache import Cache
from tfsocial.data.examples import Examples
from tfsocial.errors import InputError

log = logging.getLogger(__name__)

Pair = tuple[str, str]


def texts_of(train: Examples) -> list[str]:
    """List the texts of all columns, each once; blank ones have no paraphrase."""
    columns = [train.text, train.pair or []]
    return list(dict.fromkeys(text for column in columns for text in column if text.strip()))


def yardstick(m0_sha256: str, pooling: str) -> str:
    """Name what measures a cosine: the content of M0 and how it makes a vector of a text."""
    return f"{m0_sha256} {pooling}"


def pairs(paraphrases: Mapping[str, Sequence[str]]) -> list[Pair]:
    """List texts and their paraphrases, each pair once, without empty ones."""
    each = [(text, new) for text, several in paraphrases.items() for new in several if new]
    return list(dict.fromkeys(each))


Verdict = Literal["kept", "copy", "near", "far", "repeated", "none"]


@dataclass(frozen=True)
class Judged:
    """Paraphrases, sorted by a filter.

    Attributes:
        paraphrases: text -> those that may be used; no text without one.
        counts: how many there are of each verdict.
    """

    paraphrases: Mapping[str, tuple[str, ...]]
    counts: Mapping[Verdict, int]


def judge(
    paraphrases: Mapping[str, Sequence[str]],
    cosines: Mapping[Pair, float],
    bounds: tuple[float, float] | None,
) -> Judged:
    """Keep what lies within the bounds, these included; never a copy, nor one twice.

    >>> paraphrases = {"a b": ["a b", "b a", "b a", "c", ""]}
    >>> cosines = {("a b", "a b"): 1.0, ("a b", "b a"): 0.9, ("a b", "c"): 0.2}
    >>> judged = judge(paraphrases, cosines, (0.7, 0.98))
    >>> judged.paraphrases, judged.counts
    ({'a b': ('b a',)}, {'copy': 1, 'kept': 1, 'repeated': 1, 'far': 1, 'none': 1})
    """
    counts: Counter[Verdict] = Counter()
    usable: dict[str, tuple[str, ...]] = {}
    for text, several in paraphrases.items():
        for place, paraphrase in enumerate(several):
            repeated = paraphrase in several[:place]
            verdict = _verdict(text, paraphrase, repeated, cosines, bounds)
            counts[verdict] += 1
            if verdict == "kept":
                usable[text] = (*usable.get(text, ()), paraphrase)
    return Judged(usable, dict(counts))


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


def section(data: config.Data) -> config.BackTranslation:
    """Return `data.back_translation`.

    Raises:
        InputError: the config has none.
    """
    if data.back_translation is None:
        raise InputError(
            "data.back_translation is not set; name a translator there, "
            "as {translator: pairs, file: pairs.csv, cache: DIR}"
        )
    return data.back_translation


def usable_paraphrases(
    data: config.Data, train: Examples, measured_by: str
) -> Mapping[str, tuple[str, ...]]:
    """Give text of train -> the paraphrases that a run mixes in.

    Args:
        measured_by: see `yardstick`.

    Raises:
        InputError: there is none, or some were not measured with this M0.
    """
    settings, texts = section(data), texts_of(train)
    with paraphrase_cache.reading(Path(settings.cache), settings.identity) as (cache, _):
        paraphrases = cache.paraphrases(texts, settings.count)
        judged = _judged(cache, paraphrases, measured_by, settings.similarity)
    if not judged.paraphrases:
        raise InputError(
            f"data.back_translation: {settings.cache} holds no paraphrase of train's texts that is "
            "kept; run python -m tfsocial augment with this config, which says why"
        )
    log.info(
        "back-translation: %d paraphrases, of %d of the %d texts of train",
        sum(map(len, judged.paraphrases.values())),
        len(judged.paraphrases),
        len(texts),
    )
    return judged.paraphrases


def _judged(
    cache: Cache,
    paraphrases: Mapping[str, Sequence[str]],
    measured_by: str,
    bounds: tuple[float, float] | None,
) -> Judged:
    if bounds is None:
        return judge(paraphrases, {}, None)
    wanted = pairs(paraphrases)
    cosines = cache.cosines(measured_by, wanted)
    if len(cosines) < len(wanted):
        raise InputError(
            f"data.back_translation: {len(wanted) - len(cosines)} paraphrases were not compared "
            "by this M0; run python -m tfsocial augment with this config (nothing is translated "
            "again)"
        )
    return judge(paraphrases, cosines, bounds)
