"""What can be recommended: its title, what is written of it, its price."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tfsocial.apps.sources.members import seconds, whole, word
from tfsocial.errors import InputError

LONGEST = 20_000  # characters of all that is written of an item
MOST_TAGS = 50


@dataclass(frozen=True)
class Item:
    """Something that can be recommended.

    Attributes:
        id: of its own; what deeds name.
        title: may be empty: then nothing is known but what people did.
        description: more that is written of it.
        tags: words that it is filed under.
        price: in the shop's currency; None: not known.
        since: seconds since 1970 from when on it is sold; None: from when it was first heard of.
        link: where it is shown; empty: nowhere.
    """

    id: str
    title: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    price: float | None = None
    since: float | None = None
    link: str = ""

    @property
    def text(self) -> str:
        """What the model reads of it.

        >>> Item("1", "Red mug", "Holds 300 ml", ("kitchen", "red")).text
        'Red mug. Holds 300 ml. kitchen, red'
        """
        parts = (self.title, self.description, ", ".join(self.tags))
        return ". ".join(part for part in parts if part)

    @property
    def text_hash(self) -> str:
        """What its vector is kept under; items of one text have one."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def of_row(row: Mapping[str, Any], where: str, since: float | None = None) -> Item:
    """Read an item from JSON, or from a table's cells.

    Args:
        since: when it is sold from if it does not say.

    Raises:
        InputError: it is none; names the field.

    >>> of_row({"id": 7, "title": "Mug", "price": "2.5", "tags": "kitchen|red"}, "items.csv:2").tags
    ('kitchen', 'red')
    """
    if unknown := sorted(set(row) - set(Item.__dataclass_fields__)):
        raise InputError(f"{where}: {unknown[0]}: is no field of an item; leave it out")
    texts = {
        name: whole(word(row.get(name, ""), f"{where}: {name}").strip(), f"{where}: {name}")
        for name in ("id", "title", "description", "link")
    }
    if not 1 <= len(texts["id"]) <= 100:
        raise InputError(f"{where}: id: has to have 1 to 100 characters")
    if texts["link"] and not texts["link"].startswith(("https://", "http://", "/")):
        raise InputError(f"{where}: link: is no address; write https://... or /...")
    item = Item(
        tags=_tags(row.get("tags", ()), f"{where}: tags"),
        price=_price(row.get("price"), f"{where}: price"),
        since=since if row.get("since") in ("", None) else seconds(row["since"], f"{where}: since"),
        **texts,
    )
    if len(item.text) > LONGEST:
        raise InputError(f"{where}: its texts have above {LONGEST} characters; shorten them")
    return item


def as_row(item: Item) -> dict[str, Any]:
    """Write an item as JSON values; `of_row` reads them."""
    return asdict(item) | {"tags": list(item.tags)}


def _tags(value: Any, where: str) -> tuple[str, ...]:
    listed = value.split("|") if isinstance(value, str) else value
    if not isinstance(listed, list | tuple) or not all(isinstance(one, str) for one in listed):
        raise InputError(f"{where}: is no list of texts; in a table write them with | between")
    if len(listed) > MOST_TAGS:
        raise InputError(f"{where}: are above {MOST_TAGS}; keep those that tell most")
    return tuple(whole(one.strip(), where) for one in listed if one.strip())


def _price(value: Any, where: str) -> float | None:
    if value is None or value == "":
        return None
    try:
        price = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        price = math.nan
    if not 0 <= price < 1e12:
        raise InputError(f"{where}: {str(value)[:40]!r} is no price; write a number, as 2.95")
    return price
