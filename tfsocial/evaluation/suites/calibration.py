"""Whether a probability means what it says."""

from __future__ import annotations

from dataclasses import dataclass

from tfsocial.evaluation.contract import EvaluationSet, Findings, Predictor, labelled_tasks
from tfsocial.metrics.calibration import (
    CALIBRATION_BINS,
    Calibration,
    calibration,
    certainty_scores,
)
from tfsocial.metrics.pictures import reliability


@dataclass(frozen=True)
class CalibrationSuite:
    """Compare each classification's confidence with its accuracy, in bins of equal width.

    Guo et al. (2017), On Calibration of Modern Neural Networks, arXiv:1706.04599.

    Attributes:
        bins: over [0, 1].
        tolerated: expected calibration error from which advice is given, where it is also twice
            what chance alone would make of so few rows.
    """

    bins: int = CALIBRATION_BINS
    tolerated: float = 0.05

    def __call__(self, predictor: Predictor, examples: EvaluationSet) -> Findings:
        numbers, tables, pictures, advice = {}, {}, {}, []
        for task in labelled_tasks(predictor, examples):
            if task.spec.kind != "classify":
                continue
            result = calibration(task.labels, task.predictions, self.bins)
            numbers[task.name] = _numbers(result) | certainty_scores(
                task.labels, task.predictions, task.label_set_threshold
            )
            tables[f"{task.name}/bins"] = _rows(result)
            pictures[f"{task.name}/reliability"] = reliability(task.labels, task.predictions)
            if result.error > max(self.tolerated, 2 * numbers[task.name]["ece_if_calibrated"]):
                gap = numbers[task.name]["mean_confidence"] - numbers[task.name]["accuracy"]
                advice.append(
                    f"Task {task.name} is {'over' if gap > 0 else 'under'}confident: its "
                    f"probabilities are off by {result.error:.3f} on average; set no threshold by "
                    "them as they are."
                )
        return Findings(numbers, tables, pictures, advice)


def _numbers(result: Calibration) -> dict[str, float]:
    total = int(result.counts.sum())
    return {
        "count": total,
        "ece": result.error,
        "accuracy": float(result.counts @ result.accuracy / total),
        "mean_confidence": float(result.counts @ result.confidence / total),
    }


def _rows(result: Calibration) -> list[dict[str, float]]:
    """List the bins that hold examples."""
    bins = len(result.counts)
    return [
        {
            "from": number / bins,
            "to": (number + 1) / bins,
            "count": int(result.counts[number]),
            "confidence": float(result.confidence[number]),
            "accuracy": float(result.accuracy[number]),
        }
        for number in result.counts.nonzero()[0].tolist()
    ]
