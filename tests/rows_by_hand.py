"""Rows that are worked out by hand."""

from __future__ import annotations

import numpy as np

from tfsocial.data.examples import Examples, Origin

CLS, SEP = 2, 3


A, B, C, D = 5, 6, 7, 8  # ids of these letters in tests/conftest.py


PYTHON_OPS = {"PyFunc", "PyFuncStateless", "EagerPyFunc"}


def examples(text, pair=None, **labels):
    lines = np.arange(len(text), dtype=np.int32)
    origin = Origin(("train.csv",), np.zeros_like(lines), lines)
    return Examples(list(text), pair, {task: np.array(v) for task, v in labels.items()}, origin)


def first(dataset, count):
    return [{key: value.numpy() for key, value in batch.items()} for batch in dataset.take(count)]


def operations(graph):
    """Names of all ops of a GraphDef, those of its functions included."""
    nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
    return {node.op for node in nodes}
