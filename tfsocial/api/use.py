"""Use a model: load it, ask it, give it to a server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfsocial import folders
from tfsocial.errors import InputError

if TYPE_CHECKING:
    from tfsocial.serving.inputs import Row
    from tfsocial.serving.predictor import Predictor


Models = str | Path | Sequence[str | Path]
"""A model's folder, or several `model/` folders that answer as one."""


def model_folders(models: Models) -> list[Path]:
    """List the folders of one or several models.

    Raises:
        InputError: there is nothing in one's place, or none is named.
    """
    named = [models] if isinstance(models, str | Path) else list(models)
    if not named:
        raise InputError("model: names no folder")
    return [folders.existing("model", model) for model in named]


def load_predictor(model: Models | Predictor) -> Predictor:
    """Load a run's `model/` folder or a SavedModel; a predictor is given back as it is.

    Args:
        model: of several `model/` folders the mean of their calibrated probabilities answers.

    Raises:
        InputError: the folder is neither, or is broken, or several cannot answer as one.
    """
    if not isinstance(model, str | Path | Sequence):
        return model
    from tfsocial.serving import loading

    return loading.load_ensemble(model_folders(model))


def predict(model: Models | Predictor, texts: Sequence[Row], top: int = 0) -> list[dict[str, Any]]:
    """Answer each text: task -> its label, labels or value, and probabilities.

    Args:
        model: a run's `model/` folder, several of them, a SavedModel, or what `load_predictor`
            gave, which is faster from the second call on.
        texts: n of them; pairs as tuples, and rows of a table as column -> value, which a model
            that reads columns beside the text needs.
        top: how many labels to list with their probabilities; 0 lists all.

    Raises:
        InputError: the model is none, or a row lacks a column that it reads.
    """
    return load_predictor(model).predict(texts, top)


def tf_serving(
    model: str | Path,
    output: str | Path,
    name: str | None = None,
    *,
    stable: int | None = None,
    canary: int | None = None,
    server_path: str | None = None,
    threads: int = 2,
    bfloat16: bool = False,
) -> list[str]:
    """Write the files that TensorFlow Serving is started with: versions, batching, metrics.

    Args:
        model: folder of the model's versions, as `export` writes it.
        output: folder of the files; they are replaced.
        name: what clients call the model; left out, its folder.
        stable: version with this label; left out, the highest.
        canary: version that is tried beside it.
        server_path: `model` as the server sees it; left out, /models/`name`.
        threads: cores of the server.
        bfloat16: whether matrix products are computed in bfloat16.

    Returns:
        The server's command line.

    Raises:
        InputError: there is no such version.
    """
    from tfsocial.serving import versions
    from tfsocial.serving.tf_serving import config

    base, folder = folders.existing("model", model), folders.local("output", output)
    there = versions.versions(base, "saved_model")
    if not there:
        raise InputError(f"model={base}: holds no version; tfsocial export writes one")
    name = name or base.resolve().name
    labels = {"stable": stable or there[-1], **({"canary": canary} if canary else {})}
    config.write(base, folder, name, labels, server_path or f"/models/{name}", threads)
    return config.command(str(folder), bfloat16, threads)


def serve(
    models: Sequence[str] = (),
    config: str | Path | None = None,
    *,
    state: str | Path = "gateway",
    host: str = "127.0.0.1",
    port: int = 8080,
    grpc_port: int | None = None,
    admin_port: int = 8081,
    processes: int = 1,
    mask: bool = False,
    say: Callable[[str], object] = print,
) -> None:
    """Answer over the network until SIGINT or SIGTERM: keys, quotas, masking, batches, numbers.

    Args:
        models: folders of versions, or NAME=FOLDER.
        config: a YAML file in place of all else.
        state: folder of the keys; at the first start a key is made and said.
        host, port: of callers; port 0 takes a free one.
        grpc_port: of callers over gRPC; None: none.
        admin_port: of operators and Prometheus, on this machine alone.
        processes: that hold each model.
        mask: whether models read texts with personal data masked.
        say: hears the first key, and where it listens.

    Raises:
        InputError: a file or a port cannot be used, or a model cannot be loaded.
    """
    from tfsocial import extras

    for module in ("fastapi", "uvicorn", "limits", "joserfc", "prometheus_client", "phonenumbers"):
        extras.library(module, module, "serve", "tfsocial serve")
    from tfsocial.serving.gateway import assemble, run, settings

    if (config is None) == (not models):
        raise InputError("--model or --config: name one of both")
    if config is not None:
        chosen = settings.read(Path(config))
    else:
        listen = {"host": host, "port": port, "grpc_port": grpc_port, "admin_port": admin_port}
        model = {"processes": processes, "mask": mask}
        folders_of = dict(map(_named, models))
        chosen = settings.of_flags(folders_of, Path(state), listen, model)
    key = assemble.first_key(chosen.access)
    if key is not None:
        say(f"key: {key}  (shown once; `tfsocial keys` makes others)")

    def ready(at: run.Addresses) -> None:
        rpc = f"  gRPC: {at.grpc}" if at.grpc else ""
        say(f"callers: {at.callers}{rpc}  operators: {at.operators}")

    run.serve(chosen, ready)


def _named(model: str) -> tuple[str, Path]:
    """Read NAME=FOLDER, or a folder whose name is the model's.

    Raises:
        InputError: there is nothing at the folder.
    """
    name, equals, folder = model.rpartition("=")
    path = folders.existing("--model", folder)
    return (name if equals else path.resolve().name), path
