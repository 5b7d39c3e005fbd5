"""The opinion monitor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from tfsocial.api.run.starting import demo_of, exported, first_keys, need, serve, settings_of
from tfsocial.errors import InputError


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
    need("tfsocial monitor")
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
    served = Path(model) if model is not None else exported(folder / "model", say, played)
    rule = f"words:{played / 'topics.csv'}" if played and not topics else topics
    tasks = Tasks.of(signature.read_manifest(newest(served)), negative)
    asked = topic_rules.of_flag(rule, has_topics=bool(tasks.topic))
    listen = {"host": host, "port": port, "admin_port": admin_port}
    chosen = settings_of("monitor", served, folder, listen, mask)
    first = first_keys(chosen, "programs that send texts", "staff", "staff's")
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
    serve(chosen, made, "monitor: {at}/monitor/board", say)
