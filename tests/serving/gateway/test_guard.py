"""What is too large, too slow or nonsense is refused, and nothing is a fault of the server."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfsocial.serving.gateway import listener
from tfsocial.serving.gateway.run import _http, _socket

NASTY = [
    "",
    " ",
    "\x00",
    "\ufeff",
    "a" * 50_000,
    "🙂" * 5_000,
    "e\u0301" * 5_000,
    "\u202eabc",
    "\ud83d",
    "\udfff\ud800",
    "%s%n{0}{{}}$(rm -rf /)`id`",
    "'; DROP TABLE keys; --",
    "<script>alert(1)</script>",
    "../../../../etc/passwd",
    "\r\nX-Injected: yes\r\n\r\n",
    "[CLS] [SEP] [MASK] [PAD]",
    "\u0000\u0001\u0002\u001f\u007f\u0085\u2028\u2029",
    "Ａ１２３",
    "𝕳𝖊𝖑𝖑𝖔",
    "ﷺ" * 1000,
    "@" * 20_000,
    "1" * 20_000,
    "-" * 20_000,
    "1-" * 10_000,
    "a@" * 10_000,
    "我" * 20_000,
]


def nasty_strings(count: int) -> list[str]:
    """Those above, and as many more as are wanted, drawn from all of Unicode."""
    source = random.Random(0)
    found = list(NASTY)
    ranges = [(0, 0x7F), (0, 0x2FFF), (0x3000, 0xFFFF), (0x10000, 0x10FFFF)]
    while len(found) < count:
        low, high = source.choice(ranges)
        size = source.choice([1, 3, 20, 200])
        found.append("".join(chr(source.randint(low, high)) for _ in range(size)))
    return found


@pytest.mark.parametrize("mask", [False, True])
def test_ten_thousand_nasty_strings_are_answered(house, mask):
    """Each is one text of a call: 200 for all, and the answers are in their order."""
    there = house(mask=mask, load={"seconds": 60, "queue_tokens": 10**7})
    key = there.key()
    texts = nasty_strings(10_000)
    asked = []
    for start in range(0, len(texts), 50):
        content = json_of({"texts": texts[start : start + 50]})
        headers = {**key, "Content-Type": "application/json"}
        asked.append(("POST", "/v1/classify", {"content": content, "headers": headers}))
    found = there.ask(*asked)
    assert {one.status_code for one in found} == {200}
    assert all(len(one.json()["answers"]) == 50 for one in found)


def json_of(values: object) -> bytes:
    import json

    return json.dumps(values).encode()  # halves of characters as escapes


@settings(max_examples=60, deadline=None)
@given(
    body=st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=10) | st.integers(),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "texts",
                        "text",
                        "inputs",
                        "outputs",
                        "name",
                        "shape",
                        "datatype",
                        "data",
                        "instances",
                        "parameters",
                        "id",
                        "model",
                        "version",
                        "top",
                        "query",
                    ]
                ),
                inner,
                max_size=5,
            )
        ),
        max_leaves=20,
    )
)
def test_no_json_makes_a_fault(body):
    there = made()
    asked = [
        (
            "POST",
            path,
            {"content": json_of(body), "headers": {**KEY, "Content-Type": "application/json"}},
        )
        for path in (
            "/v1/classify",
            "/v1/similar",
            "/v2/models/mood/infer",
            "/v1/models/mood:predict",
        )
    ]
    for response in there.ask(*asked):
        assert response.status_code < 500, response.text


ASKED = ("/v1/classify", "/v1/similar", "/v2/models/mood/infer", "/v1/models/mood:predict")
KEY: dict[str, str] = {}
_HOUSE = []


@pytest.fixture(autouse=True)
def one_house(house):
    """One gateway for all examples of a property."""
    _HOUSE[:] = [house()]
    KEY.update(_HOUSE[0].key())


def made():
    return _HOUSE[0]


# --- size and time -------------------------------------------------------------------------


def test_ten_megabytes_are_refused_before_they_are_read(house):
    there = house(load={"bytes": 2**20})
    read = 0

    async def body():
        nonlocal read
        for _ in range(10):
            read += 2**20
            yield b"x" * 2**20

    headers = {**there.key(), "Content-Length": str(10 * 2**20)}
    (response,) = there.ask(("POST", "/v1/classify", {"content": body(), "headers": headers}))
    assert response.status_code == 413
    assert "above 1048576 bytes" in response.json()["detail"]
    assert read <= 2**20


def test_a_body_without_a_length_is_cut_off(house):
    there = house(load={"bytes": 1000})

    async def body():
        for _ in range(100):
            yield b"x" * 100

    (response,) = there.ask(("POST", "/v1/classify", {"content": body(), "headers": there.key()}))
    assert response.status_code == 413


@contextlib.asynccontextmanager
async def listening(there):
    """The gateway behind real sockets, in this process; gives its port."""
    bound = _socket("port", "127.0.0.1", 0)
    async with _http(there.guard, bound, there.gateway.settings, None):
        yield bound.getsockname()[1]


async def said_to(port: int, *pieces: bytes, pause: float = 0.1) -> bytes:
    """What comes back on a connection on which these pieces are sent slowly, until it is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    hearing = asyncio.create_task(_heard(reader))
    with contextlib.suppress(ConnectionError):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
    said = await asyncio.wait_for(hearing, 20)
    writer.close()
    return said


async def _heard(reader: asyncio.StreamReader) -> bytes:
    heard = b""
    with contextlib.suppress(ConnectionError):
        while piece := await reader.read(4096):
            heard += piece
    return heard


def test_slow_headers_are_shown_out(house, monkeypatch):
    """Slowloris: a byte now and then on many connections, while another is answered."""
    monkeypatch.setattr(listener, "HEAD_SECONDS", 1.0)
    there = house()
    key = there.key()

    async def attacked():
        async with listening(there) as port, httpx.AsyncClient() as client:
            slow = [
                said_to(port, b"GET /v1/models HTTP/1.1\r\n", *[b"X: y\r\n"] * 30)
                for _ in range(50)
            ]
            waiting = asyncio.gather(*slow)
            await asyncio.sleep(0.3)
            good = await client.get(f"http://127.0.0.1:{port}/v1/models", headers=key)
            return good, await waiting

    good, slow = asyncio.run(attacked())
    assert good.status_code == 200
    assert all(one.startswith(b"HTTP/1.1 408") for one in slow)


def test_a_second_slow_request_on_a_connection_is_shown_out(house, monkeypatch):
    """uvicorn's own limit on idle connections ends with the first byte of the next request."""
    monkeypatch.setattr(listener, "HEAD_SECONDS", 0.5)
    there = house()

    async def attacked():
        async with listening(there) as port:
            first = b"GET /v2/health/live HTTP/1.1\r\nHost: a\r\n\r\n"
            return await said_to(port, first, b"GET /v2/health", *[b"y"] * 20)

    said = asyncio.run(attacked())
    assert said.startswith(b"HTTP/1.1 200")
    assert b"HTTP/1.1 408" in said


def test_slow_bodies_are_refused(house):
    there = house(load={"arrival": 0.5})
    authorization = there.key()["Authorization"].encode()

    async def attacked():
        async with listening(there) as port:
            head = (
                b"POST /v1/classify HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n"
                b"Connection: close\r\nAuthorization: " + authorization + b"\r\n\r\n"
            )
            return await said_to(port, head, *[b"{"] * 20)

    assert asyncio.run(attacked()).startswith(b"HTTP/1.1 408")


def test_what_is_no_http_is_refused(house):
    async def attacked(there):
        async with listening(there) as port:
            return await said_to(port, b"\x16\x03\x01 hello\r\n\r\n", pause=0)

    assert asyncio.run(attacked(house())).startswith(b"HTTP/1.1 400")


def test_a_taken_port_is_named():
    from tfsocial.errors import InputError

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"listen.port: 127.0.0.1:{port} cannot be used"):
            _socket("listen.port", "127.0.0.1", port)
