"""From an exported version to the predictor that runs its format; imports only what that needs."""

from __future__ import annotations

from pathlib import Path

from tfsocial.serving import versions
from tfsocial.serving.predictor import Predictor


def load_version(folder: Path) -> Predictor:
    """Load an exported version.

    Raises:
        InputError: it is broken, or the package of its format is not installed.
    """
    format = versions.format_of(folder)
    if format == "litert":
        from tfsocial.serving.litert import LiteRTPredictor

        return LiteRTPredictor(folder)
    if format == "openvino":
        from tfsocial.serving.openvino import OpenVINOPredictor

        return OpenVINOPredictor(folder)
    from tfsocial.serving.saved_model import SavedModelPredictor

    return SavedModelPredictor(folder)
