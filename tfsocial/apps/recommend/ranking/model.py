"""What was fitted, and its folder: arrays (npz), trees (LightGBM's text), the rest (JSON)."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from tfsocial import files
from tfsocial.apps.recommend.ranking import features
from tfsocial.apps.recommend.ranking.boosting import Trees
from tfsocial.apps.recommend.ranking.collaborative import Collaborative
from tfsocial.apps.recommend.ranking.settings import Settings
from tfsocial.errors import InputError

ARRAYS, TREES, FACTS = "arrays.npz", "trees.txt", "model.json"
MATRICES = ("ease", "lately", "factors", "purchases", "buyers")


@dataclass(frozen=True)
class Model:
    """A fitted ranking.

    Attributes:
        at: seconds since 1970; deeds before it were learnt from.
        columns: further columns of the catalogue that the trees know.
    """

    collaborative: Collaborative
    trees: Trees
    settings: Settings
    at: float
    columns: tuple[str, ...] = ()

    def save(self, folder: Path) -> None:
        """Write a folder, whole or not at all; what was there is replaced."""
        with files.swapping(folder) as partial:
            own = self.collaborative
            np.savez(
                partial / ARRAYS,
                names=np.array(own.names),
                **{name: getattr(own, name) for name in MATRICES},
            )
            self.trees.save(partial / TREES)
            facts = {"at": self.at, "columns": self.columns, "settings": asdict(self.settings)}
            (partial / FACTS).write_text(json.dumps(facts, indent=2), "utf-8")

    @classmethod
    def load(cls, folder: Path) -> Model:
        """Read a folder.

        Raises:
            InputError: a file is missing or broken.
        """
        folder = files.whole(folder)
        try:
            facts = json.loads((folder / FACTS).read_text("utf-8"))
            settings, at = Settings(**facts["settings"]), float(facts["at"])
            columns = tuple(facts["columns"])
            with np.load(folder / ARRAYS, allow_pickle=False) as arrays:
                collaborative = _collaborative(dict(arrays), settings)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{folder}: not a ranking model ({error}); fit it again") from None
        trees = Trees.load(folder / TREES, features.names(columns))
        return cls(collaborative, trees, settings, at, columns)


def _collaborative(arrays: dict[str, np.ndarray], settings: Settings) -> Collaborative:
    return Collaborative(
        tuple(arrays["names"].tolist()),
        penalty=settings.als_penalty,
        confidence=settings.als_confidence,
        **{name: arrays[name] for name in MATRICES},
    )
