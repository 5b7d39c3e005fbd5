"""Models that were saved in both forms."""

from __future__ import annotations

import pytest
import served_models


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """`folders(name)`: the model folder and the SavedModel of one of `served_models.MODELS`."""
    return lambda name: served_models.of(name, tmp_path_factory)
