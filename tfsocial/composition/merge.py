"""A composed model's folder, written one weight after the other; imports no framework."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tfsocial.checkpoints import bert_names, manifest, tensor_files, tensors
from tfsocial.checkpoints.bert_names import MLM_HEAD
from tfsocial.checkpoints.locations import CONFIG, HEADS, WEIGHTS
from tfsocial.composition import heads as composed_heads
from tfsocial.composition.heads import TaskHead
from tfsocial.composition.methods import contract
from tfsocial.composition.methods.contract import Method
from tfsocial.composition.parents import Base, Parent
from tfsocial.text.tokenizer_files import SETTINGS_FILE, SPECIAL_TOKENS_FILE, VOCABULARY_FILE

TOKENIZER = (VOCABULARY_FILE, SETTINGS_FILE, SPECIAL_TOKENS_FILE)


@dataclass(frozen=True)
class Composition:
    """What is added, and how.

    Attributes:
        statistics: of each run, what the method measured of its weights, by name.
    """

    base: Base
    parents: Sequence[Parent]
    method: Method
    heads: Sequence[TaskHead]
    statistics: Sequence[Mapping[str, np.ndarray]] = ()

    @property
    def mlm_home(self) -> Parent | None:
        """Whose masked-LM head is taken, which M0 has none of: the only run's that has one."""
        having = [one for one in self.parents if one.manifest.mlm_head and one.weight > 0]
        return having[0] if len(having) == 1 and not _mlm_names(self.base) else None

    @property
    def has_mlm_head(self) -> bool:
        """Whether the composed model has one, M0's with what the runs changed or a run's own."""
        if self.mlm_home:
            return True
        having = any(parent.manifest.mlm_head for parent in self.parents)
        return having and bool(_mlm_names(self.base))

    def encoder(self) -> Iterator[tuple[str, np.ndarray]]:
        """Compute one weight after the other by the names of today, float32."""
        weights = [parent.weight for parent in self.parents]
        runs = [parent.tensors for parent in self.parents]
        yield from contract.apply(self.method, self.base.tensors, runs, weights, self.statistics)
        if home := self.mlm_home:
            yield from ((name, home.tensors[name]) for name in _mlm_names(home))

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name -> shape of what `encoder` gives, in its order."""
        shapes = dict(self.base.tensors.shapes)
        if home := self.mlm_home:
            shapes |= {name: home.tensors.shapes[name] for name in _mlm_names(home)}
        return shapes


def _mlm_names(model: Base | Parent) -> list[str]:
    return [name for name in model.tensors if name.startswith(MLM_HEAD)]


def write(folder: Path, composition: Composition) -> None:
    """Write a model folder into an empty one: encoder, heads, tokenizer, config.

    No more than one weight of M0 and of each run is in memory at a time.
    """
    first, shapes = composition.parents[0], composition.shapes
    stored = bert_names.shared_names({name: name for name in shapes})
    renamed = {name: in_file for in_file, name in stored.items()}
    tensor_files.write(
        folder / WEIGHTS,
        {renamed[name]: shape for name, shape in shapes.items()},
        ((renamed[name], array) for name, array in composition.encoder()),
    )
    heads = {name: one for head in composition.heads for name, one in head.tensors().items()}
    (folder / HEADS).write_bytes(tensors.to_bytes(heads))
    about = composed_heads.manifest(
        composition.heads, composition.parents, composition.has_mlm_head
    )
    (folder / CONFIG).write_bytes(
        manifest.config_json(manifest.read_json(first.model / CONFIG), about, shapes)
    )
    for name in TOKENIZER:
        if (first.model / name).is_file():
            shutil.copyfile(first.model / name, folder / name)
