"""Every sentence that is shown stands in what is stored, or fills a slot in it."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tfsocial.apps.support.answer import SHORT, put_together
from tfsocial.apps.support.index import Query
from tfsocial.apps.support.knowledge import Faq


def encode(texts) -> np.ndarray:
    return np.array([[text.count("card"), 1.0] for text in texts])


QUERY = Query("card?", np.array([1.0, 0.0]), {})
LONG = " ".join(f"This is sentence number {n} of many others here." for n in range(12))


def test_a_short_answer_is_shown_whole():
    found = put_together(Faq("a", "q", "One. Two. Three. Four. Five."), QUERY, encode)
    assert found.whole
    assert found.text == "One. Two. Three. Four. Five."


def test_of_a_long_one_the_nearest_sentences_are_shown_in_its_order():
    answer = f"The card is blue. {LONG} Your card, card, card comes.\nOr the card does not. {LONG}"
    assert len(answer) > SHORT
    found = put_together(Faq("a", "q", answer), QUERY, encode)
    assert not found.whole
    assert found.text == "The card is blue.\nYour card, card, card comes.\nOr the card does not."


def test_a_slot_without_a_value_is_no_answer():
    faq = Faq("a", "q", "Order {order} comes {day}.")
    assert put_together(faq, QUERY, encode, {"order": "7"}) is None
    assert put_together(faq, QUERY, encode, {"order": "7", "day": " "}) is None
    found = put_together(faq, QUERY, encode, {"order": "7", "day": "on {order}", "more": "x"})
    assert found.text == "Order 7 comes on {order}."
    assert [piece.slot for piece in found.pieces] == ["", "order", "", "day", ""]


def test_braces_of_other_kinds_are_text():
    answer = "Write {} or {A} or { order } or {{"
    assert put_together(Faq("a", "q", answer), QUERY, encode).text == answer


@given(
    st.text(st.sampled_from("ab {}.!?\n我。"), min_size=1, max_size=1500).filter(str.strip),
    st.dictionaries(st.sampled_from("ab"), st.text(max_size=20), max_size=2),
)
def test_every_piece_is_traced(answer, slots):
    found = put_together(Faq("a", "q", answer), QUERY, encode, slots)
    if found is None:
        return
    for piece in found.pieces:
        stored = answer[piece.start : piece.end]
        if piece.slot:
            assert stored == f"{{{piece.slot}}}"
            assert piece.text == slots[piece.slot].strip()
        else:
            assert piece.text == stored
    assert found.text.replace("\n", "") == "".join(p.text for p in found.pieces).replace("\n", "")
    if found.whole and not any(piece.slot for piece in found.pieces):
        assert found.text == answer
