"""The monitor on Beam, of a batch and of a stream, counts what the one on one machine does.

What Beam does is run in an environment of its own, `make batch-env`.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from dataclasses import asdict
from operator import attrgetter, itemgetter
from pathlib import Path

import pytest
import served_models
from said_by_commands import one_sentence

from tests.apps.monitor import by_hand, in_beam
from tests.apps.monitor.at_scale import AT, NOW, SAID, START, a_few_days, counted_here, message
from tests.apps.monitor.by_hand import event
from tfsocial.apps.events import Event
from tfsocial.apps.monitor.labels import split_label
from tfsocial.apps.monitor.on_beam import scoring
from tfsocial.apps.monitor.on_beam.scoring import Looking, Span
from tfsocial.apps.monitor.records import DAY, WIDTH, Rules
from tfsocial.serving.loading import load_predictor

ROOT = Path(__file__).parents[3]
ENVIRONMENT = ROOT / ".venv-batch"
PYTHON = ENVIRONMENT / "bin" / "python"

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        not (ENVIRONMENT / ".installed").exists(),
        reason="there is no .venv-batch; make batch-env",
    ),
]


@pytest.fixture(scope="module")
def expected(tmp_path_factory) -> dict[int, Counter]:
    return counted_here(a_few_days(), tmp_path_factory.mktemp("here"))


def counts_of(found: list[dict]) -> dict[int, Counter]:
    """The counts that were said last: of a bucket's label the highest pane."""
    last: dict[tuple[int, str], tuple[int, int]] = {}
    for one in found:
        place = one["start"], one["label"]
        last[place] = max(last.get(place, (-1, 0)), (one["pane"], one["count"]))
    counts: dict[int, Counter] = {}
    for (start, label), (_, count) in last.items():
        counts.setdefault(start, Counter())[label] = count
    return counts


def step(key: str, at: float, text: str, **more) -> dict:
    return {"message": {"key": key, "time": at, "text": text, "topic": "bank", **more}, "at": at}


def in_time() -> list[dict]:
    """On time, late, doubled, too late, of the future; the watermark is told."""
    return [
        step("a", START, "a bad day for all of us"),
        step("b", START + 10, "another one, and as bad as ever"),
        step("a", START + 10, "sent twice"),
        {"watermark": START + WIDTH + 1},
        step("late", START + 20, "so late, and it is bad"),
        step("late", START + 20, "so late, and it is bad"),
        step("copy", START + 30, "RT @ann: a bad day for all of us"),
        step("next", START + WIDTH, "a fine day"),
        {"watermark": START + WIDTH + 3600},
        step("late again", START + 40, "hardly in time, and bad enough"),
        {"watermark": START + WIDTH + 3602},
        step("too late", START + 50, "too late, and bad all the same"),
        step("future", NOW + DAY, "it will be fine"),
    ]


def in_any_order() -> list[dict]:
    steps: list[dict] = []
    latest = 0.0
    for number, one in enumerate(a_few_days()):
        latest = max(latest, min(one.happened, AT))
        steps.append({"message": message(one), "at": one.happened})
        if number % 20 == 19:
            steps.append({"watermark": latest - 3600 + number})
    return steps


def program(folder: Path, scenarios: dict) -> list[str]:
    source = folder / "scenarios.json"
    source.write_text(json.dumps(scenarios), "utf-8")
    return [str(PYTHON), "-m", in_beam.__name__, str(source), str(folder / "found.json")]


def run(folder: Path, scenarios: dict) -> dict:
    asked = program(folder, scenarios)
    ran = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return json.loads((folder / "found.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> dict:
    """What Beam makes of all scenarios, in one process."""
    bad = ["{no", json.dumps({"text": "boom", "topic": "bank"}), json.dumps({"topic": "bank"})]
    scenarios = {
        "batch": {"now": NOW, "lines": [message(one) for one in a_few_days()]},
        "stream": {"now": NOW, "late": 30 * DAY, "steps": in_any_order()},
        "in time": {"now": NOW, "late": 3600.0, "steps": in_time()},
        "bad": {"now": NOW, "lines": [*bad, message(event("k", AT, "all is fine"))]},
        "nothing": {"now": NOW, "lines": []},
    }
    return run(tmp_path_factory.mktemp("in_beam"), scenarios)


class TestOnBeam:
    def test_a_batch_counts_what_the_monitor_counts(self, found, expected):
        assert counts_of(found["batch"]["counts"]) == expected
        assert {one["pane"] for one in found["batch"]["counts"]} == {0}

    def test_a_stream_counts_what_the_monitor_counts(self, found, expected):
        assert counts_of(found["stream"]["counts"]) == expected
        assert max(one["pane"] for one in found["stream"]["counts"]) > 0

    def test_opinions_of_a_batch_and_a_stream_are_the_same(self, found):
        one, other = (
            sorted((it["key"], it["topic"], it["happened"], it["counted"]) for it in some)
            for some in (found["batch"]["opinions"], found["stream"]["opinions"])
        )
        assert one == other

    def test_late_texts_correct_their_bucket_and_what_is_too_late_does_not(self, found):
        said = found["in time"]["counts"]
        own = [one for one in said if one["start"] == START]
        panes = {
            label: [one["count"] for one in own if one["label"] == label]
            for label in ("all|negative|bank", "counted|negative|bank")
        }
        assert panes == {
            "all|negative|bank": [2, 3, 4, 5],
            "counted|negative|bank": [2, 3, 4],
        }
        counts = counts_of(said)
        assert counts[int(START)]["all|negative|bank"] == 5
        assert counts[int(START) + WIDTH]["counted|neutral|bank"] == 1
        assert counts[int(NOW // WIDTH * WIDTH)] == {
            "all|neutral|bank": 1, "counted|neutral|bank": 1,
        }  # fmt: skip

    def test_bad_lines_are_dead_letters(self, found):
        letters = sorted(found["bad"]["unanswered"], key=lambda one: one["line"])
        assert [(one["line"], one["kind"]) for one in letters] == [
            (1, "unreadable"),
            (2, "failed"),
            (3, "unreadable"),
        ]
        assert letters[1]["reason"] == "the model failed with ValueError"
        assert len(found["bad"]["opinions"]) == 1
        assert found["nothing"] == {"opinions": [], "unanswered": [], "counts": []}


def bank_in_trouble() -> list[Event]:
    """Five quiet days, two hours in which people say bad things, and a campaign of copies."""
    copies = [event(f"c{n}", AT - DAY - 60 * n, SAID, "car", source=f"s{n}") for n in range(60)]
    return [*by_hand.quiet(AT, days=5), *by_hand.surge(AT, 40), *copies]


class TestFiles:
    def test_killed_and_run_again_it_writes_whole_files_with_what_one_machine_counts(
        self, tmp_path
    ):
        events = bank_in_trouble()
        for name, some in (("a", events[::2]), ("b", events[1::2])):
            body = "".join(json.dumps(message(one)) + "\n" for one in some)
            (tmp_path / f"{name}.jsonl").write_text(body, "utf-8")
        out = tmp_path / "out"
        job = {
            "inputs": [f"{tmp_path}/*.jsonl"], "output": str(out), "threshold": 3.0, "now": NOW,
        }  # fmt: skip
        asked = program(tmp_path, {"killed": {"job": job, "slowly": True}})
        with subprocess.Popen(asked, cwd=ROOT, stderr=subprocess.PIPE) as process:
            while not (out / "making").exists():
                assert process.poll() is None, process.stderr.read()
                time.sleep(0.01)
            process.kill()
        assert [path.name for path in out.iterdir()] == ["making"]

        written = run(tmp_path, {"again": {"job": job}})["again"]
        names = ["counts.jsonl", "incidents.jsonl", "monitor.json"]
        names += ["opinions.jsonl", "unanswered.jsonl"]
        assert sorted(path.name for path in out.iterdir()) == names
        assert {name: len(rows(out / f"{name}.jsonl")) for name in written} == written

        counts = counted_here([*events[::2], *events[1::2]], tmp_path)
        buckets = [
            (start, label, count) for start, some in counts.items() for label, count in some.items()
        ]
        found = [tuple(one.values()) for one in rows(out / "counts.jsonl")]
        assert sorted(found) == sorted(buckets)

        span = Span(min(counts), max(counts), frozenset(by_hand.TOPICS))
        expected = []
        for topic in span.topics:
            own = [one for one in buckets if split_label(one[1])[2] == topic]
            laid_out = scoring.history(own, span, Rules())
            expected += scoring.incidents(topic, laid_out, 2, Looking(threshold=3.0))
        said = rows(out / "incidents.jsonl")
        key = itemgetter("id")
        assert [{**one, "figures": {}, "severity": ""} for one in sorted(said, key=key)] == [
            {**asdict(one), "severity": ""} for one in sorted(expected, key=attrgetter("id"))
        ]
        by_kind = {(one["kind"], one["topic"]): one for one in said}
        surge, campaign = by_kind["surge", "bank"], by_kind["campaign", "car"]
        assert surge["figures"]["authors"] > 3
        assert campaign["figures"]["distinct"] < campaign["figures"]["texts"]
        assert campaign["figures"]["sources"] > 5


def command(*flags: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [str(PYTHON), "-m", "tfsocial", "monitor-batch", *flags],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


class TestCommand:
    @pytest.fixture(scope="class")
    def model(self, tmp_path_factory) -> Path:
        return served_models.of("classify", tmp_path_factory)[1]

    def test_files_go_in_and_files_come_out(self, model, tmp_path):
        folder, out = tmp_path / "in", tmp_path / "out"
        folder.mkdir()
        texts = [f"good late {word}" for word in ("card", "order", "thanks", "my", "card")]
        for name, some in (("a", texts[:3]), ("b", texts[3:])):
            said = [message(event(f"{name}{n}", AT + n, text)) for n, text in enumerate(some)]
            body = "".join(json.dumps(one) + "\n" for one in said)
            (folder / f"{name}.jsonl").write_text(body + "{secret\n", "utf-8")
        asked = (f"--model={model}", f"--input={folder}/*.jsonl", f"--output={out}")
        ran = command(*asked, "--negative=sad")
        assert ran.returncode == 0, ran.stderr
        assert ran.stderr.splitlines()[-1].startswith("5 opinions, 0 incidents; 2 lines not")
        names = ["counts", "incidents", "monitor", "opinions", "unanswered"]
        assert sorted(path.stem for path in out.iterdir()) == names
        predicted = load_predictor(model).predict(texts)
        likeliest = Counter(one["mood"]["label"] for one in predicted)
        assert Counter(one["sentiment"] for one in rows(out / "opinions.jsonl")) == likeliest
        counts = {one["label"]: one["count"] for one in rows(out / "counts.jsonl")}
        assert counts == {
            label: count
            for mood, count in likeliest.items()
            for label, count in (
                (f"all|{mood}|bank", count),
                (f"counted|{mood}|bank", count - (mood == predicted[0]["mood"]["label"])),
            )
            if count
        }
        letters = rows(out / "unanswered.jsonl")
        assert sorted((Path(one["file"]).name, one["line"]) for one in letters) == [
            ("a.jsonl", 4),
            ("b.jsonl", 3),
        ]
        written = b"".join(path.read_bytes() for path in out.iterdir())
        assert not any(word in written for word in (b"secret", b"good late", b"thanks"))
        record = json.loads((out / "monitor.json").read_text("utf-8"))
        assert record["counts"]["opinions"] == 5
        again = command(*asked, "--negative=sad")
        assert again.returncode == 2
        assert "holds files already" in one_sentence(again.stderr)

    def test_what_is_wrong_is_one_sentence_and_nothing_is_written(self, model, tmp_path):
        source, out = tmp_path / "a.jsonl", tmp_path / "out"
        source.write_text(json.dumps({"text": "good"}) + "\n", "utf-8")

        def refused(*flags: str) -> str:
            asked = (f"--model={model}", f"--input={source}", f"--output={out}", "--negative=sad")
            ran = command(*asked, *flags)
            assert ran.returncode == 2, ran.stderr
            assert not out.exists()
            return one_sentence(ran.stderr)

        assert refused("--negative=bad").startswith("--negative=bad: is a label of no tasks")
        assert refused("--zone=Berlin").startswith("--zone=Berlin: is no time zone")
        assert refused("--false_alarms=0").startswith("--false_alarms=0.0: write a number")
        assert refused("--topics=model").startswith("--topics=model: the model has one task")
        assert "matches no file" in refused(f"--input={tmp_path}/*.csv")
        assert "Unexpected pipeline runner: Nope" in refused("--option=runner=Nope")
