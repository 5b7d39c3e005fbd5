"""The Batch contract: keys, dtypes and static shapes of packed rows.

A batch is a flat dict of dense tensors. With R rows, T tokens a row and S slots:

    token_ids, segment_ids, position_ids, type_ids   int32   [R, T]
    example_id                                       int64   [R, S]      -1: the slot is empty
    weight                                           float32 [R, S]      0: empty or padded
    labels/<task>  classify                          int32   [R, S]      -1: no label
    labels/<task>  multilabel, regress               float32 [R, S, C]   NaN: no label
    group/<task>   where the task names its list     int32   [R, S]      -1: empty or in none
    features       where heads read columns too      float32 [R, S, F]   0: the slot is empty

`segment_ids` is 0 on padding and k for the k-th example of a row, which is
slot k - 1. A second view of each example, where an objective asks for one, has the four
token keys once more under `augmented/`, with the examples in the same rows and slots.
Nobody else spells a key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import tensorflow as tf

TOKEN_IDS = "token_ids"
SEGMENT_IDS = "segment_ids"
POSITION_IDS = "position_ids"
TYPE_IDS = "type_ids"
EXAMPLE_ID = "example_id"
WEIGHT = "weight"
FEATURES = "features"

TOKEN_KEYS = (TOKEN_IDS, SEGMENT_IDS, POSITION_IDS, TYPE_IDS)

VIEW = "augmented"

Batch = Mapping[str, tf.Tensor]


def label_key(task: str) -> str:
    """Give the key of a task's labels.

    >>> label_key("intent")
    'labels/intent'
    """
    return f"labels/{task}"


def group_key(task: str) -> str:
    """Give the key of the numbers of a task's lists: which list or group an example belongs to.

    >>> group_key("relevance")
    'group/relevance'
    """
    return f"group/{task}"


def view_key(view: str, key: str) -> str:
    """Give a token key of a view; "" is the ordinary one.

    >>> view_key("augmented", "token_ids"), view_key("", "token_ids")
    ('augmented/token_ids', 'token_ids')
    """
    return f"{view}/{key}" if view else key


class Shape(NamedTuple):
    """The static sizes of a batch."""

    rows: int
    row_length: int
    slots: int


def spec(
    shape: Shape,
    label_widths: Mapping[str, int | None],
    views: Iterable[str] = ("",),
    grouped: Iterable[str] = (),
    feature_width: int = 0,
) -> dict[str, tf.TensorSpec]:
    """Specify the tensors of a batch.

    Args:
        label_widths: task -> None for one class index, else its columns C.
        grouped: the tasks whose examples belong to lists.
        feature_width: F; 0 where heads read no columns.
    """
    slots = (shape.rows, shape.slots)
    tokens = {
        key: tf.TensorSpec((shape.rows, shape.row_length), tf.int32, key)
        for key in (view_key(view, key) for view in views for key in TOKEN_KEYS)
    }
    labels = {
        label_key(task): tf.TensorSpec(slots, tf.int32)
        if width is None
        else tf.TensorSpec((*slots, width), tf.float32)
        for task, width in label_widths.items()
    }
    features = {FEATURES: tf.TensorSpec((*slots, feature_width), tf.float32)}
    return {
        **tokens,
        EXAMPLE_ID: tf.TensorSpec(slots, tf.int64),
        WEIGHT: tf.TensorSpec(slots, tf.float32),
        **labels,
        **{group_key(task): tf.TensorSpec(slots, tf.int32) for task in grouped},
        **(features if feature_width else {}),
    }


class WordParts(NamedTuple):
    """Of the tokens of a vocabulary: what masking must know.

    Attributes:
        special: bool [words], which are no part of the text: [CLS], [SEP], [PAD], [MASK].
        continues: bool [words], which go on with the word of the token before them.
        mask: the id of [MASK].
    """

    special: np.ndarray
    continues: np.ndarray
    mask: int
