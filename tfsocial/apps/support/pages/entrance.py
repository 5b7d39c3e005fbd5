"""Who comes to customer service's pages: customers by a signed cookie, agents by a key."""

from __future__ import annotations

from starlette.requests import Request

from tfsocial.apps.pages.visitors import VisitorEntrance
from tfsocial.serving.gateway.access.door import Door

HOME = "/support"
CUSTOMERS = f"{HOME}/chat"
AGENTS = ("inbox", "review")


class Entrance(VisitorEntrance):
    """Lets agents and customers come to pages; a customer's session has the number of their `talk`.

    Args:
        secret: of this gateway.
        door: knows the keys.
        model: that agents may manage, and that reads what customers write.
    """

    def __init__(self, secret: bytes, door: Door, model: str):
        super().__init__(secret, door, model, HOME, AGENTS, CUSTOMERS)

    def agent(self, request: Request) -> str | None:
        """Give the name of an agent who has signed in with a key that still holds."""
        return self.staff.name(request)
