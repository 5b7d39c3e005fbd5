"""A program that counts the messages of scenarios on Beam, in the environment that has it.

    python -m tests.apps.monitor.in_beam SCENARIOS.json FOUND.json

A scenario is of a batch (lines), of a stream (lines with their times, and watermarks between), or
of files, as the command takes them.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

from tfsocial.apps.monitor.records import Labelled, Rules
from tfsocial.apps.monitor.topics import ByField


def labeller(texts):
    """Goes by words, as the one that the monitor is tested with."""
    if "boom" in texts:
        raise ValueError("boom")
    return [Labelled("negative" if "bad" in one.lower() else "neutral", 0.9) for one in texts]


def slowly(texts):
    time.sleep(2)  # as a model takes its time
    return labeller(texts)


def write(value, path):
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(value) + "\n")


def run(scenario):
    """Count the messages of a scenario; gives all counts in the order in which they were said."""
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    from tfsocial.apps.monitor.on_beam.pipeline import Asked, Counts, Opinions

    asked = Asked(
        labeller, ByField(), Rules(**scenario.get("rules", {})), at_once=7,
        late=scenario.get("late", 3600.0), now=scenario["now"],
    )  # fmt: skip
    stream = "steps" in scenario
    runner = "BundleBasedDirectRunner" if stream else "FnApiRunner"
    options = PipelineOptions([], streaming=stream)
    with tempfile.TemporaryDirectory() as folder:
        names = ("opinions", "unanswered", "counts")
        paths = {name: os.path.join(folder, name) for name in names}
        with beam.Pipeline(runner, options) as pipeline:
            messages = pipeline | (streamed if stream else batched)(scenario)
            found = messages | "opinions" >> Opinions(asked)
            found["counts"] = found["opinions"] | Counts(asked.late)
            for name in names:
                values = found[name] | f"{name} as values" >> beam.Map(as_values)
                _ = values | f"write {name}" >> beam.Map(write, paths[name])
        return {
            name: [json.loads(line) for line in path.read_text("utf-8").splitlines()]
            for name in names
            if (path := Path(paths[name])).exists() or not path.touch()
        }


def of_files(scenario):
    """Run the command's job without a model; gives how many lines of each file it wrote."""
    from tfsocial.apps.monitor.on_beam import job

    own = {**scenario["job"], "labeller": slowly if scenario.get("slowly") else labeller}
    return dict(job.run(job.Job("no model", **own)))


def as_values(one):
    return one._asdict() if hasattr(one, "_asdict") else vars(one)


def streamed(scenario):
    from apache_beam.testing.test_stream import TestStream
    from apache_beam.transforms.window import TimestampedValue

    stream = TestStream()
    for step in scenario["steps"]:
        if "watermark" in step:
            stream = stream.advance_watermark_to(step["watermark"])
        else:
            value = TimestampedValue(json.dumps(step["message"]).encode(), step["at"])
            stream = stream.add_elements([value])
    return stream.advance_watermark_to_infinity()


def batched(scenario):
    import apache_beam as beam

    from tfsocial.apps.monitor.on_beam.messages import Message

    lines = [
        Message(json.dumps(message).encode() if isinstance(message, dict) else message.encode(),
                "in.jsonl", number, (0, number))
        for number, message in enumerate(scenario["lines"], 1)
    ]  # fmt: skip
    return beam.Create(lines, reshuffle=True)


if __name__ == "__main__":
    scenarios = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    found = {
        name: (of_files if "job" in scenario else run)(scenario)
        for name, scenario in scenarios.items()
    }
    Path(sys.argv[2]).write_text(json.dumps(found), "utf-8")
