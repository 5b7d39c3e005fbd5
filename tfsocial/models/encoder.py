"""TF-BERT on packed rows: `transformers`' own layers, with attention kept inside each example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import tensorflow as tf
import tf_keras as keras

from tfsocial.models.gradient_checkpointing import RepeatableGenerator, checkpointed
from tfsocial.models.kernels import ByteDropout, dropout, gelu
from tfsocial.models.tf_transformers import BertConfig, TFBertMainLayer
from tfsocial.text import batch as keys

# Large enough to vanish in a softmax, small enough for bfloat16 and float16 to hold.
MASKED = -3e4


class PackedBert(keras.layers.Layer):
    """BERT (Devlin et al., arXiv:1810.04805) whose rows hold several examples each.

    A token attends to the tokens of its own segment only and its position counts from the
    start of its segment, so a packed example has the hidden states it would have alone.

    Args:
        compiled: training steps go through XLA, which wants another dropout.
        gradient_checkpointing: of the layers' inner values none is kept for the way back.
    """

    def __init__(
        self,
        config: BertConfig,
        pooler: bool = False,
        seed: int = 0,
        compiled: bool = False,
        gradient_checkpointing: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.config = config
        self.compiled, self.gradient_checkpointing = compiled, gradient_checkpointing
        self.has_pooler = pooler
        self.bert = TFBertMainLayer(config, add_pooling_layer=pooler, name="bert")
        self.generator = RepeatableGenerator.from_seed(seed)
        self._exchange_kernels(dropout(compiled))
        for layer, heads in config.pruned_heads.items():
            _without_heads(self.bert.encoder.layer[layer].attention, len(heads))

    def build(self, input_shape=None):
        if not self.built:
            with tf.name_scope(self.bert.name):
                self.bert.build()
        super().build(input_shape)

    def words(self, batch: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Look up the word vectors of a batch's tokens, [rows, row_length, hidden]."""
        return tf.gather(self.bert.embeddings.weight, batch[keys.TOKEN_IDS])

    def call(
        self,
        batch: Mapping[str, tf.Tensor],
        training: bool = False,
        words: tf.Tensor | None = None,
        layers: Sequence[int] | None = None,
    ) -> tf.Tensor:
        """Compute the hidden states of the last layer, [rows, row_length, hidden].

        Args:
            words: vectors to read instead of the table's, [rows, row_length, hidden].
            layers: numbers of the layers to go through, in their order; left out, all.
        """
        words = self.words(batch) if words is None else words
        embedded = self.bert.embeddings(
            input_ids=None,
            inputs_embeds=tf.cast(words, self.compute_dtype),
            position_ids=batch[keys.POSITION_IDS],
            token_type_ids=batch[keys.TYPE_IDS],
            training=training,
        )
        hidden, mask = embedded, segment_mask(batch[keys.SEGMENT_IDS], embedded.dtype)
        stack = self.bert.encoder.layer
        for number in range(len(stack)) if layers is None else layers:
            hidden = self._through(stack[number], hidden, mask, training)
        return hidden

    def _through(
        self, layer: keras.layers.Layer, hidden: tf.Tensor, mask: tf.Tensor, training: bool
    ) -> tf.Tensor:
        """Compute the hidden states after one more layer."""

        def outputs(hidden: tf.Tensor) -> tf.Tensor:
            return layer(
                hidden_states=hidden,
                attention_mask=mask,
                head_mask=None,
                encoder_hidden_states=None,
                encoder_attention_mask=None,
                past_key_value=None,
                output_attentions=False,
                training=training,
            )[0]

        if self.gradient_checkpointing and training:
            return checkpointed(outputs, hidden, self.generator, self.compiled)
        return outputs(hidden)

    def _exchange_kernels(self, dropout: type[ByteDropout]) -> None:
        """Put `kernels` in the place of the layers' own dropout and GELU."""
        generator = self.generator
        hidden, attention = (
            self.config.hidden_dropout_prob,
            self.config.attention_probs_dropout_prob,
        )
        self.bert.embeddings.dropout = dropout(hidden, generator)
        for layer in self.bert.encoder.layer:
            layer.attention.self_attention.dropout = dropout(attention, generator)
            layer.attention.dense_output.dropout = dropout(hidden, generator)
            layer.bert_output.dropout = dropout(hidden, generator)
            if self.config.hidden_act == "gelu":
                layer.intermediate.intermediate_act_fn = gelu

    @property
    def pooler_layer(self) -> keras.layers.Dense:
        """BERT's tanh layer; for an encoder that `has_pooler`."""
        if self.bert.pooler is None:
            raise ValueError("the encoder was built without a pooler")
        return self.bert.pooler.dense

    def pooler(self, first: tf.Tensor) -> tf.Tensor:
        """Apply BERT's tanh layer to first tokens, [..., hidden] to [..., hidden]."""
        return self.pooler_layer(first)


def _without_heads(attention: keras.layers.Layer, count: int) -> None:
    """Leave so many heads out of an attention that is not built yet, as PyTorch's BERT does."""
    itself, output = attention.self_attention, attention.dense_output.dense
    itself.num_attention_heads -= count
    itself.all_head_size = itself.num_attention_heads * itself.attention_head_size
    for linear in (itself.query, itself.key, itself.value):
        linear.units = itself.all_head_size
    # Who builds it says the width of the states, which is no longer that of all heads.
    build = output.build
    output.build = lambda input_shape: build([None, None, itself.all_head_size])


def segment_mask(segment_ids: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """Make the additive attention mask [rows, 1, row_length, row_length]: 0 within a segment.

    Padding is a segment of its own: its positions see each other and nobody sees them.

    >>> segment_mask(tf.constant([[1, 1, 2]]), tf.float32)[0, 0].numpy().tolist()
    [[0.0, 0.0, -30000.0], [0.0, 0.0, -30000.0], [-30000.0, -30000.0, 0.0]]
    """
    same = segment_ids[:, tf.newaxis, :, tf.newaxis] == segment_ids[:, tf.newaxis, tf.newaxis, :]
    return tf.where(same, tf.zeros([], dtype), tf.constant(MASKED, dtype))
