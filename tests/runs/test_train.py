"""A run from config to model folder: what it leaves, whether it repeats, what it is made of."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import pytest
import tiny_run
from small_runs import points, weights

from tfsocial import config
from tfsocial.checkpoints import model_folder
from tfsocial.provenance import licences
from tfsocial.runs import train
from tfsocial.training.callbacks.checkpointing import CheckpointCallback

MODEL_FILES = {"config.json", "vocab.txt", "model.safetensors", "heads.safetensors"}


def steps_taken(run: train.Run) -> int:
    """Steps the optimizer counted."""
    return int(run.metrics_logger.model.optimizer.iterations)


class ScriptedScorer:
    """Scores from a list, one an epoch, and how often it was asked."""

    def __init__(self, scores: list[float]):
        self.left = list(scores)
        self.asked = 0

    def scores(self, task, spec, labels, predictions) -> Mapping[str, float]:
        self.asked += 1
        return {"accuracy": self.left.pop(0)}

    def thresholds(self, spec, labels, predictions):
        return None


# --- what a run leaves and whether it repeats --------------------------------------------


def test_a_run_leaves_all_its_files(finished):
    """Config, sources, curves, quarantine and a model folder; nothing half written beside them."""
    expected = {"config.yaml", "tensorboard", "metrics.jsonl", "model", "quarantine.jsonl"}
    expected |= {"checkpoints", "provenance.json"}
    assert {path.name for path in finished.iterdir()} == expected
    assert {path.name for path in (finished / "model").iterdir()} >= MODEL_FILES
    assert [path for path in (finished / "tensorboard").iterdir() if "tfevents" in path.name]
    assert points(finished, "train/loss")
    assert points(finished, "dev/mood/accuracy")


def test_the_model_folder_names_labels_and_sizes(finished):
    """config.json is what the community expects, and what a server needs to answer."""
    values = json.loads((finished / "model" / "config.json").read_text("utf-8"))
    assert values["id2label"] == {"0": "happy", "1": "sad"}
    assert (values["model_type"], values["hidden_size"]) == ("bert", 32)
    # The whole vocabulary is saved, not only the words the texts use.
    words = len(tiny_run.SPECIALS) + len(tiny_run.WORDS)
    table = weights(finished)["model.safetensors/embeddings.word_embeddings.weight"]
    assert values["vocab_size"] == words
    assert table.shape == (words, 32)
    manifest = model_folder.load(finished / "model").manifest
    assert (manifest.row_length, manifest.slots, manifest.text_columns) == (16, 2, ("text",))


def test_what_was_taken_from_others_is_written_down(finished):
    """M0, the data with the hash of its files, each method with its paper."""
    written = json.loads((finished / "provenance.json").read_text("utf-8"))
    m0, data, method, optimizer = written["resources"]
    assert (m0["role"], m0["licence"], len(m0["sha256"])) == ("model", "Apache-2.0", 64)
    assert (data["licence"], len(data["sha256"])) == ("Apache-2.0", 64)
    assert method["name"] == "L/mood (CrossEntropy)"
    assert "arXiv:1512.00567" in method["citation"]
    assert optimizer["name"] == "optimizer.name=adamw (AdamW)"
    assert "arXiv:1711.05101" in optimizer["citation"]
    chosen = config.load(finished / "config.yaml")
    assert written["config"] == {"name": chosen.name, "sha256": chosen.fingerprint()}
    assert written["licence_policy"] == chosen.data.licence_policy == "permissive"


def test_a_model_has_its_card_and_hands_its_licence_on(finished):
    """What is trained further on it finds its licence there."""
    text = (finished / "model" / "README.md").read_text("utf-8")
    assert text.startswith("---\nlicense: apache-2.0\n")
    assert licences.in_folder(finished / "model")[0] == "Apache-2.0"


def test_the_written_config_makes_the_same_run(finished, tmp_path):
    """Bit for bit: same seed, same files, same weights. config.yaml is all it takes."""
    again = config.load(finished / "config.yaml")
    tiny_run.train(again, tmp_path / "run")
    first, second = weights(finished), weights(tmp_path / "run")
    assert first.keys() == second.keys()
    assert not [name for name in first if not np.array_equal(first[name], second[name])]
    written = (tmp_path / "run" / "config.yaml").read_text("utf-8")
    assert written == (finished / "config.yaml").read_text("utf-8")


def test_another_seed_makes_another_run(finished, tmp_path):
    """Initialisation, order and dropout all hang on it."""
    again = config.load(finished / "config.yaml", ["seed=2"])
    tiny_run.train(again, tmp_path / "run")
    first, second = weights(finished), weights(tmp_path / "run")
    moved = [name for name in first if not np.array_equal(first[name], second[name])]
    assert "heads.safetensors/mood.weight" in moved
    assert "model.safetensors/encoder.layer.0.output.dense.weight" in moved


def test_the_model_of_a_run_is_the_checkpoint_of_the_next(finished, moods, tmp_path):
    """Pretraining and fine-tuning are two runs: the second starts where the first ended."""
    chosen = tiny_run.settings(
        moods, f"model.checkpoint={finished / 'model'}", "optimizer.learning_rate=1.0e-30"
    )
    tiny_run.train(chosen, tmp_path / "run")
    name = "model.safetensors/encoder.layer.0.output.dense.weight"
    assert np.array_equal(weights(finished)[name], weights(tmp_path / "run")[name])


def test_training_moves_every_trained_tensor_and_no_other(moods, tmp_path):
    """All weights leave their start but the words that no text holds."""
    before = tiny_run.train(
        tiny_run.settings(moods, "optimizer.learning_rate=1.0e-30"), tmp_path / "before"
    )
    after = tiny_run.train(tiny_run.settings(moods), tmp_path / "after")
    assert steps_taken(before) == steps_taken(after) == 4
    start, end = weights(tmp_path / "before"), weights(tmp_path / "after")
    still = {name for name in start if np.array_equal(start[name], end[name])}
    # A key's bias moves every score of a query alike, which the softmax does not see.
    assert {name for name in still if not name.endswith("key.bias")} == set()
    table = "model.safetensors/embeddings.word_embeddings.weight"
    vocabulary = [*tiny_run.SPECIALS, *tiny_run.WORDS]
    untouched = np.array(
        [np.array_equal(*rows) for rows in zip(start[table], end[table], strict=True)]
    )
    used = {"[CLS]", "[SEP]", *" ".join(text for text, _ in tiny_run.MOODS).split()}
    assert {vocabulary[row] for row in np.flatnonzero(~untouched)} == used


# --- how long ----------------------------------------------------------------------------


@pytest.mark.parametrize(("limit", "epochs", "at_once"), [(6, 2, 1), (3, 1, 2), (3, 1, 50)])
def test_max_steps_is_a_limit(moods, tmp_path, limit, epochs, at_once):
    """Not one step more, also where it falls into the middle of an epoch of 4 steps, or of an
    execution of several.
    """
    steps = (f"training.max_steps={limit}", f"training.steps_per_execution={at_once}")
    chosen = tiny_run.settings(moods, "training.epochs=5", *steps)
    run = tiny_run.train(chosen, tmp_path / "run")
    assert run.steps == steps_taken(run) == limit
    assert len(points(tmp_path / "run", "dev/monitored")) == epochs


def test_the_best_weights_are_kept(moods, tmp_path):
    """Dev says 0.5, 0.9, 0.2, 0.1: with patience 2 epoch 4 is the last and epoch 2 is saved.

    A constant rate makes the first two epochs of a long run the whole of a short one. Two texts to
    a row: 16 texts, 8 rows, 4 steps; twice is 8.
    """
    common = ["optimizer.decay=constant", "optimizer.warmup_fraction=0"]
    scorer = ScriptedScorer([0.5, 0.9, 0.2, 0.1, 1.0, 1.0])
    chosen = tiny_run.settings(moods, *common, "training.epochs=6", "training.patience=2")
    long = tiny_run.train(chosen, tmp_path / "long", scorer)
    assert scorer.asked == 4
    assert steps_taken(long) == 16
    assert points(tmp_path / "long", "dev/monitored") == [0.5, 0.9, 0.2, 0.1]
    chosen = tiny_run.settings(moods, *common, "training.epochs=2")
    short = tiny_run.train(chosen, tmp_path / "short", ScriptedScorer([0.1, 0.2]))
    assert short.steps == steps_taken(short) == 8
    assert points(tmp_path / "short", "dev/monitored") == [0.1, 0.2]
    kept, expected = weights(tmp_path / "long"), weights(tmp_path / "short")
    assert not [name for name in kept if not np.array_equal(kept[name], expected[name])]


def test_without_a_dev_split_the_last_weights_are_kept(moods, tmp_path):
    """Nothing to score with is no reason to stop, and nothing to fit the scale of logits to."""
    chosen = tiny_run.settings(moods, "data.splits.dev=[]")
    run = tiny_run.train(chosen, tmp_path / "run")
    assert steps_taken(run) == 4
    assert points(tmp_path / "run", "dev/monitored") == []
    live = run.metrics_logger.model.text_model.heads.linear["mood"].kernel.numpy()
    assert np.array_equal(weights(tmp_path / "run")["heads.safetensors/mood.weight"], live.T)
    assert model_folder.load(tmp_path / "run" / "model").manifest.calibration == {}


def test_layers_are_unfrozen_by_epochs(moods, tmp_path, monkeypatch):
    """One layer, an epoch each: the head, then the layer as well, in the third the embeddings."""
    seen = weights_of_epochs(monkeypatch)
    epochs = ("training.epochs=3", "training.gradual_unfreezing_epochs=1", "data.splits.dev=[]")
    tiny_run.train(tiny_run.settings(moods, *epochs), tmp_path / "run")
    assert len(seen) == 4
    parts = {"mood.": 1, "encoder.layer.0.output": 2, "embeddings.": 3}
    for epoch, after in enumerate(seen[1:], start=1):
        for part, first in parts.items():
            names = [name for name in after if name.startswith(part)]
            moved = [np.abs(seen[0][name] - after[name]).max() > 1e-20 for name in names]
            assert moved
            assert all(moved) if epoch >= first else not any(moved), (part, epoch)


def weights_of_epochs(monkeypatch) -> list[dict[str, np.ndarray]]:
    """Filled by the next run: the weights it begins with and those of each epoch's end."""
    seen: list[dict[str, np.ndarray]] = []

    def see(keeper, *_):
        parameters = keeper.model.parameters
        seen.append({name: one.variable.numpy() for name, one in parameters.items()})

    for moment in ("on_train_begin", "on_epoch_end"):
        monkeypatch.setattr(CheckpointCallback, moment, see)
    return seen
