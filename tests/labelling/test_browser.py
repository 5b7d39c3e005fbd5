"""The page in a real Chromium: keys, buttons, both languages, and nothing in its console."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.labelling.conftest import TEXTS, thing

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        not (shutil.which("chromium") and shutil.which("chromedriver")),
        reason="needs chromium and chromedriver; install/test_services.sh installs them",
    ),
]

ARGUMENTS = ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1200,900")
SOON = 60  # seconds


@pytest.fixture
def server(data, tmp_path) -> Iterator[Server]:
    folder = tmp_path / ("a_long_name_" * 8)  # the page names it, and must not grow wider by it
    folder.mkdir()
    found = Server(data, folder / "labels.csv")
    found.start()
    yield found
    found.stop(signal.SIGTERM)


class Server:
    """`tfsocial label`, as a user starts it."""

    def __init__(self, data: Path, output: Path):
        flags = [f"--data={data}", f"--output={output}", "--port=0", "--noretrain", "--device=cpu"]
        self._command = [sys.executable, "-m", "tfsocial", "label", *flags]
        self.output, self.address = output, ""

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.address = self._process.stdout.readline().strip()

    def stop(self, by: signal.Signals) -> None:
        os.kill(self._process.pid, by)
        self._process.wait()
        self._process.stdout.close()


@pytest.fixture
def browser(tmp_path):
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    for argument in (*ARGUMENTS, f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    found = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    yield found
    found.quit()


def text_of(browser) -> str:
    """The text shown; read in one go, since htmx exchanges the page meanwhile."""
    return browser.execute_script('return document.querySelector("h1.text")?.textContent || ""')


def key_of(browser, label: str) -> str:
    """The key that gives a label, if one does."""
    script = "return document.querySelector(arguments[0])?.dataset.key || ''"
    return browser.execute_script(script, f'button[value="{label}"][data-key]')


def until(browser, holds: Callable[[], bool]) -> None:
    """Waits: a click returns before the page that it asks for is there."""
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, SOON, 0.1).until(lambda _: holds())


def until_another(browser, text: str) -> None:
    """Waits for the next text."""
    until(browser, lambda: text_of(browser) not in (text, ""))


def until_shown(browser, words: str) -> None:
    """Waits for a page with these words."""
    until(browser, lambda: words in browser.page_source)


def begin(browser, address: str) -> None:
    browser.get(address)
    browser.find_element("id", "name").send_keys("Ann\n")
    until_another(browser, "")


def give(browser) -> str:
    """Labels the text shown, by a key where its label has one; the text."""
    text = text_of(browser)
    if key := key_of(browser, thing(text)):
        browser.find_element("tag name", "body").send_keys(key)
    else:
        browser.find_element("tag name", "body").send_keys("/")
        browser.switch_to.active_element.send_keys(f"{thing(text)}\n")
    until_another(browser, text)
    return text


def errors_of(browser) -> list[str]:
    return [line["message"] for line in browser.get_log("browser")]


def rows_of(path: Path) -> dict[str, str]:
    with path.open(encoding="utf-8", newline="") as file:
        return {row["text"]: row["label"] for row in csv.DictReader(file)}


def test_texts_are_labelled_by_keys_and_survive_a_kill(server, browser):
    """New labels by "/", known ones by number; killed between two clicks nothing is lost."""
    begin(browser, server.address)
    done = [give(browser) for _ in range(8)]
    assert errors_of(browser) == []
    server.stop(signal.SIGKILL)
    server.start()
    browser.get(server.address)  # who it is stands in a cookie
    errors_of(browser)  # meanwhile it asked a server that was gone
    assert text_of(browser) not in done
    done += [give(browser) for _ in range(4)]
    until_shown(browser, "12 of 27 texts labelled, 12 by you")
    assert errors_of(browser) == []
    shown = text_of(browser)
    browser.find_element("tag name", "body").send_keys("u")
    until_another(browser, shown)
    assert text_of(browser) == done.pop()
    server.stop(signal.SIGTERM)
    assert rows_of(server.output) == {text: thing(text) for text in done}
    server.start()


def test_both_languages_the_review_and_a_narrow_screen(server, browser):
    begin(browser, server.address)
    browser.find_element("css selector", "header form button").click()
    until_shown(browser, "跳过")
    browser.set_window_size(400, 800)
    width = "return document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    until(browser, lambda: browser.execute_script(width))
    browser.find_element("css selector", 'a[href="/review"]').click()
    until_shown(browser, "一致性")
    assert errors_of(browser) == []
    assert len(TEXTS) == 27
