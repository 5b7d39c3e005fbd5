"""`tfsocial recommend` as a user starts it: a real process, a real model, a browser, kills."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time

import browsers
import gateways
import httpx
import pytest
import served_models
import tiny_run
from monitoring_servers import wait_for

from tests.apps.recommend.a_shop import DAY, lines
from tfsocial.apps.database import open_database
from tfsocial.apps.events import EventLog
from tfsocial.apps.recommend.history import STREAM, History, recount

ITEMS = [(f"i{n}", f"{('late card', 'lost order')[n % 2]} {n}", 2 + n % 3) for n in range(30)]
KILLS = 4  # of a whole server; those of what derives deeds are in test_history


def purchases(now: float, persons: int = 40, each: int = 10) -> list[tuple[str, str, float]]:
    draw = random.Random(0)
    return [
        (f"p{one}", f"i{2 * draw.randrange(15) + one % 2}", now - 100 * DAY * draw.random())
        for one in range(persons)
        for _ in range(each)
    ]


class Running:
    """The command, with what is asked of it."""

    def __init__(self, state, *flags):
        self.served = gateways.start(state, *flags, command=("recommend",))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def kill(self) -> None:
        self.served.process.send_signal(signal.SIGKILL)
        self.served.process.wait()

    @property
    def operators_key(self) -> str:
        (line,) = (line for line in self.served.said if line.startswith("operators' key: "))
        return line.split()[2]

    def key(self, *flags: str) -> dict[str, str]:
        command = [sys.executable, "-m", "tfsocial", "keys", f"--state={self.served.state}"]
        said = subprocess.run([*command, *flags], capture_output=True, text=True, check=True)
        return {"Authorization": f"Bearer {said.stdout.strip()}"}

    def ask(self, method: str, path: str, key: dict[str, str], **more) -> httpx.Response:
        url = f"{self.served.http}/recommend/{path}"
        return httpx.request(method, url, headers=key, timeout=120, **more)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return served_models.of("classify", tmp_path_factory)[1].parent


@pytest.fixture
def flags(model, tmp_path):
    """Items and purchases of a small shop, and a model of random weights."""
    now = time.time()
    items = tiny_run.write_csv(tmp_path / "items.csv", ("id", "title", "price"), ITEMS)
    done = tiny_run.write_csv(tmp_path / "deeds.csv", ("person", "item", "time"), purchases(now))
    return (f"--model={model}", f"--items={items}", f"--deeds={done}")


def test_from_a_shop_to_a_list_by_a_ranking_over_a_kill_and_away(flags, tmp_path):
    state = tmp_path / "state"
    with Running(state, *flags) as one:
        shop, manage = one.key("--add=shop"), one.key("--add=staff", "--verb=manage")
        made = one.ask("POST", "lists", shop, json={"person": "p0", "count": 5}).json()
        assert len(made["items"]) == 5
        wait_for(lambda: one.ask("GET", "state", manage).json()["ranking"] == 1, 240)
        made = one.ask("POST", "lists", shop, json={"person": "p0", "count": 5}).json()
        assert made["ranking"] == "1"
        refused = made["items"][0]["id"]
        deed = {"person": "p0", "item": refused, "kind": "refused", "list": made["id"]}
        assert one.ask("POST", "deeds", shop, content=lines(deed)).json() == {"new": 1}
        one.kill()
    with Running(state, *flags) as one:
        made = one.ask("POST", "lists", shop, json={"person": "p0", "count": 30}).json()
        assert made["ranking"] == "1"
        assert refused not in [each["id"] for each in made["items"]]
        assert one.ask("DELETE", "persons/p0", manage).json()["events"] > 10
        wait_for(lambda: one.ask("GET", "state", manage).json()["ranking"] == 2, 240)
        assert not (state / "rankings" / "1").exists()
        assert one.served.stop() == 0
    kept = {path: path.read_bytes() for path in state.rglob("*") if path.is_file()}
    for path, content in kept.items():
        assert b'"p0"' not in content, path
        assert b"p0 bought" not in content, path


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("--diversity=2", "--diversity=2.0: write a number from 0 to 1"),
        ("--explored=9", "--explored=9: write 0 to 5"),
        ("--refit_hours=0", "--refit_hours=0.0: write 0.1"),
        ("--lists_days=0", "--lists_days=0.0: write 1"),
        ("--items=none.csv", "--items=none.csv"),
        ("--database=mysql://x/y", "database=mysql://x/y"),
    ],
)
def test_flags_that_cannot_be_say_why(flags, tmp_path, flag, said, capsys):
    from tfsocial.__main__ import main

    base = [f"--state={tmp_path / 'state'}", "--port=0", "--admin_port=0"]
    assert main(["recommend", *base, *flags, flag]) == 2
    assert said in capsys.readouterr().err


def test_a_fit_with_nothing_to_learn_from_says_so(tmp_path, capsys):
    from tfsocial.__main__ import main

    assert main(["recommend-fit", f"--state={tmp_path}"]) == 2
    assert "deeds: there are none of known items" in capsys.readouterr().err
    assert main(["recommend-fit", f"--state={tmp_path / 'none'}"]) == 2
    assert "--state" in capsys.readouterr().err


@pytest.mark.long
def test_killed_again_and_again_each_deed_counts_once(flags, url, tmp_path, unused_port):
    """What was answered for is there; what is sent again is the same."""
    sent, draw = [], random.Random(1)
    now = time.time()
    for kill in range(KILLS):
        more = (f"--database={url}", f"--port={unused_port}")
        with Running(tmp_path / "state", *flags, *more) as one:
            if not kill:
                shop = one.key("--add=shop")
            for n in range(6):
                deeds = [
                    {
                        "person": f"q{draw.randrange(5)}",
                        "item": f"i{draw.randrange(30)}",
                        "kind": draw.choice(("bought", "clicked")),
                        "time": now - draw.randrange(1000),
                        "key": f"{kill} {n} {place}",
                    }
                    for place in range(5)
                ]
                again = draw.choice(sent) if sent and draw.random() < 0.3 else deeds
                for part in (deeds, again):
                    answer = one.ask("POST", "deeds", shop, content=lines(*part))
                    assert answer.status_code == 200
                sent.append(deeds)
    engine = open_database(url)
    history = History(engine)
    history.catch_up()
    events = EventLog(engine).after(STREAM, 0, 100_000)
    assert len(events) == len(set(purchases(now))) + KILLS * 30
    assert history.counts() == recount(events)
    engine.dispose()


@pytest.mark.long
@browsers.needs_chromium
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_pages_in_a_real_browser(flags, url, tmp_path, language):
    says = {
        "en": ("What do you like?", "Show me a list", "For you", "More like this",
               "Not interested", "Your name", "For whom it works", "You are not followed",
               "Do not follow me"),
        "zh": ("您喜欢什么？", "生成列表", "为您推荐", "更多类似商品",
               "不感兴趣", "您的名字", "对谁有效", "您未被跟踪", "不要跟踪我"),
    }[language]  # fmt: skip
    with Running(tmp_path / "state", *flags, f"--database={url}") as one:
        with browsers.opened(tmp_path / "visitor", language) as browser:
            browser.open(one.served.http, says[0])
            browser.is_clean()
            for box in browser.driver.find_elements("name", "interests")[:3]:
                box.click()
            browser.press(says[1], says[2])
            browser.is_clean()
            last = titles(browser)[-1]
            browser.press(says[4], says[2])
            browser.until(lambda: last not in titles(browser))
            browser.is_clean()
            slider = browser.driver.find_element("id", "diversity")
            slider.send_keys("\ue014")  # to the right
            kept = "return document.getElementById('diversity').defaultValue"
            browser.until(lambda: browser.driver.execute_script(kept) == "0.2")
            browser.is_clean()
        see = one.key("--add=staff", "--verb=manage")
        wait_for(lambda: one.ask("GET", "state", see).json()["ranking"] == 1, 240)
        with browsers.opened(tmp_path / "operator", language) as browser:
            browser.open(f"{one.served.http}/recommend/report", says[5])
            browser.is_clean()
            browser.write("name", "Bea")
            browser.write("key", f"{one.operators_key}\n")
            browser.until_shown(says[6])
            browser.is_clean()
        with browsers.opened(tmp_path / "plain", language, scripts=False) as browser:
            browser.open(one.served.http, says[0])
            browser.driver.find_element("name", "interests").send_keys(" ")  # by keyboard
            browser.press(says[1], says[2])
            browser.press(says[3], says[2])
            browser.driver.find_elements("tag name", "summary")[-1].click()
            browser.press(says[8], says[7])


def titles(browser) -> list[str]:
    """The items of the list; read at once, since a part of the page may be exchanged meanwhile."""
    found = "return [...document.querySelectorAll('.listed h2')].map(one => one.innerText)"
    return browser.driver.execute_script(found)
