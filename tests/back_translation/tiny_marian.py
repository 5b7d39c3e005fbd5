"""A Marian checkpoint of random weights, small enough to be made in a test."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import numpy as np
from safetensors import numpy as safetensors
from transformers import MarianConfig, TFMarianMTModel
from transformers.modeling_tf_pytorch_utils import convert_tf_weight_name_to_pt_weight_name

SENTENCES = ["my card is good thanks", "nice order", "the card is late", "my order is broken"]
PIECES = 40


def write(folder: Path, seed: int = 0) -> Path:
    """The files a Marian checkpoint has, its weights under PyTorch's names as the community does.

    As PyTorch writes it, without the sines of the positions.
    """
    folder.mkdir(parents=True)
    vocabulary = write_pieces(folder)
    config = MarianConfig(
        vocab_size=len(vocabulary),
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        max_position_embeddings=24,
        pad_token_id=vocabulary["<pad>"],
        decoder_start_token_id=vocabulary["<pad>"],
        eos_token_id=0,
        forced_eos_token_id=0,
    )
    config.save_pretrained(folder)
    safetensors.save_file(tensors(config, seed), folder / "model.safetensors", {"format": "pt"})
    (folder / "README.md").write_text("---\nlicense: cc-by-4.0\n---\n", "utf-8")
    return folder


def write_pieces(folder: Path) -> dict[str, int]:
    """Trains sentencepiece on `SENTENCES`; gives piece -> id."""
    import sentencepiece  # optional

    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES * 3),
        model_writer=written,
        vocab_size=PIECES,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    for name in ("source.spm", "target.spm"):
        (folder / name).write_bytes(written.getvalue())
    reader = sentencepiece.SentencePieceProcessor(model_proto=written.getvalue())
    pieces = [reader.id_to_piece(number) for number in range(reader.get_piece_size())]
    own = [piece for piece in pieces if piece not in ("<s>", "</s>", "<unk>")]
    vocabulary = {piece: number for number, piece in enumerate(["</s>", "<unk>", *own, "<pad>"])}
    (folder / "vocab.json").write_text(json.dumps(vocabulary), "utf-8")
    return vocabulary


def tensors(config: MarianConfig, seed: int) -> dict[str, np.ndarray]:
    """Random weights, under PyTorch's names and in its layout."""
    model = TFMarianMTModel(config)
    model.build()
    source, found = np.random.default_rng(seed), {}
    for variable in model.variables:
        # The conversion takes the first part of a name for the model's own.
        scoped = re.sub(r"^model/", "marian/model/", variable.name)
        name, transposed = convert_tf_weight_name_to_pt_weight_name(
            scoped, tf_weight_shape=variable.shape
        )
        array = source.normal(scale=0.5, size=variable.shape).astype(np.float32)
        array = array.T if transposed.value == "simple" else array
        if "embed_positions" not in name:
            found[name] = np.ascontiguousarray(array)
    return found
