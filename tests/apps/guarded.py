"""An application's pages and endpoints behind a guard, with somebody's browser before them."""

from __future__ import annotations

from starlette.testclient import TestClient

from tfsocial.apps.does import Does
from tfsocial.serving.gateway import assemble, settings
from tfsocial.serving.gateway.access import keys
from tfsocial.serving.gateway.app import make_app
from tfsocial.serving.gateway.dialects.asking import Asking
from tfsocial.serving.gateway.guard import Guard


class GuardedSite:
    """A gateway before an application's pages; the model itself is never asked.

    Args:
        model: its name, which the paths and keys go by.
        entrance: class of who comes in.
    """

    def __init__(self, folder, model, entrance):
        self._keys, self._model, self.seen = folder / "keys.jsonl", model, []
        values = {
            "models": {model: {"folder": "none"}},
            "access": {"keys": self._keys, "secret": folder / "secret"},
        }
        self._gateway = assemble.make(settings.of_values(values, "test"))
        self._secret = keys.read_secret(folder / "secret")
        self.entrance = entrance(self._secret, self._gateway.door, model)
        self.does = Does(model)

    def open(self, routes) -> None:
        """Puts routes behind the guard."""
        app = make_app(Asking(self._gateway.calls), routes)
        door, seen = self._gateway.door, self.seen.append
        self._guard = Guard(app, door, 100_000, 10, seen, visitor=self.entrance)

    def new_key(self, *verbs: str, **more) -> str:
        made, kept = keys.new(self._secret, "acme", verbs=verbs, **more)
        keys.write(self._keys, {**keys.read(self._keys), kept.prefix: kept})
        return made

    def key(self, *verbs: str) -> dict[str, str]:
        """The header of a new key."""
        return {"Authorization": f"Bearer {self.new_key(*verbs)}"}

    def revoke(self) -> None:
        keys.write(self._keys, {})

    def browser(self, **headers: str) -> TestClient:
        return TestClient(
            self._guard, headers=headers, follow_redirects=False, raise_server_exceptions=False
        )

    def signed_in(self, name: str, comes_to: str, **headers: str) -> TestClient:
        """Somebody with a key that may manage, and where that leads them."""
        found = self.browser(**headers)
        form = {"name": name, "key": self.new_key("manage")}
        sent = found.post(f"/{self._model}/sign-in", data=form)
        assert sent.headers["location"] == comes_to
        return found
