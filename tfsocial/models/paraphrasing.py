"""From a config to a filled cache of paraphrases: train's texts, their translator, M0's word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfsocial.config import (
    BackTranslation,
    Data,
    HttpTranslator,
    InputError,
    MarianTranslator,
    Model,
    PairsTranslator,
    Task,
)
from tfsocial.data import back_translation, corpus, paraphrase_cache, provenance
from tfsocial.data.augment import chain
from tfsocial.data.augment.chain import Chain
from tfsocial.data.augment.paraphrases import Paraphrases
from tfsocial.data.back_translation import Judged, Verdict
from tfsocial.data.paraphrase_cache import Cache, Identity
from tfsocial.data.provenance import Resource
from tfsocial.data.sources import Examples
from tfsocial.data.translators import Http, Pairs
from tfsocial.models import checkpoints, marian
from tfsocial.models.checkpoints import Community
from tfsocial.models.embedder import Embedder
from tfsocial.models.marian import Marian

COMPILE_FROM = 200  # translations; fewer are made before a graph is traced
ROW_LENGTH = 128  # tokens of a text that M0 compares
_SAID: Mapping[Verdict, str] = {
    "kept": "kept",
    "near": "dropped, too near",
    "far": "dropped, too far",
    "copy": "dropped, copies of the text",
    "repeated": "dropped, made before of the same text",
    "none": "without a paraphrase",
}


@dataclass(frozen=True)
class Filled:
    """What `fill` did.

    Attributes:
        texts: of train, each once.
        new: how many paraphrases were asked for now, the others being in the cache.
        judged: all of them, new and old.
    """

    texts: Sequence[str]
    new: int
    judged: Judged
    chosen: BackTranslation

    def lines(self, shown: int = 0) -> Iterator[str]:
        """How many there are, and the first texts with their paraphrases if asked for."""
        counts, count = self.judged.counts, self.chosen.count
        made = sum(counts.values()) - counts.get("none", 0)
        yield f"{len(self.texts)} texts of train, up to {count} paraphrases each"
        yield f"{made} paraphrases made; asked for now: {self.new}"
        for verdict, said in _SAID.items():
            yield f"{counts.get(verdict, 0):8d} {said}{self._bound(verdict)}"
        for text, several in list(self.judged.kept.items())[:shown]:
            yield f"\n{text}"
            yield from (f"  {paraphrase}" for paraphrase in several)

    def _bound(self, verdict: Verdict) -> str:
        bounds = self.chosen.similarity
        if bounds is None or verdict not in ("near", "far"):
            return ""
        return f" (cosine < {bounds[0]:g})" if verdict == "far" else f" (cosine > {bounds[1]:g})"


def fill(data: Data, model: Model, tasks: Mapping[str, Task], seed: int) -> Filled:
    """Translate the texts of train that the cache lacks, and compare them by M0.

    Args:
        seed: the run's, which says what is drawn from train.

    Raises:
        InputError: the config, the data or the translator is wrong, or a licence does not fit.
    """
    chosen, bounds = back_translation.section(data), _bounds(data, model)
    taken = resources(data)
    given = provenance.of_sources(data)
    checked = [*given, *back_translation.licensed(taken, data)]
    provenance.check(checked, data.licence_policy)
    texts = back_translation.texts_of(corpus.drawn(data, tasks, seed).splits["train"])
    identity = Identity(chosen.identity, taken)
    with paraphrase_cache.filling(Path(chosen.cache), identity) as cache:
        new = _translate(data, cache, texts)
        found = cache.found(texts, chosen.count)
        cosines = _compared(model, cache, found) if bounds else {}
    return Filled(texts, new, back_translation.judge(found, cosines, bounds), chosen)


def resources(data: Data) -> tuple[Resource, ...]:
    """Return what the translator takes from others."""
    chosen = back_translation.section(data)
    if isinstance(chosen, MarianTranslator):
        return marian.resources(chosen)
    return (translator(data).resource,)


def translator(data: Data, compiled: bool = False) -> Marian | Http | Pairs:
    """Make the translator that a config names.

    Raises:
        InputError: it cannot be had.
    """
    chosen = back_translation.section(data)
    if isinstance(chosen, MarianTranslator):
        return Marian.load(chosen, compiled)
    if isinstance(chosen, HttpTranslator):
        return Http(chosen)
    return Pairs.read(chosen, data.root)


def of_run(
    data: Data,
    model: Model,
    views: Mapping[str, Chain],
    community: Community,
    train: Examples,
) -> Paraphrases | None:
    """Return what the ops of `views` mix in; None where none does.

    Raises:
        InputError: see `back_translation.kept`.
    """
    if not chain.needs_paraphrases(views):
        return None
    yardstick = back_translation.yardstick(model, community.resource(model))
    return Paraphrases.of(back_translation.kept(data, train, yardstick))


def _bounds(data: Data, model: Model) -> tuple[float, float] | None:
    bounds = back_translation.section(data).similarity
    if bounds is not None and model.checkpoint == "random":
        raise InputError(
            "model.checkpoint is random, and an untrained M0 cannot tell what is similar; "
            "--set data.back_translation.similarity=null keeps all but copies"
        )
    return bounds


def _translate(data: Data, cache: Cache, texts: Sequence[str]) -> int:
    """Fill the cache; return how many paraphrases were asked for."""
    chosen = back_translation.section(data)
    lacking = sum(len(cache.missing(texts, draw)) for draw in range(chosen.count))
    if not lacking:
        return 0
    batch = len(texts) if isinstance(chosen, PairsTranslator) else chosen.batch
    made_by = translator(data, compiled=lacking >= COMPILE_FROM)
    return back_translation.fill(cache, made_by, texts, chosen.count, batch)


def _compared(
    model: Model, cache: Cache, found: Mapping[str, Sequence[str]]
) -> dict[back_translation.Pair, float]:
    """Cosines of all that was found, measured now where they were not before."""
    community = checkpoints.community(model)
    yardstick = back_translation.yardstick(model, community.resource(model))
    pairs = back_translation.pairs(found)
    if len(cache.cosines(yardstick, pairs)) < len(pairs):
        back_translation.compare(cache, Likeness.of(model, community), yardstick, pairs)
    return cache.cosines(yardstick, pairs)


class Likeness:
    """How near M0 finds texts to one another; see `back_translation.Similarity`."""

    def __init__(self, embedder: Embedder):
        self._embedder = embedder

    @classmethod
    def of(cls, model: Model, community: Community) -> Likeness:
        """With M0's weights and pooling."""
        return cls(Embedder.of(community, model.pooling, ROW_LENGTH))

    def __call__(self, texts: Sequence[str], others: Sequence[str]) -> np.ndarray:
        both = list(dict.fromkeys([*texts, *others]))
        places = {text: place for place, text in enumerate(both)}
        vectors = self._embedder(Examples.of_texts(both))
        one, other = (vectors[[places[text] for text in column]] for column in (texts, others))
        return np.sum(one * other, axis=-1)
