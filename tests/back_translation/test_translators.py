"""A service that answers, answers wrongly or not at all; and a file of pairs."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tfsocial.back_translation.translators import Http, Pairs
from tfsocial.config import HttpTranslator, PairsTranslator
from tfsocial.errors import InputError


@pytest.fixture
def service():
    """A service that gives one of `answers` after another: (status, body) or seconds to wait."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.answers, server.requests, server.over = [], [], threading.Event()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.over.set()
    server.shutdown()
    thread.join()
    server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, json.loads(body)))
        status, answer = self.server.answers.pop(0)
        if status is None:
            self.server.over.wait(30)
            return
        self.send_response(status)
        self.end_headers()
        self.wfile.write(answer if isinstance(answer, bytes) else json.dumps(answer).encode())

    def log_message(self, *_):
        """Nothing on stderr."""


@pytest.fixture
def ask(service):
    """`ask(texts, draw, **knobs)`: what the client makes of the service's answers; `ask.waits`."""

    def asked(texts=("hello", "你好"), draw=0, **knobs):
        address = f"http://127.0.0.1:{service.server_port}/say?key=secret"
        section = HttpTranslator(translator="http", cache="c", **{"url": address, **knobs})
        return Http(section, asked.waits.append)(list(texts), draw)

    asked.waits = []
    return asked


def good(*texts: str):
    return 200, {"translations": list(texts)}


class TestHttp:
    def test_the_protocol(self, service, ask):
        """Texts and the draw are posted as JSON; the answers come back in their order."""
        service.answers = [good("hi", "您好")]
        assert ask(draw=1) == ["hi", "您好"]
        assert service.requests == [("/say?key=secret", {"texts": ["hello", "你好"], "draw": 1})]

    def test_tries_again_where_that_may_help(self, service, ask):
        """After 503 and 429, each time waiting twice as long."""
        service.answers = [(503, ""), (429, ""), good("hi", "您好")]
        assert ask() == ["hi", "您好"]
        assert ask.waits == [1.0, 2.0]

    def test_the_log_tells_no_secret(self, service, ask, caplog):
        """Neither the client's own lines nor the library's; the texts are not told either."""
        service.answers = [(503, ""), good("hi", "您好")]
        with caplog.at_level("INFO"):
            ask()
        assert "answers with status 503; again in 1 s" in caplog.text
        assert not any(word in caplog.text for word in ("secret", "hello", "您好"))

    @pytest.mark.parametrize(
        ("answer", "sentence"),
        [
            ((404, ""), "answers with status 404"),
            ((200, b"<html>"), "answers with what is no JSON"),
            ((200, b"\xff\xfe\xfd"), "answers with what is no JSON"),
            ((200, ["hi", "您好"]), 'answers without {"translations": [...]}, a list of strings'),
            (good("hi"), "answers 2 texts with 1 translations"),
            ((200, {"translations": ["hi", 3]}), 'answers without {"translations": [...]}'),
        ],
    )
    def test_refuses_once_what_another_attempt_will_not_mend(self, service, ask, answer, sentence):
        """One sentence with the address, without what may be secret in it."""
        service.answers = [answer]
        with pytest.raises(InputError) as caught:
            ask()
        message = str(caught.value)
        assert message.startswith(
            f"data.back_translation.url http://127.0.0.1:{service.server_port}"
        )
        assert sentence in message
        assert "secret" not in message
        assert ask.waits == []

    def test_gives_up_after_the_last_attempt(self, service, ask):
        """And says how often it tried."""
        service.answers = [(500, "")] * 3
        with pytest.raises(InputError, match=r"answers with status 500 \(3 attempts\)$"):
            ask(retries=2)
        assert len(service.requests) == 3

    def test_no_connection(self, ask):
        """Nobody listens at port 9."""
        with pytest.raises(InputError, match=r"cannot be reached .*check that the service runs"):
            ask(url="http://127.0.0.1:9/", retries=0)

    def test_no_answer_in_time(self, service, ask):
        """The service takes the request and is silent."""
        service.answers = [(None, "")]
        with pytest.raises(InputError, match=r"does not answer within 0\.2 s"):
            ask(timeout=0.2, retries=0)


class TestPairs:
    @pytest.fixture
    def read(self, tmp_path):
        """`read(content, name)`: the pairs of a file."""

        def made(content: str, name: str = "pairs.csv") -> Pairs:
            (tmp_path / name).write_text(content, "utf-8")
            return Pairs.read(
                PairsTranslator(translator="pairs", cache="c", file=name), str(tmp_path)
            )

        return made

    def test_by_text_and_draw(self, read):
        """The second row of a text is its draw 1; empty where there is none."""
        pairs = read('text,paraphrase\nhello,hi\nhello,"hey, you"\n你好,您好\n')
        assert pairs(["你好", "hello", "bye"]) == ["您好", "hi", ""]
        assert pairs(["你好", "hello"], 1) == ["", "hey, you"]

    def test_jsonl(self, read):
        """As the data itself may be."""
        pairs = read('{"text": "a", "paraphrase": "b"}\n', "pairs.jsonl")
        assert pairs(["a"]) == ["b"]

    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            ("text,other\na,b\n", r"pairs\.csv:2: expected a row with text and paraphrase"),
            ("text,paraphrase\na,b\nc\n", r"pairs\.csv:3: "),
        ],
    )
    def test_refuses_by_line(self, read, content, sentence):
        """Not a row is guessed."""
        with pytest.raises(InputError, match=sentence):
            read(content)
