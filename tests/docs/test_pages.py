"""The pages of the documentation: tables of today, links and paths that exist, sections found.

The strict build (`make docs`) checks links between pages; here are the files beside them.
"""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

from docs.hooks import commands, config_reference, menus, readme, results, tables
from tfsocial import __main__ as door

ROOT = Path(__file__).parents[2]
BESIDE = [
    ROOT / name
    for name in ("README.md", "README.zh-CN.md", "BUILD.md", "CONTRIBUTING.md", "SECURITY.md")
]
PAGES = [*BESIDE, *sorted((ROOT / "docs").rglob("*.md"))]
TEXT = "\n".join(page.read_text("utf-8") for page in PAGES)
HOOKS = (commands, config_reference, menus, readme, results, tables)
_LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)[^)]*\)")
_FOLDERS = "tfsocial|benchmarks|tests|colab|configs|install|docs"
_PATH = re.compile(rf"`((?:{_FOLDERS})/[\w./-]+)`")


@pytest.mark.parametrize("page", BESIDE, ids=lambda page: page.name)
def test_links_of_pages_outside_the_site_lead_somewhere(page):
    """mkdocs sees only docs/."""
    links = _LINK.findall(page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_a_page_names_are_there(page):
    """So that a moved file is noticed where it is explained."""
    named = _PATH.findall(page.read_text("utf-8"))
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("name", readme.LANGUAGES)
def test_the_table_of_the_readme_is_today_s(name):
    """`make reference` writes it anew."""
    assert (ROOT / name).read_text("utf-8") == readme.rewritten(name)


@pytest.mark.parametrize("name", tables.TABLES)
def test_every_table_stands_in_a_page(name):
    """With as many cells in each line as in its header."""
    assert f"<!-- table: {name} -->" in TEXT
    lines = tables.TABLES[name]().splitlines()
    assert len(lines) > 2
    assert len({re.sub(r"\\\|", "", line).count("|") for line in lines}) == 1


def test_a_number_worked_by_hand(monkeypatch):
    """Seeds 0 and 1 have 0.5 and 0.7; the other has 0.4 and 0.5: a mean of 60 and a gain of 15."""
    kept = [
        {"name": name, "seed": seed, "scores": {"test": {"mood": {"accuracy": value}}}}
        for name, values in (("own", (0.5, 0.7)), ("other", (0.4, 0.5)))
        for seed, value in enumerate(values)
    ]
    monkeypatch.setattr(results, "lines", lambda file: tuple(kept))
    page = "{{ mean | a.jsonl | own }}, {{ gain | a.jsonl | own | other }}"
    assert tables.filled(page) == "60.0, +15.0"
    assert tables.filled("{{ spread | a.jsonl | own }}") == "60.00 (50.00 to 70.00)"
    with pytest.raises(KeyError, match=r"a\.jsonl has no 'mine'"):
        tables.filled("{{ mean | a.jsonl | mine }}")


@pytest.mark.parametrize("module", HOOKS, ids=lambda module: module.__name__)
def test_the_examples_of_the_hooks(module):
    """pytest looks for doctests in tests and tfsocial alone."""
    assert doctest.testmod(module).failed == 0


def test_a_table_that_is_not_there_stops_the_build():
    with pytest.raises(KeyError):
        tables.filled("<!-- table: nothing -->")


def test_every_command_and_flag_is_in_the_reference():
    page = commands.page()
    for name in door.COMMANDS:
        assert f"### {name} {{ #{name} }}" in page
    assert "| `--workdir` | required |" in page
    assert "| `--set` *several* |" in page


def test_every_section_of_a_config_is_in_the_reference():
    """`page` itself fails when the schema has a section that it does not name."""
    page = config_reference.page()
    assert "| `row_length` | integer ≥ 8, ≤ 512 | `128` | tokens in a packed row |" in page
    assert '| `pooling` | `mean`, `cls`, `pooler` | `"mean"` |' in page


def test_papers_are_links_in_the_pages_of_the_menus():
    assert "](https://arxiv.org/abs/2106.14448)" in menus.objectives()
    assert "## optimizer.name=lion" in menus.methods()
    assert "## data.augment=[word_drop]" in menus.augmentation()
    assert "| [`slerp`](#slerp) | 2 |" in menus.merging()
