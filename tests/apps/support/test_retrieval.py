"""What is found, how the parts are weighed, and whether its probability keeps its promise."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfsocial.apps.support import confidence, fusion, phrasing, retrieval
from tfsocial.apps.support import index as module
from tfsocial.apps.support.fusion import NOT_THERE, Fusion, reciprocal_ranks
from tfsocial.apps.support.index import PARTS, Index, Query, passages, read_queries
from tfsocial.apps.support.knowledge import Faq, as_row, of_row
from tfsocial.apps.support.records import Read
from tfsocial.apps.support.spelling import Spelling
from tfsocial.apps.support.words import BM25, sentences, words
from tfsocial.errors import InputError

AXES = ("card", "late", "rate", "lost")


def encode(texts) -> np.ndarray:
    """Counts of four words, of length 1; a text without one of them is far from all."""
    found = np.array([[float(text.lower().count(word)) for word in AXES] for text in texts])
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    return (found / np.maximum(lengths, 1e-9)).astype(np.float32)


def query(text: str, intents=None) -> Query:
    return Query(text, encode([text])[0], intents or {})


FAQS = [
    Faq("late", "Why is my card late?", "It takes a week.", intent="delivery"),
    Faq("lost", "I lost my card", "Call us. We send a new one.", paraphrases=("card is lost",)),
    Faq("rate", "", "The rate is two percent."),
]


# --- words ---------------------------------------------------------------------------------------


def test_bm25_by_hand():
    """Of three documents of 2, 1 and 3 words; k1 = 1.2, b = 0.75."""
    ranking = BM25.of(["card late", "card", "late late rate"])
    rare = math.log1p((3 - 1 + 0.5) / (1 + 0.5))
    length = 1.2 * (0.25 + 0.75 * 3 / 2)
    expected = rare * 2.2 / (1 + length)
    assert ranking.scores("RATE unheard").tolist() == pytest.approx([0, 0, expected])
    common = math.log1p((3 - 2 + 0.5) / (2 + 0.5))
    assert ranking.scores("late")[2] == pytest.approx(common * 2 * 2.2 / (2 + length))


def test_no_documents_and_no_words_are_no_fault():
    assert BM25.of([]).scores("a").shape == (0,)
    assert BM25.of(["", "?"]).scores("?").tolist() == [0, 0]
    assert BM25.of(["", "?"]).most("?") == 0


@given(st.text(max_size=200))
def test_sentences_hold_all_that_is_said_and_nothing_else(text):
    spans = sentences(text)
    assert "".join("".join(text[a:b] for a, b in spans).split()) == "".join(text.split())
    assert all(a < b for a, b in spans)
    assert all(before <= after for (_, before), (after, _) in itertools.pairwise(spans))


@given(st.text(max_size=100))
def test_words_are_of_any_script(text):
    assert all(word and not word.isspace() for word in words(text))


# --- the index -----------------------------------------------------------------------------------


def test_parts_are_told_apart():
    index = Index(FAQS, encode)
    parts = index.parts(query("my card is late", {"delivery": 0.7}))
    np.testing.assert_allclose(parts[:, 0], [1, 0.5, 0], atol=1e-6)
    np.testing.assert_allclose(parts[:, 1], [0, 0, 0], atol=1e-6)
    np.testing.assert_allclose(parts[:, 4], [0.7, 0, 0], atol=1e-6)
    assert parts[0, 3] == parts[:, 3].max() <= 1
    assert index.has.tolist() == [
        [True] * 5 + [False],
        [True] * 4 + [False] * 2,
        [False, True, True, True, False, False],
    ]


def test_the_mean_of_answers_is_of_length_one():
    faq = Faq("a", "", "card", more=("late late",))
    parts = Index([faq], encode).parts(query("card"))
    assert parts[0, 1] == pytest.approx(math.sqrt(0.5))
    assert parts[0, 2] == 1


def test_a_document_is_found_by_its_sentences():
    index = Index(FAQS, encode)
    assert index.parts(query("rate"))[:, 2].argmax() == 2
    assert passages("One. Two.") == ["One. Two.", "One.", "Two."]
    assert passages("One.") == ["One."]


def test_only_new_texts_are_encoded():
    asked = []

    def noting(texts):
        asked.extend(texts)
        return encode(texts)

    first = Index(FAQS, noting)
    count = len(asked)
    new = Faq("new", "Is my rate late?", "It is not.")
    second = Index([*FAQS[1:], new], noting, first)
    assert asked[count:] == ["Is my rate late?", "It is not."]
    expected = Index([*FAQS[1:], new], encode).parts(query("late rate"))
    np.testing.assert_array_equal(second.parts(query("late rate")), expected)


ASKED_IN_MANY_WAYS = [
    Faq("hotel", "酒店", "a", paraphrases=("找一家酒店", "有酒店吗", "想住酒店", "推荐个酒店")),
    Faq("ticket", "门票", "b", paraphrases=("门票多少钱", "要门票吗", "票价是多少", "买门票")),
    Faq("phone", "电话", "c", paraphrases=("电话是多少", "电话号码")),
]


def test_what_the_encoder_cannot_read_is_told_by_its_phrasing():
    """Where a question is phrased in four ways or more; of the third there are but three."""
    index = Index(ASKED_IN_MANY_WAYS, encode)
    by_phrasing = PARTS.index("phrasing")
    assert index.has[:, by_phrasing].tolist() == [True, True, False]
    for text, place in (("请问票价", 1), ("附近的酒店", 0)):
        own = index.parts(query(text))[:, by_phrasing]
        assert own.argmax() == place
        assert own[place] > 0.5 > own[1 - place] >= 0
        assert own[2] == 0


def test_the_classifier_of_phrasings_is_the_one_of_scikit_learn():
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.svm import LinearSVC

    third = Faq("food", "餐馆", "d", paraphrases=("找餐馆", "好吃的餐馆", "吃饭"))
    faqs = [*ASKED_IN_MANY_WAYS[:2], third]
    texts = [text for faq in faqs for text in faq.questions]
    own = [place for place, faq in enumerate(faqs) for _ in faq.questions]
    ngrams = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 3), sublinear_tf=True)
    machine = LinearSVC(random_state=0).fit(ngrams.fit_transform(texts), own)
    margins = machine.decision_function(ngrams.transform(["找门票"]))[0]
    found = Index(faqs, encode).parts(query("找门票"))[:, PARTS.index("phrasing")]
    np.testing.assert_allclose(found, np.clip((margins + 1) / 2, 0, 1), atol=1e-4)


def test_phrasings_are_learnt_anew_only_where_they_changed(monkeypatch):
    first = Index(ASKED_IN_MANY_WAYS, encode)
    other = [replace(ASKED_IN_MANY_WAYS[0], answer="another"), *ASKED_IN_MANY_WAYS[1:]]
    assert Index(other, encode, first)._phrasing is first._phrasing
    assert Index(ASKED_IN_MANY_WAYS[:2], encode, first)._phrasing is not first._phrasing
    monkeypatch.setattr(phrasing, "MOST", 10)
    assert not Index(ASKED_IN_MANY_WAYS, encode).has[:, PARTS.index("phrasing")].any()


def test_nothing_known_is_nothing_found():
    found = retrieval.Ranking()(Index([], encode), query("card"), now=5)
    assert (list(found.hits), found.probability) == ([], 0.0)


def test_what_holds_no_longer_or_not_yet_is_not_found():
    index = Index([Faq("a", "card", "x", until=5), Faq("b", "card late", "y", since=6)], encode)
    ranking = retrieval.Ranking()
    assert [hit.faq.id for hit in ranking(index, query("card"), now=4).hits] == ["a"]
    assert [hit.faq.id for hit in ranking(index, query("card"), now=5).hits] == []
    assert [hit.faq.id for hit in ranking(index, query("card"), now=6).hits] == ["b"]


# --- fusion --------------------------------------------------------------------------------------


def test_what_a_question_cannot_have_has_no_say():
    parts = np.array([[1.0, 0.5, 0.0, 0.0, 0.0, 0.0], [0.0, 0.5, 0.0, 0.0, 0.0, 0.0]])
    has = np.array([[True] * 6, [False, True, True, True, False, False]])
    fused = Fusion((0.6, 0.2, 0.0, 0.2, 0.0, 0.0))(parts, has)
    np.testing.assert_allclose(fused, [0.7, 0.25])


def misleading(strength: float):
    """Words always name the wrong one; questions and answers mostly the right one."""
    rng = np.random.default_rng(0)
    right = np.array(list(range(10)) * 3)
    parts = rng.random((30, 10, len(PARTS))) * 0.5
    everyone = np.arange(30)
    parts[everyone, right, 0] = strength
    parts[everyone, right, 1] = strength
    parts[everyone, (right + 1) % 10, 3] = 1.0
    return parts, np.array([[True] * 4 + [False] * 2] * 10), right


def test_a_part_that_misleads_is_switched_off():
    parts, has, right = misleading(strength=0.45)
    found = fusion.fitted(parts, has, right)
    assert set(found.weights[3:]) == {0.0}
    assert min(found.weights[:2]) > 0.2
    assert sum(found.weights) == pytest.approx(1, abs=1e-3)
    both = reciprocal_ranks(found(parts, has), right).mean()
    assert both > reciprocal_ranks(Fusion((1.0, *[0.0] * 5))(parts, has), right).mean()


def test_of_parts_that_are_alike_one_is_enough():
    parts, has, right = misleading(strength=0.6)
    assert fusion.fitted(parts, has, right).weights == (1.0, *[0.0] * 5)


def test_the_weights_are_the_likeliest():
    """Beside a search by another method, from another start; a document has no question."""
    from scipy.optimize import minimize
    from scipy.special import logsumexp

    parts, has, right = misleading(strength=0.5)
    parts[:, :, :2] += np.random.default_rng(1).normal(size=(30, 10, 2)) * 0.1
    parts[:, :, 2:] = 0
    has[3, 0] = False

    def loss(logs):
        first, second = np.exp(logs)
        scores = first * parts[:, :, 0] + second * parts[:, :, 1]
        scores[:, 3] = (first + second) * parts[:, 3, 1]
        return -np.mean(scores[np.arange(30), right] - logsumexp(scores, axis=-1))

    options = {"maxiter": 5000, "xatol": 1e-6, "fatol": 1e-10}
    oracle = np.exp(minimize(loss, [1.0, 1.0], method="Nelder-Mead", options=options).x)
    has[:, 2:] = False
    found = np.array(fusion._logit(parts, has, right).weights)
    np.testing.assert_allclose(found[:2], oracle / oracle.sum(), atol=0.02)
    assert found[2:].sum() == 0


def test_nothing_to_fit_on_is_as_it_comes():
    has = np.ones((3, len(PARTS)), bool)
    assert fusion.fitted(np.zeros((0, 3, len(PARTS))), has, []) == Fusion()


def test_ranks_of_equals_are_the_last():
    scores = np.array([[0.2, 0.9, 0.5], [1.0, 1.0, 1.0]])
    assert reciprocal_ranks(scores, [2, 0]).tolist() == [0.5, 1 / 3]


# --- confidence ----------------------------------------------------------------------------------


def planted(count: int, rng) -> tuple[np.ndarray, np.ndarray]:
    """Features of which the first alone decides, with a known probability."""
    features = rng.normal(size=(count, len(confidence.FEATURES)))
    return features, rng.random(count) < 1 / (1 + np.exp(-2 * features[:, 0] - 0.5))


def test_it_is_the_logistic_regression_of_scikit_learn():
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    features, right = planted(300, rng)
    weights = rng.random(300) + 0.5
    found = confidence.fitted(features, right, weights)
    scaled = (features - np.array(found.mean)) / np.array(found.deviation)
    oracle = LogisticRegression(C=1 / confidence.DECAY, tol=1e-8, max_iter=1000)
    oracle.fit(scaled, right, sample_weight=weights)
    np.testing.assert_allclose(found.weights[:-1], oracle.coef_[0], atol=1e-3)
    np.testing.assert_allclose(found(features), oracle.predict_proba(scaled)[:, 1], atol=1e-3)


def test_a_feature_that_never_changes_is_no_fault():
    features, right = planted(50, np.random.default_rng(0))
    features[:, 3] = 7.0
    assert np.isfinite(confidence.fitted(features, right, np.ones(50))(features)).all()


@given(
    st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=30),
    st.sampled_from([0.5, 0.9, 1.0]),
)
def test_a_threshold_keeps_its_precision_and_answers_as_much_as_it_can(pairs, precision):
    probabilities = np.array([p / 5 for p, _ in pairs])
    right = np.array([one for _, one in pairs])
    found = confidence.threshold(probabilities, right, np.ones(len(pairs)), precision)
    answered = probabilities >= found
    assert not answered.any() or right[answered].mean() >= precision
    for lower in {p for p in probabilities if p < found}:
        assert right[probabilities >= lower].mean() < precision


# --- all together --------------------------------------------------------------------------------


def world(count: int, rng, noise: float):
    """Questions as random directions; who asks is near one of them."""
    centres = rng.normal(size=(count, 16))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    table = {f"question {n}": centres[n] for n in range(count)}

    def encoded(texts):
        return np.stack([table.get(text, np.ones(16) / 4) for text in texts]).astype(np.float32)

    def asks(place):
        vector = centres[place] + rng.normal(size=16) * noise
        return Query("asked", (vector / np.linalg.norm(vector)).astype(np.float32), {})

    return [Faq(str(n), f"question {n}", f"answer {n}") for n in range(count)], encoded, asks


def test_stated_precision_holds_on_answers_that_were_never_seen():
    rng = np.random.default_rng(0)
    faqs, encoded, asks = world(200, rng, noise=0.15)
    index = Index(faqs[:100], encoded)
    asked = [n for n in range(100) for _ in range(4)]
    ranking = retrieval.fit(index, [asks(n) for n in asked], [str(n) for n in asked])
    assert ranking.examples == 400
    assert ranking.fusion.weights[0] >= 0.5
    other = Index(faqs[100:180], encoded)  # the last twenty are asked and not known
    probability, right = [], []
    for place in range(100, 200):
        for _ in range(10):
            found = ranking(other, asks(place), now=0)
            probability.append(found.probability)
            right.append(found.hits[0].faq.id == str(place))
    for precision, least in ranking.thresholds.items():
        answered = np.array(probability) >= least
        assert answered.mean() > 0.4
        assert np.array(right)[answered].mean() >= precision - 0.03


def test_few_questions_fit_nothing():
    faqs, encoded, asks = world(30, np.random.default_rng(0), noise=0.1)
    index = Index(faqs, encoded)
    asked = [asks(n) for n in range(19)]
    assert retrieval.fit(index, asked, [str(n) for n in range(19)]) == retrieval.Ranking()
    assert retrieval.fit(index, asked, ["no such"] * 19) == retrieval.Ranking()


def test_left_out_scores_are_below_all_others():
    assert Fusion()(np.zeros((1, len(PARTS))), np.ones((1, len(PARTS)), bool))[0] > NOT_THERE


# --- knowledge -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"id": "a", "question": "b", "answer": " "}, "faq.csv:2: answer: is empty"),
        ({"id": "", "question": "b", "answer": "c"}, "id: is empty"),
        ({"id": "a", "answer": "c", "colour": "red"}, "colour: is no field"),
        ({"id": "a", "answer": 5}, "answer: is no text"),
        ({"id": "a", "answer": "c", "paraphrases": "d"}, "paraphrases: is no list"),
        ({"id": "a", "answer": "c", "until": float("nan")}, "until: is no time"),
        ({"id": "a", "answer": "c", "since": True}, "since: is no time"),
        ({"id": "a" * 101, "answer": "c"}, "id: has above 100"),
        ({"id": "a", "answer": "c" * 20_001}, "above 20000 characters"),
    ],
)
def test_what_cannot_be_answered_with_is_refused(row, why):
    with pytest.raises(InputError, match=why):
        of_row(row, "faq.csv:2")


def test_a_question_comes_back_as_it_was():
    faq = Faq("a", "Where?", "Here.", ("Whither?",), ("There.",), "place", 5.0, 9.0)
    assert of_row(as_row(faq), "") == faq


def test_each_kind_of_script_is_weighed_apart_where_there_is_enough_of_both():
    rng = np.random.default_rng(0)
    names = [f"word{n}" for n in range(40)] + [
        f"{chr(0x4E00 + n)}{chr(0x5E00 + n)}" for n in range(40)
    ]
    own = {name: _unit(rng.normal(size=16)) for name in names}

    def encode(texts):
        # It reads spaced scripts; all of the others is the same to it.
        return np.stack(
            [own.get(text, np.eye(16)[0]) if text.isascii() else np.eye(16)[0] for text in texts]
        )

    index = Index([Faq(name, name, name) for name in names], encode)
    queries = [
        Query(name, _unit(own[name] + 0.5 * _unit(rng.normal(size=16))), {}) for name in names
    ]
    queries = [
        query if query.text.isascii() else Query(query.text, np.eye(16)[0], {}) for query in queries
    ]
    fitted = retrieval.fit_by_script(index, queries, names)
    question, by_words = PARTS.index("question"), PARTS.index("words")
    assert fitted.of("一丁").fusion.weights[question] == 0
    assert fitted.of("一丁").fusion.weights[by_words] > 0
    assert "unspaced" in str(fitted)
    one = retrieval.fit_by_script(index, queries[:50], names[:50])
    assert one.spaced == one.unspaced
    assert one.spaced.examples == 50


def test_questions_that_nobody_knows_lower_what_is_sure():
    rng = np.random.default_rng(0)
    vectors = [_unit(rng.normal(size=24)) for _ in range(60)]
    place = {str(n): n for n in range(60)}
    index = Index(
        [Faq(str(n), str(n), "x") for n in range(60)],
        lambda texts: np.stack([vectors[place.get(text, 0)] for text in texts]),
    )
    queries = [
        Query(f"q{n}", _unit(vectors[n] + 0.6 * _unit(rng.normal(size=24))), {}) for n in range(60)
    ]
    # Nobody knows them, though each is near to one that is known.
    unknown = [
        Query(f"u{n}", _unit(vectors[n] + 0.9 * _unit(rng.normal(size=24))), {}) for n in range(60)
    ]
    names = [str(n) for n in range(60)]
    without = retrieval.fit(index, queries, names)
    within = retrieval.fit(index, queries + unknown, names + [""] * 60)
    assert within.examples == without.examples == 60
    sure = [
        np.mean([ranking(index, query, now=0).probability for query in unknown])
        for ranking in (without, within)
    ]
    assert sure[1] < sure[0]


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def test_of_a_large_base_the_passages_of_the_nearest_are_read(monkeypatch):
    faqs = [Faq(f"{n}", "card" if n else "", f"Late rate {n}. Lost card {n}.") for n in range(40)]
    index = Index(faqs, encode)
    whole = index.parts(query("lost card 7"))
    monkeypatch.setattr(module, "FEW", 10)
    monkeypatch.setattr(module, "FIRST", 5)
    some = index.parts(query("lost card 7"))
    assert (np.delete(some, 2, 1) == np.delete(whole, 2, 1)).all()
    read = some[:, 2] == whole[:, 2]
    assert read[7]
    assert 5 <= read.sum() < 40
    assert (some[~read, 2] == some[~read, 1]).all()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("wher is my crad, teh", "where is my card, teh"),
        ("wheer is my deliverry", "where is my delivery"),
        ("WHEER?", "where?"),
        ("delivery 1234", "delivery 1234"),
        ("\u6211\u7684\u5361", "\u6211\u7684\u5361"),
    ],
)
def test_long_words_are_put_right_and_short_ones_left(typed, meant):
    spelling = Spelling([Counter(words("where is my card, the delivery"))])
    assert spelling.corrected(typed) == meant


@given(st.text(max_size=40))
def test_what_the_base_has_is_never_changed(text):
    assert Spelling([Counter(words(text))]).corrected(text) == text
    assert Spelling([]).corrected(text) == text


def test_what_is_mistyped_is_found_as_it_was_meant():
    index = Index(FAQS, encode)
    (asked,) = read_queries(
        ["card lsot, lotst"], lambda texts: Read(encode(texts), [{}] * 2), index.spelling
    )
    assert asked.text == "card lsot, lotst"
    assert asked.corrected is not None
    assert index.parts(asked)[1, 0] > index.parts(replace(asked, corrected=None))[1, 0]
