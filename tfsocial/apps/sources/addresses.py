"""Sources by their addresses, as a flag names them."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from tfsocial.apps.sources.contract import Source
from tfsocial.apps.sources.feed import Feed
from tfsocial.apps.sources.file_tail import FileTail
from tfsocial.errors import InputError

FORMS = (
    "file:PATH, https://HOST/FEED, nats://HOST:PORT/SUBJECT, redis://HOST:PORT/KEY or "
    "kafka://HOST:PORT/TOPIC"
)


def source_of(address: str, stream: str) -> Source:
    """Make a source.

    Args:
        stream: that its events go to.

    Raises:
        InputError: it is no address of one, or its package is not installed; no user, password or
            option of it is repeated.

    >>> source_of("file:/var/log/texts.jsonl", "opinions").name
    'file:/var/log/texts.jsonl'
    """
    kind, _, rest = address.partition(":")
    at = urlsplit(address)
    if kind == "file" and rest:
        return FileTail(rest.removeprefix("//"), stream)
    if kind in ("http", "https") and at.hostname:
        return Feed(address, stream, every=_every(at.query))
    name, place = at.path.strip("/"), address.partition("?")[0].rpartition("/")[0]
    if at.hostname and name and kind in ("nats", "tls", "redis", "rediss", "kafka"):
        return _of_server(kind, place, name, at.netloc, stream)
    raise InputError(f"--read={_shown(address)}: is no source; write {FORMS}")


def _of_server(kind: str, place: str, name: str, host: str, stream: str) -> Source:
    """Import an adapter only where it is asked for: its client is an extra."""
    if kind == "kafka":
        from tfsocial.apps.sources.kafka import KafkaTopic

        return KafkaTopic(host, name, stream)
    if kind.startswith("redis"):
        from tfsocial.apps.sources.redis_streams import RedisStream

        return RedisStream(place, name, stream)
    from tfsocial.apps.sources.nats_jetstream import JetStream

    return JetStream(place, name, stream)


def _every(query: str) -> float:
    """Read how often a feed is asked for: its option tfsocial_every, in seconds."""
    said = parse_qs(query).get("tfsocial_every", ["300"])[0]
    return max(1.0, float(said)) if said.replace(".", "", 1).isdigit() else 300.0


def _shown(address: str) -> str:
    at = urlsplit(address)
    return f"{at.scheme}://{at.hostname or ''}{at.path}" if at.hostname else address[:60]
