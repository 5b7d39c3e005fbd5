"""Tables of quality with all labels: the sets, second terms, out of distribution, pretraining."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from docs.hooks.results import gains, lines, mean_range, scores, table

QUALITY = "quality.jsonl"

# Set, experiment, task, score, its words, and what others published for orientation.
SETS = (
    ("BANKING77", "banking77", "intent", "accuracy", "BERT-large 93.7 (arXiv:2003.04807)"),
    ("CLINC150, full", "clinc150", "intent", "in_scope_accuracy", "BERT 96.9 (D19-1131)"),
    ("", "clinc150", "intent", "out_of_scope_recall", "BERT 40.3 (D19-1131)"),
    ("", "clinc150", "intent", "out_of_scope_precision", ""),
    ("SEntFiN", "sentfin", "sentiment", "accuracy", "none on this split"),
    ("TREC, 6 classes", "trec6", "coarse", "accuracy", "BERT-base 96.8 (Sun et al. 2019)"),
    ("TREC, fine classes", "trec6", "fine", "accuracy", ""),
    (
        "GoEmotions, 28 labels",
        "goemotions",
        "emotion",
        "macro_f1",
        "BERT-base-cased 50.3 (GoEmotions-pytorch, one run)",
    ),
    ("", "goemotions", "emotion", "micro_f1", ""),
)
WORDS = {
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
    "micro_f1": "micro-F1",
    "in_scope_accuracy": "in-scope accuracy",
    "out_of_scope_recall": "out-of-scope recall",
    "out_of_scope_precision": "out-of-scope precision",
}


def quality() -> str:
    """Each set with its own config: mean, lowest, highest, seeds."""
    rows = []
    for title, name, task, score, published in SETS:
        values = list(scores(QUALITY, name, score, task).values())
        spread = [f"{statistics.mean(values):.2f}", f"{min(values):.2f}", f"{max(values):.2f}"]
        rows.append([title, WORDS[score], *spread, len(values), published])
    header = ["set", "score", "mean", "lowest", "highest", "seeds", "published, for orientation"]
    return table(header, rows)


def second_terms() -> str:
    """What a second term is worth on BANKING77."""
    formulas = (
        ("L", "banking77"),
        ("L + feature_cosine (recipe `full`)", "banking77 + feature_cosine"),
        ("L + r_drop", "banking77 + r_drop"),
        ("L + 0.01 l2_sp", "banking77 + l2_sp"),
        ("L + 0.3 supervised_contrastive", "banking77 + supervised_contrastive"),
    )
    plain = scores(QUALITY, "banking77")
    rows = [
        [title, mean_range(own.values()), _over(own, plain) if own != plain else ""]
        for title, own in ((title, scores(QUALITY, name)) for title, name in formulas)
    ]
    header = ["formula", "accuracy: mean (lowest to highest, seeds)", "gain over L, same seeds"]
    return table(header, rows)


def _over(own: dict[int, float], plain: dict[int, float]) -> str:
    apart = gains(own, plain)
    return f"{statistics.mean(apart):+.2f} ({min(apart):+.2f} to {max(apart):+.2f})"


def full_recipe() -> str:
    """The recipe `full` beside L on every set it was scored on."""
    asked = (
        ("BANKING77", "banking77", "banking77 + feature_cosine", "intent", "accuracy"),
        ("CLINC150", "clinc150", "clinc150, full recipe", "intent", "in_scope_accuracy"),
        ("", "clinc150", "clinc150, full recipe", "intent", "out_of_scope_recall"),
        ("SEntFiN", "sentfin", "sentfin, full recipe", "sentiment", "accuracy"),
        ("TREC, 6 classes", "trec6", "trec6, full recipe", "coarse", "accuracy"),
        ("TREC, fine classes", "trec6", "trec6, full recipe", "fine", "accuracy"),
    )
    rows = [
        [
            title,
            WORDS[score],
            mean_range(scores(QUALITY, plain, score, task).values()),
            mean_range(scores(QUALITY, recipe, score, task).values()),
        ]
        for title, plain, recipe, task, score in asked
    ]
    return table(["set", "score", "L", "recipe `full`"], rows)


def out_of_distribution() -> str:
    """CLINC150 by a score and by a class of its own."""
    asked = (
        (
            "`relative_mahalanobis`, 97 % of the texts in scope pass",
            "clinc150, full recipe, relative_mahalanobis, 97 % pass",
        ),
        ("a class of its own", "clinc150, full recipe"),
    )
    kept = ("in_scope_accuracy", "out_of_scope_recall", "out_of_scope_auroc")
    rows = [
        [title, *(mean_range(scores(QUALITY, name, score).values()) for score in kept)]
        for title, name in asked
    ]
    return table(["detector", "in-scope accuracy", "out-of-scope recall", "AUROC"], rows)


def pretrain() -> str:
    """What pretraining is worth to fine-tuning, with few and with all labels."""
    asked = (
        ("MiniLM itself", "L"),
        ("pretrained with `masked_lm`", "pretrained"),
        ("pretrained with `masked_lm` + `feature_cosine`", "pretrained near M0"),
    )
    rows = [[title, *_few_and_all(name)] for title, name in asked]
    return table(["fine-tuned from", "16 labels a class", "all 936 labels"], rows)


def _few_and_all(name: str) -> Sequence[str]:
    sets = ("stock tweets 16-shot", "stock tweets")
    return [
        mean_range(scores("pretrain.jsonl", f"{one}: {name}").values(), digits=1) for one in sets
    ]


def pretrain_gain() -> str:
    """What staying near M0 while pretraining gains with 16 labels a class, paired by seed."""
    own = scores("pretrain.jsonl", "stock tweets 16-shot: pretrained near M0")
    apart = gains(own, scores("pretrain.jsonl", "stock tweets 16-shot: L"))
    return f"{statistics.mean(apart):.1f} points (standard deviation {statistics.stdev(apart):.1f})"


def noisy_labels() -> str:
    """Training on labels of which many are wrong."""
    sets = ("banking77, 20 % wrong", "trec6, 40 % wrong")
    formulas = (
        ("L", "L"),
        ("recipe `noisy_labels`: L + label_propagation, trust 0.3", "recipe"),
        ("the recipe without L", "recipe without L"),
        ("L + label_propagation, trust 1", "label_propagation, trust 1"),
        ("the same without L", "label_propagation, trust 1, without L"),
        ("L + soft_labels, probe_c 0.03", "soft_labels, probe_c 0.03"),
    )
    known = {line["name"] for line in lines("noisy_labels.jsonl")}
    rows = [
        [
            title,
            *(
                mean_range(scores("noisy_labels.jsonl", f"{one}: {name}").values())
                if f"{one}: {name}" in known
                else ""
                for one in sets
            ),
        ]
        for title, name in formulas
    ]
    return table(["formula", "BANKING77, 20 % wrong", "TREC, 40 % wrong"], rows)


CALIBRATION, FEW = "calibration.jsonl", "few_shot.jsonl"
# Set, the experiment with its probabilities scaled, and where the same one as trained stands.
CALIBRATED = (
    ("SEntFiN", "sentfin, calibrated", (QUALITY, "sentfin")),
    (
        "BANKING77, dev kept apart",
        "banking77 with dev, calibrated",
        (CALIBRATION, "banking77 with dev, as trained"),
    ),
    ("CLINC150, all texts", "clinc150, calibrated", (CALIBRATION, "clinc150, as trained")),
    ("SST-2 16-shot, no dev", "sst2 16-shot, calibrated", (FEW, "sst2 16-shot: recipe")),
    ("TREC 16-shot, no dev", "trec6 16-shot, calibrated", (FEW, "trec6 16-shot: recipe")),
)


def calibration() -> str:
    """How sure models are, before and after their logits were scaled on dev; test, of 1."""
    rows = []
    for title, name, as_trained in CALIBRATED:
        before = _of_one(*as_trained, "ece")
        known = CERTAINTY if "no dev" not in title else CERTAINTY[:3]  # no threshold of label sets
        after = [_of_one(CALIBRATION, name, score) for score in known]
        after += [""] * (len(CERTAINTY) - len(after))
        rows.append([title, before, *after])
    header = [
        "set",
        "ECE as trained",
        "ECE",
        "of a calibrated one",
        "NLL",
        "hold it",
        "labels",
    ]
    return table(header, rows)


CERTAINTY = ("ece", "ece_if_calibrated", "nll", "label_set_coverage", "label_set_size")


def _of_one(file: str, name: str, score: str) -> str:
    """Write a score as it is, not in points of a hundred."""
    values = [value / 100 for value in scores(file, name, score).values()]
    return mean_range(values, digits=3)
