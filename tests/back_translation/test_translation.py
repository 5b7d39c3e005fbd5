"""The cache of paraphrases, how it is filled, and which paraphrases are kept."""

from __future__ import annotations

import sqlite3
from dataclasses import asdict

import numpy as np
import pytest

from tfsocial import config
from tfsocial.back_translation import translation
from tfsocial.data.augment import paraphrase_cache, paraphrase_filter
from tfsocial.data.augment.paraphrase_cache import Identity
from tfsocial.data.examples import Examples, Origin
from tfsocial.errors import InputError
from tfsocial.provenance import translators
from tfsocial.provenance.resources import Resource

KNOBS = {"translator": "pairs", "file": "pairs.csv"}
TEXTS = ["a", "bb", "ccc", "dddd"]


def identity(content: str = "1", **knobs) -> Identity:
    taken = Resource("translator", "pairs.csv", sha256=content)
    return Identity({**KNOBS, **knobs}, (asdict(taken),))


class Spoken:
    """A translator that counts: each text with its draw behind it. Fails from call `until` on."""

    def __init__(self, until: int = 100):
        self.asked: list[tuple[list[str], int]] = []
        self.until = until

    def __call__(self, texts: list[str], draw: int = 0) -> list[str]:
        if len(self.asked) == self.until:
            raise InputError("the line is dead")
        self.asked.append((texts, draw))
        return [f" {text}\n{draw}" for text in texts]


@pytest.fixture
def opened(tmp_path):
    """`opened(content, **knobs)`: the cache of a translator, to be filled."""
    return lambda *content, **knobs: paraphrase_cache.filling(
        tmp_path / "cache", identity(*content, **knobs)
    )


def train(*texts: str) -> Examples:
    nowhere = Origin((), np.zeros(0, np.int32), np.zeros(0, np.int32))
    return Examples(list(texts), None, {}, nowhere)


class TestFill:
    def test_by_hand(self, opened):
        """Draw by draw, texts of a length together, each answer on one line."""
        spoken = Spoken()
        with opened() as cache:
            assert translation.fill(cache, spoken, ["ccc", "a", "bb"], 2, 2) == 6
            assert cache.paraphrases(["a", "x"], 2) == {"a": ["a 0", "a 1"]}
        assert spoken.asked == [(["a", "bb"], 0), (["ccc"], 0), (["a", "bb"], 1), (["ccc"], 1)]

    def test_goes_on_where_it_stopped(self, opened):
        """What was made before the failure is kept and not asked for again; nor in a third run."""
        with pytest.raises(InputError, match="the line is dead"), opened() as cache:
            translation.fill(cache, Spoken(until=1), TEXTS, 1, 2)
        later = Spoken()
        with opened() as cache:
            assert translation.fill(cache, later, TEXTS, 1, 2) == 2
            assert cache.paraphrases(TEXTS, 1) == {text: [f"{text} 0"] for text in TEXTS}
            assert translation.fill(cache, later, TEXTS, 1, 2) == 0
        assert later.asked == [(["ccc", "dddd"], 0)]

    def test_a_higher_count_asks_for_the_further_ones_alone(self, opened):
        """A lower one afterwards reads fewer."""
        spoken = Spoken()
        with opened() as cache:
            translation.fill(cache, spoken, ["a"], 1, 2)
            translation.fill(cache, spoken, ["a"], 3, 2)
            assert [draw for _, draw in spoken.asked] == [0, 1, 2]
            assert cache.paraphrases(["a"], 2) == {"a": ["a 0", "a 1"]}

    @pytest.mark.parametrize("other", [{"content": "2"}, {"file": "other.csv"}])
    def test_another_translator_begins_anew(self, opened, other):
        """Another knob, or another content behind the same knobs."""
        with opened() as cache:
            translation.fill(cache, Spoken(), ["a"], 1, 2)
        content = [other.pop("content")] if "content" in other else []
        with opened(*content, **other) as cache:
            assert cache.missing(["a"], 0) == ["a"]
        with opened() as cache:
            assert cache.missing(["a"], 0) == []

    def test_refuses_a_wrong_number_of_answers(self, opened):
        """Nothing could say which text they belong to."""
        with (
            opened() as cache,
            pytest.raises(InputError, match="was given 2 texts and gave back 1"),
        ):
            translation.fill(cache, lambda texts, draw=0: ["x"], ["a", "b"], 1, 2)

    def test_what_is_no_text_counts_as_none(self, opened):
        """A NUL or half a character could not be tokenized."""
        with opened() as cache:
            translation.fill(cache, lambda t, draw=0: ["a\0", "\ud800"], ["a", "b"], 1, 2)
            assert cache.paraphrases(["a", "b"], 1) == {"a": [""], "b": [""]}


class TestJudge:
    """Paraphrases of "t" by their cosines; the bounds are 0.7 and 0.98."""

    @pytest.mark.parametrize(
        ("cosine", "verdict"),
        [(0.69, "far"), (0.7, "kept"), (0.98, "kept"), (0.981, "near"), (-0.5, "far")],
    )
    def test_bounds_are_within(self, cosine, verdict):
        """At least and at most."""
        judged = paraphrase_filter.judge({"t": ["u"]}, {("t", "u"): cosine}, (0.7, 0.98))
        assert judged.counts == {verdict: 1}
        assert judged.paraphrases == ({"t": ("u",)} if verdict == "kept" else {})

    def test_without_bounds_all_but_copies(self):
        """And none twice."""
        judged = paraphrase_filter.judge({"t": ["t", "u", "u", "", "v"]}, {}, None)
        assert judged.paraphrases == {"t": ("u", "v")}
        assert judged.counts == {"copy": 1, "kept": 2, "repeated": 1, "none": 1}


def test_compare_measures_each_pair_once(opened):
    """Cosines are kept by what measured them."""
    calls = []

    def likeness(texts, others):
        calls.extend(zip(texts, others, strict=True))
        return np.linspace(0.5, 0.6, len(texts))

    wanted = [("a", "b"), ("a", "c")]
    with opened() as cache:
        assert translation.compare(cache, likeness, "m0", wanted[:1]) == 1
        assert translation.compare(cache, likeness, "m0", wanted) == 1
        assert calls == wanted
        assert cache.cosines("m0", wanted) == {("a", "b"): 0.5, ("a", "c"): 0.5}
        assert cache.cosines("another", wanted) == {}


def test_the_file_holds_no_text_of_the_data(opened, tmp_path):
    """Only hashes of them."""
    with opened() as cache:
        translation.fill(cache, lambda t, draw=0: ["Ersatz"], ["a secret text"], 1, 2)
    content = (tmp_path / "cache" / paraphrase_cache.FILE).read_bytes()
    assert b"Ersatz" in content
    assert b"secret" not in content


class TestKept:
    @pytest.fixture
    def data(self, tmp_path, opened):
        """The config of a cache with paraphrases of TEXTS."""
        with opened() as cache:
            translation.fill(cache, Spoken(), TEXTS, 1, 2)

        def made(**knobs):
            section = {**KNOBS, "cache": str(tmp_path / "cache"), "similarity": None, **knobs}
            return config.parse({"data": {"back_translation": section}}).data

        return made

    def test_of_the_texts_of_train(self, data):
        """No others; a text without a paraphrase is left out; no translator is needed."""
        found = paraphrase_filter.usable_paraphrases(data(), train("a", "zz", "a"), "m0")
        assert found == {"a": ("a 0",)}
        assert translators.of_back_translation(data())[0].sha256 == "1"

    def test_refuses_what_m0_did_not_measure(self, data):
        """The filter is never silently left out."""
        with pytest.raises(InputError, match="1 paraphrases were not compared by this M0"):
            paraphrase_filter.usable_paraphrases(data(similarity=[0.7, 0.98]), train("a"), "m0")

    @pytest.mark.parametrize(
        ("knobs", "text", "sentence"),
        [
            ({}, "zz", "holds no paraphrase of train's texts that is kept"),
            ({"file": "new.csv"}, "a", "none of a translator with these settings"),
            ({"cache": "nowhere"}, "a", "nowhere holds no paraphrases; run python -m tfsocial"),
        ],
    )
    def test_refuses_an_empty_one(self, data, knobs, text, sentence):
        """Each says what to do."""
        with pytest.raises(InputError, match=sentence):
            paraphrase_filter.usable_paraphrases(data(**knobs), train(text), "m0")

    def test_refuses_what_is_no_cache(self, data, tmp_path):
        """In one sentence."""
        (tmp_path / "cache" / paraphrase_cache.FILE).write_bytes(b"no database at all" * 100)
        with pytest.raises(InputError, match="cannot be used as a cache of paraphrases"):
            paraphrase_filter.usable_paraphrases(data(), train("a"), "m0")

    def test_licence_of_the_config_where_the_translator_says_none(self, data):
        """And the acknowledgement goes with all."""
        (found,) = translators.of_back_translation(data(licence="cc-by-4.0"))
        assert (found.licence, found.kind) == ("CC-BY-4.0", "permissive")
        said = [Resource("translator", "x", licence="MIT", licence_source="README.md")]
        (kept,) = translators.licensed(said, data(licence="GPL-3.0", licence_ack="ours"))
        assert (kept.licence, kept.acknowledgement) == ("MIT", "ours")


def test_a_torn_transaction_is_rolled_back(opened, tmp_path):
    """A journal that a killed process left is played back when the file is next opened."""
    with opened() as cache:
        cache.add(0, {"a": "b"})
    path = tmp_path / "cache" / paraphrase_cache.FILE
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA cache_spill = 1").execute("PRAGMA cache_size = 1")
    connection.execute("BEGIN")
    rows = [("f", str(number), 0, "x" * 500) for number in range(2000)]
    connection.executemany("INSERT INTO paraphrase VALUES (?, ?, ?, ?)", rows)
    journal = path.with_name(f"{path.name}-journal")
    torn = [(name, name.read_bytes()) for name in (path, journal)]
    connection.rollback()
    connection.close()
    for name, content in torn:
        name.write_bytes(content)
    assert len(torn[0][1]) > 500_000  # rows of the open transaction had reached the file
    with opened() as cache:
        assert cache.paraphrases(["a"], 1) == {"a": ["b"]}
        assert cache.connection.execute("SELECT count(*) FROM paraphrase").fetchone() == (1,)


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ({"translator": "http", "url": "ftp://x"}, r"data\.back_translation\.url is 'ftp://x'"),
        ({"translator": "marian", "forward": "x"}, r"data\.back_translation\.backward is "),
        ({**KNOBS, "similarity": [0.9, 0.1]}, r"data\.back_translation\.similarity begins at 0.9"),
        ({"translator": "me"}, r"data\.back_translation is .*; input should name its translator: "),
        ({"file": "f"}, r"data\.back_translation is .*; input should name its translator: "),
        ({**KNOBS, "count": 0}, r"data\.back_translation\.count is 0; input should be greater"),
        (
            {**KNOBS, "fil": 1},
            r"data\.back_translation\.fil is not a known key of pairs; did you mean",
        ),
    ],
)
def test_the_config_refuses_by_key_path(section, sentence):
    """Without the name of the union's member."""
    with pytest.raises(InputError, match=sentence):
        config.parse({"data": {"back_translation": {"cache": "c", **section}}})
