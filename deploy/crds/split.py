"""Splits a stream of manifests: those of Kubernetes itself, and those of custom resources.

python split.py BUILT KUBERNETES CUSTOM      # YAML in; YAML and a JSON list out
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import yaml

CUSTOM = ("gateway.networking.k8s.io/", "keda.sh/", "monitoring.coreos.com/")


def main(built: Path, kubernetes: Path, custom: Path) -> None:
    documents = [one for one in yaml.safe_load_all(built.read_text("utf-8")) if one]
    ours = [one for one in documents if one["apiVersion"].startswith(CUSTOM)]
    kubernetes.write_text(yaml.safe_dump_all([one for one in documents if one not in ours]))
    custom.write_text(json.dumps(ours))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
