"""Whether names of labels say which label a text has, by hand and in a run."""

from __future__ import annotations

import numpy as np
import pytest
import small_runs
import tiny_run
from sklearn.metrics import roc_auc_score

from tfsocial.training.providers.name_separation import name_separation


def test_it_is_the_mean_of_each_text_s_area_under_the_curve():
    source = np.random.default_rng(0)
    vectors, names = source.normal(size=(40, 8)), source.normal(size=(5, 8))
    labels = source.integers(-1, 5, size=40)
    one, other = (
        values / np.linalg.norm(values, axis=1, keepdims=True) for values in (vectors, names)
    )
    areas = [
        roc_auc_score(np.arange(5) == label, cosines)
        for label, cosines in zip(labels, one @ other.T, strict=True)
        if label >= 0
    ]
    assert name_separation(vectors, labels, names) == pytest.approx(np.mean(areas))


def test_equal_names_are_chance():
    vectors = np.eye(3)
    assert name_separation(vectors, np.array([0, 1, 1]), np.ones([2, 3])) == 0.5


@pytest.mark.parametrize("labels", [[-1, -1], [0, 0]])
def test_where_there_is_nothing_to_compare_it_is_chance(labels):
    names = np.eye(2) if labels[0] < 0 else np.eye(2)[:1]
    assert name_separation(np.eye(2), np.array(labels), names) == 0.5


def test_a_run_says_what_it_found_and_leaves_the_term_out(tmp_path, caplog):
    """Names that are no words of the vocabulary are all alike: chance, below the bound."""
    caplog.set_level("INFO")
    folder = tiny_run.write_moods(tmp_path)
    for split in ("train", "dev"):
        rows = [(text, {"happy": "x7", "sad": "y9"}[mood]) for text, mood in tiny_run.MOODS * 4]
        tiny_run.write_csv(folder / f"{split}.csv", ("text", "label"), rows)
    term = "objectives.papers={label_prototypes: {min_name_separation: 0.55}}"
    run = tiny_run.train(tiny_run.settings(folder, term), tmp_path / "run")
    assert "nearer to their own texts than to others' in 50 of 100 comparisons" in caplog.text
    assert "the term that draws texts to names is left out" in caplog.text
    assert small_runs.points(run.workdir, "train/raw/L_paper/label_prototypes")[-1] == 0.0
