"""Where paraphrases come from: a translator there and back, or a file."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pydantic
from pydantic import Discriminator, Field, Tag

from tfsocial.config.annotation_tree import TagBy
from tfsocial.config.base import Count, Fraction, Positive, Reason, Section
from tfsocial.config.paths import CheckpointPath, LocalFolder


class _Translated(Section):
    """What all translators share: how many paraphrases, which are kept, and where."""

    cache: LocalFolder = Field(
        description="folder of the paraphrases; `augment` fills it, runs read it"
    )
    count: int = Field(2, ge=1, le=50, description="paraphrases asked for, of each text of train")
    similarity: tuple[Fraction, Fraction] | None = Field(
        (0.7, 0.98),
        description="cosine of M0's vectors of a text and its paraphrase, at least and at most, "
        "for it to be kept; null keeps all but copies",
    )
    licence: str = Field(
        "unknown", description="SPDX id of the translator, where its own folder does not say it"
    )
    licence_ack: Reason | None = Field(
        None, description="why you may use it though its licence is unknown or sets terms"
    )

    @property
    def identity(self) -> dict[str, Any]:
        """The knobs that decide what a text is translated to."""
        return self.model_dump(mode="json", exclude=_NOT_IDENTITY)

    @pydantic.field_validator("similarity")
    @classmethod
    def _ordered(cls, bounds: tuple[float, float] | None) -> tuple[float, float] | None:
        if bounds is not None and bounds[0] > bounds[1]:
            raise ValueError(f"begins at {bounds[0]} and ends at {bounds[1]}; give the lower first")
        return bounds


_NOT_IDENTITY = {
    *("cache", "count", "similarity", "licence", "licence_ack"),
    *("batch", "timeout", "retries"),
}


class Sampling(Section):
    """How each next piece of a translation is drawn.

    Restricted sampling instead of beam search, whose translations are all alike: Edunov et al.
    (2018), Understanding Back-Translation at Scale, arXiv:1808.09381.
    """

    temperature: Positive = Field(0.9, description="below 1 safer translations, above wilder ones")
    top_k: int = Field(10, ge=1, le=1000, description="pieces that are drawn from; 1 is greedy")
    seed: int = Field(0, ge=0, lt=2**31, description="another one gives other paraphrases")


class MarianTranslator(_Translated):
    """Two Marian checkpoints: into another language and back."""

    translator: Literal["marian"]
    forward: CheckpointPath = Field(
        description="a local folder, or hub:NAME, as hub:Helsinki-NLP/opus-mt-en-de"
    )
    backward: CheckpointPath = Field(description="the same for the way back")
    sampling: Sampling = Sampling()
    batch: Count = Field(16, description="texts translated at once")


class HttpTranslator(_Translated):
    """A service that the user runs: POST {"texts": [...]} is answered {"translations": [...]}."""

    translator: Literal["http"]
    url: str = Field(pattern=r"^https?://[^\s/]+", description="where the texts are posted to")
    version: str = Field(
        "", description="of what answers there; another one begins with an empty cache"
    )
    timeout: Positive = Field(60.0, description="seconds that one answer may take")
    retries: int = Field(3, ge=0, le=20, description="further attempts after one that failed")
    batch: Count = Field(16, description="texts in one request")


class PairsTranslator(_Translated):
    """A file of paraphrases that somebody made: csv, tsv or jsonl with `text` and `paraphrase`."""

    translator: Literal["pairs"]
    file: str = Field(description="relative to data.root; several rows of one text are several")


BackTranslation = Annotated[
    Annotated[MarianTranslator, Tag("marian")]
    | Annotated[HttpTranslator, Tag("http")]
    | Annotated[PairsTranslator, Tag("pairs")],
    Discriminator(
        TagBy("translator"),
        custom_error_type="translator",
        custom_error_message="Input should name its translator: marian, http or pairs",
    ),
]
