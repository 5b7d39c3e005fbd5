"""What every model card says alike: licences and citations of what a model was made from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tfsocial.provenance import resources as provenance
from tfsocial.provenance.resources import Resource


def page(
    front: Mapping[str, Any], title: str, lead: str, sections: Iterable[tuple[str, str]]
) -> str:
    """Put a card together: YAML front matter as model hubs read it, title, lead, sections."""
    head = yaml.safe_dump(dict(front), sort_keys=False, allow_unicode=True)
    body = "\n".join(f"## {name}\n\n{lines}\n" for name, lines in sections)
    return f"---\n{head}---\n\n# {plain(title)}\n\n{lead}\n\n{body}"


def hub_id(licence: str) -> str:
    """Write an SPDX id as hubs do: small, and they know no expressions of several."""
    return "other" if " " in licence else licence.lower()


def shared_name(resource: Resource) -> str:
    """Name a local folder by its last two names: a card is shared, the machine is not.

    >>> shared_name(Resource("model", "/home/me/runs/one/model"))
    'one/model'
    >>> shared_name(Resource("data", "a/b/c"))
    'a/b/c'
    """
    local = resource.role in ("model", "translator") and ":" not in resource.name
    return "/".join(Path(resource.name).parts[-2:]) if local else resource.name


def licence_section(resources: Sequence[Resource], policy: str) -> str:
    """Say which licence binds a model, and those of all that it was made from."""
    binding = provenance.strictest(resources)
    rows = [_row(resource) for resource in resources]
    header = ["| what | name | licence | where that was read |", "|---|---|---|---|"]
    said = [
        f"* {plain(shared_name(one))}: {plain(one.acknowledgement)}"
        for one in resources
        if one.acknowledgement
    ]
    why = ["", "Whoever trained the model said why they may use", "", *said] if said else []
    return "\n".join(
        [
            f"{plain(binding.licence)}, which is that of {plain(shared_name(binding))}: the "
            f"strictest of those below. Licences were accepted by the policy `{policy}`.",
            "",
            *header,
            *rows,
            *why,
        ]
    )


def _row(resource: Resource) -> str:
    version = f" {resource.version}" if resource.version else ""
    cells = (
        resource.role,
        plain(shared_name(resource) + version),
        plain(resource.licence),
        plain(resource.licence_source),
    )
    return f"| {' | '.join(cells)} |"


def citations(resources: Sequence[Resource]) -> str:
    """List what is to be cited, each once."""
    lines = dict.fromkeys(_cited(resources))
    return "\n".join(f"* {line}" for line in lines) or "Nothing was recorded to cite."


def _cited(resources: Sequence[Resource]) -> Iterator[str]:
    for resource in resources:
        if resource.citation:
            yield plain(resource.citation)


def plain(words: str) -> str:
    """Write one line that no Markdown table or page takes for its own marks.

    >>> plain("a|b <i>\\nc")
    'a\\\\|b &lt;i&gt; c'
    """
    line = " ".join(words.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*|\[\]])", r"\\\1", line)


def code(words: str) -> str:
    """Quote words as they stand, between as many backticks as they need.

    >>> code("a`b"), code("x")
    ('``a`b``', '`x`')
    """
    line = " ".join(words.split())
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    room = " " if line.startswith("`") or line.endswith("`") or not line else ""
    return f"{fence}{room}{line}{room}{fence}"
