"""The strategies by name."""

from __future__ import annotations

from tfsocial.errors import InputError, nearest
from tfsocial.selection.contract import Strategy
from tfsocial.selection.strategies.badge import Badge
from tfsocial.selection.strategies.typi_clust import TypiClust, TypiMargin
from tfsocial.selection.strategies.uncertainty import Entropy, Margin
from tfsocial.selection.strategies.uniform import Uniform

STRATEGIES: dict[str, Strategy] = {
    "typi_clust": TypiClust(),
    "typi_margin": TypiMargin(),
    "margin": Margin(),
    "badge": Badge(),
    "entropy": Entropy(),
    "random": Uniform(),
}


def strategy(name: str) -> Strategy:
    """Give the strategy of this name.

    Raises:
        InputError: there is none.
    """
    if name not in STRATEGIES:
        raise InputError(f"--strategy={name}: {nearest(name, ['auto', *STRATEGIES])}")
    return STRATEGIES[name]
