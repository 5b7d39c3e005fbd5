"""Calibrated answers: of the run, the folder and the SavedModel alike."""

from __future__ import annotations

import numpy as np
import pytest
import tiny_run
from scipy import special
from small_runs import weights

from tfsocial.checkpoints import model_folder
from tfsocial.metrics.calibration import calibration
from tfsocial.serving.export.publish import publish
from tfsocial.serving.loading import load_predictor

TASKS = {
    "mood": {"column": "label"},
    "words": {"kind": "multilabel", "column": "words"},
    "size": {"kind": "regress", "column": "size"},
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs of the same weights, calibrated and not; a third of dev is labelled wrongly."""
    folder = tmp_path_factory.mktemp("calibrating")
    moods = tiny_run.write_moods(folder / "data", times=8)
    for split in ("train", "dev"):
        rows = [
            [text, "sad" if split == "dev" and number % 3 == 0 else mood, text.split()[-1], number]
            for number, (text, mood) in enumerate(tiny_run.MOODS * 8)
        ]
        tiny_run.write_csv(moods / f"{split}.csv", ("text", "label", "words", "size"), rows)
    for name, wanted in (("calibrated", True), ("raw", False)):
        tasks = {task: {**values, "calibrate": wanted} for task, values in TASKS.items()}
        # The last epoch's weights whatever dev says: both runs end with the same.
        tiny_run.train(tiny_run.settings(moods, "training.epochs=4", tasks=tasks), folder / name)
    return folder


TEXTS = [(text,) for text, _ in tiny_run.MOODS]


@pytest.fixture(scope="module")
def predictors(runs):
    """Of both, by their names."""
    return {name: load_predictor(runs / name / "model") for name in ("calibrated", "raw")}


def test_weights_and_answers_stay_as_they_were(runs, predictors):
    """Only how sure the model is changes."""
    one, other = weights(runs / "calibrated"), weights(runs / "raw")
    assert one.keys() == other.keys()
    assert all(np.array_equal(one[name], other[name]) for name in one)
    sure, raw = (predictor(TEXTS) for predictor in predictors.values())
    np.testing.assert_array_equal(sure.tasks["mood"].argmax(-1), raw.tasks["mood"].argmax(-1))
    np.testing.assert_array_equal(sure.tasks["size"], raw.tasks["size"])
    assert np.abs(sure.tasks["mood"] - raw.tasks["mood"]).max() > 0.05


def test_the_manifest_keeps_what_was_fitted(runs, predictors):
    """And the numbers follow from it: softmax of z / T, sigmoid of a z + b."""
    calibrated = model_folder.load(runs / "calibrated" / "model").manifest.calibration
    assert set(calibrated) == {"mood", "words"}
    assert model_folder.load(runs / "raw" / "model").manifest.calibration == {}
    sure, raw = (predictor(TEXTS) for predictor in predictors.values())
    (scale,) = calibrated["mood"].scale
    expected = special.softmax(np.log(raw.tasks["mood"]) * scale, -1)
    np.testing.assert_allclose(sure.tasks["mood"], expected, atol=1e-5)
    words = calibrated["words"]
    expected = special.expit(special.logit(raw.tasks["words"]) * words.scale + words.shift)
    np.testing.assert_allclose(sure.tasks["words"], expected, atol=1e-4)


def test_dev_is_calibrated(predictors):
    """On the rows that it was fitted to: near as often right as it says."""
    texts = [(text,) for text, _ in tiny_run.MOODS * 8]
    truth = np.array(
        [
            0 if mood == "happy" and number % 3 else 1
            for number, (_, mood) in enumerate(tiny_run.MOODS * 8)
        ]
    )
    errors = {
        name: calibration(truth, predictor(texts).tasks["mood"]).error
        for name, predictor in predictors.items()
    }
    assert errors["calibrated"] < errors["raw"]


def test_a_saved_model_says_the_same(runs, predictors, tmp_path):
    publish(runs / "calibrated" / "model", tmp_path / "saved")
    own = predictors["calibrated"](TEXTS)
    saved = load_predictor(tmp_path / "saved")(TEXTS)
    for task, values in own.tasks.items():
        np.testing.assert_allclose(saved.tasks[task], values, atol=1e-6)
