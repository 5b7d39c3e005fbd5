"""A small shop: red and blue things, and users who like one colour."""

from __future__ import annotations

import numpy as np

from tfsocial.apps.recommend.ranking.catalog import Catalog
from tfsocial.apps.recommend.ranking.deeds import DAY, Deeds
from tfsocial.apps.recommend.ranking.settings import Settings

ITEMS, USERS, DAYS = 40, 60, 120
SETTINGS = Settings(
    ease_penalty=5.0, als_factors=4, states=2, rounds=30, leaves=7, least=5, neighbours=5
)


def catalog(items: int = ITEMS) -> Catalog:
    """Half of the items are red, half are blue; the vectors say so, and a little else."""
    draw = np.random.default_rng(1)
    colours = np.arange(items) % 2
    vectors = draw.normal(0, 0.3, (items, 8))
    vectors[np.arange(items), colours] += 1.0
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Catalog(
        tuple(f"i{item}" for item in range(items)),
        tuple(
            f"{('red', 'blue')[colour]} thing {item // 4}" for item, colour in enumerate(colours)
        ),
        np.full(items, 2.0, np.float32),
        np.zeros(items),
        vectors.astype(np.float32),
    )


def deeds() -> Deeds:
    """Each user buys things of one colour, every tenth one of any."""
    draw = np.random.default_rng(2)
    user, item, time = [], [], []
    for one in range(USERS):
        for _ in range(12):
            colour = one % 2 if draw.random() < 0.9 else draw.integers(2)
            user.append(one)
            item.append(2 * draw.integers(ITEMS // 2) + colour)
            time.append(draw.random() * DAYS * DAY)
    return Deeds.of(user, item, time)
