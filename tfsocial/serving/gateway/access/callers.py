"""Who asks, and what they may do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tfsocial.serving.gateway.problems import Problem

ASKING = ("classify", "embed", "similar")  # what a key may do if nothing else is said
VERBS = (*ASKING, "manage")
ANY = "*"


@dataclass(frozen=True)
class Caller:
    """Somebody who is known.

    Attributes:
        tenant: whose quota is used, and whose requests wait in one line.
        grants: (model, verb) pairs; * is any.
        credential: what they are known by, as a log may have it: a key's prefix, a token's subject.
        priority: 0 is answered first.
    """

    tenant: str
    grants: Sequence[tuple[str, str]]
    credential: str
    priority: int = 1

    def may(self, verb: str, model: str) -> bool:
        """Tell whether a verb on a model is allowed.

        >>> Caller("acme", [("helpdesk", "classify")], "k").may("embed", "helpdesk")
        False
        """
        return any(one in (ANY, model) and other in (ANY, verb) for one, other in self.grants)

    def check(self, verb: str, model: str) -> None:
        """Refuse what is not allowed.

        Raises:
            Problem: forbidden. A model that one may not ask and one that is not there look alike.
        """
        if not self.may(verb, model):
            raise Problem(
                "forbidden",
                f"this key may not {verb} with model {model!r}; ask whoever gave it to you",
            )
