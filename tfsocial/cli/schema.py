"""Prints the JSON schema of the config, for editors."""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from tfsocial import cli, config


def main(arguments: Sequence[str]) -> int:
    cli.parse(flags.FlagValues(), arguments, __doc__)
    print(config.json_schema())
    return 0
