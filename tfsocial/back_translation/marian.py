"""Back-translation by two Marian checkpoints, through the TF classes of transformers.

Marian is Junczys-Dowmunt et al. (2018), Marian: Fast Neural Machine Translation in C++,
arXiv:1804.00344. Pieces are drawn from the k likeliest (Edunov et al. 2018, arXiv:1808.09381).
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfsocial.checkpoints import locations
from tfsocial.config import MarianTranslator, Sampling
from tfsocial.data.augment.random_stream import RandomStream
from tfsocial.errors import InputError
from tfsocial.models.tf_transformers import transformers
from tfsocial.provenance import licences
from tfsocial.provenance import resources as provenance
from tfsocial.provenance.resources import Resource

CITATION = (
    "Junczys-Dowmunt et al. (2018), Marian: Fast Neural Machine Translation in C++, "
    "arXiv:1804.00344"
)
WEIGHTS = ("tf_model.h5", "model.safetensors")
PICKLE = "pytorch_model.bin"
NEEDED = ("config.json", "source.spm", "target.spm", "vocab.json")
_HUB_FILES = ("*.json", "*.spm", "README.md", "LICENSE*", *WEIGHTS)
_COMPUTED = "embed_positions"  # sines of the positions, which the model makes itself
LENGTH_STEP = 16  # of the longest text of a batch, so that few shapes are compiled
MORE_PIECES = 10  # a translation may have twice the pieces of its text and these


@dataclass(frozen=True)
class Direction:
    """One checkpoint, loaded.

    Attributes:
        key: of the config, as data.back_translation.forward.
        compiled: each shape is traced once, which takes half a minute, and then runs several
            times as fast; worth it for more than a few batches. The translations are the same.
    """

    key: str
    folder: Path
    tokenizer: Any
    model: Any
    sampling: Sampling
    batch: int
    compiled: bool
    _graphs: dict[int, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def load(cls, key: str, folder: Path, knobs: MarianTranslator, compiled: bool) -> Direction:
        """Load a direction from a local folder.

        Raises:
            InputError: it holds no Marian checkpoint that TensorFlow can read.
        """
        where = f"{key}: {folder}"
        _check(folder, where)
        model, tokenizer = _model(folder, where), _tokenizer(folder, where)
        return cls(key, folder, tokenizer, model, knobs.sampling, knobs.batch, compiled)

    def __call__(self, texts: Sequence[str], stream: RandomStream) -> list[str]:
        """Translate texts [n]; what is drawn for a text depends on it and its stream alone."""
        read = self.tokenizer(
            list(texts),
            return_tensors="np",
            padding=True,
            truncation=True,
            max_length=self._positions,
        )
        rows, length = read["input_ids"].shape
        more = -rows % self.batch
        longer = min(-length % LENGTH_STEP, self._positions - length)
        padding = {"input_ids": self.tokenizer.pad_token_id, "attention_mask": 0}
        tokens, mask = (
            np.pad(
                np.pad(read[name], [[0, 0], [0, longer]], constant_values=value),
                [[0, more], [0, 0]],
                mode="edge",
            ).astype(np.int32)
            for name, value in padding.items()
        )
        keys = tf.constant(np.pad(stream.keys.numpy(), [0, more], mode="edge"))
        made = self._graph(tokens.shape[1])(tokens, mask, keys)
        decoded = self.tokenizer.batch_decode(made[: len(texts)], skip_special_tokens=True)
        return [text.strip() for text in decoded]

    @property
    def _positions(self) -> int:
        return self.model.config.max_position_embeddings

    def _graph(self, length: int) -> Any:
        """Return the function that translates texts of at most so many pieces."""
        if length not in self._graphs:
            pieces = min(2 * length + MORE_PIECES, self._positions - 1)

            def generate(tokens: tf.Tensor, mask: tf.Tensor, keys: tf.Tensor) -> tf.Tensor:
                draw = Draw(self.sampling, RandomStream(keys))
                # The likeliest of what is left: Draw leaves one.
                return self.model.generate(
                    tokens,
                    attention_mask=mask,
                    do_sample=False,
                    num_beams=1,
                    early_stopping=False,
                    length_penalty=1.0,
                    max_new_tokens=pieces,
                    logits_processor=[draw],
                )

            self._graphs[length] = tf.function(generate) if self.compiled else generate
        return self._graphs[length]


@dataclass(frozen=True)
class Draw:
    """Leaves of each row's scores one, drawn from the k highest in proportion to exp(score / T).

    The sampling of transformers' TF classes takes one seed for a batch and, given one, the same
    noise at every step. Here noise is a hash of the text, the step and the piece
    (`RandomStream`), so that a text's translation does not depend on its batch. The highest of
    score / T + Gumbel noise is such a draw: Gumbel (1954), Statistical Theory of Extreme Values.
    """

    sampling: Sampling
    stream: RandomStream

    def __call__(self, tokens: tf.Tensor, scores: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        """Draw one piece a row: of scores float32 [n, pieces] all but one become -inf."""
        size = scores.shape[-1]
        high, pieces = tf.math.top_k(scores, min(self.sampling.top_k, size))
        rows = tf.repeat(tf.range(tf.shape(pieces)[0]), tf.shape(pieces)[1])
        u = self.stream.branch(length).at(rows, tf.reshape(pieces, [-1]))
        u = tf.maximum(tf.reshape(u, tf.shape(pieces)), 1e-9)
        noise = -tf.math.log(-tf.math.log(u))
        best = tf.argmax(high / self.sampling.temperature + noise, axis=-1)
        sampled = tf.gather(pieces, best, batch_dims=1)
        return tf.one_hot(sampled, size, on_value=0.0, off_value=-np.inf)


@dataclass(frozen=True)
class Marian:
    """Into another language and back; see `translation.Translator`."""

    forward: Direction
    backward: Direction
    seed: int

    @classmethod
    def load(cls, knobs: MarianTranslator, compiled: bool = True) -> Marian:
        """Load the checkpoints of a config.

        Raises:
            InputError: see `folders`, `Direction.load`.
        """
        there, back = (
            Direction.load(key, folder, knobs, compiled) for key, folder in folders(knobs).items()
        )
        return cls(there, back, knobs.sampling.seed)

    def __call__(self, texts: list[str], draw: int = 0) -> list[str]:
        """Translate each text there and back; another `draw`, another paraphrase."""
        stream = RandomStream.of(self.seed, draw, tf.constant([_number(text) for text in texts]))
        abroad = self.forward(texts, stream.branch(0))
        return self.backward(abroad, stream.branch(1))


def folders(knobs: MarianTranslator) -> dict[str, Path]:
    """Find key of the config -> local folder of that checkpoint, fetched from the hub if need be.

    Raises:
        InputError: it cannot be had.
    """
    return {
        f"data.back_translation.{way}": _folder(getattr(knobs, way), f"data.back_translation.{way}")
        for way in ("forward", "backward")
    }


def resources(knobs: MarianTranslator) -> tuple[Resource, ...]:
    """List the two checkpoints, with the licence that stands in their folders."""
    names = (knobs.forward, knobs.backward)
    return tuple(map(_resource, names, folders(knobs).values()))


def _resource(name: str, folder: Path) -> Resource:
    licence, source = licences.in_folder(folder)
    content = sorted(
        str(path) for path in folder.iterdir() if path.name in (*NEEDED, *WEIGHTS, PICKLE)
    )
    return Resource(
        "translator",
        name,
        key="data.back_translation",
        licence=licence,
        licence_source=f"{source} of the checkpoint" if source else "",
        citation=CITATION,
        sha256=provenance.digest(content),
    )


def _folder(name: str, key: str) -> Path:
    if name.startswith("hub:"):
        return locations.hub_folder(name.removeprefix("hub:"), _HUB_FILES, key)
    folder = Path(name)
    if not folder.is_dir():
        raise InputError(f"{key} {name}: there is no such folder; hub:NAME is the other form")
    return folder


def _number(text: str) -> int:
    """Hash a text to an int64 that stands for it."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True)


# --- loading ---------------------------------------------------------------------------


def _check(folder: Path, where: str) -> None:
    if importlib.util.find_spec("sentencepiece") is None:
        raise InputError(
            "translator: marian needs the package sentencepiece, which is not installed; "
            "pip install sentencepiece"
        )
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        raise InputError(f"{where} is no Marian checkpoint; it lacks {', '.join(missing)}")
    kind = _kind(folder / "config.json")
    if kind != "marian":
        raise InputError(f"{where}: model_type is {kind!r}; this translator loads 'marian'")
    if any((folder / name).is_file() for name in WEIGHTS):
        return
    if (folder / PICKLE).is_file():
        raise InputError(
            f"{where} has its weights only in {PICKLE}, a pickle that needs PyTorch to be read; "
            f"{_conversion(folder)}"
        )
    raise InputError(f"{where} has no weights; expected {' or '.join(WEIGHTS)}")


def _conversion(folder: Path) -> str:
    return (
        'where PyTorch is installed, python -c "import transformers as t; '
        f"t.MarianMTModel.from_pretrained('{folder}').save_pretrained('{folder}')\" "
        "writes model.safetensors beside it"
    )


def _kind(path: Path) -> Any:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as JSON ({error})") from None
    return values.get("model_type") if isinstance(values, dict) else None


def _model(folder: Path, where: str) -> Any:
    """Load every weight from the checkpoint: transformers starts at random where a name differs."""
    noise = logging.getLogger("transformers")
    before = noise.level
    noise.setLevel(logging.ERROR)
    try:
        model, report = transformers.TFMarianMTModel.from_pretrained(
            folder, output_loading_info=True
        )
    except Exception as error:  # transformers raises its own, h5py's and safetensors' errors
        reason = str(error).strip().partition("\n")[0]
        raise InputError(f"{where} cannot be loaded ({reason})") from None
    finally:
        noise.setLevel(before)
    lost = [name for name in report["missing_keys"] if _COMPUTED not in name]
    if lost:
        raise InputError(
            f"{where} lacks {lost[0]} ({len(lost)} tensors in all) under the names that "
            f"transformers' TFMarianMTModel gives them; {_conversion(folder)}"
        )
    return model


def _tokenizer(folder: Path, where: str) -> Any:
    try:
        with warnings.catch_warnings():
            # It asks for sacremoses, which would only unify quotes and dashes.
            warnings.simplefilter("ignore")
            tokenizer = transformers.MarianTokenizer.from_pretrained(folder)
    except Exception as error:  # a vocabulary that is no JSON, or lacks <unk>
        raise InputError(f"{where}: its tokenizer cannot be loaded ({error})") from None
    # Of a file that sentencepiece cannot read it gives False.
    if not isinstance(tokenizer, transformers.MarianTokenizer):
        raise InputError(f"{where}: its source.spm or target.spm cannot be read by sentencepiece")
    return tokenizer
