"""`python -m tfsocial evaluate`: the same numbers from a model folder and from its SavedModel."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import tiny_run

from tfsocial import __main__

sys.path.insert(0, str(Path(__file__).parents[1] / "serving"))
import served_models

PNG = b"\x89PNG\r\n"
ROWS = [
    ("my card is good thanks", "happy", "de"),
    ("late", "sad", "fr"),
    ("the order is broken", "sad", "de"),
    ("good", "neither", "fr"),
    ("nice order", "", "de"),
]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return served_models.of("classify", tmp_path_factory)


@pytest.fixture
def data(tmp_path) -> Path:
    return tiny_run.write_csv(tmp_path / "new.csv", ("text", "label", "language"), ROWS)


def evaluated(model: Path, data: Path, output: Path, *flags: str) -> dict:
    code = __main__.main(
        ["evaluate", f"--model={model}", f"--data={data}", f"--output={output}", *flags]
    )
    assert code == 0
    return json.loads((output / "evaluation.json").read_text("utf-8"))["suites"]


def test_both_forms_of_a_model_have_the_same_numbers(folders, data, tmp_path, capsys):
    """All suites that what is given suffices for; 4 of 5 rows are labelled, 2 of each language."""
    flags = ("--attribute=language", "--ood_label=mood:neither", f"--train={data}")
    found = [
        evaluated(folder, data, tmp_path / str(number), *flags)
        for number, folder in enumerate(folders)
    ]
    expected = {"quality", "calibration", "baselines", "out_of_distribution", "slices"}
    for model, saved_model in zip(*(one.items() for one in found), strict=True):
        assert model[0] == saved_model[0]
        assert model[1]["numbers"]["mood"] == pytest.approx(
            saved_model[1]["numbers"]["mood"], abs=1e-5
        )
        assert model[1]["pictures"] == saved_model[1]["pictures"]
    assert set(found[0]) == expected
    assert found[0]["quality"]["numbers"]["mood"]["count"] == 4
    assert [row["count"] for row in found[0]["slices"]["tables"]["mood/language"]] == [2, 2]
    picture = tmp_path / "0" / "quality-mood-confusion.png"
    assert picture.read_bytes().startswith(PNG)
    printed = capsys.readouterr().out
    assert (tmp_path / "0" / "evaluation.txt").read_text("utf-8") in printed
    assert "mood: accuracy" in printed


def test_only_the_suites_named(folders, data, tmp_path):
    assert set(evaluated(folders[0], data, tmp_path / "out", "--suite=quality")) == {"quality"}


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ("--suite=qualty", "did you mean quality?"),
        ("--label=mood", "has to be NAME:VALUE"),
        ("--label=mood:labl", "did you mean label?"),
        ("--ood_label=mood:nether", "did you mean neither?"),
        ("--ood_label=mod:neither", "did you mean mood?"),
        ("--train=nowhere.csv", "there is no such file"),
    ],
)
def test_bad_input_is_one_sentence(folders, data, tmp_path, capsys, flag, words):
    """Exit code 2, and nothing written."""
    output = tmp_path / "out"
    arguments = (f"--model={folders[0]}", f"--data={data}", f"--output={output}", flag)
    assert __main__.main(["evaluate", *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert words in said.err
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1
    assert not output.exists() or not list(output.iterdir())
