"""The pages as a browser without JavaScript has them, and who may not come in."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

from tests.labelling.conftest import THINGS, label_next, thing
from tfsocial.labelling.app import make_app

HOST = {"base_url": "http://localhost:8765"}


@pytest.fixture
def session(opened):
    return opened()


@pytest.fixture
def browser(session):
    """Somebody who has said their name."""
    found = TestClient(make_app(session), **HOST)
    found.post("/annotator", data={"name": "Ann 张"})
    return found


def fields(page: str) -> dict[str, str]:
    """The hidden fields of the first form about the text."""
    names = ("text", "request")
    found = (re.search(rf'name="{name}" value="([^"]+)"', page) for name in names)
    return {name: match.group(1) for name, match in zip(names, found, strict=True)}


def test_who_comes_is_asked_for_a_name(session):
    page = TestClient(make_app(session), **HOST).get("/")
    assert "Who are you?" in page.text
    assert "script-src 'self'" in page.headers["content-security-policy"]


def test_a_label_is_kept_and_the_next_text_is_shown(browser, session):
    first = browser.get("/").text
    asked = fields(first)
    shown = browser.post("/label", data={**asked, "value": " new  label "})
    assert session.final() == {asked["text"]: "new label"}
    assert fields(shown.text)["text"] != asked["text"]
    assert "1 of 27 texts labelled, 1 by you" in shown.text


def test_a_form_sent_twice_counts_once(browser, session):
    asked = fields(browser.get("/").text)
    for value in ("card", "pizza"):
        browser.post("/label", data={**asked, "value": value})
    assert session.final() == {asked["text"]: "card"}


def test_htmx_gets_the_part_that_changes(browser):
    asked = fields(browser.get("/").text)
    part = browser.post("/label", data={**asked, "value": "card"}, headers={"HX-Request": "true"})
    assert part.text.lstrip().startswith('<main id="main"')


def test_skip_note_and_undo(browser, session):
    first = fields(browser.get("/").text)
    browser.post("/note", data={**first, "value": "which card?"})
    assert session.note(first["text"]) == "which card?"
    second = fields(browser.post("/skip", data=fields(browser.get("/").text)).text)
    assert second["text"] != first["text"]
    third = fields(browser.post("/undo", data={"request": second["request"]}).text)
    assert third["text"] == first["text"]


def test_texts_are_shown_as_they_are_and_not_run(opened, tmp_path):
    path = tmp_path / "nasty.csv"
    path.write_text('text\n"<script>alert(1)</script> card one"\n"other pizza two"\n')
    session = opened(data=path, labels=['"><img src=x>'])
    found = TestClient(make_app(session), **HOST)
    found.post("/annotator", data={"name": "<b>"})
    pages = "".join(found.get("/").text for _ in range(2))
    assert "<script>alert" not in pages
    assert "<img" not in pages


def test_what_is_wrong_is_said_on_the_page(browser, session):
    asked = fields(browser.get("/").text)
    found = browser.post("/label", data={**asked, "value": "x" * 300})
    assert found.status_code == 422
    assert "label: has 300 characters" in found.text
    assert fields(found.text)["text"] == asked["text"]


def test_disagreements_are_decided(browser, session):
    key = label_next(session, "bob")
    session.do("ann", "label", key, "something else", "ann-1")
    page = browser.get("/review").text
    assert "something else" in page
    browser.post("/decide", data={**fields(page), "value": "something else"})
    assert session.final()[key] == "something else"
    assert "There are none." in browser.get("/review").text


def test_the_rows_can_be_downloaded(browser, session):
    label_next(session, "bob")
    found = browser.get("/download")
    assert found.headers["content-disposition"] == 'attachment; filename="labels.csv"'
    assert found.text.splitlines()[0] == "id,text,label"
    assert len(found.text.splitlines()) == 2


def test_the_language_is_changed_by_who_reads(browser):
    assert "跳过" in browser.post("/language").text
    assert "Skip" in browser.post("/language").text


def test_other_sites_and_other_names_of_this_machine_are_refused(session):
    found = TestClient(make_app(session), **HOST)
    assert found.get("/", headers={"Host": "rebound.example"}).status_code == 403
    assert found.post("/train", headers={"Origin": "http://evil.example"}).status_code == 403
    assert found.post("/language", headers={"Origin": "http://localhost:8765"}).status_code == 200


def test_another_machine_needs_the_token(session):
    found = TestClient(make_app(session, "secret"), base_url="http://192.0.2.7:8765")
    assert found.get("/").status_code == 403
    assert found.get("/?token=wrong").status_code == 403
    assert "Who are you?" in found.get("/?token=secret").text
    assert found.get("/review").status_code == 200


def test_suggestions_have_keys(browser, session):
    for _ in range(9):
        label_next(session, "bob")
    page = browser.get("/").text
    for name in THINGS:
        assert re.search(rf'value="{name}"[^>]*data-key="\d"', page)
    (text,) = session.texts.texts[session.texts.place[fields(page)["text"]]]
    assert thing(text) in THINGS
