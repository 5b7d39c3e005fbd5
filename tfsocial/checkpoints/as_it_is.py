"""A community checkpoint as a `model/` folder of its own: a vector for each text, no labels."""

from __future__ import annotations

from pathlib import Path

from tfsocial.checkpoints import community, model_folder
from tfsocial.checkpoints.manifest import ModelManifest
from tfsocial.checkpoints.model_folder import TextModelBundle
from tfsocial.config.model import Model
from tfsocial.models.text_model import TextModel
from tfsocial.text.tokenizer import Tokenizer

ROW_LENGTH, SLOTS = 128, 16  # what it reads of a text at the most, in tokens; texts of a row
CARD = """---
license: {licence}
---
{name}, as it was shared: not trained further, and without a task. It gives vectors.
"""


def save(model: Model, folder: Path) -> None:
    """Write M0 as a model folder.

    Raises:
        InputError: it cannot be had, is incomplete, or is not a BERT.
    """
    m0 = community.of_config(model)
    tokenizer = Tokenizer.load(m0.folder)
    row_length = min(ROW_LENGTH, m0.config.max_position_embeddings)
    m0.check(tokenizer, row_length)
    manifest = ModelManifest({}, model.pooling, row_length, SLOTS, ("text",))
    text_model = TextModel.of(m0.architecture(), manifest)
    unused = m0.fill(text_model.encoder)
    card = CARD.format(licence=m0.resource(model).licence, name=model.checkpoint)
    model_folder.save(folder, TextModelBundle(text_model, tokenizer, manifest), unused, card=card)
