"""Bad rows: named, counted, kept in quarantine, and never too many."""

from __future__ import annotations

import json
import logging

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from splits_by_hand import LABEL, data, put, quarantined, read, refusal, rows

from tfsocial.config import Task
from tfsocial.data.examples import Counts
from tfsocial.data.reading import csv_records, file_rows
from tfsocial.data.reading.splits import read_splits
from tfsocial.errors import InputError

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
    assert corpus.counts["train"] == Counts(read=3, usable=2, quarantined=1)
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
