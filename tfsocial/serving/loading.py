"""From a folder to the predictor that can run what lies in it; imports only what that needs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tfsocial.checkpoints.locations import CONFIG
from tfsocial.errors import InputError
from tfsocial.serving import formats, versions
from tfsocial.serving.predictor import Predictor


def load_ensemble(folders: Sequence[Path]) -> Predictor:
    """Load one model as `load_predictor` does, or several `model/` folders that answer as one.

    Raises:
        InputError: a folder is none, or they cannot answer as one.
    """
    if len(folders) == 1:
        return load_predictor(folders[0])
    check_model_folders(folders)
    from tfsocial.checkpoints import ensemble
    from tfsocial.serving.text_model import TextModelPredictor

    return TextModelPredictor(ensemble.load(folders))


def check_model_folders(folders: Sequence[Path]) -> None:
    """Refuse to make one model of exported versions.

    Raises:
        InputError: a folder is one.
    """
    for folder in folders:
        if versions.format_of(versions.newest(folder)):
            raise InputError(
                f"--model={folder}: is an exported version; an ensemble is made of model/ folders, "
                "and exported as one"
            )


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
