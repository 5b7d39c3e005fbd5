"""What mkdocs calls: generated pages are added, tables and numbers are filled in."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # mkdocs may be started anywhere

from mkdocs.structure.files import File, Files

from docs.hooks import commands, config_reference, menus, tables

GENERATED = {
    "reference/commands.md": commands.page,
    "reference/config.md": config_reference.page,
    "reference/objectives.md": menus.objectives,
    "reference/methods.md": menus.methods,
    "reference/augmentation.md": menus.augmentation,
    "reference/merging.md": menus.merging,
}


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that come from the code."""
    for path, write in GENERATED.items():
        files.append(File.generated(config, path, content=write()))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Put tables of results where a page asks for them."""
    return tables.filled(markdown)
