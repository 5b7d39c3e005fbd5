"""The page of objectives: complete, and as committed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tfsocial.objectives import reference, table

ROOT = Path(__file__).parents[2]
NAMES = [*table.TASK, *table.COMMUNITY, *table.PAPERS]


@pytest.mark.parametrize("name", NAMES)
def test_every_objective_has_a_line_and_a_section(name):
    """Name, link and formula."""
    page = reference.page()
    assert f"[`{name}`](#{name})" in page
    assert f"\n## {name}\n\n    " in page


def test_costs_stand_in_the_line_of_their_objective():
    """1.234 is shown as 1.23; what was not measured is blank."""
    lines = reference.page({"r_drop": 1.234}).splitlines()
    assert next(line for line in lines if "`r_drop`" in line).endswith("| 1.23 |")
    assert next(line for line in lines if "`fgm`" in line).endswith("|  |")


def test_the_committed_page_is_the_code_s():
    """docs/objectives.md is what the command prints; `make reference` writes it anew."""
    measured = ROOT / "benchmarks/results/cost.json"
    costs = json.loads(measured.read_text("utf-8"))["ratios"] if measured.exists() else {}
    assert (ROOT / "docs/objectives.md").read_text("utf-8") == reference.page(costs) + "\n"
