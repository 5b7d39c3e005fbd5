"""Tables of few labels: the recipe beside its peers, every term, augmentation, a pool."""

from __future__ import annotations

import statistics
from collections.abc import Mapping

from docs.hooks.results import (
    Seeds,
    gains,
    lines,
    mean_deviation,
    mean_range,
    names,
    scores,
    table,
)

TEST = "few_shot.jsonl"
# Set as experiments name it, its title, the score, and as peers' draws name it.
SETS = (
    ("banking77 10-shot", "BANKING77, 10 a class", "accuracy", "banking77-10"),
    ("banking77 8-shot", "BANKING77, 8 a class", "accuracy", "banking77-8"),
    ("clinc150 10-shot", "CLINC150, 10 a class, in scope", "in_scope_accuracy", "clinc150-10"),
    ("trec6 16-shot", "TREC, 16 a class", "accuracy", "trec6-16"),
    ("sst2 16-shot", "SST-2, 16 a class", "accuracy", "sst2-16"),
)
PEERS = {"frozen": "frozen MiniLM + logistic regression", "setfit": "SetFit", "trainer": "Trainer"}
# The release shown of a peer that has several in the results.
RELEASES = {"setfit": "1.1.3"}


def peer(name: str, draws: str, score: str = "accuracy") -> dict[int, float]:
    """Collect a peer's score by draw, in points of a hundred."""
    return {
        int(line["draw"].removeprefix(f"{draws}-")): 100 * line[score]
        for line in lines("few_shot_peers.jsonl")
        if line["peer"] == name
        and line["draw"].startswith(f"{draws}-")
        and RELEASES.get(name) in (None, line["versions"].get(name))
    }


def few_shot() -> str:
    """The recipe, L alone and the peers on the same draws."""
    rows = [
        [
            title,
            *(mean_range(scores(TEST, f"{name}: {what}", score).values()) for what in WAYS),
            *(mean_range(peer(one, draws, score).values()) for one in PEERS),
        ]
        for name, title, score, draws in SETS
    ]
    return table(["set", "recipe `few_shot`", "L alone", *PEERS.values()], rows)


WAYS = ("recipe", "L")


def paired() -> str:
    """By how much the recipe is ahead on the same draws, and on how many of them."""
    rows = []
    for name, title, score, draws in SETS:
        recipe = scores(TEST, f"{name}: recipe", score)
        others = [scores(TEST, f"{name}: L", score), *(peer(one, draws, score) for one in PEERS)]
        rows.append([title, *(_ahead(recipe, other) for other in others)])
    return table(["set", "over L", *(f"over {title}" for title in PEERS.values())], rows)


def _ahead(own: Seeds, other: Seeds) -> str:
    apart = gains(own, other)
    won = sum(gain > 0 for gain in apart)
    return f"{statistics.mean(apart):+.1f} ({won} of {len(apart)})"


def parts_of_the_recipe() -> str:
    """What the recipe has without one of its parts, on the same draws, and the gain."""
    rows = []
    for name, title, score, _ in SETS:
        refit = _gain(name, "recipe", "without refit", score)
        contrast = _gain(name, "without refit", "without the contrast", score)
        rows.append([title, contrast, refit])
    header = ["set", "contrast among texts of one label", "heads fitted anew at the end"]
    return table(header, rows)


def _gain(name: str, own: str, without: str, score: str) -> str:
    if not {own, without} <= set(names(TEST, name)):
        return "not run"
    values, others = (scores(TEST, f"{name}: {what}", score) for what in (own, without))
    apart = gains(values, others)
    return f"{statistics.mean(apart):+.1f} ({min(apart):+.1f} to {max(apart):+.1f}, {len(apart)})"


def pool() -> str:
    """BANKING77 with 10 labels a class beside the rest of train without labels."""
    ways = (
        ("a regression on M0, no pool", peer("frozen", "banking77-10")),
        ("recipe `few_shot`, no pool", scores(TEST, "banking77 10-shot: recipe")),
        ("recipe `pool`", scores(TEST, "banking77 10-shot pool: pool")),
        (
            "recipe `pool` beside a run of `few_shot`",
            scores(TEST, "banking77 10-shot pool: beside few_shot"),
        ),
    )
    return table(["", "accuracy"], [[title, mean_range(own.values())] for title, own in ways])


def propagated() -> str:
    """How many labels are right before anything is trained."""
    rows = [
        [
            line["name"] + (f", draw {line['seed']}" if "seed" in line else ""),
            f"{100 * line['given']:.1f}" if "given" in line else "",
            f"{100 * line['regression']:.1f}",
            f"{100 * line['spread']:.1f}",
        ]
        for line in lines("label_propagation.jsonl")
    ]
    header = ["run", "right as given, %", "by a regression on M0, %", "after propagation, %"]
    return table(header, rows)


def _ranked(file: str, plain: Mapping[str, Seeds]) -> list[tuple[str, list[list[float]]]]:
    """List what was tried beside L with its gains on each set, the best on the first one first."""
    sets = list(plain)
    found = {
        name: [gains(scores(file, f"{one}: {name}"), plain[one]) for one in sets]
        for name in names(file, sets[0])
        if name != "L"
    }
    return sorted(found.items(), key=lambda item: -statistics.mean(item[1][0]))


def screening() -> str:
    """Each term beside L on three draws of two sets, on dev."""
    file, sets = "few_shot_screening.jsonl", ("banking77 10-shot", "trec6 16-shot")
    plain = {one: scores(file, f"{one}: L") for one in sets}
    rows = [["L alone", *(", ".join(f"{v:.1f}" for v in own.values()) for own in plain.values())]]
    rows += [
        [RENAMED.get(name, name), *(", ".join(f"{gain:+.1f}" for gain in own) for own in both)]
        for name, both in _ranked(file, plain)
    ]
    return table(["beside L", "BANKING77, 10 a class", "TREC, 16 a class"], rows)


RENAMED = {"budget": "drift constraint", "unfreeze": "gradual unfreezing"}


def augmentation() -> str:
    """Each op beside L on three draws of two sets, on dev."""
    file, sets = "augmentation.jsonl", ("banking77 10-shot", "sst2 16-shot")
    plain = {one: scores(file, f"{one}: L") for one in sets}
    rows = [["L alone", *(f"{statistics.mean(own.values()):.1f}" for own in plain.values())]]
    rows += [
        [f"`{name}`", *(mean_deviation(own) for own in both)] for name, both in _ranked(file, plain)
    ]
    return table(["op", "BANKING77, 10 a class", "SST-2, 16 a class"], rows)


def trials() -> str:
    """What was tried beside the recipe, on dev, paired with what it was tried beside."""
    trec, sst2, banking = (name for name, *_ in (SETS[3], SETS[4], SETS[0]))
    contrast = "+ supervised_contrastive"
    asked = (
        ("TREC: steps of one row", trec, "rows 1", contrast),
        ("TREC: three times the contrast", trec, "contrast 1", contrast),
        ("TREC: ten times the contrast", trec, "contrast 3", contrast),
        ("TREC: L and three times the contrast, nothing else", trec, "contrast 1 alone", contrast),
        ("TREC: three times the epochs", trec, "thrice as long", contrast),
        ("TREC: gradual unfreezing", trec, "refit + unfreeze", "refit"),
        ("TREC: layer-wise rates", trec, "refit + layer_decay", "refit"),
        ("SST-2: steps of one row", sst2, "rows 1", contrast),
        ("BANKING77: drift constraint 0.9", banking, "+ budget", "recipe"),
        ("BANKING77: `hidden_mse`", banking, "+ hidden_mse", "recipe"),
        ("BANKING77: the contrast", banking, contrast, "recipe"),
    )
    file = "few_shot_trials_terms.jsonl"
    rows = [
        [title, mean_gain(scores(file, f"{one}: {own}"), scores(file, f"{one}: {beside}"))]
        for title, one, own, beside in asked
    ]
    return table(["change", "gain on dev: mean (lowest to highest, draws)"], rows)


def mean_gain(own: Seeds, other: Seeds) -> str:
    """Write the mean gain over the draws that both have, with its range."""
    apart = gains(own, other)
    mean = f"{statistics.mean(apart):+.1f}"
    if len(apart) == 1:
        return f"{mean} (one draw)"
    return f"{mean} ({min(apart):+.1f} to {max(apart):+.1f}, {len(apart)})"
