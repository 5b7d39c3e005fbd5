"""What stands twice in the data: equal texts, nearly equal ones, and texts whose labels disagree.

Texts are compared in a normal form: NFKC, case folded, white space as single blanks. Two texts
are near when their sets of character trigrams have a Jaccard similarity |A & B| / |A | B| of at
least a threshold. The pairs found are exact and complete, not sampled: near sets must share some
of their few rarest trigrams (prefix filtering: Bayardo, Ma & Srikant 2007, Scaling Up All Pairs
Similarity Search; prefixes that must share several: Wang, Li & Feng 2012, Can We Beat the Prefix
Filtering?), so only such pairs are ever compared, a block at a time.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from tqdm import tqdm

from tfsocial.data.examples import Examples
from tfsocial.inspection import NEAR

MEASURE = "Jaccard similarity of the sets of character trigrams of the normalised texts"
MOST_PAIRS = 2_000_000  # beyond, the search stops and says so
_AT_ONCE = 5_000_000  # candidate pairs a block may have; 12 bytes each
_COMPARED_AT_ONCE = 20_000  # pairs whose trigrams are intersected together
_RAREST_SHARED = 5  # more cost a longer prefix, fewer let more pairs through
_CHARACTER = 21  # bits of a code point, so that three fit into an int64


def normal_form(text: str) -> str:
    """Reduce a text to what it has in common with those that look the same.

    >>> normal_form("Where  is my\\tＣard?")
    'where is my card?'
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


@dataclass(frozen=True)
class Pool:
    """All rows of all splits, one after the other.

    Attributes:
        names: of the splits.
        split: int [n], which one a row is of.
        row: int [n], its place there.
        forms: the distinct normal forms.
        form: int [n], which of them a row has.
    """

    names: tuple[str, ...]
    split: np.ndarray
    row: np.ndarray
    forms: list[str]
    form: np.ndarray

    def members(self) -> np.ndarray:
        """Mark which splits a form occurs in, bool [forms, splits]."""
        present = np.zeros((len(self.forms), len(self.names)), bool)
        present[self.form, self.split] = True
        return present


def pool(splits: Mapping[str, Examples]) -> Pool:
    """Pool the rows of splits, in their order."""
    index: dict[str, int] = {}
    form = [
        index.setdefault(_form(examples, row), len(index))
        for examples in splits.values()
        for row in range(len(examples))
    ]
    sizes = [len(examples) for examples in splits.values()]
    return Pool(
        tuple(splits),
        np.repeat(np.arange(len(sizes)), sizes),
        np.concatenate([np.arange(size) for size in sizes]),
        list(index),
        np.array(form, np.int64),
    )


def _form(examples: Examples, row: int) -> str:
    text = normal_form(examples.text[row])
    return text if examples.pair is None else f"{text}\x1f{normal_form(examples.pair[row])}"


# --- near texts ------------------------------------------------------------------------


@dataclass(frozen=True)
class Near:
    """Pairs of forms, first < second, the most alike first; `complete` unless there were too many.

    first, second: int [p]; similarity: float [p].
    """

    first: np.ndarray
    second: np.ndarray
    similarity: np.ndarray
    complete: bool = True


def near(forms: Sequence[str], threshold: float = NEAR, most: int = MOST_PAIRS) -> Near:
    """Find all pairs of distinct texts whose similarity reaches the threshold, in (0, 1].

    >>> pairs = near(["where is my card", "where is my card?", "thank you"])
    >>> pairs.first.tolist(), pairs.second.tolist(), pairs.similarity.round(2).tolist()
    ([0], [1], [0.83])
    """
    sets = _trigrams(forms)
    blocks, total, complete = [], 0, True
    for candidates in _candidates(sets, threshold):
        blocks.append(_compared(sets, *candidates, threshold))
        total += blocks[-1].shape[1]
        if total > most:
            complete = False
            break
    first, second, similarity = np.concatenate([np.zeros((3, 0)), *blocks], axis=1)
    order = np.lexsort((second, first, -similarity))[:most]
    return Near(
        first[order].astype(np.int64), second[order].astype(np.int64), similarity[order], complete
    )


def _trigrams(forms: Sequence[str]) -> sparse.csr_matrix:
    """Make [texts, trigrams] of ones; the rarest trigrams have the lowest numbers."""
    lines = [np.frombuffer(f" {form} ".encode("utf-32-le"), np.uint32) for form in forms]
    lengths = np.array([len(line) for line in lines], np.int64)
    text = np.repeat(np.arange(len(forms)), lengths)
    points = np.concatenate([np.zeros(0, np.uint32), *lines]).astype(np.int64)
    codes = (points[:-2] << 2 * _CHARACTER) | (points[1:-1] << _CHARACTER) | points[2:]
    inside = text[:-2] == text[2:]
    known, gram = np.unique(codes[inside], return_inverse=True)
    once = np.unique(text[:-2][inside] * len(known) + gram)
    text, gram = once // max(len(known), 1), once % max(len(known), 1)
    rank = np.empty(len(known), np.int64)
    rank[np.argsort(np.bincount(gram, minlength=len(known)), kind="stable")] = np.arange(len(known))
    shape = (len(forms), len(known))
    sets = sparse.csr_matrix((np.ones(len(gram), np.int32), (text, rank[gram])), shape)
    sets.sort_indices()
    return sets


def _sizes(sets: sparse.csr_matrix) -> np.ndarray:
    return np.diff(sets.indptr).astype(np.int64)


def _candidates(
    sets: sparse.csr_matrix, threshold: float
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Find pairs (first < second) that share rare trigrams as near texts must, in blocks."""
    sizes = _sizes(sets)
    prefixes = _prefixes(sets, sizes, threshold)
    others = prefixes.T.tocsr()
    for start, end in _blocks(prefixes):
        counts = (prefixes[start:end] @ others).tocoo()
        first, second = counts.row.astype(np.int64) + start, counts.col.astype(np.int64)
        smaller = np.minimum(sizes[first], sizes[second])
        least = threshold * np.maximum(sizes[first], sizes[second]) - 1e-9
        shared = counts.data >= np.minimum(np.ceil(least), _RAREST_SHARED)
        near_enough = (first < second) & (smaller >= least) & shared
        yield first[near_enough], second[near_enough]


def _prefixes(sets: sparse.csr_matrix, sizes: np.ndarray, threshold: float) -> sparse.csr_matrix:
    """Take of each set of s trigrams the s - ceil(threshold * s) + 5 rarest.

    Near sets share at least ceil(threshold * s), so the 5 rarest they share are among these.
    """
    prefix_sizes = sizes - np.ceil(threshold * sizes - 1e-9).astype(np.int64) + _RAREST_SHARED
    place = np.arange(sets.nnz) - np.repeat(sets.indptr[:-1], sizes)
    in_prefix = place < np.repeat(prefix_sizes, sizes)
    text = np.repeat(np.arange(len(sizes)), sizes)[in_prefix]
    return sparse.csr_matrix(
        (np.ones(len(text), np.int32), (text, sets.indices[in_prefix])), sets.shape
    )


def _blocks(prefixes: sparse.csr_matrix) -> Iterator[tuple[int, int]]:
    """Cut ranges of rows whose product with all rows stays small; one row at the least.

    A bar shows how far it is, where stderr is a terminal.
    """
    often = np.bincount(prefixes.indices, minlength=prefixes.shape[1])
    work = np.concatenate([[0], np.cumsum(often[prefixes.indices])])[prefixes.indptr]
    start, rows = 0, prefixes.shape[0]
    with tqdm(total=rows, desc="near texts", disable=None, leave=False) as bar:
        while start < rows:
            end = int(np.searchsorted(work, work[start] + _AT_ONCE, side="right")) - 1
            end = min(max(end, start + 1), rows)
            yield start, end
            bar.update(end - start)
            start = end


def _compared(
    sets: sparse.csr_matrix, first: np.ndarray, second: np.ndarray, threshold: float
) -> np.ndarray:
    """Give first, second and similarity of those pairs that are near, float [3, p]."""
    sizes, blocks = _sizes(sets), [np.zeros((3, 0))]
    for start in range(0, len(first), _COMPARED_AT_ONCE):
        one, other = (side[start : start + _COMPARED_AT_ONCE] for side in (first, second))
        shared = np.asarray(sets[one].multiply(sets[other]).sum(axis=1)).ravel()
        similarity = shared / (sizes[one] + sizes[other] - shared)
        alike = similarity >= threshold - 1e-9
        blocks.append(np.stack([one[alike], other[alike], similarity[alike]]))
    return np.concatenate(blocks, axis=1)


# --- what stands where -----------------------------------------------------------------


def repeats(pooled: Pool, pairs: Near) -> dict[str, dict[str, dict[str, int]]]:
    """Count rows of each split that stand in each other one, `equal` or `near`.

    A row that has an equal one there is not counted as near. Under the split itself: rows that
    repeat an earlier one (`equal`), and rows with a near one that is not equal (`near`).
    """
    members = pooled.members()
    beside = np.zeros_like(members)
    np.logical_or.at(beside, pairs.first, members[pairs.second])
    np.logical_or.at(beside, pairs.second, members[pairs.first])
    table: dict[str, dict[str, dict[str, int]]] = {}
    for here, name in enumerate(pooled.names):
        forms = pooled.form[pooled.split == here]
        table[name] = {
            other: _counted(forms, members[:, there], beside[:, there], here == there)
            for there, other in enumerate(pooled.names)
        }
    return table


def _counted(forms: np.ndarray, there: np.ndarray, near_there: np.ndarray, same: bool) -> dict:
    if same:
        return {
            "equal": len(forms) - len(np.unique(forms)),
            "near": int(near_there[forms].sum()),
        }
    equal = there[forms]
    return {"equal": int(equal.sum()), "near": int((near_there[forms] & ~equal).sum())}


def twins(pooled: Pool) -> Iterator[np.ndarray]:
    """Group rows of the pool with one form, int [rows], forms of several only; most rows first."""
    order = np.argsort(pooled.form, kind="stable")
    counts = np.bincount(pooled.form, minlength=len(pooled.forms))
    groups = np.split(order, np.cumsum(counts)[:-1])
    for form in np.argsort(-counts, kind="stable"):
        if counts[form] < 2:
            return
        yield groups[form]


def conflicts(pooled: Pool, splits: Mapping[str, Examples], task: str) -> list[np.ndarray]:
    """Group rows of the pool, int [rows], of one form that have several labels of a task.

    Rows without a label are left out; the groups with most rows come first.
    """
    values = np.concatenate([_columns(examples.labels[task]) for examples in splits.values()])
    labelled = np.isfinite(values).all(-1)
    _, codes = np.unique(np.nan_to_num(values), axis=0, return_inverse=True)
    codes = codes.ravel()
    groups = (group[labelled[group]] for group in twins(pooled))
    return [group for group in groups if len(np.unique(codes[group])) > 1]


def _columns(labels: np.ndarray) -> np.ndarray:
    """Give labels as float [n, width], NaN where there is none."""
    if labels.ndim == 2:
        return labels.astype(np.float64)
    return np.where(labels < 0, np.nan, labels.astype(np.float64))[:, np.newaxis]
