#!/usr/bin/env bash
# Builds each folder of manifests with kustomize and reads it by Kubernetes' schemas, strictly.
#
#     deploy/check.sh PYTHON      # of an environment with deploy/requirements.txt
set -euo pipefail
cd "$(dirname "$0")/kubernetes"
if ! command -v kubectl > /dev/null; then
  echo "deploy-check: skipped, there is no kubectl"
  exit 0
fi
for folder in base overlays/*; do
  built="$(mktemp)"
  kubectl kustomize "$folder" > "$built"
  "$1" -m kubernetes_validate --strict -k 1.34 "$built" > /dev/null || {
    "$1" -m kubernetes_validate --strict -k 1.34 "$built"
    exit 1
  }
  echo "$folder: valid"
  rm "$built"
done
