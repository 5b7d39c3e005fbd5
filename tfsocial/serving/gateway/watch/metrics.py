"""Numbers for Prometheus."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.openmetrics import exposition

from tfsocial.serving.gateway.guard import Seen
from tfsocial.serving.gateway.load.batcher import Told

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
TOKENS = (8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192)
TEXTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
CONTENT_TYPE = exposition.CONTENT_TYPE_LATEST


class Metrics:
    """What is counted; names begin with tfsocial_."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        call = ("route", "model", "status")
        self._requests = self._counter("requests", "Requests answered, refused ones too.", call)
        self._seconds = self._histogram(
            "request_seconds", "From the headers to the answer.", SECONDS, ("route", "model")
        )
        self._texts = self._counter("texts", "Texts answered.", ("model", "tenant"))
        self._tokens = self._counter("tokens", "Tokens counted.", ("model", "tenant"))
        self._refused = self._counter("refused", "Requests refused.", ("kind", "tenant"))
        self._masked = self._counter("masked", "Personal data masked.", ("model", "kind"))
        batch = ("model", "version")
        self._batch_tokens = self._histogram("batch_tokens", "Of a batch.", TOKENS, batch)
        self._batch_texts = self._histogram("batch_texts", "Of a batch.", TEXTS, batch)
        self._batch_seconds = self._histogram("batch_seconds", "Of a batch.", SECONDS, batch)
        self._waited = self._histogram("waited_seconds", "In the line.", SECONDS, batch)

    def seen(self, request: Seen) -> None:
        """Count a request; its id stands with its time as an exemplar."""
        route, model = request.route or "other", request.model
        self._requests.labels(route, model, request.status).inc()
        if not request.open_ended:
            self._seconds.labels(route, model).observe(
                request.seconds, {"request_id": request.request_id}
            )
        if request.problem:
            self._refused.labels(request.problem, request.tenant).inc()
        else:
            self._texts.labels(model, request.tenant).inc(request.texts)
            self._tokens.labels(model, request.tenant).inc(request.tokens)

    def masked(self, model: str, counts: Mapping[str, int]) -> None:
        """Count what was masked."""
        for kind, count in counts.items():
            self._masked.labels(model, kind).inc(count)

    def told(self, model: str, version: int) -> Told:
        """Give what hears of the load of a version."""
        names = model, str(version)
        batch_tokens, batch_texts = (
            one.labels(*names) for one in (self._batch_tokens, self._batch_texts)
        )
        seconds_of, waited = self._batch_seconds.labels(*names), self._waited.labels(*names)

        def batch(texts: int, tokens: int, seconds: float) -> None:
            batch_texts.observe(texts)
            batch_tokens.observe(tokens)
            seconds_of.observe(seconds)

        return Told(batch, waited.observe)

    def exposed(self) -> bytes:
        """Write all numbers as OpenMetrics text."""
        return exposition.generate_latest(self.registry)

    def _counter(self, name: str, about: str, labels: tuple[str, ...]) -> Counter:
        return Counter(f"tfsocial_{name}", about, labels, registry=self.registry)

    def _histogram(
        self, name: str, about: str, buckets: tuple[float, ...], labels: tuple[str, ...]
    ) -> Histogram:
        return Histogram(f"tfsocial_{name}", about, labels, buckets=buckets, registry=self.registry)
