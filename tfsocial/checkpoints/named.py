"""Second checkpoints: named once in the config, for objectives and compositions alike."""

from __future__ import annotations

from collections.abc import Mapping

from tfsocial.checkpoints import community
from tfsocial.checkpoints.community import CommunityCheckpoint
from tfsocial.config import Checkpoint
from tfsocial.errors import InputError
from tfsocial.provenance import resources as provenance
from tfsocial.provenance.resources import Resource


def entry(entries: Mapping[str, Checkpoint], name: str, where: str) -> Checkpoint:
    """Look a checkpoint up by its name in the config's `checkpoints`.

    Args:
        where: the key that names it.

    Raises:
        InputError: it has no entry there.

    >>> entry({}, "runs/first/model", "objectives.community.label_propagation.beside")
    Traceback (most recent call last):
    ...
    tfsocial.errors.InputError: objectives.community.label_propagation.beside is \
'runs/first/model', which is no name in checkpoints, where there is none; write checkpoints: \
{second: {checkpoint: runs/first/model}} and objectives.community.label_propagation.beside: second
    """
    if name in entries:
        return entries[name]
    there = f"which has {', '.join(entries)}" if entries else "where there is none"
    raise InputError(
        f"{where} is {name!r}, which is no name in checkpoints, {there}; write checkpoints: "
        f"{{second: {{checkpoint: {name}}}}} and {where}: second"
    )


def load(
    entries: Mapping[str, Checkpoint], names: Mapping[str, str]
) -> dict[str, CommunityCheckpoint]:
    """Find the checkpoints of these names.

    Args:
        names: name -> the key of the config that reads it.

    Raises:
        InputError: one has no entry, cannot be had, is incomplete, or is not a BERT.
    """
    return {
        name: community.of_name(
            entry(entries, name, where).checkpoint, f"checkpoints.{name}.checkpoint"
        )
        for name, where in names.items()
    }


def resources(
    entries: Mapping[str, Checkpoint], checkpoints: Mapping[str, CommunityCheckpoint]
) -> tuple[Resource, ...]:
    """Say of each checkpoint whose it is, under which licence and where that was read.

    Raises:
        InputError: its entry says another licence than its folder.
    """
    return tuple(
        provenance.of_checkpoint(
            entries[name], entries[name].checkpoint, checkpoint.folder, f"checkpoints.{name}"
        )
        for name, checkpoint in checkpoints.items()
    )
