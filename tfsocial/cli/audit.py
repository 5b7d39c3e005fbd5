"""Checks a gateway's audit, finds who asked a text, and erases a person from it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from absl import flags

from tfsocial import cli, extras, folders
from tfsocial.errors import InputError

FLAGS = flags.FlagValues()
flags.DEFINE_string("state", "gateway", "The gateway's folder.", flag_values=FLAGS)
flags.DEFINE_string("head", None, "A hash kept elsewhere: is it still there?", flag_values=FLAGS)
flags.DEFINE_string("find", None, "List the calls with this text.", flag_values=FLAGS)
flags.DEFINE_bool("forget", False, "Delete the key of --tenant or --subject.", flag_values=FLAGS)
flags.DEFINE_string("tenant", "", "Whose calls.", flag_values=FLAGS)
flags.DEFINE_string("subject", "", "Whose texts, as X-Subject named them.", flag_values=FLAGS)


def main(arguments: Sequence[str]) -> int:
    cli.parse(FLAGS, arguments, __doc__)
    extras.library("limits", "limits", "serve", "tfsocial audit")
    from tfsocial.serving.gateway.audit import chain, log, subject_keys

    state = folders.existing("--state", FLAGS.state)
    path = folders.existing("--state", state / log.CHAIN)
    if (FLAGS.forget or FLAGS.find is not None) and not FLAGS.tenant:
        raise InputError("--tenant: is missing; name whose calls")
    if FLAGS.forget:
        keys = subject_keys.SubjectKeys(state / log.KEYS)
        print(f"{keys.forget(FLAGS.tenant, FLAGS.subject or None)} keys deleted")
        keys.close()
    elif FLAGS.find is not None:
        for line in log.find(state, FLAGS.tenant, [FLAGS.find], FLAGS.subject):
            print(json.dumps({name: line[name] for name in line if name != "texts"}))
    else:
        found = chain.verify(path, FLAGS.head)
        if found.holds is False:
            raise InputError(f"--head={FLAGS.head}: is no line of {path}; it was written anew")
        print(f"{found.lines} lines, whole; head {found.head}")
    return 0
