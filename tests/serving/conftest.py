"""Models that were saved in both forms."""

from __future__ import annotations

import pytest
import served_models


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """`folders(name)`: the model folder and the SavedModel of one of `served_models.MODELS`."""
    return lambda name: served_models.of(name, tmp_path_factory)


@pytest.fixture(scope="module")
def form(tmp_path_factory):
    """`form(name, format)`: the version of one of `served_models.MODELS` in another format."""
    return lambda name, format: served_models.form(name, format, tmp_path_factory)
