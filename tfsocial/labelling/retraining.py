"""A model of the labels so far, trained in a process of its own while people go on."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from tfsocial import config, files
from tfsocial.errors import InputError
from tfsocial.labelling import export
from tfsocial.labelling.asked import Asked
from tfsocial.labelling.texts import Texts
from tfsocial.tuning import training_process
from tfsocial.tuning.training_process import TrainingError

log = logging.getLogger(__name__)

FEWEST = 50  # labels, and two of each of two classes
GROWTH = 1.5  # times as many labels as the last model had
EPOCHS = 12
ACK = "given to `tfsocial label` by whoever ran it, who did not say whose texts these are"


class Stopped(Exception):
    """The page is closed."""


@dataclass(frozen=True)
class Trained:
    """A model of so many labels."""

    labels: int
    model: Path


class Retraining:
    """Trains the recipe for few labels whenever there are half as many labels again.

    Attributes:
        latest: the model of most labels.
        training: labels that a training goes on with now; None: none does.
        failed: what the last training ended with, if it failed.
    """

    def __init__(self, asked: Asked, texts: Texts, device: str = "auto"):
        self._asked, self._texts, self._device = asked, texts, device
        self._folder = asked.beside(".runs")
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.latest = self._found()
        self.training: int | None = None
        self.failed = ""

    def notice(self, labels: Mapping[str, str]) -> None:
        """Hear which labels there are; begin a training where they are enough."""
        wanted = max(FEWEST, GROWTH * self.latest.labels if self.latest else 0)
        enough = len(labels) >= wanted and self.can(labels)
        if self._asked.retrain and enough and self.training is None and not self.failed:
            self.begin(labels)

    def can(self, labels: Mapping[str, str]) -> bool:
        """Tell whether two classes have two labels each."""
        return sum(count > 1 for count in Counter(labels.values()).values()) > 1

    def begin(self, labels: Mapping[str, str]) -> None:
        """Begin a training on these labels, unless one goes on."""
        if self.training is not None or not self.can(labels):
            return
        self.training, self.failed = len(labels), ""
        self._thread = threading.Thread(
            target=self._train, args=[dict(labels)], name="retraining", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End what goes on; the next session begins it anew."""
        self._stop.set()
        if self._thread:
            self._thread.join()

    def _train(self, labels: dict[str, str]) -> None:
        place = self._folder / str(len(labels))
        try:
            place.mkdir(parents=True, exist_ok=True)
            chosen = self._config(place, labels)
            training_process.train(chosen, place / "run", self._device, check=self._check)
            self.latest = Trained(len(labels), place / "run" / "model")
        except Stopped:
            pass
        except (InputError, TrainingError, OSError) as error:
            self.failed = str(error)
            log.warning("a model of %d labels could not be trained: %s", len(labels), error)
        finally:
            self.training = None

    def _check(self) -> None:
        if self._stop.is_set():
            raise Stopped

    def _config(self, place: Path, labels: Mapping[str, str]) -> Path:
        train = place / "train.csv"
        export.write(train, self._texts, labels, {}, self._asked.label)
        licence = {"licence": self._asked.licence} if self._asked.licence else {"licence_ack": ACK}
        values = {
            "name": self._asked.output.stem,
            "data": {
                "text": list(self._texts.columns),
                "splits": {"train": str(train.absolute())},
                **licence,
            },
            "model": {"checkpoint": self._asked.m0.checkpoint},
            "tasks": {"label": {"column": self._asked.label}},
            "training": {"epochs": EPOCHS},
            "report": {"baselines": False},
        }
        said, whole = place / "labels.yaml", place / "run.yaml"
        files.write_text(said, yaml.safe_dump(values, allow_unicode=True, sort_keys=False))
        config.load([said, "recipe:few_shot"]).write(whole)
        return whole

    def _found(self) -> Trained | None:
        """Find the model of most labels that an earlier session finished."""
        done = [
            int(path.parent.parent.name)
            for path in self._folder.glob("*/run/report.json")
            if path.parent.parent.name.isdigit()
        ]
        if not done:
            return None
        return Trained(max(done), self._folder / str(max(done)) / "run" / "model")
