"""Recommender: lists of what each person may want next, by texts and by what people did."""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from tfsocial import cli, folders

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "model",
    None,
    "Folder of versions that `tfsocial export` wrote; left out, the default community model as "
    "it is, exported once.",
    flag_values=FLAGS,
)
flags.DEFINE_bool(
    "demo",
    False,
    "With 1,200 items of a gift shop, and what 500 of its customers bought.",
    flag_values=FLAGS,
)
flags.DEFINE_multi_string(
    "items",
    [],
    "Items, .csv or .jsonl: id, title, description, tags, price, since, link; given again, more.",
    flag_values=FLAGS,
)
flags.DEFINE_multi_string(
    "deeds",
    [],
    "What people did, .csv or .jsonl: person, item, time, kind (bought, clicked, returned, "
    "refused); given again, more.",
    flag_values=FLAGS,
)
flags.DEFINE_float(
    "diversity",
    0.1,
    "0 to 1: how unlike each other items of a list are, where nobody says otherwise.",
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "explored", 1, "Places of a list that are drawn by lot, to learn from.", flag_values=FLAGS
)
flags.DEFINE_float(
    "refit_hours", 24.0, "Hours after which a ranking is fitted anew.", flag_values=FLAGS
)
flags.DEFINE_float(
    "lists_days", 90.0, "Days for which it is kept what stood on each list.", flag_values=FLAGS
)
cli.define_server(FLAGS, "recommend")


def main(arguments: Sequence[str]) -> int:
    cli.parse(FLAGS, arguments, __doc__)
    server = cli.server_of(FLAGS)
    from tfsocial.api import run

    run.recommend(
        demo=FLAGS.demo,
        items=[folders.existing("--items", one) for one in FLAGS.items],
        deeds=[folders.existing("--deeds", one) for one in FLAGS.deeds],
        diversity=FLAGS.diversity,
        explored=FLAGS.explored,
        refit_hours=FLAGS.refit_hours,
        lists_days=FLAGS.lists_days,
        **server,
    )
    return 0
