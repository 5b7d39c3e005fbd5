"""Pictures of a classification, as uint8 [height, width, 3] for TensorBoard.

Drawn on figures of their own: nothing here touches pyplot or its global state, and importing
this module does not import matplotlib.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tfsocial.metrics.calibration import Calibration, calibration
from tfsocial.metrics.confusion import confusion_counts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAMES_UP_TO = 40  # classes; beyond, names would be too small to read
COUNTS_UP_TO = 20
_NAME_LENGTH = 28
_DOTS_PER_INCH = 100


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Draw truth in rows, predictions in columns, each row coloured by its own total.

    Up to 40 classes are named and up to 20 show their counts; a class without an example is
    grey. Colours rise as the square root of the share, so that 2 % of a row still shows.

    Args:
        labels: int [n], -1 where unlabelled (left out).
        predicted: int [n], the class chosen.
        names: of the C classes.
    """
    from matplotlib.colors import PowerNorm

    counts = confusion_counts(np.asarray(labels), np.asarray(predicted), len(names))
    figure = _figure(_matrix_inches(len(names)))
    axes = figure.add_subplot()
    image = axes.imshow(
        np.ma.masked_invalid(_shares(counts)), cmap=_colours(), norm=PowerNorm(0.5, 0.0, 1.0)
    )
    figure.colorbar(image, ax=axes, label="share of the truth", fraction=0.045, pad=0.02)
    _label_classes(axes, names)
    if len(names) <= COUNTS_UP_TO:
        _write_counts(axes, counts)
    axes.set(xlabel="prediction", ylabel="truth", title=_accuracy_title(counts))
    return _pixels(figure)


def reliability(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Draw accuracy against confidence, with the number of examples of each bin below.

    A calibrated model's bars reach its mean confidence (Guo et al. 2017, arXiv:1706.04599).

    Args:
        labels: int [n], -1 where unlabelled (left out).
        probabilities: [n, C].
    """
    bins = calibration(labels, probabilities)
    figure = _figure((6.0, 6.4))
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    _draw_accuracy(above, bins)
    _draw_bin_counts(below, bins)
    return _pixels(figure)


def _shares(counts: np.ndarray) -> np.ndarray:
    """Divide each row by its sum; NaN in a row without an example."""
    totals = counts.sum(-1, keepdims=True)
    return np.where(totals > 0, counts / np.maximum(totals, 1), np.nan)


def _accuracy_title(counts: np.ndarray) -> str:
    total = counts.sum()
    if not total:
        return "no labelled example"
    return f"accuracy {np.trace(counts) / total:.3f} over {total} examples"


def _matrix_inches(classes: int) -> tuple[float, float]:
    """Make room for each class: more where names and counts have to fit in."""
    inch_per_class = 0.42 if classes <= COUNTS_UP_TO else 0.22 if classes <= NAMES_UP_TO else 0.07
    side = max(5.0, 3.2 + inch_per_class * classes)
    return side + 0.8, side


def _colours():
    import matplotlib

    return matplotlib.colormaps["Blues"].with_extremes(bad="0.85")


def _label_classes(axes: Axes, names: Sequence[str]) -> None:
    if len(names) > NAMES_UP_TO:
        return
    shown = [_shortened(name) for name in names]
    size = 9 if len(names) <= COUNTS_UP_TO else 8
    # parse_math: a label may hold dollar signs, and they are not formulas here
    axes.set_yticks(range(len(names)), shown, fontsize=size, parse_math=False)
    axes.set_xticks(range(len(names)), shown, fontsize=size, parse_math=False, rotation=90)


def _shortened(name: str) -> str:
    """Keep the ends of a long name, which tell labels apart that begin alike.

    >>> _shortened("balance_not_updated_after_bank_transfer")
    'balance_not_u…_bank_transfer'
    """
    half = (_NAME_LENGTH - 1) // 2
    return name if len(name) <= _NAME_LENGTH else f"{name[:half]}…{name[half - _NAME_LENGTH + 1 :]}"


def _write_counts(axes: Axes, counts: np.ndarray) -> None:
    shares = _shares(counts)
    for row, column in np.argwhere(counts):
        colour = "white" if shares[row, column] > 0.3 else "black"
        size = 8 if counts[row, column] < 1000 else 6
        axes.text(
            column, row, counts[row, column], ha="center", va="center", color=colour, fontsize=size
        )


def _draw_accuracy(axes: Axes, bins: Calibration) -> None:
    filled = bins.counts > 0
    centres, width = _centres(bins)
    axes.bar(centres, bins.accuracy, width, color="tab:blue", alpha=0.6, edgecolor="white")
    axes.hlines(
        bins.confidence[filled],
        centres[filled] - width / 2,
        centres[filled] + width / 2,
        color="tab:red",
        linewidth=2,
        label="mean confidence",
    )
    axes.plot([0, 1], [0, 1], color="0.3", linestyle="--", linewidth=1, label="calibrated")
    axes.set(xlim=(0, 1), ylim=(0, 1), ylabel="accuracy", title=_calibration_title(bins))
    axes.legend(loc="upper left")


def _calibration_title(bins: Calibration) -> str:
    total = bins.counts.sum()
    if not total:
        return "no labelled example"
    return f"expected calibration error {bins.error:.3f} over {total} examples"


def _draw_bin_counts(axes: Axes, bins: Calibration) -> None:
    centres, width = _centres(bins)
    bars = axes.bar(centres, bins.counts, width, color="0.6", edgecolor="white")
    axes.bar_label(bars, [count or "" for count in bins.counts], fontsize=7, padding=1)
    headroom = 1.3 * max(bins.counts.max(), 1)  # for the numbers above the bars
    axes.set(xlabel="confidence", ylabel="examples", ylim=(0, headroom))


def _centres(bins: Calibration) -> tuple[np.ndarray, float]:
    width = 1 / len(bins.counts)
    return (np.arange(len(bins.counts)) + 0.5) * width, width


def curves(
    x: Sequence[float], series: Mapping[str, Sequence[float]], x_label: str, y_label: str
) -> np.ndarray:
    """Draw lines over the same points.

    Args:
        series: name -> a number for each of x.
    """
    figure = _figure((6.4, 4.8))
    axes = figure.add_subplot()
    for name, values in series.items():
        axes.plot(x, values, marker="o", label=name)
    axes.set(xlabel=x_label, ylabel=y_label)
    axes.grid(alpha=0.3)
    axes.legend()
    return _pixels(figure)


def _figure(inches: tuple[float, float]) -> Figure:
    from matplotlib.figure import Figure

    return Figure(inches, dpi=_DOTS_PER_INCH, layout="compressed")


def _pixels(figure: Figure) -> np.ndarray:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    with warnings.catch_warnings():
        # a script the font lacks is drawn as boxes; that is no reason to litter a training log
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
