"""Files in, columns out: what is read, what is refused, and in which words."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import logging
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tfsocial import config
from tfsocial.config import Data, Task
from tfsocial.data.examples import Counts
from tfsocial.data.reading import csv_records, file_rows, paths
from tfsocial.data.reading.rows import BadRow, Row
from tfsocial.data.reading.splits import read_splits
from tfsocial.data.reading.text_cells import Text
from tfsocial.data.reading.texts import read_texts
from tfsocial.errors import InputError

LABEL = {"label": Task()}


def data(root, train="train.csv", dev=(), test=(), **knobs):
    splits = {"train": train, "dev": dev, "test": test}
    return config.Data(root=root and str(root), splits=splits, **knobs)


def put(folder, content, name="train.csv"):
    path = folder / name
    raw = content if isinstance(content, bytes) else content.encode()
    path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    return path


def read(folder, content, tasks=None, name="train.csv", quarantine=None, **knobs):
    put(folder, content, name)
    knobs.setdefault("max_bad_fraction", 1.0)
    return read_splits(data(folder, train=name, **knobs), tasks or LABEL, quarantine)


def rows(path, **knobs):
    """(line, reason) of a bad row, (line, texts) of a good one."""
    return [
        (row.line, row.reason if isinstance(row, BadRow) else tuple(row.values.values()))
        for row in file_rows.read_rows(path, **knobs)
    ]


def refusal(call, *arguments, **knobs):
    with pytest.raises(InputError) as caught:
        call(*arguments, **knobs)
    return str(caught.value)


def quarantined(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


# --- what comes out --------------------------------------------------------------------


def test_columns_labels_and_origin(tmp_path):
    corpus = read(tmp_path, "text,label\nhi,b\nyo,a\nhm,\n")
    train = corpus.splits["train"]
    assert corpus.label_names == {"label": ("a", "b")}
    assert train.text == ["hi", "yo", "hm"]
    assert train.pair is None
    assert train.labels["label"].dtype == np.int32
    assert train.labels["label"].tolist() == [1, 0, -1]
    assert train.origin.where(2) == f"{tmp_path}/train.csv:4"
    assert len(train) == 3


def test_given_labels_keep_their_order(tmp_path):
    corpus = read(tmp_path, "text,label\nhi,b\nyo,a\n", {"label": Task(labels=("b", "c", "a"))})
    assert corpus.label_names["label"] == ("b", "c", "a")
    assert corpus.splits["train"].labels["label"].tolist() == [0, 2]


def test_learned_labels_number_dev_alike(tmp_path):
    put(tmp_path, "text,label\nhi,b\nyo,a\n")
    put(tmp_path, "text,label\nhm,b\n", "dev.csv")
    corpus = read_splits(data(tmp_path, dev="dev.csv"), LABEL)
    assert corpus.splits["dev"].labels["label"].tolist() == [1]
    assert list(corpus.splits) == ["train", "dev"]
    assert corpus.counts["dev"] == Counts(read=1, kept=1, quarantined=0)


def test_two_text_columns(tmp_path):
    corpus = read(tmp_path, "q,label,a\nhi,x,there\n", text=("q", "a"))
    assert corpus.splits["train"].text == ["hi"]
    assert corpus.splits["train"].pair == ["there"]


def test_several_tasks_partly_labelled(tmp_path):
    tasks = {
        "intent": Task(column="label"),
        "mood": Task(column="mood", kind="multilabel"),
        "stars": Task(column="stars", kind="regress"),
    }
    content = "text,label,mood,stars\na,x, sad | |glad,\nb,,,2.5\nc,,sad,-1\nd,,,\n"
    corpus = read(tmp_path, content, tasks)
    labels = corpus.splits["train"].labels
    assert corpus.label_names == {"intent": ("x",), "mood": ("glad", "sad"), "stars": ()}
    assert labels["intent"].tolist() == [0, -1, -1, -1]
    nan = np.nan
    np.testing.assert_array_equal(labels["mood"], [[1, 1], [nan, nan], [0, 1], [nan, nan]])
    np.testing.assert_array_equal(labels["stars"], [[nan], [2.5], [-1], [nan]])
    assert labels["mood"].dtype == labels["stars"].dtype == np.float32


def test_separator_of_the_task(tmp_path):
    tasks = {"label": Task(kind="multilabel", separator="; ")}
    corpus = read(tmp_path, "text,label\na,x|y; z\n", tasks)
    assert corpus.label_names["label"] == ("x|y", "z")


def test_json_labels_of_each_kind(tmp_path):
    tasks = {
        "label": Task(),
        "mood": Task(column="mood", kind="multilabel"),
        "stars": Task(column="stars", kind="regress"),
    }
    lines = [
        {"text": "a", "label": 3, "mood": ["sad", "", "glad"], "stars": 2},
        {"text": "b", "label": "x", "mood": [], "stars": "0.5"},
        {"text": "c", "label": None},
    ]
    content = "\n".join(map(json.dumps, lines))
    corpus = read(tmp_path, content, tasks, name="train.jsonl")
    labels = corpus.splits["train"].labels
    assert corpus.label_names["label"] == ("3", "x")
    assert labels["label"].tolist() == [0, 1, -1]
    nan = np.nan
    np.testing.assert_array_equal(labels["mood"], [[1, 1], [0, 0], [nan, nan]])
    np.testing.assert_array_equal(labels["stars"], [[2], [0.5], [nan]])


def test_test_split_alone_needs_given_labels(tmp_path):
    put(tmp_path, "text,label\nhi,a\n")
    only_test = data(tmp_path, train=(), test="train.csv")
    corpus = read_splits(only_test, {"label": Task(labels=("a", "b"))})
    assert corpus.splits["test"].labels["label"].tolist() == [0]
    assert "tasks.label.labels is not given" in refusal(read_splits, only_test, LABEL)


def test_no_split_at_all():
    assert "data.splits.train" in refusal(read_splits, config.Data(), LABEL)


# --- finding files ---------------------------------------------------------------------


def test_globs_are_sorted_and_files_come_once(tmp_path):
    for name in ("b.csv", "a.csv", "c.csv"):
        put(tmp_path, f"text,label\n{name},x\n", name)
    corpus = read_splits(data(tmp_path, train=("c.csv", "*.csv")), LABEL)
    train = corpus.splits["train"]
    assert train.text == ["c.csv", "a.csv", "b.csv"]
    assert [train.origin.where(row).rpartition("/")[2] for row in range(3)] == [
        "c.csv:2",
        "a.csv:2",
        "b.csv:2",
    ]


def test_recursive_glob_and_glob_characters_in_names(tmp_path):
    folder = tmp_path / "[v1]" / "deep"
    folder.mkdir(parents=True)
    put(folder, "text,label\nhi,x\n", "part[0].csv")
    assert len(paths.files(data(tmp_path / "[v1]", "**/*.csv"), "train")) == 1
    assert len(paths.files(data(folder, "part[0].csv"), "train")) == 1


def test_a_glob_does_not_match_folders(tmp_path):
    (tmp_path / "x.csv").mkdir()
    assert "matches no file" in refusal(paths.files, data(tmp_path, "*.csv"), "train")


def test_no_match_names_key_pattern_and_root(tmp_path):
    put(tmp_path, "text,label\nhi,x\n")
    message = refusal(read_splits, data(tmp_path, dev="d*.csv"), LABEL)
    assert message.startswith(f"data.splits.dev: 'd*.csv' matches no file in {tmp_path}")
    assert "data.root" in message


def test_no_root_says_where_the_set_is_had(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    knobs = {"name": "BANKING77", "homepage": "https://example.org/b"}
    message = refusal(read_splits, data(None, **knobs), LABEL)
    assert "BANKING77 at https://example.org/b" in message
    assert "--set data.root=DIR" in message
    put(tmp_path, "text,label\nhi,x\n")
    assert len(read_splits(data(None, **knobs), LABEL).splits["train"]) == 1


def test_remote_paths(tmp_path):
    tf = pytest.importorskip("tensorflow")
    tf.io.gfile.makedirs("ram://sources")
    for name in ("b.csv.gz", "a.csv.gz"):
        with tf.io.gfile.GFile(f"ram://sources/{name}", "wb") as stream:
            stream.write(gzip.compress(f"text,label\n{name},x\n".encode()))
    train = read_splits(data("ram://sources", "*.gz"), LABEL).splits["train"]
    assert train.text == ["a.csv.gz", "b.csv.gz"]
    assert "ram://sources/none.csv" in refusal(list, read_texts("ram://sources/none.csv"))
    assert "matches no file" in refusal(paths.files, data("ram://sources", "*.tsv"), "train")


def test_unknown_suffix_and_data_format(tmp_path):
    put(tmp_path, "text\tlabel\nhi\tx\n", "train.dat")
    assert "data.format" in refusal(read_splits, data(tmp_path, "train.dat"), LABEL)
    corpus = read_splits(data(tmp_path, "train.dat", format="tsv"), LABEL)
    assert corpus.splits["train"].text == ["hi"]


def test_unreadable_files_are_named(tmp_path):
    assert f"{tmp_path}/no.csv: cannot be read" in refusal(list, read_texts(tmp_path / "no.csv"))
    (tmp_path / "dir.csv").mkdir()
    assert "dir.csv: cannot be read" in refusal(list, read_texts(tmp_path / "dir.csv"))


# --- the round trip --------------------------------------------------------------------

cells = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
columns = st.lists(st.tuples(cells, cells), min_size=1, max_size=6)


def as_csv(pairs, delimiter=","):
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter).writerows([("text", "other"), *pairs])
    return stream.getvalue()


def as_jsonl(pairs, ascii_only=True):
    lines = [{"text": text, "other": other} for text, other in pairs]
    return "".join(json.dumps(line, ensure_ascii=ascii_only) + "\n" for line in lines)


WRITERS = {
    "rows.csv": as_csv,
    "rows.tsv": lambda pairs: as_csv(pairs, "\t"),
    "rows.jsonl": as_jsonl,
    "plain.jsonl": lambda pairs: as_jsonl(pairs, ascii_only=False),
    "rows.csv.gz": as_csv,
    "rows.tsv.gz": lambda pairs: as_csv(pairs, "\t"),
    "rows.jsonl.gz": as_jsonl,
}


@pytest.mark.parametrize("name", WRITERS)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(pairs=columns)
def test_what_was_written_is_read(tmp_path, name, pairs):
    found = list(file_rows.read_rows(put(tmp_path, WRITERS[name](pairs), name)))
    assert [tuple(row.values.values()) for row in found if isinstance(row, Row)] == pairs
    assert len(found) == len(pairs)


# --- physical lines --------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_line_ends_and_byte_order_mark(tmp_path, end, last, mark):
    content = end.join(["text,label", "hé,x", '"yo, ""you""",x']) + end * last
    path = put(tmp_path, mark + content.encode())
    assert rows(path) == [(2, ("hé", "x")), (3, ('yo, "you"', "x"))]
    assert next(iter(file_rows.read_rows(path))).values.keys() == {"text", "label"}


def test_a_row_is_named_by_the_line_it_starts_on(tmp_path):
    path = put(tmp_path, 'text,label\n"a\nb\r\nc",x\n\n\nlast,x\n')
    assert rows(path) == [(2, ("a\nb\r\nc", "x")), (7, ("last", "x"))]


def test_unicode_line_separators_do_not_end_lines(tmp_path):
    text = "a\u2028b\u0085c\x0bd\x1ce"
    assert rows(put(tmp_path, f"text,label\n{text},x\n")) == [(2, (text, "x"))]
    assert [item.text for item in read_texts(put(tmp_path, f"{text}\n", "in.txt"))] == [text]


def test_a_text_of_one_megabyte(tmp_path):
    long = 'say "hi", ' * 100_000
    path = put(tmp_path, as_csv([(long, "x"), ("short", "y")]))
    assert rows(path) == [(2, (long, "x")), (3, ("short", "y"))]


def test_broken_utf8_hurts_its_own_row_only(tmp_path):
    content = b"text,label\nbefore,x\ncaf\xe9 \xff,x\n" + "nach hér,x\n".encode()
    quarantine = tmp_path / "quarantine.jsonl"
    corpus = read(tmp_path, content, quarantine=quarantine)
    assert corpus.splits["train"].text == ["before", "nach hér"]
    assert quarantined(quarantine) == [
        {
            "file": f"{tmp_path}/train.csv",
            "line": 3,
            "reason": "invalid UTF-8",
            "row": "caf\ufffd \ufffd,x",
        }
    ]


def test_utf16_says_so(tmp_path):
    path = put(tmp_path, "text,label\nhi,x\n".encode("utf-16"))
    assert "is UTF-16; save it as UTF-8" in refusal(list, file_rows.read_rows(path))


def test_other_control_characters_are_text(tmp_path):
    text = "a\x01\x07\x1b[0m\x7f"
    assert read(tmp_path, f"text,label\n{text},x\n").splits["train"].text == [text]


@pytest.mark.parametrize("damage", [lambda raw: raw[:-12], lambda raw: b"\x1f\x8b" + b"x" * 40])
def test_damaged_gzip(tmp_path, damage):
    name = "train.csv.gz"
    path = put(tmp_path, as_csv([(str(i), "x") for i in range(500)]), name)
    path.write_bytes(damage(path.read_bytes()))
    message = refusal(read_splits, data(tmp_path, name), LABEL)
    assert message.startswith(f"{path}: the gzip data is cut short or damaged")


def test_gz_that_is_no_gzip(tmp_path):
    (tmp_path / "train.csv.gz").write_text("text,label\nhi,x\n")
    assert "gzip" in refusal(read_splits, data(tmp_path, "train.csv.gz"), LABEL)


# --- headers and empty files -----------------------------------------------------------


@pytest.mark.parametrize("name", ["train.csv", "train.jsonl", "train.txt", "train.csv.gz"])
def test_empty_file(tmp_path, name):
    message = refusal(list, file_rows.read_rows(put(tmp_path, "", name)))
    assert message.startswith(f"{tmp_path}/{name}: ")
    assert "empty" in message or "no rows" in message


def test_header_only(tmp_path):
    assert "has no rows" in refusal(list, file_rows.read_rows(put(tmp_path, "text,label\n\n")))


def test_duplicate_header(tmp_path):
    message = refusal(list, file_rows.read_rows(put(tmp_path, "text,label, text\na,b,c\n")))
    assert f"{tmp_path}/train.csv:1: the header names 'text' twice" in message


def test_unnamed_columns_are_allowed(tmp_path):
    assert read(tmp_path, ",text,label,\n0,hi,x,\n").splits["train"].text == ["hi"]


@pytest.mark.parametrize("header", [b"te\xffxt,label", b"te\0xt,label", b'"text,label'])
def test_unreadable_header(tmp_path, header):
    message = refusal(list, file_rows.read_rows(put(tmp_path, header + b"\nhi,x\n")))
    assert "train.csv:1: the header cannot be read" in message


def test_missing_text_column(tmp_path):
    message = refusal(read, tmp_path, "texts,label\nhi,x\n")
    assert f"{tmp_path}/train.csv: has no column 'text', which data.text names" in message
    assert "'texts', 'label'" in message
    assert "did you mean texts?" in message


def test_missing_label_column(tmp_path):
    put(tmp_path, "text,label\nhi,x\n")
    put(tmp_path, "text,zzz\nhi,x\n", "more.csv")
    config_data = data(tmp_path, train=("train.csv", "more.csv"))
    message = refusal(read_splits, config_data, {"intent": Task(column="label")})
    assert f"{tmp_path}/more.csv: has no column 'label'" in message
    assert "tasks.intent.column" in message
    assert "'text', 'zzz'" in message


def test_missing_json_keys(tmp_path):
    content = '{"text": "a"}\n{"text": "b", "label": "x"}\n{"label": "x"}\n'
    corpus = read(tmp_path, content, name="train.jsonl")
    assert corpus.splits["train"].labels["label"].tolist() == [-1, 0]
    assert corpus.counts["train"].quarantined == 1
    message = refusal(read, tmp_path, '{"text": "a"}\n', name="train.jsonl")
    assert "has no column 'label', which tasks.label.column names" in message


# --- bad rows --------------------------------------------------------------------------

BAD_CSV = {
    "empty": (b" \t,x", "empty text"),
    "nul": (b"a\0b,x", "NUL character"),
    "utf8": (b"a\xc3,x", "invalid UTF-8"),
    "nul in another column": (b"a,x\0", "NUL character"),
    "long": (b"a" * 51 + b",x", "51 characters, data.max_characters allows 50"),
    "few": (b"a", "wrong number of fields: 1, the header has 2"),
    "many": (b"a,x,y", "wrong number of fields: 3, the header has 2"),
    "quotes": (b'"a"b,x', "broken quoting"),
    "carriage return": (b"a\rb,x", "lone carriage return"),
}
BAD_JSON = {
    "syntax": (b'{"text": "a",', "invalid JSON"),
    "list": (b'["a", "x"]', "not a JSON object but a list"),
    "null": (b"null", "not a JSON object but null"),
    "deep": (b"[" * 100_000, "invalid JSON"),
    "digits": (b'{"text": "a", "label": ' + b"1" * 5000 + b"}", "invalid JSON"),
    "number text": (b'{"text": 3, "label": "x"}', "'text' is not a string but a number"),
    "no text": (b'{"label": "x"}', "empty text"),
    "null text": (b'{"text": null, "label": "x"}', "empty text"),
    "escaped nul": (b'{"text": "a\\u0000", "label": "x"}', "NUL character"),
    "half a pair": (b'{"text": "a\\ud83d", "label": "x"}', "invalid UTF-8"),
    "bad label": (b'{"text": "a", "label": "\\ud83d"}', "a label with invalid UTF-8"),
    "object label": (b'{"text": "a", "label": {"x": 1}}', "'label' is an object"),
    "boolean label": (b'{"text": "a", "label": true}', "'label' is a boolean"),
    "utf8": (b'{"text": "a\xff", "label": "x"}', "invalid UTF-8"),
}


def check_bad_row(tmp_path, name, content, line, bad, reason):
    quarantine = tmp_path / "deep" / "quarantine.jsonl"
    corpus = read(tmp_path, content, name=name, quarantine=quarantine, max_characters=50)
    assert corpus.splits["train"].text == ["good", "fine"]
    assert corpus.counts["train"] == Counts(read=3, kept=2, quarantined=1)
    (row,) = quarantined(quarantine)
    assert reason in row["reason"]
    assert (row["file"], row["line"]) == (f"{tmp_path}/{name}", line)
    assert row["row"] == bad.decode(errors="replace")


@pytest.mark.parametrize("case", BAD_CSV)
def test_bad_csv_row(tmp_path, case):
    bad, reason = BAD_CSV[case]
    content = b"text,label\ngood,x\n" + bad + b"\nfine,x\n"
    check_bad_row(tmp_path, "train.csv", content, 3, bad, reason)


@pytest.mark.parametrize("case", BAD_JSON)
def test_bad_json_row(tmp_path, case):
    bad, reason = BAD_JSON[case]
    good = b'{"text": "%s", "label": "x"}\n'
    content = good % b"good" + bad + b"\n" + good % b"fine"
    check_bad_row(tmp_path, "train.jsonl", content, 2, bad, reason)


@pytest.mark.parametrize("number", ["nan", "inf", "-Infinity", "1e39", "3,5", "many"])
def test_bad_numbers(tmp_path, number):
    content = f'text,label\na,1\nb,"{number}"\nc,3\n'
    corpus = read(tmp_path, content, {"label": Task(kind="regress")})
    assert corpus.splits["train"].labels["label"].tolist() == [[1.0], [3.0]]
    assert corpus.counts["train"].quarantined == 1


@pytest.mark.parametrize("number", ["NaN", "1e999", "true", "[1]"])
def test_bad_json_numbers(tmp_path, number):
    content = f'{{"text": "a", "label": 1}}\n{{"text": "b", "label": {number}}}\n'
    corpus = read(tmp_path, content, {"label": Task(kind="regress")}, "train.jsonl")
    assert corpus.splits["train"].text == ["a"]


def test_a_quote_never_closed_costs_one_row(tmp_path):
    lines = ["text,label", "a,x", '"b,x', *(f"row {i},x" for i in range(50))]
    found = rows(put(tmp_path, "\n".join(lines) + "\n"))
    assert found[1][0] == 3
    assert "the quote opened in the row of line 3 is never closed" in found[1][1]
    assert "the 50 lines after it were read on their own" in found[1][1]
    assert found[2:] == [(i + 4, (f"row {i}", "x")) for i in range(50)]


def test_a_quote_open_too_long_counts_as_never_closed(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_records, "_LONGEST_RECORD", 100)
    lines = ["text,label", '"b,x', *(f"row {i},x" for i in range(50)), 'end",x']
    found = rows(put(tmp_path, "\n".join(lines) + "\n"))
    assert [line for line, _ in found] == list(range(2, 54))
    assert "line 2 is never closed" in found[0][1]


def test_a_stray_quote_meets_the_next_quoted_row(tmp_path):
    content = 'text,label\n"a,x\nb,x\n"c, d",x\n"e",x\n'
    found = rows(put(tmp_path, content))
    assert [line for line, _ in found] == [2, 3, 4, 5]
    assert "broken quoting" in found[0][1]
    assert "the 2 lines after it were read on their own" in found[0][1]
    assert found[1:] == [(3, ("b", "x")), (4, ("c, d", "x")), (5, ("e", "x"))]


def test_a_row_that_took_others_with_it_says_so(tmp_path):
    content = 'text,label\n"a,x\nb,x\n", d",x\ne,x\n'
    found = rows(put(tmp_path, content))
    assert found[0] == (
        2,
        "wrong number of fields: 3, the header has 2; the row runs from line 2 to 4",
    )
    assert found[1] == (5, ("e", "x"))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.text('",a\n', min_size=1, max_size=40))
def test_no_character_is_lost_or_read_twice(tmp_path, body):
    path = put(tmp_path, "text,label\n" + body)
    try:
        raw = "".join(row.raw for row in file_rows.read_rows(path))
    except InputError:
        raw = ""
    assert raw.replace("\n", "") == body.replace("\n", "")


@pytest.mark.parametrize("name", ["in.csv", "in.tsv", "in.jsonl", "in.txt", "in.csv.gz"])
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.binary(max_size=60) | st.text('{}[]":,\t\r\n\\u0a').map(str.encode))
def test_any_bytes_give_rows_or_one_sentence(tmp_path, name, raw):
    path = put(tmp_path, raw, name)
    lines, refused = [], ""
    try:
        lines = [row.line for row in file_rows.read_rows(path)]
    except InputError as error:
        refused = str(error)
    assert lines or str(path) in refused
    assert lines == sorted(set(lines))


def test_quotes_inside_a_plain_field_are_text(tmp_path):
    assert rows(put(tmp_path, 'text,label\n5" disk,x\n')) == [(2, ('5" disk', "x"))]


# --- too many bad rows, and the quarantine file ----------------------------------------


def test_too_many_bad_rows(tmp_path):
    quarantine = tmp_path / "quarantine.jsonl"
    content = "text,label\n" + "good,x\n" * 97 + "secret\n" * 3
    put(tmp_path, content)
    message = refusal(read_splits, data(tmp_path, max_bad_fraction=0.02), LABEL, quarantine)
    assert "data.splits.train: 3 of 100 rows are bad" in message
    assert "data.max_bad_fraction=0.02" in message
    assert f"{tmp_path}/train.csv:99: wrong number of fields" in message
    assert str(quarantine) in message
    assert "secret" not in message
    assert [row["line"] for row in quarantined(quarantine)] == [99, 100, 101]
    kept = read_splits(data(tmp_path, max_bad_fraction=0.03), LABEL)
    assert kept.counts["train"] == Counts(100, 97, 3)


def test_the_fraction_is_each_splits_own(tmp_path):
    put(tmp_path, "text,label\n" + "good,x\n" * 1000)
    put(tmp_path, "text,label\ngood,x\nbad\n", "dev.csv")
    message = refusal(read_splits, data(tmp_path, dev="dev.csv"), LABEL)
    assert "data.splits.dev: 1 of 2 rows are bad" in message


def test_a_split_of_bad_rows_only(tmp_path):
    assert "1 of 1 rows are bad, none is left" in refusal(read, tmp_path, "text,label\nhi\n")


def test_quarantine_replaces_the_former_one_whole(tmp_path):
    quarantine = tmp_path / "quarantine.jsonl"
    quarantine.write_text("old\n")
    with quarantine.open() as former:
        read(tmp_path, "text,label\nhi,x\n", quarantine=quarantine)
        assert former.read() == "old\n"  # replaced, not written over
    assert quarantine.read_text() == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["quarantine.jsonl", "train.csv"]


def test_a_failed_write_leaves_the_former_quarantine(tmp_path, monkeypatch):
    quarantine = tmp_path / "quarantine.jsonl"
    quarantine.write_text("old\n")

    def full(*_, **__):
        raise OSError("disk full")

    monkeypatch.setattr(json, "dumps", full)
    with pytest.raises(OSError, match="disk full"):
        read(tmp_path, "text,label\nhi,x\nbad\n", quarantine=quarantine)
    assert quarantine.read_text() == "old\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["quarantine.jsonl", "train.csv"]


def test_texts_never_reach_the_log_or_the_screen(tmp_path, caplog, capfd):
    with caplog.at_level(logging.DEBUG):
        read(tmp_path, "text,label\nsecret,x\nsecret\n", quarantine=tmp_path / "q.jsonl")
    assert "secret" not in caplog.text + "".join(capfd.readouterr())


# --- label sets ------------------------------------------------------------------------


def test_label_only_in_dev(tmp_path):
    put(tmp_path, "text,label\nhi,card_lost\n")
    put(tmp_path, "text,label\nyo,card_lost\nhm,card_lsot\nhm,card_lsot\nhm,zz\nhm,zz\n", "dev.csv")
    message = refusal(read_splits, data(tmp_path, dev="dev.csv"), LABEL)
    assert message.startswith(f"{tmp_path}/dev.csv:3: task label has no label 'card_lsot'")
    assert "nor 'zz'" in message
    assert "did you mean card_lost?" in message


def test_label_outside_the_given_ones(tmp_path):
    tasks = {"mood": Task(kind="multilabel", labels=("glad", "sad"), column="label")}
    message = refusal(read, tmp_path, "text,label\nhi,glad\nyo,sad|gladd\n", tasks)
    assert message.startswith(f"{tmp_path}/train.csv:3: task mood has no label 'gladd'")
    assert "tasks.mood.labels; did you mean glad?" in message


@pytest.mark.parametrize("kind", ["classify", "multilabel", "regress"])
def test_train_without_any_label(tmp_path, kind):
    message = refusal(read, tmp_path, "text,label\nhi,\n", {"mood": Task(kind=kind)})
    assert "data.splits.train: no row has a label for task mood" in message
    assert "tasks.mood.column" in message


def test_out_of_scope_must_be_a_label(tmp_path):
    message = refusal(read, tmp_path, "text,label\nhi,oos\n", {"label": Task(ood_label="ooos")})
    assert "tasks.label.ood_label" in message
    assert "did you mean oos?" in message


# --- texts for prediction --------------------------------------------------------------


def test_txt_answers_line_by_line(tmp_path):
    path = put(tmp_path, b"\xef\xbb\xbfone\r\n\r\nthr\xff\n  four \nfi\0ve\n", "in.txt")
    found = list(read_texts(path, columns=("question",)))
    assert [item.line for item in found] == [1, 2, 3, 4, 5]
    assert [item.text for item in found if isinstance(item, Text)] == ["one", "  four "]
    reasons = [item.reason for item in found if isinstance(item, BadRow)]
    assert reasons == ["empty text in column 'text'", "invalid UTF-8", "NUL character"]


def test_texts_of_tables_keep_order_and_bad_rows(tmp_path):
    path = put(tmp_path, "a,b\nq1,p1\nbroken\nq2,p2\n", "in.csv.gz")
    first, second, third = read_texts(path, columns=("b", "a"))
    assert first == Text("p1", "q1", 2)
    assert isinstance(second, BadRow)
    assert third == Text("p2", "q2", 4)


def test_texts_of_jsonl_skip_blank_lines_only(tmp_path):
    path = put(tmp_path, '{"text": "a"}\n\n{"other": 1}\n{"text": "b"}\n\n', "in.jsonl")
    first, second, third = read_texts(path)
    assert (first, third) == (Text("a", None, 1), Text("b", None, 4))
    assert second.reason == "empty text in column 'text'"


def test_texts_length_limit_is_optional(tmp_path):
    path = put(tmp_path, "x" * 300_000 + "\n", "in.txt")
    (item,) = read_texts(path)
    assert len(item.text) == 300_000
    assert isinstance(next(read_texts(path, max_characters=300_000)), Text)
    (item,) = read_texts(path, max_characters=299_999)
    assert "300000 characters" in item.reason


def test_texts_missing_column_stops_at_the_first_row(tmp_path):
    path = put(tmp_path, '{"message": "a"}\n' * 3, "in.jsonl")
    found = read_texts(path)
    assert "has no column 'text'" in refusal(next, found)
    assert "has no column 'b'" in refusal(
        list, read_texts(put(tmp_path, "a\n", "a.txt"), ("text", "b"))
    )


@pytest.mark.parametrize("name", ["in.txt", "in.csv", "in.jsonl.gz"])
def test_streaming_stays_flat_in_memory(tmp_path, name):
    filler = "where is my card " * 6
    lines = {"txt": f"{filler}\n", "csv": f'"{filler}, please",x\n'}
    line = lines.get(name.partition(".")[2], json.dumps({"text": filler}) + "\n")
    header = "text,label\n" if "csv" in name else ""
    path = put(tmp_path, header + line * 100_000, name)
    tracemalloc.start()
    try:
        count = sum(isinstance(item, Text) for item in read_texts(path))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 100_000
    assert peak < 1_000_000  # the file's text is over ten times that


def test_what_is_out_of_scope_is_learned_by_the_other_tasks_alone(tmp_path):
    """No row is lost, since each has another label; none keeps the one that is not learned."""
    rows = "a,good,1\nb,bad,2\nc,weather,3\n"
    (tmp_path / "train.csv").write_text("text,mood,stars\n" + rows)
    tasks = {
        "mood": Task(column="mood", ood_label="weather", ood_detector="energy"),
        "stars": Task(kind="regress", column="stars"),
    }
    data = Data(root=str(tmp_path), splits={"train": "train.csv"})
    train = read_splits(data, tasks).splits["train"]
    assert train.labels["mood"].tolist() == [1, 0, -1]
    assert train.labels["stars"].ravel().tolist() == [1, 2, 3]


@pytest.mark.parametrize("dev", ["dev.csv", "../here/dev.csv", "*.csv"])
def test_a_file_is_not_learned_and_scored_on(tmp_path, dev):
    """Whatever it is called; a glob takes more than it was meant to."""
    folder = tmp_path / "here"
    folder.mkdir()
    for name in ("train.csv", "dev.csv"):
        (folder / name).write_text("text,mood\na,good\nb,bad\n")
    data = Data(root=str(folder), splits={"train": "*.csv", "dev": dev})
    with pytest.raises(
        InputError, match=r"data\.splits\.dev: .*dev\.csv is a file of data\.splits"
    ):
        read_splits(data, {"mood": Task(column="mood")})


def test_texts_without_labels_may_be_those_of_any_split(tmp_path):
    """A pool of texts whose labels nobody reads is no leak of them."""
    for name in ("train.csv", "test.csv"):
        (tmp_path / name).write_text("text,mood\na,good\nb,bad\n")
    parts = {
        "own": {"splits": {"train": "train.csv", "test": "test.csv"}},
        "pool": {"splits": {"train": "test.csv"}, "tasks": []},
    }
    rooted = {name: {"root": str(tmp_path), **own} for name, own in parts.items()}
    corpus = read_splits(Data(mixture=rooted), {"mood": Task(column="mood")})
    assert len(corpus.splits["train"]) == 4


def test_a_train_that_is_all_out_of_scope_is_refused(tmp_path):
    """What a score tells is not learned: nothing would be left, or texts without a label."""
    task = Task(labels=("a", "other"), ood_label="other", ood_detector="energy")
    for content in ("text,label\nhi,other\nyo,other\n", "text,label\nhi,other\nyo,\n"):
        message = refusal(read, tmp_path, content, {"mood": task})
        assert message == (
            "data.splits.train: every label of task mood is 'other', which "
            "tasks.mood.ood_detector=energy does not learn; add rows with other labels, or set "
            "tasks.mood.ood_detector to class"
        )
