"""The functions of which the monitor's pipeline is made; Beam is not needed."""

from __future__ import annotations

import importlib.util
import json
import random
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from said_by_commands import one_sentence

from tests.apps.monitor import in_beam
from tests.apps.monitor.at_scale import AT, NOW, SAID, START, a_few_days, counted_here, message
from tests.apps.monitor.by_hand import event
from tfsocial.__main__ import main
from tfsocial.apps.events import Event
from tfsocial.apps.monitor import opinions as on_one_machine
from tfsocial.apps.monitor import watching
from tfsocial.apps.monitor.detection.scan import scan
from tfsocial.apps.monitor.incidents import Incident
from tfsocial.apps.monitor.on_beam import folding, scoring
from tfsocial.apps.monitor.on_beam.messages import Message, Post, Unanswered, lines, read
from tfsocial.apps.monitor.on_beam.scoring import History, Looking, Series, Span
from tfsocial.apps.monitor.records import DAY, WIDTH, Rules
from tfsocial.apps.monitor.topics import ByField
from tfsocial.errors import InputError

HELP = """
import sys
from tfsocial.__main__ import main
try:
    main(["monitor-batch", "--help"])
finally:
    print(sorted({"tensorflow", "apache_beam", "sqlalchemy"} & set(sys.modules)))
"""


def posts(events: list[Event]) -> list[Post]:
    found = []
    for number, one in enumerate(events, 1):
        line = json.dumps(message(one)).encode()
        found.append(read(Message(line, "in", number, (0, number)), NOW))
    return found


def folded(some: list[Post]) -> list[folding.Opinion]:
    """All that the pipeline does after reading, one step after the other."""

    def by(elements, key, step):
        groups: dict = {}
        for one in elements:
            groups.setdefault(key(one), []).append(one)
        return [found for group in groups.values() for found in folding.in_turn(group, step)]

    once = by(some, lambda one: one.key, folding.Once())
    labelled = in_beam.labeller([one.text for one in once])
    topics = [ByField()(one.content, ()) for one in once]
    said = [
        folding.Said.of(*all_of) for all_of in zip(once, labelled, topics, strict=True) if all_of[2]
    ]
    parts = [pair for one in said for pair in folding.parts(one)]
    bands: dict = {}
    for band, part in parts:
        bands.setdefault(band, []).append(part)
    near = [one for some in bands.values() for one in folding.in_turn(some, folding.Near())]
    found = by(near, lambda one: one.said.key, folding.Joined())
    heard = [
        one for one in found if one.counted and one.author and one.sentiment == Rules().negative
    ]
    others = [one for one in found if one not in heard]
    return [*others, *by(heard, folding.voice, folding.Voices(Rules().author_most))]


def test_its_steps_count_what_the_monitor_counts(tmp_path):
    expected = counted_here(a_few_days(), tmp_path)
    found: dict[int, Counter] = {}
    for one in folded(posts(a_few_days())):
        start = int(one.happened // WIDTH * WIDTH)
        found.setdefault(start, Counter()).update(one.labels())
    assert found == expected
    total = sum(expected.values(), Counter())
    assert total["all|negative|bank"] > total["counted|negative|bank"] > 20


def test_what_it_repeats_of_one_machine_is_the_same():
    assert folding.LAST == on_one_machine.COPIES_LAST
    for name in ("CALM", "LONGEST", "LEAST_COPIES", "AN_HOUR"):
        assert getattr(scoring, name) == getattr(watching, name)


def test_a_copy_of_a_copy_is_folded_too_though_it_is_far_from_the_first():
    """Here it differs from one machine, on purpose: no band knows what the others found."""
    draw = random.Random(1)
    words = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=7)) for _ in range(40)]
    said = [" ".join(words[3 * n : 3 * n + 30]) for n in range(3)]
    found = folded(posts([event(f"k{n}", AT + n, text) for n, text in enumerate(said)]))
    by_order = sorted(found, key=lambda one: one.order)
    assert not folding.is_copy(*(replace_text(said[n]) for n in (0, 2)))
    assert all(folding.is_copy(*(replace_text(said[m]) for m in (n, n + 1))) for n in range(2))
    assert [one.copy_of == one.key for one in by_order] == [True, False, False]


def replace_text(text: str) -> folding.Said:
    return folding.Said("k", AT, text, "negative", 0.9, ("bank",), "", "", (0, 1))


def test_a_stream_forgets_what_no_copy_can_be_of():
    step = folding.Near(late=DAY)
    old, new = (folding.Part(replace_text(SAID), 1) for _ in range(2))
    new = new._replace(said=replace(new.said, key="n", happened=AT + 9 * DAY))
    state, _ = step(None, old)
    state, found = step(state, new)
    assert [one.key for one in state] == ["n"]
    assert found[0].former is None
    assert step.lasts == folding.LAST + DAY


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{secret", "is no JSON (Expecting property name enclosed in double quotes: "),
        (b'["secret"]', "is no JSON object"),
        (b'{"text": "secret \xff"}', "is not UTF-8 (byte 18)"),
        (b'{"text": "secret", "time": "secret"}', "time: is none; write seconds since 1970"),
        (b'{"text": "secret", "key": ["secret"]}', "key: is neither a text nor a whole number"),
        (b'{"text": " ", "topic": "secret"}', "text: is missing or empty"),
        (b'{"text": "' + b"secret" * 2_000 + b'"}', "text: has above 10000 characters"),
        (b'{"text": "secret \\ud800"}', "text: holds half a character"),
    ],
)
def test_a_bad_line_is_named_and_never_quoted(line, reason):
    found = read(Message(line, "a.jsonl", 7), NOW)
    assert isinstance(found, Unanswered)
    assert found[:3] == ("a.jsonl", 7, "unreadable")
    assert found.reason.startswith(reason)
    assert "secret" not in found.reason


def test_a_line_without_key_or_time_has_its_place_and_comes_now():
    line = json.dumps({"text": "fine", "author": "ann", "source": " wire "}).encode()
    one, other = (read(Message(line, "a", number, (0, number)), NOW) for number in (1, 2))
    assert one.key != other.key
    assert one.happened == NOW
    assert (one.source, len(one.author)) == ("wire", 16)
    assert read(Message(line), NOW).key == read(Message(line), NOW).key


def test_lines_are_read_with_their_numbers_and_a_broken_file_is_named(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "a"}\n\n{"text": "b"}\r\n')
    found = [(one.number, one.order) for one in lines(path, "a", 3)]
    assert found == [(1, (3, 1)), (3, (3, 3))]
    broken = tmp_path / "a.jsonl.gz"
    broken.write_bytes(b"no gzip")
    with pytest.raises(InputError, match=r"gs://b/a\.jsonl\.gz: cannot be read"):
        list(lines(broken, "gs://b/a.jsonl.gz", 0))


# --- scores ------------------------------------------------------------------------------


def days(count: int, seed: int = 0) -> Series:
    draw = np.random.default_rng(seed)
    negative = draw.poisson(0.5, count * DAY // WIDTH)
    return Series(negative, negative + draw.poisson(2.0, len(negative)))


def surged(series: Series, bins: slice, more: int) -> Series:
    found = Series(*(one.copy() for one in series))
    for one in found:
        one[bins] += more
    return found


def a_history(every: Series, counted: Series) -> History:
    first = int(START)
    hours = scoring.phases(first, len(every.total), "UTC")
    return History(first, hours, every, counted)


def test_its_scores_are_those_of_a_scan_of_everything():
    series = surged(days(5), slice(500, 512), 5)
    found = a_history(series, series)
    ours, _ = scoring.scored(found, 1, Looking(threshold=3.0))
    whole = scan(series.negative, series.total, found.hours, first=found.first // WIDTH)
    own = slice(2 * scoring.A_DAY, None)
    np.testing.assert_allclose(ours.score[own], whole.score[own], atol=1e-9)
    np.testing.assert_array_equal(ours.window[own], whole.window[own])


def test_a_surge_is_an_incident_with_its_beginning_and_end():
    series = surged(days(6), slice(600, 612), 6)
    (found,) = scoring.incidents("bank", a_history(series, series), 1, Looking(threshold=3.0))
    assert (found.kind, found.topic, found.state) == ("surge", "bank", "closed")
    assert 598 <= (found.since - START) / WIDTH <= 604
    assert 600 <= (found.opened - START) / WIDTH <= 606
    assert (found.closed - START) / WIDTH > 612
    assert found.score > found.threshold == 3.0
    assert found.seen > 3 * found.expected


def test_copies_that_surge_alone_are_a_campaign():
    counted = days(6)
    every = surged(counted, slice(600, 612), 6)
    (found,) = scoring.incidents("bank", a_history(every, counted), 1, Looking(threshold=3.0))
    assert (found.kind, found.state) == ("campaign", "closed")


def test_a_threshold_is_of_the_days_before_and_none_of_the_first_two(monkeypatch):
    asked = []

    def threshold(negative, total, hours, per_week, settings, first):
        asked.append((len(negative), int(negative.sum()), per_week, first))
        return 3.0

    monkeypatch.setattr(scoring, "threshold", threshold)
    quiet, first = days(4), int(START) // WIDTH
    series = surged(quiet, slice(390, 410), 9)
    found = scoring.incidents("bank", a_history(series, series), 2, Looking())
    assert [one.kind for one in found] == ["surge"]
    sums = [int(one.negative[:end].sum()) for one, end in ((quiet, 288), (series, 432))]
    assert asked == [(288, sums[0], 0.5, first), (432, sums[1], 0.5, first)]
    asked.clear()
    early = surged(days(1), slice(100, 110), 9)
    assert not scoring.incidents("bank", a_history(early, early), 1, Looking())
    assert not asked


def test_a_history_is_laid_out_from_the_first_bucket_of_any_topic():
    spans = [Span(1200, 1200, frozenset({"a"})), Span(600, 600, frozenset({"b"}))]
    span = scoring.spanned([scoring.spanned(spans), Span()])
    assert span == Span(600, 1200, frozenset({"a", "b"}))
    buckets = [
        (1200, "all|negative|a", 3), (1200, "counted|negative|a", 1), (600, "all|fine|a", 2),
    ]  # fmt: skip
    found = scoring.history(buckets, span, Rules())
    assert [one.tolist() for one in (*found.every, *found.counted)] == [
        [0, 3], [2, 3], [0, 1], [0, 1],
    ]  # fmt: skip


def test_figures_tell_who_spoke_in_the_window():
    one = Incident("i", "surge", "bank", AT, AT + WIDTH, 2.0, 3, "minor", 4.0, 3.0)
    at = [AT, AT + 1, AT + WIDTH]
    heard = [
        replace(folded(posts([event("k", at[n], SAID, source="wire")]))[0], author=f"p{n}")
        for n in range(3)
    ]
    inside = [it for it in heard if list(scoring.of_incidents(it, [one], "negative"))]
    assert inside == heard[:2]
    assert scoring.figured(one, inside).figures == {
        "seen": 3, "texts": 2, "distinct": 1, "sources": 1, "authors": 2,
    }  # fmt: skip


# --- the command -------------------------------------------------------------------------


@pytest.mark.skipif(
    importlib.util.find_spec("apache_beam") is not None, reason="apache-beam is installed here"
)
def test_without_beam_the_command_names_the_environment_that_has_it(capsys, tmp_path):
    flags = ("--model=m", "--input=i.jsonl", f"--output={tmp_path / 'out'}")
    assert main(["monitor-batch", *flags]) == 2
    message = one_sentence(capsys.readouterr().err)
    assert message.startswith("monitor-batch: needs apache-beam, which is not installed here")
    assert not (tmp_path / "out").exists()


def test_its_help_imports_neither_tensorflow_nor_beam_nor_the_database():
    asked = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True)
    assert asked.returncode == 0, asked.stderr
    assert "--false_alarms" in asked.stdout
    assert asked.stdout.splitlines()[-1] == "[]"
