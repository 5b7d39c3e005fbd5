"""What holds of every text: spans, their places, masking twice, and time that grows with length."""

from __future__ import annotations

import re
import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from masking_examples import EXAMPLES, NEAR_MISSES, SAID

from tfsocial.errors import InputError
from tfsocial.serving.gateway.masking import KINDS, Span, find, mask, phones
from tfsocial.serving.gateway.masking.folding import fold, wall_off
from tfsocial.serving.gateway.masking.spans import without_overlaps

PERSONAL = [one for examples in EXAMPLES.values() for one in examples]
LABELLED = [text for pairs in SAID.values() for text, _ in pairs]
OTHERS = [text for texts in NEAR_MISSES.values() for text in texts]
PIECES = [
    " ",
    ",",
    "。",
    "：",
    "-",
    "+",
    "@",
    ".",
    "[MAIL]",
    "[",
    "]",
    "password: ",
    "密码是",
    "call ",
    "订单",
]
SIGNS = st.characters(exclude_categories=())  # lone surrogates too
TEXTS = st.lists(
    st.one_of(
        st.sampled_from(PERSONAL + LABELLED + OTHERS + PIECES),
        st.text(SIGNS, max_size=6),
        st.text("0123456789 -.@:/abcAB\u200b１٢京", max_size=24),
    ),
    max_size=6,
).map("".join)


@given(TEXTS)
@settings(max_examples=200)
@example("\ud800password: \udfff12ab")
@example("a@example.com13800138000")
def test_spans_are_in_order_apart_and_of_the_text(text):
    spans = find(text)
    ends = [0, *(span.end for span in spans)]
    assert all(span.start >= end for span, end in zip(spans, ends[:-1], strict=True))
    assert all(span.start < span.end <= len(text) and span.kind in KINDS for span in spans)


@given(TEXTS)
@settings(max_examples=200)
def test_only_spans_change(text):
    masked = mask(text)
    parts = re.split("|".join(re.escape(f"[{kind}]") for kind in KINDS), masked.text)
    done, rest = 0, masked.text
    for start, end, kind in masked.spans:
        untouched = text[done:start]
        assert rest.startswith(f"{untouched}[{kind}]")
        rest, done = rest[len(untouched) + len(kind) + 2 :], end
    assert rest == text[done:]
    assert len(parts) > sum(masked.counts.values())


@given(TEXTS, st.sets(st.sampled_from(KINDS)))
@settings(max_examples=200)
def test_masking_twice_is_masking_once(text, kinds):
    for chosen in (KINDS, tuple(kinds)):
        once = mask(text, chosen).text
        assert mask(once, chosen) == (once, ())


@given(TEXTS)
def test_full_width_and_hidden_characters_change_no_place(text):
    wide = "".join(
        chr(ord(sign) + 0xFEE0) if sign.isdigit() and sign.isascii() else sign for sign in text
    )
    assert find(wide) == find(text)
    hidden = "\u200b".join(text)
    spans = [(2 * span.start, 2 * span.end - 1, span.kind) for span in find(text)]
    assert [tuple(span) for span in find(hidden)] == spans


def test_places_are_those_of_the_text_as_it_was():
    text = "机\u200b号１３\u200b８００１３８０００，邮箱ａ＠example.com"
    assert [text[span.start : span.end] for span in find(text)] == [
        "１３\u200b８００１３８０００",
        "ａ＠example.com",
    ]
    assert mask(text).text == "机\u200b号[PHONE]，邮箱[MAIL]"


def test_what_is_masked_is_counted():
    masked = mask("a@example.com, b@example.com, 13800138000")
    assert masked.text == "[MAIL], [MAIL], [PHONE]"
    assert masked.counts == {"MAIL": 2, "PHONE": 1}


def test_kinds_are_chosen_and_what_another_kind_wins_stays():
    text = "13800138000@example.com 4111111111111111"
    assert mask(text, ["PHONE", "CARD"]).text == "13800138000@example.com [CARD]"
    assert mask(text, []).text == text
    with pytest.raises(InputError, match="kinds: 'NAME' is none; there are SECRET, IBAN"):
        mask(text, ["NAME"])


def test_the_more_certain_rule_wins_then_the_longer():
    assert find("password: 13800138000")[0].kind == "SECRET"
    assert find("13800138000@example.com")[0].kind == "MAIL"
    assert [span.kind for span in find("ftp://jo:pw12@example.com")] == ["SECRET"]
    spans = [Span(0, 4, "A"), Span(2, 9, "B"), Span(9, 12, "A"), Span(2, 9, "A")]
    assert without_overlaps(spans) == [Span(2, 9, "B"), Span(9, 12, "A")]


def test_regions_say_whose_numbers_are_known_without_a_plus():
    assert not find("on 0412 345 678 today")
    assert find("on 0412 345 678 today", ("AU",)) == [Span(3, 15, "PHONE")]
    assert not find("13800138000", ("AU",))
    assert find("+86 13800138000", ("AU",))
    with pytest.raises(InputError, match="regions: 'UK' is none"):
        find("13800138000", ("UK",))


def test_texts_are_folded_and_walled_sign_by_sign():
    assert fold("plain") == ("plain", range(5))
    assert fold("（１３８）\u3000‐ ٣ ＠").text == "(138) - 3 @"
    assert fold("a\u200bb").original((0, 2)) == (0, 3)
    assert wall_off("abcdef", [(0, 1), (4, 6)]) == "\ue000bcd\ue000\ue000"


LONG = [
    *(
        "@",
        "a@",
        "a.a@",
        "x@a.a.a.",
        "1",
        "1 ",
        "22 ",
        "1-",
        "-",
        ".",
        "1.",
        ":",
        "1::",
        "a:",
        "+4",
    ),
    *(
        "中@",
        "京A1",
        "AB12 ",
        "DE89 ",
        "passport no ",
        "password: ",
        "pw: aaaaaaa ",
        "://a:",
        "eyJa.",
    ),
    *("-----BEGIN PRIVATE KEY-----", "[MAIL]", "1\u200b", " ", "(", "'a", "a [at] ", "\ud800"),
    *("212 555 0123 ", "call 212 055 0123, ", "4111 1111 1111 1112 ", "13800138000 ", "a@b.co "),
]


@pytest.mark.parametrize("piece", LONG)
def test_calls_grow_as_the_text_does(piece):
    """Calls are counted and not timed: a busy machine makes no more of them."""
    few, many = (calls(piece * (length // len(piece))) for length in (1_000, 8_000))
    assert many < 10 * few + 1_000


@pytest.mark.parametrize("piece", LONG)
def test_the_longest_texts_are_read(piece):
    """With a pattern that goes back over what it has read this would take minutes, not moments."""
    text = piece * (100_000 // len(piece))
    assert mask(mask(text).text).spans == ()


def test_of_a_list_of_numbers_some_are_looked_up_and_all_are_masked(monkeypatch):
    looked_up = []
    monkeypatch.setattr(phones, "_is_number_in", lambda *number: looked_up.append(number))
    spans = find("(212) 555-0123, " * 2 * phones.MOST_LOOKED_UP)
    assert len(spans) >= phones.MOST_LOOKED_UP
    assert len(looked_up) <= 3 * phones.MOST_LOOKED_UP * len(phones.REGIONS)


def test_a_text_without_digits_is_not_shown_to_the_dear_rules(monkeypatch):
    monkeypatch.setattr(phones.phonenumbers, "parse", None)
    for text in ("The parcel is wet and torn.", "快递员态度很差", "order 12 of 2025, 3 left @ 5"):
        assert find(text) == []


def calls(text: str) -> int:
    """How many functions `find` calls."""
    events = [0]

    def count(frame, event, argument):
        events[0] += 1

    sys.setprofile(count)
    try:
        find(text)
    finally:
        sys.setprofile(None)
    return events[0]
