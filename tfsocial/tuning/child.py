"""A command in a process that does not outlive who started it.

    python -m tfsocial.tuning.child train --config=... --workdir=...

A killed worker could not end its training itself, and two would write into one folder once
another worker takes the trial up.
"""

from __future__ import annotations

import os
import sys
import threading


def _end_with_parent() -> None:
    """Wait for the end of what the parent writes here: it writes nothing, so it is gone."""
    os.read(0, 1)  # not sys.stdin, whose lock Python wants back when it ends
    os._exit(1)


if __name__ == "__main__":
    from tfsocial.__main__ import main

    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.exit(main(sys.argv[1:]))
