"""Makes batches for trainers on other machines, whose configs name it: data.service."""

from __future__ import annotations

import logging
import socket
from collections.abc import Sequence

from absl import flags

from tfsocial import cli

log = logging.getLogger(__name__)

FLAGS = flags.FlagValues()
flags.DEFINE_integer(
    "port",
    5050,
    "Where to listen; the port after it is used too.",
    lower_bound=1,
    upper_bound=2**16 - 2,
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "host", None, "By which trainers reach this machine; left out, its name.", flag_values=FLAGS
)


def main(arguments: Sequence[str]) -> int:
    cli.parse(FLAGS, arguments, __doc__)
    host = FLAGS.host or socket.gethostname()

    import tensorflow_text  # noqa: F401  its kernels tokenize here

    from tfsocial.data.pipeline import service

    _dispatcher, worker = service.start(host, FLAGS.port)
    log.info("batches are made here: --set data.service=grpc://%s:%d", host, FLAGS.port)
    worker.join()
    return 0
