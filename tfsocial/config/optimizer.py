"""How weights move: a section for each optimizer, which has its own knobs and their defaults."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from tfsocial.config.annotation_tree import TagBy
from tfsocial.config.base import Fraction, NotNegative, Positive, Section


class Optimizer(Section):
    """What all optimizers share: rates, warm-up and decay of them, weight decay, clipping."""

    learning_rate: Positive = Field(
        1e-4, description="at its peak; lion wants a third to a tenth of adamw's"
    )
    head_multiplier: Positive = Field(
        30.0, description="the heads' learning rate over the encoder's; heads start from nothing"
    )
    layer_decay: float = Field(
        1.0,
        gt=0.0,
        le=1.0,
        description="the learning rate of an encoder layer over that of the layer above it",
    )
    weight_decay: NotNegative = Field(
        0.01,
        description="apart from the gradient; biases, norms and word embeddings have none",
    )
    warmup_fraction: Fraction = Field(
        0.1, description="of the run, in which the rate rises from 0 to its peak"
    )
    decay: Literal["linear", "cosine", "constant"] = Field(
        "linear", description="how the rate falls after its peak"
    )
    final_fraction: Fraction = Field(0.0, description="of the learning rate, at the last step")
    clip_norm: Positive | None = Field(
        1.0, description="norm that all gradients together are clipped to; null: they are not"
    )

    @property
    def knobs(self) -> dict[str, Any]:
        """What this optimizer has beside what all share: arguments of its class."""
        shared = {"name", *Optimizer.model_fields}
        return {name: value for name, value in self if name not in shared}


class AdamW(Optimizer):
    """Adam with decay apart from the gradient, arXiv:1711.05101."""

    name: Literal["adamw"] = "adamw"
    beta_1: Fraction = Field(0.9, description="memory of the mean of gradients")
    beta_2: Fraction = Field(0.999, description="memory of the mean of their squares")
    epsilon: Positive = Field(1e-8, description="keeps a division by zero away")


class Adafactor(Optimizer):
    """Second moments as row and column sums, arXiv:1804.04235."""

    name: Literal["adafactor"] = "adafactor"
    epsilon: Positive = Field(1e-30, description="keeps a division by zero away")
    scale_parameter: bool = Field(False, description="steps in proportion to the weights' size")


class Lamb(Optimizer):
    """AdamW whose step is as long as the weights of a layer are, arXiv:1904.00962."""

    name: Literal["lamb"] = "lamb"
    beta_1: Fraction = Field(0.9, description="memory of the mean of gradients")
    beta_2: Fraction = Field(0.999, description="memory of the mean of their squares")
    epsilon: Positive = Field(1e-6, description="keeps a division by zero away")


class Lion(Optimizer):
    """The sign of a momentum, arXiv:2302.06675."""

    name: Literal["lion"] = "lion"
    beta_1: Fraction = Field(0.9, description="weight of the momentum in the step")
    beta_2: Fraction = Field(0.99, description="memory of the momentum")


AnyOptimizer = Annotated[
    Annotated[AdamW, Tag("adamw")]
    | Annotated[Adafactor, Tag("adafactor")]
    | Annotated[Lamb, Tag("lamb")]
    | Annotated[Lion, Tag("lion")],
    Discriminator(
        TagBy("name", "adamw"),
        custom_error_type="optimizer",
        custom_error_message="Input should name an optimizer: adamw, adafactor, lamb or lion",
    ),
]
