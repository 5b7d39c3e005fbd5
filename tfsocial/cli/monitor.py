"""Opinion monitor: topics and sentiment of texts as they come, and an alarm when bad ones surge."""

from __future__ import annotations

import os
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
    server = cli.server_of(FLAGS)
    from tfsocial.api import run

    run.monitor(
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
        **server,
    )
    return 0
