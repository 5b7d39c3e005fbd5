"""A teacher's answers to train: its own, by the names of labels, read once."""

from __future__ import annotations

import numpy as np
import pytest
import tiny_run
from safetensors.numpy import load_file
from scipy.special import softmax

from tfsocial.errors import InputError
from tfsocial.models import inference, parameters
from tfsocial.models.text_model import TextModel
from tfsocial.runs.prepare import prepare
from tfsocial.serving.loading import load_predictor
from tfsocial.training import devices

DISTILLED = {"papers": {"distillation": {}, "teacher_cosine": {}}}
HIDDEN = {"papers": {"teacher_hidden": {}}}


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


def test_its_encoder_reads_the_students_tokens(moods, teacher, tmp_path):
    """In the run's own small vocabulary its states are those that it has in its own."""
    ready = prepared(moods, teacher, tmp_path, objectives=HIDDEN)
    encoder = ready.model.formula.constants["teacher_encoder"]["teacher"]
    assert not encoder.trainable_variables
    loaded = load_predictor(teacher)
    model = TextModel.of(encoder.config, loaded.manifest)
    parameters.of_encoder(model.encoder).copy_from(parameters.of_encoder(encoder))
    vectors = inference.embed(model, ready.evaluation_batches("train"))
    texts = [(text,) for text in ready.texts.corpus.splits["train"].text]
    np.testing.assert_allclose(vectors, loaded.many(texts).embedding, atol=1e-5)


def test_several_teach_one(moods, teacher, tmp_path):
    """Each is read once; the terms have curves on train, and dev has no teacher."""
    entry = {"checkpoint": str(teacher), "licence_ack": "ours"}
    papers = {**DISTILLED["papers"], **HIDDEN["papers"]}
    chosen = tiny_run.settings(
        moods,
        objectives={"papers": {**papers, "distillation": {"teacher": ["one", "two"]}}},
        checkpoints={"one": entry, "two": entry, "teacher": entry},
    )
    run = tiny_run.train(chosen, tmp_path / "run")
    curves = (tmp_path / "run" / "metrics.jsonl").read_text("utf-8")
    for term in papers:
        assert f"L_paper/{term}" in curves
    assert [one.key for one in run.resources[1:4]] == [
        *("checkpoints.one", "checkpoints.two", "checkpoints.teacher")
    ]


def test_a_student_has_some_of_m0s_layers(moods, teacher, tmp_path):
    """M0's other layers are gone from what is saved; the states of teacher and student compare."""
    deep = tiny_run.settings(moods, "model.random.layers=3")
    m0 = tiny_run.train(deep, tmp_path / "m0").workdir / "model"
    entry = {"checkpoint": str(m0), "licence_ack": "ours"}
    model = {"checkpoint": str(m0), "layers": [0, 2], "dropout": 0.0, "licence_ack": "ours"}
    chosen = tiny_run.settings(
        moods,
        "optimizer.learning_rate=1.0e-30",
        model=model,
        objectives=HIDDEN,
        checkpoints={"teacher": entry},
    )
    saved = tiny_run.train(chosen, tmp_path / "run").workdir / "model"
    ours, theirs = (load_file(folder / "model.safetensors") for folder in (saved, m0))
    layers = {name.split(".")[2] for name in ours if name.startswith("encoder.layer")}
    assert layers == {"0", "1"}
    name = "encoder.layer.{}.output.dense.weight"
    np.testing.assert_allclose(ours[name.format(1)], theirs[name.format(2)], atol=1e-6)
    assert load_predictor(saved).predict(["good"])


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"layers": [0, 1]}, r"model.layers is \[0, 1\]; the checkpoint's layers are 0 to 0"),
        ({"layers": [-1]}, r"model.layers.0 is -1"),
        ({"layers": []}, r"model.layers is \[\]"),
        ({"layers": [0], "checkpoint": "random"}, r"model.checkpoint is random; say model.random"),
    ],
)
def test_layers_that_m0_has_not(moods, teacher, tmp_path, model, message):
    with pytest.raises(InputError, match=message):
        prepared(
            moods,
            teacher,
            tmp_path,
            objectives={},
            checkpoints={},
            model={"checkpoint": str(teacher), "licence_ack": "ours", **model},
        )


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
