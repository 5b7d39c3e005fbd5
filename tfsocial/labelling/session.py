"""What happens when somebody labels: the log, what stands in it, and what is asked next."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain

import numpy as np

from tfsocial.errors import InputError
from tfsocial.labelling import answers, export
from tfsocial.labelling.answers import FILE, Answers
from tfsocial.labelling.asked import Asked
from tfsocial.labelling.assistant import Assistant
from tfsocial.labelling.events import Event, EventLog, Kind
from tfsocial.labelling.export import Exporter
from tfsocial.labelling.retraining import Retraining
from tfsocial.labelling.texts import Texts

LONGEST_LABEL = 200  # characters


@dataclass(frozen=True)
class Progress:
    """How far it is.

    Attributes:
        labelled: texts with a label that stands.
        texts: that there are.
        mine: that one annotator has labelled.
        disagreements: that wait for a decision.
    """

    labelled: int
    texts: int
    mine: int
    disagreements: int


class Session:
    """One file's labelling; every method may be called from several threads.

    Args:
        vectors: of the texts, float32 [n, hidden].

    Raises:
        InputError: the output is somebody else's, or its log is of other texts.
    """

    def __init__(self, asked: Asked, texts: Texts, vectors: np.ndarray, device: str = "auto"):
        self.asked, self.texts = asked, texts
        self._lock = threading.RLock()
        self._log = _opened(asked)
        self._answers = self._played()
        self._check_texts()
        self._on_screen: dict[str, str] = {}
        self.assistant = Assistant(texts, vectors, self._look, asked.strategy)
        self.retraining = Retraining(asked, texts, device)
        self._exporter = Exporter(self.export)

    def start(self) -> None:
        """Begin what goes on in the background."""
        self.assistant.start()
        self._exporter.start()
        self._notice()

    def stop(self) -> None:
        """End it; the file is written a last time."""
        self.retraining.stop()
        self.assistant.stop()
        self._exporter.stop()
        self._log.close()

    # --- what an annotator does ------------------------------------------------------------

    def do(self, annotator: str, kind: Kind, text: str, value: str, request: str) -> None:
        """Keep what an annotator did with a text; a request that was kept before changes nothing.

        Raises:
            InputError: there is no such text, or a label that cannot be one.
            OSError: it could not be kept.
        """
        if text not in self.texts.place:
            raise InputError(f"text {text!r}: is not among the texts of {self.asked.data}")
        if kind in ("label", "decide"):
            value = _checked(value)
        with self._lock:
            event = Event(request, annotator, kind, text, value)
            if self._log.append(event):
                self._answers.play(event)
            if kind in ("label", "skip"):
                self._on_screen.pop(annotator, None)
        self._notice()

    def undo(self, annotator: str, request: str) -> str | None:
        """Take back an annotator's last event, and show its text again; None without one."""
        with self._lock:
            last = answers.last_of(self._log, annotator)
            if last is None:
                return None
            self._log.append(Event(request, annotator, "undo", last.text, last.request))
            self._answers = self._played()
            self._on_screen[annotator] = last.text
        self._notice()
        return last.text

    def next_text(self, annotator: str) -> str | None:
        """Give the text that an annotator is asked about now; None: all are done."""
        with self._lock:
            shown = self._on_screen.get(annotator)
            if shown is None:
                shown = self._second_opinion(annotator) or self._first_opinion(annotator)
                if shown is not None:
                    self._on_screen[annotator] = shown
            return shown

    def _second_opinion(self, annotator: str) -> str | None:
        """Choose a text that one other annotator has labelled, for a share of one's own."""
        mine = sum(annotator in of for of in self._answers.labels.values())
        share = self.asked.overlap
        if int((mine + 1) * share) == int(mine * share):
            return None
        for text, of in self._answers.labels.items():
            alone = len(of) == 1 and annotator not in of and FILE not in of
            if alone and text in self.texts.place and not self._passed(annotator, text):
                return text
        return None

    def _first_opinion(self, annotator: str) -> str | None:
        taken = set(self._on_screen.values())
        skipped = self._answers.skipped[annotator]
        for text in chain(self.assistant.analysis.queue, self.texts.keys):
            if text not in self._answers.labels and text not in taken | skipped:
                return text
        left = [text for text in self.texts.keys if text in skipped - taken]
        return next((text for text in left if text not in self._answers.labels), None)

    def _passed(self, annotator: str, text: str) -> bool:
        return text in self._answers.skipped[annotator]

    # --- what there is to see --------------------------------------------------------------

    def progress(self, annotator: str) -> Progress:
        """Count."""
        with self._lock:
            labels = self._answers.labels
            return Progress(
                sum(text in self.texts.place for text in self._answers.final()),
                len(self.texts),
                sum(annotator in of for of in labels.values()),
                len(self._answers.disagreements()),
            )

    def names(self) -> list[str]:
        """List the labels: those in use, the most frequent first, then those to begin with."""
        with self._lock:
            used = self._answers.names()
        return [*used, *(name for name in self.asked.labels if name not in used)]

    def note(self, text: str) -> str:
        """Give what was noted on a text."""
        return self._answers.notes.get(text, "")

    def disagreements(self) -> Mapping[str, Mapping[str, str]]:
        """Give text -> annotator -> label, of texts that wait for somebody to decide."""
        with self._lock:
            return self._answers.disagreements()

    def kappas(self) -> Mapping[tuple[str, str], tuple[int, float]]:
        """Give (one, other) -> (texts that both labelled, Cohen's kappa)."""
        with self._lock:
            return self._answers.kappas()

    def final(self) -> dict[str, str]:
        """Give text -> label that stands, in the order in which texts got their first label."""
        with self._lock:
            return self._answers.final()

    def decided(self) -> dict[str, str]:
        """Give text -> label, of texts that somebody has decided on."""
        with self._lock:
            return dict(self._answers.decided)

    def export(self) -> None:
        """Write the labelled rows to the output."""
        with self._lock:
            labels, notes = self._answers.final(), dict(self._answers.notes)
        if not labels:  # nothing, or nothing any more
            self.asked.output.unlink(missing_ok=True)
            return
        export.write(self.asked.output, self.texts, labels, notes, self.asked.label)

    # --- inside ----------------------------------------------------------------------------

    def _played(self) -> Answers:
        found = Answers()
        for text, label in self.texts.labels.items():
            found.labels[text][FILE] = label
        return Answers.of(self._log, found)

    def _check_texts(self) -> None:
        """Refuse a log of which no text is here: a file written from it would have lost all."""
        labelled = self._answers.labels
        if labelled and not any(text in self.texts.place for text in labelled):
            raise InputError(
                f"--output={self.asked.output}: its log, {self._log.path}, is of other texts than "
                f"--data={self.asked.data}; name a new file"
            )

    def _look(self) -> tuple[dict[str, str], set[str]]:
        """Give the labels that stand, and the texts that need not be chosen."""
        with self._lock:
            labels = self._answers.final()
            waiting = {*self._answers.labels, *self._on_screen.values()} - {*labels}
            skipped = {text for of in self._answers.skipped.values() for text in of} - {*labels}
        return labels, waiting | skipped

    def _notice(self) -> None:
        with self._lock:
            labels = self._answers.final()
            left = sum(text not in self._answers.labels for text in self.assistant.analysis.queue)
        self.assistant.notice(len(labels), left)
        self.retraining.notice(labels)
        self._exporter.notice()


def _opened(asked: Asked) -> EventLog:
    """Open the log beside the output; refuse an output without one, which would be overwritten."""
    path = asked.beside(".labels")
    if asked.output.exists() and not path.exists():
        raise InputError(
            f"--output={asked.output}: is there already, and was not written by `tfsocial label` "
            f"(there is no {path.name} beside it); name a new file"
        )
    return EventLog(path)


def _checked(label: str) -> str:
    label = " ".join(label.split())
    if not label:
        raise InputError("label: is empty; choose one or write a new one")
    if len(label) > LONGEST_LABEL:
        raise InputError(f"label: has {len(label)} characters; {LONGEST_LABEL} are allowed")
    return label
