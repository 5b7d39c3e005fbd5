"""How fast each weight learns beside the run's schedule, by its place in the model.

All by name, as `models.parameters` has the weights.
"""

from __future__ import annotations

from tfsocial import config
from tfsocial.errors import InputError
from tfsocial.models.parameters import Parameter, Parameters


def multipliers(parameters: Parameters, settings: config.Optimizer) -> dict[str, float]:
    """Compute what each weight's rate is multiplied with: xi^depth in the encoder.

    Layer-wise decay of the learning rate: Howard & Ruder (2018), ULMFiT, arXiv:1801.06146,
    section 3.2 (discriminative fine-tuning), where xi is 1 / 2.6; Clark et al. (2020), ELECTRA,
    arXiv:2003.10555, appendix B. Layer l of n has xi^(n - l): the top layer has 1, as has the
    pooler over it, and the embeddings have xi^n. Heads of tasks start from nothing, M0 does not:
    they have `head_multiplier` whatever the decay, and so has what terms learn beside the model.
    The masked-LM head is M0's, and stands over the top layer.
    """
    depths = _depths(parameters)
    return {
        name: settings.head_multiplier
        if _starts_from_nothing(parameter)
        else settings.layer_decay ** depths.get(name, 0)
        for name, parameter in parameters.items()
    }


def begins(parameters: Parameters, steps_per_layer: float) -> dict[str, int]:
    """Compute the first step (from 0) at which each weight of the encoder moves: from the top.

    Gradual unfreezing: Howard & Ruder (2018), ULMFiT, arXiv:1801.06146, section 3.3. The heads
    learn alone for `steps_per_layer`, then with the top layer and the pooler, then with one layer
    more; the embeddings come last. Meanwhile the schedule of the learning rate runs on for all.
    """
    depths = _depths(parameters)
    return {name: round((depth + 1) * steps_per_layer) for name, depth in depths.items()}


def lowest(parameters: Parameters, layers: int | None) -> list[str]:
    """List the weights of so many of the lowest layers and of the embeddings; none for None.

    Of all layers that is the whole encoder: heads alone learn.

    Raises:
        InputError: the encoder has fewer layers.
    """
    if layers is None:
        return []
    if layers > parameters.top:
        raise InputError(
            f"training.frozen_layers={layers}: the encoder has {parameters.top} layers; with that "
            "many the heads alone learn"
        )
    return [*parameters.where(lambda one: one.layer is not None and one.layer <= layers)]


def matrices(parameters: Parameters) -> list[str]:
    """List the weights that are tables or matrices: without them biases and norms alone learn.

    BitFit: Ben Zaken, Ravfogel & Goldberg (2022), arXiv:2106.10199.
    """
    return [*parameters.where(lambda one: len(one.variable.shape) > 1)]


def _depths(parameters: Parameters) -> dict[str, int]:
    """Count how far each encoder weight is below its top layer: 0 there, n for embeddings."""
    return {
        name: parameters.top - parameter.layer
        for name, parameter in parameters.items()
        if parameter.layer is not None
    }


def _starts_from_nothing(parameter: Parameter) -> bool:
    return parameter.role == "term" or parameter.task is not None
