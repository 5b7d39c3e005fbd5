"""Sessions nobody else can make up, and the language that a browser asks for."""

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st
import pytest

from tfsocial.web.languages import wanted
from tfsocial.web.sessions import Sessions

SESSIONS = Sessions(b"secret", "agent", "/", 60)
texts = st.dictionaries(st.text(max_size=9), st.text(max_size=20), max_size=3)


@hypothesis.given(values=texts, place=st.integers(min_value=0), other=st.characters())
def test_a_session_is_read_as_written_and_not_with_a_letter_changed(values, place, other):
    sealed = SESSIONS.sealed(values, now=100)
    assert SESSIONS.opened(sealed, now=159.9) == values
    assert SESSIONS.opened(sealed, now=160) is None
    place %= len(sealed) - 1  # of the last letter some bits are none of base64's
    changed = sealed[:place] + other + sealed[place + 1 :]
    assert SESSIONS.opened(changed, now=100) in ((None, values) if changed == sealed else (None,))


def test_sessions_of_another_kind_or_server_are_none():
    sealed = SESSIONS.sealed({"name": "ann"}, now=0)
    for other in (Sessions(b"secret", "visitor", "/", 60), Sessions(b"other", "agent", "/", 60)):
        assert other.opened(sealed, now=0) is None


@hypothesis.given(text=st.text(max_size=60))
def test_anything_else_is_no_session(text):
    assert SESSIONS.opened(text, now=0) is None


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("zh", "zh"),
        ("en;q=0.3, zh-TW;q=0.4", "zh"),
        ("zh;q=0, de", "en"),
        ("fr, de;q=0.5", "en"),
        (";;q=,,zh;q=nan", "en"),
    ],
)
def test_the_language_asked_for_most_is_taken_of_those_there_are(header, language):
    assert wanted(header, ["en", "zh"]) == language
