"""From what a request brings along to who asks: a key, or a token that an issuer signed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tfsocial.serving.gateway.access.callers import Caller
from tfsocial.serving.gateway.access.keys import MARK, Key, KeyRing
from tfsocial.serving.gateway.problems import Problem

if TYPE_CHECKING:
    from tfsocial.serving.gateway.access.tokens import TokenCheck

BEARER = "bearer "


class Door:
    """Denies whoever is not known.

    Args:
        keys: None: no keys are taken.
        tokens: None: no tokens are taken.
    """

    def __init__(self, keys: KeyRing | None, tokens: TokenCheck | None = None):
        self._keys, self._tokens = keys, tokens

    def keys(self) -> Mapping[str, Key]:
        """Give the keys there are, by prefix."""
        return self._keys.keys() if self._keys else {}

    async def caller(self, authorization: str, api_key: str = "") -> Caller:
        """Tell who asks.

        Args:
            authorization: `Bearer KEY` or `Bearer TOKEN`.
            api_key: of the header X-API-Key, where there is no other.

        Raises:
            Problem: unauthenticated; says what is missing, not what was wrong with it.
        """
        credential = api_key.strip()
        if authorization:
            if not authorization.lower().startswith(BEARER):
                raise Problem("unauthenticated", "Authorization: has to be `Bearer KEY`")
            credential = authorization[len(BEARER) :].strip()
        if not credential:
            raise Problem("unauthenticated", "send a key: `Authorization: Bearer KEY`")
        found = await self._known(credential)
        if found is None:
            raise Problem(
                "unauthenticated", "this key is not known or has expired; ask for a new one"
            )
        return found

    async def _known(self, credential: str) -> Caller | None:
        if credential.startswith(f"{MARK}_"):
            return self._keys.caller(credential) if self._keys else None
        return await self._tokens.caller(credential) if self._tokens else None
