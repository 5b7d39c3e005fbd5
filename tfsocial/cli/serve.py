"""Answers over the network: keys, quotas, masking, batches across callers, metrics."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from absl import flags

from tfsocial import cli, folders

FLAGS = flags.FlagValues()
flags.DEFINE_multi_string(
    "model", [], "Folder of versions, or NAME=FOLDER; again for more models.", flag_values=FLAGS
)
flags.DEFINE_string("config", None, "YAML file in place of the other flags.", flag_values=FLAGS)
flags.DEFINE_string("state", "gateway", "Folder of the keys, made if need be.", flag_values=FLAGS)
flags.DEFINE_string("host", "127.0.0.1", "Address to answer at.", flag_values=FLAGS)
flags.DEFINE_integer("port", 8080, "Of callers; 0: a free one.", 0, 65535, flag_values=FLAGS)
flags.DEFINE_integer(
    "grpc_port", None, "Of callers over gRPC; left out, none.", 0, 65535, flag_values=FLAGS
)
flags.DEFINE_integer(
    "admin_port", 8081, "Of operators and Prometheus.", 0, 65535, flag_values=FLAGS
)
flags.DEFINE_integer("processes", 1, "That hold each model.", 1, flag_values=FLAGS)
flags.DEFINE_bool("mask", False, "Mask personal data before the model.", flag_values=FLAGS)


def main(arguments: Sequence[str]) -> int:
    cli.parse(FLAGS, arguments, __doc__)
    # The model computes in other processes. A second thread of OpenBLAS for what little is computed
    # here would only spin, for nearly as long as this process works. It is read by numpy's import.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from tfsocial.api import use

    use.serve(
        models=FLAGS.model,
        config=FLAGS.config and folders.existing("--config", FLAGS.config),
        state=folders.local("--state", FLAGS.state),
        host=FLAGS.host,
        port=FLAGS.port,
        grpc_port=FLAGS.grpc_port,
        admin_port=FLAGS.admin_port,
        processes=FLAGS.processes,
        mask=FLAGS.mask,
        say=lambda line: print(line, file=sys.stderr, flush=True),
    )
    return 0
