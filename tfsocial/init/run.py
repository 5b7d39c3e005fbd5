"""From a file to a folder with a config and the splits that it names: all of `tfsocial init`."""

from __future__ import annotations

import csv
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfsocial import files
from tfsocial.checkpoints import community
from tfsocial.config import Model
from tfsocial.data.examples import Examples
from tfsocial.data.reading.quarantine import write_quarantine
from tfsocial.data.reading.rows import BadRow
from tfsocial.errors import InputError
from tfsocial.init import columns, config_file, noise, splitting, table
from tfsocial.init import recipe as recipes
from tfsocial.init.columns import Labels, Roles
from tfsocial.init.config_file import Facts
from tfsocial.init.recipe import Recipe
from tfsocial.init.table import Table
from tfsocial.text.tokenizer import Tokenizer

CONFIG = "config.yaml"
DEFAULT = Model()
MOST_COUNTED = 2000  # texts whose tokens and letters are counted
FOREIGN = 0.05  # share of unknown tokens from which M0 does not read the language
ROW_LENGTHS = (128, 256, 512)  # tokens; several short texts share a row


@dataclass(frozen=True)
class Written:
    """What was written; prints as what somebody wants to know of it.

    Attributes:
        licence_keys: of the config, which wait for an answer.
    """

    folder: Path
    roles: Roles
    facts: Facts
    recipe: Recipe

    @property
    def rows(self) -> Mapping[str, int]:
        """Split -> its rows, those of the pool too."""
        return self.facts.rows

    @property
    def config(self) -> Path:
        return self.folder / CONFIG

    @property
    def licence_keys(self) -> tuple[str, ...]:
        sources = ("mixture.own.", "mixture.pool.") if self.recipe.name == "pool" else ("",)
        return tuple(f"data.{source}licence_ack" for source in sources)

    def __str__(self) -> str:
        return "\n".join([*_said(self), *_next(self)])


def init(
    source: Path,
    folder: Path,
    text: Sequence[str] = (),
    labels: Sequence[str] = (),
    model: Model = DEFAULT,
    *,
    shares: Mapping[str, float] | None = None,
    with_recipe: bool = True,
) -> Written:
    """Look at a table and write a folder: config.yaml, train.csv, dev.csv, test.csv, pool.csv.

    Args:
        folder: new or empty; whole or not at all.
        text, labels: columns that somebody has named; none: guessed.
        model: whose checkpoint counts tokens and looks for wrong labels.
        shares: split -> its part of the rows; left out, as `splitting.split` has it.
        with_recipe: whether the config has the recipe that fits; else it has none, and the texts
            without labels lie beside it as pool.csv.

    Raises:
        InputError: the file cannot be read, or no column of it can be text or labels.
    """
    read = table.read(source)
    roles = columns.roles(read, text, labels)
    usable, bad = _usable(read, roles, source)
    labelled = _labelled(usable, roles.tasks)
    if len(labelled) < 2:
        raise InputError(f"{source}: has {len(labelled)} rows with text and label; two are too few")
    texts = _texts(usable, roles)
    group = splitting.groups([texts[row] for row in labelled])
    parts = splitting.split(group, _strata(usable, roles, labelled), shares)
    rows = {split: labelled[members] for split, members in parts.items()}
    if len(labelled) < len(usable):
        rows["pool"] = np.setdiff1d(np.arange(len(usable)), labelled)
    facts, recipe = _looked_at(source, usable, roles, rows, group, bad, model, with_recipe)
    with files.making(folder) as unfinished:
        for split in facts.files:
            write_csv(unfinished / facts.files[split], usable.taken(rows[split]))
        if bad:
            write_quarantine(unfinished / "quarantine.jsonl", bad)
        written = config_file.text(folder.name, roles, facts, recipe, model)
        (unfinished / CONFIG).write_text(written, encoding="utf-8")
    return Written(folder, roles, facts, recipe)


# --- rows ----------------------------------------------------------------------------------


def _usable(read: Table, roles: Roles, source: Path) -> tuple[Table, list[BadRow]]:
    """Leave out rows without a text; a run would put them into quarantine."""
    filled = np.array([all(cells) for cells in zip(*_of(read, roles.text), strict=True)])
    empty = len(read) - int(filled.sum())
    bad = list(read.bad)
    if empty:
        bad.append(BadRow(str(source), 0, f"{empty} rows have no text", ""))
    return read.taken(np.flatnonzero(filled)), bad


def _labelled(usable: Table, tasks: Sequence[Labels]) -> np.ndarray:
    cells = _of(usable, [one.column for one in tasks])
    return np.flatnonzero([any(row) for row in zip(*cells, strict=True)])


def _of(read: Table, names: Sequence[str]) -> list[Sequence[str]]:
    return [read.columns[name] for name in names]


def _texts(usable: Table, roles: Roles) -> list[str]:
    return ["\x1f".join(cells) for cells in zip(*_of(usable, roles.text), strict=True)]


def folds(read: Table, roles: Roles, count: int) -> list[np.ndarray]:
    """Share a table's rows out to so many folds, each label evenly.

    Near texts stay together, unless so many are alike that they would be more than a fold; then
    equal ones do. There are fewer folds where there are fewer groups.
    """
    every = np.arange(len(read))
    names = [f"fold {number}" for number in range(count)]
    texts = _texts(read, roles)
    group = splitting.groups(texts)
    if np.bincount(group).max() > len(read) / count:
        forms = [splitting.normal_form(text) for text in texts]
        group = np.unique(forms, return_inverse=True)[1]
    shares = dict.fromkeys(names, 1 / count)
    return [*splitting.split(group, _strata(read, roles, every), shares).values()]


def _strata(usable: Table, roles: Roles, rows: np.ndarray) -> list[str]:
    """Give what splits are balanced by: the first task's label, of several the rarest."""
    first = roles.tasks[0]
    cells = [usable.columns[first.column][row] for row in rows]
    if first.kind == "regress":
        return [""] * len(cells)
    if first.kind == "classify":
        return cells
    return [
        min(
            columns.parts(cell, first.separator),
            key=lambda label: first.counts[label],
            default="",
        )
        for cell in cells
    ]


def write_csv(path: Path, part: Table) -> None:
    """Write a table as csv."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(part.columns)
        writer.writerows(zip(*part.columns.values(), strict=True))


# --- facts ---------------------------------------------------------------------------------


def _looked_at(
    source: Path,
    usable: Table,
    roles: Roles,
    rows: dict[str, np.ndarray],
    group: np.ndarray,
    bad: Sequence[BadRow],
    model: Model,
    with_recipe: bool,
) -> tuple[Facts, Recipe]:
    texts, m0 = _texts(usable, roles), community.of_config(model)
    some = _some(np.arange(len(texts)), MOST_COUNTED)
    tokens, unknown = _tokens([texts[row] for row in some], Tokenizer.load(m0.folder))
    labelled = np.sort(np.concatenate([rows[split] for split in rows if split != "pool"]))
    wrong = None  # what M0 does not read tells nothing of labels
    if roles.tasks[0].kind == "classify" and m0.trained and unknown <= FOREIGN:
        wrong = _wrong(usable, roles, labelled, m0.embedder(model.pooling, ROW_LENGTHS[0]))
    recipe = recipes.choose(roles.tasks, len(rows.get("pool", ())), wrong)
    recipe = recipe if with_recipe else recipes.NONE
    written = [split for split in rows if split != "pool" or recipe.name in ("pool", "none")]
    facts = Facts(
        source.name,
        {split: f"{split}.csv" for split in written},
        {split: len(one) for split, one in rows.items()},
        tokens,
        _row_length(tokens[1], m0.config.max_position_embeddings),
        _script(texts[row] for row in some),
        unknown,
        int(np.sum(np.bincount(group)[group] > 1)),
        _conflicts(usable, roles, labelled),
        wrong,
        len(bad),
    )
    return facts, recipe


def _some(rows: np.ndarray, most: int) -> np.ndarray:
    return np.sort(np.random.default_rng(0).permutation(rows)[:most])


def _tokens(texts: Sequence[str], tokenizer: Tokenizer) -> tuple[tuple[int, int], float]:
    """Count tokens of a text, median and 99th percentile, and the share M0 has no word for."""
    ids, _, _ = tokenizer(texts, max_length=512)
    lengths = ids.row_lengths().numpy()
    unknown = float(np.mean(ids.flat_values.numpy() == tokenizer.unknown_id))
    return (int(np.median(lengths)), int(np.percentile(lengths, 99))), unknown


def _row_length(longest: int, positions: int) -> int:
    """Choose the shortest row that holds a text, as far as M0 has positions.

    >>> _row_length(31, 512), _row_length(200, 512), _row_length(900, 512), _row_length(31, 64)
    (128, 256, 512, 64)
    """
    fitting = [length for length in ROW_LENGTHS if length >= longest]
    return min(positions, *fitting[:1], ROW_LENGTHS[-1])


def _script(texts) -> str:
    """Name the script that most letters are of, by their names in Unicode.

    >>> _script(["Where is my card?"]), _script(["我的卡在哪里"])
    ('Latin', 'Chinese')
    """
    letters = Counter(letter for text in texts for letter in text[:200] if letter.isalpha())
    scripts: Counter[str] = Counter()
    for letter, count in letters.items():
        scripts[unicodedata.name(letter, "OTHER").split()[0].capitalize()] += count
    return {"Cjk": "Chinese"}.get(
        name := max(scripts, key=lambda script: scripts[script], default="no"), name
    )


def _wrong(usable: Table, roles: Roles, labelled: np.ndarray, embedder) -> float:
    first = roles.tasks[0]
    cells = usable.columns[first.column]
    rows = _some(np.array([row for row in labelled if cells[row]]), noise.MOST_ROWS)
    several = _of(usable, roles.text)
    examples = Examples.of_texts([" ".join(column[row] for column in several) for row in rows])
    labels = np.unique([cells[row] for row in rows], return_inverse=True)[1]
    return noise.suspected(embedder(examples), labels)


def _conflicts(usable: Table, roles: Roles, rows: np.ndarray) -> int:
    """Count texts, but for case and blanks, that stand with different labels of the first task."""
    labels, met = usable.columns[roles.tasks[0].column], defaultdict(set)
    texts = _texts(usable, roles)
    for row in rows:
        met[splitting.normal_form(texts[row])].add(labels[row])
    return sum(len(different) > 1 for different in met.values())


# --- what is said --------------------------------------------------------------------------


def _said(written: Written) -> list[str]:
    facts, roles = written.facts, written.roles
    tasks = ", ".join(f"{one.column} ({one.kind}, {len(one.counts)} labels)" for one in roles.tasks)
    lines = [
        f"text:   {', '.join(roles.text)} ({facts.script} letters, {facts.tokens[0]} tokens in the "
        f"median, {facts.tokens[1]} or fewer in 99 of 100)",
        f"labels: {tasks}",
        "rows:   " + ", ".join(f"{split} {count}" for split, count in written.rows.items()),
        f"seen:   {facts.repeated} rows stand more than once or nearly so, {facts.conflicts} texts "
        f"with different labels; {_label_check(facts.noise)}",
        f"recipe: {written.recipe.name}: {written.recipe.why}",
    ]
    if facts.bad:
        lines.append(f"left out: see {written.folder / 'quarantine.jsonl'}")
    if facts.unknown > FOREIGN or facts.script != "Latin":
        lines.append(
            f"language: M0 of the default config reads English ({facts.unknown:.0%} of the tokens "
            "are unknown to it); name a checkpoint that reads yours: model.checkpoint"
        )
    return lines


def _label_check(noise: float | None) -> str:
    return "labels were not checked" if noise is None else f"{noise:.0%} of the labels look wrong"


def _next(written: Written) -> list[str]:
    sets = " ".join(f'--set {key}="WHY YOU MAY USE THESE TEXTS"' for key in written.licence_keys)
    return [
        "",
        f"{written.config} is written; say in it whose texts these are. Then",
        f"  tfsocial inspect --config={written.config} --output={written.folder / 'inspect'}",
        f"  tfsocial train --config={written.config} --workdir=runs/{written.folder.name} {sets}",
    ]
