"""What a user asks of a composition, checked word by word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from tfsocial.composition.heads import HOW, How
from tfsocial.errors import InputError, nearest
from tfsocial.provenance import resources


@dataclass(frozen=True)
class Asked:
    """What a user asked for.

    Attributes:
        runs: folder and weight of each.
        base: M0; left out, as the first run names it.
        knobs: of the method.
        heads: left out, own of a single run, else refit.
        settle: whether scales and thresholds are fitted to the runs' dev.
        other: labelled files that no run learned, for the curve of WiSE-FT.
        overrides: KEY.PATH=VALUE, over the runs' configs.
        renamed: folder -> new name of a task -> its name in that run.
        licence_policy: left out, the strictest of the runs'.
    """

    runs: Sequence[tuple[Path, float]]
    base: str | None = None
    method: str = "linear"
    knobs: Mapping[str, Any] = field(default_factory=dict)
    heads: How | None = None
    settle: bool = True
    other: Sequence[Path] = ()
    overrides: Sequence[str] = ()
    renamed: Mapping[Path, Mapping[str, str]] = field(default_factory=dict)
    licence_policy: str | None = None


def how(heads: str | None) -> How | None:
    """Check how heads are to come about.

    Raises:
        InputError: there is no such way.
    """
    if heads is not None and heads not in HOW:
        raise InputError(f"--heads={heads}: {nearest(heads, HOW)}")
    return cast("How | None", heads)


def renamed(
    runs: Sequence[Path], names: Mapping[str, Mapping[str, str]]
) -> dict[Path, dict[str, str]]:
    """Turn run -> task -> new name round: run -> new name -> task.

    Raises:
        InputError: a run is not among those that are added, or two of its tasks get one name.
    """
    turned = {}
    for folder, by_task in names.items():
        if Path(folder) not in runs:
            raise InputError(f"--rename={folder}: is none of the runs that --add names")
        turned[Path(folder)] = {new: task for task, new in by_task.items()}
        if len(turned[Path(folder)]) < len(by_task):
            raise InputError(f"--rename={folder}: gives two tasks one name")
    return turned


def policy(name: str | None) -> str | None:
    """Check a licence policy.

    Raises:
        InputError: there is none of that name.
    """
    if name is not None and name not in resources.ACCEPTED:
        raise InputError(f"--licence_policy={name}: {nearest(name, list(resources.ACCEPTED))}")
    return name
