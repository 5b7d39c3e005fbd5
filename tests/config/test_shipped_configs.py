"""Every file in configs/, the demo's and each recipe is a run that starts.

It builds and takes steps on files like its own.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tiny_run
import yaml

from tfsocial import config
from tfsocial.cli import demo
from tfsocial.config import Config, Splits, Task, loading
from tfsocial.errors import InputError
from tfsocial.provenance import resources

FOLDER = Path(__file__).parents[2] / "configs"
FILES = [*sorted(FOLDER.glob("*.yaml")), demo.CONFIG]
OWN = [FOLDER / "customer_service.yaml", FOLDER / "recommender.yaml"]
ROWS = 12
RECIPES = sorted(loading.RECIPES.glob("*.yaml"))
each_recipe = pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
each_config = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def label_sets(task: Task) -> list[str]:
    """Cells of a task's column that hold every label, and for multilabel several at once."""
    names = list(task.labels or ("first", "second"))
    if task.ood_label is not None and task.ood_label not in names:
        names.append(task.ood_label)
    return [*names, task.separator.join(names)] if task.kind == "multilabel" else names


def rows_of(chosen: Config) -> list[list[str]]:
    """Rows with the text columns first and then each task's column."""
    cells = [
        itertools.cycle(["0.5", "2"] if task.kind == "regress" else label_sets(task))
        for task in chosen.tasks.values()
    ]
    texts = itertools.cycle(text for text, _ in tiny_run.MOODS)
    return [
        [*itertools.islice(texts, len(chosen.data.text)), *map(next, cells)] for _ in range(ROWS)
    ]


def write_files(chosen: Config, folder: Path) -> None:
    """Every file a config's splits name, with the columns it reads."""
    columns = [*chosen.data.text, *(task.column for task in chosen.tasks.values())]
    for split in Splits.model_fields:
        for pattern in getattr(chosen.data.splits, split):
            path = folder / pattern.replace("*", "part")
            path.parent.mkdir(parents=True, exist_ok=True)
            tiny_run.write_csv(path, columns, rows_of(chosen))


def leaves(tree: Any) -> Iterator[Any]:
    """Every value of a tree."""
    if isinstance(tree, dict | list):
        for child in tree.values() if isinstance(tree, dict) else tree:
            yield from leaves(child)
    else:
        yield tree


def has_licence(path: Path) -> bool:
    """Whether a config's data has a licence."""
    return config.load(path).data.licence != "unknown"


def test_there_are_configs():
    """The tests below are about something."""
    assert {"demo", "banking77"} <= {path.stem for path in FILES}


@each_config
def test_a_config_takes_two_steps(path, tmp_path):
    """It builds with a tiny encoder and trains two steps, on files with the columns it names."""
    takes_two_steps([path], tmp_path)


@each_recipe
def test_a_recipe_takes_two_steps(path, tmp_path):
    """Laid over the demo's config, whose data and tasks it leaves alone."""
    takes_two_steps([demo.CONFIG, path], tmp_path)
    assert not {"data", "tasks"} & set(yaml.safe_load(path.read_text("utf-8")))


def takes_two_steps(paths: list[Path], folder: Path) -> None:
    """A run of these files over each other, with a tiny encoder and the files they read."""
    write_files(config.load(paths), folder)
    encoder = tiny_run.tree(folder)["model"]["random"]
    overrides = [f"model.random.{key}={value}" for key, value in encoder.items()]
    chosen = config.load(
        paths,
        [
            *overrides,
            "model.checkpoint=random",
            f"data.root={folder}",
            *("data.rows=1", "data.row_length=16", "data.slots=2"),
            *([] if has_licence(paths[0]) else ["data.licence_ack=a test of the config"]),
            *("training.max_steps=2", "training.compile=graph", "training.precision=float32"),
        ],
    )
    run = tiny_run.train(chosen, folder / "run")
    assert int(run.metrics_logger.model.optimizer.iterations) == run.steps == 2
    assert math.isfinite(run.metrics_logger.model.get_metrics_result()["loss"])
    assert run.loaded.manifest.tasks.keys() == chosen.tasks.keys()
    assert (folder / "run" / "model" / "heads.safetensors").is_file()


@pytest.mark.parametrize("path", [*FILES, *RECIPES], ids=lambda path: path.stem)
def test_a_config_is_of_use_elsewhere(path):
    """No path of the author's machine stands in it."""
    values = [value for value in leaves(yaml.safe_load(path.read_text("utf-8"))) if value]
    assert not [value for value in values if str(value).startswith(("/", "~"))]
    assert "shared" not in path.read_text("utf-8")


@each_config
def test_a_config_says_only_what_differs(path):
    """A value that repeats the default says nothing and would hide a change of the default."""
    written = yaml.safe_load(path.read_text("utf-8"))
    defaults = Config().model_dump(mode="json")
    repeated = [
        f"{section}.{key}"
        for section, values in written.items()
        if section != "tasks" and isinstance(values, dict)
        for key, value in values.items()
        if value == defaults[section][key]
    ]
    # "unknown" is what somebody found out about a licence, not what nobody looked up.
    assert not [key for key in repeated if key != "data.licence"]


@each_config
def test_a_config_names_its_data(path):
    """Whoever has only the config finds the data, its licence and whom to cite."""
    data = config.load(path).data
    assert data.name
    assert data.licence
    # The help desk is in this package, customers' questions and purchases are the user's; all
    # others come from somewhere.
    assert (data.homepage and data.citation) or path in (demo.CONFIG, *OWN)


@each_config
def test_a_config_starts_only_if_its_licence_is_known(path):
    """No file says in a user's place why they may use what nobody gave a licence for."""
    data = config.load(path).data
    assert data.licence_ack is None
    assert data.licence_source
    message = resources.refusal(resources.of_data(data), data.licence_policy)
    assert ("--set data.licence_ack='WHY'" in message) == (not has_licence(path))
    assert ("--set data.licence_ack='WHY'" in path.read_text("utf-8")) == bool(message)


@pytest.mark.parametrize("path", [*FILES, *RECIPES], ids=lambda path: path.stem)
def test_a_config_is_a_lab_note(path):
    """It starts with what it is for, the command and what came of it."""
    assert path.read_text("utf-8").startswith("#")


def test_a_recipe_is_had_by_its_name():
    """Wherever tfsocial is installed; a wrong name is answered with the right ones."""
    by_name = config.load([demo.CONFIG, "recipe:few_shot"])
    assert by_name == config.load([demo.CONFIG, loading.RECIPES / "few_shot.yaml"])
    with pytest.raises(
        InputError, match=r"recipe:few_shots: is no recipe; did you mean few_shot\?"
    ):
        config.load([demo.CONFIG, "recipe:few_shots"])
