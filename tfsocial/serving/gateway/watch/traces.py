"""Spans of requests for OpenTelemetry: where a request's time went, never what it said."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any, Protocol

from tfsocial import extras

# Module -> its package; in the order in which `spans` takes them.
PACKAGES = {
    "opentelemetry.sdk.trace": "opentelemetry-sdk",
    "opentelemetry.sdk.trace.export": "opentelemetry-sdk",
    "opentelemetry.sdk.trace.sampling": "opentelemetry-sdk",
    "opentelemetry.sdk.resources": "opentelemetry-sdk",
    "opentelemetry.exporter.otlp.proto.http.trace_exporter": (
        "opentelemetry-exporter-otlp-proto-http"
    ),
    "opentelemetry.trace.propagation.tracecontext": "opentelemetry-api",
}
Set = Callable[[str, Any], None]  # an attribute of a span


class Spans(Protocol):
    """What makes spans."""

    def __call__(
        self, name: str, carrier: Mapping[str, str] | None = None
    ) -> contextlib.AbstractContextManager[Set]:
        """Make a span that lasts as long as `with`, within the one that is open.

        Args:
            carrier: headers of a request, whose `traceparent` it belongs to (W3C Trace Context).
        """


def _ignore(name: str, value: Any) -> None:
    pass


@contextlib.contextmanager
def no_spans(name: str, carrier: Mapping[str, str] | None = None) -> Iterator[Set]:
    """Make none."""
    yield _ignore


def spans(endpoint: str, share: float) -> tuple[Spans, Callable[[], None]]:
    """Make spans that go to a collector by OTLP over HTTP, in batches of a thread of their own.

    A collector that is slow or gone costs spans, never a request.

    Args:
        endpoint: http://HOST:4318/v1/traces.
        share: of requests; one that belongs to a trace follows that one's choice.

    Returns:
        What makes spans, and what sends those that are left, at the end.

    Raises:
        InputError: the packages are not installed.
    """
    sdk, export, sampling, resources, otlp, propagation = map(_library, PACKAGES)
    provider = sdk.TracerProvider(
        resource=resources.Resource.create({"service.name": "tfsocial-gateway"}),
        sampler=sampling.ParentBased(sampling.TraceIdRatioBased(share)),
    )
    provider.add_span_processor(export.BatchSpanProcessor(otlp.OTLPSpanExporter(endpoint)))
    tracer = provider.get_tracer("tfsocial.gateway")
    propagator = propagation.TraceContextTextMapPropagator()

    @contextlib.contextmanager
    def made(name: str, carrier: Mapping[str, str] | None = None) -> Iterator[Set]:
        context = propagator.extract(dict(carrier)) if carrier is not None else None
        # An exception's message may have what was sent.
        with tracer.start_as_current_span(
            name, context, record_exception=False, set_status_on_exception=False
        ) as span:
            yield span.set_attribute

    return made, provider.shutdown


def _library(module: str) -> ModuleType:
    return extras.library(module, PACKAGES[module], "otel", "traces.endpoint")
