"""Answers from a run's `model/` folder, by the encoder itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfsocial.checkpoints.model_folder import Answering
from tfsocial.serving import inputs, signature
from tfsocial.serving.predictor import Predictions, Predictor


class TextModelPredictor(Predictor):
    """A loaded model folder, or several as one."""

    def __init__(self, bundle: Answering):
        self.manifest = bundle.manifest
        self._names = signature.columns(bundle.manifest)

        @tf.function(autograph=False, reduce_retracing=True)
        def answer(*columns: tf.Tensor):
            return bundle.answer(columns)

        self._answer = answer

    def __call__(self, texts: Sequence[tuple[str, ...]]) -> Predictions:
        columns = inputs.by_name(self.manifest, self._names, texts)
        tensors = (
            tf.constant(values, tf.float32 if isinstance(values, np.ndarray) else tf.string)
            for values in columns.values()
        )
        tasks, embedding = self._answer(*tensors)
        return Predictions({task: tasks[task].numpy() for task in tasks}, embedding.numpy())
