"""What goes in and out of the recommender, and its rules."""

from __future__ import annotations

from dataclasses import dataclass

from tfsocial.errors import InputError

DAY = 86_400.0
KINDS = ("bought", "clicked", "returned", "refused")  # refused: "not interested"
MOST_LISTED = 100  # items of a list


@dataclass(frozen=True)
class Rules:
    """How lists are made.

    Attributes:
        candidates: items that are looked at closely for a list.
        diversity: 0 to 1: how much unlike each other items of a list are to be, where nobody
            says otherwise.
        bonus: how much an item gains, of the 1 that the best one of a list's candidates has over
            the last one, that stood on no list lately; one of usual exposure gains half as much.
        explored: places of a list that are drawn among the candidates, with known chances.
        clicks_a_day: of a person that count; more are a program's.
        refit: seconds after which a ranking is fitted anew.
        lists: seconds for which it is known what stood on a list.
    """

    candidates: int = 300
    diversity: float = 0.1
    bonus: float = 0.1
    explored: int = 1
    clicks_a_day: int = 200
    refit: float = DAY
    lists: float = 90 * DAY

    @classmethod
    def of_flags(
        cls, diversity: float, explored: int, refit_hours: float, lists_days: float
    ) -> Rules:
        """Read what a command is given.

        Raises:
            InputError: it cannot be.
        """
        if not 0 <= diversity <= 1:
            raise InputError(f"--diversity={diversity}: write a number from 0 to 1")
        if not 0 <= explored <= 5:
            raise InputError(f"--explored={explored}: write 0 to 5 places of a list")
        if not 0.1 <= refit_hours <= 24 * 365:
            raise InputError(f"--refit_hours={refit_hours}: write 0.1 to 8760 hours")
        if not 1 <= lists_days <= 3650:
            raise InputError(f"--lists_days={lists_days}: write 1 to 3650 days")
        refit, lists = 3600 * refit_hours, DAY * lists_days
        return cls(diversity=diversity, explored=explored, refit=refit, lists=lists)


@dataclass(frozen=True)
class Deed:
    """Something that a person did with an item.

    Attributes:
        kind: one of `KINDS`.
        happened: seconds since 1970.
        quantity: pieces bought.
    """

    item: str
    kind: str
    happened: float
    quantity: float = 1.0


@dataclass(frozen=True)
class Reason:
    """Why an item is on a list.

    Attributes:
        kind: `like` (its text is like that of `item`), `with` (bought by those who bought
            `item`), `interest` (like what the person chose), `seen` (they had to do with it),
            `popular`, `new`, `ranked` (by all that is known together), `drawn` (by lot).
        item: id of what the person had to do with; empty where there is none.
    """

    kind: str
    item: str = ""


@dataclass(frozen=True)
class Listed:
    """An item of a list.

    Attributes:
        score: the ranking's; items of one list can be compared by it.
        chance: with which this item came to this place.
    """

    id: str
    title: str
    link: str
    price: float | None
    score: float
    reason: Reason
    chance: float = 1.0


@dataclass(frozen=True)
class List:
    """A list made for somebody.

    Attributes:
        id: that deeds may name, so that it is known what came of it.
        ranking: version of the ranking; empty: none is fitted yet.
    """

    id: str
    items: tuple[Listed, ...]
    ranking: str
