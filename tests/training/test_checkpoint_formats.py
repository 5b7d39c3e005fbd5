"""What a checkpoint is made of: names; and that one of before, made of positions, is gone on with.

The frozen runs were written by the release before: see `tests/frozen_run/README.md`.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import load_file

from tfsocial import config
from tfsocial.config import Config
from tfsocial.runs import train
from tfsocial.training import checkpoint_contents as contents
from tfsocial.training.callbacks import checkpointing

FROZEN = Path(__file__).parents[1] / "frozen_run"
QUERY = "encoder.layer.0.attention.self.query.weight"


@pytest.mark.long
@pytest.mark.parametrize("run", ["a", "b"])
def test_a_run_of_before_ends_as_it_would_have(run, tmp_path, monkeypatch, caplog):
    """Gone on with from step 5: weights, slots, averages, best weights and what terms moved."""
    shutil.copytree(FROZEN / run / "interrupted", tmp_path / "run")
    monkeypatch.chdir(tmp_path / "run")
    # The first is of the whole process, and other tests share it; probabilities were not
    # calibrated then, and thresholds are fitted to them.
    as_then = ["training.deterministic=false", "tasks.mood.calibrate=false"]
    chosen = config.load("config.yaml", as_then, migrate=True)
    with caplog.at_level("INFO"):
        train.train(chosen, Path("."), "cpu", accept_changes=True)
    assert "going on from step 5" in caplog.text
    # The head is fitted anew by a solver that stops near the optimum, where depends on the BLAS.
    for name, tolerance in (("model.safetensors", 1e-4), ("heads.safetensors", 1e-3)):
        expected = load_file(FROZEN / run / "finished" / "model" / name)
        found = load_file(Path("model") / name)
        assert found.keys() == expected.keys()
        for tensor, array in expected.items():
            close = {"rtol": 1e-6, "atol": tolerance}  # a threshold of millions has no 1e-3
            np.testing.assert_allclose(found[tensor], array, **close, err_msg=tensor)


@pytest.fixture(scope="module")
def kept(social_model, batch, endless, tmp_path_factory):
    """A checkpoint of all that can be in one, and the model it is of."""
    model = social_model(weighing="gradnorm", ema=0.5, papers={"r_drop": {}})
    model.fit(endless(batch), steps_per_epoch=2, verbose=0)
    best, folder = Best(WEIGHTS), tmp_path_factory.mktemp("kept")
    keeper = checkpointing.CheckpointCallback(
        model, str(folder), Config(), "data", {}, best, every=1, keep=1
    )
    keeper.save()
    return model, folder / "00000002"


class Best:
    """Who has weights worth keeping."""

    def __init__(self, weights: dict[str, np.ndarray] | None):
        self.weights = weights


WEIGHTS = {QUERY: np.ones([2, 2], np.float32), "topic.slope": np.array(2.0, np.float32)}


def test_all_in_it_has_a_name(kept):
    """No key is a number but where TensorFlow numbers what it saves itself."""
    model, folder = kept
    assert json.loads((folder / "manifest.json").read_text("utf-8"))["format"] == contents.FORMAT
    names = [name for name, _ in tf.train.list_variables(str(folder / "state"))]
    parts = {name.removesuffix("/.ATTRIBUTES/VARIABLE_VALUE").replace("..", ".") for name in names}
    assert {part for part in parts if part.rpartition("/")[2].isdigit()} == set()
    escaped = {part.replace(".S", "/") for part in parts}
    weights = model.parameters
    assert {f"weights/{name}" for name in weights} <= escaped
    assert {f"averages/{name}" for name in weights.trainable} <= escaped
    assert {f"optimizer/{name}/{slot}" for name in weights.trainable for slot in "mv"} <= escaped
    assert load_file(folder / "best.safetensors").keys() == WEIGHTS.keys()


def test_both_formats_hold_the_same(kept):
    """Each variable of the first format is in the second: nothing is forgotten."""
    model, _ = kept

    def variables(found) -> set:
        if isinstance(found, tf.Variable):
            return {found.ref()}
        inside = found.values() if isinstance(found, dict) else found
        return {ref for one in inside for ref in variables(one)}

    now, before = contents._variables(model), contents._variables_by_position(model)
    assert now.keys() == before.keys()
    for name in now.keys() - {"generator", "optimizer"}:
        assert variables(now[name]) == variables(before[name]), name
    of_optimizer = variables([*model.optimizer.variables, model.optimizer.gradient_norm])
    assert of_optimizer <= variables(now["optimizer"])


def test_best_weights_come_back_by_name(kept, social_model):
    """As they were given, a scalar too."""
    model, folder = kept
    best = Best(None)
    again = social_model(weighing="gradnorm", ema=0.5, papers={"r_drop": {}})
    keeper = checkpointing.CheckpointCallback(
        again, str(folder.parent), Config(), "data", {}, best, every=1, keep=1
    )
    assert keeper.restore_latest().step == 2
    assert best.weights.keys() == WEIGHTS.keys()
    for name, array in WEIGHTS.items():
        np.testing.assert_array_equal(best.weights[name], array)
    for one, other in zip(model.parameters.values(), again.parameters.values(), strict=True):
        np.testing.assert_array_equal(one.variable, other.variable, err_msg=one.name)
        before, after = (
            m.optimizer.slots_of(p.variable) for m, p in ((model, one), (again, other))
        )
        for slot, variable in before.items():
            np.testing.assert_array_equal(variable, after[slot], err_msg=f"{one.name} {slot}")
