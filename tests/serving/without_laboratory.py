"""Runs a command where all that only training and export need cannot be imported.

python tests/serving/without_laboratory.py predict --model=... --input=... --output=...
"""

from __future__ import annotations

import os
import sys

SEALED = (
    *filter(None, os.environ.get("TFSOCIAL_SEALED", "").split(",")),  # what a test adds
    "keras",
    "matplotlib",
    "pandas",
    "scipy",
    "sklearn",
    "tf_keras",
    "tfsocial.evaluation",
    "tfsocial.objectives",
    "tfsocial.runs",
    "tfsocial.training",
    "torch",
    "transformers",
)


class Without:
    """A finder of modules that knows nothing of the sealed ones, as if they were not installed."""

    def __init__(self, finder):
        self._finder = finder

    def find_spec(self, name: str, path=None, target=None):
        if any(name == sealed or name.startswith(f"{sealed}.") for sealed in SEALED):
            return None
        return self._finder.find_spec(name, path, target)

    def __getattr__(self, name: str):
        return getattr(self._finder, name)


if __name__ == "__main__":
    sys.meta_path[:] = map(Without, sys.meta_path)
    from tfsocial.__main__ import main

    sys.exit(main(sys.argv[1:]))
