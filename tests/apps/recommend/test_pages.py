"""Pages and endpoints behind the guard: who comes in, what is shown, what a form does."""

from __future__ import annotations

import re
import time

import pytest
from starlette.testclient import TestClient

from tests.apps.guarded import GuardedSite
from tests.apps.recommend import a_shop
from tests.apps.recommend.a_shop import SETTINGS, lines
from tfsocial.apps.recommend import pages
from tfsocial.apps.recommend.endpoints import Endpoints
from tfsocial.apps.recommend.pages.entrance import Entrance
from tfsocial.apps.recommend.pages.phrases import PHRASES
from tfsocial.apps.recommend.records import KINDS, Rules
from tfsocial.apps.recommend.refitting import refit
from tfsocial.apps.recommend.service import Recommender

LIST, REPORT = "/recommend/list", "/recommend/report"
NOW = time.time()


class Site(GuardedSite):
    """The pages and endpoints behind a guard."""

    def __init__(self, engine, folder):
        super().__init__(folder, "recommend", Entrance)
        self.engine, self.folder = engine, folder / "rankings"
        rules = Rules(diversity=0.0, bonus=0.0, explored=0)
        self.shop = Recommender(engine, self.folder, a_shop.embed, rules)
        self.fits = 0
        shown = pages.routes(self.shop, self.entrance, self.does, self._fit)
        self.open([*shown, *Endpoints(self.shop, self.does, self._fit).router.routes])

    def _fit(self):
        self.fits += 1

    def visitor(self, **headers: str) -> TestClient:
        found = self.browser(**headers)
        found.get(LIST)
        return found

    def operator(self) -> TestClient:
        return self.signed_in("Ann", REPORT)


@pytest.fixture
def site(engine, tmp_path) -> Site:
    found = Site(engine, tmp_path)
    found.shop.add(a_shop.past(NOW))
    found.shop.put(a_shop.items())
    return found


def titles(page: str) -> list[str]:
    return re.findall(r"<h2>(.*?)</h2>", page)


def form_of(page: str, place: int = 0) -> dict[str, str]:
    (form,) = re.findall(r"<form[^>]*list/deed.*?</form>", page, re.DOTALL)[place : place + 1]
    return dict(re.findall(r'name="(\w+)" value="([^"]*)"', form)[:3])


# --- endpoints ----------------------------------------------------------------------------


def test_items_and_deeds_come_in_and_a_list_goes_out(engine, tmp_path):
    site = Site(engine, tmp_path)
    embed, manage, browser = site.key("embed"), site.key("manage"), site.browser()
    body = lines({"id": "a", "title": "red mug", "price": 2}, {"id": "b", "title": "red cup"})
    for changed in (2, 0):
        answer = browser.post("/recommend/items", content=body, headers=manage)
        assert answer.json() == {"changed": changed}
    done = {"person": "ann", "item": "a", "kind": "bought", "time": NOW - 60, "key": "1"}
    for new in (1, 0):
        answer = browser.post("/recommend/deeds", content=lines(done), headers=embed)
        assert answer.json() == {"new": new}
    made = browser.post("/recommend/lists", json={"person": "ann"}, headers=embed).json()
    (one,) = made["items"]
    assert (one["id"], one["reason"]) == ("b", {"kind": "like", "item": "a"})
    assert browser.get("/recommend/state", headers=manage).json() == {
        "items": 2, "withdrawn": 0, "deeds": 1, "ranking": 0, "version": "v1",
    }  # fmt: skip
    assert browser.delete("/recommend/items/b", headers=manage).status_code == 200
    made = browser.post("/recommend/lists", json={"person": "ann"}, headers=embed).json()
    assert made["items"] == []
    kept = browser.get("/recommend/persons/ann", headers=manage).json()
    assert [one["stream"] for one in kept] == ["deeds", "lists", "lists"]
    gone = browser.delete("/recommend/persons/ann", headers=manage).json()
    assert gone == {"events": 3}
    assert browser.get("/recommend/persons/ann", headers=manage).json() == []


def test_a_person_chooses_over_http(site):
    embed, manage, browser = site.key("embed"), site.key("manage"), site.browser()
    url = "/recommend/persons/p0/choice"
    chosen = {"interests": ["i1"], "diversity": 0.5}
    assert browser.put(url, json=chosen, headers=embed).status_code == 200
    assert site.shop.choices.of("p0").interests == ("i1",)
    assert browser.put(url, json={"followed": False}, headers=embed).status_code == 200
    assert site.shop.deeds_of("p0") == []
    assert browser.post("/recommend/rankings", headers=manage).status_code == 200
    assert site.fits == 1


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("deeds", b"", "body: has no lines"),
        ("deeds", b'{"person": "a", "item": "b", "kind": "ate"}', "line 1: kind: is none of"),
        ("deeds", b'{"person": "a", "kind": "bought"}', "line 1: item: has to have"),
        ("deeds", b'{"item": "b", "kind": "bought"}', "line 1: person: is not there"),
        ("deeds", b'{"person": "\\ud800", "item": "b", "kind": "bought"}', "half a character"),
        ("deeds", b"\xff", "is not UTF-8"),
        ("items", b'{"id": "a"}\n{"id": 1.5}', "body:2: id: is neither"),
        ("items", b"[1]", "body:1: is no JSON object"),
        ("lists", b'{"count": 0}', "count: Input should be greater"),
        ("lists", b'{"colour": "red"}', "colour: Extra inputs"),
    ],
)
def test_what_cannot_be_taken_is_refused_whole(site, path, body, said):
    before = site.shop.log.last_number()
    header = site.key("embed", "manage") | {"content-type": "application/json"}
    answer = site.browser().post(f"/recommend/{path}", content=body, headers=header)
    assert answer.status_code == 400
    assert said in answer.json()["detail"]
    assert site.shop.log.last_number() == before


def test_a_key_that_may_ask_may_not_decide(site):
    browser, embed, manage = site.browser(), site.key("embed"), site.key("manage")
    for method, path in (
        ("POST", "items"), ("DELETE", "items/i1"), ("GET", "persons/p1"), ("DELETE", "persons/p1"),
        ("GET", "state"), ("GET", "rankings"), ("POST", "rankings"), ("POST", "rankings/1/use"),
    ):  # fmt: skip
        for headers, status in (({}, 401), (embed, 403)):
            answer = browser.request(method, f"/recommend/{path}", headers=headers)
            assert answer.status_code == status, path
    asked = browser.post("/recommend/lists", json={}, headers=manage)
    assert asked.status_code == 403


# --- a visitor ------------------------------------------------------------------------------


def test_a_newcomer_picks_and_gets_a_list_that_follows_what_they_do(site):
    refit(site.engine, site.folder, measured=False, settings=SETTINGS)
    site.shop.refresh()
    browser = site.browser()
    first = browser.get(LIST)
    assert first.text.count('type="checkbox"') == 24
    assert browser.get(LIST).text.count('type="checkbox"') == 24
    picked = browser.post(f"{LIST}/begin", data={"interests": ["i1", "i3", "i5"]})
    assert picked.headers["location"] == LIST
    page = browser.get(LIST).text
    assert sum("blue" in title for title in titles(page)) >= 10
    assert "Since you picked" in page
    form = form_of(page)
    for _ in range(2):  # sent twice it is one deed
        browser.post(f"{LIST}/deed", data={**form, "kind": "refused"})
    (person,) = {person for _, person, _ in site.shop.history.after(0) if "web-" in person}
    assert [one.kind for one in site.shop.deeds_of(person)] == ["refused"]
    page = browser.get(LIST).text
    assert f'value="{form["item"]}"' not in page
    assert "Not interested in: blue" in page
    part = browser.post(
        f"{LIST}/deed", data={**form_of(page), "kind": "bought"}, headers={"HX-Request": "true"}
    )
    assert part.status_code == 200
    assert "<html" not in part.text
    assert "Bought: blue" in part.text


def test_a_slider_without_scripts_is_a_form(site):
    browser = site.visitor()
    browser.post(f"{LIST}/begin", data={"interests": ["i1"]})
    assert browser.post(f"{LIST}/diversity", data={"diversity": "0.7"}).status_code == 303
    assert 'step="0.1" value="0.7"' in browser.get(LIST).text
    assert browser.post(f"{LIST}/diversity", data={"diversity": "7"}).status_code == 400


def test_a_visitor_downloads_leaves_and_comes_back(site):
    browser = site.visitor()
    browser.post(f"{LIST}/begin", data={"interests": ["i1"]})
    browser.post(f"{LIST}/deed", data={**form_of(browser.get(LIST).text), "kind": "clicked"})
    mine = browser.get(f"{LIST}/mine").json()
    assert {one["what"] for one in mine} == {"choices", "lists", "deeds"}
    browser.post(f"{LIST}/follow", data={"followed": "false"})
    assert [one["what"] for one in browser.get(f"{LIST}/mine").json()] == ["choices"]
    page = browser.get(LIST).text
    assert "You are not followed" in page
    browser.post(f"{LIST}/deed", data={**form_of(page), "kind": "clicked"})
    assert [one["what"] for one in browser.get(f"{LIST}/mine").json()] == ["choices"]
    browser.post(f"{LIST}/follow", data={"followed": "true"})
    assert browser.get(LIST).text.count('type="checkbox"') == 24, "a newcomer again"
    gone = browser.post(f"{LIST}/forget")
    assert gone.headers["location"] == f"{LIST}?forgotten=true"
    assert "All that you did is erased." in browser.get(gone.headers["location"]).text


def test_an_item_that_went_meanwhile_is_said_to_be_none(site):
    browser = site.visitor()
    browser.post(f"{LIST}/begin", data={"interests": ["i1"]})
    form = form_of(browser.get(LIST).text)
    site.shop.withdraw([form["item"]])
    assert browser.post(f"{LIST}/deed", data={**form, "kind": "clicked"}).status_code == 303
    assert f'value="{form["item"]}"' not in browser.get(LIST).text
    answer = browser.post(f"{LIST}/deed", data={**form, "item": "none", "kind": "clicked"})
    assert answer.status_code == 400
    assert "none: there is no such item" in answer.text


def test_who_does_too_much_in_a_minute_waits(site):
    browser = site.visitor()
    browser.post(f"{LIST}/begin", data={"interests": ["i1"]})
    form = form_of(browser.get(LIST).text)
    sent = [
        browser.post(f"{LIST}/deed", data={**form, "key": str(n), "kind": "clicked"})
        for n in range(41)
    ]
    assert [one.status_code for one in sent] == [303] * 40 + [429]
    assert "try again in a moment" in sent[-1].text


def test_forms_of_other_sites_are_refused_and_pages_need_a_cookie(site):
    browser = site.visitor()
    answer = browser.post(f"{LIST}/forget", headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert site.browser().post(f"{LIST}/forget").status_code == 400
    assert site.browser().get(f"{LIST}/mine").status_code == 400


def test_titles_are_shown_as_text(site):
    site.shop.put([a_shop.Item("evil", "blue <script>alert(1)</script>", price=1.0)])
    browser = site.visitor()
    browser.post(f"{LIST}/begin", data={"interests": ["i1"]})
    site.shop.add([a_shop.deed(f"p{n}", "evil") for n in range(9)])
    site.shop._looked = 0.0
    site.shop.refresh()
    page = browser.get(LIST).text
    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page


# --- an operator ----------------------------------------------------------------------------


def test_the_report_shows_rankings_and_goes_back_to_one(site):
    for _ in range(2):
        refit(site.engine, site.folder, settings=SETTINGS)
    site.shop.refresh()
    assert site.browser().get(REPORT).headers["location"] == "/recommend/sign-in"
    operator = site.operator()
    page = operator.get(REPORT).text
    assert "40 items (0 withdrawn)" in page
    assert "For whom it works" in page
    assert "What diversity costs" in page
    assert operator.post(f"{REPORT}/use", data={"number": "1"}).headers["location"] == REPORT
    assert site.shop.rankings.used() == 1
    answer = operator.post(f"{REPORT}/use", data={"number": "9"})
    assert answer.status_code == 400
    assert "9: there is no such ranking" in answer.text
    asked = operator.post(f"{REPORT}/fit").headers["location"]
    assert site.fits == 1
    assert "A ranking is being fitted" in operator.get(asked).text


def test_the_report_shows_what_lists_came_to(site):
    site.shop.rules = Rules(explored=1)
    operator = site.operator()
    assert "No list was made yet" in operator.get(REPORT).text
    for n in range(5):
        site.shop.recommend(f"p{n}")
    page = operator.get(REPORT).text
    assert "5 lists were made" in page
    assert "The pull of a place" in page


def test_pages_say_all_in_both_languages(site):
    assert set(PHRASES["en"]) == set(PHRASES["zh"])
    for kind in KINDS:
        assert f"did_{kind}" in PHRASES["en"]
    refit(site.engine, site.folder, settings=SETTINGS)
    site.shop.rules = Rules(explored=1)
    site.shop.refresh()
    browser = site.visitor(**{"Accept-Language": "zh-CN"})
    assert "您喜欢什么？" in browser.get(LIST).text
    browser.post(f"{LIST}/begin", data={"interests": ["i1"]})
    page = browser.get(LIST).text
    for word in ("为您推荐", "因为您选择了", "不感兴趣", "您的数据"):
        assert word in page
    operator = site.operator()
    operator.headers["Accept-Language"] = "zh"
    page = operator.get(REPORT).text
    assert "对谁有效" in page
    assert not re.search(r"[a-z]{3,} [a-z]{3,} [a-z]{3,}", re.sub(r"<[^>]*>", "", page))
