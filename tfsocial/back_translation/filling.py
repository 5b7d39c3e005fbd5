"""From a config to a filled cache of paraphrases: train's texts, their translator, M0's word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tfsocial.back_translation import marian, translation
from tfsocial.back_translation.marian import Marian
from tfsocial.back_translation.similarity import SemanticSimilarity
from tfsocial.back_translation.translators import Http, Pairs
from tfsocial.checkpoints import community
from tfsocial.config import (
    BackTranslation,
    Data,
    HttpTranslator,
    MarianTranslator,
    Model,
    PairsTranslator,
    Task,
)
from tfsocial.data import corpus
from tfsocial.data.augment import paraphrase_cache, paraphrase_filter
from tfsocial.data.augment.paraphrase_cache import Cache, Identity
from tfsocial.data.augment.paraphrase_filter import Judged, Verdict
from tfsocial.errors import InputError
from tfsocial.provenance import resources as provenance
from tfsocial.provenance import translators
from tfsocial.provenance.resources import Resource

COMPILE_FROM = 200  # translations; fewer are made before a graph is traced

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
    settings: BackTranslation

    def lines(self, shown: int = 0) -> Iterator[str]:
        """Yield how many there are, and the first texts with their paraphrases if asked for."""
        counts, count = self.judged.counts, self.settings.count
        made = sum(counts.values()) - counts.get("none", 0)
        yield f"{len(self.texts)} texts of train, up to {count} paraphrases each"
        yield f"{made} paraphrases made; asked for now: {self.new}"
        for verdict, said in _SAID.items():
            yield f"{counts.get(verdict, 0):8d} {said}{self._bound(verdict)}"
        for text, several in list(self.judged.paraphrases.items())[:shown]:
            yield f"\n{text}"
            yield from (f"  {paraphrase}" for paraphrase in several)

    def _bound(self, verdict: Verdict) -> str:
        bounds = self.settings.similarity
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
    settings, bounds = paraphrase_filter.section(data), _bounds(data, model)
    taken = resources(data)
    data_resources = provenance.of_sources(data)
    checked = [*data_resources, *translators.licensed(taken, data)]
    provenance.check(checked, data.licence_policy)
    texts = paraphrase_filter.texts_of(corpus.load_splits(data, tasks, seed).splits["train"])
    identity = Identity(settings.identity, tuple(map(asdict, taken)))
    with paraphrase_cache.filling(Path(settings.cache), identity) as cache:
        new = _translate(data, cache, texts)
        paraphrases = cache.paraphrases(texts, settings.count)
        cosines = _compared(model, cache, paraphrases) if bounds else {}
    return Filled(texts, new, paraphrase_filter.judge(paraphrases, cosines, bounds), settings)


def resources(data: Data) -> tuple[Resource, ...]:
    """List what the translator takes from others."""
    settings = paraphrase_filter.section(data)
    if isinstance(settings, MarianTranslator):
        return marian.resources(settings)
    return (_of_others(settings, data.root).resource,)


def translator(data: Data, compiled: bool = False) -> Marian | Http | Pairs:
    """Make the translator that a config names.

    Raises:
        InputError: it cannot be had.
    """
    settings = paraphrase_filter.section(data)
    if isinstance(settings, MarianTranslator):
        return Marian.load(settings, compiled)
    return _of_others(settings, data.root)


def _of_others(settings: HttpTranslator | PairsTranslator, root: str | None) -> Http | Pairs:
    """Make a translator whose translations are made elsewhere."""
    if isinstance(settings, HttpTranslator):
        return Http(settings)
    return Pairs.read(settings, root)


def _bounds(data: Data, model: Model) -> tuple[float, float] | None:
    bounds = paraphrase_filter.section(data).similarity
    if bounds is not None and model.checkpoint == "random":
        raise InputError(
            "model.checkpoint is random, and an untrained M0 cannot tell what is similar; "
            "--set data.back_translation.similarity=null keeps all but copies"
        )
    return bounds


def _translate(data: Data, cache: Cache, texts: Sequence[str]) -> int:
    """Fill the cache; return how many paraphrases were asked for."""
    settings = paraphrase_filter.section(data)
    lacking = sum(len(cache.missing(texts, draw)) for draw in range(settings.count))
    if not lacking:
        return 0
    batch = len(texts) if isinstance(settings, PairsTranslator) else settings.batch
    made_by = translator(data, compiled=lacking >= COMPILE_FROM)
    return translation.fill(cache, made_by, texts, settings.count, batch)


def _compared(
    model: Model, cache: Cache, paraphrases: Mapping[str, Sequence[str]]
) -> dict[paraphrase_filter.Pair, float]:
    """Give the cosines of all paraphrases; measure those that were not measured before."""
    m0 = community.of_config(model)
    yardstick = paraphrase_filter.yardstick(m0.resource(model).sha256, model.pooling)
    pairs = paraphrase_filter.pairs(paraphrases)
    if len(cache.cosines(yardstick, pairs)) < len(pairs):
        translation.compare(cache, SemanticSimilarity.of(model, m0), yardstick, pairs)
    return cache.cosines(yardstick, pairs)
