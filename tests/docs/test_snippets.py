"""What the README and the tutorials tell a reader to type works, on small data.

The reader sees whole runs; here each takes two steps of a tiny random encoder, by overrides that
`small` puts under those of the page. The tutorials are run one after another in one folder, as
they are read.
"""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
import snippets
import tiny_run
import yaml

from tfsocial import config
from tfsocial.api import make
from tfsocial.config import loading
from tfsocial.objectives import table
from tfsocial.serving.gateway import settings as gateway
from tfsocial.tuning.space import Space

ROOT = Path(__file__).parents[2]
README, CHINESE = ROOT / "README.md", ROOT / "README.zh-CN.md"
TUTORIALS = [
    ROOT / "docs" / "tutorials" / name
    for name in ("index.md", "first-model.md", "own-table.md", "few-labels.md", "serving.md")
]
GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))
PAGES = [README, CHINESE, *TUTORIALS]
SMALL = (
    "model.checkpoint=random",
    "model.random.layers=1",
    "model.dropout=0.0",
    "data.row_length=32",
    "data.rows=2",
    "training.max_steps=2",
    "training.epochs=1",
    "training.compile=graph",
    "training.precision=float32",
    "report.baselines=false",
)
ROWS = 24


@pytest.fixture
def small(monkeypatch):
    """Every config that is loaded is that of a small run."""

    def load(files, overrides=(), *more, **options):
        return loading.load(files, [*overrides, *SMALL], *more, **options)

    monkeypatch.setattr(config, "load", load)
    monkeypatch.setattr(make, "_load", load)


@pytest.fixture
def reader(tmp_path, monkeypatch) -> Path:
    """A working directory with the files that the pages speak of."""
    monkeypatch.chdir(tmp_path)
    texts = itertools.cycle(text for text, _ in tiny_run.MOODS)
    queues, urgent = itertools.cycle(["lost card", "late order"]), itertools.cycle("yn")
    rows = [[next(texts), next(queues), next(urgent)] for _ in range(ROWS)]
    columns = ("text", "queue", "urgent")
    (tmp_path / "tickets").mkdir()
    for split, part in (("train", rows), ("dev", rows[:8]), ("test", rows[8:16])):
        unlike = [[f"{split} {text}", *labels] for text, *labels in part]
        tiny_run.write_csv(tmp_path / "tickets" / f"{split}.csv", columns, unlike)
    tiny_run.write_csv(tmp_path / "new.csv", columns, rows[:4])
    labelled = [[f"{text} {number}", queue] for number, (text, queue, _) in enumerate(rows * 4)]
    tiny_run.write_csv(tmp_path / "my.csv", ("text", "label"), labelled)
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "pool.txt").write_text("my card\nthe order\nit is late\n" * 8, "utf-8")
    return tmp_path


@pytest.mark.long
@pytest.mark.usefixtures("small", "reader")
def test_the_readme_runs():
    assert len(snippets.run(README)) >= 2


@pytest.mark.long(minutes=3)
@pytest.mark.usefixtures("small", "reader")
def test_the_tutorials_run():
    """One after another, in one folder."""
    ran = [where for page in TUTORIALS for where in snippets.run(page)]
    assert len(ran) >= 15


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
def test_the_configs_of_the_guides_are_read(page, tmp_path):
    """What they show of a config fits the keys and objectives of today; spaces and gateways too."""
    for block in snippets.blocks(page):
        if block.language == "yaml":
            values = yaml.safe_load(block.code)
            if "models" in values:
                gateway.of_values(values, block.where)
                continue
            if any("." in key for key in values):
                (tmp_path / "space.yaml").write_text(block.code, "utf-8")
                Space.read(tmp_path / "space.yaml").check([{"tasks": {"a": {}}}], ())
                continue
            shown = config.parse(values, block.where)
            assert table.formula(shown.tasks, shown.objectives), block.where


def test_the_chinese_readme_has_the_same_code():
    """Apart from comments, so what runs in one runs in the other."""

    def code(page: Path) -> list[tuple[str, list[str]]]:
        return [
            (block.language, [re.sub(r"\s*#.*", "", line) for line in block.code.splitlines()])
            for block in snippets.blocks(page)
        ]

    assert code(README) == code(CHINESE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_says_what_it_is(page):
    """So that none is skipped unsaid: a language that runs, or a reason why not."""
    for block in snippets.blocks(page):
        assert block.mark == "not run" or block.language in snippets.LANGUAGES, block.where
        assert block.mark is None or block.said, block.where
    fences = len(re.findall(r"^```", page.read_text("utf-8"), re.M))
    assert fences == 2 * len(snippets.blocks(page))


def test_a_block_that_fails_is_named(tmp_path):
    """By page and line; a command that is not tfsocial's has to be marked."""
    page = tmp_path / "page.md"
    page.write_text("# A\n\n```bash\nls\n```\n", "utf-8")
    with pytest.raises(AssertionError, match="ls cannot run here") as failure:
        snippets.run(page)
    assert failure.value.__notes__ == ["in the block at page.md:3"]
