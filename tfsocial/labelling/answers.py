"""Who labelled what: the events, played from the first to the last."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from tfsocial.labelling.events import Event
from tfsocial.metrics.agreement import cohens_kappa

FILE = ""  # the annotator of labels that stood in the file


@dataclass
class Answers:
    """What stands after some events.

    Attributes:
        labels: text -> annotator -> label.
        decided: text -> label, where somebody has decided between annotators.
        skipped: annotator -> texts.
        notes: text -> note.
    """

    labels: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    decided: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    notes: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, events: Iterable[Event], before: Answers | None = None) -> Answers:
        """Play events in their order, after what stood before; one that was undone never was."""
        played = list(events)
        undone = {event.value for event in played if event.kind == "undo"}
        answers = before or cls()
        for event in played:
            if event.kind != "undo" and event.request not in undone:
                answers.play(event)
        return answers

    def play(self, event: Event) -> None:
        """Let an event that is not undone take place."""
        if event.kind == "label":
            self.labels[event.text][event.annotator] = event.value
            self.skipped[event.annotator].discard(event.text)
        elif event.kind == "skip":
            self.skipped[event.annotator].add(event.text)
        elif event.kind == "note":
            self.notes[event.text] = event.value
        elif event.kind == "decide":
            self.decided[event.text] = event.value

    def final(self) -> dict[str, str]:
        """Give text -> label, of texts that somebody decided or all their annotators agree on."""
        agreed = {
            text: next(iter(of.values()))
            for text, of in self.labels.items()
            if len(set(of.values())) == 1
        }
        return {**agreed, **self.decided}

    def disagreements(self) -> dict[str, dict[str, str]]:
        """Give text -> annotator -> label, of texts that wait for somebody to decide."""
        return {
            text: dict(of)
            for text, of in self.labels.items()
            if text not in self.decided and len(set(of.values())) > 1
        }

    def kappas(self) -> dict[tuple[str, str], tuple[int, float]]:
        """Give (one, other) -> (texts that both labelled, Cohen's kappa), those with some."""
        both: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        for of in self.labels.values():
            names = sorted(of)
            for place, one in enumerate(names):
                for other in names[place + 1 :]:
                    both[one, other].append((of[one], of[other]))
        return {
            pair: (len(labels), cohens_kappa(*map(list, zip(*labels, strict=True))))
            for pair, labels in both.items()
        }

    def names(self) -> list[str]:
        """List the labels in use, the most frequent first."""
        counts = Counter(self.final().values())
        used = {label for of in self.labels.values() for label in of.values()}
        counts.update(dict.fromkeys(used, 0))
        return sorted(counts, key=lambda name: (-counts[name], name))


def last_of(events: Iterable[Event], annotator: str) -> Event | None:
    """Give an annotator's last event that can be undone and has not been."""
    mine = [event for event in events if event.annotator == annotator]
    undone = {event.value for event in mine if event.kind == "undo"}
    open_ones = [one for one in mine if one.kind != "undo" and one.request not in undone]
    return open_ones[-1] if open_ones else None
