"""A real Chromium, what a user does in it, and what must not be amiss."""

from __future__ import annotations

import contextlib
import importlib.resources
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SOON = 60  # seconds
ARGUMENTS = ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1100,900")
needs_chromium = pytest.mark.skipif(
    not (shutil.which("chromium") and shutil.which("chromedriver")),
    reason="needs chromium and chromedriver; install/test_services.sh installs them",
)
FITS = "return document.documentElement.scrollWidth <= document.documentElement.clientWidth"


@contextlib.contextmanager
def opened(profile: Path, language: str = "en", scripts: bool = True) -> Iterator[Browser]:
    """A browser with a profile of its own.

    Args:
        language: that it asks for.
        scripts: whether it runs them.
    """
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    for argument in (*ARGUMENTS, f"--user-data-dir={profile}", f"--accept-lang={language}"):
        options.add_argument(argument)
    if not scripts:
        setting = {"profile.managed_default_content_settings.javascript": 2}
        options.add_experimental_option("prefs", setting)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        yield Browser(driver)
    finally:
        driver.quit()


class Browser:
    """What is done in it; each step waits until the page shows what follows from it."""

    def __init__(self, driver):
        self.driver = driver

    def open(self, address: str, shows: str) -> None:
        self.driver.get(address)
        self.until_shown(shows)

    @property
    def text(self) -> str:
        return self.driver.execute_script("return document.body.innerText")

    def write(self, field: str, text: str) -> None:
        """Writes into a field with this id, after what stands there."""
        self.driver.find_element("id", field).send_keys(text)

    def fill(self, field: str, text: str) -> None:
        """Writes into a field with this id, in the place of what stands there."""
        self.driver.find_element("id", field).clear()
        self.write(field, text)

    def value(self, field: str) -> str:
        return self.driver.find_element("id", field).get_property("value")

    def keys(self, *names: str) -> None:
        """Presses keys, by their names, one after the other."""
        from selenium.webdriver.common.keys import Keys

        for name in names:
            self.driver.switch_to.active_element.send_keys(getattr(Keys, name))

    @property
    def focused(self) -> str:
        """The id of what has the cursor."""
        return self.driver.switch_to.active_element.get_attribute("id")

    @property
    def focused_text(self) -> str:
        return self.driver.switch_to.active_element.text

    def follow(self, link: str, shows: str) -> None:
        """Follows the first link whose words begin so."""
        self.driver.find_element("xpath", f"//a[starts-with(., {link!r})]").click()
        self.until_shown(shows)

    def press(self, button: str, shows: str) -> None:
        """Presses the last button with these words."""
        path = f"//button[normalize-space(.)={button!r}]"
        found = self.driver.find_elements("xpath", path)
        assert found, f"no button {button!r}: {self.text}"
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", found[-1])
        found[-1].click()
        self.until_shown(shows)

    def until_shown(self, words: str) -> None:
        self.until(lambda: words in self.text, words)

    def until(self, holds: Callable[[], bool], about: str = "") -> None:
        from selenium.common.exceptions import TimeoutException
        from selenium.webdriver.support.ui import WebDriverWait

        try:
            WebDriverWait(self.driver, SOON, 0.1).until(lambda _: holds())
        except TimeoutException:
            raise AssertionError(f"not shown: {about}\n{self.text}") from None

    def is_clean(self) -> None:
        """Nothing in the console, no axe-core violation, nothing wider than the page."""
        said = self.driver.get_log("browser")
        assert not said, said
        assert self.driver.execute_script(FITS)
        axe = importlib.resources.files("axe_playwright_python") / "axe.min.js"
        found = self.driver.execute_async_script(
            f"{axe.read_text('utf-8')};axe.run(document).then(arguments[arguments.length - 1])"
        )
        wrong = {one["id"]: [node["html"] for node in one["nodes"]] for one in found["violations"]}
        assert not wrong
