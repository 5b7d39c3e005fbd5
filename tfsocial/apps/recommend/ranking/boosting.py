"""Boosted trees over named features; the same file from the same examples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfsocial import extras
from tfsocial.apps.recommend.ranking.settings import Settings
from tfsocial.errors import InputError


def _lightgbm() -> Any:
    return extras.library("lightgbm", "lightgbm", "apps", "the recommender")


class Trees:
    """A fitted ensemble, which may use some of the features alone.

    Args:
        booster: of LightGBM.
        names: of the features that it is given.
    """

    def __init__(self, booster: Any, names: Sequence[str]):
        self._booster = booster
        self._columns = [names.index(name) for name in booster.feature_name()]

    @classmethod
    def fit(
        cls,
        features: np.ndarray,
        labels: np.ndarray,
        names: Sequence[str],
        settings: Settings,
        used: Sequence[str] | None = None,
    ) -> Trees:
        """Fit on examples, float32 [k, f] and [k]: the likelihood of a purchase.

        Args:
            used: names of the features that are used; None: all.
        """
        lightgbm = _lightgbm()
        own = list(names if used is None else used)
        columns = [names.index(name) for name in own]
        parameters = {
            "objective": "binary",
            "num_leaves": settings.leaves,
            "learning_rate": settings.learning_rate,
            "min_data_in_leaf": settings.least,
            "feature_fraction": 0.4,
            "bagging_fraction": 0.7,
            "bagging_freq": 1,
            "lambda_l2": 10.0,
            "seed": settings.seed,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "verbosity": -1,
        }
        data = lightgbm.Dataset(features[:, columns], labels, feature_name=own)
        return cls(lightgbm.train(parameters, data, settings.rounds), names)

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Score examples, float32 [k]: logits."""
        if not len(features):
            return np.zeros(0, np.float32)
        found = self._booster.predict(features[:, self._columns], raw_score=True, num_threads=1)
        return np.asarray(found, np.float32)

    def save(self, path: Path) -> None:
        """Write the text format of LightGBM."""
        self._booster.save_model(str(path))

    @classmethod
    def load(cls, path: Path, names: Sequence[str]) -> Trees:
        """Read them.

        Raises:
            InputError: the file is missing or broken, or of other features.
        """
        lightgbm = _lightgbm()
        try:
            booster = lightgbm.Booster(model_str=path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, lightgbm.basic.LightGBMError) as error:
            raise InputError(f"{path}: {error}; fit the model again") from None
        if not set(booster.feature_name()) <= set(names):
            raise InputError(f"{path}: was fitted with other features; fit the model again")
        return cls(booster, names)
