"""The log: on the disk when it says so, each request once, whoever is killed."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tfsocial.errors import InputError
from tfsocial.labelling import answers
from tfsocial.labelling.answers import Answers
from tfsocial.labelling.events import Event, EventLog

WRITER = """
import sys
from pathlib import Path
from tfsocial.labelling.events import Event, EventLog
log = EventLog(Path(sys.argv[1]))
for number in range(int(sys.argv[2]), 10**6):
    log.append(Event(f"request-{number}", "ann", "label", str(number), "x"))
    print(number, flush=True)
"""


def event(request: str, annotator="ann", kind="label", text="t1", value="card") -> Event:
    return Event(request, annotator, kind, text, value)


def test_a_request_counts_once(tmp_path):
    log = EventLog(tmp_path / "a.labels")
    assert log.append(event("one"))
    assert not log.append(event("one", value="other"))
    assert [one.value for one in log] == ["card"]


def test_who_is_killed_loses_nothing_and_has_nothing_twice(tmp_path):
    """Ten times: all that was said to be kept is there, and what is sent again is not doubled."""
    said = -1
    for _ in range(10):
        command = [sys.executable, "-c", WRITER, str(tmp_path / "a.labels"), str(max(said - 3, 0))]
        writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        for _ in range(20):
            said = max(said, int(writer.stdout.readline()))
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        rest = writer.stdout.read().split("\n")[:-1]
        said = max([said, *map(int, rest)])
        writer.stdout.close()
    texts = [int(one.text) for one in EventLog(tmp_path / "a.labels")]
    assert texts == list(range(len(texts)))
    assert len(texts) in (said + 1, said + 2)  # the last one was kept, and not said any more


def test_a_file_that_is_no_log_is_a_sentence(tmp_path):
    (tmp_path / "a.labels").write_text("text,label\n" * 100)
    with pytest.raises(InputError, match="cannot be used as the log of labels"):
        EventLog(tmp_path / "a.labels")


def test_what_is_undone_never_was():
    """The second label of a text gives way to the first, and an undo cannot be undone."""
    events = [
        event("1", value="card"),
        event("2", value="pizza"),
        event("3", kind="undo", value="2"),
    ]
    assert Answers.of(events).final() == {"t1": "card"}
    assert answers.last_of(events, "ann") == events[0]
    assert answers.last_of(events, "bob") is None


def test_two_annotators_agree_disagree_and_somebody_decides():
    events = [
        *(event(f"a{n}", "ann", text=f"t{n}", value=label) for n, label in enumerate("aabb")),
        *(event(f"b{n}", "bob", text=f"t{n}", value=label) for n, label in enumerate("abbb")),
    ]
    found = Answers.of(events)
    assert found.disagreements() == {"t1": {"ann": "a", "bob": "b"}}
    assert found.kappas() == {("ann", "bob"): (4, 0.5)}
    assert "t1" not in found.final()
    decided = Answers.of([*events, event("d", "cleo", "decide", "t1", "b")])
    assert decided.final() == {"t0": "a", "t1": "b", "t2": "b", "t3": "b"}
    assert decided.disagreements() == {}
