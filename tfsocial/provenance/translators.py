"""What the translator of a run's paraphrases took from others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tfsocial import config
from tfsocial.data.augment import paraphrase_cache
from tfsocial.data.augment.paraphrase_filter import section
from tfsocial.provenance import licences
from tfsocial.provenance.resources import Resource


def of_back_translation(data: config.Data) -> tuple[Resource, ...]:
    """Read what the translator took from others, under this config's licence.

    Raises:
        InputError: see `paraphrase_cache.reading`.
    """
    settings = section(data)
    with paraphrase_cache.reading(Path(settings.cache), settings.identity) as (_, identity):
        return licensed([Resource(**values) for values in identity.resources], data)


def licensed(resources: Sequence[Resource], data: config.Data) -> tuple[Resource, ...]:
    """Add the config's licence where the resources say none, and its acknowledgement."""
    settings = section(data)
    licence, why = licences.spdx(settings.licence), settings.licence_ack or ""
    source = "" if licence == licences.UNKNOWN else "data.back_translation.licence of the config"
    return tuple(
        replace(one, acknowledgement=why)
        if one.licence != licences.UNKNOWN
        else replace(one, acknowledgement=why, licence=licence, licence_source=source)
        for one in resources
    )
