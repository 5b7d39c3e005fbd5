"""What a config's data is like before anything is trained on it: facts, advice, and as text.

The facts are plain values, ready for JSON; `data_page` makes a page of them.
"""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfsocial import files
from tfsocial.config import Config, Task
from tfsocial.data import inspection, pipeline, provenance, sources
from tfsocial.data.inspection import Pool
from tfsocial.data.sources import Corpus, Examples
from tfsocial.data.text import Tokenizer
from tfsocial.models import checkpoints

Facts = dict[str, Any]

EXAMPLES = 20  # pairs and groups shown
MOST_CONFLICTS = 1000  # groups with all their files and lines in inspect.json
FEW = 10  # training rows; a label with fewer is hardly learned
DRIFT = 0.1  # of a split: a label's share there and in train may differ by chance up to this
UNEVEN = 20  # the most frequent label over the rarest
CUT = 0.001  # of a split: fewer texts that are too long are not worth longer rows
UNKNOWN = 0.02  # of a split's tokens; more, and M0 is of another language than the texts
HISTOGRAM_BINS = 40
_UNCUT = 2**30  # tokens: no text is as long
_REASONS = 20


def facts(config: Config, quarantine: Path, near: float = inspection.NEAR) -> Facts:
    """Everything the report says; bad rows are written to `quarantine`, however many.

    Raises:
        InputError: the data or the checkpoint cannot be read.
    """
    unlimited = config.data.model_copy(update={"max_bad_fraction": 1.0})
    corpus = sources.read(unlimited, config.tasks, quarantine)
    community = checkpoints.community(config.model)
    tokenizer = Tokenizer.load(community.folder)
    tokens = _tokens(corpus, tokenizer)
    pooled = inspection.pool(corpus.splits)
    found = {
        "name": config.name,
        "splits": {split: _split(config, corpus, split) for split in corpus.splits},
        "lengths": _lengths(config, tokens, community.config.max_position_embeddings, tokenizer),
        "tasks": {name: _task(name, task, corpus) for name, task in config.tasks.items()},
        "repeats": _repeats(pooled, corpus, config, near),
        "conflicts": {
            name: _conflicts(pooled, corpus, config, name) for name, task in config.tasks.items()
        },
        "quarantine": _quarantine(quarantine, config),
        "licences": _licences(config, community),
    }
    return found | {"advice": list(advice(found))}


def _split(config: Config, corpus: Corpus, split: str) -> Facts:
    counts, examples = corpus.counts[split], corpus.splits[split]
    return {
        "files": [_short(file, config) for file in examples.origin.files],
        "read": counts.read,
        "rows": len(examples),
        "bad": counts.quarantined,
        "stops": any(
            part.counts.quarantined > config.data.max_bad_fraction * part.counts.read
            for part in corpus.parts[split].values()
        ),
        "allowed": config.data.max_bad_fraction,
    }


def _short(path: str, config: Config) -> str:
    """A file by its name under the root of its source."""
    roots = [source.root for source in config.data.sources.values() if source.root]
    inside = (root for root in roots if path.startswith(os.path.join(root, "")))
    return path.removeprefix(os.path.join(next(inside, ""), ""))


# --- lengths ---------------------------------------------------------------------------


def _tokens(corpus: Corpus, tokenizer: Tokenizer) -> dict[str, tf.RaggedTensor]:
    """split -> tokens of each example with nothing cut, special ones too."""
    return {
        split: pipeline.encode(examples, tokenizer, _UNCUT).tokens
        for split, examples in corpus.splits.items()
    }


def _lengths(
    config: Config, found: Mapping[str, tf.RaggedTensor], positions: int, tokenizer: Tokenizer
) -> Facts:
    row_length = config.data.row_length
    tokens = {split: ragged.row_lengths().numpy() for split, ragged in found.items()}
    longest = max((int(counts.max()) for counts in tokens.values() if len(counts)), default=0)
    # Half a percent of long texts would squeeze all others into one bar: they share the last one.
    high = max([row_length, *(np.percentile(c, 99.5) for c in tokens.values() if len(c))])
    width = max(1, -(-int(min(longest, high)) // HISTOGRAM_BINS))
    edges = np.arange(0, int(min(longest, high)) + width + 1, width)
    return {
        "row_length": row_length,
        "rows": config.data.rows,
        "slots": config.data.slots,
        "positions": positions,
        "edges": edges.tolist(),
        "splits": {
            split: {
                **_length(counts, row_length),
                "unknown": _unknown(found[split], tokenizer),
                "histogram": _histogram(counts, edges),
            }
            for split, counts in tokens.items()
        },
    }


def _unknown(tokens: tf.RaggedTensor, tokenizer: Tokenizer) -> float:
    """Share of the tokens that are [UNK]; [CLS] and [SEP] are none of the text's."""
    ids = tokens.flat_values.numpy()
    special = (ids == tokenizer.cls_id) | (ids == tokenizer.sep_id)
    return float((ids == tokenizer.unknown_id).sum() / max((~special).sum(), 1))


def _length(counts: np.ndarray, row_length: int) -> Facts:
    if not len(counts):
        return dict.fromkeys(("mean", "median", "p95", "p99", "longest", "cut"), 0)
    median, p95, p99 = (int(value) for value in np.percentile(counts, [50, 95, 99]))
    return {
        "mean": float(counts.mean()),
        "median": median,
        "p95": p95,
        "p99": p99,
        "longest": int(counts.max()),
        "cut": int((counts > row_length).sum()),
    }


def _histogram(counts: np.ndarray, edges: np.ndarray) -> list[int]:
    return np.histogram(np.minimum(counts, edges[-1]), edges)[0].tolist()


# --- labels ----------------------------------------------------------------------------


def _task(name: str, task: Task, corpus: Corpus) -> Facts:
    values = {split: examples.labels[name] for split, examples in corpus.splits.items()}
    if task.kind == "regress":
        return {"kind": task.kind, "splits": {split: _numbers(v) for split, v in values.items()}}
    names = corpus.label_names[name]
    counts = {split: _label_counts(labels, len(names)) for split, labels in values.items()}
    return {
        "kind": task.kind,
        "labels": {
            label: {split: int(found[index]) for split, found in counts.items()}
            for index, label in enumerate(names)
        },
        "unlabelled": {
            split: int((~sources.has_label(labels)).sum()) for split, labels in values.items()
        },
        "learned_without_train": [task.ood_label] if task.ood_score else [],
    }


def _label_counts(labels: np.ndarray, classes: int) -> np.ndarray:
    """Int [classes]: rows that carry each label."""
    known = labels[sources.has_label(labels)]
    if labels.ndim == 1:
        return np.bincount(known, minlength=classes)
    return known.sum(0).astype(np.int64)


def _numbers(values: np.ndarray) -> Facts:
    known = values[np.isfinite(values)].astype(np.float64)
    if not len(known):
        return {"rows": 0}
    return {
        "rows": len(known),
        "mean": float(known.mean()),
        "deviation": float(known.std()),
        "lowest": float(known.min()),
        "highest": float(known.max()),
    }


def _label(corpus: Corpus, task: str, split: str, row: int) -> str:
    """A row's label as a person writes it."""
    value, names = corpus.splits[split].labels[task][row], corpus.label_names[task]
    if value.ndim == 0:
        return names[value]
    if not names:
        return f"{value[0]:g}"
    return " | ".join(names[index] for index in np.flatnonzero(value)) or "(none)"


# --- repeats and conflicts ---------------------------------------------------------------


def _repeats(pooled: Pool, corpus: Corpus, config: Config, threshold: float) -> Facts:
    found = inspection.near(pooled.forms, threshold)
    table = inspection.repeats(pooled, found)
    first_of = _first_rows(pooled)
    across = [
        (one, other, similarity)
        for one, other, similarity in zip(
            first_of[found.first], first_of[found.second], found.similarity, strict=True
        )
        if pooled.split[one] != pooled.split[other]
    ]
    leaks = list(_leaks(pooled))
    return {
        "measure": inspection.MEASURE,
        "threshold": threshold,
        "complete": found.complete,
        "table": table,
        "equal_groups": len(leaks),
        "near_pairs": len(across),
        "equal_across": [
            [_row(pooled, corpus, config, row) for row in _some_of_each(pooled, group)]
            for group in leaks[:EXAMPLES]
        ],
        "near_across": [
            {
                "similarity": round(float(similarity), 3),
                "rows": [_row(pooled, corpus, config, row) for row in (one, other)],
            }
            for one, other, similarity in across[:EXAMPLES]
        ],
    }


def _first_rows(pooled: Pool) -> np.ndarray:
    """Int [forms]: a row of each form."""
    first = np.zeros(len(pooled.forms), np.int64)
    first[pooled.form[::-1]] = np.arange(len(pooled.form))[::-1]
    return first


def _leaks(pooled: Pool) -> Iterator[np.ndarray]:
    """Groups of equal rows that lie in several splits."""
    return (rows for rows in inspection.twins(pooled) if len(set(pooled.split[rows])) > 1)


def _some_of_each(pooled: Pool, rows: np.ndarray) -> list[int]:
    """The first rows of each split."""
    return [
        row
        for split in range(len(pooled.names))
        for row in rows[pooled.split[rows] == split][:_SHOWN_OF_A_SPLIT]
    ]


_SHOWN_OF_A_SPLIT = 2


def _row(pooled: Pool, corpus: Corpus, config: Config, row: int) -> Facts:
    split, place = pooled.names[pooled.split[row]], int(pooled.row[row])
    examples = corpus.splits[split]
    return {
        "split": split,
        "where": _short(examples.origin.where(place), config),
        "text": _text(examples, place),
    }


def _text(examples: Examples, row: int) -> str:
    text = examples.text[row]
    return text if examples.pair is None else f"{text} // {examples.pair[row]}"


def _conflicts(pooled: Pool, corpus: Corpus, config: Config, task: str) -> Facts:
    groups = inspection.conflicts(pooled, corpus.splits, task)
    return {
        "texts": len(groups),
        "rows": sum(len(group) for group in groups),
        "groups": [
            _each_label_first([_with_label(pooled, corpus, config, task, row) for row in group])
            for group in groups[:MOST_CONFLICTS]
        ],
    }


def _with_label(pooled: Pool, corpus: Corpus, config: Config, task: str, row: int) -> Facts:
    split = pooled.names[pooled.split[row]]
    label = _label(corpus, task, split, int(pooled.row[row]))
    return _row(pooled, corpus, config, row) | {"label": label}


def _each_label_first(group: Sequence[Facts]) -> list[Facts]:
    """A row of each label, then the others: whoever sees the first few sees that they disagree."""
    first = _one_of_each_label(group)
    return [*first, *(row for row in group if row not in first)]


def _one_of_each_label(group: Sequence[Facts]) -> list[Facts]:
    return [*{row["label"]: row for row in reversed(group)}.values()][::-1]


# --- bad rows, licences ------------------------------------------------------------------


def _quarantine(path: Path, config: Config) -> list[Facts]:
    """Reasons, the most frequent first; numbers in them do not tell two apart."""
    found: dict[str, list[Facts]] = defaultdict(list)
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            found[re.sub(r"\d+", "0", row["reason"])].append(row)
    return [
        {
            "reason": rows[0]["reason"],
            "rows": len(rows),
            "first": f"{_short(rows[0]['file'], config)}:{rows[0]['line']}",
        }
        for rows in sorted(found.values(), key=len, reverse=True)
    ]


def _licences(config: Config, community: checkpoints.Community) -> list[Facts]:
    taken = (*provenance.of_sources(config.data), community.resource(config.model))
    return [
        {
            "what": resource.role,
            "name": resource.name,
            "licence": resource.licence,
            "kind": resource.kind,
            "source": resource.licence_source,
            "acknowledged": resource.acknowledgement,
            "refused": provenance.refusal(resource, config.data.licence_policy),
        }
        for resource in taken
    ]


# --- advice ----------------------------------------------------------------------------


def advice(found: Facts) -> Iterator[str]:
    """What to do about it, in plain words; the gravest first."""
    yield from (licence["refused"] for licence in found["licences"] if licence["refused"])
    yield from _about_bad_rows(found)
    yield from _about_leaks(found["repeats"])
    yield from _about_conflicts(found["conflicts"])
    for name, task in found["tasks"].items():
        if "labels" in task:
            yield from _about_labels(name, task, found["splits"])
    yield from _about_lengths(found["lengths"])
    if "dev" not in found["splits"]:
        yield "There is no dev split: nothing can pick an epoch or a setting without reading test."


def _about_bad_rows(found: Facts) -> Iterator[str]:
    for split, counts in found["splits"].items():
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
    for task, found in conflicts.items():
        if found["texts"]:
            yield (
                f"Texts with different labels of task {task}: {found['texts']}, in "
                f"{found['rows']} rows. Whatever a model answers, some row calls it wrong; "
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
    rarest, commonest = min(present, key=present.get), max(present, key=present.get)
    ratio = present[commonest] / present[rarest]
    if ratio > UNEVEN:
        loss = "class_balanced or focal" if kind == "classify" else "asymmetric"
        yield (
            f"Task {name}: {commonest!r} has {ratio:.0f} times the rows of {rarest!r}; watch "
            f"macro_f1 (training.monitor), and try tasks.{name}.loss.name {loss}."
        )


def _about_drift(name: str, split: str, labels: Mapping[str, Any]) -> Iterator[str]:
    """The label whose share of a split is furthest from its share of train, if that is far."""
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
        split: found["cut"] / sum(found["histogram"])
        for split, found in splits.items()
        if found["cut"]
    }
    if any(share >= CUT for share in shares.values()):
        longest = max(found["longest"] for found in splits.values())
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


# --- text ------------------------------------------------------------------------------


def as_text(found: Facts) -> str:
    """The report for a terminal: files and lines, but no text of the data."""
    parts = [
        [f"data of {found['name']}"],
        _split_lines(found),
        *(_task_lines(name, task) for name, task in found["tasks"].items()),
        _repeat_lines(found["repeats"]),
        *(_conflict_lines(name, one) for name, one in found["conflicts"].items()),
        _quarantine_lines(found["quarantine"]),
        _licence_lines(found["licences"]),
        ["advice", *(f"  * {sentence}" for sentence in found["advice"])]
        if found["advice"]
        else ["advice", "  nothing to mend was found"],
    ]
    return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"


def _split_lines(found: Facts) -> list[str]:
    measures = ("tokens: mean", "median", "95 %", "99 %", "longest", "cut", "unknown")
    header = ("split", "rows", "bad", *measures)
    rows = [
        (split, counts["rows"], counts["bad"], *_length_cells(found["lengths"]["splits"][split]))
        for split, counts in found["splits"].items()
    ]
    note = f"  cut: longer than row_length {_row_length(found)}; unknown: of the tokens, to M0"
    return [*_aligned([header, *rows]), note]


def _row_length(found: Facts) -> int:
    return found["lengths"]["row_length"]


def _length_cells(length: Facts) -> tuple[Any, ...]:
    keys = ("median", "p95", "p99", "longest", "cut")
    return (f"{length['mean']:.1f}", *(length[key] for key in keys), f"{length['unknown']:.1%}")


def _task_lines(name: str, task: Facts) -> list[str]:
    if "labels" not in task:
        header = ("split", "rows", "mean", "deviation", "lowest", "highest")
        rows = [
            (split, *(f"{value:.4g}" for value in numbers.values()))
            for split, numbers in task["splits"].items()
        ]
        return [f"task {name} ({task['kind']})", *_aligned([header, *rows])]
    labels = sorted(task["labels"].items(), key=lambda item: -item[1].get("train", 0))
    header = ("label", *task["unlabelled"])
    rows = [(label, *counts.values()) for label, counts in labels]
    if len(rows) > 2 * _ENDS:
        rows = [*rows[:_ENDS], (f"({len(rows) - 2 * _ENDS} more)",), *rows[-_ENDS:]]
    return [
        f"task {name} ({task['kind']}, {len(labels)} labels)",
        *_aligned([header, *rows, ("no label", *task["unlabelled"].values())]),
    ]


_ENDS = 10  # labels shown of the most frequent and of the rarest


def _repeat_lines(repeats: Facts) -> list[str]:
    rows = [
        (split, other, counts["equal"], counts["near"])
        for split, others in repeats["table"].items()
        for other, counts in others.items()
    ]
    more = [] if repeats["complete"] else ["  there are more near pairs than were looked at"]
    return [
        "rows that stand twice",
        *_aligned([("rows of", "stand in", "equal", "near"), *rows]),
        f"  near: {repeats['measure']} >= {repeats['threshold']:g}",
        *more,
        *(f"  equal: {_places(rows)}" for rows in repeats["equal_across"][:_SHOWN]),
        *(
            f"  near, {pair['similarity']:.2f}: {_places(pair['rows'])}"
            for pair in repeats["near_across"][:_SHOWN]
        ),
    ]


_SHOWN = 5


def _places(rows: Sequence[Facts]) -> str:
    return ", ".join(row["where"] for row in rows[:_SHOWN])


def _conflict_lines(task: str, found: Facts) -> list[str]:
    if not found["texts"]:
        return []
    return [
        f"labels of task {task} that disagree: {found['texts']} texts in {found['rows']} rows",
        *("  " + _labels_of(group) for group in found["groups"][:EXAMPLES]),
    ]


def _labels_of(group: Sequence[Facts]) -> str:
    """A row of each label, of a few labels."""
    first = _one_of_each_label(group)[:_SHOWN]
    return ", ".join(f"{row['where']} {row['label']!r}" for row in first)


def _quarantine_lines(reasons: Sequence[Facts]) -> list[str]:
    if not reasons:
        return []
    rows = [(one["rows"], one["first"], one["reason"]) for one in reasons[:_REASONS]]
    return ["bad rows", *_aligned([("rows", "first", "reason"), *rows])]


def _licence_lines(licences: Sequence[Facts]) -> list[str]:
    rows = [
        (one["what"], one["name"], one["licence"], one["kind"], _verdict(one)) for one in licences
    ]
    return ["licences", *_aligned([("what", "name", "licence", "kind", ""), *rows])]


def _verdict(licence: Facts) -> str:
    if licence["refused"]:
        return "refused"
    return f"acknowledged: {licence['acknowledged']}" if licence["acknowledged"] else "accepted"


def _aligned(rows: Sequence[Sequence[Any]]) -> list[str]:
    """Columns of equal width, numbers to the right."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [
        max(len(row[column]) for row in cells if column < len(row))
        for column in range(max(map(len, cells)))
    ]
    return [
        "  "
        + "  ".join(_padded(cell, width) for cell, width in zip(row, widths, strict=False)).rstrip()
        for row in cells
    ]


def _padded(cell: str, width: int) -> str:
    return cell.rjust(width) if re.fullmatch(r"-?[\d.]+%?", cell) else cell.ljust(width)


def write(found: Facts, page: str, folder: Path) -> None:
    """inspect.json, inspect.txt and inspect.html, each whole or as it was before."""
    contents = {
        "inspect.json": json.dumps(found, indent=1, ensure_ascii=False) + "\n",
        "inspect.txt": as_text(found),
        "inspect.html": page,
    }
    for name, content in contents.items():
        with files.replacing(folder / name) as partial:
            partial.write_text(content, encoding="utf-8")
