"""The reference of drift, by hand."""

from __future__ import annotations

import json

import numpy as np
from outputs_by_hand import spec

from tfsocial.metrics import drift

SPECS = {
    "mood": spec("classify", "happy", "sad", "neither"),
    "topics": spec("multilabel", "card", "order"),
    "stars": spec("regress"),
}


def test_what_three_texts_look_like():
    found = drift.reference(
        np.array([3, 5, 7]),
        0.25,
        np.array([[0.0, 1.0], [2.0, 1.0], [4.0, 1.0]]),
        SPECS,
        {
            "mood": np.array([[0.9, 0.1, 0.0], [0.5, 0.3, 0.2], [0.2, 0.72, 0.08]]),
            "topics": np.array([[0.5, 0.0], [0.5, 0.3], [0.5, 0.6]]),
            "stars": np.array([[1.0], [2.0], [5.0]]),
        },
    )
    assert json.loads(json.dumps(found)) == found
    assert (found["rows"], found["unknown_tokens"]) == (3, 0.25)
    assert [found["tokens"][place] for place in (0, 3, -1)] == [3, 5, 7]
    assert found["embedding_mean"] == [2, 1]
    np.testing.assert_allclose(found["embedding_std"], [np.sqrt(8 / 3), 0])
    assert found["embedding_features"] is None  # of three texts nothing can be said
    mood, topics, stars = (found["tasks"][task] for task in SPECS)
    np.testing.assert_allclose(mood["label_shares"], [2 / 3, 1 / 3, 0])
    assert {place: count for place, count in enumerate(mood["confidence"]) if count} == {
        10: 1,
        14: 1,
        18: 1,  # 0.5, 0.72 and 0.9 in bins of 0.05
    }
    np.testing.assert_allclose(topics["mean_probabilities"], [0.5, 0.3])
    assert (stars["quantiles"][0], stars["quantiles"][3], stars["quantiles"][-1]) == (1, 2, 5)
