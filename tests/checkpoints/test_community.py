"""M0: its architecture, and that each weight gets into its place."""

from __future__ import annotations

import logging
import re

import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf
from keras_names import community_name

from tfsocial import config
from tfsocial.checkpoints import community
from tfsocial.checkpoints.community import CommunityCheckpoint
from tfsocial.errors import InputError
from tfsocial.models import parameters
from tfsocial.models.encoder import PackedBert

from .m0_folders import (
    LAYER,
    POOLER,
    TABLE,
    bert_shapes,
    filled,
    m0_of,
    refusal,
    rewrite,
)


def test_the_architecture_is_the_checkpoints(m0, tiny_config):
    """Sizes and dropout come from config.json."""
    found = m0_of(m0).config
    assert (found.hidden_size, found.num_hidden_layers, found.vocab_size) == (32, 2, 35)
    assert found.hidden_dropout_prob == found.attention_probs_dropout_prob == 0.1
    assert m0_of(m0).architecture().to_dict() == tiny_config.to_dict()


def test_a_configured_dropout_replaces_the_checkpoints(m0):
    """Zero too, which is not the same as none given."""
    found = m0_of(m0, dropout=0.0).config
    assert found.hidden_dropout_prob == found.attention_probs_dropout_prob == 0.0


def test_the_architecture_for_some_words_leaves_m0_as_it_is(m0):
    """Only the copy has the smaller table."""
    found = m0_of(m0)
    assert found.architecture(np.array([0, 2, 3])).vocab_size == 3
    assert found.config.vocab_size == 35


def test_a_random_encoder_has_the_configured_sizes(m0):
    """It borrows a checkpoint's vocabulary and has no weights to give."""
    random = {"hidden_size": 8, "layers": 1, "heads": 2, "intermediate_size": 16, "positions": 24}
    found = community.of_config(
        config.Model(checkpoint="random", random={**random, "vocabulary": str(m0)}, dropout=0.3)
    )
    sizes = found.config.to_dict()
    expected = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    expected |= {"intermediate_size": 16, "max_position_embeddings": 24, "vocab_size": 35}
    expected |= {"hidden_dropout_prob": 0.3, "attention_probs_dropout_prob": 0.3}
    assert {key: sizes[key] for key in expected} == expected
    assert (found.folder, found.trained) == (m0, False)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"model_type": "roberta"}', "model_type is 'roberta'; this version loads 'bert'"),
        ("{", "cannot be read as JSON"),
        ("[]", "expected an object, found list"),
    ],
)
def test_a_config_that_is_no_berts_is_refused(m0, content, words):
    """Another architecture, no JSON, no object: before any weight is read."""
    (m0 / "config.json").write_text(content)
    message = refusal(m0_of, m0)
    assert message.startswith(f"{m0 / 'config.json'}: {words}")


def test_every_weight_comes_from_the_checkpoint(m0, tensors, tiny_config):
    """A linear layer's weight is turned round, all else is as it was; the pooler is left over."""
    encoder, leftovers = filled(m0)
    own = {community_name(variable.name): variable.numpy() for variable in encoder.variables}
    assert set(own) == set(bert_shapes(tiny_config)) - POOLER
    kernels = {f".{name}.weight" for name, _, _ in LAYER}
    for name, array in own.items():
        turned = any(name.endswith(kernel) for kernel in kernels)
        np.testing.assert_array_equal(array.T if turned else array, tensors[name], err_msg=name)
    assert set(leftovers) == POOLER


def test_leftovers_are_reported(m0, tensors, caplog):
    """A tensor without a place is named in the log and given back; position_ids is none."""
    rewrite(m0, tensors | {"cls.bias": np.ones(3), "embeddings.position_ids": np.arange(64)})
    with caplog.at_level(logging.INFO):
        _, leftovers = filled(m0)
    assert set(leftovers) == POOLER | {"cls.bias"}
    assert "cls.bias" in caplog.text
    assert "position_ids" not in caplog.text


def test_a_pooler_with_a_place_is_no_leftover(m0, tensors):
    """Pooling by the pooler takes it over."""
    found = m0_of(m0)
    encoder = PackedBert(found.config, pooler=True, name="encoder")
    encoder.build()
    assert found.fill(encoder) == {}
    np.testing.assert_array_equal(
        encoder.bert.pooler.dense.kernel.numpy().T, tensors["pooler.dense.weight"]
    )


def test_names_may_have_the_prefix_of_a_larger_model(m0, tensors):
    """BertForMaskedLM and its like say `bert.` before each of these names."""
    rewrite(m0, {f"bert.{name}": array for name, array in tensors.items()})
    encoder, leftovers = filled(m0)
    np.testing.assert_array_equal(encoder.bert.embeddings.weight, tensors[TABLE])
    assert set(leftovers) == POOLER


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float64])
def test_weights_of_any_precision_are_read(m0, tensors, dtype):
    """They become float32."""
    rewrite(m0, {name: array.astype(dtype) for name, array in tensors.items()})
    encoder, _ = filled(m0)
    expected = tensors[TABLE].astype(dtype).astype(np.float32)
    np.testing.assert_array_equal(encoder.bert.embeddings.weight, expected)


@pytest.mark.parametrize("words", [None, np.array([0, 2, 3])], ids=["all", "some words"])
@pytest.mark.parametrize("name", ["encoder.layer.1.output.dense.weight", TABLE])
class TestBrokenWeights:
    """Each flaw is refused by the name of file and tensor, with all words or with some."""

    def test_missing(self, m0, tensors, name, words):
        """A tensor the encoder needs is not there."""
        del tensors[name]
        rewrite(m0, tensors)
        message = refusal(filled, m0, words)
        assert message == f"{m0 / 'model.safetensors'}: lacks {name} (1 tensors in all)"

    def test_shape(self, m0, tensors, name, words):
        """A tensor is smaller than config.json says."""
        tensors[name] = tensors[name][:-1]
        rewrite(m0, tensors)
        message = refusal(filled, m0, words)
        assert f"{m0 / 'model.safetensors'}: {name} has shape" in message

    def test_not_a_number(self, m0, tensors, name, words):
        """One NaN in a whole tensor is found."""
        tensors[name][2, 1] = np.nan
        rewrite(m0, tensors)
        assert refusal(filled, m0, words) == (
            f"{m0 / 'model.safetensors'}: {name} holds values that are not finite"
        )


def test_a_broken_word_that_no_text_has_is_refused_too(m0, tensors):
    """It would be saved again, and then refused; better before the run than after."""
    tensors[TABLE][7, 0] = np.inf
    rewrite(m0, tensors)
    assert f"{TABLE} holds values that are not finite" in refusal(filled, m0, np.array([0, 2, 3]))


def test_many_missing_tensors_are_counted(m0):
    """Three are named, all are counted."""
    rewrite(m0, {"unrelated": np.ones(2)})
    assert refusal(filled, m0).endswith(
        f"lacks {TABLE}, embeddings.token_type_embeddings.weight, "
        "embeddings.position_embeddings.weight (37 tensors in all)"
    )


@pytest.mark.parametrize("content", [b"", b"not safetensors", b"\xff" * 64])
def test_a_broken_file_is_refused(m0, content):
    """Neither an empty nor a foreign file is more than a message."""
    (m0 / "model.safetensors").write_bytes(content)
    message = refusal(filled, m0)
    assert message.startswith(f"{m0 / 'model.safetensors'}: cannot be read as safetensors")


def test_a_file_cut_short_is_refused(m0):
    """As after a download that broke off."""
    whole = (m0 / "model.safetensors").read_bytes()
    (m0 / "model.safetensors").write_bytes(whole[:-100])
    assert "cannot be read as safetensors" in refusal(filled, m0)


@pytest.mark.parametrize("prefix", ["", "bert."])
def test_names_of_the_first_berts_are_understood(m0, tensors, prefix):
    """bert-base-uncased calls gamma and beta what BertModel calls weight and bias of a norm."""
    first = {"weight": "gamma", "bias": "beta"}
    old = {
        prefix + re.sub(r"LayerNorm\.(\w+)", lambda found: f"LayerNorm.{first[found[1]]}", name): a
        for name, a in tensors.items()
    }
    assert sum("gamma" in name for name in old) == 5
    expected = [variable.numpy() for variable in filled(m0)[0].variables]
    rewrite(m0, old)
    encoder, leftovers = filled(m0)
    assert {name.split(".")[0] for name in leftovers} == {"pooler"}
    for variable, array in zip(encoder.variables, expected, strict=True):
        np.testing.assert_array_equal(variable.numpy(), array)


def test_half_the_precision_is_read(m0, tensors):
    """bfloat16, as large checkpoints are shared."""
    rewrite(m0, {name: tf.cast(array, tf.bfloat16).numpy() for name, array in tensors.items()})
    encoder, _ = filled(m0)
    for name, array in parameters.of_encoder(encoder).arrays().items():
        np.testing.assert_allclose(array, tensors[name], rtol=2**-8, err_msg=name)


def test_a_vocabulary_longer_than_the_word_table_is_refused(tmp_path, tiny_config, tokenizer):
    """Ids beyond the table would be clamped under XLA without a word."""
    tiny_config.vocab_size = tokenizer.vocabulary_size - 1
    with pytest.raises(InputError, match=r"vocab\.txt has 35 tokens"):
        CommunityCheckpoint(tmp_path, tiny_config, True).check(tokenizer, 8)


def test_pairs_need_a_second_kind_of_token(tmp_path, tiny_config, tokenizer):
    """Some BERTs were trained without: their second text would be taken for the first."""
    tiny_config.type_vocab_size = 1
    checkpoint = CommunityCheckpoint(tmp_path, tiny_config, True)
    checkpoint.check(tokenizer, 64, texts=1)
    with pytest.raises(InputError, match=r"data\.text names 2 columns; .* name one column"):
        checkpoint.check(tokenizer, 64, texts=2)


def test_a_row_longer_than_the_positions_is_refused(tmp_path, tiny_config, tokenizer):
    """The message names the key and both numbers."""
    checkpoint = CommunityCheckpoint(tmp_path, tiny_config, True)
    checkpoint.check(tokenizer, 64)
    with pytest.raises(InputError, match=r"data.row_length is 65; the checkpoint has 64"):
        checkpoint.check(tokenizer, 65)
