"""Writes a model for servers: a SavedModel that takes plain strings, or a faster form."""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from tfsocial import api, cli, folders

FLAGS = flags.FlagValues()
flags.DEFINE_multi_string(
    "model",
    None,
    "A run's model/ folder; given again, another: the mean of their probabilities is written.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "checkpoint",
    "",
    "Instead of a model a community checkpoint as it is, for its vectors: package:NAME, hub:NAME "
    "or a folder.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "changes",
    None,
    "Folder of what a run changed of --checkpoint, which is laid over it.",
    flag_values=FLAGS,
)
flags.DEFINE_string("output", None, "Folder of the model's versions.", flag_values=FLAGS)
flags.DEFINE_integer(
    "version",
    None,
    "Number of this one; left out, the highest there is plus one.",
    lower_bound=1,
    flag_values=FLAGS,
)
flags.DEFINE_enum(
    "format",
    "saved_model",
    ["saved_model", "litert", "openvino"],
    "saved_model for TensorFlow Serving; litert: int8, the quickest; openvino: bfloat16.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "data", None, "Texts on which the version is compared with the model.", flag_values=FLAGS
)
flags.DEFINE_float(
    "min_agreement",
    api.MIN_AGREEMENT,
    "Least share of those texts that get the same answer; below it nothing is written.",
    0.0,
    1.0,
    flag_values=FLAGS,
)
flags.mark_flags_as_required(["output"], flag_values=FLAGS)


def main(arguments: Sequence[str]) -> int:
    cli.parse(FLAGS, arguments, __doc__)
    version = api.export(
        [folders.existing("--model", model) for model in FLAGS.model or ()] or None,
        folders.local("--output", FLAGS.output),
        FLAGS.version,
        checkpoint=FLAGS.checkpoint,
        changes=folders.existing("--changes", FLAGS.changes) if FLAGS.changes else None,
        format=FLAGS.format,
        data=folders.existing("--data", FLAGS.data) if FLAGS.data else None,
        min_agreement=FLAGS.min_agreement,
    )
    if FLAGS.format == "saved_model":
        print(f"SavedModel: {version}, checked: says what the model says, and loads in old servers")
    else:
        print(f"{FLAGS.format}: {version}, checked: loads and answers")
    from tfsocial.serving.export import publish

    if agreement := publish.read_agreement(version):
        print(f"on {agreement.texts} texts beside the model: {agreement}")
    return 0
