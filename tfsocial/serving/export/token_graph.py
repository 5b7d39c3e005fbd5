"""The graph of the fast forms: token ids in, the numbers of `Predictions` out."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from tfsocial.checkpoints.model_folder import Answering
from tfsocial.serving.signature import output_name
from tfsocial.serving.token_model import inputs
from tfsocial.text import batch as keys


class TokenModule(tf.Module):
    """An encoder and its heads on texts that are padded, not packed.

    Each function takes `token_ids`, and for pairs `type_ids`, int32 [n, length] with [PAD] where
    there is no token, and gives `embedding` float32 [n, hidden] and the predictions of each task,
    [n, width], called as the SavedModel's.
    """

    def __init__(self, bundle: Answering, shapes: dict[str, tuple[int | None, int | None]]) -> None:
        """Make a function for each shape [n, length], None for any.

        Raises:
            InputError: the model reads columns beside the text.
        """
        super().__init__(name="tfsocial")
        bundle.manifest.check_text_alone("--format=litert or openvino")
        self.weights = bundle.variables
        answer = _answering(bundle)
        names = inputs(len(bundle.manifest.text_columns))
        self.functions = {
            name: tf.function(
                answer, [tf.TensorSpec(shape, tf.int32, one) for one in names], autograph=False
            )
            for name, shape in shapes.items()
        }


def _answering(bundle: Answering) -> Callable[..., dict[str, tf.Tensor]]:
    manifest, pad = bundle.manifest, bundle.tokenizer.pad_id

    def answer(token_ids: tf.Tensor, type_ids: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        # No text can be tokenized to [PAD]: that word of a text is three plain pieces.
        segments = tf.cast(token_ids != pad, tf.int32)
        batch = {
            keys.TOKEN_IDS: token_ids,
            keys.SEGMENT_IDS: segments,
            # Counted, not listed: of a listed one each graph would hold its rows of the table.
            keys.POSITION_IDS: tf.maximum(tf.cumsum(segments, axis=1) - 1, 0),
            # Zeros that are computed, for the same reason.
            keys.TYPE_IDS: tf.minimum(token_ids, 0) if type_ids is None else type_ids,
            keys.EXAMPLE_ID: tf.zeros([token_ids.shape[0] or tf.shape(token_ids)[0], 1], tf.int64),
        }
        tasks, pooled = bundle.answers(batch)
        named = {output_name(manifest, task): values[:, 0] for task, values in tasks.items()}
        return {"embedding": pooled[:, 0], **named}

    return answer
