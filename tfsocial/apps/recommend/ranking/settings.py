"""What the ranking is fitted with; the numbers are chosen on October of online_retail."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """How to fit.

    Attributes:
        columns: items at the most that purchases are compared of; EASE keeps their square.
        ease_penalty: L2 of EASE.
        als_factors, als_penalty, als_confidence: of ALS.
        half_life: days after which a deed weighs half, where the latest count most.
        neighbours: like items that popularity is smoothed over.
        states: times in the past whose following month is learnt; each `state_days` apart.
        negatives: items not bought, for each that was.
        persons: at the most of each state.
        rounds, leaves, learning_rate, least: of the trees; least: examples of a leaf.
        seed: of what is drawn.
    """

    columns: int = 8_000
    ease_penalty: float = 500.0
    als_factors: int = 32
    als_penalty: float = 3.0
    als_confidence: float = 10.0
    half_life: float = 60.0
    neighbours: int = 20
    states: int = 5
    state_days: float = 30.0
    negatives: int = 4
    persons: int = 1_500
    rounds: int = 400
    leaves: int = 15
    learning_rate: float = 0.06
    least: int = 500
    seed: int = 0
