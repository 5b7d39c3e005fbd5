"""Searches the values of a config that dev likes best; run again, or elsewhere, it goes on."""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from tfsocial import api, cli, folders
from tfsocial.errors import InputError
from tfsocial.tuning import LEASE_SECONDS

FLAGS = flags.FlagValues()
cli.define_config(FLAGS)
flags.DEFINE_string(
    "space",
    None,
    "YAML of what is searched: key.path: {low: .., high: ..} or {choices: ..}.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "output", None, "Folder for trials/, the report and best.yaml.", flag_values=FLAGS
)
flags.DEFINE_integer(
    "trials", 24, "How many the study has in the end, of all workers.", flag_values=FLAGS
)
flags.DEFINE_list(
    "seeds", ["0"], "Each trial trains all; with data.shots each is a draw.", flag_values=FLAGS
)
flags.DEFINE_string("sampler", "tpe", "tpe or random.", flag_values=FLAGS)
flags.DEFINE_integer("sampler_seed", 0, "Of what the sampler draws.", flag_values=FLAGS)
flags.DEFINE_string(
    "pruner",
    "asha",
    "What ends trials early: none; asha or hyperband, which look at epochs; wilcoxon, at seeds.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "storage",
    None,
    "Database that workers share, as postgresql+psycopg://USER:PASSWORD@HOST/DATABASE; left out, "
    "a file of SQLite in the output.",
    flag_values=FLAGS,
)
flags.DEFINE_string("study", "tfsocial", "Its name in that database.", flag_values=FLAGS)
flags.DEFINE_bool(
    "score_test", True, "Score the winner on test, which no trial sees.", flag_values=FLAGS
)
flags.DEFINE_string("device", "auto", "As `train` has it.", flag_values=FLAGS)
flags.DEFINE_float(
    "lease_seconds",
    LEASE_SECONDS,
    "A trial whose worker is silent for so long is taken up by another.",
    flag_values=FLAGS,
)
flags.mark_flags_as_required(["config", "space", "output"], flag_values=FLAGS)

INTERRUPTED = "the same command goes on where it was"


def main(arguments: Sequence[str]) -> int:
    cli.parse(FLAGS, arguments, __doc__)
    tuned = api.tune(
        FLAGS.config,
        folders.existing("--space", FLAGS.space),
        folders.local("--output", FLAGS.output),
        trials=FLAGS.trials,
        seeds=[_seed(value) for value in FLAGS.seeds],
        sampler=FLAGS.sampler,
        sampler_seed=FLAGS.sampler_seed,
        pruner=FLAGS.pruner,
        storage=FLAGS.storage,
        study=FLAGS.study,
        score_test=FLAGS.score_test,
        overrides=FLAGS.set,
        device=FLAGS.device,
        lease_seconds=FLAGS.lease_seconds,
    )
    print(tuned)
    print(f"report: {tuned.output / 'report.html'}")
    return 0


def _seed(value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise InputError(f"--seeds={value}: has to be whole numbers, as 0,1,2") from None
