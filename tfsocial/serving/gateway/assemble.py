"""From settings to the parts of a gateway; nothing runs yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tfsocial.serving.gateway import settings as asked
from tfsocial.serving.gateway.access import keys, quotas
from tfsocial.serving.gateway.access.callers import ASKING
from tfsocial.serving.gateway.access.door import Door
from tfsocial.serving.gateway.audit.log import AuditLog
from tfsocial.serving.gateway.backends.contract import Backend
from tfsocial.serving.gateway.backends.worker import WorkerBackend
from tfsocial.serving.gateway.calls import Bounds, Calls
from tfsocial.serving.gateway.load.batcher import Limits
from tfsocial.serving.gateway.models import MakeBackend, Models, ServedModel
from tfsocial.serving.gateway.settings import Settings
from tfsocial.serving.gateway.watch.metrics import Metrics
from tfsocial.serving.gateway.watch.recent import Recent
from tfsocial.serving.gateway.watch.traces import Spans, no_spans, spans

if TYPE_CHECKING:
    from tfsocial.serving.gateway.access.tokens import TokenCheck


@dataclass(frozen=True)
class Gateway:
    """What a gateway is made of."""

    settings: Settings
    models: Models
    door: Door
    calls: Calls
    metrics: Metrics
    recent: Recent
    audit: AuditLog | None
    spans: Spans
    end_spans: Callable[[], None]


def make(settings: Settings) -> Gateway:
    """Put the parts together.

    Raises:
        InputError: a file cannot be used.
    """
    metrics, load = Metrics(), settings.load
    limits = Limits(load.batch_tokens, load.queue_tokens)
    models = Models(
        [
            ServedModel(
                name,
                model.folder,
                _backend(name, model),
                limits,
                model.mask,
                metrics.told,
                model.change,
                settings.drift.model_copy(update={"windows": settings.drift_windows}),
            )
            for name, model in settings.models.items()
        ]
    )
    bounds = Bounds(load.texts, load.characters, load.seconds)
    folder = settings.audit_folder
    audit = AuditLog(folder) if folder else None
    traces = settings.traces
    making, end = spans(traces.endpoint, traces.share) if traces.endpoint else (no_spans, _nothing)
    calls = Calls(models, _quotas(settings.quotas), bounds, metrics.masked, audit, making)
    door = _door(settings.access)
    return Gateway(settings, models, door, calls, metrics, Recent(), audit, making, end)


def _nothing() -> None:
    pass


def first_key(
    access: asked.Access, tenant: str = "default", verbs: Sequence[str] = ASKING
) -> str | None:
    """Make a tenant's first key for all models; None where some key may do the same.

    Raises:
        InputError: the files cannot be used.
    """
    _make_folders(access)
    known = keys.read(access.keys)
    if any(set(verbs) & set(key.verbs) for key in known.values()):
        return None
    secret, note = keys.read_secret(access.secret), "made at the first start"
    key, kept = keys.new(secret, tenant, verbs=verbs, note=note)
    keys.write(access.keys, {**known, kept.prefix: kept})
    return key


def _door(access: asked.Access) -> Door:
    _make_folders(access)
    ring = keys.KeyRing(access.keys, keys.read_secret(access.secret))
    return Door(ring, _token_check(access.tokens) if access.tokens else None)


def _token_check(said: asked.Tokens) -> TokenCheck:
    from tfsocial.serving.gateway.access.tokens import Issuer, TokenCheck  # a fifth of the start

    return TokenCheck(Issuer(**said.model_dump()))


def _make_folders(access: asked.Access) -> None:
    for path in (access.keys, access.secret):
        path.parent.mkdir(parents=True, exist_ok=True)


def _quotas(said: asked.Quotas) -> quotas.Quotas:
    own = {tenant: quotas.Quota(one.tokens, one.per) for tenant, one in said.tenants.items()}
    default = quotas.Quota(said.default.tokens, said.default.per) if said.default else None
    return quotas.Quotas(default, own, said.storage)


def _backend(name: str, model: asked.Model) -> MakeBackend:
    """Give what makes a model's backend from a version's folder."""

    def worker(folder: Path) -> Backend:
        return WorkerBackend(folder, model.processes, model.threads, model.processes_most)

    def remote(folder: Path) -> Backend:
        from tfsocial.serving.gateway.backends.remote import TFServingBackend, TritonBackend

        kind = {"tf_serving": TFServingBackend, "triton": TritonBackend}[model.backend]
        return kind(folder, model.address, model.remote_name or name, model.remote_texts)

    return worker if model.backend == "worker" else remote
