"""What a run's terms are given: a frozen M0 and its vectors, for those that read them."""

from __future__ import annotations

import numpy as np
import pytest

from tfsocial import config
from tfsocial.models.spec import HeadSpec
from tfsocial.models.text_model import TextModel
from tfsocial.models.tf_transformers import BertConfig
from tfsocial.objectives import table
from tfsocial.training import given


def made(name: str, vectors: np.ndarray | None = None) -> given.Given:
    """With one term of L0 beside a task."""
    chosen = config.parse({"objectives": {"community": {name: {}}}})
    sizes = BertConfig(
        vocab_size=9,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
    )
    specs = {"label": HeadSpec("classify", ("a", "b"))}
    model = TextModel(sizes, specs, "mean", mlm_head=True)
    model.build()
    labels = {"label": np.array([0, 1, 1], np.int32)}
    return given.make(table.formula(chosen), model, None, labels, {}, None, 8, vectors)


@pytest.mark.parametrize(
    ("name", "copied"), [("l2_sp", True), ("feature_cosine", True), ("masked_lm", False)]
)
def test_m0_is_copied_for_those_who_read_it(name, copied):
    """Masked words ask for M0's head, which learns on, and for nothing frozen."""
    assert (made(name).m0 is not None) == copied


def test_vectors_are_kept_up_to_a_size(monkeypatch):
    """Beyond it M0 reads each batch."""
    vectors = np.ones([3, 8], np.float32)
    assert made("feature_cosine", vectors).m0_vectors.shape == (3, 8)
    monkeypatch.setattr(given, "REMEMBERED", 23)
    assert made("feature_cosine", vectors).m0_vectors is None
    assert made("feature_cosine").m0_vectors is None
