"""Compiles a config's train step with the real TPU compiler; needs no TPU."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from tfsocial import cli, config
from tfsocial.preflight import compiler

log = logging.getLogger(__name__)

FLAGS = flags.FlagValues()
cli.define_config(FLAGS)
flags.DEFINE_string("topology", "v5e:2x2", "Slice of a TPU pod, CHIP:AxB.", flag_values=FLAGS)
flags.DEFINE_integer(
    "global_batch",
    None,
    "Packed rows of all chips together; left out, data.rows.",
    lower_bound=1,
    flag_values=FLAGS,
)
flags.DEFINE_boolean("largest", True, "Look for the largest batch that fits.", flag_values=FLAGS)
flags.DEFINE_string(
    "compiler",
    str(compiler.ENVIRONMENT / "bin" / "python"),
    "Python of the environment with the TPU compiler; make preflight-env makes it.",
    flag_values=FLAGS,
)
flags.mark_flags_as_required(["config"], flag_values=FLAGS)


def main(arguments: Sequence[str]) -> int:
    cli.parse(FLAGS, arguments, __doc__)
    rows = [f"data.rows={FLAGS.global_batch}"] if FLAGS.global_batch else []
    settings = config.load(FLAGS.config, [*FLAGS.set, *rows])

    from tfsocial.preflight import check, chips, page

    topology = chips.topology(FLAGS.topology)
    python = compiler.existing(Path(FLAGS.compiler))

    try:
        checked = check.check(settings, topology, python, FLAGS.largest)
    except check.Refused as error:
        log.error("%s", error)
        return 1
    print(page.page(checked))
    return 0
