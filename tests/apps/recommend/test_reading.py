"""Items and deeds as they come: read, or refused in one sentence that names the place."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfsocial.api.run import demo_of
from tfsocial.apps.recommend import playing, reading
from tfsocial.apps.recommend.items import Item, as_row, of_row
from tfsocial.errors import InputError


def test_a_table_of_items_is_read(tmp_path):
    path = tmp_path / "items.csv"
    path.write_text(
        "id,title,description,tags,price,since\n"
        "m1,Red mug,Holds 300 ml,kitchen|red,2.50,2026-01-02\n"
        "m2,,,,,\n"
    )
    first, second = reading.read_items(path)
    assert first.text == "Red mug. Holds 300 ml. kitchen, red"
    assert (first.price, first.since) == (2.5, 1767312000.0)
    assert second == Item("m2", since=0.0)
    assert second.text == ""


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({}, "id: has to have 1 to 100 characters"),
        ({"id": "a", "price": "dear"}, "price: 'dear' is no price"),
        ({"id": "a", "price": -1}, "is no price"),
        ({"id": "a", "price": float("nan")}, "is no price"),
        ({"id": "a", "price": True}, "is no price"),
        ({"id": "a", "since": "soon"}, "since: 'soon' is no time"),
        ({"id": "a", "title": 1.5}, "title: is neither a text nor a whole number"),
        ({"id": "a", "title": "\ud800"}, "title: holds half a character"),
        ({"id": "a", "tags": [1]}, "tags: is no list of texts"),
        ({"id": "a", "tags": ["t"] * 51}, "tags: are above 50"),
        ({"id": "a", "link": "javascript:x"}, "link: is no address"),
        ({"id": "a", "description": "x" * 20_001}, "above 20000 characters"),
        ({"id": "a", "colour": "red"}, "colour: is no field of an item"),
    ],
)
def test_what_is_no_item_is_refused(row, said):
    with pytest.raises(InputError, match=said):
        of_row(row, "items.csv:2")


def test_an_item_goes_round():
    item = Item("a", "Mug", "Red", ("x", "y"), 2.5, 10.0, "https://shop/a")
    assert of_row(as_row(item), "here") == item


def test_two_items_of_one_id_are_refused():
    with pytest.raises(InputError, match="body:2: id: 'a' stood before"):
        reading.items_of_body(b'{"id": "a"}\n{"id": "a"}')
    with pytest.raises(InputError, match="body: holds no item"):
        reading.items_of_body(b"\n")


def test_a_table_of_deeds_read_twice_is_the_same_deeds(tmp_path):
    path = tmp_path / "deeds.csv.gz"
    text = "person,item,time,kind,quantity\nann,m1,2026-01-02,,\nbob,m1,5,returned,2\n"
    path.write_bytes(gzip.compress(text.encode()))
    first, second = found = reading.read_deeds(path)
    assert (first.person, first.content) == ("ann", {"item": "m1", "kind": "bought"})
    assert second.content == {"item": "m1", "kind": "returned", "quantity": 2.0}
    assert found == reading.read_deeds(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("person,item\na,b\n", "has no column time"),
        ("person,item,time\n,b,5\n", ":2: person: is not there"),
        ("person,item,time\na,,5\n", ":2: item: has to have 1 to 100"),
        ("person,item,time\na,b,never\n", "is no time"),
        ("person,item,time,kind\na,b,5,ate\n", ":2: kind: is none of bought, clicked"),
        ("person,item,time,quantity\na,b,5,many\n", "quantity: 'many' is no number"),
        ("person,item,time,quantity\na,b,5,-1\n", "quantity: is not above 0"),
        ("person,item,time,colour\na,b,5,red\n", ":2: colour: is no member of a deed"),
        ("person,item,time\na,b\n", "has more or fewer cells"),
    ],
)
def test_a_table_that_is_none_names_its_line(tmp_path, text, said):
    path = tmp_path / "deeds.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        reading.read_deeds(path)


def test_files_that_cannot_be_read_say_so(tmp_path):
    with pytest.raises(InputError, match=r"is neither \.csv nor \.jsonl"):
        reading.read_items(tmp_path / "items.xlsx")
    with pytest.raises(InputError, match="cannot be read"):
        reading.read_items(tmp_path / "none.csv")
    (tmp_path / "broken.csv.gz").write_bytes(b"no gzip")
    with pytest.raises(InputError, match="cannot be read"):
        reading.read_deeds(tmp_path / "broken.csv.gz")
    (tmp_path / "latin.csv").write_bytes("id,title\na,caf\xe9\n".encode("latin-1"))
    with pytest.raises(InputError, match="is not UTF-8"):
        reading.read_items(tmp_path / "latin.csv")


@given(st.binary(max_size=200))
def test_no_bytes_are_a_fault(body):
    for read in (reading.items_of_body, reading.deeds_of_body):
        try:
            read(body)
        except InputError:
            continue


def test_the_demo_has_a_shop_whose_last_purchase_is_of_this_week():
    now = 1_800_000_000.0
    items = playing.items(demo_of("recommend"), now)
    deeds = playing.deeds(demo_of("recommend"), now)
    assert (len(items), len(deeds)) == (1200, 23_590)
    assert {deed.content["item"] for deed in deeds} == {item.id for item in items}
    assert 0 <= now - max(deed.happened for deed in deeds) < 7 * 86_400
    assert all(item.text for item in items)
