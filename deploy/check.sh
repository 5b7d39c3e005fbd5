#!/usr/bin/env bash
# Reads what is in this folder: each kustomization by Kubernetes' schemas, strictly, and its custom
# resources by their makers' packages; the proxy's configuration by the proxy.
#
#     deploy/check.sh PYTHON [NODE_MODULES]
#
# PYTHON is of an environment with deploy/requirements.txt, NODE_MODULES the folder where `npm ci` put
# what deploy/crds/package.json names. What cannot be read for want of a tool is said.
set -euo pipefail
cd "$(dirname "$0")"
python="$1"
modules="${2:-$(dirname "$python")/../crds/node_modules}"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

# Read one folder of manifests.
check() {
  kubectl kustomize "$1" > "$work/built.yaml"
  "$python" crds/split.py "$work/built.yaml" "$work/kubernetes.yaml" "$work/custom.json"
  "$python" -m kubernetes_validate --strict -k 1.34 "$work/kubernetes.yaml" > "$work/said" || {
    cat "$work/said"
    exit 1
  }
  if [ "$(cat "$work/custom.json")" = "[]" ]; then
    echo "$1: valid"
  elif [ -d "$modules" ] && command -v node > /dev/null; then
    node crds/check.mjs "$modules" < "$work/custom.json"
    echo "$1: valid, custom resources too"
  else
    echo "$1: valid, but for its custom resources: skipped, there is no Node.js or no $modules"
  fi
}

if command -v kubectl > /dev/null; then
  for file in $(find kubernetes -name kustomization.yaml | sort); do
    check "$(dirname "$file")"
  done
else
  echo "deploy-check: manifests skipped, there is no kubectl"
fi
if [ -x "$(dirname "$python")/envoy" ]; then
  "$(dirname "$python")/envoy" --mode validate -c envoy/envoy.yaml > "$work/said" 2>&1 || {
    cat "$work/said"
    exit 1
  }
  echo "envoy/envoy.yaml: valid"
else
  echo "deploy-check: envoy/envoy.yaml skipped, there is no Envoy beside $python"
fi
