"""Makes, lists and removes keys of a gateway; one that runs takes them up at once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from tfsocial import cli, extras, folders
from tfsocial.errors import InputError

FLAGS = flags.FlagValues()
flags.DEFINE_string("state", "gateway", "Folder of the keys.", flag_values=FLAGS)
flags.DEFINE_string("add", None, "Make a key for this tenant.", flag_values=FLAGS)
flags.DEFINE_multi_string("model", ["*"], "That it may ask; again for more.", flag_values=FLAGS)
flags.DEFINE_multi_string(
    "verb",
    None,
    "classify, embed, similar or manage; again for more. Left out, all but manage.",
    flag_values=FLAGS,
)
flags.DEFINE_integer("priority", 1, "0 is answered first.", 0, 9, flag_values=FLAGS)
flags.DEFINE_string("expires", "", "2027-01-31T00:00:00+00:00; left out, never.", flag_values=FLAGS)
flags.DEFINE_string("note", "", "For people.", flag_values=FLAGS)
flags.DEFINE_string("remove", None, "Prefix of a key that is valid no more.", flag_values=FLAGS)


def main(arguments: Sequence[str]) -> int:
    cli.parse(FLAGS, arguments, __doc__)
    extras.library("limits", "limits", "serve", "tfsocial keys")
    from tfsocial.serving.gateway.access import callers, keys

    state = Path(folders.local("--state", FLAGS.state))
    state.mkdir(parents=True, exist_ok=True)
    path = state / keys.FILE
    there = keys.read(path)
    if FLAGS.add:
        secret = keys.read_secret(state / keys.SECRET)
        verbs = FLAGS.verb or callers.ASKING
        key, kept = keys.new(
            secret, FLAGS.add, FLAGS.model, verbs, FLAGS.priority, FLAGS.expires, FLAGS.note
        )
        keys.write(path, {**there, kept.prefix: kept})
        print(key)
        print("shown once: it is kept as a hash", file=sys.stderr)
    elif FLAGS.remove:
        if FLAGS.remove not in there:
            raise InputError(f"--remove={FLAGS.remove}: is no prefix of a key in {path}")
        keys.write(path, {prefix: key for prefix, key in there.items() if prefix != FLAGS.remove})
    else:
        for one in there.values():
            until = one.expires or "never"
            print(one.prefix, one.tenant, *one.models, *one.verbs, f"expires {until}", one.note)
    return 0
