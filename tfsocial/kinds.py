"""Words that configs, models and answers share: kinds of tasks and of features, scores of scope.

Alone here so that who reads a model's manifest need not import what configs are made of.
"""

from __future__ import annotations

from typing import Literal

TaskKind = Literal["classify", "multilabel", "regress"]
FeatureKind = Literal["numeric", "categorical"]
OODScore = Literal["energy", "max_probability", "mahalanobis", "relative_mahalanobis"]
