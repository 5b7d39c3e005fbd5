"""Names that keys and values of a training run's config had before, and what they are called now.

A user whose config says an old name is told the new one. What tfsocial itself wrote, the config
kept in a run's folder or in a checkpoint, is read as it is: `renamed` brings it up to date.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# Old key path -> the key's name now; `*` stands for a name that somebody gave.
KEYS: Mapping[str, str] = {
    "tasks.*.out_of_scope": "ood_label",
    "tasks.*.out_of_scope_by": "ood_detector",
    "tasks.*.in_scope_kept": "min_in_scope_recall",
    "data.view": "second_view",
    "data.mixture.*.rate": "sampling_weight",
    "model.refit_c": "final_probe_c",
    "objectives.community.*.weight.gain": "step_size",
    "objectives.asymmetry": "gradnorm_alpha",
    "objectives.sharpness": "sam_radius",
    "training.recompute": "gradient_checkpointing",
    "training.spike": "loss_spike",
    "training.unfreeze_every": "gradual_unfreezing_epochs",
}

# Key path -> old value -> the value now.
VALUES: Mapping[str, Mapping[str, str]] = {"objectives.weighing": {"given": "fixed"}}


# What an older written config said where it left a knob to its optimizer; now each says its own.
NULLS = ("beta_1", "beta_2", "epsilon", "scale_parameter")


def new_key(path: Sequence[str]) -> str | None:
    """Return what the key at a path is called now; None where its name is no old one.

    >>> new_key(["tasks", "intent", "out_of_scope"])
    'ood_label'
    """
    return next((new for pattern, new in KEYS.items() if _fits(pattern, path)), None)


def new_value(path: Sequence[str], value: Any) -> Any:
    """Return what the value at a path is called now; the value itself where it is no old one.

    >>> new_value(["objectives", "weighing"], "given")
    'fixed'
    """
    changes = next((VALUES[pattern] for pattern in VALUES if _fits(pattern, path)), {})
    return changes.get(value, value) if isinstance(value, str) else value


def renamed(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Return a tree of values with the names of today, each in its place.

    >>> renamed({"objectives": {"weighing": "given", "sharpness": 0.05}})
    {'objectives': {'weighing': 'fixed', 'sam_radius': 0.05}}
    """
    return _renamed(tree, ())


def _renamed(value: Any, path: tuple[str, ...]) -> Any:
    if not isinstance(value, Mapping):
        return new_value(path, value)
    return {
        new_key((*path, str(key))) or key: _renamed(inner, (*path, str(key)))
        for key, inner in value.items()
        if not (path == ("optimizer",) and key in NULLS and inner is None)
    }


def _fits(pattern: str, path: Sequence[str]) -> bool:
    parts = pattern.split(".")
    return len(parts) == len(path) and all(
        one in ("*", other) for one, other in zip(parts, path, strict=True)
    )
