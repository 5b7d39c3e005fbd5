"""What the base lacks, what it says twice, and what is proposed for it."""

from __future__ import annotations

import hypothesis
import hypothesis.extra.numpy as arrays
import hypothesis.strategies as st
import numpy as np
import pytest

from tests.apps.support.eight_words import FAQS, read
from tfsocial.apps.support.knowledge import Faq
from tfsocial.apps.support.retrieval import Ranking
from tfsocial.apps.support.review import LIKE, draft_id, heaped, near, says_other
from tfsocial.apps.support.service import Support
from tfsocial.errors import InputError


@pytest.fixture
def support(engine) -> Support:
    found = Support(engine, read, Ranking(thresholds={0.95: 0.7}))
    found.knowledge.put(FAQS)
    return found


vectors = arrays.arrays(
    float, st.tuples(st.integers(1, 12), st.just(3)), elements=st.floats(-1, 1, width=16)
).filter(lambda rows: (np.linalg.norm(rows, axis=1) > 0.1).all())


@hypothesis.given(rows=vectors)
def test_each_is_in_one_heap_and_like_its_middle(rows):
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    heaps = heaped(rows @ rows.T >= LIKE)
    assert sorted(place for heap in heaps for place in heap) == list(range(len(rows)))
    for middle, *others in heaps:
        assert (rows[others] @ rows[middle] >= LIKE - 1e-9).all()
    assert len(heaps[0]) == max(map(len, heaps))


@hypothesis.given(rows=vectors)
def test_pairs_are_those_of_the_whole_matrix(rows):
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    cosines = rows @ rows.T
    expected = {(i, j) for i in range(len(rows)) for j in range(i) if cosines[i, j] >= 0.9}
    assert {(other, one) for _, one, other in near(rows, 0.9)} == expected


@pytest.mark.parametrize(
    ("one", "other", "differs"),
    [
        ("It takes 5 days.", "It takes five or 5 days", False),
        ("It takes 5 days.", "It takes 6 days.", True),
        ("You can return it.", "You can't return it.", True),
        ("可以退货。", "不可以退货。", True),
        ("运费8元", "运费是8元", False),
    ],
)
def test_numbers_and_noes_tell_answers_apart(one, other, differs):
    assert says_other(one, other) is differs


def test_unanswered_questions_are_gathered_until_they_are_answered(support):
    # Words that the model does not know are all the same to it; "refund fee" has an answer.
    for number, text in enumerate(("snow", "refund fee", "snow", "wind", "cost cost")):
        support.say(f"t{number}", "m", text)
    heaps = support.review.heaps()
    assert [(heap.middle, heap.count) for heap in heaps] == [("wind", 3), ("cost cost", 1)]
    assert heaps[0].texts == ["wind", "snow"]
    support.knowledge.put([Faq("wind", "Wind?", "It blows.")])
    assert [heap.middle for heap in support.review.heaps()] == ["cost cost"]


def test_two_of_one_question_are_shown_until_somebody_keeps_both(support):
    support.knowledge.put(
        [
            Faq("fee-2", "fee refund", "A refund is free."),
            Faq("lost-2", "lost card", "Call us. We never block it."),
        ]
    )
    pairs = {(pair.one.id, pair.other.id): pair.same for pair in support.review.pairs()}
    assert pairs == {("fee", "fee-2"): True, ("lost", "lost-2"): False}
    support.knowledge.keep_both("lost-2", "lost")
    assert [pair.one.id for pair in support.review.pairs()] == ["fee"]
    support.knowledge.put([Faq("lost-2", "lost card", "Call nobody.")])
    assert len(support.review.pairs()) == 2


def test_a_draft_is_live_when_it_is_published_and_gone_when_dropped(support, engine):
    first = support.propose("may my dog come?", "Dogs are welcome.", "ann")
    second = support.propose("May my dog come", "No.", "bob")
    assert (first.id, second.id) == ("may-my-dog-come", "may-my-dog-come-2")
    assert support.knowledge.get(first.id) is None
    other = Support(engine, read)
    assert [draft.by for draft in other.knowledge.drafts()] == ["ann", "bob"]
    other.knowledge.publish(first.id)
    support.knowledge.drop(second.id)
    assert support.knowledge.get(first.id) == first
    assert other.knowledge.drafts() == []
    for act in (support.knowledge.publish, support.knowledge.drop):
        with pytest.raises(InputError, match="there is no such draft"):
            act(second.id)
    with pytest.raises(InputError, match="question: is empty"):
        support.propose(" ", "a", "ann")


def test_who_is_erased_takes_drafts_and_unanswered_questions_along(support):
    support.say("t1", "m1", "snow on Ann's dog", person="ann")
    support.propose("Ann's dog", "Yes.", "bea", talk="t1")
    assert support.review.heaps()
    support.forget("ann")
    assert "snow" not in str(vars(support.review))
    assert "snow" not in str(vars(support.knowledge.index.spelling))
    assert support.review.heaps() == []
    assert support.knowledge.drafts() == []
    assert support.knowledge.get("lost") == FAQS[1]


@hypothesis.given(question=st.text(max_size=80), known=st.sets(st.text(max_size=5)))
def test_ids_of_drafts_are_new_and_fit_an_address(question, known):
    name = draft_id(question, known)
    assert name not in known
    assert 1 <= len(name) <= 100
    assert name.isascii()
