"""Reports as single HTML pages that need nothing beside them, on light and on dark."""

from __future__ import annotations

from html import escape

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #ffffff; --line: #d0d5db;
  --soft: #f3f5f7; --warn: #fff4d6; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ec; --paper: #14171a; --line: #3b424a;
  --soft: #1e2328; --warn: #3a3013; } }
body { color: var(--ink); background: var(--paper); font: 15px/1.5 system-ui, sans-serif;
  max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
table { border-collapse: collapse; margin: .8rem 0; }
th, td { border-bottom: 1px solid var(--line); padding: .25rem .7rem; text-align: left;
  vertical-align: top; overflow-wrap: break-word; }
th, td.where { white-space: nowrap; } td.text { overflow-wrap: anywhere; }
tbody { border-bottom: 2px solid var(--line); }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums;
  white-space: nowrap; }
.scroll { overflow: auto; max-height: 36rem; border: 1px solid var(--line); border-radius: .4rem; }
.scroll table { margin: 0; width: 100%; } .scroll th { position: sticky; top: 0;
  background: var(--soft); }
.scroll td.text { width: 100%; } .wide { overflow-x: auto; }
@media print { .scroll { max-height: none; } }
.advice { background: var(--warn); padding: .6rem 1rem .6rem 2rem; border-radius: .4rem; }
.note { opacity: .75; } .where { font-family: monospace; font-size: .85rem; }
svg { max-width: 100%; height: auto; } code { background: var(--soft); padding: 0 .2rem; }
"""


def document(title: str, body: str) -> str:
    """Write a whole page; `body` is HTML, what it shows of texts is escaped already."""
    name = escape(title)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{name}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n<h1>{name}</h1>\n{body}\n</body>\n</html>\n"
    )
