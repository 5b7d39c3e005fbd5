"""Opinion monitor: topics and sentiment of texts as they come, and an alarm when bad ones surge."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from absl import flags

from tfsocial import cli, folders

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "model",
    None,
    "Folder of versions that `tfsocial export` wrote, of a model that tells sentiment.",
    flag_values=FLAGS,
)
flags.DEFINE_bool(
    "demo",
    False,
    "With three weeks of headlines that come along, and a model of their sentiment.",
    flag_values=FLAGS,
)
cli.define_opinions(FLAGS)
flags.DEFINE_multi_string(
    "read",
    [],
    "A source: file:PATH of JSON lines, https://HOST/FEED (RSS, Atom), nats://HOST:PORT/SUBJECT, "
    "redis://HOST:PORT/KEY, kafka://HOST:PORT/TOPIC (not tested); given again, another one.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "labelled",
    None,
    "Texts whose sentiment is known, .csv: text, label; counts are corrected by them.",
    flag_values=FLAGS,
)
flags.DEFINE_multi_string(
    "webhook",
    [],
    "Address that alarms are posted to, signed by the environment's TFSOCIAL_WEBHOOK_SECRET.",
    flag_values=FLAGS,
)
flags.DEFINE_multi_string(
    "mail",
    [],
    "smtps://USER:PASSWORD@HOST?from=ADDRESS&to=ADDRESS,ADDRESS that alarms are sent by.",
    flag_values=FLAGS,
)
cli.define_server(FLAGS, "monitor")


def main(arguments: Sequence[str]) -> int:
    cli.parse(FLAGS, arguments, __doc__)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as `serve` has it, and why
    from tfsocial.api import run

    run.monitor(
        folders.existing("--model", FLAGS.model) if FLAGS.model else None,
        demo=FLAGS.demo,
        topics=FLAGS.topics,
        negative=FLAGS.negative,
        read=FLAGS.read,
        labelled=folders.existing("--labelled", FLAGS.labelled) if FLAGS.labelled else None,
        false_alarms=FLAGS.false_alarms,
        zone=FLAGS.zone,
        webhooks=FLAGS.webhook,
        mails=FLAGS.mail,
        webhook_secret=os.environ.get("TFSOCIAL_WEBHOOK_SECRET", ""),
        database=FLAGS.database,
        state=folders.local("--state", FLAGS.state),
        host=FLAGS.host,
        port=FLAGS.port,
        admin_port=FLAGS.admin_port,
        mask=FLAGS.mask,
        say=lambda line: print(line, file=sys.stderr, flush=True),
    )
    return 0
