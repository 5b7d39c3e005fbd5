"""Opens a page on which people label texts: suggestions, batches, review, a model as they go."""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from tfsocial import api, cli, folders

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "data", None, "Texts: csv, tsv, jsonl or txt, or .gz; some may have labels.", flag_values=FLAGS
)
flags.DEFINE_string(
    "output", None, "csv or jsonl of the labelled rows; the log lies beside it.", flag_values=FLAGS
)
flags.DEFINE_multi_string(
    "text", [], "Text column; twice for pairs; left out, guessed.", flag_values=FLAGS
)
flags.DEFINE_string("label", "label", "Label column.", flag_values=FLAGS)
flags.DEFINE_multi_string("labels", [], "A label to begin with; again for more.", flag_values=FLAGS)
flags.DEFINE_string(
    "model",
    None,
    "Reads the texts: a run, an exported version, or M0; left out, the default config's M0.",
    flag_values=FLAGS,
)
flags.DEFINE_string("strategy", "auto", "How texts are chosen, as `select`.", flag_values=FLAGS)
flags.DEFINE_float(
    "overlap", 0.1, "Share of texts that a second annotator is asked too.", flag_values=FLAGS
)
flags.DEFINE_string("language", "en", "Of the page: en or zh.", flag_values=FLAGS)
flags.DEFINE_bool("retrain", True, "Train a model in the background.", flag_values=FLAGS)
flags.DEFINE_string("licence", None, "Of the texts, an SPDX id, for it.", flag_values=FLAGS)
flags.DEFINE_string(
    "host", "127.0.0.1", "Address to answer at; other machines need its token.", flag_values=FLAGS
)
flags.DEFINE_integer("port", 8765, "0: a free one.", 0, 65535, flag_values=FLAGS)
flags.DEFINE_string("device", "auto", "As `train` has it.", flag_values=FLAGS)
flags.mark_flags_as_required(["data", "output"], flag_values=FLAGS)

INTERRUPTED = "every click is kept: the same command goes on"


def main(arguments: Sequence[str]) -> int:
    cli.parse(FLAGS, arguments, __doc__)
    api.label(
        folders.existing("--data", FLAGS.data),
        folders.local("--output", FLAGS.output),
        text=FLAGS.text,
        label=FLAGS.label,
        labels=FLAGS.labels,
        model=FLAGS.model,
        strategy=FLAGS.strategy,
        overlap=FLAGS.overlap,
        language=FLAGS.language,
        retrain=FLAGS.retrain,
        licence=FLAGS.licence,
        host=FLAGS.host,
        port=FLAGS.port,
        device=FLAGS.device,
    )
    return 0
