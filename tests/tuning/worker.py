"""`tfsocial tune` in a process of its own, with `pretend_training.py` in the place of `train`."""

from __future__ import annotations

import sys
from pathlib import Path

from tfsocial import __main__
from tfsocial.tuning import training_process

PRETENDED = Path(__file__).with_name("pretend_training.py")

if __name__ == "__main__":
    training_process.COMMAND = (sys.executable, str(PRETENDED))
    training_process.LOOK_EVERY = 0.02
    sys.exit(__main__.main(["tune", *sys.argv[1:]]))
