"""What a model says of itself: read back as it was, and refused in words."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tfsocial.checkpoints import manifest, model_folder
from tfsocial.checkpoints.manifest import ModelManifest

from .m0_folders import (
    SPECS,
    manifest_of,
    refusal,
)


def test_decision_thresholds_are_a_half_unless_told(tiny_config):
    """One per label, float32."""
    told = manifest_of(thresholds={"topics": (0.25, 0.75)})
    assert told.decision_thresholds("topics").tolist() == [0.25, 0.75]
    assert manifest_of().decision_thresholds("topics").tolist() == [0.5, 0.5]
    assert manifest_of().decision_thresholds("topics").dtype == np.float32


def test_a_manifest_survives_json():
    """Labels and columns are tuples again."""
    pair = ModelManifest(SPECS, "cls", 32, 4, ("question", "answer"), {"topics": (0.5, 0.1)})
    values = json.loads(json.dumps(manifest.to_values(pair)))
    assert manifest.of_values(values) == pair


@pytest.mark.parametrize(
    ("change", "flaw"),
    [
        (lambda block: block.pop("pooling"), "pooling is missing"),
        (lambda block: block.pop("tasks"), "tasks is missing"),
        (lambda block: block["tasks"]["mood"].pop("kind"), "tasks.mood.kind is missing"),
        (lambda block: block["tasks"]["mood"].update(kind="x"), "tasks.mood.kind: input should be"),
        (lambda block: block.update(tasks=[]), "tasks: input should be a valid dictionary"),
        (lambda block: block.update(row_length="long"), "row_length: input should be a valid int"),
        (lambda block: block.update(thresholds={"topics": "a"}), "thresholds.topics: input should"),
        (lambda block: block.update(colour="red"), "colour is not known to this version"),
    ],
)
def test_a_malformed_block_says_what_is_wrong_with_it(saved, change, flaw):
    """Somebody's hand, or another version, was in config.json."""
    values = json.loads((saved / "config.json").read_text("utf-8"))
    change(values["tfsocial"])
    (saved / "config.json").write_text(json.dumps(values), "utf-8")
    message = refusal(model_folder.load, saved)
    start = f"{saved / 'config.json'}: its 'tfsocial' block cannot be used ({flaw}"
    assert message.startswith(start), message
    assert message.endswith("; take the folder as the run left it")


@pytest.mark.parametrize("block", ["words", [], 3])
def test_a_block_that_is_none_is_refused(saved, block):
    values = json.loads((saved / "config.json").read_text("utf-8")) | {"tfsocial": block}
    (saved / "config.json").write_text(json.dumps(values), "utf-8")
    assert "its 'tfsocial' block cannot be used (" in refusal(model_folder.load, saved)
