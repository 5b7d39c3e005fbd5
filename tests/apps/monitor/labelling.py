"""A program that labels the texts of a log; killed and started by a test."""

from __future__ import annotations

import sys
import time

from tests.apps.monitor.by_hand import reader
from tfsocial.apps.database import open_database
from tfsocial.apps.monitor.opinions import Opinions
from tfsocial.apps.monitor.records import Rules
from tfsocial.apps.monitor.topics import ByField


def slowly(texts):
    time.sleep(0.01)  # as a model takes its time
    return reader()(texts)


if __name__ == "__main__":
    found = Opinions(open_database(sys.argv[1]), "1-a", slowly, ByField(), Rules(), most=40)
    print("ready", flush=True)
    while found.step():
        pass
