"""What to do about the facts of a data set, in plain words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Facts = Mapping[str, Any]

FEW = 10  # training rows; a label with fewer is hardly learned
DRIFT = 0.1  # of a split: a label's share there and in train may differ by chance up to this
UNEVEN = 20  # the most frequent label over the rarest
CUT = 0.001  # of a split: fewer texts that are too long are not worth longer rows
UNKNOWN = 0.02  # of a split's tokens; more, and M0 is of another language than the texts


def advice(facts: Facts) -> Iterator[str]:
    """Say what to do about it, in plain words; the gravest first."""
    yield from (licence["refused"] for licence in facts["licences"] if licence["refused"])
    yield from _about_bad_rows(facts)
    yield from _about_leaks(facts["repeats"])
    yield from _about_conflicts(facts["conflicts"])
    for name, task in facts["tasks"].items():
        if "labels" in task:
            yield from _about_labels(name, task, facts["splits"])
    yield from _about_lengths(facts["lengths"])
    if "dev" not in facts["splits"]:
        yield "There is no dev split: nothing can pick an epoch or a setting without reading test."


def _about_bad_rows(facts: Facts) -> Iterator[str]:
    for split, counts in facts["splits"].items():
        if counts["stops"]:
            yield (
                f"{counts['bad']} of {counts['read']} rows of {split} are bad, and training stops "
                f"beyond data.max_bad_fraction={counts['allowed']:g}: mend them or raise it."
            )


def _about_leaks(repeats: Facts) -> Iterator[str]:
    for split, other in (("test", "train"), ("dev", "train"), ("test", "dev")):
        counts = repeats["table"].get(split, {}).get(other)
        if counts and (counts["equal"] or counts["near"]):
            yield (
                f"Rows of {split} that stand in {other} too: {counts['equal']}, and "
                f"{counts['near']} nearly so. A score on {split} is too good by what they give "
                f"away; take them out of {other}."
            )
    within = repeats["table"].get("train", {}).get("train", {"equal": 0})
    if within["equal"]:
        yield (
            f"Rows of train that repeat another one: {within['equal']}. They count double; keep "
            "one of each unless that is meant."
        )


def _about_conflicts(conflicts: Facts) -> Iterator[str]:
    for task, counts in conflicts.items():
        if counts["texts"]:
            yield (
                f"Texts with different labels of task {task}: {counts['texts']}, in "
                f"{counts['rows']} rows. Whatever a model answers, some row calls it wrong; "
                "correct them."
            )


def _about_labels(name: str, task: Facts, splits: Mapping[str, Any]) -> Iterator[str]:
    labels = {
        label: counts
        for label, counts in task["labels"].items()
        if label not in task["learned_without_train"]
    }
    train = {label: counts.get("train", 0) for label, counts in labels.items()}
    if "train" in splits:
        few = [label for label, count in train.items() if count < FEW]
        if few:
            yield (
                f"Task {name}: {_listed(few)} {'has' if len(few) == 1 else 'have'} fewer than "
                f"{FEW} training rows; gather more, or join them with others."
            )
        yield from _about_balance(name, task["kind"], train)
        for split in splits:
            yield from _about_drift(name, split, labels)
    for split in splits:
        absent = [label for label, counts in labels.items() if not counts.get(split)]
        if split != "train" and absent:
            yield f"Task {name}: {split} has no row of {_listed(absent)}, so it cannot score it."


def _about_balance(name: str, kind: str, train: Mapping[str, int]) -> Iterator[str]:
    present = {label: count for label, count in train.items() if count}
    if len(present) < 2:
        return
    rarest = min(present, key=present.__getitem__)
    commonest = max(present, key=present.__getitem__)
    ratio = present[commonest] / present[rarest]
    if ratio > UNEVEN:
        loss = "class_balanced or focal" if kind == "classify" else "asymmetric"
        yield (
            f"Task {name}: {commonest!r} has {ratio:.0f} times the rows of {rarest!r}; watch "
            f"macro_f1 (training.monitor), and try tasks.{name}.loss.name {loss}."
        )


def _about_drift(name: str, split: str, labels: Mapping[str, Any]) -> Iterator[str]:
    """Name the label whose share of a split is furthest from that of train, if it is far."""
    here, train = (_share_of_each(labels, one) for one in (split, "train"))
    label = max(labels, key=lambda label: abs(here[label] - train[label]), default="")
    if any(here.values()) and abs(here[label] - train[label]) > DRIFT:
        yield (
            f"Task {name}: {label!r} has {here[label]:.1%} of {split} and {train[label]:.1%} of "
            "train; if rows in use are like train, a score here says little of them."
        )


def _share_of_each(labels: Mapping[str, Any], split: str) -> dict[str, float]:
    total = sum(counts.get(split, 0) for counts in labels.values())
    return {label: counts.get(split, 0) / max(total, 1) for label, counts in labels.items()}


def _listed(labels: Sequence[str], most: int = 5) -> str:
    shown = ", ".join(repr(label) for label in labels[:most])
    return f"{shown} and {len(labels) - most} more" if len(labels) > most else shown


def _about_lengths(lengths: Facts) -> Iterator[str]:
    row_length, splits = lengths["row_length"], lengths["splits"]
    yield from _about_unknown(splits)
    shares = {
        split: measured["cut"] / sum(measured["histogram"])
        for split, measured in splits.items()
        if measured["cut"]
    }
    if any(share >= CUT for share in shares.values()):
        longest = max(measured["longest"] for measured in splits.values())
        counted = ", ".join(f"{share:.1%} of {split}" for split, share in shares.items())
        yield f"row_length {row_length} truncates {counted}: {_longer_row(longest, lengths)}"
    mean = splits.get("train", {}).get("mean", 0.0)
    fitting = int(row_length / mean) if mean else 0
    if fitting > 1.25 * lengths["slots"]:
        yield (
            f"Texts of train have {mean:.1f} tokens on average, so a row of {row_length} has room "
            f"for {fitting}, but data.slots lets in {lengths['slots']}: --set "
            f"data.slots={min(fitting, 256)} wastes less."
        )


def _about_unknown(splits: Mapping[str, Facts]) -> Iterator[str]:
    split = max(splits, key=lambda split: splits[split]["unknown"], default=None)
    if split is not None and splits[split]["unknown"] > UNKNOWN:
        yield (
            f"M0's vocabulary has no word for {splits[split]['unknown']:.1%} of the tokens of "
            f"{split}: it cannot read them; take a model.checkpoint of the texts' language."
        )


def _longer_row(longest: int, lengths: Facts) -> str:
    limit = min(512, lengths["positions"])
    needed = -(-longest // 8) * 8
    if needed <= limit:
        return f"{needed} would truncate none (--set data.row_length={needed})."
    return f"the longest has {longest} tokens, and {limit} are the most that M0 or a row can hold."
