"""The smaller model that a plan leaves, with the weights that stay."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfsocial.checkpoints import model_folder
from tfsocial.checkpoints.locations import CARD
from tfsocial.checkpoints.model_folder import TextModelBundle
from tfsocial.compression import importance, pruning
from tfsocial.compression.plan import Plan
from tfsocial.compression.pruning import Kept
from tfsocial.data.pipeline.batches import evaluation_batches
from tfsocial.data.pipeline.tokenized_split import TokenizedSplit
from tfsocial.models import parameters
from tfsocial.models.text_model import TextModel
from tfsocial.text.batch import Shape
from tfsocial.text.tokenizer import Tokenizer
from tfsocial.text.tokenizer_files import SPECIAL_TOKENS
from tfsocial.training.run_constants import RunConstants

# Frequent tokens that stay though train has none of them: a word of tomorrow's texts that is
# spelled by its parts is read less well, the more so the fewer texts there were to learn from.
OTHERS = 4000
IDEOGRAPHIC = 0.01  # of train's tokens: from then on all ideographs stay


def choose(
    bundle: TextModelBundle,
    plan: Plan,
    train: TokenizedSplit,
    looked_at: TokenizedSplit,
    constants: RunConstants,
) -> Kept:
    """Choose what stays of a model.

    Args:
        train: whose tokens are counted.
        looked_at: examples of it, on which layers, heads and neurons are compared.
        constants: what the tasks' losses are, and what they read.
    """
    config, manifest = bundle.model.encoder.config, bundle.manifest
    whole = tuple(range(config.num_hidden_layers))
    shape = Shape(4, manifest.row_length, manifest.slots)
    batches = evaluation_batches(looked_at, shape)
    layers = importance.layers(bundle.model, batches, plan.layers or len(whole))
    worth = {}
    if plan.heads or plan.intermediate_size:
        one_row = evaluation_batches(looked_at, shape._replace(rows=1))
        worth = importance.of_inputs(bundle.model, constants, one_row)
    return Kept(
        layers,
        {layer: _heads(bundle, worth, layer, plan.heads) for layer in layers},
        {layer: _neurons(bundle, worth, layer, plan.intermediate_size) for layer in layers},
        _tokens(bundle.tokenizer, train, plan.vocabulary),
    )


def _heads(
    bundle: TextModelBundle, worth: Mapping[str, np.ndarray], layer: int, count: int | None
) -> tuple[int, ...]:
    config = bundle.model.encoder.config
    there = config.num_attention_heads - len(config.pruned_heads.get(layer, ()))
    if count is None:
        return tuple(range(there))
    inputs = worth[f"encoder.layer.{layer}.attention.output.dense.weight"]
    return tuple(pruning.highest(importance.of_heads(inputs, there), count).tolist())


def _neurons(
    bundle: TextModelBundle, worth: Mapping[str, np.ndarray], layer: int, count: int | None
) -> np.ndarray:
    if count is None:
        return np.arange(bundle.model.encoder.config.intermediate_size)
    return pruning.highest(worth[f"encoder.layer.{layer}.output.dense.weight"], count)


def _tokens(tokenizer: Tokenizer, train: TokenizedSplit, count: int | None) -> np.ndarray:
    """Special tokens and ASCII characters stay whatever happens: any word can be spelled.

    So do all ideographs where texts are written in them: none of them can be spelled by others.
    """
    size = tokenizer.vocabulary_size
    counts = np.bincount(train.tokens.flat_values.numpy(), minlength=size)
    wanted = count or min(int(np.count_nonzero(counts)) + OTHERS, size)
    special = set(SPECIAL_TOKENS.values())
    always = np.array([one in special or _is_letter(one) for one in tokenizer.vocabulary])
    ideographs = np.array([_is_ideograph(one) for one in tokenizer.vocabulary])
    if counts[ideographs].sum() > IDEOGRAPHIC * counts.sum():
        always |= ideographs
    return pruning.tokens(counts, always, wanted)


def _is_letter(token: str) -> bool:
    """Tell whether a token is one ASCII character, at the beginning of a word or within.

    >>> _is_letter("a"), _is_letter("##a"), _is_letter("##ab"), _is_letter("é")
    (True, True, False, False)
    """
    letter = token.removeprefix("##")
    return len(letter) == 1 and letter.isascii()


def _is_ideograph(token: str) -> bool:
    """Tell whether a token is one ideograph, as Chinese is written in them.

    >>> _is_ideograph("卡"), _is_ideograph("##卡"), _is_ideograph("a")
    (True, True, False)
    """
    character = token.removeprefix("##")
    return len(character) == 1 and "\u3400" <= character <= "\u9fff"


def write(folder: Path, bundle: TextModelBundle, kept: Kept, card: Path) -> None:
    """Write the smaller model as a model folder; its card is the larger one's, if that has one."""
    config = copy.deepcopy(bundle.model.encoder.config)
    head_size = config.hidden_size // config.num_attention_heads
    config.num_hidden_layers = len(kept.layers)
    config.intermediate_size = len(next(iter(kept.neurons.values())))
    config.vocab_size = len(kept.tokens)
    config.pruned_heads = _pruned_heads(bundle, kept)
    manifest = dataclasses.replace(bundle.manifest, mlm_head=False)
    model = TextModel.of(config, manifest)
    weights = parameters.of_text_model(model)
    arrays = pruning.pruned(parameters.of_text_model(bundle.model).arrays(), kept, head_size)
    weights.assign({name: arrays[name] for name in weights})
    old = bundle.tokenizer
    tokenizer = Tokenizer(
        [old.vocabulary[token] for token in kept.tokens], old.lower_case, old.strip_accents
    )
    about = card / CARD
    text = about.read_text("utf-8") if about.is_file() else None
    model_folder.save(folder, TextModelBundle(model, tokenizer, manifest), card=text)


def _pruned_heads(bundle: TextModelBundle, kept: Kept) -> dict[int, list[int]]:
    """Say of each layer which of the heads it once had are gone, as PyTorch's BERT reads it."""
    config = bundle.model.encoder.config
    gone = {}
    for place, layer in enumerate(kept.layers):
        before = set(config.pruned_heads.get(layer, ()))
        there = [head for head in range(config.num_attention_heads) if head not in before]
        stays = {there[number] for number in kept.heads[layer]}
        if left_out := sorted(set(range(config.num_attention_heads)) - stays):
            gone[place] = left_out
    return gone


def sample(split: TokenizedSplit, count: int) -> TokenizedSplit:
    """Take so many examples of a split, spread over all of it."""
    step = max(1, len(split) // count)
    return dataclasses.replace(
        split,
        tokens=split.tokens[::step],
        types=split.types[::step],
        labels={
            task: tf.convert_to_tensor(values)[::step] for task, values in split.labels.items()
        },
        groups={task: tf.convert_to_tensor(codes)[::step] for task, codes in split.groups.items()},
    )
