"""Turns a config's data into TFRecord shards, checked by count and hash. Run again, it goes on."""

from __future__ import annotations

import os
from collections.abc import Sequence

import yaml
from absl import flags

from tfsocial import cli, config
from tfsocial.data import convert

FLAGS = flags.FlagValues()
cli.define_config(FLAGS)
flags.DEFINE_string(
    "output",
    None,
    "Folder of the shards, gs:// too; of a mixture one in it for each source.",
    flag_values=FLAGS,
)
flags.DEFINE_integer("shards", 8, "Files a split is made of.", 1, 99999, flag_values=FLAGS)
flags.mark_flags_as_required(["config", "output"], flag_values=FLAGS)

INTERRUPTED = "finished shards are kept: the same command goes on with the next"


def main(arguments: Sequence[str]) -> int:
    cli.parse(FLAGS, arguments, __doc__)
    settings = config.load(FLAGS.config, FLAGS.set)
    output = FLAGS.output if "://" in FLAGS.output else os.path.abspath(FLAGS.output)

    done = []
    for one in convert.convert(settings.data, settings.tasks, output.rstrip("/"), FLAGS.shards):
        manifest, bad = one.manifest, one.counts.quarantined
        print(
            f"{one.key}.splits.{one.split}: {manifest.examples} examples in {manifest.shards} "
            f"shards, {bad} bad rows left out, sha256 {manifest.sha256}"
        )
        done.append(one)
    print("\nread them with")
    print(yaml.safe_dump({"data": convert.use(settings.data, done)}, sort_keys=False))
    return 0
