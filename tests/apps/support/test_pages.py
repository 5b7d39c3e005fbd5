"""The pages without a browser: who comes in, what is shown, what a form does."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from tests.apps.guarded import GuardedSite
from tests.apps.support.eight_words import FAQS, read
from tfsocial.apps.events import EventLog
from tfsocial.apps.live import Live
from tfsocial.apps.support import pages
from tfsocial.apps.support.endpoints import Endpoints
from tfsocial.apps.support.knowledge import Faq
from tfsocial.apps.support.pages.entrance import Entrance
from tfsocial.apps.support.pages.phrases import PHRASES
from tfsocial.apps.support.records import Rules
from tfsocial.apps.support.retrieval import Ranking
from tfsocial.apps.support.service import Support
from tfsocial.apps.support.talk import REASONS

KEY = re.compile(r'name="key" value="([^"]+)"')
CHAT, INBOX, REVIEW = "/support/chat", "/support/inbox", "/support/review"


class Site(GuardedSite):
    """The pages behind a guard, with somebody's browser before them."""

    def __init__(self, engine, folder):
        super().__init__(folder, "support", Entrance)
        self.support = Support(engine, read, Ranking(thresholds={0.95: 0.7}), Rules(guess=0.02))
        self.support.knowledge.put(FAQS)
        live = Live(EventLog(engine), lambda: False)
        given = (self.support, self.entrance, self.does, live, lambda t: t.replace("@", "#"))
        endpoints = Endpoints(self.support, str, self.does).router.routes
        self.open([*endpoints, *pages.routes(*given)])

    def visitor(self) -> TestClient:
        found = self.browser()
        assert found.get(CHAT).status_code == 200
        return found

    def agent(self, name: str = "Bea") -> TestClient:
        return self.signed_in(name, INBOX)


@pytest.fixture
def site(engine, tmp_path) -> Iterator[Site]:
    return Site(engine, tmp_path)


def said(browser: TestClient, text: str, key: str = "") -> str:
    """Says something as a form does, and gives the page that comes then."""
    form = {"text": text, "key": key or KEY.search(browser.get(CHAT).text)[1]}
    assert browser.post(f"{CHAT}/say", data=form).headers["location"] == CHAT
    return browser.get(CHAT).text


def talk_of(agent: TestClient) -> str:
    """The path of the first talk in the inbox."""
    return re.search(rf'href="({INBOX}/[^"]+)"', agent.get(INBOX).text)[1]


# --- who comes in --------------------------------------------------------------------------------


def test_a_newcomer_is_let_in_and_gets_an_answer_with_its_source(site):
    browser = site.browser()
    assert browser.get("/").headers["location"] == CHAT
    assert "visitor=" in browser.get(CHAT).headers["set-cookie"]
    page = said(browser, "my card is lost <b>now</b>")
    assert "my card is lost &lt;b&gt;now&lt;/b&gt;" in page
    assert "<p>Call us. We block it at once.</p>" in page
    assert "<mark>Call us. We block it at once.</mark>" in page
    assert "How sure:" in page
    assert browser.get(CHAT).headers["content-security-policy"].startswith("default-src 'none'")


def test_pages_open_no_other_path(site):
    browser = site.visitor()
    for path in ("/support/desk", "/support/talks/t1", "/support/inboxes", "/support/persons/a"):
        assert browser.get(path).status_code == 401
    assert browser.post("/v1/classify", json={"texts": ["a"]}).status_code == 401
    for path in (INBOX, REVIEW, f"{INBOX}/t1"):
        assert browser.get(path).headers["location"] == "/support/sign-in"
    assert browser.post(f"{INBOX}/t1/claim", data={"key": "k"}).status_code == 303
    assert browser.get(f"{INBOX}/live").status_code == 401


def test_without_a_cookie_nothing_is_said(site):
    form = {"text": "card lost", "key": "k1"}
    refused = site.browser().post(f"{CHAT}/say", data=form)
    assert (refused.status_code, refused.json()["detail"]) == (
        400,
        "cookies: this page needs one; allow it, and open the page",
    )
    forged = site.browser()
    forged.cookies.set("visitor", "eyJhIjoxfQ.AAAA", path="/support")
    assert forged.post(f"{CHAT}/say", data=form).status_code == 400


def test_forms_of_other_sites_are_refused(site):
    browser = site.visitor()
    form = {"text": "card lost", "key": "k1"}
    other = {"Origin": "https://other.example"}
    assert browser.post(f"{CHAT}/say", data=form, headers=other).status_code == 403
    own = {"Origin": "http://testserver"}
    assert browser.post(f"{CHAT}/say", data=form, headers=own).status_code == 303


def test_agents_come_in_with_a_key_that_may_manage_and_while_it_holds(site):
    browser = site.browser()
    for key, name, status in (
        ("tfs_no_such", "Bea", 401),
        (site.new_key("embed"), "Bea", 403),
        (site.new_key("manage", expires="2001-01-01T00:00:00+00:00"), "Bea", 401),
        (site.new_key("manage"), " ", 400),
    ):
        refused = browser.post("/support/sign-in", data={"name": name, "key": key})
        assert refused.status_code == status
        assert 'role="alert"' in refused.text
    agent = site.agent()
    assert "Nobody waits." in agent.get(INBOX).text
    site.revoke()
    assert agent.get(INBOX).headers["location"] == "/support/sign-in"


def test_who_signs_out_is_out(site):
    agent = site.agent()
    agent.post("/support/sign-out")
    assert agent.get(REVIEW).headers["location"] == "/support/sign-in"


# --- a talk --------------------------------------------------------------------------------------


def test_from_a_person_please_to_a_question_of_the_base(site):
    visitor, agent = site.visitor(), site.agent()
    said(visitor, "may my dog come")
    page = visitor.post(f"{CHAT}/person", data={"key": "p1"}, headers={"HX-Request": "true"}).text
    assert "You are number 1 in the line." in page
    assert "<html" not in page
    path = talk_of(agent)
    case = agent.get(path).text
    assert "Handed over: you asked for a person." in case
    assert "Take this talk" in case
    agent.post(f"{path}/claim", data={"key": "c1"})
    assert "Bea is with you." in visitor.get(CHAT).text
    agent.post(f"{path}/answer", data={"key": "a1", "text": "Dogs are welcome, a@b"})
    assert "Dogs are welcome, a#b" in visitor.get(f"{CHAT}/turns").text
    case = agent.get(path).text
    assert 'value="may my dog come"' in case
    agent.post(f"{path}/resolve", data={"key": "r1"})
    assert "Nobody waits." in agent.get(INBOX).text
    form = {"question": "may my dog come", "answer": "Dogs are welcome."}
    assert agent.post(f"{path}/propose", data=form).headers["location"] == REVIEW
    assert (
        "Dogs are welcome." not in said(visitor, "may my dog come").split("Bea, customer")[1][99:]
    )
    assert "may-my-dog-come" in agent.get(REVIEW).text
    form |= {"name": "may-my-dog-come"}
    agent.post(f"{REVIEW}/publish", data=form)
    assert "Nothing is proposed." in agent.get(REVIEW).text
    assert "<p>Dogs are welcome.</p>" in said(visitor, "May my dog come?")


def test_two_agents_do_not_take_one_talk(site):
    visitor, one, other = site.visitor(), site.agent("Ann"), site.agent("Bob")
    visitor.post(f"{CHAT}/person", data={"key": "p1"})
    path = talk_of(one)
    one.post(f"{path}/claim", data={"key": "c1"})
    late = other.post(f"{path}/claim", data={"key": "c2"})
    assert (late.status_code, "Ann has this talk already" in late.text) == (400, True)
    kept = other.post(f"{path}/answer", data={"key": "a1", "text": "typed for long"})
    assert "Ann has it" in kept.text


def test_nobody_at_the_desk_is_said(site):
    visitor = site.visitor()
    visitor.post(f"{CHAT}/person", data={"key": "p1"})
    assert "Nobody is at the desk right now." in visitor.get(CHAT).text
    site.agent().get(INBOX)
    assert "Nobody is at the desk right now." not in visitor.get(CHAT).text


def test_what_is_empty_too_long_or_too_much_stays_in_its_field(site):
    visitor = site.visitor()
    long = "lost card " * 401
    for text, why in ((" ", "text: is empty"), (long, "shorten it")):
        refused = visitor.post(f"{CHAT}/say", data={"text": text, "key": "k1"})
        assert refused.status_code == 400
        assert why in refused.text
        assert f">{text}</textarea>" in refused.text
    for number in range(20):
        said(visitor, "card lost", f"m{number}")
    refused = visitor.post(f"{CHAT}/say", data={"text": "and the fee", "key": "m20"})
    assert refused.status_code == 429
    assert ">and the fee</textarea>" in refused.text
    assert 'name="key" value="m20"' in refused.text
    again = visitor.post(f"{CHAT}/say", data={"text": "card lost", "key": "m19"})
    assert again.status_code == 303


def test_thumbs_are_kept_and_two_down_hand_over(site):
    visitor = site.visitor()
    for number in (1, 2):
        said(visitor, "card lost", f"m{number}")
        form = {"key": f"t{number}", "to": f"m{number}", "up": "false"}
        assert visitor.post(f"{CHAT}/thumb", data=form).status_code == 303
    page = visitor.get(CHAT).text
    assert page.count("You said that this did not help.") == 2
    assert "Handed over to a person: two answers did not help." in page


def test_a_source_that_was_changed_since_is_not_marked_wrongly(site):
    visitor = site.visitor()
    said(visitor, "card lost")
    site.support.knowledge.put([Faq("lost", "card lost", "Come to us with the card's number.")])
    page = visitor.get(CHAT).text
    assert "This text has been changed since." in page
    assert "Call us. We block it at once." in page


def test_what_is_kept_can_be_had_and_erased(site):
    visitor, agent = site.visitor(), site.agent()
    said(visitor, "may my dog come")
    visitor.post(f"{CHAT}/person", data={"key": "p1"})
    path = talk_of(agent)
    agent.post(f"{path}/propose", data={"question": "my dog Rex?", "answer": "Yes, Rex."})
    kept = visitor.get(f"{CHAT}/mine")
    assert "may my dog come" in kept.text
    assert kept.headers["content-disposition"].startswith("attachment")
    assert "Rex" in agent.get(REVIEW).text
    erased = visitor.post(f"{CHAT}/forget")
    assert erased.headers["location"] == f"{CHAT}?forgotten=true"
    assert "All that you said is erased." in visitor.get(f"{CHAT}?forgotten=true").text
    assert "dog" not in visitor.get(CHAT).text
    for page in (agent.get(REVIEW).text, agent.get(path).text):
        assert "dog" not in page
        assert "Rex" not in page


def test_another_talk_begins_empty_and_is_the_same_persons(site):
    visitor = site.visitor()
    said(visitor, "card lost")
    visitor.post(f"{CHAT}/new")
    assert "card lost" not in visitor.get(CHAT).text
    said(visitor, "refund fee")
    assert {"card lost", "refund fee"} <= set(
        re.findall(r'"text": "([^"]+)"', visitor.get(f"{CHAT}/mine").text)
    )


# --- languages -----------------------------------------------------------------------------------


def test_a_page_is_in_the_language_that_is_asked_for_or_chosen(site):
    browser = site.browser(**{"Accept-Language": "zh-CN,en;q=0.5"})
    assert '<html lang="zh">' in browser.get(CHAT).text
    chosen = browser.post("/support/language", data={"here": CHAT})
    assert chosen.headers["location"] == CHAT
    assert '<html lang="en">' in browser.get(CHAT).text
    away = browser.post("/support/language", data={"here": "https://other.example"})
    assert away.headers["location"] == CHAT


def test_both_languages_say_the_same_things():
    fields = {
        language: {name: sorted(re.findall(r"{\w+}", text)) for name, text in words.items()}
        for language, words in PHRASES.items()
    }
    assert fields["en"] == fields["zh"]
    assert set(REASONS) <= set(PHRASES["en"])


# --- what the base lacks -------------------------------------------------------------------------


def test_the_knowledge_page_shows_what_is_lacking_and_alike(site):
    visitor, agent = site.visitor(), site.agent()
    for number, text in enumerate(("weather", "the weather?", "card", "weather")):
        said(visitor, text, f"m{number}")
        visitor.post(f"{CHAT}/new")
    site.support.knowledge.put([Faq("late-2", "late card", "It takes 9 days.")])
    page = agent.get(REVIEW).text
    assert "Times asked: 3" in page
    assert "and another answer: is one of them wrong?" in page
    agent.post(f"{REVIEW}/both", data={"one": "late", "other": "late-2"})
    assert "No two questions are nearly the same." in agent.get(REVIEW).text
    site.support.knowledge.put([Faq("late-2", "late card", "It takes 8 days.")])
    agent.post(f"{REVIEW}/withdraw", data={"name": "late-2"})
    assert site.support.knowledge.get("late-2") is None
    refused = agent.post(f"{REVIEW}/withdraw", data={"name": "late-2"})
    assert (refused.status_code, "there is no such question" in refused.text) == (400, True)
    agent.post(f"{REVIEW}/propose", data={"question": "weather", "answer": "It rains."})
    agent.post(f"{REVIEW}/drop", data={"name": "weather"})
    assert "Nothing is proposed." in agent.get(REVIEW).text
    empty = agent.post(f"{REVIEW}/propose", data={"question": "weather", "answer": " "})
    assert "the draft: answer: is empty" in empty.text
