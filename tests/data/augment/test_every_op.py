"""What every op of the table promises, whichever it is: eager = mapped = batched, and its config.

The cases are read off the table: a new op is tested here without a line of its own.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import re
import typing

import numpy as np
import pytest
import tensorflow as tf
import yaml
from tensorflow.core.framework import graph_pb2

from tfsocial.config import Schedule
from tfsocial.data.augment import table
from tfsocial.data.augment.contract import TextOp
from tfsocial.errors import InputError

from .conftest import TEXTS, TOGETHER, moment_of

do_not_convert = tf.autograph.experimental.do_not_convert  # no Python there branches on tensors
PYTHON_OPS = {"PyFunc", "PyFuncStateless", "EagerPyFunc"}
SYNONYMS = "card\tplastic\tdebit card\n借记卡\t银行卡\narrived\tcome\nif\twhen\n"
RATES = (0.3, 1.0)
ALONE = (0, 2, 4, 7)  # of TEXTS: both scripts, nothing, what is no word


@pytest.fixture(scope="module")
def thesaurus(tmp_path_factory) -> str:
    """A file of synonyms."""
    path = tmp_path_factory.mktemp("synonyms") / "synonyms.tsv"
    path.write_text(SYNONYMS, encoding="utf-8")
    return str(path)


def knobs_of(name: str) -> list[dict]:
    """No knob turned, and each value of each knob that is a choice."""
    kind = table.OPS[name]
    hints = typing.get_type_hints(kind)
    choices = [
        {knob: value}
        for knob, hint in hints.items()
        if typing.get_origin(hint) is typing.Literal
        for value in typing.get_args(hint)
        if value != "wordnet"  # what needs a data set beside the package has a test of its own
    ]
    return [{}, *choices]


CASES = [(name, knobs) for name in table.OPS for knobs in knobs_of(name)]


@pytest.fixture(params=CASES, ids=lambda case: "-".join([case[0], *map(str, case[1].values())]))
def make(request, thesaurus):
    """`make(**knobs)`: an op of the table with some knobs turned."""
    name, own = request.param

    def made(**knobs):
        files = {"table": thesaurus} if name == "synonym" else {}
        return table.build(name, {**files, **own, **knobs}, "at")

    return made


@pytest.fixture(scope="module")
def run(tokenizer):
    """`run(op, examples, **moment)`: texts or tokens of `TEXTS` after an op, as a list."""

    parts = tokenizer.word_parts(np.arange(tokenizer.vocabulary_size))

    def applied(op, examples, texts=TEXTS, **knobs):
        context = moment_of(examples, **knobs)
        chosen = tf.gather(tf.constant(texts), examples)
        if isinstance(op, TextOp):
            return op(chosen, context)
        tokens, types, _ = tokenizer(chosen, chosen, max_length=40)
        return op(tokens, types, dataclasses.replace(context, word_parts=parts))

    return applied


def listed(values) -> list:
    """Tensors, plain or ragged, as lists."""
    values = values if isinstance(values, tuple) else (values,)
    return [
        value.to_list() if hasattr(value, "to_list") else value.numpy().tolist() for value in values
    ]


@pytest.fixture(scope="module")
def as_they_are(run, tokenizer):
    """`as_they_are(op)`: all of `TEXTS` before an op of its kind."""

    @functools.cache
    def before(of_texts: bool) -> list:
        if of_texts:
            return [[text.encode() for text in TEXTS]]
        tokens, types, _ = tokenizer(tf.constant(TEXTS), tf.constant(TEXTS), max_length=40)
        return [tokens.to_list(), types.to_list()]

    return lambda op: before(isinstance(op, TextOp))


def every() -> list[int]:
    return list(range(len(TEXTS)))


def test_eager_is_mapped_is_batched(make, run):
    """An example becomes the same alone, in any batch, eagerly and in a `tf.data` graph.

    The graph holds TensorFlow's ops alone.
    """
    op = make(rate=0.4)
    together = listed(run(op, every(), epoch=3))
    backwards = listed(run(op, every()[::-1], epoch=3))
    assert [column[::-1] for column in backwards] == together
    for number in ALONE:
        assert listed(run(op, [number], epoch=3)) == [[column[number]] for column in together]
    dataset = tf.data.Dataset.from_tensors(tf.constant(every())).unbatch().batch(3)
    after = dataset.map(do_not_convert(lambda ids: run(op, ids, epoch=3)))
    mapped = [listed(batch) for batch in after]
    assert [list(itertools.chain(*column)) for column in zip(*mapped, strict=True)] == together
    assert not PYTHON_OPS & ops_of_graph(after), "a TPU host could not run it"


def ops_of_graph(dataset: tf.data.Dataset) -> set[str]:
    graph = graph_pb2.GraphDef()
    graph.ParseFromString(
        tf.raw_ops.DatasetToGraphV2(input_dataset=dataset._variant_tensor).numpy()
    )
    nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
    return {node.op for node in nodes}


def test_rate_0_leaves_everything(make, run, as_they_are):
    """Byte for byte, also what is no word."""
    identity = make(rate=0.0)
    unchanged = make(rate=Schedule(start=1.0, end=0.0, until=0.5).model_dump())
    assert listed(run(identity, every())) == as_they_are(identity)
    assert listed(run(unchanged, every(), progress=0.5)) == as_they_are(identity)


def test_rate_1_changes_something(make, run, as_they_are):
    """At the start of a schedule that falls from 1."""
    op = make(rate=Schedule(start=1.0, end=0.0).model_dump())
    assert listed(run(op, every())) != as_they_are(op)


@pytest.mark.parametrize("rate", RATES)
def test_texts_stay_utf_8_and_tokens_stay_framed(make, run, as_they_are, rate):
    """Strings decode; tokens keep their special ones, their types and at most their number."""
    op = make(rate=rate)
    after, before = listed(run(op, every())), as_they_are(op)
    if isinstance(op, TextOp):
        assert all(text.decode("utf-8") is not None for text in after[0])
        assert [bool(text.strip()) for text in after[0]] == [
            bool(text.strip()) for text in before[0]
        ]
        return
    for tokens, types, was in zip(*after, before[0], strict=True):
        assert (tokens[0], tokens[-1], tokens.count(2), tokens.count(3)) == (2, 3, 1, 2)
        between = tokens.index(3)
        assert types == [0] * (between + 1) + [1] * (len(types) - between - 1)
        assert len(tokens) <= len(was)
        assert (len(was) == 3) == (len(tokens) == 3)


def test_chance_is_of_seed_and_epoch(make, run):
    """Other numbers in another epoch and under another seed, the same ones again."""
    op = make(rate=0.4)
    texts = [TOGETHER] * 40

    def after(**context):
        return listed(run(op, list(range(40)), texts=texts, **context))

    once = after()
    assert after() == once
    assert after(epoch=1) != once
    assert after(seed=2) != once


@pytest.mark.parametrize("rate", [0.25, {"start": 0.5, "end": 0.0, "shape": "cosine"}])
def test_printed_it_is_its_config(make, rate):
    """What is printed, read as YAML, builds an equal op."""
    op = make(rate=rate)
    ((name, knobs),) = yaml.safe_load(f"{{{op!r}}}").items()
    assert name in table.OPS
    assert table.build(name, knobs, "at") == op


@pytest.mark.parametrize("name", table.OPS)
class TestEntry:
    """Each entry of the table, on paper."""

    def test_is_named_as_its_class(self, name):
        """The name in the table is the one it prints."""
        assert table.OPS[name]().name == name
        assert issubclass(table.OPS[name], TextOp) == (name in table.TEXT)

    def test_is_frozen_and_says_what_it_does(self, name):
        """A knob cannot be turned later; a docstring of its own; every knob has a default."""
        kind = table.OPS[name]
        assert kind.__doc__
        with pytest.raises(dataclasses.FrozenInstanceError):
            kind().rate = 0.5

    def test_refuses_by_key_path(self, name):
        """A misspelled knob, a rate beyond 1 and a schedule beyond 1 name their keys."""
        with pytest.raises(InputError, match=r"^at.ratex is not a knob of .*did you mean rate"):
            table.build(name, {"ratex": 1}, "at")
        for knob in ("rate", "probability"):
            for wrong in (1.5, -0.5, {"start": 0.1, "end": 2.0}, "many"):
                with pytest.raises(InputError, match=rf"^at\.{knob} is {re.escape(repr(wrong))}; "):
                    table.build(name, {knob: wrong}, "at")


def test_unknown_op_is_refused():
    """The nearest name is offered."""
    with pytest.raises(InputError, match=r"at\.0\.word_dorp is not a known op; .*word_drop"):
        table.build_all([{"word_dorp": {}}], "at", None)


def test_strings_come_before_tokens():
    """The tokenizer runs once."""
    with pytest.raises(InputError, match="word_drop works on strings and comes after token_mask"):
        table.build_all([{"token_mask": {}}, {"word_drop": {}}], "at", None)
