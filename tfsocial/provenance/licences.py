"""What a licence lets a trained model be: SPDX ids, sorted by what they ask for.

The kinds answer one question about a text or weights a model learns from: what may be done with
the model, if the strict reading holds that it is made from them. This is a table, not legal
advice.
"""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Any, Literal

import yaml

UNKNOWN = "unknown"
Kind = Literal["permissive", "share-alike", "no-derivatives", "non-commercial", "unknown"]

# SPDX ids (spdx.org/licenses), the usual ones for data, weights and code.
PERMISSIVE = """
    0BSD AFL-3.0 Apache-1.1 Apache-2.0 Artistic-2.0 BSD-2-Clause BSD-3-Clause BSL-1.0
    CC-BY-1.0 CC-BY-2.0 CC-BY-2.5 CC-BY-3.0 CC-BY-4.0 CC0-1.0 CDLA-Permissive-1.0
    CDLA-Permissive-2.0 ECL-2.0 ISC MIT MIT-0 NCSA OGL-UK-3.0 ODC-By-1.0 O-UDA-1.0 PDDL-1.0
    PostgreSQL PSF-2.0 Python-2.0 Unlicense UPL-1.0 WTFPL Zlib etalab-2.0"""
# What is made from it carries the same terms.
SHARE_ALIKE = """
    AGPL-3.0 AGPL-3.0-only AGPL-3.0-or-later CC-BY-SA-1.0 CC-BY-SA-2.0 CC-BY-SA-2.5 CC-BY-SA-3.0
    CC-BY-SA-4.0 CDDL-1.0 CDLA-Sharing-1.0 EPL-1.0 EPL-2.0 EUPL-1.1 EUPL-1.2 GFDL-1.2 GFDL-1.3
    GPL-2.0 GPL-2.0-only GPL-2.0-or-later GPL-3.0 GPL-3.0-only GPL-3.0-or-later LGPL-2.1
    LGPL-2.1-only LGPL-2.1-or-later LGPL-3.0 LGPL-3.0-only LGPL-3.0-or-later MPL-1.1 MPL-2.0
    ODbL-1.0 OSL-3.0"""
# Nothing made from it may be passed on.
NO_DERIVATIVES = "CC-BY-ND-1.0 CC-BY-ND-2.0 CC-BY-ND-2.5 CC-BY-ND-3.0 CC-BY-ND-4.0"
NON_COMMERCIAL = """
    CC-BY-NC-1.0 CC-BY-NC-2.0 CC-BY-NC-2.5 CC-BY-NC-3.0 CC-BY-NC-4.0 CC-BY-NC-ND-1.0
    CC-BY-NC-ND-2.0 CC-BY-NC-ND-2.5 CC-BY-NC-ND-3.0 CC-BY-NC-ND-4.0 CC-BY-NC-SA-1.0
    CC-BY-NC-SA-2.0 CC-BY-NC-SA-2.5 CC-BY-NC-SA-3.0 CC-BY-NC-SA-4.0
    PolyForm-Noncommercial-1.0.0"""
KINDS: dict[str, Kind] = {
    **dict.fromkeys(PERMISSIVE.split(), "permissive"),
    **dict.fromkeys(SHARE_ALIKE.split(), "share-alike"),
    **dict.fromkeys(NO_DERIVATIVES.split(), "no-derivatives"),
    **dict.fromkeys(NON_COMMERCIAL.split(), "non-commercial"),
}
STRICTNESS: tuple[Kind, ...] = (
    "permissive",
    "share-alike",
    "no-derivatives",
    "non-commercial",
    "unknown",
)
_BY_LOWER = {name.lower(): name for name in KINDS}


def spdx(written: str) -> str:
    """Find the SPDX id that somebody wrote, in SPDX's letters; another name stays as it is.

    >>> spdx("cc by-nc-sa 4.0"), spdx("apache-2.0"), spdx("Our Terms"), spdx(" ")
    ('CC-BY-NC-SA-4.0', 'Apache-2.0', 'Our Terms', 'unknown')
    """
    name = written.strip()
    return _BY_LOWER.get(re.sub(r"[\s_]+", "-", name.lower()), name or UNKNOWN)


def kind(licence: str) -> Kind:
    """Tell what a licence asks for; of `A OR B` the milder of the two, of `A AND B` the stricter.

    >>> kind("MIT"), kind("CC-BY-SA-4.0"), kind("CC-BY-NC-4.0"), kind("Our Terms")
    ('permissive', 'share-alike', 'non-commercial', 'unknown')
    >>> kind("MIT OR GPL-3.0-only"), kind("MIT AND GPL-3.0-only")
    ('permissive', 'share-alike')
    """
    either = [
        max((_single(part) for part in re.split(r"\s+AND\s+", choice)), key=STRICTNESS.index)
        for choice in re.split(r"\s+OR\s+", licence)
    ]
    return min(either, key=STRICTNESS.index)


def strictness(licence: str) -> int:
    """Say how much a licence asks for, higher for more.

    >>> strictness("MIT") < strictness("CC-BY-NC-4.0") < strictness("unknown")
    True
    """
    return STRICTNESS.index(kind(licence))


def _single(licence: str) -> Kind:
    """Tell what one licence asks for; an exception (`WITH ...`) only ever allows more."""
    return KINDS.get(spdx(licence.partition(" WITH ")[0]), "unknown")


def meant(licence: str) -> str:
    """Guess the known id that a misspelled one resembles, or nothing.

    >>> meant("Apache2"), meant("CC-BY-NC-SA"), meant("unknown"), meant("house rules")
    ('Apache-2.0', 'CC-BY-NC-SA-4.0', '', '')
    """
    word = re.sub(r"[\s_]+", "-", licence.strip().lower())
    if word in ("", UNKNOWN):
        return ""
    begun = sorted((name for name in _BY_LOWER if name.startswith(word)), key=len)
    close = begun or difflib.get_close_matches(word, _BY_LOWER, 3, cutoff=0.6)
    return _BY_LOWER[_latest(close)] if close else ""


def _latest(names: list[str]) -> str:
    """Find the highest version of the family that the nearest name, the first, is of."""
    family = _VERSION.sub("", names[0])
    return max(name for name in names if _VERSION.sub("", name) == family)


_VERSION = re.compile(r"[\d.]+$")


# --- where it stands written -----------------------------------------------------------

# How a licence's text begins or what only it says; the first that is found counts.
_TEXTS = (
    (r"Apache License\s+Version 2\.0", "Apache-2.0"),
    (r"\A\W*(The )?MIT License", "MIT"),
    (r"Permission is hereby granted, free of charge, to any person obtaining a copy", "MIT"),
    (r"CC0 1\.0 Universal", "CC0-1.0"),
    (r"GNU AFFERO GENERAL PUBLIC LICENSE\s+Version 3", "AGPL-3.0"),
    (r"GNU LESSER GENERAL PUBLIC LICENSE\s+Version 3", "LGPL-3.0"),
    (r"GNU LESSER GENERAL PUBLIC LICENSE\s+Version 2\.1", "LGPL-2.1"),
    (r"GNU GENERAL PUBLIC LICENSE\s+Version 3", "GPL-3.0"),
    (r"GNU GENERAL PUBLIC LICENSE\s+Version 2", "GPL-2.0"),
    (r"Mozilla Public License\W+Version 2\.0", "MPL-2.0"),
    (r"Neither the name of .{0,200}nor the names of its\s+contributors", "BSD-3-Clause"),
    (r"Redistribution and use in source and binary forms", "BSD-2-Clause"),
)
_CREATIVE_COMMONS = re.compile(
    r"Attribution(?P<terms>(?:-(?:NonCommercial|ShareAlike|NoDeriv(?:ative)?s))*)"
    r"\s+(?P<version>[1-4]\.\d)"
)
_SHORT = {"NonCommercial": "NC", "ShareAlike": "SA", "NoDerivs": "ND", "NoDerivatives": "ND"}
_TAG = re.compile(r"SPDX-License-Identifier:\s*(\S[^\n*]*)")
_BEGINNING = 4000  # characters of a licence file that are looked at


def of_text(text: str) -> str:
    """Recognize the licence whose text this is, or 'unknown'.

    >>> of_text("Attribution-NonCommercial-ShareAlike 4.0 International")
    'CC-BY-NC-SA-4.0'
    >>> of_text("All rights reserved.")
    'unknown'
    """
    text = text[:_BEGINNING]
    tag = _TAG.search(text)
    if tag:
        return spdx(tag[1])
    common = _CREATIVE_COMMONS.search(text)
    if common:
        terms = [_SHORT[term] for term in common["terms"].split("-")[1:]]
        return "-".join(["CC-BY", *terms, common["version"]])
    return next((name for form, name in _TEXTS if re.search(form, text, re.S | re.I)), UNKNOWN)


def in_folder(folder: Path) -> tuple[str, str]:
    """Read the licence of a folder and the file that says so; ('unknown', '') if none does.

    First the YAML front matter of README.md (`license:`), then the text of a licence file.
    """
    declared = _front_matter(folder / "README.md").get("license")
    if isinstance(declared, str) and declared.strip().lower() not in ("", UNKNOWN, "other"):
        return spdx(declared), "README.md, license"
    for path in sorted(folder.glob("LICEN[SC]E*")):
        licence = of_text(_text(path)) if path.is_file() else UNKNOWN
        if licence != UNKNOWN:
            return licence, path.name
    return UNKNOWN, ""


def _front_matter(path: Path) -> dict[str, Any]:
    """Read what a model card says of itself between two lines of dashes."""
    text = _text(path).replace("\r\n", "\n").removeprefix("\ufeff")
    if not text.startswith("---\n"):
        return {}
    try:
        values = yaml.safe_load(text[4:].partition("\n---")[0])
    except yaml.YAMLError:
        return {}
    return values if isinstance(values, dict) else {}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
