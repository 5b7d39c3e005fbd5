"""Who comes to the recommender's pages: visitors by a signed cookie, operators by a key."""

from __future__ import annotations

from tfsocial.apps.pages.visitors import VisitorEntrance
from tfsocial.serving.gateway.access.door import Door

HOME = "/recommend"
VISITED = f"{HOME}/list"
OPERATORS = ("report",)


class Entrance(VisitorEntrance):
    """Lets operators and visitors come to pages.

    Args:
        secret: of this gateway.
        door: knows the keys.
        model: that operators may manage.
    """

    def __init__(self, secret: bytes, door: Door, model: str):
        super().__init__(secret, door, model, HOME, OPERATORS, VISITED)
