"""How much of the corpus is found, and that the corpus is what its sentences make it."""

from __future__ import annotations

import make_masking_corpus
import pytest
from masking_scores import CORPUS, rows, scores

from tfsocial.serving.gateway.masking import KINDS, find

# Recall and precision by kind, in all parts and in the one that no rule was mended by: as
# benchmarks/masking.py measured them, less one or two spans.
FLOORS = {
    "all": {
        "CARD": (0.95, 0.95),
        "IBAN": (0.94, 0.94),
        "ID": (0.95, 0.97),
        "IP": (0.93, 0.87),
        "MAIL": (0.93, 0.97),
        "PHONE": (0.93, 0.96),
        "PLATE": (0.96, 0.9),
        "SECRET": (0.87, 0.97),
    },
    "test": {
        "CARD": (0.8, 0.8),
        "IBAN": (0.6, 0.6),
        "ID": (0.75, 0.85),
        "IP": (0.7, 0.5),
        "MAIL": (0.9, 0.9),
        "PHONE": (0.95, 0.86),
        "PLATE": (0.8, 0.8),
        "SECRET": (0.63, 0.87),
    },
}
PARTS = {"all": ("dev", "test", "template"), "test": ("test",)}


@pytest.mark.parametrize("part", FLOORS)
def test_recall_and_precision_are_what_they_were(part):
    texts = rows(*PARTS[part])
    measured = scores((row["spans"], find(row["text"])) for row in texts)
    assert set(FLOORS[part]) == set(KINDS)
    low = {
        kind: found
        for kind, found in measured.items()
        if found["recall"] < FLOORS[part][kind][0] or found["precision"] < FLOORS[part][kind][1]
    }
    assert low == {}


def test_half_of_the_corpus_has_no_personal_data():
    having = [bool(row["spans"]) for row in rows(*PARTS["all"])]
    assert 0.4 < sum(having) / len(having) < 0.6
    assert len(rows("dev", "test")) > 120


def test_the_corpus_is_made_of_its_sentences():
    lines = map(make_masking_corpus.as_line, make_masking_corpus.rows())
    assert CORPUS.read_text("utf-8") == "".join(lines)


def test_a_secret_is_not_spelled_out_in_a_file():
    files = CORPUS.parent.iterdir()
    text = "".join(path.read_text("utf-8") for path in files if path.is_file())
    for secret in ("AKIA" + "IOSF", "ghp_" + "0123", "xoxb" + "-0", "sk_" + "test_0"):
        assert secret not in text
