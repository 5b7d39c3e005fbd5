"""The vectors of items' texts, each computed once by a version of the model and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import sqlalchemy as sa
from sqlalchemy import Engine

from tfsocial.apps.database import writing
from tfsocial.apps.events import INSERT, TABLES
from tfsocial.apps.recommend.items import Item

VECTORS = sa.Table(
    "recommend_vectors",
    TABLES,
    sa.Column("version", sa.String(64), primary_key=True),
    sa.Column("text", sa.String(64), primary_key=True),
    sa.Column("vector", sa.LargeBinary()),
)
AT_ONCE = 500  # texts that are asked about and written together
# Texts to the version of the model that reads them, and its vectors [n, d] of length 1.
Embed = Callable[[Sequence[str]], tuple[str, np.ndarray]]


class Vectors:
    """The vectors of all texts, by the version of the model that was asked last.

    Args:
        embed: asks the model.
    """

    def __init__(self, engine: Engine, embed: Embed):
        self._engine, self._embed = engine, embed
        self._known: dict[str, np.ndarray] = {}
        self.version = ""

    def take_up(self, version: str) -> None:
        """Read what is kept of a version; what other versions said is let go."""
        self._known, self.version = read_vectors(self._engine, version), version
        with writing(self._engine) as connection:
            connection.execute(sa.delete(VECTORS).where(VECTORS.c.version != version))

    def complete(self, items: Iterable[Item]) -> int:
        """Have the model read the texts that it has not read; gives how many.

        Raises:
            Problem: it cannot be asked now.
        """
        new = {item.text_hash: item.text for item in items if item.text}
        new = {name: text for name, text in new.items() if name not in self._known}
        names = list(new)
        for start in range(0, len(names), AT_ONCE):
            part = names[start : start + AT_ONCE]
            version, vectors = self._embed([new[name] for name in part])
            if version != self.version:
                self.take_up(version)
                return start + self.complete(items)
            self._keep(dict(zip(part, vectors.astype("<f4"), strict=True)))
        return len(names)

    def of(self, items: Sequence[Item]) -> np.ndarray:
        """Give the vectors of items, float32 [n, d]; zeros for one that is not read yet."""
        return in_rows(items, self._known)

    def _keep(self, found: Mapping[str, np.ndarray]) -> None:
        rows = [
            {"version": self.version, "text": name, "vector": vector.tobytes()}
            for name, vector in found.items()
        ]
        with writing(self._engine) as connection:
            statement = INSERT[connection.dialect.name](VECTORS).values(rows)
            connection.execute(statement.on_conflict_do_nothing())
        self._known.update(found)


def in_rows(items: Sequence[Item], known: Mapping[str, np.ndarray]) -> np.ndarray:
    """Put the vectors of items' texts in rows, float32 [n, d]; zeros for a text without one."""
    width = next((len(one) for one in known.values()), 1)
    found = np.zeros((len(items), width), np.float32)
    for row, item in enumerate(items):
        if (vector := known.get(item.text_hash)) is not None:
            found[row] = vector
    return found


def read_vectors(engine: Engine, version: str) -> dict[str, np.ndarray]:
    """Read what a version of the model made of texts: hash of a text -> vector, float32 [d]."""
    chosen = sa.select(VECTORS.c.text, VECTORS.c.vector).where(VECTORS.c.version == version)
    with engine.connect() as connection:
        return {name: np.frombuffer(vector, "<f4") for name, vector in connection.execute(chosen)}
