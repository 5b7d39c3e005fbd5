"""What a gateway is asked to be: a YAML file, or flags for one model on one machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
import yaml
from pydantic import BaseModel, ConfigDict, Field

from tfsocial.errors import InputError
from tfsocial.serving.gateway.access import keys
from tfsocial.serving.gateway.access.quotas import MEMORY

Port = Annotated[int, Field(ge=0, le=65535)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """Part of the file; a key that is not known is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Change(Section):
    """How a new version comes to answer.

    Attributes:
        mode: switch: at once, when its files and golden answers are right; shadow: after it has
            said the same as the current one on texts of callers, whom it does not answer; canary:
            the same, and it answers a share of the callers meanwhile.
        share: of callers, for a canary.
        agreement, failures, slower, seconds: see `change.trial.Bounds`.
    """

    mode: Literal["switch", "shadow", "canary"] = "switch"
    share: Annotated[float, Field(gt=0, lt=1)] = 0.1
    agreement: Annotated[float, Field(gt=0.5, lt=1)] = 0.97
    failures: Annotated[float, Field(gt=0, lt=0.1)] = 0.002
    slower: Annotated[float, Field(gt=1)] = 1.5
    seconds: Positive = 86400.0


class Model(Section):
    """A model that is served.

    Attributes:
        folder: of its versions, the newest of which answers; or a version.
        backend: worker: in processes on this machine; tf_serving or triton: on a server.
        processes: of a worker.
        processes_most: to which they grow when much waits, and shrink again; None: they stay.
        threads: of each process; None: the cores shared out.
        address: of the server, HOST:PORT of its gRPC interface.
        remote_name: what the server calls the model; left out, as here.
        remote_texts: that the server takes in one batch.
        mask: whether it reads texts with personal data masked.
        follow: seconds between two looks for a new version; 0: none.
    """

    folder: Path
    backend: Literal["worker", "tf_serving", "triton"] = "worker"
    processes: Count = 1
    processes_most: Count | None = None
    threads: Count | None = None
    address: str = ""
    remote_name: str = ""
    remote_texts: Count = 32
    mask: bool = False
    follow: Annotated[float, Field(ge=0)] = 5.0
    change: Change = Change()


class TLS(Section):
    """How the connection is kept private.

    Attributes:
        callers: certificate authorities of callers; with it, who brings no certificate of theirs
            does not get as far as a key (mutual TLS).
    """

    certificate: Path
    key: Path
    callers: Path | None = None


class Listen(Section):
    """Where it listens.

    Attributes:
        port: of callers, HTTP.
        grpc_port: of callers, gRPC; None: none.
        admin_host, admin_port: of operators and Prometheus, who need no key.
    """

    host: str = "127.0.0.1"
    port: Port = 8080
    grpc_port: Port | None = None
    admin_host: str = "127.0.0.1"
    admin_port: Port = 8081
    tls: TLS | None = None


class Tokens(Section):
    """Signed tokens of an identity provider; see `access.tokens.Issuer`."""

    jwks: str
    issuer: str
    audience: str
    tenant: str = "sub"
    scope: str = "scope"


class Access(Section):
    """Who may come in.

    Attributes:
        keys: file of keys, see `tfsocial keys`.
        secret: file of the secret that keys are hashed with.
    """

    keys: Path = Path("gateway/keys.jsonl")
    secret: Path = Path("gateway/secret")
    tokens: Tokens | None = None


class Quota(Section):
    """So many tokens in each window."""

    tokens: Count
    per: Literal["second", "minute", "hour", "day"] = "minute"


class Quotas(Section):
    """What tenants may use.

    Attributes:
        default: of who has none of their own; None: as much as they like.
        storage: memory://, or redis://HOST:PORT/DB for several gateways.
    """

    default: Quota | None = None
    tenants: Mapping[str, Quota] = {}
    storage: str = MEMORY


class Load(Section):
    """How much is taken at once.

    Attributes:
        batch_tokens: of a batch at the most.
        queue_tokens: that wait at the most.
        texts, characters: of a request, and of a text.
        bytes: of a request.
        seconds: that a caller waits at the most.
        arrival: seconds in which a request has to arrive.
        connections: at once.
        drain: seconds between the signal to end and the end of taking requests: so long a load
            balancer may take to hear of it.
    """

    batch_tokens: Count = 2048
    queue_tokens: Count = 65536
    texts: Count = 1024
    characters: Count = 100_000
    bytes: Count = 4 * 2**20
    seconds: Positive = 10.0
    arrival: Positive = 10.0
    connections: Count = 2048
    drain: Annotated[float, Field(ge=0)] = 0.0


class Audit(Section):
    """Who asked what and had what.

    Attributes:
        keep: whether it is kept.
        folder: of the chain and of the keys of its hashes; None: that of the keys of callers.
        every: seconds between two times that it is brought to the disk.
    """

    keep: bool = True
    folder: Path | None = None
    every: Positive = 1.0


class Drift(Section):
    """Whether texts look as they did when a model was made; see `watch.drift`.

    Attributes:
        texts: of a window.
        false_alarms: probability that a window without drift is called drifted.
        windows: jsonl of the windows, without texts, so that they can be replayed; None:
            drift.jsonl beside the keys of callers.
    """

    texts: Annotated[int, Field(ge=50)] = 500
    false_alarms: Annotated[float, Field(gt=0, lt=0.5)] = 0.01
    windows: Path | None = None


class Traces(Section):
    """Spans for OpenTelemetry.

    Attributes:
        endpoint: of a collector, OTLP over HTTP, http://HOST:4318/v1/traces; empty: no spans.
        share: of requests.
    """

    endpoint: str = ""
    share: Annotated[float, Field(ge=0, le=1)] = 0.1


class Settings(Section):
    """The whole."""

    models: Annotated[Mapping[str, Model], Field(min_length=1)]
    listen: Listen = Listen()
    access: Access = Access()
    quotas: Quotas = Quotas()
    load: Load = Load()
    audit: Audit = Audit()
    drift: Drift = Drift()
    traces: Traces = Traces()

    @property
    def audit_folder(self) -> Path | None:
        """Where the audit is; None: nowhere."""
        return (self.audit.folder or self.access.keys.parent) if self.audit.keep else None

    @property
    def drift_windows(self) -> Path:
        """Where the windows of drift are."""
        return self.drift.windows or self.access.keys.parent / "drift.jsonl"


def read(path: Path) -> Settings:
    """Read a file.

    Raises:
        InputError: it is no YAML, or a key is unknown or has a wrong value; names it.
    """
    try:
        values = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path}: is no YAML ({' '.join(str(error).split())})") from None
    return of_values(values, str(path))


def of_flags(
    folders: Mapping[str, Path], state: Path, listen: Mapping[str, Any], model: Mapping[str, Any]
) -> Settings:
    """Set up a gateway without a file.

    Args:
        folders: of each model, by name.
        state: folder of the keys and of all that is kept.
        listen, model: keys of `Listen`, and those of `Model` that all models share.

    Raises:
        InputError: see `of_values`.
    """
    values = {
        "models": {name: {"folder": folder, **model} for name, folder in folders.items()},
        "listen": listen,
        "access": {"keys": state / keys.FILE, "secret": state / keys.SECRET},
    }
    return of_values(values, "flags")


def of_values(values: Any, where: str) -> Settings:
    """Read settings from YAML values.

    Raises:
        InputError: a key is unknown or has a wrong value; begins with `where`.
    """
    try:
        settings = Settings.model_validate(values)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "the file"
        raise InputError(f"{where}: {key}: {first['msg']}") from None
    for name, model in settings.models.items():
        if model.backend != "worker" and not model.address:
            key = f"models.{name}.address"
            raise InputError(f"{where}: {key}: is missing; {model.backend} is at some HOST:PORT")
        if model.processes_most is not None and model.processes_most < model.processes:
            key = f"models.{name}.processes_most"
            raise InputError(f"{where}: {key}: is below processes, {model.processes}; raise it")
    return settings
