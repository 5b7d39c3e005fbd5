"""Trains a config; leaves model, curves and report in the workdir. Run again, it goes on there."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from absl import flags

from tfsocial import api, cli, config, folders
from tfsocial.training import environment

log = logging.getLogger(__name__)

OUT_OF_MEMORY = (
    "the step does not fit into the device's memory: lower data.rows, or keep it and set "
    "training.micro_batches or training.gradient_checkpointing; `python -m tfsocial preflight` "
    "finds the largest batch of a TPU chip"
)

FLAGS = flags.FlagValues()
cli.define_config(FLAGS)
flags.DEFINE_string("workdir", None, "Folder the run leaves its files in.", flag_values=FLAGS)
flags.DEFINE_string(
    "device",
    "auto",
    "auto, cpu, cpu:N, gpu, gpu:N, mirrored, multi_worker, tpu:local or tpu:NAME.",
    flag_values=FLAGS,
)
flags.DEFINE_string("tpu_zone", None, "Zone of tpu:NAME.", flag_values=FLAGS)
flags.DEFINE_string("tpu_project", None, "Project of tpu:NAME.", flag_values=FLAGS)
flags.DEFINE_bool(
    "accept_changes", False, "Go on with a run whose config was another.", flag_values=FLAGS
)
flags.mark_flags_as_required(["config", "workdir"], flag_values=FLAGS)

INTERRUPTED = "checkpoints are kept: the same command goes on from the last, if there was one"


def main(arguments: Sequence[str]) -> int:
    cli.parse(FLAGS, arguments, __doc__)
    settings = config.load(FLAGS.config, FLAGS.set)
    workdir = folders.run_folder("--workdir", FLAGS.workdir)

    environment.prepare(FLAGS.device)
    import tensorflow as tf

    from tfsocial.data.pipeline import service
    from tfsocial.training import devices
    from tfsocial.training.callbacks.checkpointing import Interrupted, Unreachable
    from tfsocial.training.callbacks.guard import Diverged

    cloud = devices.Cloud(FLAGS.tpu_zone, FLAGS.tpu_project)
    try:
        run = api.train(settings, workdir, FLAGS.device, FLAGS.accept_changes, cloud)
    except (
        Diverged,
        Interrupted,
        Unreachable,
        devices.WorkerGone,
        service.Gone,
    ) as error:
        log.error("error: %s", error)
        return 1
    except tf.errors.ResourceExhaustedError as error:
        log.error("error: %s (%s)", OUT_OF_MEMORY, str(error.message).splitlines()[0])
        return 1
    print(run)
    print(f"model:       {workdir / 'model'}")
    print(f"TensorBoard: tensorboard --logdir {workdir / 'tensorboard'}")
    return 0
