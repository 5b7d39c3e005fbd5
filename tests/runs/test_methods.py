"""The methods of a run's step are found in its config, as they stand there."""

from __future__ import annotations

import pytest

from tfsocial import config
from tfsocial.objectives import table
from tfsocial.runs import resources


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ((), ["optimizer.name=adamw (AdamW)"]),
        (("optimizer.name=lamb",), ["optimizer.name=lamb (Lamb)"]),
        (
            ("training.ema=0.5", "optimizer.layer_decay=1", "model.head_init=class_means"),
            ["optimizer.name=adamw (AdamW)", "training.ema=0.5 (WeightAverage)"],
        ),
        (
            (
                "objectives.community={hidden_mse: {weight: {cosine: 0.8}}, l2_sp: {}}",
                "objectives.weighing=pcgrad",
            ),
            [
                "objectives.weighing=pcgrad (without_conflicts)",
                "objectives.community.hidden_mse.weight={cosine: 0.8} (DriftController)",
                "optimizer.name=adamw (AdamW)",
            ],
        ),
    ],
)
def test_a_run_names_the_methods_of_its_step(settings, names):
    """With its own numbers and a paper each, after those of its terms."""
    chosen = config.parse(config.override({}, ["tasks.mood.column=label", *settings]))
    terms = table.formula(chosen.tasks, chosen.objectives)
    methods = [one for one in resources.of_run(chosen, [], terms) if one.role == "method"]
    assert [one.name for one in methods[len(terms) :]] == names
    assert all(one.citation for one in methods)
