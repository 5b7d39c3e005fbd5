"""The forms that take token ids: LiteRT in int8, OpenVINO in bfloat16."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import without_laboratory
from tensorflow.lite.python import schema_py_generated as schema

from tfsocial.errors import InputError
from tfsocial.serving import agreement, signature, token_model, versions
from tfsocial.serving.export import golden, publish
from tfsocial.serving.loading import load_predictor
from tfsocial.serving.predictor import Predictions
from tfsocial.serving.tf_serving import config

FORMATS = ["litert", "openvino"]
TEXTS = ["my card is good thanks", "late", "", "the order is broken", "good " * 100, "?"]
# Of a random encoder, whose weights are far larger than a trained one's.
COSINE = {"litert": 0.98, "openvino": 0.999}


@pytest.fixture(scope="module")
def loaded():
    """`loaded(folder)`: the predictor of a folder, loaded once."""
    return functools.cache(load_predictor)


def texts_of(manifest) -> list[tuple[str, ...]]:
    return [(text, "nice")[: len(manifest.text_columns)] for text in TEXTS]


# --- the numbers -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["classify", "pair", "three", "scope"])
@pytest.mark.parametrize("format", FORMATS)
def test_it_says_what_the_model_says(folders, form, loaded, name, format):
    """As far as its numbers can: every kind of task, pairs, a detector, long and empty texts."""
    model, fast = loaded(folders(name)[0]), loaded(form(name, format))
    texts = texts_of(model.manifest)
    expected, found = model(texts), fast(texts)
    for task, spec in model.manifest.tasks.items():
        assert found.tasks[task].shape == (len(texts), spec.width)
        assert found.tasks[task].dtype == np.float32
    assert agreement.between(model.manifest, expected, found).cosine > COSINE[format]
    moved = np.abs(found.embedding - expected.embedding).max()
    assert moved > 0, "it is the same graph, so not this form"


@pytest.mark.parametrize("format", FORMATS)
def test_a_text_is_answered_as_among_many(form, loaded, format):
    """In any order and any company, also of other lengths."""
    fast = loaded(form("classify", format))
    texts = [(text,) for text in TEXTS] * 5
    many = fast(texts).tasks["mood"]
    alone = np.array([fast([text]).tasks["mood"][0] for text in texts[: len(TEXTS)]])
    assert np.abs(many.reshape(5, len(TEXTS), 3) - alone).max() < 2e-3
    assert np.abs(fast.many(texts[::-1]).tasks["mood"][::-1] - many).max() < 2e-3


@pytest.mark.parametrize("format", FORMATS)
def test_threads_may_call_at_once(form, loaded, format):
    """More callers than workers: each gets its own answer."""
    fast = loaded(form("classify", format))
    expected = {text: fast([(text,)]).tasks["mood"] for text in TEXTS}

    def ask(number: int) -> float:
        text = TEXTS[number % len(TEXTS)]
        return np.abs(fast([(text,)]).tasks["mood"] - expected[text]).max()

    with ThreadPoolExecutor(8) as threads:
        assert max(threads.map(ask, range(60))) < 1e-6


def test_texts_are_answered_and_embedded(form, loaded):
    """The face of any predictor: labels, answers, vectors, also of nothing."""
    fast = loaded(form("three", "litert"))
    assert set(fast.predict(["good"], top=1)[0]) == {"mood", "embedding", "stars"}
    assert fast.embed(["good", "late"]).shape == (2, 32)
    assert fast.predict([]) == []


# --- blocks ------------------------------------------------------------------------------


def test_blocks_hold_texts_of_one_length():
    """Lengths 3, 9, 4, 3 in steps of 4 and 12, eight tokens a block: 3 + 3, then 4, then 9."""
    encoded = [(np.full(n, n, np.int32), np.ones(n, np.int32)) for n in (3, 9, 4, 3)]
    found = token_model.blocks(encoded, (4, 12), 8)
    assert [block.places.tolist() for block in found] == [[0, 3], [2], [1]]
    assert [block.token_ids.shape for block in found] == [(2, 4), (1, 4), (1, 12)]
    assert found[0].token_ids.tolist() == [[3, 3, 3, 0]] * 2
    assert found[2].type_ids.tolist() == [[1] * 9 + [0] * 3]


# --- files -------------------------------------------------------------------------------


@pytest.mark.parametrize("format", FORMATS)
def test_it_says_what_it_is(folders, form, format):
    """The manifest of any version, with the bound that this one was measured to keep."""
    folder = form("classify", format)
    assert versions.format_of(folder) == format
    assert signature.read_manifest(folder) == load_predictor(folders("classify")[0]).manifest
    values = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert values["graph"] == format
    inputs = next(iter(values["signatures"].values()))["inputs"]
    assert list(inputs) == ["token_ids"]
    requests = [tuple(request) for request in values["golden"]["requests"]]
    found = load_predictor(folder)(requests)
    answers = values["golden"]["answers"]
    expected = Predictions(
        {task: np.array(numbers) for task, numbers in answers["tasks"].items()},
        np.array(answers["embedding"]),
    )
    assert golden.largest_difference(expected, found) <= values["golden"]["tolerance"]


def test_int8_is_a_quarter_of_the_bytes(form):
    """Of a matrix; what is around it weighs more in a tiny model."""
    flat = (form("classify", "litert") / "model.tflite").stat().st_size
    assert flat < 0.7 * sum(
        path.stat().st_size for path in (form("classify", "openvino")).glob("model.*")
    )


def test_scales_stand_once_in_a_litert_file(form):
    """Each graph names them, none has a copy of its own; inner tensors have no names."""
    content = (form("classify", "litert") / "model.tflite").read_bytes()
    graphs = schema.ModelT.InitFromPackedBuf(content, 0).subgraphs
    assert len(graphs) == 2  # 8 and 16 tokens
    scales = {
        np.asarray(tensor.quantization.scale, np.float32).tobytes()
        for graph in graphs
        for tensor in graph.tensors
        if tensor.quantization is not None and tensor.quantization.scale is not None
    }
    several = [one for one in scales if len(one) > 16]
    assert len(several) >= 6  # the matrices of a layer
    assert [content.count(one) for one in several] == [1] * len(several)
    named = [t.name for graph in graphs for t in graph.tensors if t.name]
    assert len(named) == 2 * 3  # an input and two outputs each


def test_a_folder_of_versions_has_one_format(folders, form, tmp_path):
    """A server that watches it would stumble over the other."""
    with pytest.raises(InputError, match=r"version 1 has another format than saved_model"):
        publish.publish(folders("classify")[0], form("classify", "litert").parent)
    with pytest.raises(InputError, match=r"has no version 1 for stable; it has none"):
        config.write(form("classify", "litert").parent, tmp_path, "m", {"stable": 1}, "/m", 1)


def test_too_little_agreement_is_refused(folders, tmp_path, monkeypatch):
    """What the user asks for at least; nothing is left behind."""
    model, base = folders("classify")[0], tmp_path / "served"
    texts = [(text,) for text in TEXTS]
    with pytest.raises(InputError, match=r"of 6 answers are the model's, and --min_agreement"):
        publish.publish(model, base, format="litert", texts=texts, least_agreement=1.01)
    assert list(base.iterdir()) == []


def test_agreement_is_kept(folders, tmp_path):
    """On the texts that were given for it."""
    texts = [(text,) for text in TEXTS]
    version = publish.publish(folders("classify")[0], tmp_path, format="litert", texts=texts)
    found = publish.read_agreement(version)
    assert found.texts == 6
    assert found.cosine > COSINE["litert"]
    assert "of the answers the same" in str(found)
    assert publish.read_agreement(folders("classify")[1]) is None


@pytest.mark.parametrize("format", FORMATS)
def test_a_broken_file_is_one_sentence(form, tmp_path, format):
    source = form("classify", format)
    for path in source.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / versions.GRAPHS[format]).write_bytes(b"broken")
    with pytest.raises(InputError, match=r"cannot be loaded .*; export the model again"):
        load_predictor(tmp_path)


@pytest.mark.parametrize(
    ("format", "module"), [("litert", "ai_edge_litert.interpreter"), ("openvino", "openvino")]
)
def test_a_missing_package_is_named(form, monkeypatch, format, module):
    version = form("classify", format)  # made while the package is there
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=rf"pip install 'tfsocial\[{format}\]'"):
        load_predictor(version)


SIGNALLED = """
import gc, os, signal, sys, time
from pathlib import Path
from tfsocial.serving.openvino import OpenVINOPredictor
first, second, third = (OpenVINOPredictor(Path(sys.argv[1])) for _ in range(3))
for name in ("first", "third", "second"):
    del globals()[name]
    gc.collect()
try:
    os.kill(os.getpid(), signal.SIGINT)
    for _ in range(200):  # another thread may get it first
        time.sleep(0.05)
except KeyboardInterrupt:
    print("caught")
"""


def test_ctrl_c_is_heard_after_models_have_gone(form):
    """OpenVINO gives threads a stack for signals; whatever order models go in, it is a live one."""
    command = [sys.executable, "-c", SIGNALLED, str(form("classify", "openvino"))]
    run = subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stdout) == (0, "caught\n"), run.stderr


# --- the import seal ---------------------------------------------------------------------


@pytest.mark.parametrize("format", FORMATS)
def test_it_answers_without_tensorflow(form, loaded, tmp_path, format):
    """`predict` in a process that has neither the laboratory nor TensorFlow."""
    target = tmp_path / "out.jsonl"
    (tmp_path / "in.txt").write_text("good\nlate\n", "utf-8")
    folder = form("classify", format)
    command = ["predict", f"--model={folder}", f"--input={tmp_path / 'in.txt'}"]
    run = subprocess.run(
        [sys.executable, without_laboratory.__file__, *command, f"--output={target}"],
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "TFSOCIAL_SEALED": "tensorflow",
        },
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    answers = [json.loads(line) for line in target.read_text("utf-8").splitlines()]
    expected = loaded(folder).predict(["good", "late"])
    for answer, other in zip(answers, expected, strict=True):
        assert answer["mood"]["probabilities"] == pytest.approx(
            other["mood"]["probabilities"], abs=1e-6
        )
