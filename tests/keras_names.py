"""What PyTorch calls a variable of TF-BERT, by its Keras name: an oracle for `parameters`."""

from __future__ import annotations

import re


def community_name(variable: str) -> str:
    """Name in PyTorch's BertModel of a TF-BERT variable.

    >>> community_name("encoder/bert/encoder/layer_._0/attention/self/query/kernel:0")
    'encoder.layer.0.attention.self.query.weight'
    >>> community_name("bert/embeddings/token_type_embeddings/embeddings:0")
    'embeddings.token_type_embeddings.weight'
    """
    _, _, path = variable.removesuffix(":0").rpartition("bert/")
    path = re.sub(r"layer_\._(\d+)", r"layer/\1", path).replace("/", ".")
    path = re.sub(r"\.(kernel|gamma|embeddings)$", ".weight", path)
    return re.sub(r"\.beta$", ".bias", path)
