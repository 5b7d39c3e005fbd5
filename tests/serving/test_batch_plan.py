"""Parts, waves, names and refusals of a batch job, and its rows without Beam."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfsocial.checkpoints.manifest import ModelManifest
from tfsocial.data.reading.texts import read_texts
from tfsocial.errors import InputError
from tfsocial.models.spec import HeadSpec
from tfsocial.serving.batch import plan, rows
from tfsocial.serving.batch.plan import Input, Part
from tfsocial.serving.loading import load_predictor
from tfsocial.serving.predictor import Predictions, Predictor, predict_file

LINES = ["my card is good", "late", "my card is good", "", "order", "late", "my card is good"]


class Fragile(Predictor):
    """Notes what it is asked, and fails when `boom` is among it."""

    manifest = ModelManifest(
        {"mood": HeadSpec("classify", ("happy", "sad"))}, "mean", 16, 4, ("t",)
    )

    def __init__(self):
        self.asked: list[list[str]] = []

    def __call__(self, texts):
        self.asked.append([text for (text,) in texts])
        if ("boom",) in texts:
            raise ArithmeticError("cannot be said of boom")
        return Predictions({"mood": np.full([len(texts), 2], 0.5)}, np.zeros([len(texts), 2]))


def parts_of(sizes: list[int], size: int) -> list[Part]:
    inputs = [Input(f"{number}.txt", 1, f"{number}.txt") for number in range(len(sizes))]
    return [
        part
        for item, count in zip(inputs, sizes, strict=True)
        for part in plan.parts(item, count, size)
    ]


def answered(
    predictor: Predictor, source: Path, part_rows: int, buckets: int
) -> list[rows.Written]:
    """What a wave of one file's parts comes to, by the functions of the pipeline."""
    count = sum(1 for _ in read_texts(source, predictor.manifest.text_columns))
    parts = list(plan.parts(Input(str(source), 1, source.name), count, part_rows))
    blocks: dict[int, list] = {}
    answers: dict[int, list] = {place: [] for place in range(len(parts))}
    read = rows.of_parts(read_texts(source, predictor.manifest.text_columns), parts)
    for place, found in enumerate(read):
        answers[place] += found.unreadable
        for number, block in rows.in_buckets(found.texts, buckets).items():
            blocks.setdefault(number, []).append((place, block))
    for texts in map(rows.distinct, blocks.values()):
        said = rows.answered(predictor, [columns for _, columns in texts], 0)
        for (where, _), answer in zip(texts, said, strict=True):
            for place, places in where:
                answers[place].append((places, answer))
    return [rows.written(part, answers[place]) for place, part in enumerate(parts)]


# --- parts, waves, names -----------------------------------------------------------------


@given(st.lists(st.integers(0, 50), max_size=6), st.integers(1, 20), st.integers(1, 60))
def test_every_row_is_in_one_part_of_one_wave(sizes, part_rows, wave_rows):
    parts = parts_of(sizes, part_rows)
    waves = plan.waves(parts, wave_rows)
    assert [part for wave in waves for part in wave] == parts
    covered = [(p.file, row) for p in parts for row in range(p.first, p.first + p.rows)]
    assert covered == [(f"{n}.txt", row) for n, count in enumerate(sizes) for row in range(count)]
    assert all(sum(part.rows for part in wave) <= max(wave_rows, part_rows) for wave in waves)
    assert len({part.answers for part in parts}) == len(parts)


def test_parts_of_several_folders_have_names_of_their_own():
    inputs = plan.named({"/in/mon/a.csv": 1, "/in/tue/a.csv": 2, "/in/b.csv": 3})
    assert [item.name for item in inputs] == ["mon__a.csv", "tue__a.csv", "b.csv"]


def test_two_inputs_of_one_name_are_refused():
    with pytest.raises(InputError, match=r"--input: in/a__b.csv and another file .* rename one"):
        plan.named({"in/a__b.csv": 1, "in/a/b.csv": 2})


def test_a_wave_is_done_when_its_marker_and_all_its_answers_are_there():
    wave = tuple(parts_of([5], 3))
    there = {"progress/wave-00007.json", *(part.answers for part in wave)}
    assert plan.is_done(7, wave, there)
    assert not plan.is_done(8, wave, there)
    assert not any(plan.is_done(7, wave, there - {name}) for name in there)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"model": "b" * 64}, "another model (aaaaaaaaaaaa, not bbbbbbbbbbbb)"),
        ({"top": 3}, "--top=5, not 3"),
        ({"wave_rows": 7}, "--wave_rows=9, not 7"),
        ({"inputs": {"x": 2}}, "other input files (x had 1 bytes and has 2)"),
        ({"inputs": {"x": 1, "y": 1}}, "other input files (y is new)"),
        ({"inputs": {}}, "other input files (x is missing)"),
    ],
)
def test_other_settings_in_the_same_folder_are_refused(changed, said):
    before = {"model": "a" * 64, "inputs": {"x": 1}, "top": 5, "wave_rows": 9}
    plan.check_same("out", before, before)
    with pytest.raises(InputError) as refused:
        plan.check_same("out", before, before | changed)
    assert str(refused.value).startswith(f"--output=out: was begun with {said}; ")


# --- rows --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["classify", "pair", "three"])
def test_parts_put_together_are_what_predict_writes(folders, tmp_path, name):
    predictor = load_predictor(folders(name)[1])
    columns = predictor.manifest.text_columns
    source = tmp_path / "in.jsonl"
    lines = [json.dumps(dict.fromkeys(columns, text)) for text in LINES]
    source.write_bytes("\n".join([*lines, "{", '{"text": 1}', lines[1]]).encode() + b"\n\xff\n")
    predict_file(predictor, source, tmp_path / "out.jsonl")
    expected = [json.loads(line) for line in (tmp_path / "out.jsonl").open(encoding="utf-8")]

    written = answered(predictor, source, part_rows=3, buckets=2)
    found = [json.loads(line) for part in written for line in part.answers.splitlines()]
    assert [line["row"] for line in found] == list(range(len(LINES) + 4))
    assert [line.get("error") for line in found] == [line.get("error") for line in expected]
    for line, other in zip(numbers(found), numbers(expected), strict=True):
        np.testing.assert_allclose(line, other, atol=1e-5)
    counts = sum((part.counts for part in written), Counter())
    assert counts == {"answered": len(LINES), "unreadable": 4}


def numbers(lines: list[dict]) -> list[list[float]]:
    """All numbers of each answer, in the order of their names."""

    def within(value):
        if isinstance(value, dict):
            return [number for name in sorted(value) for number in within(value[name])]
        return [float(value)] if isinstance(value, (int, float)) else []

    return [within(line) for line in lines]


def test_a_text_is_asked_once(tmp_path):
    source = tmp_path / "in.txt"
    source.write_text("\n".join(LINES) + "\n", "utf-8")
    predictor = Fragile()
    answered(predictor, source, part_rows=2, buckets=3)
    asked = [text for call in predictor.asked for text in call]
    assert sorted(asked) == sorted({line for line in LINES if line})


def test_a_text_that_fails_costs_no_other_its_answer(tmp_path):
    source = tmp_path / "in.txt"
    source.write_text("fine\nboom\ngood\n\n", "utf-8")
    (written,) = answered(Fragile(), source, part_rows=9, buckets=1)
    lines = [json.loads(line) for line in written.answers.splitlines()]
    assert ["mood" in line for line in lines] == [True, False, True, False]
    assert lines[1]["error"] == f"{source}:2: the model failed with ArithmeticError"
    assert written.counts == {"answered": 2, "failed": 1, "unreadable": 1}
    letters = [json.loads(line) for line in written.unanswered.splitlines()]
    assert [(one["line"], one["row"], one["kind"]) for one in letters] == [
        (2, 1, "failed"),
        (4, 3, "unreadable"),
    ]
    assert b"boom" not in written.answers + written.unanswered


def test_the_model_is_never_asked_more_at_once_than_it_bears():
    predictor = Fragile()
    list(rows.answered(predictor, [(str(number),) for number in range(1200)], 0))
    assert [len(call) for call in predictor.asked] == [512, 512, 176]


def test_the_same_calls_come_of_blocks_in_any_order():
    blocks = [(place, [((text,), [(place, 1)]) for text in "cab"]) for place in range(3)]
    assert rows.distinct(blocks) == rows.distinct(reversed(blocks))
    assert [columns for _, columns in rows.distinct(blocks)] == [("a",), ("b",), ("c",)]


def test_an_input_that_has_changed_since_it_was_counted_is_refused():
    part = Part("in.txt", "in.txt-00000", 0, 2)
    with pytest.raises(InputError, match=r"in.txt: has other rows than when they were counted; "):
        rows.written(part, [([(0, 1)], {"mood": {}})])
