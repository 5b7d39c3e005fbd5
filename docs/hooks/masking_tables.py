"""Tables of what masking finds, beside Microsoft Presidio."""

from __future__ import annotations

from docs.hooks.results import table, tree

FILE = "masking.json"
NAMES = {
    "tfsocial": "tfsocial",
    "presidio from 0.4": "Presidio, surer than 0.4",
    "presidio": "Presidio",
}


def scores() -> str:
    """Recall and precision of each kind, on the corpus and on the part written after the rules."""
    found = tree(FILE)["scores"]
    kinds = found["tfsocial"]["all"]
    rows = []
    for kind, own in kinds.items():
        cells = [_pair(found[name]["all"].get(kind)) for name in NAMES]
        test = found["tfsocial"]["test"][kind]
        rows.append([f"{kind} ({own['true']})", *cells, f"{_pair(test)} ({test['true']})"])
    return table(["kind", *NAMES.values(), "tfsocial, written after the rules"], rows)


def sets() -> str:
    """How many texts of sets with hardly any personal data are touched, and the time a text."""
    found = tree(FILE)["found_in_sets"]
    rows = []
    for name, own in found["tfsocial"].items():
        each = [found[one][name] for one in NAMES]
        cells = [f"{one['with_some']}; {one['microseconds']} µs" for one in each]
        rows.append([name, str(own["texts"]), *cells])
    return table(["set", "texts", *NAMES.values()], rows)


def _pair(score) -> str:
    if not score or score["recall"] is None:
        return ""
    recall = f"{100 * score['recall']:.0f}"
    return (
        f"{recall} / {100 * score['precision']:.0f}" if score["found"] else f"{recall} / none found"
    )
