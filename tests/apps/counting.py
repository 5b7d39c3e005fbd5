"""A program that counts the events of a stream by their label; killed and started by a test."""

from __future__ import annotations

import sys
import time
from collections import Counter

import sqlalchemy as sa

from tfsocial.apps.consumers import Consumer
from tfsocial.apps.database import open_database, writing

COUNTS = sa.table("counts", sa.column("label"), sa.column("number"))


def labels(events):
    time.sleep(0.002)  # as a model takes its time
    return Counter(event.content["label"] for event in events)


def write(connection, events, counted):
    for label, number in counted.items():
        chosen = sa.update(COUNTS).where(COUNTS.c.label == label)
        connection.execute(chosen.values(number=COUNTS.c.number + number))


def make(engine, names):
    with writing(engine) as connection:
        connection.exec_driver_sql("CREATE TABLE counts (label VARCHAR(20), number INTEGER)")
        connection.execute(sa.insert(COUNTS), [{"label": name, "number": 0} for name in names])


def consumer(engine) -> Consumer:
    return Consumer(engine, "opinions", "counts", labels, write, most=7)


if __name__ == "__main__":
    print("ready", flush=True)
    consumer(open_database(sys.argv[1])).catch_up()
