"""Who comes to the monitor's pages: people who signed in with a key."""

from __future__ import annotations

from tfsocial.apps.pages.staff import Staff, StaffEntrance
from tfsocial.serving.gateway.access.door import Door

HOME = "/monitor"
OWN = ("board", "on", "incident", "health")


class Entrance(StaffEntrance):
    """Lets people come to pages.

    Args:
        secret: of this gateway.
        door: knows the keys.
        model: that they may manage.
    """

    def __init__(self, secret: bytes, door: Door, model: str):
        super().__init__(Staff(secret, door, model, HOME), HOME, OWN)
