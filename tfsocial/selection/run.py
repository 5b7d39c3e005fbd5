"""Choosing texts to label, read from top to bottom."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tfsocial.errors import InputError
from tfsocial.selection import auto, knowledge, output, repeats, vectors
from tfsocial.selection.asked import Asked
from tfsocial.selection.choosing import choose
from tfsocial.selection.contract import Candidates
from tfsocial.selection.knowledge import Knowledge
from tfsocial.selection.readers import Reader, reader
from tfsocial.selection.reading import Labelled, Pool, TextTuple, read_labelled, read_pool
from tfsocial.selection.report import Selection


def select(asked: Asked) -> Selection:
    """Choose texts of a pool to label next, and write them to a file.

    Raises:
        InputError: a file cannot be read or used, or nothing is left to label.
    """
    pool = read_pool(asked.pool, asked.text)
    labelled = read_labelled(asked.labelled, pool.columns, asked.label)
    own, covered, known = _read(asked, pool, labelled)
    forms = [repeats.form(one) for one in pool.texts]
    answered = [] if labelled is None else [repeats.form(one) for one in labelled.texts]
    apart = known.out_of_scope(len(forms), asked.ood_label)
    different = repeats.first_of_each(forms, answered)
    rows = different[~apart[different]]
    if not len(rows):
        raise InputError(
            f"--pool={asked.pool}: nothing is left to label; its {len(forms)} texts are labelled, "
            "equal to one that is, or out of scope"
        )
    choice = auto.choice(asked.strategy, labelled, known)
    p = known.probabilities
    candidates = Candidates(
        own[rows], covered, None if p is None else p[rows], np.random.default_rng(asked.seed)
    )
    of_rows = [forms[row] for row in rows]
    chosen, near = choose(choice.name, candidates, of_rows, answered, asked.n)
    outside = different[apart[different]]
    written = _written(asked, pool, labelled, rows[chosen], outside)
    return Selection(
        asked.output,
        len(chosen),
        choice,
        known.source,
        rows=len(pool.texts),
        unreadable=pool.unreadable,
        near=near,
        out_of_scope=(len(outside), written),
    )


def _read(
    asked: Asked, pool: Pool, labelled: Labelled | None
) -> tuple[np.ndarray, np.ndarray, Knowledge]:
    """Give vectors of the pool and of the labelled texts, and what is known of the pool."""
    read = reader(asked.model, asked.m0)
    folder = asked.vectors or asked.output.parent / "vectors"
    numbers = vectors.numbers(pool.texts, read, folder)
    hidden = numbers.shape[1] - sum(spec.width for spec in read.tasks.values())
    own = numbers[:, :hidden]
    covered = _covered(pool, labelled, read, own)
    known = knowledge.of_model(read.tasks, numbers[:, hidden:], labelled)
    return own, covered, known or knowledge.of_regression(labelled, covered, own)


def _covered(pool: Pool, labelled: Labelled | None, read: Reader, own: np.ndarray) -> np.ndarray:
    """Give the labelled texts' vectors, float32 [m, hidden]; those of the pool are read already."""
    if labelled is None:
        return own[:0]
    places = {_stripped(one): place for place, one in enumerate(pool.texts)}
    found = np.array([places.get(_stripped(one), -1) for one in labelled.texts], np.int64)
    covered = own[np.maximum(found, 0)]
    others = [one for one, place in zip(labelled.texts, found, strict=True) if place < 0]
    if others:
        covered[found < 0] = read(others)[:, : own.shape[1]]
    return covered


def _stripped(columns: TextTuple) -> TextTuple:
    return tuple(text.strip() for text in columns)


def _written(
    asked: Asked,
    pool: Pool,
    labelled: Labelled | None,
    chosen: np.ndarray,
    out_of_scope: np.ndarray,
) -> Path:
    """Write what to label, and beside it, into the path given back, what was kept apart."""
    label = asked.label or (labelled.column if labelled else "label")
    _write(asked.output, pool, chosen, label)
    beside = asked.output.with_name(f"{asked.output.stem}.out_of_scope{asked.output.suffix}")
    beside.unlink(missing_ok=True)  # of an earlier call
    if len(out_of_scope):
        _write(beside, pool, out_of_scope, label)
    return beside


def _write(path: Path, pool: Pool, chosen: np.ndarray, label: str) -> None:
    output.write(path, pool.path, pool.rows[chosen].tolist(), {label: [""] * len(chosen)})
