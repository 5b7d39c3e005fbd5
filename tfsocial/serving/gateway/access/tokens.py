"""Signed tokens (JWT, RFC 7519) of an identity provider, checked by its published keys (JWKS)."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from tfsocial.errors import InputError
from tfsocial.serving.gateway.access.callers import ANY, VERBS, Caller

ALGORITHMS = ("ES256", "RS256", "EdDSA")  # none, and HMAC with a public key, are not among them
AFRESH = 300.0  # seconds after which published keys are read again
AT_MOST = 10.0  # seconds between two readings because of a key that is not among them
LEEWAY = 30  # seconds that two clocks may differ


@dataclass(frozen=True)
class Issuer:
    """Whose tokens are taken.

    Attributes:
        jwks: its keys, a file or an https address.
        issuer, audience: that a token has to name.
        tenant: the claim that names the tenant.
        scope: the claim that lists what is allowed, words `MODEL:VERB`; * is any.
    """

    jwks: str
    issuer: str
    audience: str
    tenant: str = "sub"
    scope: str = "scope"


class TokenCheck:
    """Checks tokens of one issuer.

    Raises:
        InputError: a file of keys cannot be read.
    """

    def __init__(self, issuer: Issuer):
        self._issuer, self._keys, self._read = issuer, KeySet([]), float("-inf")
        self._registry = jwt.JWTClaimsRegistry(
            leeway=LEEWAY,
            iss={"essential": True, "value": issuer.issuer},
            aud={"essential": True, "value": issuer.audience},
            exp={"essential": True},
            sub={"essential": True},
        )
        if not _is_address(issuer.jwks):
            self._keys, self._read = _of_file(Path(issuer.jwks)), time.monotonic()

    async def caller(self, token: str) -> Caller | None:
        """Tell who comes with a token; None: it is not valid."""
        await self._fresh(AFRESH)
        claims = self._claims(token)
        if claims is None:  # signed with a key that was published since, perhaps
            await self._fresh(AT_MOST)
            claims = self._claims(token)
        return self._of_claims(claims) if claims is not None else None

    def _claims(self, token: str) -> Mapping[str, Any] | None:
        try:
            decoded = jwt.decode(token, self._keys, algorithms=[*ALGORITHMS])
            self._registry.validate(decoded.claims)
        except (JoseError, ValueError, TypeError):
            return None
        return decoded.claims

    def _of_claims(self, claims: Mapping[str, Any]) -> Caller | None:
        tenant = claims.get(self._issuer.tenant)
        words = claims.get(self._issuer.scope, "")
        if not isinstance(tenant, str) or not isinstance(words, str | list):
            return None
        return Caller(tenant, _grants(words), f"token of {claims['sub']}"[:80])

    async def _fresh(self, seconds: float) -> None:
        """Read the keys again if they are older; those there are stay if that fails."""
        if time.monotonic() - self._read < seconds:
            return
        self._read = time.monotonic()
        try:
            if _is_address(self._issuer.jwks):
                async with httpx.AsyncClient(timeout=5) as client:
                    response = (await client.get(self._issuer.jwks)).raise_for_status()
                self._keys = KeySet.import_key_set(response.json())
            else:
                self._keys = _of_file(Path(self._issuer.jwks))
        except (httpx.HTTPError, JoseError, ValueError, InputError):
            return


def _grants(words: str | Sequence[str]) -> list[tuple[str, str]]:
    """Read `MODEL:VERB` words; what is no such word is another service's.

    >>> _grants("helpdesk:classify openid *:embed")
    [('helpdesk', 'classify'), ('*', 'embed')]
    """
    listed = words.split() if isinstance(words, str) else map(str, words)
    parts = (word.rpartition(":") for word in listed)
    return [(model, verb) for model, _, verb in parts if model and verb in (*VERBS, ANY)]


def _is_address(jwks: str) -> bool:
    return jwks.startswith(("https://", "http://"))


def _of_file(path: Path) -> KeySet:
    try:
        return KeySet.import_key_set(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError, KeyError, JoseError) as error:
        raise InputError(f"{path}: holds no published keys (JWKS): {error}") from None
