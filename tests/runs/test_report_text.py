"""Reports as text, and files that stay whole."""

from __future__ import annotations

import json

import numpy as np
import pytest
from outputs_by_hand import NAN, SAID, TAGGED, TAGS, TRUTH, classes, spec, sure
from sklearn import metrics

from tfsocial import files
from tfsocial.runs import report_text
from tfsocial.runs.report_text import as_text, write
from tfsocial.runs.task_report import task_report


def a_report(**knobs):
    return task_report(spec("classify", "a", "b", "oos"), TRUTH, sure(SAID, 3), **knobs)


@pytest.mark.parametrize("kind", ["classify", "multilabel"])
def test_the_table_is_scikit_learns(kind):
    random = np.random.default_rng(0)
    head, probabilities = spec(kind, "a", "bb", "a_rather_long_name"), random.random((40, 3))
    if kind == "classify":
        probabilities /= probabilities.sum(-1, keepdims=True)
        labels, said = random.integers(0, 3, 40), probabilities.argmax(-1)
    else:
        labels, said = random.integers(0, 2, (40, 3)), probabilities >= 0.5
    text = as_text(task_report(head, labels, probabilities), "test")
    table = metrics.classification_report(
        labels, said, target_names=head.labels, digits=3, zero_division=0
    )
    assert table in text


def test_of_many_classes_only_the_worst_are_shown():
    truth = np.arange(40).repeat(3)
    said = truth.copy()
    said[:3] = 1  # class0 is never found
    found = task_report(classes(40), truth, sure(said, 40))
    text = as_text(found, "test / intent")
    assert "confusion_matrix" not in found
    assert len(found["classes"]) == 40 + 3
    assert "the 10 worst of 40 classes by F1" in text
    assert text.index(" class0 ") < text.index(" class1 ")
    assert " class10 " not in text
    assert "     3  class0 -> class1" in text


def test_baselines_stand_beside_the_scores():
    others = {"majority": {"accuracy": 0.4}, "tfidf_linear": {"accuracy": 0.75, "macro_f1": 0.5}}
    text = as_text(a_report(baselines=others), "test / intent")
    assert "accuracy 0.600; majority 0.400 (+0.200); TF-IDF + linear SVM 0.750 (-0.150)\n" in text
    assert "macro_f1 0.433; TF-IDF + linear SVM 0.500 (-0.067)\n" in text
    assert "ece 0.300\n" in text


def test_text_of_a_multilabel_report():
    found = task_report(
        spec("multilabel", "x", "y"),
        TAGS,
        TAGGED,
        thresholds=[0.4, 0.7],
        baselines={"tfidf_linear": {"accuracy": 1}},
    )
    assert found["thresholds"] == {"x": 0.4, "y": 0.7}
    assert "TF-IDF + logistic regression 1.000 (+0.000)" in as_text(found, "dev / tags")


def test_written_reports_read_back_equal(tmp_path):
    reports = {"dev": {"intent": a_report()}, "test": {"intent": a_report(out_of_scope="oos")}}
    write(reports, tmp_path / "run")
    read = json.loads((tmp_path / "run/report.json").read_text())
    assert read == reports
    assert read["test"]["intent"]["accuracy"] == 0.6
    text = (tmp_path / "run/report.txt").read_text()
    expected = [as_text(read[split]["intent"], f"{split} / intent") for split in read]
    assert text == "\n".join(expected)
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "report.json",
        "report.txt",
    ]


def test_json_has_neither_nan_nor_numpy(tmp_path):
    odd = {"count": 0, "values": np.array([NAN, 1.5], np.float32), "n": np.int64(3), "x": np.inf}
    write({"test": {"task": odd}}, tmp_path)
    read = json.loads((tmp_path / "report.json").read_text(), parse_constant=pytest.fail)
    assert read["test"]["task"] == {"count": 0, "values": [None, 1.5], "n": 3, "x": None}


@pytest.mark.parametrize("broken", ["write_text", "replace"])
def test_a_failing_write_leaves_the_old_files(tmp_path, monkeypatch, broken):
    write({"test": {"intent": a_report()}}, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(*arguments, **knobs):
        if broken == "write_text":
            with open(arguments[0], "w") as stream:
                stream.write("half a fi")
        raise OSError("no space left on device")

    monkeypatch.setattr(report_text.Path if broken == "write_text" else files.os, broken, full)
    with pytest.raises(OSError, match="no space"):
        write({"test": {}}, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
