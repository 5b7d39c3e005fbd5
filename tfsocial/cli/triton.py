"""Writes a model repository for NVIDIA's Triton, around the newest version of an export."""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from tfsocial import cli, folders
from tfsocial.serving.triton import repository

FLAGS = flags.FlagValues()
flags.DEFINE_string("model", None, "Folder of the model's versions.", flag_values=FLAGS)
flags.DEFINE_string("output", None, "The repository; made if need be.", flag_values=FLAGS)
flags.DEFINE_string(
    "name", None, "What clients call the model; left out, its folder.", flag_values=FLAGS
)
flags.DEFINE_string(
    "server_path", None, "--model as the server sees it; left out, as here.", flag_values=FLAGS
)
flags.DEFINE_integer(
    "queue", repository.QUEUE, "Requests that may wait; one more gets 503.", 1, flag_values=FLAGS
)
flags.mark_flags_as_required(["model", "output"], flag_values=FLAGS)


def main(arguments: Sequence[str]) -> int:
    cli.parse(FLAGS, arguments, __doc__)
    base = folders.existing("--model", FLAGS.model)
    output = folders.local("--output", FLAGS.output)
    name = FLAGS.name or base.resolve().name
    repository.write(base, output, name, FLAGS.server_path or str(base.resolve()), FLAGS.queue)
    print(f"{output / name} is written; tritonserver --model-repository={output} serves it")
    return 0
