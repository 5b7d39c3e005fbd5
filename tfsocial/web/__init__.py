"""What pages of several programs share: who may send a form, sessions, languages, looks."""

from pathlib import Path

STATIC = Path(__file__).parent / "static"  # htmx and the style; shown under /web
