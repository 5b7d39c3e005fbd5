"""Prints the JSON schema of the config, for editors."""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from tfsocial import cli
from tfsocial.config.schema import Menus, json_schema


def main(arguments: Sequence[str]) -> int:
    cli.parse(flags.FlagValues(), arguments, __doc__)
    print(json_schema(menus=menus()))
    return 0


def menus() -> Menus:
    """List every objective, loss and op that a config can name."""
    from tfsocial.data.augment import table as augmentation
    from tfsocial.objectives import table

    return Menus(table.COMMUNITY, table.PAPERS, table.TASK, augmentation.OPS)
