"""The runs whose weights are added, and M0 under all of them; imports no framework."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from tfsocial import config as configs
from tfsocial.checkpoints import locations, manifest, tensors
from tfsocial.checkpoints.locations import ADAPTERS, CONFIG, HEADS, WEIGHTS
from tfsocial.checkpoints.manifest import ModelManifest
from tfsocial.checkpoints.tensor_files import TensorFile
from tfsocial.config import Config
from tfsocial.errors import InputError, nearest
from tfsocial.provenance import resources
from tfsocial.provenance.resources import Resource
from tfsocial.text.tokenizer_files import VOCABULARY_FILE, read_vocabulary


@dataclass(frozen=True)
class Base:
    """M0: its name, its folder, and the hash by which runs know it."""

    name: str
    folder: Path
    sha256: str

    @cached_property
    def tensors(self) -> TensorFile:
        return TensorFile(self.folder / WEIGHTS)


@dataclass(frozen=True, eq=False)
class Parent:
    """A finished run, or what came of a composition.

    Attributes:
        folder: with provenance.json and model/.
        weight: as the user gave it.
        manifest: of model/, tasks renamed.
        provenance: what provenance.json holds.
        overrides: KEY.PATH=VALUE, over its config.
        renamed: what its tasks are called here -> what the run calls them, of those renamed.
    """

    folder: Path
    weight: float
    manifest: ModelManifest
    provenance: Mapping[str, Any]
    overrides: Sequence[str] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)

    @property
    def model(self) -> Path:
        return self.folder / "model"

    @cached_property
    def tensors(self) -> TensorFile:
        return TensorFile(self.model / WEIGHTS)

    @cached_property
    def heads(self) -> dict[str, np.ndarray]:
        """Tensors of its heads, by the tasks' new names."""
        new = {old: name for name, old in self.renamed.items()}
        return {
            f"{new.get(task, task)}.{part}": array
            for name, array in tensors.read(self.model / HEADS).items()
            for task, _, part in [name.rpartition(".")]
        }

    def own_name(self, task: str) -> str:
        """Say what the run itself calls a task."""
        return self.renamed.get(task, task)

    @cached_property
    def config(self) -> Config | None:
        """The run's config; None of a composition, which has none."""
        path = self.folder / "config.yaml"
        return configs.load(path, self.overrides, migrate=True) if path.is_file() else None

    @property
    def heads_refitted(self) -> bool:
        """Whether its heads were fitted alone at the end, to vectors of this encoder only."""
        return self.config is not None and self.config.model.final_probe_c is not None

    @cached_property
    def resources(self) -> tuple[Resource, ...]:
        """All that the run took from others."""
        known = {one.name for one in fields(Resource)}
        recorded = [
            Resource(**{key: value for key, value in one.items() if key in known})
            for one in self.provenance["resources"]
        ]
        # What is bound by a licence has a key, which is not recorded: methods have none.
        return tuple(
            one if one.role == "method" else replace(one, key=one.role) for one in recorded
        )

    @property
    def m0(self) -> Resource:
        """The checkpoint that the run started from."""
        return next(one for one in self.resources if one.role == "model")


def read(
    folder: Path,
    weight: float,
    overrides: Sequence[str] = (),
    renamed: Mapping[str, str] | None = None,
) -> Parent:
    """Read a run's folder.

    Args:
        renamed: new name -> the run's own name of a task.

    Raises:
        InputError: it is no finished run, its model is not made of one encoder alone, or it has
            no task to rename.
    """
    lacking = [
        name
        for name in ("provenance.json", f"model/{CONFIG}", f"model/{WEIGHTS}", f"model/{HEADS}")
        if not (folder / name).is_file()
    ]
    if lacking:
        is_model = (folder / CONFIG).is_file() and (folder / HEADS).is_file()
        hint = f"; name the run's folder, {folder.absolute().parent}" if is_model else ""
        raise InputError(f"--add={folder}: is no finished run; it lacks {', '.join(lacking)}{hint}")
    if (folder / "model" / ADAPTERS).exists():
        raise InputError(
            f"--add={folder}: has {ADAPTERS}, and adapters are not added; merge them into the "
            "encoder first"
        )
    provenance = manifest.read_json(folder / "provenance.json")
    found, renamed = manifest.read(folder / "model"), renamed or {}
    found.check_text_alone(f"--add={folder}")
    for old in renamed.values():
        if old not in found.tasks:
            known = nearest(old, list(found.tasks))
            raise InputError(f"--rename: {folder} has no task {old!r}; {known}")
    parent = Parent(folder, weight, _renamed(found, renamed), provenance, overrides, renamed)
    if not any(one.get("role") == "model" for one in provenance.get("resources", ())):
        raise InputError(f"--add={folder}: its provenance.json names no checkpoint")
    return parent


def _renamed(found: ModelManifest, renamed: Mapping[str, str]) -> ModelManifest:
    new = {old: name for name, old in renamed.items()}

    def by_new_name(values: Mapping[str, Any]) -> dict[str, Any]:
        return {new.get(task, task): value for task, value in values.items()}

    return replace(
        found,
        tasks=by_new_name(found.tasks),
        calibration=by_new_name(found.calibration),
        thresholds=by_new_name(found.thresholds),
        label_set_thresholds=by_new_name(found.label_set_thresholds),
    )


def find_base(name: str | None, parents: Sequence[Parent]) -> Base:
    """Find M0, as it is named or else as the first run names it.

    Raises:
        InputError: it cannot be had.
    """
    name = parents[0].m0.name if name is None else name
    folder = locations.resolve(name, "--base")
    return Base(name, folder, resources.checkpoint_digest(folder))


def check(base: Base, parents: Sequence[Parent]) -> None:
    """Check that runs can be added: one M0, one vocabulary, one way from tokens to vectors.

    Raises:
        InputError: they cannot; says which run and why.
    """
    for parent in parents:
        _check_m0(base, parent)
        _check_shapes(base, parent)
        _check_reading(parents[0], parent)


def _check_m0(base: Base, parent: Parent) -> None:
    where = f"--add={parent.folder}"
    if parent.config is not None and parent.config.model.checkpoint == "random":
        raise InputError(
            f"{where}: began with random weights, so it shares no M0 with any other run"
        )
    if parent.m0.sha256 != base.sha256:
        raise InputError(
            f"{where}: began from another M0 ({parent.m0.name}, sha256 {parent.m0.sha256[:8]}) "
            f"than --base={base.name} (sha256 {base.sha256[:8]}); sums of such weights mean nothing"
        )
    ours, its = (
        read_vocabulary(folder / VOCABULARY_FILE) for folder in (base.folder, parent.model)
    )
    if ours != its:
        raise InputError(f"{where}: its {VOCABULARY_FILE} is not that of --base={base.name}")


def _check_shapes(base: Base, parent: Parent) -> None:
    for name, shape in base.tensors.shapes.items():
        if (its := parent.tensors.shapes.get(name)) != shape:
            has = f"has shape {its}" if its else "is missing"
            raise InputError(
                f"{parent.model / WEIGHTS}: {name} {has}, and in --base={base.name} it has {shape}"
            )


def _check_reading(first: Parent, parent: Parent) -> None:
    ours, its = first.manifest, parent.manifest
    for what, one, other in (
        ("model.pooling", ours.pooling, its.pooling),
        ("model.head_normalize", ours.head_normalize, its.head_normalize),
        ("text columns", len(ours.text_columns), len(its.text_columns)),
    ):
        if one != other:
            raise InputError(
                f"--add={parent.folder}: {what}: {other}, and {one} in {first.folder}; heads on "
                "one encoder read alike"
            )


def strictest_policy(parents: Sequence[Parent]) -> str:
    """Find the licence policy that all runs kept to."""
    order = list(resources.ACCEPTED)
    named = [parent.provenance.get("licence_policy", order[0]) for parent in parents]
    return min((one for one in named if one in order), key=order.index, default=order[0])


def all_resources(parents: Sequence[Parent], method: Resource) -> tuple[Resource, ...]:
    """List M0, the runs, and all that they took from others, each once; then how it is added.

    A run's licence is the strictest of what it is made from.
    """
    m0 = parents[0].m0
    taken = {
        (one.role, one.name, one.sha256): one
        for parent in parents
        for one in parent.resources
        if (one.name, one.sha256) != (m0.name, m0.sha256)
    }
    return (m0, *map(_as_resource, parents), *taken.values(), method)


def _as_resource(parent: Parent) -> Resource:
    binding = resources.strictest(parent.resources)
    return Resource(
        "model",
        str(parent.folder),
        key="--add",
        licence=binding.licence,
        licence_source=f"the strictest in its provenance.json, that of {binding.name}",
        sha256=resources.checkpoint_digest(parent.model),
        acknowledgement=binding.acknowledgement,
    )


def check_licences(listed: Sequence[Resource], policy: str) -> None:
    """Check that all that the runs were made from fits a policy.

    Raises:
        InputError: something does not; names it and the remedy.
    """
    for one in listed:
        if resources.refusal(one, policy):
            raise InputError(
                f"{one.licence} of {one.name} does not fit the licence policy {policy}, which the "
                "strictest of the runs kept to; leave that run out, or say --licence_policy"
            )
