#!/usr/bin/env bash
# TensorFlow for a Cloud TPU VM in an environment of its own; fails if the wheels are not those
# that work together.
#
#     install/install_tpu.sh [FOLDER]     # of the environment; left out, .venv-tpu
#
# Not a pip extra, because no resolver can express it: tf_keras and tensorflow-text ask for the
# plain `tensorflow`, which has no TPU runtime and writes over the files of `tensorflow-tpu`.
# libtpu is held at the release that TensorFlow 2.20 was built for: with the newest, which
# tensorflow-tpu allows, `import tensorflow` ends the process.
set -euo pipefail

here="$(cd "$(dirname "$0")" && pwd)"
root="$(dirname "$here")"
folder="${1:-$root/.venv-tpu}"
python="${PYTHON:-python3.11}"

pinned() { grep -E "^$1==" "$root/constraints.txt"; }

"$python" -m venv "$folder"
pip="$folder/bin/python -m pip install --quiet"

# All that tensorflow-tpu needs not be kept away from, at the versions of every other environment.
others="$(mktemp)"
trap 'rm -f "$others"' EXIT
"$folder/bin/python" - "$root/pyproject.toml" > "$others" <<'EOF'
import re, sys, tomllib

with open(sys.argv[1], "rb") as file:
    needed = tomllib.load(file)["project"]["dependencies"]
replaced = re.compile(r"(tensorflow|tensorflow-text|tf_keras)[<>=]")
print("\n".join(line for line in needed if not replaced.match(line)))
EOF
$pip -r "$here/requirements-tpu.txt" -r "$others" -c "$root/constraints.txt"
$pip --no-deps "$(pinned tf_keras)" "$(pinned tensorflow-text)" -r "$root/requirements-m0.txt" -e "$root"

"$folder/bin/python" "$here/check_tpu.py"
