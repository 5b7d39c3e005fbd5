"""Spans, as a collector gets them: in the caller's trace, one within the other, without a text."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def collector():
    """(address, requests that came)."""
    came: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            came.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments):
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1/traces", came
    server.shutdown()
    thread.join()
    server.server_close()


def spans_of(came: list[bytes]) -> list:
    found = []
    for content in came:
        for resource in ExportTraceServiceRequest.FromString(content).resource_spans:
            for scope in resource.scope_spans:
                found += scope.spans
    return found


def test_a_request_has_its_spans_in_the_callers_trace(house, collector):
    address, came = collector
    there = house(traces={"endpoint": address, "share": 1.0})
    headers = {**there.key(), "traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-Id": "r7"}
    body = {"texts": ["a very secret text"]}
    assert there.post("/v1/classify", body, headers).status_code == 200
    assert there.post("/v1/classify", {"texts": [3]}, headers).status_code == 400
    there.gateway.end_spans()
    inner, outer, refused = spans_of(came)
    assert (outer.name, inner.name) == ("POST request", "wait and compute")
    assert {one.trace_id.hex() for one in (inner, outer, refused)} == {TRACE}
    assert outer.parent_span_id.hex() == PARENT
    assert inner.parent_span_id == outer.span_id
    attributes = {one.key: one.value for one in (*outer.attributes, *inner.attributes)}
    assert attributes["request_id"].string_value == "r7"
    assert attributes["route"].string_value == "/v1/classify"
    assert attributes["status"].int_value == 200
    assert (attributes["texts"].int_value, attributes["tokens"].int_value) == (1, 6)
    assert not any(b"secret" in content for content in came)
    key = headers["Authorization"].split("_", 2)[2].encode()
    assert not any(key in content for content in came)


def test_a_trace_that_was_not_chosen_is_not_sent(house, collector):
    address, came = collector
    there = house(traces={"endpoint": address, "share": 1.0})
    headers = {**there.key(), "traceparent": f"00-{TRACE}-{PARENT}-00"}
    assert there.post("/v1/classify", {"texts": ["a"]}, headers).status_code == 200
    there.gateway.end_spans()
    assert spans_of(came) == []


def test_a_collector_that_is_gone_costs_no_request(house, unused_port):
    there = house(traces={"endpoint": f"http://127.0.0.1:{unused_port}/v1/traces", "share": 1.0})
    assert there.post("/v1/classify", {"texts": ["a"]}, there.key()).status_code == 200
