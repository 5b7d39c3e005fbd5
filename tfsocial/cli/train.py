"""Trains a config; leaves model, curves and report in the workdir. Run again, it goes on there."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from absl import flags

from tfsocial import cli, config

log = logging.getLogger(__name__)

FLAGS = flags.FlagValues()
flags.DEFINE_string("config", None, "YAML config of the run.", flag_values=FLAGS)
flags.DEFINE_string("workdir", None, "Folder the run leaves its files in.", flag_values=FLAGS)
flags.DEFINE_multi_string("set", [], "Override of a config key, KEY.PATH=VALUE.", flag_values=FLAGS)
flags.DEFINE_string("device", "auto", "auto, cpu, gpu or mirrored.", flag_values=FLAGS)
flags.DEFINE_bool(
    "accept_changes", False, "Go on with a run whose config was another.", flag_values=FLAGS
)
flags.mark_flags_as_required(["config", "workdir"], flag_values=FLAGS)


def main(arguments: Sequence[str]) -> int:
    cli.parse(FLAGS, arguments, __doc__)
    settings = config.load(FLAGS.config, FLAGS.set)
    workdir = cli.run_folder("workdir", FLAGS.workdir)

    from tfsocial.evaluation import outcome
    from tfsocial.training import fit, resume, watch

    judge = outcome.Judge(settings.tasks)
    try:
        run = fit.train(settings, workdir, judge, FLAGS.device, FLAGS.accept_changes)
    except (watch.Diverged, resume.Interrupted) as error:
        log.error("error: %s", error)
        return 1
    print(outcome.conclude(run, settings, workdir))
    print(f"model:       {workdir / 'model'}")
    print(f"TensorBoard: tensorboard --logdir {workdir / 'tensorboard'}")
    return 0
