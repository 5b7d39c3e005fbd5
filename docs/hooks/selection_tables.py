"""Tables of which texts to label."""

from __future__ import annotations

from collections import defaultdict

from docs.hooks.results import lines, mean_range, table

STRATEGIES = ("random", "entropy", "margin", "badge", "typi_clust", "typi_margin", "auto")
COUNTED = {"clinc150": 600, "banking77": 308}  # labels of the table; of other sets the last budget


def strategies() -> str:
    """Balanced accuracy of a regression on what each strategy chose, two budgets a set."""
    found: dict[tuple[str, int], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for line in lines("selection.jsonl"):
        if line["by"] == "regression":
            budgets = line["budgets"]
            last = COUNTED.get(line["set"].partition(",")[0], budgets[-1])
            for budget in (budgets[0], last):
                score = 100 * line["balanced_accuracy"][budgets.index(budget)]
                found[line["set"], budget][line["strategy"]].append(score)
    rows = [
        [f"{name}, {budget} labels", *(_mean(scores[one]) for one in STRATEGIES)]
        for (name, budget), scores in found.items()
    ]
    return table(["set", *STRATEGIES], rows)


def _mean(values: list[float]) -> str:
    return f"{sum(values) / len(values):.1f}" if values else ""


def with_recipe() -> str:
    """Accuracy of the recipe for few labels on texts chosen at random and by `auto`."""
    found: dict[tuple[str, int], dict[str, dict[int, float]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    for line in lines("selection.jsonl"):
        if line["by"] == "recipe":
            (scores,) = line["test"].values()
            key = line["set"], line["budgets"][0]
            found[key][line["strategy"]][line["seed"]] = 100 * scores["accuracy"]
    rows = []
    for (name, budget), by in found.items():
        both = sorted(by["random"].keys() & by["auto"].keys())
        if both:
            gains = [by["auto"][seed] - by["random"][seed] for seed in both]
            shown = [mean_range([by[one][seed] for seed in both]) for one in ("random", "auto")]
            rows.append([f"{name}, {budget} labels", *shown, mean_range(gains, count=False)])
    return table(["set", "at random", "by auto", "difference"], rows)
