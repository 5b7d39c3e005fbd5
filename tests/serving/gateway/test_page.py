"""The operators' page: what is shown, and that a browser shows it without a complaint."""

from __future__ import annotations

import asyncio
import shutil
from types import SimpleNamespace

import httpx
import pytest
from gateways import Served
from letters import Letters

from tfsocial.serving.gateway.app import make_admin
from tfsocial.serving.gateway.load.batcher import Batcher, Limits
from tfsocial.serving.gateway.operators.page import Page
from tfsocial.serving.gateway.version import Version
from tfsocial.serving.gateway.watch.drift import Score
from tfsocial.serving.gateway.watch.recent import Recent

FITS = "return document.documentElement.scrollWidth <= document.documentElement.clientWidth"
ASK = {"texts": ["hello", "there"]}


def shown(there, path: str = "/") -> httpx.Response:
    recent = Recent()
    for one in there.seen:
        recent.seen(one)
    gateway = there.gateway
    page = Page(gateway.models, recent, gateway.door.keys)
    app = make_admin(gateway.models, gateway.metrics, page)

    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://operators") as client:
            return await client.get(path)

    return asyncio.run(asked())


def test_it_shows_traffic_versions_and_keys(house):
    there = house(quotas={"tenants": {"small": {"tokens": 1}}})
    key = there.key(note="<b>the shop</b>")
    for _ in range(3):
        there.post("/v1/classify", ASK, key)
    there.post("/v1/classify", ASK, there.key("small"))
    page = shown(there)
    assert page.status_code == 200
    assert "script" not in page.text
    assert "style-src 'self'" in page.headers["content-security-policy"]
    assert "Version 7, manifest 000000000000" in page.text
    assert "<dt>refused</dt><dd>25.0 %</dd>" in page.text
    assert "&lt;b&gt;the shop&lt;/b&gt;" in page.text
    prefix = key["Authorization"].split("_")[1]
    assert prefix in page.text
    assert key["Authorization"].split("_", 2)[2] not in page.text


def test_it_shows_drift_a_trial_and_versions_not_taken(house):
    there = house(models={"mood": {"folder": "letters", "change": {"mode": "canary"}}})
    model = there.gateway.models["mood"]
    candidate = Letters()
    model.begin_trial(model.current, Version(8, "1", candidate, Batcher(candidate, Limits())))
    model.trial.tests["agreement"].see(True, 30)
    model.failed[6] = "its answers differ by 0.2"
    scores = {"mood labels": Score(0.3, 0.1), "embedding": Score(0.5, 2.0)}
    watch = SimpleNamespace(scores=scores, accuracy={"mood": 0.876})
    object.__setattr__(model.current, "watch", watch)
    page = shown(there).text
    assert "Version 8 on trial, canary" in page
    assert "100.0 % of 30, open" in page
    assert "6: its answers differ by 0.2" in page
    assert '<td>0.3</td><td>0.1</td><td><strong class="bad">drifted</strong>' in page
    assert "<td>0.5</td><td>2</td><td>within chance" in page
    assert "87.6 %" in page


def test_numbers_are_beside_it(house):
    there = house()
    there.post("/v1/classify", ASK, there.key())
    page = shown(there, "/metrics")
    assert page.headers["content-type"].startswith("application/openmetrics-text")
    assert 'tfsocial_version{model="mood"} 7.0' in page.text
    assert 'tfsocial_up{model="mood"} 1.0' in page.text
    assert page.text.endswith("# EOF\n")


@pytest.mark.long
@pytest.mark.skipif(
    not (shutil.which("chromium") and shutil.which("chromedriver")),
    reason="needs chromium and chromedriver; install/test_services.sh installs them",
)
def test_a_browser_shows_it_wide_and_narrow(serve, folders, tmp_path):
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.support.ui import WebDriverWait

    there: Served = serve(f"--model=mood={folders('classify')[1].parent}")
    for _ in range(5):
        there.classify(["it is late", "good"])
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.add_argument(f"--user-data-dir={tmp_path / 'profile'}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = Service(shutil.which("chromedriver"))
    with webdriver.Chrome(options=options, service=service) as browser:
        for width in (1200, 400):
            browser.set_window_size(width, 900)
            browser.get(there.operators)
            assert "answers" in browser.find_element("css selector", "h2 span").text
            assert browser.find_elements("css selector", ".tiles dd")[2].text.endswith(" ms")
            colour = browser.find_element("css selector", ".good").value_of_css_property("color")
            assert "23, 105, 58" in colour or "127, 214, 162" in colour  # the style was let in
            WebDriverWait(browser, 30).until(lambda page: page.execute_script(FITS))
        assert browser.get_log("browser") == []
