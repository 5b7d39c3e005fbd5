"""Mixup of pooled vectors: partners, shares and the mixed loss."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tfsocial.objectives.papers.mixup import Mixup
from tfsocial.text import batch as keys


def test_by_hand(bench, batch):
    """The loss of the mixed vector under both labels; the partner has the next larger key."""
    step = bench.step(batch)
    loss, mask = Mixup("topic")(step)
    again = bench.step(batch)
    keys_drawn, share_drawn = again.uniform().numpy(), again.uniform()
    share = Mixup("topic")._share(share_drawn).numpy()
    counted = np.argwhere(mask.numpy() > 0)
    order = sorted(map(tuple, counted), key=lambda place: keys_drawn[place])
    pooled, labels = again.outputs.pooled.numpy(), batch[keys.label_key("topic")].numpy()
    for place, partner in zip(order, order[1:] + order[:1], strict=True):
        mixed = share[place] * pooled[place] + (1 - share[place]) * pooled[partner]
        scores = again.heads(tf.constant(mixed[None, None]))["topic"][0, 0]
        log_share = tf.nn.log_softmax(scores).numpy()
        expected = -share[place] * log_share[labels[place]]
        expected -= (1 - share[place]) * log_share[labels[partner]]
        np.testing.assert_allclose(loss[place], expected, rtol=1e-4)


@pytest.mark.parametrize("alpha", [0.2, 0.5, 1.0, 4.0])
def test_shares_are_beta_mirrored(alpha):
    """1,024 even draws have the mirrored distribution's mean and deviation."""
    uniform = (np.arange(1024, dtype=np.float32) + 0.5) / 1024
    shares = Mixup("topic", alpha)._share(tf.constant(uniform)).numpy()
    drawn = stats.beta(alpha, alpha).rvs(200_000, random_state=0)
    mirrored = np.maximum(drawn, 1 - drawn)
    assert shares.min() >= 0.5
    assert shares.max() <= 1
    np.testing.assert_allclose(shares.mean(), mirrored.mean(), atol=3e-3)
    np.testing.assert_allclose(shares.std(), mirrored.std(), atol=3e-3)
