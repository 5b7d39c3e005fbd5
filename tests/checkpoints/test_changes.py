"""What a run changed of a checkpoint, sent along without the rest of it."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import tiny_run

from tfsocial.checkpoints import as_it_is, changes, model_folder, tensors
from tfsocial.config.model import Model
from tfsocial.errors import InputError


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A checkpoint in a folder, with a card that names its licence."""
    folder = tmp_path_factory.mktemp("base")
    vocabulary = tiny_run.write_vocabulary(folder / "vocabulary")
    sizes = {**tiny_run.SIZES, "positions": 32, "vocabulary": str(vocabulary)}
    as_it_is.save(Model(checkpoint="random", random=sizes), folder / "m0")
    return folder / "m0"


def tuned(base, folder, changed) -> None:
    """A model folder whose tensors of these names are others."""
    shutil.copytree(base, folder)
    arrays = tensors.read(folder / model_folder.WEIGHTS)
    arrays |= {name: array + 1 for name, array in arrays.items() if changed(name)}
    (folder / model_folder.WEIGHTS).write_bytes(tensors.to_bytes(arrays))
    (folder / model_folder.CARD).write_text("tuned", encoding="utf-8")


def test_a_checkpoint_and_what_was_changed_of_it_are_the_model(base, tmp_path):
    tuned(base, tmp_path / "run", lambda name: name.endswith("LayerNorm.bias"))
    changes.save(tmp_path / "run", str(base), tmp_path / "small")
    kept = tensors.read(tmp_path / "small" / changes.CHANGED)
    assert {name.rpartition(".")[2] for name in kept} == {"bias"}
    changes.apply(str(base), tmp_path / "small", tmp_path / "again")
    expected, found = (
        tensors.read(tmp_path / name / model_folder.WEIGHTS) for name in ("run", "again")
    )
    assert expected.keys() == found.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)
    assert (tmp_path / "again" / model_folder.CARD).read_text("utf-8") == "tuned"


def test_of_another_checkpoint_nothing_is_made(base, tmp_path):
    tuned(base, tmp_path / "run", lambda name: name.endswith("LayerNorm.bias"))
    changes.save(tmp_path / "run", str(base), tmp_path / "small")
    tuned(base, tmp_path / "other", lambda name: name.endswith("query.bias"))
    with pytest.raises(InputError, match="is another one"):
        changes.apply(str(tmp_path / "other"), tmp_path / "small", tmp_path / "again")
    with pytest.raises(InputError, match="is no folder of changes"):
        changes.apply(str(base), base, tmp_path / "again")


def test_a_model_that_was_changed_in_all_is_not_small(base, tmp_path):
    tuned(base, tmp_path / "run", lambda name: True)
    with pytest.raises(InputError, match="numbers are others than"):
        changes.save(tmp_path / "run", str(base), tmp_path / "small")
    assert not (tmp_path / "small").exists()
