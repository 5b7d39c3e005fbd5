"""The contract of the table: each kind's examples are found everywhere, its near misses nowhere."""

from __future__ import annotations

import pytest
from masking_examples import EXAMPLES, NEAR_MISSES, SAID

from tfsocial.serving.gateway.masking import KINDS, find

SENTENCES = (
    "{}",
    "Please have a look at {}.",
    "it is {}, as I wrote",
    "请看一下{}谢谢",
    "这是：{}。",
    "({})",
)


def found(text: str) -> list[tuple[str, str]]:
    return [(text[span.start : span.end], span.kind) for span in find(text)]


def each(table):
    return [pytest.param(kind, one, id=f"{kind} {one}") for kind in table for one in table[kind]]


def test_each_kind_has_examples_and_near_misses():
    for table in (EXAMPLES, SAID, NEAR_MISSES):
        assert set(table) == set(KINDS)


@pytest.mark.parametrize(("kind", "example"), each(EXAMPLES))
def test_an_example_is_found_in_english_and_in_chinese(kind, example):
    for sentence in SENTENCES:
        assert found(sentence.format(example)) == [(example, kind)]


@pytest.mark.parametrize(("kind", "example"), each(SAID))
def test_what_words_say_is_found(kind, example):
    text, personal = example
    assert (personal, kind) in found(text)


@pytest.mark.parametrize(("kind", "text"), each(NEAR_MISSES))
def test_a_near_miss_is_not_found(kind, text):
    for sentence in ("{}", "I see {} here", "我看{}了"):
        assert kind not in {kind for _, kind in found(sentence.format(text))}
