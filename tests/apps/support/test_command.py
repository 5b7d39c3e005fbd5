"""`tfsocial support` as a user starts it: a real process, a real model, keys, a database."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import gateways
import httpx
import pytest
import served_models
import tiny_run

from tfsocial.apps.support.reading import read_asked, read_faqs
from tfsocial.errors import InputError

QUESTIONS = [
    ("late", "where is my card", "It comes in a week.", "the card is late|no card"),
    ("lost", "i lost the card", "Block it. We send one to {address}.", ""),
]
COLUMNS = ("id", "question", "answer", "paraphrases")


class Running:
    """The command, with what is asked of it."""

    def __init__(self, state, *flags):
        self.served = gateways.start(state, *flags, command=("support",))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.served.process.kill()
        self.served.process.wait()

    def key(self, *flags: str) -> dict[str, str]:
        command = [sys.executable, "-m", "tfsocial", "keys", f"--state={self.served.state}"]
        said = subprocess.run([*command, *flags], capture_output=True, text=True, check=True)
        return {"Authorization": f"Bearer {said.stdout.strip()}"}

    def ask(self, method: str, path: str, key: dict[str, str], body=None) -> httpx.Response:
        url = f"{self.served.http}/support{path}"
        return httpx.request(method, url, json=body, headers=key, timeout=60)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return served_models.of("classify", tmp_path_factory)[1].parent


@pytest.fixture
def questions(tmp_path):
    return tiny_run.write_csv(tmp_path / "faq.csv", COLUMNS, QUESTIONS)


def test_from_a_question_to_a_person_and_back_and_away(model, questions, tmp_path):
    flags = (f"--model={model}", f"--questions={questions}", "--mask")
    state = tmp_path / "state"
    with Running(state, *flags) as one:
        channel = one.key("--add=shop")
        agent = one.key("--add=agents", "--verb=manage")
        said = {"key": "m1", "text": "where is my card", "person": "ann"}
        reply = one.ask("POST", "/talks/t1/messages", channel, said).json()
        (answer,) = reply["answers"]
        assert [piece["text"] for piece in answer["pieces"]] == ["It comes in a week."]
        with ThreadPoolExecutor(8) as pool:
            ask = partial(one.ask, "POST", "/talks/t1/messages", channel)
            again = pool.map(ask, [said] * 8)
            assert {str(each.json()) for each in again} == {str(reply)}
        told = {"key": "m2", "text": "a human please, I am ann@example.com", "person": "ann"}
        reply = one.ask("POST", "/talks/t1/messages", channel, told).json()
        assert (reply["state"], reply["reason"], reply["place"]) == ("waiting", "asked", 1)

        one.served.process.send_signal(signal.SIGKILL)
        one.served.process.wait()
    with Running(state, *flags[:1]) as one:
        (waits,) = one.ask("GET", "/desk", agent).json()
        assert (waits["talk"], waits["reason"]) == ("t1", "asked")
        turns = one.ask("GET", "/talks/t1", channel).json()["turns"]
        assert [turn["kind"] for turn in turns] == [
            *("message", "reply"),
            *("message", "reply", "handover"),
        ]
        assert turns[2]["content"]["text"] == "a human please, I am [MAIL]"
        for path, more in (("claim", {}), ("answers", {"text": "Hello"}), ("resolve", {})):
            body = {"key": path, "agent": "bea", **more}
            assert one.ask("POST", f"/talks/t1/{path}", agent, body).status_code == 200
        assert one.ask("GET", "/desk", agent).json() == []
        kept = one.ask("GET", "/persons/ann", agent).json()
        assert len(kept) == 6  # the agent's answer is theirs too
        assert one.ask("DELETE", "/persons/ann", agent).json() == {"events": 6}
        assert one.ask("GET", "/persons/ann", agent).json() == []
        assert one.served.stop() == 0
    kept = {path.name: path.read_bytes() for path in state.rglob("*") if path.is_file()}
    assert "support.db" in kept
    for name, content in kept.items():
        assert b"I am" not in content, name
        assert b"ann@" not in content, name


def test_who_may_do_what_and_what_is_wrong_is_one_sentence(model, questions, tmp_path):
    with Running(tmp_path / "state", f"--model={model}", f"--questions={questions}") as one:
        channel = one.key("--add=shop")
        agent = one.key("--add=agents", "--verb=manage")
        for method, path in (("GET", "/desk"), ("DELETE", "/persons/ann"), ("GET", "/questions")):
            assert one.ask(method, path, {}).status_code == 401
            assert one.ask(method, path, channel).status_code == 403
        message = {"key": "m1", "text": "where is my card"}
        assert one.ask("POST", "/talks/t1/messages", agent, message).status_code == 403
        for body, why in (
            ({"key": "m1", "text": " "}, "text: is empty"),
            ({"key": "m1"}, "text: Field required"),
            ({"key": "", "text": "a"}, "key: String should have at least 1 character"),
            ({**message, "colour": 1}, "colour: Extra inputs"),
        ):
            refused = one.ask("POST", "/talks/t1/messages", channel, body)
            assert refused.status_code == 400
            assert why in refused.json()["detail"]
        put = {"question": "may my dog come", "answer": "Dogs are welcome."}
        assert one.ask("PUT", "/questions/dog", agent, {"question": "a"}).status_code == 400
        assert one.ask("PUT", "/questions/dog", agent, put).json()["id"] == "dog"
        said = {"key": "m1", "text": "may my dog come"}
        reply = one.ask("POST", "/talks/t2/messages", channel, said).json()
        assert reply["answers"][0]["source"] == "dog"
        lines = '{"id": "cat", "question": "may my cat come", "answer": "No."}\n'
        for content, status, told in (
            (lines + "\n", 200, '"changed":1'),
            (lines, 200, '"changed":0'),
            (lines + '{"id": "a"', 400, "body:2: is no JSON"),
            (lines + lines, 400, "body:2: id: 'cat' stood before"),
            (b"\xff", 400, "body: is not UTF-8"),
            ("", 400, "body: holds no question"),
        ):
            url = f"{one.served.http}/support/questions"
            sent = httpx.post(url, content=content, headers=agent)
            assert (sent.status_code, told in sent.text) == (status, True)
        assert one.ask("DELETE", "/questions/dog", agent).status_code == 200
        refused = one.ask("DELETE", "/questions/dog", agent)
        assert (refused.status_code, refused.json()["detail"]) == (
            400,
            "dog: there is no such question",
        )


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("a.csv", "id,question,answer\na,b,c\na,d,e\n", "a.csv:3: id: 'a' stood before"),
        ("a.csv", "id,question,answer\na,b\n", "a.csv:2: has more or fewer cells"),
        ("a.csv", "id,question,answer\n", "a.csv: holds no question"),
        ("a.csv", "id,question,answer,since\na,b,c,soon\n", "a.csv:2: since: is no time"),
        ("a.jsonl", '{"id": "a", "answer": "b"}\n{\n', "a.jsonl:2: is no JSON"),
        ("a.jsonl", "[1]\n", "a.jsonl:1: is no JSON object"),
        ("a.txt", "a", "a.txt: is neither .csv nor .jsonl"),
        ("a.csv", b"id,question,answer\na,\xff,c\n", "a.csv: is not UTF-8"),
    ],
)
def test_a_wrong_file_is_named_with_its_line(tmp_path, name, text, why):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError) as error:
        read_faqs(path)
    assert why in str(error.value)
    assert "\n" not in str(error.value)


def test_files_of_either_kind_are_read(questions, tmp_path):
    first = read_faqs(questions)[0]
    assert first.paraphrases == ("the card is late", "no card")
    lines = tmp_path / "asked.jsonl"
    lines.write_text('{"text": "where", "id": "late"}\n\n{"text": "", "id": "late"}\n')
    with pytest.raises(InputError, match=r"asked\.jsonl:3: text: is empty"):
        read_asked(lines)
    with pytest.raises(InputError, match=r"none\.csv: cannot be read"):
        read_asked(tmp_path / "none.csv")
