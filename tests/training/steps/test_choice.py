"""Which parts a step is made of, by what the objectives' section asks for."""

from __future__ import annotations

import pytest
from transformers import BertConfig

from tfsocial.config import Objectives
from tfsocial.models.encoder import PackedBert
from tfsocial.training.steps.choice import training_step
from tfsocial.training.steps.in_parts import InParts
from tfsocial.training.steps.pcgrad import PCGrad
from tfsocial.training.steps.plain import Plain, Summed
from tfsocial.training.steps.sam import Sam

SIZES = {
    "vocab_size": 40, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
    "intermediate_size": 8, "max_position_embeddings": 20,
}  # fmt: skip


@pytest.fixture(scope="module")
def encoder() -> PackedBert:
    made = PackedBert(BertConfig(**SIZES), name="encoder")
    made.build()
    return made


def chosen(encoder: PackedBert, parts: int = 1, **objectives):
    return training_step(Objectives(**objectives), parts, ["L/a", "L/b"], encoder)


@pytest.mark.parametrize(
    ("parts", "objectives", "expected"),
    [
        (1, {}, Plain),
        (1, {"weighing": "gradnorm"}, Plain),
        (1, {"weighing": "pcgrad"}, PCGrad),
        (4, {}, InParts),
    ],
)
def test_without_an_ascent(encoder, parts, objectives, expected):
    assert type(chosen(encoder, parts, **objectives).descent) is expected


@pytest.mark.parametrize(
    ("parts", "objectives", "expected"),
    [(1, {}, Summed), (1, {"weighing": "pcgrad"}, PCGrad), (4, {}, InParts)],
)
def test_an_ascent_asks_any_of_them_twice(encoder, parts, objectives, expected):
    """SAM on one batch, on the terms' gradients without conflicts, on a batch in parts."""
    descent = chosen(encoder, parts, sam_radius=0.05, **objectives).descent
    assert (type(descent), descent.radius, type(descent.descent)) == (Sam, 0.05, expected)


def test_what_is_measured_and_moved_beside(encoder):
    """A tape is kept for those who ask it again, and for no one else."""
    plain, both = chosen(encoder), chosen(encoder, weighing="gradnorm", cosines_every=5)
    assert (plain.cosines, plain.gradnorm, plain.descent.keep_tape) == (None, None, False)
    assert [*both.cosines.last] == ["cosine/L/a~L/b"]
    assert [*both.gradnorm.factors] == ["L/a", "L/b"]
    assert both.descent.keep_tape
