"""Leaves parts out of a model's weights; numpy alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tfsocial.checkpoints.bert_names import WORD_TABLE, with_layers

Arrays = Mapping[str, np.ndarray]
_LAYER = re.compile(r"encoder\.layer\.(\d+)\.(.*)")
_OF_HEADS = re.compile(r"attention\.self\.(query|key|value)\.")


@dataclass(frozen=True)
class Kept:
    """What stays, by the numbers it has before.

    Attributes:
        layers: ascending.
        heads: of each layer that stays, ascending.
        neurons: of each layer that stays, int [intermediate_size], ascending.
        tokens: int [words], ascending.
    """

    layers: tuple[int, ...]
    heads: Mapping[int, tuple[int, ...]]
    neurons: Mapping[int, np.ndarray]
    tokens: np.ndarray


def pruned(arrays: Arrays, kept: Kept, head_size: int) -> dict[str, np.ndarray]:
    """Give the weights of the smaller model, by name; those of no layer stay as they are.

    Args:
        arrays: name -> weight in the community's layout, [out, in].
        head_size: numbers of a head's query, key or value.

    >>> kept = Kept((1,), {1: (1,)}, {1: np.array([0, 2])}, np.array([0, 3]))
    >>> found = pruned({
    ...     "encoder.layer.0.output.dense.bias": np.zeros(2),
    ...     "encoder.layer.1.attention.self.key.bias": np.array([1, 2, 3, 4]),
    ...     "encoder.layer.1.intermediate.dense.bias": np.array([5, 6, 7]),
    ... }, kept, head_size=2)
    >>> {name: array.tolist() for name, array in found.items()}
    {'encoder.layer.0.attention.self.key.bias': [3, 4], \
'encoder.layer.0.intermediate.dense.bias': [5, 7]}
    """
    parts = {}
    for name, array in arrays.items():
        match = _LAYER.fullmatch(name)
        if not match:
            parts[name] = array[kept.tokens] if name == WORD_TABLE else array
        elif (layer := int(match[1])) in kept.layers:
            parts[name] = _part(match[2], array, kept, layer, head_size)
    return with_layers(parts, kept.layers)


def _part(name: str, array: np.ndarray, kept: Kept, layer: int, head_size: int) -> np.ndarray:
    heads = _numbers_of(kept.heads[layer], head_size)
    neurons = kept.neurons[layer]
    if _OF_HEADS.match(name):
        return array[heads]
    if name == "attention.output.dense.weight":
        return array[:, heads]
    if name.startswith("intermediate.dense."):
        return array[neurons]
    return array[:, neurons] if name == "output.dense.weight" else array


def _numbers_of(heads: tuple[int, ...], size: int) -> np.ndarray:
    """List the rows of a matrix that belong to some heads.

    >>> _numbers_of((0, 2), 2).tolist()
    [0, 1, 4, 5]
    """
    return (np.array(heads)[:, np.newaxis] * size + np.arange(size)).ravel()


def highest(values: np.ndarray, count: int) -> np.ndarray:
    """Find the places of the highest of values [n], int [count], ascending; of equals the first.

    >>> highest(np.array([1.0, 3.0, 2.0, 3.0]), 2).tolist()
    [1, 3]
    """
    return np.sort(np.argsort(-values, kind="stable")[:count])


def tokens(counts: np.ndarray, always: np.ndarray, count: int) -> np.ndarray:
    """Choose the tokens that stay, int [count], ascending.

    Those that must, then by how often train has them. Of those that it has equally often the
    first: BERT's vocabularies list the frequent words of their language first.

    Args:
        counts: int [words], how often train has each.
        always: bool [words], which must stay; more of them than `count` stay too.

    >>> tokens(np.array([0, 5, 0, 9, 0]), np.array([True, False, False, False, False]), 4).tolist()
    [0, 1, 2, 3]
    """
    ranks = np.where(always, np.inf, counts)
    return highest(ranks, max(count, int(always.sum())))
