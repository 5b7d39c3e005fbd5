"""The recommender as plain functions; pages and endpoints use nothing else."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from sqlalchemy import Connection, Engine

from tfsocial.apps.events import Event, EventLog
from tfsocial.apps.recommend import choices, making
from tfsocial.apps.recommend.choices import Choice, Choices
from tfsocial.apps.recommend.ground import Ground, catalog_of, columns_of, person_of
from tfsocial.apps.recommend.history import History
from tfsocial.apps.recommend.items import Item
from tfsocial.apps.recommend.making import Wish
from tfsocial.apps.recommend.ranking.catalog import Catalog
from tfsocial.apps.recommend.ranking.diversity import mmr
from tfsocial.apps.recommend.ranking.pulse import Pulse
from tfsocial.apps.recommend.ranking.ranker import Ranker
from tfsocial.apps.recommend.rankings import Rankings
from tfsocial.apps.recommend.records import MOST_LISTED, Deed, List, Rules
from tfsocial.apps.recommend.shelf import Shelf, Shown
from tfsocial.apps.recommend.untrained import Untrained
from tfsocial.apps.recommend.vectors import Embed, Vectors
from tfsocial.errors import InputError

LISTS = "lists"  # stream of what was shown
FORGOTTEN = "forgotten"  # stream of erasures, which say only that there was one
BEGINS = 0.8  # how unlike each other the items are that a newcomer picks from
EXPOSED = 2_000  # of the last lists, by which it is known what is seldom shown
BEHIND = 5.0  # seconds that what sells may be behind what was bought


@dataclass(frozen=True)
class State:
    """How far it is.

    Attributes:
        items: that there are; `withdrawn` of them are not recommended any more.
        deeds: that count.
        ranking: number of the ranking in use; 0: none is fitted yet.
        version: of the model that read the texts.
    """

    items: int
    withdrawn: int
    deeds: int
    ranking: int
    version: str


class Recommender:
    """Recommends.

    Args:
        folder: of the rankings.
        embed: has the model read texts.
    """

    def __init__(self, engine: Engine, folder: Path, embed: Embed, rules: Rules | None = None):
        self._engine, self.rules = engine, rules or Rules()
        self.log = EventLog(engine)
        self.shelf, self.choices = Shelf(self.log), Choices(self.log)
        self.history = History(engine, self.rules.clicks_a_day)
        self.rankings = Rankings(self.log, folder)
        self._vectors = Vectors(engine, embed)
        self._lock = threading.Lock()  # of who makes the ground
        self._ground: Ground | None = None
        self._number = self._erasures = 0
        self._looked = 0.0

    # --- what it knows ----------------------------------------------------------------------

    def refresh(self) -> bool:
        """Take up what came into the log; gives whether lists are made on something else now.

        Raises:
            Problem: the model cannot be asked about new texts now.
        """
        with self._lock:
            self.history.catch_up()
            self.shelf.refresh()
            shown, used, erased = self.shelf.shown, self.rankings.used(), self._erased()
            ground = self._ground
            if (
                ground is None
                or ground.ranking != used
                or (ground.shown is not shown and ground.shown.items != shown.items)
            ):
                self._vectors.complete(shown.items.values())
                self._ground = self._made(shown, used)
            elif erased != self._erasures:
                pulse, exposure = self._pulse(ground.catalog), self._exposure(ground.catalog)
                self._ground = replace(self._of(ground, shown), pulse=pulse, exposure=exposure)
            elif ground.shown is not shown:
                self._ground = self._of(ground, shown)
                return True
            else:
                return self._move(ground)
            self._erasures, self._looked = erased, time.monotonic()
            return True

    def _of(self, ground: Ground, shown: Shown) -> Ground:
        """Give the same ground with other items withdrawn; a ranker is made in some seconds."""
        return replace(ground, shown=shown, withdrawn=_withdrawn(ground.items, shown))

    def _made(self, shown: Shown, used: int) -> Ground:
        items = list(shown.items.values())
        catalog = catalog_of(items, self._vectors.of(items))
        model = self.rankings.load(used) if used else None
        ranker = Ranker(model, catalog) if model else Untrained(catalog)
        pulse = self._pulse(catalog)
        withdrawn = _withdrawn(items, shown)
        exposure = self._exposure(catalog)
        return Ground(shown, items, catalog, withdrawn, ranker, pulse, exposure, used)

    def _exposure(self, catalog: Catalog) -> np.ndarray:
        """Count how often items stood on the last lists, float32 [n]."""
        found = np.zeros(len(catalog), np.float32)
        for event in self.log.latest(LISTS, EXPOSED):
            rows = catalog.rows(event.content.get("items", ()))
            found[rows[rows >= 0]] += 1
        return found

    def _pulse(self, catalog: Catalog) -> Pulse:
        known = list(self.history.after(0))
        self._number = max([0, *(number for number, _, _ in known)])
        deeds = [(0, deed) for _, _, deed in known if deed.item in catalog.position]
        return Pulse.of(columns_of(deeds, catalog), len(catalog))

    def _move(self, ground: Ground) -> bool:
        """Let what sells go on, now and then: with each purchase would cost more than it tells."""
        if time.monotonic() - self._looked < BEHIND:
            return False
        self._looked = time.monotonic()
        moved = False
        for number, _, deed in self.history.after(self._number):
            self._number = number
            row = ground.row(deed.item)
            if row >= 0 and deed.kind == "bought":
                ground.pulse.add(row, deed.happened)
                moved = True
        return moved

    def _erased(self) -> int:
        known = self.log.latest(FORGOTTEN, 1)
        return known[0].number if known else 0

    @property
    def ground(self) -> Ground:
        """What lists are made on now.

        Raises:
            InputError: nothing is known yet.
        """
        if self._ground is None:
            self.refresh()
        assert self._ground is not None
        return self._ground

    def state(self) -> State:
        """Tell how far it is."""
        ground = self.ground
        withdrawn = int(ground.withdrawn.sum())
        return State(
            len(ground.items),
            withdrawn,
            self.history.count(),
            ground.ranking,
            self._vectors.version,
        )

    # --- what comes in ----------------------------------------------------------------------

    def put(self, items: Iterable[Item]) -> int:
        """Offer items; gives how many were new, or other than before."""
        count = self.shelf.put(items)
        self.refresh()
        return count

    def withdraw(self, ids: Sequence[str]) -> None:
        """Recommend items no longer.

        Raises:
            InputError: there is no such item.
        """
        self.shelf.withdraw(ids)
        self.refresh()

    def add(self, deeds: Iterable[Event]) -> int:
        """Keep what persons did, but for those who are not to be followed.

        Returns:
            How many deeds were new.
        """
        deeds = list(deeds)
        with self._engine.connect() as connection:
            silent = choices.not_followed(connection, {deed.person for deed in deeds})
        count = self.log.add(deed for deed in deeds if deed.person not in silent)
        self.history.catch_up()  # so that the next list knows
        return count

    # --- lists ------------------------------------------------------------------------------

    def recommend(
        self,
        person: str = "",
        count: int = 12,
        diversity: float | None = None,
        interests: Sequence[str] = (),
        without: Sequence[str] = (),
        reasons: bool = True,
        explore: bool = True,
    ) -> List:
        """Make a list for somebody, of what they do not have.

        Args:
            person: empty: nobody is known.
            diversity: 0 to 1; None: as they chose, or as the rules say.
            interests: ids of items that stand for what they like, beside those that they chose.
            without: ids of items that are not to be on it.
            reasons: whether each item is to have one; without them it is quicker.
            explore: whether places may be drawn.

        Raises:
            InputError: the list would be too long, or diversity is none.
        """
        if not 1 <= count <= MOST_LISTED:
            raise InputError(f"count: is not from 1 to {MOST_LISTED}")
        if diversity is not None and not 0 <= diversity <= 1:
            raise InputError("diversity: is not from 0 to 1")
        ground, now = self.ground, time.time()
        choice = self.choices.of(person)
        own = self.history.of_person(person) if person and choice.followed else []
        liked = [*choice.interests, *interests] if choice.followed else []
        who = person_of(own, ground.catalog, liked)
        if diversity is None:
            diversity = self.rules.diversity if choice.diversity is None else choice.diversity
        rows = ground.catalog.rows(without)
        left_out = np.concatenate(
            [who.bought, who.refused, who.picked, rows[rows >= 0], ground.not_offered(now)]
        )
        explored = self.rules.explored if explore and choice.followed else 0
        wish = Wish(count, diversity, left_out, reasons, explored)
        made = making.make(ground, who, wish, self.rules, now)
        if person and choice.followed:
            self.log.add([Event(LISTS, made.list.id, now, made.kept, person)])
            ground.exposure[ground.catalog.rows([one.id for one in made.list.items])] += 1
        return made.list

    def beginnings(self, count: int = 24) -> list[Item]:
        """Choose items that a newcomer may say they like: they sell, and are unlike each other."""
        ground, now = self.ground, time.time()
        offered = np.setdiff1d(np.arange(len(ground.items)), ground.not_offered(now))
        if not len(offered):
            return []
        sold = ground.pulse.counts(now, 90)[offered] + 1e-3 * ground.pulse.ever[offered]
        best = offered[np.argsort(-sold, kind="stable")][: 12 * count]
        vectors = ground.catalog.vectors[best]
        chosen = mmr(np.linspace(1, 0, len(best)), vectors, count, BEGINS)
        return [ground.items[int(best[place])] for place in chosen]

    # --- persons ----------------------------------------------------------------------------

    def choose(self, person: str, choice: Choice) -> None:
        """Keep what somebody chooses; who is not to be followed is erased, but for that.

        Raises:
            InputError: the choice is none, or an interest is no item.
        """
        for one in choice.interests:
            self.shelf.get(one)
        if not choice.followed:
            self.forget(person)
            choice = replace(choice, interests=())
        self.choices.keep(person, choice)

    def deeds_of(self, person: str) -> list[Deed]:
        """List what somebody did, the first first."""
        return self.history.of_person(person)

    def of_person(self, person: str) -> list[Event]:
        """Give all that is kept of a person."""
        return self.log.of_person(person)

    def forget(self, person: str) -> int:
        """Erase what a person did, and that it was they; gives how many events.

        Rankings that were fitted with them are fitted anew, and deleted: see `due`.

        Raises:
            InputError: nobody is named.
        """
        if not person:
            raise InputError("person: nobody is named")

        def derived(connection: Connection) -> Iterator[Event]:
            if self.history.forget(connection, person):
                now = time.time()
                yield Event(FORGOTTEN, f"{now}", now, {"erased": True})

        count = self.log.forget(person, derived)
        self.refresh()
        return count

    def drop_old_lists(self) -> int:
        """Delete what stood on lists that are older than the rules say; gives how many."""
        return self.log.drop(LISTS, time.time() - self.rules.lists)

    # --- rankings ---------------------------------------------------------------------------

    def due(self) -> str:
        """Say why a ranking is to be fitted now; empty: it is not."""
        found = self.rankings.all()
        if not found:
            return "none is fitted yet"
        newest = found[0]
        erased = self.log.latest(FORGOTTEN, 1)
        if erased and erased[0].happened >= newest.at:
            return "somebody was erased"
        if time.time() - newest.at >= self.rules.refit:
            return "the last one is old"
        return ""

    def use(self, number: int) -> None:
        """Make lists by a ranking, as by one before it.

        Raises:
            InputError: there is no such ranking.
        """
        self.rankings.use(number)
        self.refresh()


def _withdrawn(items: Sequence[Item], shown: Shown) -> np.ndarray:
    """Say which items are not to be recommended any more, bool [n]."""
    return np.array([item.id in shown.withdrawn for item in items], bool)
