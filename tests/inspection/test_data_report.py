"""The data report: facts of small files by hand, advice in words, and a page that holds."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import pytest
import tiny_run

from tfsocial.inspection import page as html
from tfsocial.inspection import text_report
from tfsocial.inspection.facts import repeats
from tfsocial.inspection.facts.gather import gather

TRAIN = [
    ("my card is good", "happy"),
    ("the card is late", "sad"),
    ("my order is broken", "sad"),
    ("My  order is broken", "happy"),  # line 5: disagrees with line 4
    ("nice order", "happy"),
]
DEV = [("nice order", "happy"), ("<script>alert(1)</script> $x$", "sad"), ("", "sad")]
TEST = [("My card is good!", "happy"), ("it is my card", "happy")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    for split, rows in (("train", TRAIN), ("dev", DEV), ("test", TEST)):
        tiny_run.write_csv(folder / f"{split}.csv", ("text", "label"), rows)
    return folder


def facts_of(folder, *assignments, near=0.6, **sections):
    splits = "data.splits={train: train.csv, dev: dev.csv, test: test.csv}"
    chosen = tiny_run.settings(folder, splits, *assignments, **sections)
    facts = gather(chosen.data, chosen.tasks, chosen.model, folder / "quarantine.jsonl", near)
    return {"name": chosen.name, **facts}


@pytest.fixture(scope="module")
def found(folder):
    return facts_of(folder)


def advice(found, *words):
    """The one sentence of advice that has these words."""
    (sentence,) = [one for one in found["advice"] if all(word in one for word in words)]
    return sentence


def test_rows_and_bad_rows_are_counted(found):
    assert found["splits"]["train"] == {
        "files": ["train.csv"], "read": 5, "rows": 5, "bad": 0, "stops": False, "allowed": 0.01,
    }  # fmt: skip
    assert (found["splits"]["dev"]["rows"], found["splits"]["dev"]["bad"]) == (2, 1)
    assert found["quarantine"] == [
        {"reason": "empty text in column 'text'", "rows": 1, "first": "dev.csv:4"}
    ]
    assert "1 of 3 rows of dev are bad" in advice(found, "max_bad_fraction=0.01")


def test_lengths_are_in_tokens(found):
    """[CLS] my card is good [SEP] is 6; the longest of train, of 4 words, too."""
    train = found["lengths"]["splits"]["train"]
    assert (train["longest"], train["cut"]) == (6, 0)
    assert train["mean"] == (6 + 6 + 6 + 6 + 4) / 5
    assert sum(train["histogram"]) == 5


def test_words_that_m0_does_not_know_are_counted(found, folder):
    """Of dev's 2 + 11 tokens, "nice order" and "<script>alert(1)</script> $x$", 2 are known."""
    lengths = found["lengths"]["splits"]
    assert lengths["train"]["unknown"] == 0
    tokens = lengths["dev"]["mean"] * 2 - 4
    assert lengths["dev"]["unknown"] == pytest.approx((tokens - 2) / tokens)
    assert "cannot read them" in advice(found, "no word for", "of dev")
    alone = facts_of(folder, "data.splits={train: train.csv}")
    assert not [sentence for sentence in alone["advice"] if "no word for" in sentence]


def test_the_page_says_how_much_of_the_leaks_it_shows(found):
    assert "Equal across splits<" in html.page(found)
    more = {**found["repeats"], "equal_groups": 1234, "near_pairs": 2}
    page = html.page({**found, "repeats": more})
    assert "Equal across splits: 1 of 1,234 texts<" in page
    assert "Near across splits: 1 of 2 pairs<" in page
    fewer = {"mood": {**found["conflicts"]["mood"], "texts": 2000}}
    assert "2,000 texts in 2 rows, the first 1 below" in html.page({**found, "conflicts": fewer})


def test_labels_are_counted_by_split(found):
    mood = found["tasks"]["mood"]
    assert mood["labels"] == {
        "happy": {"train": 3, "dev": 1, "test": 2},
        "sad": {"train": 2, "dev": 1, "test": 0},
    }
    assert "'happy', 'sad' have fewer than 10 training rows" in advice(found, "training rows")
    assert "test has no row of 'sad'" in advice(found, "no row of")
    assert "'happy' has 100.0% of test and 60.0% of train" in advice(found, "a score here")


def test_leaks_are_counted_and_shown(found):
    table = found["repeats"]["table"]
    assert table["dev"]["train"] == {"equal": 1, "near": 0}
    assert table["test"]["train"] == {"equal": 0, "near": 1}
    assert table["train"]["train"]["equal"] == 1
    (equal,) = found["repeats"]["equal_across"]
    assert [row["where"] for row in equal] == ["train.csv:6", "dev.csv:2"]
    (near,) = found["repeats"]["near_across"]
    assert [row["text"] for row in near["rows"]] == ["my card is good", "My card is good!"]
    assert "Rows of test that stand in train too: 0, and 1 nearly so" in advice(
        found, "Rows of test that stand in train"
    )


def test_labels_that_disagree_are_shown(found):
    (group,) = found["conflicts"]["mood"]["groups"]
    assert [(row["where"], row["label"]) for row in group] == [
        ("train.csv:4", "sad"),
        ("train.csv:5", "happy"),
    ]
    assert "different labels of task mood: 1, in 2 rows" in advice(found, "different labels")


def test_the_label_that_disagrees_is_among_the_first():
    """The third of four rows, and the fourth, which has a label of its own as well."""
    rows = [{"where": str(place), "label": label} for place, label in enumerate("aabc")]
    shown = repeats._each_label_first(rows)
    assert [row["where"] for row in shown] == ["0", "2", "3", "1"]


def test_advice_names_a_row_length_that_truncates_nothing(folder):
    """8 tokens leave room for 6 of the 9 or more of dev's long text."""
    found = facts_of(folder, "data.row_length=8")
    sentence = advice(found, "row_length 8 truncates")
    assert "50.0% of dev" in sentence
    longest = found["lengths"]["splits"]["dev"]["longest"]
    assert f"{-(-longest // 8) * 8} would truncate none" in sentence


def test_advice_says_when_nothing_is_long_enough(folder):
    found = facts_of(folder, "data.row_length=8", "model.random.positions=8")
    assert "8 are the most" in advice(found, "row_length 8 truncates")


def test_refused_licences_are_advice_and_no_error(folder):
    found = facts_of(folder, "data.licence=CC-BY-NC-4.0")
    assert "licence_policy=noncommercial" in advice(found, "data.licence")
    assert [one["kind"] for one in found["licences"]] == ["non-commercial", "permissive"]
    assert "CC-BY-NC-4.0" in text_report.as_text(found)
    assert "refused" in text_report.as_text(found)


def test_more_room_than_slots_is_noticed(folder):
    found = facts_of(folder, "data.row_length=32", "data.slots=2")
    assert "has room for 5, but data.slots lets in 2" in advice(found, "data.slots")


def test_pairs_and_numbers_are_reported_too(folder):
    """Two text columns, a regression and a task with several labels."""
    columns = ("text", "other", "stars", "topics")
    rows = [
        ("my card", "is late", "1.5", "a|b"),
        ("my card", "is late", "2", "a"),
        ("it", "is", "", ""),
    ]
    tiny_run.write_csv(folder / "pairs.csv", columns, rows)
    tasks = {
        "stars": {"kind": "regress", "column": "stars"},
        "topics": {"kind": "multilabel", "column": "topics"},
    }
    found = facts_of(
        folder, "data.splits={train: pairs.csv}", "data.text=[text, other]", tasks=tasks
    )
    numbers = found["tasks"]["stars"]["splits"]["train"]
    assert (numbers["rows"], numbers["mean"], numbers["highest"]) == (2, 1.75, 2.0)
    assert found["tasks"]["topics"]["labels"] == {"a": {"train": 2}, "b": {"train": 1}}
    assert found["tasks"]["topics"]["unlabelled"] == {"train": 1}
    assert [row["label"] for row in found["conflicts"]["stars"]["groups"][0]] == ["1.5", "2"]
    assert [row["label"] for row in found["conflicts"]["topics"]["groups"][0]] == ["a | b", "a"]
    assert "no dev split" in advice(found, "dev")
    assert "my card // is late" in html.page(found)
    assert "1.75" in text_report.as_text(found)


def test_the_printed_report_shows_no_text(found):
    """A terminal's history is a log: files and lines only."""
    printed = text_report.as_text(found)
    assert "train.csv:6, dev.csv:2" in printed
    assert "train.csv:4 'sad', train.csv:5 'happy'" in printed
    for text, _ in (*TRAIN, *DEV, *TEST):
        assert not text or text not in printed


class Elements(HTMLParser):
    """Tags that are opened and closed, and what the page would fetch."""

    VOID = ("meta", "br", "link", "img")

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.fetched = [], [], []

    def handle_starttag(self, tag, attributes):
        self.seen.append(tag)
        self.fetched += [
            value
            for name, value in attributes
            if name in ("src", "href", "xlink:href") and not value.startswith("#")
        ]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_stands_alone_and_escapes_what_it_shows(folder, found):
    page = html.page(facts_of(folder, "tasks.mood.labels=[happy, sad, '<b>$x$ & y']"))
    elements = Elements()
    elements.feed(page)
    assert elements.open == []
    assert elements.fetched == []
    assert elements.seen.count("svg") == 2
    assert "script" not in elements.seen
    assert "b" not in elements.seen
    assert "&lt;b&gt;$x$ &amp; y" in page
    assert "prefers-color-scheme: dark" in page
    assert "currentColor" in page
    assert html._INK not in page


def test_the_files_are_written_whole(found, tmp_path):
    text_report.write(found, html.page(found), tmp_path)
    assert json.loads((tmp_path / "inspect.json").read_text("utf-8")) == found
    assert (tmp_path / "inspect.txt").read_text("utf-8") == text_report.as_text(found)
    assert {path.name for path in tmp_path.iterdir()} == {
        "inspect.json",
        "inspect.txt",
        "inspect.html",
    }


def test_a_hundred_labels_are_drawn_as_a_curve():
    labels = [(f"label{number}", {"train": number}) for number in range(100)]
    drawn = html._label_plot(labels, ("train",))
    assert "label99" not in drawn
    assert "labels, by their rows" in drawn
    assert "label9<" in html._label_plot(labels[:10], ("train",))


def test_a_train_split_is_not_needed(folder):
    """A test set alone can be looked at, if the labels are given."""
    chosen = tiny_run.settings(
        folder, "data.splits={test: test.csv}", "tasks.mood.labels=[happy, sad]"
    )
    found = gather(chosen.data, chosen.tasks, chosen.model, folder / "q.jsonl")
    found = {"name": chosen.name, **found}
    assert found["splits"].keys() == {"test"}
    assert html.page(found)
