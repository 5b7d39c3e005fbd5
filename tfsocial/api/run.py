"""Run an application: customer service."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from tfsocial import extras


def support(
    model: str | Path,
    *,
    questions: str | Path | None = None,
    asked: str | Path | None = None,
    database: str = "",
    precision: float = 0.95,
    state: str | Path = "support",
    host: str = "127.0.0.1",
    port: int = 8080,
    admin_port: int = 8081,
    mask: bool = False,
    say: Callable[[str], object] = print,
) -> None:
    """Answer customers until SIGINT or SIGTERM, behind the gateway's keys, quotas and audit.

    Args:
        model: folder of versions that `export` wrote.
        questions: .csv or .jsonl with id, question, answer, paraphrases; None: the database's.
        asked: .csv or .jsonl with text and id, on which the ranking is fitted.
        database: an address; empty: a SQLite file in the state's folder.
        precision: share of answers given that are to be right: 0.9, 0.95 or 0.98.
        state: folder of the keys and the database.
        host, port: of callers; port 0 takes a free one.
        admin_port: of operators.
        mask: whether personal data is masked before the model, the database and all logs.
        say: hears the first key, what is known, and where it listens.

    Raises:
        InputError: a file, the database or a port cannot be used, or the model cannot be loaded.
    """
    for module in ("sqlalchemy", "alembic"):
        extras.library(module, module, "apps", "tfsocial support")
    for module in ("fastapi", "uvicorn", "limits", "prometheus_client", "phonenumbers"):
        extras.library(module, module, "serve", "tfsocial support")
    from tfsocial.apps.database import open_database
    from tfsocial.apps.support import reading
    from tfsocial.apps.support.application import SupportApplication
    from tfsocial.apps.support.service import Rules
    from tfsocial.serving.gateway import assemble, run, settings

    faqs = reading.read_faqs(Path(questions)) if questions else []
    known = reading.read_asked(Path(asked)) if asked else []
    listen = {"host": host, "port": port, "admin_port": admin_port}
    folder = Path(state)
    chosen = settings.of_flags({"support": Path(model)}, folder, listen, {"mask": mask})
    key = assemble.first_key(chosen.access)
    engine = open_database(database or f"sqlite:///{folder / 'support.db'}")
    if key is not None:
        say(f"key: {key}  (of a channel to customers, shown once)")
        say(f"agents' keys: tfsocial keys --state={folder} --add=agents --verb=manage")
    made = partial(
        SupportApplication,
        name="support",
        engine=engine,
        faqs=faqs,
        asked=known,
        rules=Rules(precision),
        said=say,
    )

    def ready(at: run.Addresses) -> None:
        say(f"callers: {at.callers}  operators: {at.operators}")

    run.serve(chosen, ready, made)
