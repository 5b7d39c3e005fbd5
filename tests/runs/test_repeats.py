"""The same bits from the same config, in processes that share nothing."""

from __future__ import annotations

import multiprocessing

import pytest
from small_runs import weights

from tfsocial import __main__
from tfsocial.cli import demo

# MiniLM, for the steps of a small encoder repeat in any case; the second one has all gradients.
SETTINGS = (
    "objectives.community={feature_cosine: {weight: 0.5}, l2_sp: {weight: 0.01}}",
    "objectives.papers={r_drop: {weight: {end: 1.0, until: 0.5}}}",
    "training.compile=graph",
    "training.deterministic=true",
    "training.max_steps=4",
    "report.baselines=false",
)


@pytest.mark.long
def test_weights_with_many_gradients_are_the_same_in_every_process(tmp_path):
    """L and three terms give a weight of the encoder four gradients, which are added up."""
    context = multiprocessing.get_context("spawn")
    for name in ("one", "other"):
        flags = [f"--config={demo.CONFIG}", f"--workdir={tmp_path / name}", "--device=cpu"]
        flags += [f"--set={setting}" for setting in SETTINGS]
        process = context.Process(target=__main__.main, args=(["train", *flags],))
        process.start()
        process.join()
    one, other = weights(tmp_path / "one"), weights(tmp_path / "other")
    assert {name for name in one if (one[name] != other[name]).any()} == set()
