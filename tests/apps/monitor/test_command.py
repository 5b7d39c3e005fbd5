"""`tfsocial monitor` as a user starts it: real processes, servers, a model, a browser, alarms."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import signal
import subprocess
import sys
import time

import browsers
import debian_servers
import gateways
import httpx
import pytest
import served_models
from monitoring_servers import (
    alertmanager,
    free_port,
    needs,
    pager,
    prometheus_config,
    running,
    wait_for,
)

from tfsocial.apps.monitor import playing
from tfsocial.errors import InputError

WORDS = ("card", "late", "lost", "fee", "refund", "order", "long", "cost", "money", "day")
DAYS, A_DAY = 4, 40


class Running:
    """The command, with what is asked of it."""

    def __init__(self, state, *flags):
        self.served = gateways.start(state, *flags, command=("monitor",))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.served.process.kill()
        self.served.process.wait()

    @property
    def staff_key(self) -> str:
        (line,) = (line for line in self.served.said if line.startswith("staff's key: "))
        return line.split()[2]

    def key(self, *flags: str) -> dict[str, str]:
        command = [sys.executable, "-m", "tfsocial", "keys", f"--state={self.served.state}"]
        said = subprocess.run([*command, *flags], capture_output=True, text=True, check=True)
        return {"Authorization": f"Bearer {said.stdout.strip()}"}

    def see(self, path: str, key: dict[str, str]):
        answer = httpx.get(f"{self.served.http}/monitor/{path}", headers=key, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def send(self, texts, key: dict[str, str]) -> int:
        body = "\n".join(json.dumps(one) for one in texts).encode()
        url = f"{self.served.http}/monitor/texts"
        answer = httpx.post(url, content=body, headers=key, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()["new"]

    def labelled(self, key: dict[str, str]) -> dict:
        """The state, once all texts are labelled."""

        def state():
            found = self.see("state", key)
            return found if found["version"] and not found["waiting"] else None

        return wait_for(state)

    def by_label(self, count: int) -> dict[str, list[str]]:
        """Texts that the model calls so; it is one of random weights."""
        draw = random.Random(0)
        texts = [" ".join(draw.choices(WORDS, k=7)) + f" {n}" for n in range(count)]
        found: dict[str, list[str]] = {}
        for start in range(0, count, 50):
            answers = self.served.classify(texts[start : start + 50]).json()["answers"]
            for text, answer in zip(texts[start : start + 50], answers, strict=True):
                found.setdefault(answer["mood"]["label"], []).append(text)
        return found


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return served_models.of("classify", tmp_path_factory)[1].parent


def message(text: str, at: float, key: str, **more) -> dict:
    return {"text": text, "time": at, "key": key, "topic": "bank", "source": "web", **more}


def history(texts: list[str], now: float) -> list[dict]:
    gap = 86_400 / A_DAY
    return [
        message(texts[n % len(texts)] + f" {n * 7919}", now - (n + 2) * gap, f"h{n}")
        for n in range(DAYS * A_DAY)
    ]


def test_from_texts_to_counts_over_a_kill_and_a_person_who_goes(model, tmp_path):
    flags = (f"--model={model}", "--negative=sad", "--mask")
    state, now = tmp_path / "state", time.time()
    tail = tmp_path / "texts.jsonl"
    told = message("the card of bob@example.com is late", now - 50, "f1")
    tail.write_text(json.dumps(told) + "\n")
    with Running(state, *flags, f"--read=file:{tail}") as one:
        see, send = one.key("--add=staff", "--verb=manage"), one.served.headers
        told = message("I am ann@example.com and it is late", now - 40, "h1", person="ann")
        assert one.send([told, told], send) == 1
        one.labelled(see)
        wait_for(lambda: [each["texts"] for each in one.see("topics", see)] == [2])
        one.served.process.send_signal(signal.SIGKILL)
        one.served.process.wait()
    with tail.open("a") as file:
        file.write(json.dumps(message("the order is lost", now - 30, "f2")) + "\n")
    with Running(state, *flags, f"--read=file:{tail}") as one:
        assert one.send([told], send) == 0
        texts = wait_for(lambda: (found := one.see("topics/bank/texts", see))[2:] and found)
        assert len(texts) == 3
        assert "ann@example.com" not in str(texts)
        assert "bob@example.com" not in str(texts)
        url = f"{one.served.http}/monitor/persons/ann"
        assert httpx.delete(url, headers=see, timeout=60).json() == {"events": 1}
        assert one.served.stop() == 0
    kept = b"".join(path.read_bytes() for path in state.rglob("*") if path.is_file())
    assert b"and it is late" not in kept
    assert b"bob@example.com" not in kept


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--negative=bad",), "--negative=bad: is a label of no tasks of the model"),
        (("--topics=model",), "--topics=model: the model has one task alone"),
        (("--zone=Mars/Here",), "--zone=Mars/Here: is no time zone"),
        (("--read=ftp://x/y",), "--read=ftp://x/y: is no source"),
        (("--false_alarms=0",), "--false_alarms=0.0: write a number from 0.001"),
        (("--webhook=here",), "--webhook: what was given is no address"),
    ],
)
def test_flags_that_cannot_be_say_why(model, tmp_path, flags, said, capsys):
    from tfsocial.__main__ import main

    base = [f"--model={model}", f"--state={tmp_path / 'state'}", "--port=0", "--admin_port=0"]
    negative = () if flags[0].startswith("--negative") else ("--negative=sad",)
    assert main(["monitor", *base, *negative, *flags]) == 2
    shown = capsys.readouterr().err
    assert said in shown
    assert "key: " not in shown


def test_without_a_model_it_says_what_to_do(tmp_path):
    from tfsocial.api import run

    with pytest.raises(InputError, match="--model: name a folder"):
        run.monitor(state=tmp_path)


def test_the_demo_has_headlines_of_three_weeks_and_plays_them_once(engine):
    from tfsocial.api.run import demo_of

    path, now = demo_of("monitor") / "stream.csv", time.time()
    count = playing.fill(engine, path, now)
    assert 2_000 < count < 4_000
    assert playing.fill(engine, path, now) == 0


@pytest.mark.long
@needs("prometheus", "prometheus-alertmanager")
def test_a_surge_read_from_real_servers_calls_somebody(model, url, tmp_path):
    """NATS and Redis in; a webhook, Prometheus and Alertmanager out."""
    with contextlib.ExitStack() as stack:
        nats = stack.enter_context(debian_servers.nats(tmp_path / "nats", free_port()))
        (tmp_path / "redis").mkdir()
        redis = stack.enter_context(debian_servers.redis(tmp_path / "redis", free_port()))
        asyncio.run(_stream(nats))
        hook, posted = stack.enter_context(pager())
        page, heard = stack.enter_context(pager())
        one = stack.enter_context(
            Running(
                tmp_path / "state",
                f"--model={model}",
                "--negative=sad",
                f"--database={url}",
                f"--read={nats}/opinions.bank",
                f"--read={redis.rpartition('/')[0]}/opinions",
                f"--webhook={hook}/hook",
            )
        )
        address = stack.enter_context(alertmanager(tmp_path, page))
        config = prometheus_config(tmp_path, one.served.operators, address)
        storage = f"--storage.tsdb.path={tmp_path / 'series'}"
        flags = (f"--config.file={config}", storage)
        stack.enter_context(running("prometheus", tmp_path, *flags))

        see, now = one.key("--add=staff", "--verb=manage"), time.time()
        texts = one.by_label(400)
        one.send(history(texts["happy"][:60] + texts["sad"][:6], now), one.served.headers)
        wait_for(lambda: one.see("topics", see) and not one.see("topics", see)[0]["learning"])
        assert one.see("incidents", see) == []
        surge = [
            message(f"{text} {n * 104_729}", now - 1800 + 40 * n, f"s{n}", author=f"a{n}")
            for n, text in enumerate((texts["sad"] * 60)[:40])
        ]
        asyncio.run(_publish(nats, [{**one, "source": "nats"} for one in surge[:20]]))
        _add(redis, [{**one, "source": "redis"} for one in surge[20:]])
        (incident,) = wait_for(lambda: one.see("incidents", see), 150)
        assert (incident["topic"], incident["kind"]) == ("bank", "surge")
        (_, sent) = wait_for(lambda: posted, 30)[0]
        assert sent["incident"] == incident["id"]
        assert "card" not in json.dumps(sent)
        calls = wait_for(lambda: [call for path, call in heard if "bank" in str(call)], 60)
        (alert, *_) = calls[0]["alerts"]
        assert alert["labels"]["topic"] == "bank"


async def _stream(url: str) -> None:
    import nats

    client = await nats.connect(url)
    await client.jetstream().add_stream(name="opinions", subjects=["opinions.*"])
    await client.close()


async def _publish(url: str, messages) -> None:
    import nats

    client = await nats.connect(url)
    for one in messages:
        await client.jetstream().publish("opinions.bank", json.dumps(one).encode())
    await client.close()


def _add(url: str, messages) -> None:
    import redis

    client = redis.from_url(url)
    for one in messages:
        client.xadd("opinions", {"json": json.dumps(one)})
    client.close()


@pytest.mark.long
@browsers.needs_chromium
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_pages_in_a_real_browser(model, url, tmp_path, language):
    says = {
        "en": ("Your name", "Nothing is out of the ordinary.", "The chart in numbers", "Model"),
        "zh": ("您的名字", "一切正常。", "图表数据", "模型"),
    }[language]
    flags = (f"--model={model}", "--negative=sad", f"--database={url}")
    with Running(tmp_path / "state", *flags) as one:
        see, now = one.key("--add=staff", "--verb=manage"), time.time()
        texts = one.by_label(100)
        with browsers.opened(tmp_path / "profile", language) as browser:
            browser.open(one.served.http, says[0])
            browser.is_clean()
            browser.write("name", "Bea")
            browser.write("key", f"{one.staff_key}\n")
            browser.until_shown(says[1])
            browser.is_clean()
            one.send(history(texts["happy"] + texts["sad"], now), one.served.headers)
            one.labelled(see)
            browser.until_shown("bank")  # without a reload
            browser.is_clean()
            browser.follow("bank", says[2])
            browser.until(lambda: browser.driver.find_elements("css selector", ".u-wrap canvas"))
            browser.is_clean()
            before = browser.driver.find_element("id", "until").text
            browser.driver.find_element("id", "back").send_keys(*["\ue012"] * 4)  # to the left
            browser.until(lambda: browser.driver.find_element("id", "until").text != before)
            browser.follow(says[3], "1-")
            browser.is_clean()
        with browsers.opened(tmp_path / "plain", language, scripts=False) as browser:
            browser.open(f"{one.served.http}/monitor/sign-in", says[0])
            browser.write("name", "Bea")
            browser.write("key", f"{one.staff_key}\n")
            browser.until_shown("bank")
            browser.follow("bank", says[2])
            assert texts["happy"][0] in browser.text or texts["sad"][0] in browser.text
