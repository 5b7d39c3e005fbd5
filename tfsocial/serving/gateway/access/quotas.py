"""How many tokens a tenant may use in a window of time.

Counted by the package `limits`: in this process exactly, or in Redis for several gateways.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from limits import (
    RateLimitItem,
    RateLimitItemPerDay,
    RateLimitItemPerHour,
    RateLimitItemPerMinute,
    RateLimitItemPerSecond,
)
from limits.aio.storage import Storage
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import ConfigurationError, StorageError
from limits.storage import storage_from_string

from tfsocial.errors import InputError
from tfsocial.serving.gateway.problems import Problem

PERIODS: Mapping[str, type[RateLimitItem]] = {
    "second": RateLimitItemPerSecond,
    "minute": RateLimitItemPerMinute,
    "hour": RateLimitItemPerHour,
    "day": RateLimitItemPerDay,
}
MEMORY = "memory://"


@dataclass(frozen=True)
class Quota:
    """So many tokens in each window.

    Attributes:
        per: of PERIODS.
    """

    tokens: int
    per: str = "minute"

    @property
    def item(self) -> RateLimitItem:
        """As `limits` has it."""
        return PERIODS[self.per](self.tokens)


class Quotas:
    """What each tenant has used.

    Args:
        default: of tenants that have none of their own; None: as much as they like.
        own: tenant -> quota.
        storage: memory://, or redis://HOST:PORT/DB for several gateways.
    """

    def __init__(self, default: Quota | None, own: Mapping[str, Quota], storage: str = MEMORY):
        self._default, self._own = default, own
        self._limiter = FixedWindowRateLimiter(_opened(storage))

    async def use(self, tenant: str, tokens: int) -> dict[str, str]:
        """Take tokens from a tenant's quota.

        What is refused takes none, unless several gateways ask Redis at the same moment.

        Returns:
            The headers that say what is left (draft-ietf-httpapi-ratelimit-headers).

        Raises:
            Problem: the quota is used up, or more is asked for than it ever has.
        """
        quota = self._own.get(tenant, self._default)
        if quota is None:
            return {}
        item = quota.item
        try:
            fits = await self._limiter.test(item, tenant, cost=tokens)
            fits = fits and await self._limiter.hit(item, tenant, cost=tokens)
            reset, left = await self._limiter.get_window_stats(item, tenant)
        except StorageError as error:
            raise Problem("overloaded", f"quotas cannot be read ({error}); try again", 1) from None
        seconds = max(0, round(reset - time.time()))
        headers = {
            "RateLimit-Policy": f'"tokens";q={quota.tokens};w={item.get_expiry()}',
            "RateLimit": f'"tokens";r={left};t={seconds}',
        }
        if not fits:
            raise _refused(quota, tokens, left, seconds, headers)
        return headers


def _opened(storage: str) -> Storage:
    """Open a place for the counts.

    Raises:
        InputError: it is of no known kind, or its package is not installed.
    """
    redis: dict[str, Any] = {"implementation": "redispy", "wrap_exceptions": True}
    options = {} if storage == MEMORY else redis
    try:
        return cast("Storage", storage_from_string(f"async+{storage}", **options))
    except (ConfigurationError, ValueError, TypeError) as error:
        raise InputError(
            f"quotas.storage={storage}: cannot be used ({error}); write {MEMORY} or "
            "redis://HOST:PORT/DB, which needs the package redis"
        ) from None


def _refused(
    quota: Quota, tokens: int, left: int, seconds: int, headers: Mapping[str, str]
) -> Problem:
    has = f"{quota.tokens} tokens a {quota.per}"
    if tokens > quota.tokens:
        detail = f"the texts have about {tokens} tokens, and the quota is {has}; send fewer at once"
        return Problem("quota", detail, headers=headers)
    detail = f"of {has} {left} are left, and the texts have about {tokens}; wait {seconds} s"
    return Problem("quota", detail, seconds, headers)
