"""Customer service."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from tfsocial.api.run.starting import demo_of, exported, first_keys, need, serve, settings_of


def support(
    model: str | Path | None = None,
    *,
    demo: bool = False,
    questions: Sequence[str | Path] = (),
    asked: Sequence[str | Path] = (),
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
        model: folder of versions that `export` wrote; None: the default community model as it is,
            which is exported into the state's folder first.
        demo: whether the questions of a shop are known that comes with this package.
        questions: .csv or .jsonl with id, question, answer, paraphrases; beside the database's.
        asked: .csv or .jsonl with text and id, on which the ranking is fitted.
        database: an address; empty: a SQLite file in the state's folder.
        precision: share of answers given that are to be right: 0.9, 0.95 or 0.98.
        state: folder of the keys and the database.
        host, port: of callers; port 0 takes a free one.
        admin_port: of operators.
        mask: whether personal data is masked before the model, the database and all logs.
        say: hears the first keys, what is known, and where it listens.

    Raises:
        InputError: a file, the database or a port cannot be used, or the model cannot be loaded.
    """
    need("tfsocial support")
    from tfsocial.apps.database import open_database
    from tfsocial.apps.support import reading
    from tfsocial.apps.support.application import SupportApplication
    from tfsocial.apps.support.records import Rules

    tables, examples = [Path(one) for one in questions], [Path(one) for one in asked]
    if demo:
        tables += sorted(demo_of("support").glob("questions.*.csv"))
        examples += sorted(demo_of("support").glob("asked.*.csv"))
    faqs = [faq for table in tables for faq in reading.read_faqs(table)]
    known = [one for table in examples for one in reading.read_asked(table)]
    folder = Path(state)
    served = Path(model) if model is not None else exported(folder / "model", say)
    listen = {"host": host, "port": port, "admin_port": admin_port}
    chosen = settings_of("support", served, folder, listen, mask)
    first = first_keys(chosen, "programs that speak for customers", "agents", "agents'")
    engine = open_database(database or f"sqlite:///{folder / 'support.db'}")
    for line in first:
        say(line)
    made = partial(
        SupportApplication,
        name="support",
        engine=engine,
        faqs=faqs,
        asked=known,
        rules=Rules(precision),
        said=say,
    )
    serve(chosen, made, "customers: {at}/support/chat  agents: {at}/support/inbox", say)
