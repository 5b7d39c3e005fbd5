"""How many rows each split has, from which files, and which rows are bad."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

from tfsocial.config import Data
from tfsocial.data.examples import Corpus
from tfsocial.inspection.facts.places import short

Facts = dict[str, Any]


def split_facts(data: Data, corpus: Corpus, split: str) -> Facts:
    """Count the rows of a split, and say whether its bad ones stop a training."""
    counts, examples = corpus.counts[split], corpus.splits[split]
    return {
        "files": [short(file, data) for file in examples.origin.files],
        "read": counts.read,
        "rows": len(examples),
        "bad": counts.quarantined,
        "stops": any(
            part.counts.quarantined > data.max_bad_fraction * part.counts.read
            for part in corpus.parts[split].values()
        ),
        "allowed": data.max_bad_fraction,
    }


def quarantine_facts(path: Path, data: Data) -> list[Facts]:
    """List reasons, the most frequent first; numbers in them do not tell two apart."""
    by_reason: dict[str, list[Facts]] = defaultdict(list)
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            by_reason[re.sub(r"\d+", "0", row["reason"])].append(row)
    return [
        {
            "reason": rows[0]["reason"],
            "rows": len(rows),
            "first": f"{short(rows[0]['file'], data)}:{rows[0]['line']}",
        }
        for rows in sorted(by_reason.values(), key=len, reverse=True)
    ]
