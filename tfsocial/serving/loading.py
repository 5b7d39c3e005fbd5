"""From a folder to the predictor that can run what lies in it; imports only what that needs."""

from __future__ import annotations

from pathlib import Path

from tfsocial.checkpoints.locations import CONFIG
from tfsocial.errors import InputError
from tfsocial.serving import formats, versions
from tfsocial.serving.predictor import Predictor


def load_predictor(folder: Path) -> Predictor:
    """Load a run's `model/` folder, an exported version, or the newest of a folder of versions.

    Raises:
        InputError: the folder is neither, or is broken.
    """
    version = versions.newest(folder)
    if versions.format_of(version):
        return formats.load_version(version)
    if (folder / CONFIG).is_file():
        from tfsocial.checkpoints import model_folder
        from tfsocial.serving.text_model import TextModelPredictor

        return TextModelPredictor(model_folder.load(folder))
    raise InputError(
        f"--model={folder}: is neither a run's model/ folder ({CONFIG}) nor an exported version "
        f"({' or '.join(versions.GRAPHS.values())}) nor a folder of versions"
    )
