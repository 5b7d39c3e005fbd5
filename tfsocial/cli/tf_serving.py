"""Writes the files that TensorFlow Serving is started with: versions, labels, batching, metrics."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from absl import flags

from tfsocial import api, cli, folders

FLAGS = flags.FlagValues()
flags.DEFINE_string("model", None, "Folder of the model's versions.", flag_values=FLAGS)
flags.DEFINE_string("output", None, "Folder of the files; they are replaced.", flag_values=FLAGS)
flags.DEFINE_string(
    "name", None, "What clients call the model; left out, its folder.", flag_values=FLAGS
)
flags.DEFINE_integer(
    "stable", None, "Version with this label; left out, the highest.", 1, flag_values=FLAGS
)
flags.DEFINE_integer("canary", None, "Version that is tried beside it.", 1, flag_values=FLAGS)
flags.DEFINE_string(
    "server_path", None, "--model as the server sees it; left out, /models/NAME.", flag_values=FLAGS
)
flags.DEFINE_integer("threads", 2, "Cores of the server.", 1, flag_values=FLAGS)
flags.DEFINE_boolean(
    "bfloat16", False, "Compute matrix products in bfloat16: see docs, Export.", flag_values=FLAGS
)
flags.mark_flags_as_required(["model", "output"], flag_values=FLAGS)


def main(arguments: Sequence[str]) -> int:
    cli.parse(FLAGS, arguments, __doc__)
    base = folders.existing("--model", FLAGS.model)
    output = folders.local("--output", FLAGS.output)
    command = api.tf_serving(
        base,
        output,
        FLAGS.name,
        stable=FLAGS.stable,
        canary=FLAGS.canary,
        server_path=FLAGS.server_path,
        threads=FLAGS.threads,
        bfloat16=FLAGS.bfloat16,
    )
    print("written; the server is started by\n  " + shlex.join(command))
    return 0
