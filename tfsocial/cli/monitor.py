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
flags.DEFINE_string(
    "topics",
    "",
    "What tells topics: model (its task `topic`), field:NAME of each message, or words:FILE.csv "
    "(topic, words with | between them); left out, the model if it can, and else field:topic.",
    flag_values=FLAGS,
)
flags.DEFINE_string("negative", "negative", "Label that alarms are about.", flag_values=FLAGS)
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
flags.DEFINE_float(
    "false_alarms", 1.0, "A week, over all topics, that are put up with.", flag_values=FLAGS
)
flags.DEFINE_string("zone", "UTC", "Time zone of the day's season.", flag_values=FLAGS)
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
flags.DEFINE_string(
    "database",
    "",
    "sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/NAME; left out, a file in --state.",
    flag_values=FLAGS,
)
flags.DEFINE_string("state", "monitor", "Folder of the keys and the database.", flag_values=FLAGS)
flags.DEFINE_string("host", "127.0.0.1", "Address to answer at.", flag_values=FLAGS)
flags.DEFINE_integer("port", 8080, "Of callers; 0: a free one.", 0, 65535, flag_values=FLAGS)
flags.DEFINE_integer("admin_port", 8081, "Of operators.", 0, 65535, flag_values=FLAGS)
flags.DEFINE_bool("mask", False, "Mask personal data before anything is kept.", flag_values=FLAGS)


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
