"""Arrays in files; that reading them needs numpy alone."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from tfsocial.checkpoints import bert_names, tensors
from tfsocial.errors import InputError

HEAVY = ("tensorflow", "tf_keras", "transformers", "sklearn", "scipy")


def test_what_is_written_is_read(tmp_path):
    arrays = {"a": np.arange(6, dtype=np.float16).reshape(2, 3), "b": np.array(2.5, np.float32)}
    (tmp_path / "one.safetensors").write_bytes(tensors.to_bytes(arrays))
    found = tensors.read(tmp_path / "one.safetensors")
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"none\.safetensors: cannot be read as safetensors"):
        tensors.read(tmp_path / "none.safetensors")


def test_a_whole_table_leaves_the_one_it_is_made_of():
    """Rows 2 and 0 of three are new; of half precision as well."""
    table = np.array([[1, 1], [2, 2], [3, 3]], np.float16)
    found = tensors.whole_table(table, np.array([[9, 9], [8, 8]]), np.array([2, 0]))
    assert found.tolist() == [[8, 8], [2, 2], [9, 9]]
    assert found.dtype == np.float32
    assert table.tolist() == [[1, 1], [2, 2], [3, 3]]


def test_which_class_has_a_place_follows_from_the_names():
    assert bert_names.architecture(["embeddings.word_embeddings.weight"]) == "BertModel"
    assert bert_names.architecture(["cls.predictions.bias"]) == "BertForMaskedLM"


def test_pure_modules_import_no_framework():
    """Composition, tools and a server read files where nothing else is installed."""
    code = (
        "import sys; from tfsocial.checkpoints import tensors, bert_names, manifest, locations; "
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
