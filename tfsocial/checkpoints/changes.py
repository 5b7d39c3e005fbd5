"""What a run changed of a community checkpoint, where that is little: biases, and heads.

    python -m tfsocial.checkpoints.changes MODEL CHECKPOINT OUTPUT

A run with `training.tuned: biases` changes a thousandth of the weights. Its model folder without
the rest is small enough to be sent along with a program.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np

from tfsocial.checkpoints import as_it_is, model_folder, tensors
from tfsocial.config.model import Model
from tfsocial.errors import InputError

CHANGED, BASE = "changed.safetensors", "base.json"
BESIDE = (model_folder.HEADS, model_folder.CONFIG, model_folder.REFERENCE, model_folder.CARD)
MOST = 0.05  # of the checkpoint's numbers


def save(model: Path, checkpoint: str, folder: Path) -> None:
    """Write what a model folder holds that a checkpoint does not.

    Raises:
        InputError: the checkpoint cannot be had, or above 5 % of its numbers are others now.
    """
    with tempfile.TemporaryDirectory() as place:
        base = Path(place) / "model"
        as_it_is.save(Model(checkpoint=checkpoint), base)
        before, after = (tensors.read(one / model_folder.WEIGHTS) for one in (base, model))
        changed = {
            name: array
            for name, array in after.items()
            if name not in before or not np.array_equal(array, before[name])
        }
        count, total = (sum(one.size for one in some.values()) for some in (changed, after))
        if count > MOST * total:
            raise InputError(f"{model}: {count} of {total} numbers are others than {checkpoint}'s")
        folder.mkdir(parents=True, exist_ok=True)
        values = {"checkpoint": checkpoint, "sha256": _hash(base)}
        (folder / CHANGED).write_bytes(tensors.to_bytes(changed))
        (folder / BASE).write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    for name in BESIDE:
        if (model / name).is_file():
            shutil.copyfile(model / name, folder / name)


def apply(checkpoint: str, changes: Path, folder: Path) -> None:
    """Write a model folder: a checkpoint, and what `save` wrote laid over it.

    Raises:
        InputError: the checkpoint cannot be had, or is another one than that which was changed.
    """
    as_it_is.save(Model(checkpoint=checkpoint), folder)
    try:
        base = json.loads((changes / BASE).read_text(encoding="utf-8"))
        changed = tensors.read(changes / CHANGED)
    except (OSError, ValueError) as error:
        raise InputError(f"{changes}: is no folder of changes ({error})") from None
    if base["sha256"] != _hash(folder):
        raise InputError(
            f"{changes}: was made of {base['checkpoint']}, and {checkpoint} is another one"
        )
    arrays = {**tensors.read(folder / model_folder.WEIGHTS), **changed}
    (folder / model_folder.WEIGHTS).write_bytes(tensors.to_bytes(arrays))
    for name in BESIDE:
        if (changes / name).is_file():
            shutil.copyfile(changes / name, folder / name)


def _hash(folder: Path) -> str:
    return hashlib.sha256((folder / model_folder.WEIGHTS).read_bytes()).hexdigest()


if __name__ == "__main__":
    save(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
