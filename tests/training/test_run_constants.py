"""What a run's terms are given, and the error where one reads what nobody declared."""

from __future__ import annotations

import numpy as np
import pytest

from tfsocial.models.spec import HeadSpec
from tfsocial.training.run_constants import RunConstants, UndeclaredNeedError, label_counts


def test_an_undeclared_need_says_where_to_declare_it():
    """Asked for by its name; `get` is for those who can do without."""
    constants = RunConstants().having("fisher", [1.0])
    assert constants["fisher"] == [1.0]
    assert constants.get("m0") is None
    with pytest.raises(UndeclaredNeedError, match=r"^'m0' was not made .* in its class's `needs`"):
        constants["m0"]


def test_elsewhere_is_without_what_was_made_of_train():
    """A row for each of train's examples is nobody's in dev; the rest stays."""
    constants = RunConstants().having("m0", 1).having("m0_vectors", np.ones(3), of_train=True)
    assert constants.elsewhere["m0_vectors"] is None
    assert constants.elsewhere["m0"] == 1
    assert constants["m0_vectors"] is not None


def test_label_counts_are_of_classifications():
    """Two of class 1, one of class 0, one without a label; a score has no classes."""
    specs = {"mood": HeadSpec("classify", ("a", "b", "c")), "stars": HeadSpec("regress", ())}
    labels = {"mood": np.array([1, 0, -1, 1], np.int32), "stars": np.ones([4, 1], np.float32)}
    found = label_counts(labels, specs)
    assert {task: counts.tolist() for task, counts in found.items()} == {"mood": [1, 2, 0]}
