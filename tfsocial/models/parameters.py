"""A model's weights by the names the community gives them, each with its role and its layer.

Whoever copies, averages, freezes, decays, saves or reads weights goes through here and asks for
them by name. Names follow from where a weight stands in the model, not from what Keras calls it or
how many stand before it: a weight more in the encoder is an adapter, and nothing else changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any, Literal, TypeVar

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tfsocial.models.encoder import PackedBert
from tfsocial.models.heads import Heads, MLMHead
from tfsocial.models.text_model import TextModel

Role = Literal["backbone", "adapter", "head", "term"]
T = TypeVar("T")

# Linear layers of one layer of PyTorch's BertModel, and the attributes that hold them in TF-BERT.
LINEAR = {
    "attention.self.query": "attention.self_attention.query",
    "attention.self.key": "attention.self_attention.key",
    "attention.self.value": "attention.self_attention.value",
    "attention.output.dense": "attention.dense_output.dense",
    "intermediate.dense": "intermediate.dense",
    "output.dense": "bert_output.dense",
}
NORMS = {
    "attention.output.LayerNorm": "attention.dense_output.LayerNorm",
    "output.LayerNorm": "bert_output.LayerNorm",
}
# Parts of a layer that hold several of these and whose attributes have names of their own.
GROUPS = {
    "attention.self": "attention.self_attention",
    "attention.output": "attention.dense_output",
    "output": "bert_output",
}


@dataclass(frozen=True)
class Parameter:
    """One weight.

    Attributes:
        name: as PyTorch's BertModel calls it; `<task>.weight` and so on of a head.
        role: backbone is M0's encoder, adapter what was put into it, head what stands on it, term
            what an objective learns beside the model.
        layer: 0 for the embeddings, 1 to n for the encoder's layers, n for the pooler over them;
            None outside of the encoder.
        decays: whether weight decay pulls at it. Decay pulls towards zero: for biases and norms
            zero means nothing, and rows of the word table that no text touches would only be worn
            away.
        transposed: whether Keras keeps it as [in, out], the community as [out, in].
        trainable: whether training may move it; the threshold of what is out of scope is fitted.
        task: whose head it is; None of the masked-LM head, which comes from M0.
    """

    name: str
    variable: tf.Variable
    role: Role
    layer: int | None = None
    decays: bool = True
    transposed: bool = False
    trainable: bool = True
    task: str | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """As the community lays it out."""
        shape = tuple(self.variable.shape)
        return shape[::-1] if self.transposed else shape

    def array(self) -> np.ndarray:
        """Read its values, of shape `shape`, as the community lays them out."""
        array = np.asarray(self.variable.numpy())  # of a scalar it gives a number
        return np.ascontiguousarray(array.T) if self.transposed else array

    def assign(self, array: np.ndarray) -> None:
        """Assign values of shape `shape`, in the community's layout."""
        self.variable.assign(array.T if self.transposed else array)


class Parameters(Mapping[str, Parameter]):
    """Name -> parameter, in the order in which Keras keeps the variables: trainable ones first."""

    def __init__(self, parameters: Iterable[Parameter]):
        parameters = list(parameters)
        self._by_name = {parameter.name: parameter for parameter in parameters}
        if len(self._by_name) < len(parameters):
            names = [parameter.name for parameter in parameters]
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"two weights of the model have one name, {twice}")

    def __getitem__(self, name: str) -> Parameter:
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    @property
    def top(self) -> int:
        """Number of the encoder's top layer, which is how many it has."""
        return max(parameter.layer or 0 for parameter in self.values())

    @property
    def trainable(self) -> Parameters:
        """Those that training may move."""
        return self.where(lambda parameter: parameter.trainable)

    @property
    def variables(self) -> dict[str, tf.Variable]:
        """Name -> variable."""
        return {name: parameter.variable for name, parameter in self.items()}

    def of(self, *roles: Role) -> Parameters:
        """Select those of some roles."""
        return self.where(lambda parameter: parameter.role in roles)

    def where(self, wanted: Callable[[Parameter], bool]) -> Parameters:
        """Select those that are wanted, in the same order."""
        return Parameters(filter(wanted, self.values()))

    def by_variable(self, values: Mapping[str, T]) -> list[tuple[tf.Variable, T]]:
        """Say of variables what was said of their names: an optimizer knows no names."""
        return [(self[name].variable, value) for name, value in values.items()]

    def arrays(self) -> dict[str, np.ndarray]:
        """Give name -> values as the community lays them out."""
        return {name: parameter.array() for name, parameter in self.items()}

    def assign(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Assign values in the community's layout; names without a value stay as they are.

        Raises:
            KeyError: of a value whose name no parameter has.
        """
        for name, array in arrays.items():
            self[name].assign(array)

    def copy_from(self, others: Parameters) -> None:
        """Copy the values of others, which may have names beside these.

        Raises:
            KeyError: of a name that the others lack.
        """
        for name, parameter in self.items():
            parameter.variable.assign(others[name].variable)


def of_text_model(
    text_model: TextModel, terms: Mapping[str, tf.Variable] | None = None
) -> Parameters:
    """List those of a built text model; before them what `terms` learn beside it, by name."""
    learned = [Parameter(name, v, "term", decays=False) for name, v in (terms or {}).items()]
    known = [*_of_encoder(text_model.encoder), *_of_heads(text_model.heads)]
    if text_model.mlm_head:
        known += _of_mlm_head(text_model.mlm_head)
    return Parameters([*learned, *_in_keras_order(text_model, known)])


def of_encoder(encoder: PackedBert) -> Parameters:
    """List those of a built encoder: backbone and adapters."""
    return Parameters(_in_keras_order(encoder, _of_encoder(encoder)))


def of_heads(heads: Heads) -> Parameters:
    """List those of built heads."""
    return Parameters(_in_keras_order(heads, _of_heads(heads)))


def of_mlm_head(head: MLMHead) -> Parameters:
    """List those of a built masked-LM head."""
    return Parameters(_in_keras_order(head, _of_mlm_head(head)))


def _in_keras_order(layer: keras.layers.Layer, known: Iterable[Parameter]) -> list[Parameter]:
    """Sort by Keras's order, which counts: the gradients' global norm adds the squares up in it."""
    trainable = {variable.ref() for variable in layer.trainable_variables}
    by_variable = {parameter.variable.ref(): parameter for parameter in known}
    strange = [variable.name for variable in layer.variables if variable.ref() not in by_variable]
    if strange:
        raise ValueError(f"{strange[0]} stands nowhere in the model under a public name")
    in_order = [by_variable[variable.ref()] for variable in layer.variables]
    return [replace(one, trainable=one.variable.ref() in trainable) for one in in_order]


def _of_encoder(encoder: PackedBert) -> list[Parameter]:
    backbone = [*_of_embeddings(encoder.bert.embeddings)]
    for number, layer in enumerate(encoder.bert.encoder.layer):
        backbone += _of_layer(f"encoder.layer.{number}", layer, number + 1)
    top = len(encoder.bert.encoder.layer)
    if encoder.has_pooler:
        backbone += _linear("pooler.dense", encoder.pooler_layer, "backbone", top)
    return [*backbone, *_adapters(encoder, backbone)]


def _of_embeddings(embeddings: keras.layers.Layer) -> Iterator[Parameter]:
    def table(name: str, variable: tf.Variable, decays: bool = True) -> Parameter:
        return Parameter(f"embeddings.{name}.weight", variable, "backbone", 0, decays)

    yield table("word_embeddings", embeddings.weight, decays=False)
    yield table("token_type_embeddings", embeddings.token_type_embeddings)
    yield table("position_embeddings", embeddings.position_embeddings)
    yield from _norm("embeddings.LayerNorm", embeddings.LayerNorm, "backbone", 0)


def _of_layer(name: str, layer: keras.layers.Layer, number: int) -> Iterator[Parameter]:
    for part, path in LINEAR.items():
        yield from _linear(f"{name}.{part}", attrgetter(path)(layer), "backbone", number)
    for part, path in NORMS.items():
        yield from _norm(f"{name}.{part}", attrgetter(path)(layer), "backbone", number)


def _of_heads(heads: Heads) -> Iterator[Parameter]:
    for task, layer in heads.linear.items():
        yield from _linear(task, layer, "head", task=task)
    for task, layer in heads.ood_detectors.items():
        for path, variable in _variables(layer):
            yield Parameter(f"{task}.{path}", variable, "head", decays=False, task=task)


def _of_mlm_head(head: MLMHead) -> Iterator[Parameter]:
    """Name the parts as `cls.predictions` in PyTorch's BertForMaskedLM."""
    yield Parameter("cls.predictions.bias", head.bias, "head", decays=False)
    yield from _linear("cls.predictions.transform.dense", head.dense, "head")
    yield from _norm("cls.predictions.transform.LayerNorm", head.norm, "head")


def _linear(
    name: str,
    layer: keras.layers.Layer,
    role: Role,
    number: int | None = None,
    task: str | None = None,
) -> Iterator[Parameter]:
    """Name the two of a linear layer, or of what stands in its place with `kernel` and `bias`."""
    kernel = Parameter(f"{name}.weight", layer.kernel, role, number, transposed=True, task=task)
    bias = Parameter(f"{name}.bias", layer.bias, role, number, decays=False, task=task)
    yield from (kernel, bias)


def _norm(
    name: str, layer: keras.layers.Layer, role: Role, number: int | None = None
) -> Iterator[Parameter]:
    for part, variable in (("weight", layer.gamma), ("bias", layer.beta)):
        yield Parameter(f"{name}.{part}", variable, role, number, decays=False)


def _adapters(encoder: PackedBert, backbone: Iterable[Parameter]) -> Iterator[Parameter]:
    """Name the encoder's variables that are not BERT's, each by the smallest part it is in."""
    left = {variable.ref() for variable in encoder.variables}
    left -= {parameter.variable.ref() for parameter in backbone}
    for part, layer, number in _parts(encoder) if left else ():
        for path, variable in _variables(layer):
            if variable.ref() in left:
                left.remove(variable.ref())
                decays = variable.shape.rank > 1
                yield Parameter(f"{part}{path}", variable, "adapter", number, decays)


def _parts(encoder: PackedBert) -> Iterator[tuple[str, keras.layers.Layer, int]]:
    """Yield (beginning of the names, layer, its number) of each part, smaller before larger."""
    layers = encoder.bert.encoder.layer
    for number, layer in enumerate(layers, 1):
        for part, path in (LINEAR | NORMS | GROUPS).items():
            yield f"encoder.layer.{number - 1}.{part}.", attrgetter(path)(layer), number
        yield f"encoder.layer.{number - 1}.", layer, number
    yield "embeddings.", encoder.bert.embeddings, 0
    yield "", encoder, len(layers)


def _variables(layer: keras.layers.Layer) -> Iterator[tuple[str, tf.Variable]]:
    """Yield (path of attributes, variable) of all that a layer holds under public names."""
    for name, value in vars(layer).items():
        if not name.startswith("_"):
            yield from _inside(name, value)


def _inside(path: str, value: Any) -> Iterator[tuple[str, tf.Variable]]:
    if isinstance(value, tf.Variable):
        yield path, value
    elif isinstance(value, keras.layers.Layer):
        yield from ((f"{path}.{below}", variable) for below, variable in _variables(value))
    elif isinstance(value, list | tuple):
        for number, one in enumerate(value):
            yield from _inside(f"{path}.{number}", one)
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from _inside(f"{path}.{key}", one)
