"""Lines and headers of files, as they come."""

from __future__ import annotations

import codecs

import pytest
from splits_by_hand import LABEL, as_csv, data, put, quarantined, read, refusal, rows

from tfsocial.config import Task
from tfsocial.data.reading import file_rows
from tfsocial.data.reading.splits import read_splits
from tfsocial.data.reading.texts import read_texts

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
