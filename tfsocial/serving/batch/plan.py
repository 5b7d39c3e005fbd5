"""What a batch job is made of: inputs, parts, waves, and the settings a folder was begun with.

Imports neither TensorFlow nor Beam. All of it follows from the flags and the input files, so that a
second run of a command comes to the same parts, the same names and the same waves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any, NamedTuple

from tfsocial.errors import InputError

RECORD = "batch.json"
ROWS = "progress/rows.json"  # rows of each input


class Input(NamedTuple):
    """One input file: its path, its size, and what the names of its parts begin with."""

    file: str
    bytes: int
    name: str


class Part(NamedTuple):
    """Rows `first` to `first + rows` of an input, answered in one output file."""

    file: str
    name: str
    first: int
    rows: int

    @property
    def answers(self) -> str:
        """Where its answers are, in the output folder."""
        return f"answers/{self.name}.jsonl"

    @property
    def unanswered(self) -> str:
        """Where its rows without an answer are listed, if there are some."""
        return f"unanswered-{self.name}.jsonl"


Wave = tuple[Part, ...]


def marker(number: int) -> str:
    """Name the file that says that a wave is done, and holds its counts."""
    return f"progress/wave-{number:05d}.json"


def named(files: Mapping[str, int]) -> list[Input]:
    """Name inputs by their paths below the folder that they have in common.

    Args:
        files: path -> size in bytes.

    Raises:
        InputError: two have one name.

    >>> [item.name for item in named({"in/mon/a.csv": 5, "in/tue/a.csv": 7})]
    ['mon__a.csv', 'tue__a.csv']
    """
    folder = _common_folder(list(files))
    inputs = [
        Input(file, size, file[len(folder) :].replace("/", "__")) for file, size in files.items()
    ]
    names = Counter(item.name for item in inputs)
    for item in inputs:
        if names[item.name] > 1:
            raise InputError(
                f"--input: {item.file} and another file would both write answers named "
                f"{item.name!r}; rename one, or answer them in two commands"
            )
    return inputs


def _common_folder(files: Sequence[str]) -> str:
    """Give the folder that all lie in, as their paths begin, with its slash; "" if there is none.

    >>> _common_folder(["gs://b/m1/a.csv", "gs://b/m2/a.csv"]), _common_folder(["a.csv"])
    ('gs://b/', '')
    """
    folders = zip(*(file.split("/")[:-1] for file in files), strict=False)
    shared = takewhile(lambda names: len(set(names)) == 1, folders)
    return "".join(f"{names[0]}/" for names in shared)


def parts(item: Input, rows: int, size: int) -> Iterator[Part]:
    """Cut an input of so many rows into parts of `size` rows.

    >>> [(part.name, part.first, part.rows) for part in parts(Input("a.txt", 9, "a.txt"), 5, 3)]
    [('a.txt-00000', 0, 3), ('a.txt-00001', 3, 2)]
    """
    for number, first in enumerate(range(0, rows, size)):
        yield Part(item.file, f"{item.name}-{number:05d}", first, min(size, rows - first))


def waves(all_parts: Sequence[Part], size: int) -> list[Wave]:
    """Put parts together, in order, to waves of `size` rows at most; one part is not cut.

    >>> cut = list(parts(Input("a.txt", 9, "a.txt"), 5, 2))
    >>> [[part.first for part in wave] for wave in waves(cut, 4)]
    [[0, 2], [4]]
    """
    found: list[list[Part]] = []
    rows = 0
    for part in all_parts:
        if not found or rows + part.rows > size:
            found, rows = [*found, []], 0
        found[-1].append(part)
        rows += part.rows
    return [tuple(wave) for wave in found]


def by_file(wave: Wave) -> list[list[tuple[int, Part]]]:
    """Group a wave's parts, each with its place in the wave, by the file they are read from.

    >>> wave = (Part("a", "a-0", 0, 1), Part("a", "a-1", 1, 1), Part("b", "b-0", 0, 1))
    >>> [[place for place, _ in group] for group in by_file(wave)]
    [[0, 1], [2]]
    """
    groups: dict[str, list[tuple[int, Part]]] = {}
    for place, part in enumerate(wave):
        groups.setdefault(part.file, []).append((place, part))
    return list(groups.values())


def is_done(number: int, wave: Wave, there: set[str]) -> bool:
    """Tell whether a wave needs no run: its marker and the answers of all its parts are there.

    One missing part is answered with its whole wave: the same texts in the same calls give the
    same numbers to the last digit.

    Args:
        there: names of files, from the output folder on.
    """
    return {marker(number), *(part.answers for part in wave)} <= there


def check_same(output: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Check that a folder is gone on with by the settings that it was begun with.

    Raises:
        InputError: a setting is another one; it is named.

    >>> check_same("out", {"top": 5}, {"top": 3})
    Traceback (most recent call last):
    ...
    tfsocial.errors.InputError: --output=out: was begun with --top=5, not 3; ...
    """
    for name in (name for name in now if before.get(name) != now[name]):
        raise InputError(
            f"--output={output}: was begun with {_other(name, before.get(name), now[name])}; "
            "name a new folder, or give what it was begun with"
        )


def _other(name: str, before: Any, now: Any) -> str:
    if name == "model":
        return f"another model ({str(before)[:12]}, not {now[:12]})"
    if name == "inputs":
        return f"other input files ({_first_other(before or {}, now)})"
    return f"--{name}={before}, not {now}"


def _first_other(before: Mapping[str, int], now: Mapping[str, int]) -> str:
    for file in now:
        if file not in before:
            return f"{file} is new"
        if before[file] != now[file]:
            return f"{file} had {before[file]} bytes and has {now[file]}"
    return f"{next(file for file in before if file not in now)} is missing"


def changed(part: Part) -> str:
    """Say that an input's rows are not those that were counted."""
    return (
        f"{part.file}: has other rows than when they were counted; "
        "answer it again into a new --output"
    )
