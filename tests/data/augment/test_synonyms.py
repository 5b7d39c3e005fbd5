"""Synonyms of a table and of a WordNet small enough to be written by hand."""

from __future__ import annotations

import itertools
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import tensorflow as tf

from tfsocial.data.augment import table, wordnet
from tfsocial.data.augment.lexicon import Lexicon
from tfsocial.data.augment.synonyms import Thesaurus, read_table
from tfsocial.errors import InputError

from .conftest import moment_of


@pytest.fixture
def synonym(tmp_path):
    """`synonym(lines, **knobs)`: the op at rate 1 with a table of these lines."""

    def make(lines: str, **knobs):
        (tmp_path / "table.tsv").write_text(lines, encoding="utf-8")
        knobs = {"rate": 1.0, "table": "table.tsv", **knobs}
        return table.build("synonym", knobs, "at", str(tmp_path))

    return make


def test_words_of_the_table_give_way(apply, synonym):
    """Whole words only, whatever their case; a capital at the front stays."""
    op = synonym("card\tplastic\npin\tPIN code\n")
    assert apply(op, ["Card, cards, CARD", "my pin!"]) == [
        "Plastic, cards, Plastic",
        "my PIN code!",
    ]


def test_phrases_and_chinese(apply, synonym):
    """What is more than one word is found first, the longest first; not within another word."""
    op = synonym("credit card\tplastic\ncard\tticket\n信用卡\t贷记卡\n卡\t券\n")
    texts = ["a Credit card, a card", "discredit card", "我的信用卡和卡"]
    assert apply(op, texts) == ["a Plastic, a ticket", "discredit ticket", "我的贷记卡和券"]


def test_every_synonym_is_drawn(apply, synonym):
    """Of two, each about half the time."""
    after = apply(synonym("a\tb\tc\na\td\n"), ["a"] * 300)
    assert all(60 < after.count(word) < 140 for word in "bcd")


def test_table_lines(tmp_path):
    """Empty lines do not count; a word on two lines has the synonyms of both."""
    path = tmp_path / "t.tsv"
    path.write_text("A\tb\r\n\n a \tc\t\n", encoding="utf-8")
    assert read_table(path) == {"a": ["b", "c"]}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("a\tb\nword\n", r"t\.tsv: line 2: expected WORD<TAB>SYNONYM, found 'word'"),
        ("\tb\n", r"t\.tsv: line 1: expected WORD<TAB>SYNONYM"),
        ("\n", r"t\.tsv: holds no line WORD<TAB>SYNONYM"),
        (b"\xff\t\xff", r"t\.tsv: cannot be read as UTF-8 text"),
        (None, r"t\.tsv: there is no such file"),
    ],
)
def test_an_ill_table_is_refused(tmp_path, content, sentence):
    """By key path, file and line."""
    if content is not None:
        (tmp_path / "t.tsv").write_bytes(
            content if isinstance(content, bytes) else content.encode()
        )
    with pytest.raises(InputError, match=rf"^at: .*{sentence}"):
        table.build("synonym", {"table": "t.tsv"}, "at", str(tmp_path))


def test_no_table_and_two_sources_are_refused():
    """The remedy is named."""
    with pytest.raises(InputError, match=r"at: names no table; give table: FILE\.tsv"):
        table.build("synonym", {}, "at")


def test_many_phrases_fit():
    """Some thousand Chinese words are one pattern that RE2 takes."""
    words = [chr(0x4E00 + i) + chr(0x5000 + j) for i in range(70) for j in range(70)]
    thesaurus = Thesaurus.of({word: ["x"] for word in words})
    assert len(thesaurus.phrases) == 4900


# --- WordNet --------------------------------------------------------------------------------

LICENCE = "  1 a made-up database in WordNet's format\n"
# Offsets are places in bytes in the data file; {0} to {2} stand for those of its lines.
NOUNS = (
    "{0:08d} 06 n 04 car 0 auto 0 motor_car 0 Benz 0 000 | what drives  \n",
    "{1:08d} 06 n 02 card 0 playing_card 0 000 | what is played  \n",
    "{2:08d} 06 n 03 card 1 me 0 wag 0 000 | who is amusing  \n",
)
INDEX = (
    "auto n 1 0 1 0 {0:08d}  \n"
    "benz n 1 0 1 0 {0:08d}  \n"
    "car n 1 0 1 0 {0:08d}  \n"
    "card n 2 0 2 0 {2:08d} {1:08d}  \n"
    "me n 1 0 1 0 {2:08d}  \n"
    "motor_car n 1 0 1 0 {0:08d}  \n"
    "playing_card n 1 0 1 0 {1:08d}  \n"
    "wag n 1 0 1 0 {2:08d}  \n"
)
SENSES = "car%1:06:00:: {0:08d} 1 0\ncard%1:06:00:: {1:08d} 2 7\ncard%1:06:01:: {2:08d} 1 2\n"
# nltk's binary search does not find the first line of a short file.
COUNTS = "act%1:03:00:: 1 9\nbill%1:06:00:: 1 3\ncard%1:06:00:: 2 7\ncard%1:06:01:: 1 2\n"


@pytest.fixture
def small_wordnet(tmp_path, monkeypatch) -> None:
    """nltk reads a WordNet of three synsets."""
    nltk = pytest.importorskip("nltk", reason="WordNet needs the optional package nltk")
    folder = tmp_path / "corpora" / "wordnet"
    folder.mkdir(parents=True)
    _write_wordnet(folder)
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])
    monkeypatch.setattr(nltk.corpus, "wordnet", _reader(nltk))


def _write_wordnet(folder: Path) -> None:
    sizes = [len(LICENCE), *(len(line.format(0, 0, 0)) for line in NOUNS)]
    places = list(itertools.accumulate(sizes))
    (folder / "data.noun").write_text(LICENCE + "".join(NOUNS).format(*places))
    (folder / "cntlist.rev").write_text(COUNTS)
    (folder / "index.noun").write_text(LICENCE + INDEX.format(*places))
    (folder / "index.sense").write_text(SENSES.format(*places))
    names = [
        "adj.all",
        "adj.pert",
        "adv.all",
        "noun.Tops",
        "noun.act",
        "noun.animal",
        "noun.artifact",
    ]
    lexnames = "".join(f"{number:02d}\t{name}\t1\n" for number, name in enumerate(names))
    (folder / "lexnames").write_text(lexnames)
    for kind in ("verb", "adj", "adv"):
        (folder / f"data.{kind}").write_text(LICENCE)
        (folder / f"index.{kind}").write_text(LICENCE)
    for kind in ("noun", "verb", "adj", "adv"):
        (folder / f"{kind}.exc").write_text("")


def _reader(nltk):
    loader = nltk.corpus.util.LazyCorpusLoader
    reader = nltk.corpus.reader.WordNetCorpusReader
    return loader("wordnet", reader, None)


@pytest.mark.usefixtures("small_wordnet")
def test_wordnet_knows_lemmas_of_the_words_of_train(apply):
    """The other lemmas of its most frequent sense, of several words too, but no names; none for
    stop words, inflected ones and those it does not know.
    """
    assert wordnet.synonyms(["car", "card", "cars", "me", "zebra"]) == {
        "car": ["auto", "motor car"],
        "card": ["playing card"],
    }


@pytest.mark.usefixtures("small_wordnet")
def test_wordnet_replaces():
    """The op asks it about the lexicon's words."""
    op = table.build("synonym", {"source": "wordnet", "rate": 1.0}, "at")
    assert op.needs_lexicon
    context = replace(moment_of(1), lexicon=Lexicon.of([["my card"]]))
    assert op(tf.constant(["My card"]), context).numpy().tolist() == [b"My playing card"]


def test_without_nltk_one_sentence(monkeypatch):
    """What to install, or to do instead."""
    monkeypatch.setitem(sys.modules, "nltk", None)
    with pytest.raises(InputError, match=r"at: source: wordnet needs the package nltk.*table"):
        table.build("synonym", {"source": "wordnet"}, "at")


def test_without_its_data_one_sentence(monkeypatch, tmp_path):
    """What fetches it."""
    nltk = pytest.importorskip("nltk", reason="WordNet needs the optional package nltk")
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])
    with pytest.raises(InputError, match=r"finds no WordNet data.*nltk\.downloader wordnet"):
        table.build("synonym", {"source": "wordnet"}, "at")
