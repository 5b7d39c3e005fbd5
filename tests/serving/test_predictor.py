"""Answers to files of texts: the same from both forms of a model, in order, in little memory."""

from __future__ import annotations

import errno
import json
import os
import resource
import tracemalloc
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tfsocial.checkpoints.manifest import ModelManifest
from tfsocial.data.reading.rows import BadRow
from tfsocial.data.reading.text_cells import Text
from tfsocial.errors import InputError
from tfsocial.models.spec import HeadSpec
from tfsocial.serving import predictor
from tfsocial.serving.loading import load_predictor
from tfsocial.serving.predictor import Predictions

MOOD = ModelManifest({"mood": HeadSpec("classify", ("happy", "sad"))}, "mean", 16, 4, ("text",))
TEXTS = ["my card is good thanks", "late", "the order is broken", "good " * 100, "?"]


class Counting(predictor.Predictor):
    """A predictor that notes how many texts each call has; even rows are happy."""

    manifest = MOOD

    def __init__(self):
        self.calls: list[int] = []

    def __call__(self, texts):
        self.calls.append(len(texts))
        happy = np.array(
            [[0.75, 0.25] if text.endswith("even") else [0.25, 0.75] for (text,) in texts]
        )
        return Predictions({"mood": happy}, np.zeros([len(texts), 2]))


def write_rows(path: Path, count: int) -> Path:
    """A text file whose lines say whether their number (from 0) is even."""
    lines = (f"row {row} {'odd' if row % 2 else 'even'}\n" for row in range(count))
    path.write_text("".join(lines), "utf-8")
    return path


def answered(path: Path) -> list[dict]:
    """The lines of an output file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


# --- answers -----------------------------------------------------------------------------


def test_labels_are_listed_likeliest_first():
    """0.2, 0.7, 0.1: b, a, c; top 2 leaves out c."""
    manifest = ModelManifest({"t": HeadSpec("classify", ("a", "b", "c"))}, "mean", 16, 4, ("text",))
    answer = predictor.describe(manifest, "t", np.array([0.2, 0.7, 0.1]))
    assert answer == {"label": "b", "probabilities": {"b": 0.7, "a": 0.2, "c": 0.1}}
    assert list(answer["probabilities"]) == ["b", "a", "c"]
    shorter = predictor.describe(manifest, "t", np.array([0.2, 0.7, 0.1]), top=2)
    assert shorter == {"label": "b", "probabilities": {"b": 0.7, "a": 0.2}}


def test_of_equals_the_first_label_wins():
    """As in the SavedModel, whose argmax takes the first."""
    answer = predictor.describe(MOOD, "mood", np.array([0.5, 0.5]))
    assert answer["label"] == "happy"


def test_labels_of_a_multilabel_task_reach_their_thresholds():
    """0.6 misses 0.7, 0.3 reaches 0.3, 0.5 reaches 0.5; `top` shortens the listing alone."""
    spec = HeadSpec("multilabel", ("a", "b", "c"))
    manifest = ModelManifest({"t": spec}, "mean", 16, 4, ("text",), {"t": (0.7, 0.3, 0.5)})
    values = np.array([0.6, 0.3, 0.5], np.float32)
    answer = predictor.describe(manifest, "t", values, top=1)
    assert answer["labels"] == ["c", "b"]
    assert answer["probabilities"] == {"a": pytest.approx(0.6)}


def test_a_regression_answers_with_its_value():
    """A plain number that JSON can hold."""
    manifest = ModelManifest({"stars": HeadSpec("regress", ())}, "mean", 16, 4, ("text",))
    assert predictor.describe(manifest, "stars", np.array([2.5])) == {"value": 2.5}


# --- files -------------------------------------------------------------------------------


def test_line_i_answers_row_i_whatever_lies_between(tmp_path):
    """Bad rows keep their place with a reason; the others are not moved by them."""
    source = tmp_path / "in.csv"
    source.write_text('text\n0 even\n1,too,many\n2 even\n3 odd\n"  "\n5 odd\n', "utf-8")
    counts = predictor.predict_file(Counting(), source, tmp_path / "out.jsonl")
    assert counts == (4, 2)
    rows = answered(tmp_path / "out.jsonl")
    assert [row["row"] for row in rows] == [0, 1, 2, 3, 4, 5]
    labels = [row.get("mood", {}).get("label") for row in rows]
    assert labels == ["happy", None, "happy", "sad", None, "sad"]
    assert rows[1] == {
        "row": 1,
        "error": f"{source}:3: wrong number of fields: 3, the header has 1",
    }
    assert rows[4]["error"] == f"{source}:6: empty text in column 'text'"


def test_a_file_of_only_bad_rows_is_answered_too(tmp_path):
    """No text reaches the model, and no model is asked about no text."""
    source = tmp_path / "in.txt"
    source.write_text("\n  \n", "utf-8")
    counting = Counting()
    assert predictor.predict_file(counting, source, tmp_path / "out.jsonl") == (0, 2)
    assert ["error" in row for row in answered(tmp_path / "out.jsonl")] == [True, True]
    assert counting.calls == []


def test_an_empty_file_is_an_error_and_no_output(tmp_path):
    """Most likely a mistake upstream: an empty answer would hide it."""
    (tmp_path / "in.txt").touch()
    with pytest.raises(InputError, match="has no rows"):
        predictor.predict_file(Counting(), tmp_path / "in.txt", tmp_path / "out.jsonl")
    assert [path.name for path in tmp_path.iterdir()] == ["in.txt"]


def test_a_missing_column_is_an_error_and_no_output(tmp_path):
    """The model's own columns are looked for."""
    (tmp_path / "in.csv").write_text("body\nhello\n", "utf-8")
    with pytest.raises(InputError, match="no column 'text'"):
        predictor.predict_file(Counting(), tmp_path / "in.csv", tmp_path / "out.jsonl")
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_a_failure_half_way_leaves_the_old_output(tmp_path):
    """Whoever reads the output reads all of it, or the former one; no half is lying about."""
    source = write_rows(tmp_path / "in.txt", 2 * predictor.AT_ONCE)
    target = tmp_path / "out.jsonl"
    target.write_text("old\n")

    class Breaking(Counting):
        def __call__(self, texts):
            if self.calls:
                raise RuntimeError("the machine is gone")
            return super().__call__(texts)

    with pytest.raises(RuntimeError, match="gone"):
        predictor.predict_file(Breaking(), source, target)
    assert target.read_text() == "old\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.txt", "out.jsonl"]


@pytest.fixture
def small_disk():
    """The system refuses files beyond 64 KiB, in earnest."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_is_too_small_leaves_the_old_output(tmp_path, small_disk):
    """The write fails in the middle: the old file stays, the half goes, the error has the path."""
    source = write_rows(tmp_path / "in.txt", 2000)
    target = tmp_path / "out.jsonl"
    target.write_text("old\n")
    with pytest.raises(OSError) as caught:
        predictor.predict_file(Counting(), source, target)
    assert (caught.value.errno, caught.value.filename) == (errno.EFBIG, str(target))
    assert target.read_text() == "old\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.txt", "out.jsonl"]


def test_a_device_is_not_replaced_by_a_file(tmp_path):
    """Renaming over /dev/stdout or a pipe would put a file in its place."""
    os.mkfifo(tmp_path / "pipe")
    source = write_rows(tmp_path / "in.txt", 2)
    for target in (tmp_path / "pipe", tmp_path):
        with pytest.raises(InputError, match="is not a file"):
            predictor.predict_file(Counting(), source, target)
    assert (tmp_path / "pipe").is_fifo()


def test_an_output_has_the_usual_permissions(tmp_path):
    """Others may read it, as any file this user writes."""
    source = write_rows(tmp_path / "in.txt", 2)
    predictor.predict_file(Counting(), source, tmp_path / "new" / "out.jsonl")
    assert (tmp_path / "new" / "out.jsonl").stat().st_mode == source.stat().st_mode


# --- streams -----------------------------------------------------------------------------


def test_rows_are_read_as_they_are_needed():
    """Never more than one window ahead of the answers: a stream of any length can be answered."""
    read = 0

    def endless():
        nonlocal read
        while True:
            read += 1
            yield Text(f"{read} even", None, read)

    stream = predictor.answers(Counting(), endless())
    assert read == 0
    for given in range(1, 2 * predictor.WINDOW, 100):
        for _ in range(100):
            next(stream)
        assert read <= predictor.WINDOW * -(-(given + 99) // predictor.WINDOW)


def test_texts_are_answered_in_blocks():
    """1199 texts are 512 + 512 + 175; a bad row is in none."""
    counting = Counting()
    rows = [Text("even", None, 1)] * 1199
    rows.insert(600, BadRow("in.txt", 601, "empty", ""))
    assert len(list(predictor.answers(counting, rows))) == 1200
    assert counting.calls == [512, 512, 175]


def test_texts_of_about_one_length_are_answered_together():
    """The longest of a call is no longer than the shortest of the next, whatever their order."""
    calls = []

    class Noting(Counting):
        def __call__(self, texts):
            calls.append([len(text) for (text,) in texts])
            return super().__call__(texts)

    texts = [
        f"{'x' * (37 * number % 101)} {'even' if number % 3 else 'odd'}" for number in range(1300)
    ]
    answers = Noting().predict(texts)
    assert [answer["mood"]["label"] for answer in answers] == [
        "happy" if number % 3 else "sad" for number in range(1300)
    ]
    assert len(calls) == 3
    assert all(max(one) <= min(next) for one, next in pairwise(calls))


def test_memory_does_not_grow_with_the_file(tmp_path):
    """Of 30,000 lines no more is held than of 10,000: two windows, not the file."""

    def peak(rows: int) -> int:
        source = write_rows(tmp_path / f"{rows}.txt", rows)
        tracemalloc.start()
        predictor.predict_file(Counting(), source, tmp_path / "out.jsonl")
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert answered(tmp_path / "out.jsonl")[-1]["row"] == rows - 1
        return most

    peak(100)  # what is imported or cached on the way is paid for here
    assert peak(30_000) < 1.2 * peak(10_000)


def test_five_thousand_lines_by_a_real_model(folders, tmp_path):
    """Every line is answered once and in order; graphs are not traced anew for each block."""
    model = load_predictor(folders("classify")[0])
    lines = [" ".join([word] * (1 + row % 5)) for row in range(2500) for word in ("good", "late")]
    (tmp_path / "in.txt").write_text("\n".join(lines) + "\n", "utf-8")
    counts = predictor.predict_file(model, tmp_path / "in.txt", tmp_path / "out.jsonl")
    assert counts == (5000, 0)
    rows = answered(tmp_path / "out.jsonl")
    assert [row["row"] for row in rows] == list(range(5000))
    expected = model([(line,) for line in lines[:10]]).tasks["mood"]
    names = model.manifest.tasks["mood"].labels
    for number, row in enumerate(rows):
        found = [row["mood"]["probabilities"][label] for label in names]
        assert found == pytest.approx(expected[number % 10], abs=1e-5)
    assert model._answer.experimental_get_tracing_count() <= 2


@pytest.mark.parametrize(("row_length", "at_once"), [(128, 512), (256, 128), (512, 32)])
def test_long_texts_are_fewer_at_once(row_length, at_once):
    """Attention over a row is its length squared, and so is its memory."""
    counting = Counting()
    counting.manifest = replace(MOOD, row_length=row_length)
    rows = [Text("even", None, number) for number in range(600)]
    assert len(list(predictor.answers(counting, rows))) == 600
    assert max(counting.calls) == at_once
