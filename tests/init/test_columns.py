"""Which columns are text and labels: tables as people have them."""

from __future__ import annotations

import pytest

from tfsocial.errors import InputError
from tfsocial.init.columns import roles
from tfsocial.init.table import Table

TEXTS = [f"where is parcel number {number}, please?" for number in range(12)]
WORDS = ["late", "lost", "fine"] * 4


def of(**columns) -> Table:
    return Table(columns)


def test_a_column_of_text_and_one_of_labels():
    found = roles(of(id=[str(n) for n in range(12)], text=TEXTS, label=WORDS))
    assert found.text == ("text",)
    (task,) = found.tasks
    assert (task.column, task.kind, task.rows) == ("label", "classify", 12)
    assert task.counts == {"late": 4, "lost": 4, "fine": 4}


def test_names_do_not_matter_where_cells_tell():
    """The longest varied cells of words are text; what comes back is a label."""
    found = roles(of(a=WORDS, b=TEXTS, c=["2020-04-09 03:59"] * 12))
    assert (found.text, [one.column for one in found.tasks]) == (("b",), ["a"])


def test_of_two_texts_the_one_that_is_called_so():
    notes = [f"{text} and a long remark of the agent who answered it" for text in TEXTS]
    assert roles(of(agent=notes, message=TEXTS, label=WORDS)).text == ("message",)


def test_pairs_are_known_by_their_names():
    found = roles(of(premise=TEXTS, hypothesis=TEXTS[::-1], label=WORDS))
    assert found.text == ("premise", "hypothesis")


def test_several_columns_called_labels_are_tasks_and_others_are_told():
    found = roles(of(text=TEXTS, topic=WORDS, sentiment=["good", "bad"] * 6, airline=WORDS))
    assert [one.column for one in found.tasks] == ["topic", "sentiment"]
    assert [one.column for one in found.others] == ["airline"]


@pytest.mark.parametrize("separator", ["|", ";", ", "])
def test_cells_of_several_labels_are_multilabel(separator):
    cells = [
        separator.join(pair) for pair in (("new", "loud"), ("new",), ("old", "loud"), ("old",))
    ]
    (task,) = roles(of(text=TEXTS, labels=cells * 3)).tasks
    assert (task.kind, task.separator) == ("multilabel", separator.strip())
    assert task.counts == {"new": 6, "loud": 6, "old": 6}


def test_a_comma_belongs_to_a_label_that_is_one():
    cells = ["Paris, France", "Rome, Italy"] * 6
    (task,) = roles(of(text=TEXTS, category=cells)).tasks
    assert (task.kind, set(task.counts)) == ("classify", {"Paris, France", "Rome, Italy"})


def test_numbers_are_values_classes_or_nothing_by_their_name():
    values = [str(n / 3) for n in range(12)]
    assert roles(of(text=TEXTS, score=values)).tasks[0].kind == "regress"
    assert roles(of(text=TEXTS, label=["0", "1"] * 6)).tasks[0].kind == "classify"
    with pytest.raises(InputError, match=r"no column can be labels: price; .* --label=COLUMN"):
        roles(of(text=TEXTS, price=values))


def test_a_label_of_none_of_the_others_is_known_by_its_name():
    (task,) = roles(of(text=TEXTS, intent=["late", "oos"] * 6)).tasks
    assert task.ood_label == "oos"


def test_chinese_tables():
    texts = [f"我的第{number}个包裹在哪里？" for number in range(12)]
    found = roles(Table({"编号": [str(n) for n in range(12)], "内容": texts, "标签": WORDS}))
    assert (found.text, found.tasks[0].column, found.tasks[0].task) == (("内容",), "标签", "标签")


def test_columns_that_somebody_names_are_taken():
    table = of(text=TEXTS, title=TEXTS[::-1], label=WORDS, shop=["a", "b"] * 6)
    found = roles(table, ["title", "text"], ["shop"])
    assert (found.text, [one.column for one in found.tasks]) == (("title", "text"), ["shop"])
    with pytest.raises(InputError, match=r"^--label=shopp: .* did you mean shop\?"):
        roles(table, [], ["shopp"])
    with pytest.raises(InputError, match=r"^--label=one: has 1 different values"):
        roles(of(text=TEXTS, one=["a"] * 12), [], ["one"])


def test_a_table_without_text_is_told():
    with pytest.raises(InputError, match=r"no column reads like text: a, b; .* --text=COLUMN"):
        roles(of(a=["1", "2"], b=["2020-01-01", "2020-01-02"]))
