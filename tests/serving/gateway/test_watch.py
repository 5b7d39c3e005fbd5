"""Drift is seen, is not seen where there is none, and can be replayed."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from tfsocial.checkpoints import manifest as manifests
from tfsocial.checkpoints.manifest import ModelManifest
from tfsocial.metrics import drift as references
from tfsocial.models.spec import HeadSpec
from tfsocial.serving.gateway import outputs
from tfsocial.serving.gateway.watch import drift, replay
from tfsocial.serving.gateway.watch.drift import Reference, Watch
from tfsocial.serving.predictor import Predictions

LABELS = ("card", "order", "thanks", "oos")
MANIFEST = ModelManifest(
    {"mood": HeadSpec("classify", LABELS, "energy"), "stars": HeadSpec("regress", ())},
    *("mean", 128, 16, ("text",)),
)
SHARES = (0.5, 0.3, 0.15, 0.05)
ROWS = 300


def answered(count: int, seed: int, shares=SHARES, sure: float = 6.0, shift: float = 0.0):
    """What a model says of texts drawn with these shares of labels."""
    source = np.random.default_rng(seed)
    labels = source.choice(len(shares), count, p=shares)
    chances = source.dirichlet(np.ones(len(shares)), count)
    chances[np.arange(count), labels] += sure * source.random(count)
    chances /= chances.sum(1, keepdims=True)
    vectors = np.eye(12)[labels] * 2 + 0.5 * source.normal(size=[count, 12]) + shift
    return Predictions({"mood": chances, "stars": source.normal(size=[count, 1])}, vectors)


def reference_values() -> dict:
    found = answered(1000, 0)
    lengths = np.full(1000, 7)
    return references.reference(lengths, 0.0, found.embedding, MANIFEST.tasks, found.tasks)


@pytest.fixture(scope="module")
def reference() -> Reference:
    return Reference(MANIFEST, reference_values(), ROWS, 0.05)


def scores(reference: Reference, **drawn):
    window = drift.Window()
    reference.add(window, answered(ROWS, **drawn))
    return reference.scores(window)


def test_a_window_without_drift_is_called_drifted_as_rarely_as_promised(reference):
    """Three hundred windows at 5 % over all four signals: fifteen are expected."""
    alarms = 0
    for seed in range(300):
        found = scores(reference, seed=1000 + seed)
        assert set(found) == {"embedding", *(f"mood {s}" for s in SIGNALS)}
        alarms += any(score.drifted for score in found.values())
    assert alarms <= 34  # five standard deviations above


def parts(found: Predictions, rows: int) -> list[Predictions]:
    """The same answers, so many at a time."""
    return outputs.cut(found, [rows] * (len(found.embedding) // rows))


SIGNALS = ("labels", "accuracy", "out_of_distribution")


@pytest.mark.parametrize(
    ("change", "signal"),
    [
        ({"shift": 0.4}, "embedding"),
        ({"shares": (0.2, 0.3, 0.45, 0.05)}, "mood labels"),
        ({"sure": 2.0}, "mood accuracy"),
        ({"shares": (0.45, 0.25, 0.1, 0.2)}, "mood out_of_distribution"),
    ],
)
def test_each_change_is_seen_by_its_signal(reference, change, signal):
    for seed in range(10):
        found = scores(reference, seed=seed, **change)
        assert found[signal].drifted, found[signal]


def test_accuracy_is_expected_as_the_probabilities_say(reference):
    found, window = answered(ROWS, 3), drift.Window()
    reference.add(window, found)
    expected = found.tasks["mood"].max(1).mean()
    assert reference.expected_accuracy(window)["mood"] == pytest.approx(expected, abs=0.01)


def test_parts_of_a_window_add_up(reference):
    whole, added = drift.Window(), drift.Window()
    found = answered(ROWS, 4)
    reference.add(whole, found)
    for part in parts(found, 50):
        reference.add(added, part)
    one, other = reference.scores(whole), reference.scores(added)
    assert {k: v.value for k, v in one.items()} == pytest.approx(
        {k: v.value for k, v in other.items()}
    )


def test_windows_are_written_without_texts_and_replayed(reference, tmp_path):
    path = tmp_path / "drift.jsonl"
    watch = Watch("mood", 3, reference, ROWS, path)
    for seed in range(12):
        watch.see(answered(50, seed))
    first, second = path.read_text("utf-8").splitlines()
    assert json.loads(first)["version"] == 3
    version = tmp_path / "3"
    version.mkdir()
    values = {"model": manifests.to_values(MANIFEST), "reference": reference_values()}
    (version / "manifest.json").write_text(json.dumps(values))
    again = list(replay.scored(path, version, 0.05))
    for line, scored in zip((first, second), again, strict=True):
        for name, score in json.loads(line)["scores"].items():
            assert scored.scores[name].value == pytest.approx(score["value"], abs=1e-4)
            assert scored.scores[name].threshold == pytest.approx(score["threshold"])
    command = [sys.executable, "-m", "tfsocial", "drift", f"--windows={path}", f"--model={version}"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert len(said.splitlines()) == 2
    assert "mood labels" in said
    path.write_text("{}\n")
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "drift.jsonl:1: is no window" in refused.stderr


def test_answers_one_by_one_make_the_same_window(reference):
    one, many = (Watch("mood", 3, reference, ROWS) for _ in range(2))
    found = answered(ROWS, 5)
    for part in parts(found, 50):
        many.see(part)
    assert many.scores
    for part in parts(found, 1):
        assert one.scores == {}
        one.see(part)
    assert {k: s.value for k, s in one.scores.items()} == pytest.approx(
        {k: s.value for k, s in many.scores.items()}
    )


def test_a_full_disk_does_not_take_the_answers(reference, tmp_path):
    watch = Watch("mood", 3, reference, ROWS, tmp_path / "nowhere" / "drift.jsonl")
    for seed in range(6):
        watch.see(answered(50, seed))
    assert watch.scores
