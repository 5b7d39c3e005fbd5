"""A teacher's answers to train: its own, by the names of labels, read once."""

from __future__ import annotations

import numpy as np
import pytest
import tiny_run
from scipy.special import softmax

from tfsocial.errors import InputError
from tfsocial.runs.prepare import prepare
from tfsocial.serving.loading import load_predictor
from tfsocial.training import devices

DISTILLED = {"papers": {"distillation": {}, "teacher_cosine": {}}}


@pytest.fixture(scope="module")
def moods(tmp_path_factory):
    return tiny_run.write_moods(tmp_path_factory.mktemp("moods"))


@pytest.fixture(scope="module")
def teacher(moods, tmp_path_factory):
    """A run on labels in another order, of the same size."""
    workdir = tmp_path_factory.mktemp("teacher") / "run"
    config = tiny_run.settings(moods, "tasks.mood.labels=[sad, happy]", "seed=5")
    tiny_run.train(config, workdir)
    return workdir / "model"


def prepared(moods, teacher, tmp_path, *assignments, **sections):
    chosen = tiny_run.settings(
        moods,
        *assignments,
        **{
            "objectives": DISTILLED,
            "checkpoints": {"teacher": {"checkpoint": str(teacher), "licence_ack": "ours"}},
            **sections,
        },
    )
    return prepare(chosen, tmp_path, devices.choose("cpu", chosen.training))


def test_it_says_what_the_teacher_says(moods, teacher, tmp_path):
    """Probabilities of each text of train, its labels in the student's order, and its vectors."""
    ready = prepared(moods, teacher, tmp_path)
    taught = ready.model.formula.constants["teacher"]["teacher"]
    loaded = load_predictor(teacher)
    train = ready.texts.corpus.splits["train"]
    expected = loaded.many([(text,) for text in train.text])
    assert ready.model.text_model.specs["mood"].labels == ("happy", "sad")
    said = softmax(taught.logits["mood"].numpy(), axis=-1)
    calibrated = loaded.manifest.calibration["mood"].scale
    logits = taught.logits["mood"].numpy() * calibrated
    np.testing.assert_allclose(softmax(logits, -1), expected.tasks["mood"][:, ::-1], atol=1e-5)
    assert np.ptp(said) > 0
    np.testing.assert_allclose(taught.pooled, expected.embedding, atol=1e-5)
    assert taught.known.numpy().tolist() == [1.0] * len(train)


def test_a_run_learns_from_it(moods, teacher, tmp_path):
    """The term has a curve on train and a gradient; dev has no teacher."""
    chosen = tiny_run.settings(
        moods,
        objectives=DISTILLED,
        checkpoints={"teacher": {"checkpoint": str(teacher), "licence_ack": "ours"}},
    )
    tiny_run.train(chosen, tmp_path / "run")
    assert "L_paper/distillation" in (tmp_path / "run" / "metrics.jsonl").read_text("utf-8")


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        (
            "tasks={tone: {column: label}}",
            r"distillation.teacher: the teacher has no classify task tone; it has mood",
        ),
        (
            "tasks.mood.labels=[happy, sad, neither]",
            r"the teacher's task mood has no label 'neither'",
        ),
        (
            "model.random.hidden_size=16",
            r"teacher's vectors have 32 numbers, the model's 16; leave teacher_cosine out",
        ),
    ],
)
def test_a_teacher_has_to_fit(moods, teacher, tmp_path, assignment, message):
    with pytest.raises(InputError, match=message):
        prepared(moods, teacher, tmp_path, assignment)


def test_a_teacher_has_to_be_named(moods, tmp_path):
    with pytest.raises(InputError, match=r"distillation.teacher is 'teacher', which is no name in"):
        prepared(moods, "nowhere", tmp_path, checkpoints={})


def test_a_checkpoint_without_tasks_teaches_nothing(moods, tmp_path):
    """The vocabulary's folder is no model/ of a run."""
    with pytest.raises(InputError, match=r"has no 'tfsocial' block, so it holds no heads"):
        prepared(moods, moods / "vocabulary", tmp_path)
