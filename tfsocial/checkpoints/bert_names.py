"""What the community calls BERT's weights in its files; `models.parameters` names a model's own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

WORD_TABLE = "embeddings.word_embeddings.weight"
MLM_BIAS = "cls.predictions.bias"
ENCODER = "bert."  # in a checkpoint of more than the encoder its names begin so
MLM_HEAD = "cls."
_FIRST_NAMES = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}
_BUFFER = re.compile(r"(^|\.)position_ids$")  # of old PyTorch releases, not a weight

_LAYER = re.compile(r"encoder\.layer\.(\d+)")

T = TypeVar("T")


def encoder_names(tensors: Mapping[str, T]) -> dict[str, T]:
    """Give a checkpoint's tensors the names that PyTorch's BertModel gives them.

    >>> encoder_names({"bert.pooler.dense.bias": 1, "cls.predictions.bias": 2, "position_ids": 3})
    {'pooler.dense.bias': 1, 'cls.predictions.bias': 2}
    """
    return {_of_today(name): one for name, one in tensors.items() if not _BUFFER.search(name)}


def with_layers(tensors: Mapping[str, T], layers: Sequence[int]) -> dict[str, T]:
    """Keep some of an encoder's layers, numbered anew.

    >>> with_layers({"encoder.layer.0.a": 1, "encoder.layer.11.a": 2, "b": 3}, [11])
    {'encoder.layer.0.a': 2, 'b': 3}
    """
    number = {str(layer): place for place, layer in enumerate(layers)}
    found = {name: _LAYER.match(name) for name in tensors}
    return {
        f"encoder.layer.{number[layer[1]]}{name[layer.end() :]}" if layer else name: tensors[name]
        for name, layer in found.items()
        if layer is None or layer[1] in number
    }


def shared_names(tensors: Mapping[str, T]) -> dict[str, T]:
    """Give an encoder's tensors the names of the class that has a place for all of them.

    A model with a masked-LM head calls its encoder `bert`.

    >>> shared_names({"pooler.dense.bias": 1})
    {'pooler.dense.bias': 1}
    >>> shared_names({"pooler.dense.bias": 1, "cls.predictions.bias": 2})
    {'bert.pooler.dense.bias': 1, 'cls.predictions.bias': 2}
    """
    if architecture(tensors) == "BertModel":
        return dict(tensors)
    return {n if n.startswith(MLM_HEAD) else ENCODER + n: one for n, one in tensors.items()}


def architecture(names: Iterable[str]) -> str:
    """Name the class of the community that has a place for tensors of these names."""
    return "BertForMaskedLM" if MLM_BIAS in names else "BertModel"


def _of_today(name: str) -> str:
    """Rename the norms' weights of Google's first checkpoints, which are called as in TensorFlow.

    >>> _of_today("bert.embeddings.LayerNorm.gamma")
    'embeddings.LayerNorm.weight'
    """
    name = name.removeprefix(ENCODER)
    return re.sub(r"LayerNorm\.(gamma|beta)$", lambda match: _FIRST_NAMES[match[0]], name)
