"""What an encoder of items' texts is taught by: each text that was bought, and who bought it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfsocial import config
from tfsocial.apps.recommend import teaching
from tfsocial.apps.recommend.teaching import FEWEST, Lesson, Purchase, lessons
from tfsocial.data import corpus
from tfsocial.errors import InputError

TEXTS = {f"i{number}": f"item number {number}" for number in range(6)}


def bought(person: str, *items: int) -> list[Purchase]:
    return [Purchase(person, f"i{item}") for item in items]


LOG = bought("ann", *range(6)) + bought("bob", *range(5)) + bought("cid", *range(1, 5))


def test_who_bought_little_is_left_out():
    """Ann bought 6 texts, bob 5, and cid, who bought 4, has no number."""
    made = lessons(TEXTS, LOG)
    assert made.people == 2
    assert made.train[:5] == [Lesson(f"item number {number}", (0, 1)) for number in range(5)]
    (ann,) = made.train[5].buyers
    assert ann in (0, 1)


def test_items_of_one_text_are_one_example():
    """Whatever its spaces; what has no text, or is unknown, teaches nothing."""
    texts = TEXTS | {"copy": " item  number 5 ", "silent": " "}
    more = [Purchase("bob", item) for item in ("copy", "silent", "unheard of")]
    made = lessons(texts, [*LOG, *more])
    assert [text for text, _ in made.train] == list(TEXTS.values())
    assert made.train[5].buyers == (0, 1)


def test_the_most_active_are_numbered_where_people_are_too_many(monkeypatch):
    """Ann bought more than bob."""
    monkeypatch.setattr(teaching, "MOST_PEOPLE", 1)
    made = lessons(TEXTS, LOG)
    assert made.people == 1
    assert [buyers for _, buyers in made.train] == [(0,)] * 6  # all that ann bought


@given(st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_changes_a_lesson(draw: random.Random):
    """The file is the same for the same log, however it is read."""
    mixed = LOG * 2
    draw.shuffle(mixed)
    assert lessons(TEXTS, mixed) == lessons(TEXTS, LOG)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 40)), min_size=60))
def test_texts_stand_once_and_everybody_bought_enough(rows):
    """Whatever was bought: numbers are in range, and those of people with enough texts."""
    texts = {f"i{number}": f"text {number % 33}" for number in range(41)}
    rows = [*rows, *((10, item) for item in range(FEWEST))]
    made = lessons(texts, [Purchase(f"p{person}", f"i{item}") for person, item in rows])
    every = [text for text, _ in made.train]
    assert every == sorted(set(every))
    counts = [sum(number in buyers for _, buyers in made.train) for number in range(made.people)]
    assert sum(counts) == sum(len(buyers) for _, buyers in made.train)
    assert min(counts) >= FEWEST
    bought_by = {person: {item % 33 for who, item in rows if who == person} for person, _ in rows}
    assert sorted(counts) == sorted(len(own) for own in bought_by.values() if len(own) >= FEWEST)


def test_too_little_to_learn_from_is_refused():
    """In one sentence."""
    with pytest.raises(InputError, match="purchases: nobody bought 5 texts"):
        lessons(TEXTS, bought("ann", 1, 2, 3, 4))


def test_a_run_reads_what_is_written(tmp_path):
    """As `configs/recommender.yaml` says: a text with a comma and a quote, and its buyers."""
    made = lessons(TEXTS | {"i0": 'so-called "tea", hot'}, LOG)
    made.write(tmp_path / "new")
    made.write(tmp_path / "new")
    data = config.Data(root=str(tmp_path / "new"), splits={"train": "train.csv"}, licence="CC0-1.0")
    tasks = {"buyers": config.Task(kind="multilabel", column="buyers")}
    read = corpus.load_corpus(data, tasks, 0, tmp_path)
    assert read.label_names["buyers"] == ("0", "1")
    assert list(read.splits["train"].text) == [text for text, _ in made.train]
    assert read.splits["train"].labels["buyers"].sum(1).tolist() == [2, 2, 2, 2, 1, 2]
