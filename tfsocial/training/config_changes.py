"""Which keys of a config may change between two starts of a run, and what is said of others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tfsocial.config import Config
from tfsocial.errors import InputError

ELSEWHERE = "name a new --workdir (and other training.checkpoints, where that is set)"
ALL_THE_SAME = "say --accept_changes to go on all the same"
# What may be changed between two starts of a run: where things lie, and what is only looked at.
FREE = (
    "data.root",
    "data.cache",
    "data.service",
    "data.back_translation.cache",
    "data.citation",
    "data.homepage",
    "data.licence_source",
    "model.citation",
    "training.log_every",
    "training.checkpoint_every",
    "training.checkpoints_kept",
    "tracking",
)


def refuse_changes(where: str, before: Config | None, config: Config) -> None:
    """Let a run go on only with the config that it had.

    Args:
        before: that it had; None where it is not known, which refuses nothing.

    Raises:
        InputError: it was another one; the keys, and what can be done.
    """
    if keys := changed(before, config):
        raise InputError(
            f"{where} holds a run of another config; changed: {', '.join(keys)}. "
            f"Undo that, {ELSEWHERE}, or {ALL_THE_SAME}"
        )


def unreadable(where: str, reason: str) -> InputError:
    """Say that a run's config is none that this version reads.

    Args:
        reason: names the key.
    """
    return InputError(
        f"{where} holds a run of a config that this version does not read ({reason}); "
        f"{ELSEWHERE}, or {ALL_THE_SAME}"
    )


def changed(before: Config | None, config: Config) -> list[str]:
    """List keys whose values are not those of before, but for `FREE`; none if before is unknown."""
    one, other = ((before or config).model_dump(mode="json"), config.model_dump(mode="json"))
    return [path for path in differences(one, other) if not _is_free(_of_one_source(path))]


def _is_free(path: str) -> bool:
    """Tell whether a key may change, itself or as one of a section that may.

    >>> _is_free("tracking.wandb.project"), _is_free("training.epochs")
    (True, False)
    """
    return any(path == key or path.startswith(f"{key}.") for key in FREE)


def _of_one_source(path: str) -> str:
    """Give the key of a mixture's source as the key of a single one.

    >>> _of_one_source("data.mixture.own.root"), _of_one_source("data.root")
    ('data.root', 'data.root')
    """
    return re.sub(r"^data\.mixture\.\w+\.", "data.", path)


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """List key paths at which two configs are not alike.

    >>> list(differences({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}, "d": 4}))
    ['a.c', 'd']
    """
    for key in sorted(before.keys() | now.keys()):
        one, other = before.get(key), now.get(key)
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            yield from (f"{key}.{path}" for path in differences(one, other))
        elif one != other:
            yield key
