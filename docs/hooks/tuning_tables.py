"""The table of searches."""

from __future__ import annotations

from docs.hooks.results import lines, table

HOW = {"random": "random, none ended early", "tpe": "TPE and ASHA"}


def searches() -> str:
    """What two ways of searching one space found, and for how many steps."""
    rows = []
    for line in lines("tuning.jsonl"):
        for how, title in HOW.items():
            early = line[f"{how}_at_share"]
            rows.append(
                [
                    f"{line['set']}, {line['trials']} trials",
                    title,
                    f"{line['steps'][how]:,}",
                    f"{100 * line['best'][how]:.2f}",
                    "none finished" if early is None else f"{100 * early:.2f}",
                    f"{100 * line['test'][how]:.1f}",
                ]
            )
    header = ["search", "", "steps", "best dev", "best dev at 40 % of random's steps", "its test"]
    return table(header, rows)
