"""What is worth nothing is found to be worth nothing; the rest by finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import tiny_run

from tfsocial.compression import importance
from tfsocial.models import parameters
from tfsocial.objectives import table
from tfsocial.objectives.weighing import mean
from tfsocial.runs.prepare import prepare
from tfsocial.training import devices
from tfsocial.training.forward import Step
from tfsocial.training.run_constants import RunConstants

SIZES = {**tiny_run.SIZES, "layers": 3, "positions": 32}


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """A run of three random layers before its first step."""
    folder = tiny_run.write_moods(tmp_path_factory.mktemp("moods"))
    vocabulary = tiny_run.write_vocabulary(folder / "vocabulary")
    model = {"checkpoint": "random", "random": {**SIZES, "vocabulary": str(vocabulary)}}
    chosen = tiny_run.settings(folder, model={**model, "dropout": 0.0, "head_dropout": 0.0})
    work = tmp_path_factory.mktemp("work")
    prepared = prepare(chosen, work, devices.choose("cpu", chosen.training))
    random = np.random.default_rng(1)
    for parameter in parameters.of_text_model(prepared.model.text_model).values():
        parameter.variable.assign_add(random.normal(scale=0.2, size=parameter.variable.shape))
    return prepared


def constants(ready) -> RunConstants:
    return RunConstants(table.losses(table.formula(ready.config.tasks, ready.config.objectives)))


def test_a_layer_that_changes_nothing_goes_first(ready):
    """What it adds is made 0 and its norms do nothing to what is normal already."""
    model = ready.model.text_model
    weights = parameters.of_encoder(model.encoder)
    before = weights.arrays()
    for layer in (0, 1):  # the next one reads what is normal
        for norm in ("attention.output.LayerNorm", "output.LayerNorm"):
            weights[f"encoder.layer.{layer}.{norm}.weight"].assign(np.ones(32))
            weights[f"encoder.layer.{layer}.{norm}.bias"].assign(np.zeros(32))
    for part in ("attention.output.dense", "output.dense"):
        for kind in ("weight", "bias"):
            parameter = weights[f"encoder.layer.1.{part}.{kind}"]
            parameter.assign(np.zeros(parameter.shape))
    try:
        batches = ready.evaluation_batches("dev")
        assert importance.layers(model, batches, 2) == (0, 2)
        assert len(importance.layers(model, batches, 1)) == 1
        assert importance.layers(model, batches, 3) == (0, 1, 2)
    finally:
        weights.assign(before)


def test_worth_is_what_the_loss_would_change(ready):
    """L of a batch where an input counts a thousandth less, over a thousandth."""
    model = ready.model.text_model
    batch = next(iter(ready.evaluation_batches("dev")))
    found = importance.of_inputs(model, constants(ready), [batch])
    assert set(found) == {
        f"encoder.layer.{layer}.{part}.weight"
        for layer in range(3)
        for part in ("attention.output.dense", "output.dense")
    }
    weights = parameters.of_encoder(model.encoder)

    def total() -> float:
        step = Step(batch, model, constants(ready), training=False)
        terms = step.task_loss("mood", step.outputs)
        return float(mean(terms)) * float(np.sum(terms.mask))

    for name, column in (
        ("encoder.layer.0.output.dense.weight", 5),
        ("encoder.layer.2.attention.output.dense.weight", 11),
    ):
        array = weights[name].array()
        sides = []
        for factor in (1.001, 0.999):
            changed = array.copy()
            changed[:, column] *= factor
            weights[name].assign(changed)
            sides.append(total())
        weights[name].assign(array)
        expected = abs(sides[0] - sides[1]) / 0.002
        assert found[name][column] == pytest.approx(expected, rel=0.02, abs=2e-3)


def test_a_neuron_that_nobody_reads_is_worth_nothing(ready):
    weights = parameters.of_encoder(ready.model.text_model.encoder)
    name = "encoder.layer.1.output.dense.weight"
    array = weights[name].array()
    changed = array.copy()
    changed[:, 7] = 0
    weights[name].assign(changed)
    batches = ready.evaluation_batches("dev")
    found = importance.of_inputs(ready.model.text_model, constants(ready), batches)[name]
    weights[name].assign(array)
    assert found[7] == 0
    assert (np.delete(found, 7) > 0).all()
