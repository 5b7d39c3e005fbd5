"""Lists: by what is written and done, changed by the next click, without who and what is gone."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace

import numpy as np
import pytest

from tests.apps.recommend import a_shop
from tests.apps.recommend.a_shop import DAY, SETTINGS, deed
from tfsocial.apps.database import open_database
from tfsocial.apps.recommend.choices import Choice
from tfsocial.apps.recommend.exploring import Trial, by_place, estimate, explore
from tfsocial.apps.recommend.ground import person_of
from tfsocial.apps.recommend.items import Item
from tfsocial.apps.recommend.reasons import _without, reasons
from tfsocial.apps.recommend.records import Rules
from tfsocial.apps.recommend.refitting import known, refit
from tfsocial.apps.recommend.report import live
from tfsocial.apps.recommend.service import Recommender
from tfsocial.errors import InputError

NOW = time.time()
PLAIN = Rules(diversity=0.0, bonus=0.0, explored=0)


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A database and a ranking of a small shop, which tests copy."""
    folder = tmp_path_factory.mktemp("shop")
    engine = open_database(f"sqlite:///{folder / 'shop.db'}")
    shop = Recommender(engine, folder / "rankings", a_shop.embed, PLAIN)
    shop.add(a_shop.past(NOW))
    shop.put(a_shop.items())
    refit(engine, folder / "rankings", settings=SETTINGS, now=NOW)
    engine.dispose()
    return folder


@pytest.fixture
def shop(filled, tmp_path):
    """The small shop, of a test's own."""
    shutil.copytree(filled, tmp_path / "shop")
    engine = open_database(f"sqlite:///{tmp_path / 'shop' / 'shop.db'}")
    found = Recommender(engine, tmp_path / "shop" / "rankings", a_shop.embed, PLAIN)
    found.folder, found.engine = tmp_path / "shop" / "rankings", engine
    found.refresh()
    yield found
    engine.dispose()


def colours(made) -> list[str]:
    return [one.title.split()[0] for one in made.items]


def ids(made) -> list[str]:
    return [one.id for one in made.items]


# --- before anything is fitted -----------------------------------------------------------


@pytest.fixture
def bare(engine, tmp_path):
    found = Recommender(engine, tmp_path / "rankings", a_shop.embed, PLAIN)
    found.put(a_shop.items())
    return found


def test_without_a_ranking_lists_go_by_texts_sales_and_age(bare):
    assert bare.state().ranking == 0
    assert bare.due() == "none is fitted yet"
    bare.add(deed(f"p{n}", "i7", at=NOW - DAY) for n in range(5))
    bare.refresh()
    bare._looked = 0.0
    bare.refresh()
    assert ids(bare.recommend(count=3))[0] == "i7", "who is not known gets what sells"
    bare.add([deed("ann", "i2", "clicked")])
    assert colours(bare.recommend("ann", 5)) == ["red"] * 5
    assert bare.recommend("ann", 5).ranking == ""


def test_an_empty_shop_has_empty_lists(engine, tmp_path):
    shop = Recommender(engine, tmp_path, a_shop.embed, PLAIN)
    assert shop.recommend("ann").items == ()
    assert shop.beginnings() == []
    with pytest.raises(InputError, match="there are none of known items"):
        refit(engine, tmp_path)


# --- a ranking ---------------------------------------------------------------------------


def test_lists_hold_what_a_person_likes_and_does_not_have(shop):
    for person, colour in (("p0", "red"), ("p1", "blue")):
        made = shop.recommend(person, 5)
        assert made.ranking == "1"
        assert colours(made).count(colour) >= 4
        assert not {one.item for one in shop.deeds_of(person)} & set(ids(made))
        assert [one.score for one in made.items] == sorted(
            (one.score for one in made.items), reverse=True
        )


def test_a_click_changes_the_next_list_without_a_new_ranking(shop):
    before = shop.recommend("new", 8)
    shop.add([deed("new", f"i{n}", "clicked") for n in (3, 5, 9)])
    after = shop.recommend("new", 8)
    assert before.ranking == after.ranking
    assert colours(after).count("blue") > colours(before).count("blue")


def test_what_is_refused_bought_withdrawn_or_left_out_is_not_listed(shop):
    first, second, third, fourth = ids(shop.recommend("p0", 4))
    shop.add([deed("p0", first, "refused"), deed("p0", second)])
    shop.withdraw([third])
    found = ids(shop.recommend("p0", 20, without=[fourth, "no such item"]))
    assert not {first, second, third, fourth} & set(found)
    with pytest.raises(InputError, match="nothing: there is no such item"):
        shop.withdraw(["nothing"])


def test_what_is_not_sold_yet_is_not_listed(shop):
    shop.put([Item("soon", "red thing of tomorrow", since=time.time() + DAY)])
    assert "soon" not in ids(shop.recommend("p0", 40))


def test_a_new_item_is_found_by_its_text(shop):
    shop.put([Item("new", "red thing that nobody knows", price=2.0, since=time.time() - 1)])
    assert "new" in ids(shop.recommend("p0", 25))
    assert "new" in ids(shop.recommend(interests=["i2"], count=25))


def test_items_of_one_text_or_of_none_are_items(shop):
    shop.put([Item("twin", "red thing 1"), Item("mute"), Item("mute too")])
    found = ids(shop.recommend("p0", 43))
    assert {"twin", "mute", "mute too"} <= set(found)
    assert not np.any(shop.ground.catalog.vectors[shop.ground.row("mute")])


def test_a_changed_text_is_read_again(shop):
    shop.put([Item("i0", "blue now", price=2.0)])
    row = shop.ground.row("i0")
    assert shop.ground.catalog.vectors[row] @ a_shop.embed(["blue now"])[1][0] > 0.999


def test_picks_make_a_list_for_a_newcomer(shop):
    offered = [item.id for item in shop.beginnings(10)]
    assert len(offered) == len(set(offered)) == 10
    shop.choose("newcomer", Choice(interests=("i1", "i3", "i5")))
    made = shop.recommend("newcomer", 6)
    assert colours(made).count("blue") >= 5
    assert not {"i1", "i3", "i5"} & set(ids(made))
    with pytest.raises(InputError, match="none: there is no such item"):
        shop.choose("newcomer", Choice(interests=("none",)))


def test_diversity_makes_items_unlike_each_other(shop):
    vectors = shop.ground.catalog.vectors

    def distance(made):
        own = vectors[[shop.ground.row(one) for one in ids(made)]]
        return 1 - (own @ own.T)[np.triu_indices(len(own), 1)].mean()

    alike, unlike = (shop.recommend("p0", 10, diversity=one) for one in (0.0, 0.9))
    assert distance(unlike) > distance(alike)
    assert alike.items[0].id == unlike.items[0].id, "the best one stays"
    shop.choose("p0", Choice(diversity=0.9))
    assert distance(shop.recommend("p0", 10)) == pytest.approx(distance(unlike))


def test_what_is_seldom_shown_is_shown_rather(shop):
    def covered():
        made = [shop.recommend(f"p{n}", 4) for n in range(0, 60, 2)]
        return len({one for each in made for one in ids(each)})

    plain = covered()
    shop.rules = replace(PLAIN, bonus=0.5)
    assert covered() > plain
    again = Recommender(shop.engine, shop.folder, a_shop.embed, PLAIN)
    np.testing.assert_array_equal(again.ground.exposure, shop.ground.exposure)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"count": 0}, "count: is not from 1 to 100"),
        ({"count": 101}, "count: is not from 1"),
        ({"diversity": 1.1}, "diversity: is not from 0"),
        ({"diversity": float("nan")}, "diversity: is not from 0"),
    ],
)
def test_lists_that_cannot_be_say_why(shop, values, said):
    with pytest.raises(InputError, match=said):
        shop.recommend("p0", **values)


def test_what_others_buy_moves_what_sells_with_some_delay(shop):
    row = shop.ground.row("i9")
    before = shop.ground.pulse.counts(time.time(), 7)[row]
    shop.add(deed(f"x{n}", "i9") for n in range(4))
    assert not shop.refresh(), "not with each purchase"
    shop._looked = 0.0
    assert shop.refresh()
    assert shop.ground.pulse.counts(time.time(), 7)[row] == before + 4


# --- reasons -----------------------------------------------------------------------------


def test_what_a_reason_names_made_the_difference(shop):
    ground = shop.ground
    named = 0
    for person in ("p0", "p1", "p2", "p3"):
        who = person_of(shop.deeds_of(person), ground.catalog)
        rows = ground.ranker.candidates(who, ground.pulse, NOW, 10)
        scores = ground.ranker.score(who, rows, ground.pulse, NOW)
        for place, reason in enumerate(reasons(ground, who, rows.tolist(), scores, NOW)):
            if reason.item:
                named += 1
                other = _without(who, ground.row(reason.item))
                assert len(other.items) < len(who.items)
                again = ground.ranker.score(other, rows, ground.pulse, NOW)
                assert again[place] < scores[place]
    assert named >= 20, "most have one"


def test_who_did_nothing_gets_reasons_that_name_nothing_of_theirs(shop):
    assert {one.reason.item for one in shop.recommend("nobody", 10).items} == {""}
    shop.add([deed("looks", "i4", "clicked")])
    made = shop.recommend("looks", 40)
    (own,) = [one for one in made.items if one.id == "i4"]
    assert own.reason.kind == "seen"


# --- persons -----------------------------------------------------------------------------


def test_who_is_not_followed_is_erased_and_gets_what_nobody_gets(shop):
    shop.recommend("p0", 5)
    shop.choose("p0", Choice(followed=False))
    assert shop.deeds_of("p0") == []
    assert [one.stream.split()[0] for one in shop.of_person("p0")] == ["choices"]
    assert shop.add([deed("p0", "i1"), deed("p1", "i1")]) == 1
    assert ids(shop.recommend("p0", 5)) == ids(shop.recommend("", 5))
    assert len(shop.of_person("p0")) == 1, "its lists are not kept either"
    shop.choose("p0", Choice())
    assert shop.add([deed("p0", "i3")]) == 1


def test_after_an_erasure_a_ranking_is_as_if_the_person_had_never_been(shop, tmp_path):
    assert shop.due() == ""
    assert shop.forget("p0") == 12
    assert shop.due() == "somebody was erased"
    later = time.time() + 1
    fitted = refit(shop.engine, shop.folder, measured=False, settings=SETTINGS, now=later)
    assert (fitted.number, [one.number for one in shop.rankings.all()]) == (2, [2])
    assert not (shop.folder / "1").exists(), "the ranking that knew them is gone"
    assert shop.due() == ""

    engine = open_database(f"sqlite:///{tmp_path / 'other.db'}")
    never = Recommender(engine, tmp_path / "never", a_shop.embed, PLAIN)
    never.add(one for one in a_shop.past(NOW) if one.person != "p0")
    never.put(a_shop.items())
    refit(engine, tmp_path / "never", measured=False, settings=SETTINGS, now=later)
    for name in ("trees.txt", "arrays.npz"):
        ours, theirs = (folder / name for folder in (shop.folder / "2", tmp_path / "never" / "1"))
        if name.endswith(".npz"):
            with np.load(ours) as one, np.load(theirs) as other:
                for key in one:
                    np.testing.assert_array_equal(one[key], other[key])
        else:
            assert ours.read_text() == theirs.read_text()
    engine.dispose()


def test_with_too_little_left_to_learn_from_no_ranking_knows_who_is_erased(engine, tmp_path):
    shop = Recommender(engine, tmp_path, a_shop.embed, PLAIN)
    shop.add(a_shop.past(NOW, persons=1, each=30))
    shop.put(a_shop.items())
    refit(engine, tmp_path, measured=False, settings=SETTINGS, now=NOW)
    shop.forget("p0")
    with pytest.raises(InputError, match="there are none of known items"):
        refit(engine, tmp_path, settings=SETTINGS)
    assert shop.rankings.all() == []
    shop.refresh()
    assert shop.recommend("p1").ranking == ""


def test_what_stood_on_old_lists_is_deleted_and_nothing_else(shop, monkeypatch):
    before = len(shop.of_person("p0"))
    shop.recommend("p0", 5)
    shop.recommend("p1", 5)
    assert shop.drop_old_lists() == 0
    later = time.time() + 91 * DAY
    monkeypatch.setattr(time, "time", lambda: later)
    assert shop.drop_old_lists() == 2
    assert len(shop.of_person("p0")) == before


# --- rankings ----------------------------------------------------------------------------


def test_a_ranking_is_gone_back_to(shop):
    refit(shop.engine, shop.folder, measured=False, settings=SETTINGS)
    shop.refresh()
    assert shop.recommend("p0").ranking == "2"
    shop.use(1)
    assert shop.recommend("p0").ranking == "1"
    assert [(one.number, one.used) for one in shop.rankings.all()] == [(2, False), (1, True)]
    with pytest.raises(InputError, match="7: there is no such ranking"):
        shop.use(7)


def test_the_oldest_rankings_are_deleted(shop):
    for _ in range(6):
        refit(shop.engine, shop.folder, measured=False, settings=replace(SETTINGS, rounds=2))
    assert [one.number for one in shop.rankings.all()] == [7, 6, 5, 4, 3]
    assert sorted(one.name for one in shop.folder.iterdir()) == ["3", "4", "5", "6", "7"]


def test_a_ranking_is_due_when_the_last_one_is_old(shop):
    shop.rules = replace(PLAIN, refit=1.0)
    assert shop.due() == "the last one is old"


def test_what_was_measured_says_for_whom_it_works(shop):
    (fitted,) = shop.rankings.all()
    groups = fitted.report["groups"]
    assert groups["all"]["persons"] == fitted.report["persons"] > 50
    assert groups["all"]["recall"] > groups["all"]["by_sales"]
    free, dear = (fitted.report["diversity"][place] for place in (0, -1))
    assert (free["amount"], dear["amount"]) == (0.0, 0.8)
    assert dear["distance"] > free["distance"]


def test_the_database_and_the_service_know_the_same(shop):
    deeds, catalog = known(shop.engine)
    assert catalog.names == shop.ground.catalog.names
    np.testing.assert_array_equal(catalog.vectors, shop.ground.catalog.vectors)
    assert len(deeds) == shop.state().deeds


# --- exploring ---------------------------------------------------------------------------


def test_every_candidate_has_the_chance_that_is_said_and_lists_have_no_repeats():
    draw = np.random.default_rng(0)
    seen = np.zeros(10)
    for _ in range(4000):
        made, (one,) = explore([0, 1, 2, 3], range(10), 1, draw)
        assert len(set(made)) == 4
        assert made[one.place] == one.item
        assert one.chance == 0.1
        assert [place for place in made if place != one.item] == [
            place for place in (0, 1, 2, 3) if place != one.item
        ][:3]
        seen[one.item] += 1
    np.testing.assert_allclose(seen / 4000, 0.1, atol=0.02)


def test_the_estimate_is_what_a_way_to_choose_really_earns():
    """Simulated: item n is taken with chance n / 40; a list of the best four of ten."""
    draw = np.random.default_rng(1)
    lists = {"best": [9, 8, 7, 6], "worst": [0, 1, 2, 3]}
    trials = []
    for _ in range(20_000):
        item = int(draw.integers(10))
        would = [name for name, own in lists.items() if item in own]
        trials.append(Trial(0.1, would, 4, draw.random() < item / 40))
    for name, own in lists.items():
        found = estimate(trials, name)
        true = np.mean([item / 40 for item in own])
        assert found.low < true < found.high
        assert found.high - found.low < 0.02


def test_places_are_counted():
    assert by_place([{0: True, 2: False}, {2: True}], 3) == [(1, 1), (0, 0), (2, 1)]


def test_lists_and_what_came_of_them_make_the_live_report(shop):
    shop.rules = replace(PLAIN, explored=1)
    for n in range(30):
        made = shop.recommend(f"p{n}", 5)
        (place,) = [at for at, one in enumerate(made.items) if one.reason.kind == "drawn"]
        if n % 3 == 0:
            shop.add([deed(f"p{n}", made.items[place].id, "clicked", list=made.id)])
    found = live(shop)
    assert (found.lists, found.drawn) == (30, 30)
    assert found.taken == pytest.approx(1 / 3)
    assert sum(shown for shown, _ in found.places) == 30
    assert sum(taken for _, taken in found.places) == 10
    shown = found.estimates["shown"]
    assert shown.low <= shown.rate <= shown.high
    shop.forget("p0")
    assert live(shop).lists == 29
