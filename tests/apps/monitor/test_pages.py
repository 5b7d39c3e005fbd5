"""Pages and endpoints behind the guard: who comes in, what is shown, what a form does."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from starlette.testclient import TestClient

from tests.apps.guarded import GuardedSite
from tests.apps.monitor import by_hand
from tests.apps.monitor.by_hand import event, reader
from tests.apps.monitor.test_watching import NOW, at_once
from tfsocial.apps.live import Live
from tfsocial.apps.monitor import contents, pages
from tfsocial.apps.monitor.endpoints import Endpoints
from tfsocial.apps.monitor.incidents import KINDS, SEVERITIES
from tfsocial.apps.monitor.numbers import Numbers
from tfsocial.apps.monitor.pages.entrance import Entrance
from tfsocial.apps.monitor.pages.phrases import PHRASES
from tfsocial.apps.monitor.service import Monitor
from tfsocial.apps.monitor.topics import ByField

BOARD, ON, HEALTH = "/monitor/board", "/monitor/on?topic=bank", "/monitor/health"


def asked(texts):
    """Vectors and probabilities: the longer a text, the less sure."""
    draw = np.random.default_rng(0)
    vectors = draw.normal(size=(len(texts), 4)).astype(np.float32)
    sure = np.array([1 / (1 + len(text)) for text in texts], np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors, np.stack([1 - sure, sure], 1)


def kept(event):
    """As where personal data is masked."""
    return replace(event, content=contents.masked(event.content, lambda t: t.replace("@", "#")))


class Site(GuardedSite):
    """The pages and endpoints behind a guard."""

    def __init__(self, engine, folder):
        super().__init__(folder, "monitor", Entrance)
        known = [("a bad day", "negative")] * 30 + [("a fine day", "neutral")] * 70
        known += [("bad, or not", "neutral")] * 10
        self.monitor = Monitor(engine, reader(), ByField(), ask=asked, known=known, fits=at_once)
        self.woken = 0
        live = Live(self.monitor.log, lambda: False)
        endpoints = Endpoints(self.monitor, kept, self.does, self._wake)
        shown = pages.routes(self.monitor, self.entrance, self.does, live)
        self.open([*shown, *endpoints.router.routes])

    def _wake(self):
        self.woken += 1

    def fill(self, *events) -> None:
        self.monitor.add(events)
        self.monitor.catch_up()
        while self.monitor.fit_next():
            pass
        self.monitor.catch_up()

    def staff(self, **headers: str) -> TestClient:
        return self.signed_in("Ann", BOARD, **headers)


@pytest.fixture
def site(engine, tmp_path) -> Site:
    return Site(engine, tmp_path)


@pytest.fixture
def surging(site) -> Site:
    site.fill(*by_hand.quiet(NOW), *by_hand.surge(NOW, 40, source="feed"))
    return site


def lines(*values) -> bytes:
    return b"\n".join(json.dumps(value).encode() for value in values)


# --- endpoints ----------------------------------------------------------------------------


def test_texts_come_in_once_masked_and_wake_who_reads_them(site):
    send, see = site.key("classify"), site.key("manage")
    body = lines({"text": "bad, ann@x", "topic": "bank", "key": "1", "time": NOW})
    browser = site.browser()
    for new in (1, 0):
        assert browser.post("/monitor/texts", content=body, headers=send).json() == {"new": new}
    assert site.woken == 2
    site.fill()
    (one,) = browser.get("/monitor/topics/bank/texts", headers=see).json()
    assert (one["text"], one["sentiment"]) == ("bad, ann#x", "negative")
    assert browser.get("/monitor/state", headers=see).json()["waiting"] == 0


def test_texts_without_a_key_are_texts_of_their_own(site):
    browser, send = site.browser(), site.key("classify")
    for text in ("bad", "worse"):
        sent = browser.post("/monitor/texts", content=lines({"text": text}), headers=send)
        assert sent.json() == {"new": 1}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "body: has no lines"),
        (b"[1]", "is no JSON object"),
        (b'{"text": ""}', "line 1: text: is missing or empty"),
        (b'{"text": "a"}\n{"text": 5}', "line 2: text: is missing or empty"),
        (b'{"text": "\\ud800"}', "half a character"),
        (b'{"text": "a", "time": "never"}', "is no time"),
        (b"\xff", "is not UTF-8"),
        (lines({"text": "a" * 10_001}), "above 10000 characters"),
    ],
)
def test_what_cannot_be_taken_is_refused_whole(site, body, said):
    answer = site.browser().post("/monitor/texts", content=body, headers=site.key("classify"))
    assert answer.status_code == 400
    assert said in answer.json()["detail"]
    assert site.monitor.state().waiting == 0


def test_a_key_that_may_send_may_not_see(site):
    send = site.key("classify")
    for path in ("state", "topics", "incidents", "topics/bank", "persons/ann"):
        assert site.browser().get(f"/monitor/{path}", headers=send).status_code == 403
    assert site.browser().get("/monitor/topics").status_code == 401


def test_incidents_are_seen_and_decided_on(surging):
    see, browser = surging.key("manage"), surging.browser()
    (one,) = browser.get("/monitor/incidents", headers=see).json()
    assert one["topic"] == "bank"
    path = f"/monitor/incidents/{one['id']}"
    assert browser.post(f"{path}/acknowledge", headers=see).json()["state"] == "acknowledged"
    assert browser.post(f"{path}/false", headers=see).json()["state"] == "false"
    assert browser.post("/monitor/incidents/none/false", headers=see).status_code == 400
    body = {"topic": "bank", "seconds": -1}
    assert browser.post("/monitor/snooze", json=body, headers=see).status_code == 400
    assert browser.post("/monitor/snooze", json={"topic": "bank"}, headers=see).status_code == 200
    assert "bank" in surging.monitor.alarms.snoozed()
    chart = browser.get("/monitor/topics/bank?hours=6", headers=see).json()
    assert sum(chart["negative"]) >= 40
    assert chart["incidents"][0]["id"] == one["id"]


def test_a_person_is_exported_and_erased_and_counts_stay(surging):
    see, browser = surging.key("manage"), surging.browser()
    (said,) = browser.get("/monitor/persons/p3", headers=see).json()
    before = browser.get("/monitor/topics/bank", headers=see).json()["all"]
    assert browser.delete("/monitor/persons/p3", headers=see).json() == {"events": 1}
    shown = browser.get("/monitor/topics/bank/texts", headers=see).text
    assert said["content"]["text"] not in shown
    surging.fill()
    assert browser.get("/monitor/topics/bank", headers=see).json()["all"] == before


def test_numbers_for_prometheus(surging):
    found = {one.name: one for one in Numbers(surging.monitor).collect()}
    (sample,) = found["tfsocial_monitor_incidents"].samples
    assert sample.labels == {"topic": "bank", "kind": "surge", "level": "critical"}
    assert found["tfsocial_monitor_unlabelled_texts"].samples[0].value == 0
    surging.monitor.snooze("bank", 60, "ann")
    found = {one.name: one for one in Numbers(surging.monitor).collect()}
    assert found["tfsocial_monitor_incidents"].samples == []


# --- pages --------------------------------------------------------------------------------


def test_pages_are_for_who_has_signed_in(site):
    browser = site.browser()
    assert browser.get("/").headers["location"] == BOARD
    for page in (BOARD, ON, HEALTH, f"{HEALTH}/texts.csv"):
        assert browser.get(page).headers["location"] == "/monitor/sign-in"
    for path in ("/monitor/board/live", "/monitor/on/chart?topic=bank"):
        assert browser.get(path).status_code == 401
    assert "not known" in browser.post("/monitor/sign-in", data={"name": "x", "key": "y"}).text
    assert browser.get("/monitor/static/own.css").status_code == 200


def test_forms_of_other_sites_are_refused(surging):
    staff = surging.staff()
    (one,) = surging.monitor.alarms.all()
    path = f"/monitor/incident/{one.id}/false"
    assert staff.post(path, headers={"Origin": "https://evil.example"}).status_code == 403
    assert surging.monitor.alarms.get(one.id).state == "open"


def test_the_board_shows_topics_and_what_goes_on(surging):
    staff = surging.staff()
    page = staff.get(BOARD).text
    assert "expected 2, saw " in page or "expected 1, saw " in page
    assert page.count("<svg") == 2
    (one,) = surging.monitor.alarms.all()
    assert staff.post(f"/monitor/incident/{one.id}/acknowledge").headers["location"] == BOARD
    assert "seen" in staff.get(BOARD).text
    staff.post("/monitor/incident/snooze", data={"topic": "bank", "seconds": "60"})
    assert "Nobody is told until" in staff.get(BOARD).text
    part = staff.get(BOARD, headers={"HX-Request": "true"}).text
    assert "<svg" in part
    assert "<html" not in part


def test_a_topic_shows_its_chart_its_texts_and_how_they_were(surging):
    staff = surging.staff()
    page = staff.get(f"{ON}&hours=6").text
    assert page.count('class="card text-card"') >= 40
    then = staff.get(f"{ON}&hours=6&back=72").text
    assert page.count("text-card") > then.count("text-card")
    assert "<option selected>negative</option>" in staff.get(f"{ON}&sentiment=negative").text
    chart = staff.get("/monitor/on/chart?topic=bank&hours=24").json()
    assert len(chart["start"]) == len(chart["high"]) == 48
    unknown = staff.get("/monitor/on?topic=<b>")
    assert unknown.status_code == 400
    assert "&lt;b&gt;" in unknown.text
    assert "<b>" not in unknown.text


def test_texts_are_shown_as_text(site):
    site.fill(event("x", NOW, "<script>alert(1)</script> bad", link="https://example.com/?a=1&b=2"))
    page = site.staff().get(f"{ON}&hours=6").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_the_health_page_compares_days_and_offers_texts_to_label(surging):
    staff = surging.staff()
    page = staff.get(HEALTH).text
    assert "How sure labels are" in page
    assert "By 110 texts whose sentiment is known, of which 91 % were labelled right" in page
    table = list(csv.reader(io.StringIO(staff.get(f"{HEALTH}/texts.csv").text)))
    assert table[0] == ["text", "label"]
    assert len(table) == 51
    assert len({text for text, _ in table}) == 51


def test_pages_say_all_in_both_languages(surging):
    assert set(PHRASES["en"]) == set(PHRASES["zh"])
    named = [f"kind_{one}" for one in KINDS] + [f"severity_{one}" for one in SEVERITIES]
    assert set(named) <= set(PHRASES["en"])
    staff = surging.staff(**{"Accept-Language": "zh"})
    assert "激增" in staff.get(BOARD).text
    staff.post("/monitor/language", data={"here": BOARD})
    assert "surge" in staff.get(BOARD).text
