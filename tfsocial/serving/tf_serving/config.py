"""The files and flags that TensorFlow Serving is started with; text protocol buffers.

Their messages: model_server_config.proto, session_bundle_config.proto (BatchingParameters) and
monitoring_config.proto of tensorflow/serving 2.20. None of this was run by a real server: none can
be had here; a test reads the model config by the server's own class.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from tfsocial import files
from tfsocial.errors import InputError
from tfsocial.serving import versions

BATCHES = (1, 2, 4, 8, 16, 32)  # texts in a batch; a model is warmed up with each
LABEL = re.compile(r"[a-zA-Z0-9_]+")  # what the server lets a label be called
MODELS, BATCHING, MONITORING = "models.config", "batching.config", "monitoring.config"
METRICS = "/monitoring/prometheus/metrics"


def models_config(name: str, base_path: str, labels: Mapping[str, int]) -> str:
    """Write which versions of a model are served, and by which labels they are asked for.

    Args:
        base_path: folder of the versions, as the server sees it.
        labels: label -> version; the versions named are those served.

    >>> print(models_config("tickets", "/models/tickets", {"stable": 1, "canary": 2}))
    model_config_list {
      config {
        name: "tickets"
        base_path: "/models/tickets"
        model_platform: "tensorflow"
        model_version_policy { specific { versions: 1 versions: 2 } }
        version_labels { key: "stable" value: 1 }
        version_labels { key: "canary" value: 2 }
      }
    }
    """
    numbers = " ".join(f"versions: {version}" for version in sorted(set(labels.values())))
    lines = [
        "model_config_list {",
        "  config {",
        f"    name: {_quoted(name)}",
        f"    base_path: {_quoted(base_path)}",
        '    model_platform: "tensorflow"',
        f"    model_version_policy {{ specific {{ {numbers} }} }}",
        *(
            f"    version_labels {{ key: {_quoted(label)} value: {version} }}"
            for label, version in labels.items()
        ),
        "  }",
        "}",
    ]
    return "\n".join(lines)


def batching_config(threads: int, batches: Sequence[int] = BATCHES) -> str:
    """Write how requests are joined: to the batch sizes that the model was warmed up with.

    Args:
        threads: batches at a time; as many as cores.
    """
    return "\n".join(
        [
            f"max_batch_size {{ value: {batches[-1]} }}",
            "batch_timeout_micros { value: 2000 }",
            "max_enqueued_batches { value: 100 }",
            f"num_batch_threads {{ value: {threads} }}",
            *(f"allowed_batch_sizes: {size}" for size in batches),
        ]
    )


def monitoring_config() -> str:
    """Write where Prometheus finds the server's metrics, on its REST port."""
    return f"prometheus_config {{ enable: true path: {_quoted(METRICS)} }}"


def command(folder: str, mixed_precision: bool, threads: int) -> list[str]:
    """List the server's command line.

    Args:
        folder: where it finds the three files.
        mixed_precision: whether matrix products are computed in bfloat16: a CPU with its
            instructions is a quarter faster on batches, probabilities move by a few thousandths.
        threads: the server sees all cores of its host; these are the ones it may use.
    """
    return [
        "tensorflow_model_server",
        "--port=8500",
        "--rest_api_port=8501",
        f"--model_config_file={folder}/{MODELS}",
        "--model_config_file_poll_wait_seconds=60",
        "--allow_version_labels_for_unavailable_models=true",
        "--enable_batching=true",
        f"--batching_parameters_file={folder}/{BATCHING}",
        f"--monitoring_config_file={folder}/{MONITORING}",
        "--enable_grpc_healthcheck_service=true",
        f"--tensorflow_intra_op_parallelism={threads}",
        f"--tensorflow_inter_op_parallelism={threads}",
        *(["--mixed_precision=bfloat16"] if mixed_precision else []),
    ]


def write(
    base: Path, output: Path, name: str, labels: Mapping[str, int], seen_as: str, threads: int
) -> None:
    """Write the three files for the versions in a folder.

    Args:
        base: folder of the versions, here.
        seen_as: the same folder as the server sees it.

    Raises:
        InputError: no such version, or a label that the server would refuse.
    """
    there = versions.versions(base, "saved_model")
    for label, version in labels.items():
        if not LABEL.fullmatch(label):
            raise InputError(f"label {label!r}: a server takes letters, digits and _ alone")
        if version not in there:
            listed = ", ".join(map(str, there)) or "none"
            raise InputError(f"{base}: has no version {version} for {label}; it has {listed}")
    output.mkdir(parents=True, exist_ok=True)
    texts = {
        MODELS: models_config(name, seen_as, labels),
        BATCHING: batching_config(threads),
        MONITORING: monitoring_config(),
    }
    for file, text in texts.items():
        files.write_text(output / file, text + "\n")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
