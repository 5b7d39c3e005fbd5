"""Texts are labelled, many at once, and told what they are about."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.timestamp import Timestamp
from apache_beam.utils.windowed_value import WindowedValue

from tfsocial.apps.monitor.on_beam.folding import Said
from tfsocial.apps.monitor.on_beam.messages import Post, Unanswered
from tfsocial.apps.monitor.records import Labelled
from tfsocial.apps.monitor.tasks import labelled
from tfsocial.apps.monitor.topics import Topics
from tfsocial.serving.batch.on_beam import storage
from tfsocial.serving.formats import load_version
from tfsocial.serving.predictor import Predictor

Labeller = Callable[[Sequence[str]], Sequence[Labelled]]
FAILED = "failed"  # output of dead letters
AT_ONCE = 512  # texts in one call


@dataclass(frozen=True)
class ByModel:
    """Labels with an exported model, one copy a process.

    Attributes:
        folder: of a version.
        negative: label of sentiment by which its task is found.
    """

    folder: str
    negative: str

    def __call__(self, texts: Sequence[str]) -> Sequence[Labelled]:
        model = _loaded(self.folder)
        return labelled(model.manifest, model.many([(text,) for text in texts]), self.negative)


@functools.lru_cache(maxsize=1)  # Beam makes a labeller for each bundle
def _loaded(folder: str) -> Predictor:
    with storage.model_at_hand(folder) as here:
        return load_version(here)


class Label(beam.DoFn):
    """Labels posts; those that are about nothing are left out, and those that fail told apart.

    Equal texts of a bundle are asked once. A post keeps its time while others are waited for.

    Args:
        labeller: what the model says of texts; whatever Beam can pickle.
        at_once: texts in one call.
    """

    def __init__(self, labeller: Labeller, topics: Topics, at_once: int = AT_ONCE):
        self._labeller, self._topics, self._at_once = labeller, topics, at_once

    def start_bundle(self) -> None:
        """Begin with none."""
        self._posts: dict[str, list[Post]] = {}

    def process(self, post: Post) -> Iterator[Any]:
        """Wait for others, or ask."""
        self._posts.setdefault(post.text, []).append(post)
        if len(self._posts) == self._at_once:
            yield from self._asked()

    def finish_bundle(self) -> Iterator[Any]:
        """Ask about the rest."""
        yield from self._asked()

    def _asked(self) -> Iterator[Any]:
        posts, self._posts = self._posts, {}
        answers = answered(self._labeller, list(posts))
        for some, said in zip(posts.values(), answers, strict=True):
            for post in some:
                yield from self._of_post(post, said)

    def _of_post(self, post: Post, said: Labelled | str) -> Iterator[Any]:
        at = Timestamp(micros=round(1e6 * post.happened))
        if isinstance(said, str):
            letter = Unanswered(post.message.file, post.message.number, FAILED, said)
            yield beam.pvalue.TaggedOutput(FAILED, WindowedValue(letter, at, [GlobalWindow()]))
        elif topics := self._topics(post.content, said.topics):
            yield WindowedValue(Said.of(post, said, topics), at, [GlobalWindow()])


def answered(labeller: Labeller, texts: Sequence[str]) -> list[Labelled | str]:
    """Label texts; if a call fails, one by one, and one that fails alone too gives the reason.

    That is the error's type alone, since what a model says may quote the text.
    """
    if not texts:
        return []
    try:
        found: list[Labelled | str] = list(labeller(texts))
    except Exception as error:  # whatever stops a call must not stop the others
        if len(texts) == 1:
            return [f"the model failed with {type(error).__name__}"]
        return [one for text in texts for one in answered(labeller, [text])]
    return found
