"""Trains the embedded help desk, exports it, and answers five sentences from the SavedModel."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from tfsocial import cli, folders
from tfsocial.cli import export, train
from tfsocial.serving import versions

CONFIG = Path(__file__).parents[1] / "demo" / "demo.yaml"
QUESTIONS = (
    "the courier app swears it was handed to me at noon, but nobody rang and my porch is empty",
    "I got billed two times for one pair of headphones",
    "how do i stop the monthly membership, we never use it",
    "The blender died after eight weeks, can somebody fix it?",
    "will it rain in Lisbon on Saturday",
)

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "workdir", "runs/demo", "Folder the run leaves its files in.", flag_values=FLAGS
)


def main(arguments: Sequence[str]) -> int:
    cli.parse(FLAGS, arguments, __doc__)
    workdir = folders.local("--workdir", FLAGS.workdir)
    failed = train.main([f"--config={CONFIG}", f"--workdir={workdir}"])
    if failed:
        return failed
    served = workdir / "served"
    export.main([f"--model={workdir / 'model'}", f"--output={served}"])
    _answer(served)
    return 0


def _answer(served: Path) -> None:
    """Serve the model, ask it over HTTP as anybody would, and stop."""
    from tfsocial.serving.rest_server import RestServer
    from tfsocial.serving.saved_model import SavedModelPredictor
    from tfsocial.serving.tf_serving.client import RestPredictor

    with (CONFIG.parent / "answers.csv").open(encoding="utf-8", newline="") as file:
        replies = {row["label"]: row["answer"] for row in csv.DictReader(file)}
    version = versions.newest(served)
    with RestServer(SavedModelPredictor(version), "demo") as server:
        answers = RestPredictor(server.url, version).predict(QUESTIONS)
    body = json.dumps({"instances": QUESTIONS[1:2]})
    print("\nasked over HTTP, in TensorFlow Serving's words:")
    print(f"  curl -d '{body}' {server.url}:predict")
    for question, answer in zip(QUESTIONS, answers, strict=True):
        label = answer["intent"]["label"]
        share = answer["intent"]["probabilities"][label]
        print(f"\n> {question}\n  {label} ({share:.0%}): {replies[label]}")
