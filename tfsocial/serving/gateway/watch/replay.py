"""Windows of a gateway, scored anew."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from tfsocial.checkpoints import manifest as manifests
from tfsocial.errors import InputError
from tfsocial.serving import signature
from tfsocial.serving.gateway.watch.drift import Reference, Score, Window


class Scored(NamedTuple):
    """A window with its scores.

    Attributes:
        at: when it was full, ISO 8601.
        version: that answered.
    """

    at: str
    version: int
    scores: Mapping[str, Score]


def scored(windows: Path, version: Path, false_alarms: float) -> Iterator[Scored]:
    """Score the windows of a file by the reference of a version.

    Raises:
        InputError: a line is broken, of another model, or the version has no reference.
    """
    values = manifests.read_json(version / signature.MANIFEST)["reference"]
    if values is None:
        raise InputError(f"{version}: has no reference; train with dev and export again")
    manifest, references = signature.read_manifest(version), dict[int, Reference]()
    for number, line in enumerate(windows.read_text("utf-8").splitlines(), 1):
        try:
            said = json.loads(line)
            window = Window.of_values(said["window"])
            if window.rows not in references:
                references[window.rows] = Reference(manifest, values, window.rows, false_alarms)
            scores = references[window.rows].scores(window)
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{windows}:{number}: is no window of this model ({error!r})"
            ) from None
        yield Scored(said["at"], said["version"], scores)
