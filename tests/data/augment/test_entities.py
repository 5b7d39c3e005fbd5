"""Numbers and entities that become placeholders."""

from __future__ import annotations

import pytest

from tfsocial.data.augment.entities import EntityMask, NumberMask


def test_numbers(apply):
    """With points, commas and colons inside, not at the end; digits of any script."""
    texts = ["pay 3,080.50 at 10:30.", "3pm 2nd ４２ ٣", "none"]
    assert apply(NumberMask(), texts) == ["pay 0 at 0.", "0pm 0nd 0 0", "none"]
    assert apply(NumberMask(placeholder="number"), ["in 2 days"]) == ["in number days"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("write to a.b@c-d.org.", "write to email."),
        ("see HTTPS://x.com/a?b=1 now", "see url now"),
        ("@joe #late, thanks", "mention hashtag, thanks"),
        ("it cost $5.20 or 10 EUR or 30元", "it cost money or money or money"),
        ("due 2024-01-31, 1.2.24 or 3月8日", "due date, date or date"),
        ("a-b 5 / 6", "a-b 5 / 6"),
    ],
)
def test_entities_by_their_form(apply, text, expected):
    """Each becomes the name of its kind."""
    assert apply(EntityMask(), [text]) == [expected]


def test_names_are_the_users(apply):
    """The longest first, whatever the case, whole words in Latin script; Chinese anywhere."""
    op = EntityMask(names=("Ann", "Ann Lee", "C++", "工商银行"))
    texts = ["ANN LEE met ann", "Annual C++ talk", "我的工商银行卡"]
    assert apply(op, texts) == ["name met name", "Annual name talk", "我的name卡"]


def test_only_the_kinds_asked_for(apply):
    """Others stay."""
    assert apply(EntityMask(kinds=("email",)), ["a@b.org #x"]) == ["email #x"]
