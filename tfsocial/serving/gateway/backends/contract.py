"""What runs a version of a model, as the gateway sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

from tfsocial.checkpoints.manifest import ModelManifest
from tfsocial.serving.predictor import Predictions

Texts = Sequence[tuple[str, ...]]


class BackendGone(Exception):
    """It ended, or cannot be reached, with a batch unanswered; the batch may be asked again."""


class BackendFull(Exception):
    """It sheds load; the batch may be asked again a little later."""


class BackendRefused(Exception):
    """It answers with an error; asking again will not help."""


class Backend(ABC):
    """A version of a model in something that runs it.

    Attributes:
        folder: of the version, or of its manifest alone where another server has the rest.
        manifest: its tasks, labels and text columns.
        slots: batches that it works on at once; None: as many as turn out well.
        most_texts: of a batch; None: as many as its tokens allow.
    """

    folder: Path
    manifest: ModelManifest
    slots: int | None = 1
    most_texts: int | None = None

    @abstractmethod
    async def start(self) -> None:
        """Make it ready to answer.

        Raises:
            InputError: it cannot be made ready; says why.
        """

    @abstractmethod
    async def __call__(self, texts: Texts, seconds: float) -> Predictions:
        """Compute the numbers for n texts.

        Args:
            seconds: after which nobody waits for them.

        Raises:
            BackendGone, BackendFull, BackendRefused, TimeoutError
        """

    @abstractmethod
    async def stop(self) -> None:
        """End what was begun; answers that are awaited come first."""

    @property
    def alive(self) -> bool:
        """Whether it can be asked now."""
        return True
