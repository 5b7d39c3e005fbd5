"""Chooses which texts of a pool to label next, so that few labels go far."""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from tfsocial import api, cli, folders

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "pool", None, "Texts without labels: csv, tsv, jsonl or txt, or .gz.", flag_values=FLAGS
)
flags.DEFINE_multi_string(
    "labelled",
    [],
    "Texts with labels, the pool itself too; given again, another file of them.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "output", None, "csv, tsv or jsonl of texts to label, the first first.", flag_values=FLAGS
)
flags.DEFINE_string(
    "model",
    None,
    "A run, its model/ folder, an exported version, or M0; left out, the default config's M0.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "strategy",
    "auto",
    "auto, typi_clust, typi_margin, margin, badge, entropy or random.",
    flag_values=FLAGS,
)
flags.DEFINE_integer("n", 100, "Texts to choose.", flag_values=FLAGS)
flags.DEFINE_multi_string(
    "text", [], "Text column; twice for pairs; left out, guessed.", flag_values=FLAGS
)
flags.DEFINE_string("label", None, "Label column; left out, guessed.", flag_values=FLAGS)
flags.DEFINE_string(
    "ood_label",
    None,
    "Label of what is out of scope; left out, one that is called so.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "vectors",
    None,
    "Folder that keeps the texts' vectors for the next call; left out, beside --output.",
    flag_values=FLAGS,
)
flags.DEFINE_integer("seed", 0, "Of all chance.", 0, flag_values=FLAGS)
flags.DEFINE_string("device", "auto", "As `train` has it.", flag_values=FLAGS)
flags.mark_flags_as_required(["pool", "output"], flag_values=FLAGS)

INTERRUPTED = "the vectors read so far are kept: the same command goes on with them"


def main(arguments: Sequence[str]) -> int:
    cli.parse(FLAGS, arguments, __doc__)
    print(
        api.select(
            folders.existing("--pool", FLAGS.pool),
            folders.local("--output", FLAGS.output),
            labelled=[folders.existing("--labelled", one) for one in FLAGS.labelled],
            model=FLAGS.model,
            strategy=FLAGS.strategy,
            n=FLAGS.n,
            text=FLAGS.text,
            label=FLAGS.label,
            ood_label=FLAGS.ood_label,
            vectors=folders.local("--vectors", FLAGS.vectors) if FLAGS.vectors else None,
            seed=FLAGS.seed,
            device=FLAGS.device,
        )
    )
    return 0
