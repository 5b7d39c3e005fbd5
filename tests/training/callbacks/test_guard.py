"""When a run is stopped: a loss that is no number, the last step."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import tensorflow as tf

from tfsocial.training.callbacks.guard import Diverged, Guard

NAN, INFINITY = float("nan"), float("inf")


def model_at(step: int) -> SimpleNamespace:
    """As much of a model as a callback looks at."""
    return SimpleNamespace(
        optimizer=SimpleNamespace(iterations=tf.constant(step)), stop_training=False
    )


@pytest.mark.parametrize("value", [NAN, INFINITY, -INFINITY])
def test_the_guard_stops_at_a_loss_that_is_no_number(value):
    """Step and the term it came from are named, and what usually helps."""
    guard = Guard(total_steps=50)
    guard.set_model(model_at(41))
    logs = {"loss": value, "raw/L/mood": 0.5, "raw/L_paper/r_drop": value, "padding_share": 0.1}
    with pytest.raises(Diverged) as caught:
        guard.on_train_batch_end(3, logs | {"weighted/L_paper/r_drop": value})
    message = str(caught.value)
    assert message.startswith("the loss is not finite at step 41; first in L_paper/r_drop. ")
    assert "L/mood" not in message
    assert "optimizer.learning_rate" in message


def test_the_guard_lets_numbers_pass():
    """Large and negative losses are nobody's business."""
    guard = Guard(total_steps=50)
    guard.set_model(model_at(1))
    guard.on_train_batch_end(0, {"loss": 1e30, "raw/L/mood": -5.0})
    assert not guard.model.stop_training


def test_the_guard_ends_the_run_at_its_last_step():
    """Step 49 of 50 goes on, step 50 does not, wherever in an epoch it falls."""
    guard = Guard(total_steps=50)
    stopped = {}
    for step in (49, 50):
        guard.set_model(model_at(step))
        guard.on_train_batch_end(0, {"loss": 0.5})
        stopped[step] = guard.model.stop_training
    assert stopped == {49: False, 50: True}
