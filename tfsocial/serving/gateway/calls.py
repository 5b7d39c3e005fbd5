"""The one policy that every dialect goes through: may it, mask it, count it, have it answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tfsocial.serving.gateway import tokens as counting
from tfsocial.serving.gateway.access.callers import Caller
from tfsocial.serving.gateway.access.quotas import Quotas
from tfsocial.serving.gateway.masking import mask
from tfsocial.serving.gateway.models import Models, Version
from tfsocial.serving.gateway.problems import Problem
from tfsocial.serving.predictor import Predictions

Text = tuple[str, ...]


@dataclass(frozen=True)
class Bounds:
    """What one call may ask for.

    Attributes:
        texts: at once.
        characters: of one text; a model reads its first `row_length` tokens anyhow.
        seconds: that a caller may wait, and does who says nothing.
    """

    texts: int = 1024
    characters: int = 100_000
    seconds: float = 10.0


@dataclass(frozen=True)
class Answered:
    """What came of a call.

    Attributes:
        version: that answered.
        tokens: that were counted.
        headers: of HTTP, about the quota.
    """

    version: Version
    predictions: Predictions
    tokens: int
    headers: Mapping[str, str] = field(default_factory=dict)


class Calls:
    """Answers calls, or says why not.

    Args:
        masked: hears how many of each kind were masked for a model.
    """

    def __init__(
        self,
        models: Models,
        quotas: Quotas,
        bounds: Bounds,
        masked: Callable[[str, Mapping[str, int]], None] = lambda model, counts: None,
    ):
        self.models, self.bounds, self._quotas, self._masked = models, bounds, quotas, masked

    async def __call__(
        self,
        caller: Caller,
        verb: str,
        name: str,
        texts: Sequence[Text],
        version: str = "",
        seconds: float | None = None,
    ) -> Answered:
        """Have n texts or pairs answered by a model.

        Args:
            seconds: that the caller waits; left out, and at the most, as the bounds say.

        Raises:
            Problem: it is not allowed, not possible, or not in time.
        """
        caller.check(verb, name)
        model = self.models[name]
        chosen = model.version(version)
        self._check(texts, chosen)
        texts = [tuple(map(whole, text)) for text in texts]
        if model.masks:
            texts = self._masked_texts(name, texts)
        sizes = [counting.estimate(text, chosen.manifest.row_length) for text in texts]
        headers = await self._quotas.use(caller.tenant, sum(sizes))
        until = min(seconds or self.bounds.seconds, self.bounds.seconds)
        found = await chosen.batcher(texts, sizes, caller.tenant, until, caller.priority)
        return Answered(chosen, found, sum(sizes), headers)

    def _check(self, texts: Sequence[Text], version: Version) -> None:
        columns = version.manifest.text_columns
        if not texts:
            raise Problem("invalid", "texts: there is none; send one at the least")
        if len(texts) > self.bounds.texts:
            raise Problem(
                "too_large", f"texts: {len(texts)} at once, above {self.bounds.texts}; send fewer"
            )
        for place, text in enumerate(texts):
            if len(text) != len(columns):
                raise Problem(
                    "invalid",
                    f"texts[{place}]: has {len(text)} parts, and this model reads "
                    f"{len(columns)} ({', '.join(columns)})",
                )
            if sum(map(len, text)) > self.bounds.characters:
                raise Problem(
                    "too_large",
                    f"texts[{place}]: has above {self.bounds.characters} characters; shorten it",
                )

    def _masked_texts(self, name: str, texts: Sequence[Text]) -> list[Text]:
        """Mask personal data, for a model that is not to see it."""
        found = [tuple(map(mask, text)) for text in texts]
        counts = Counter(span.kind for text in found for part in text for span in part.spans)
        self._masked(name, counts)
        return [tuple(part.text for part in text) for text in found]


def whole(text: str) -> str:
    """Leave out halves of characters, which JSON can bring along and no encoder takes.

    >>> whole("a" + chr(0xD83D) + "b")
    'ab'
    """
    return text.encode("utf-8", "ignore").decode()
