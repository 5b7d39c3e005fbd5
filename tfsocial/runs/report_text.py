"""Reports for people, and the files they are written to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tfsocial import files
from tfsocial.metrics.per_class import class_lines
from tfsocial.runs.task_report import Report, plain

_ERRORS = ("mean_squared_error", "mean_absolute_error")


def as_text(report: Report, title: str) -> str:
    """Write a report (also one read back from report.json) for people, baselines beside the scores.

    The table is scikit-learn's; beyond 30 classes only its 10 worst by F1 are shown.
    """
    lines = [title, "=" * len(title), f"count {report['count']}"]
    if not report["count"]:
        return "\n".join([*lines, "no example of this split has a label for this task", ""])
    lines += [_score_line(name, report) for name in _score_names(report)]
    if "thresholds_fitted_on" in report:
        lines.append(f"thresholds fitted on {report['thresholds_fitted_on']}")
    if "classes" in report:
        lines += ["", *class_lines(report["classes"])]
    if report.get("most_confused"):
        lines += ["", "most confused, truth -> prediction", *_confused_lines(report)]
    return "\n".join([*lines, ""])


def _score_names(report: Report) -> list[str]:
    return [
        name for name, value in report.items() if name != "count" and isinstance(value, int | float)
    ]


def _score_line(name: str, report: Report) -> str:
    """Write 'accuracy 0.934; majority 0.071 (+0.863); TF-IDF + linear SVM 0.710 (+0.224)'."""
    value = report[name]
    beside = [
        f"; {_baseline_name(baseline, report)} {_number(name, scores[name])} "
        f"({_number(name, value - scores[name], '+')})"
        for baseline, scores in report.get("baselines", {}).items()
        if name in scores
    ]
    return f"{name} {_number(name, value)}{''.join(beside)}"


def _baseline_name(baseline: str, report: Report) -> str:
    if baseline != "tfidf_linear":
        return baseline
    return f"TF-IDF + {'linear SVM' if report['kind'] == 'classify' else 'logistic regression'}"


def _number(name: str, value: float, sign: str = "") -> str:
    return f"{value:{sign}.4g}" if name in _ERRORS else f"{value:{sign}.3f}"


def _confused_lines(report: Report) -> Iterable[str]:
    for pair in report["most_confused"]:
        yield f"{pair['count']:>6}  {pair['truth']} -> {pair['predicted']}"


def write(
    reports: Mapping[str, Mapping[str, Report]], workdir: Path, ends: Sequence[str] = ()
) -> None:
    """Write report.json and report.txt of reports[split][task], each whole or as it was before.

    `ends` are the last lines of report.txt.
    Numbers JSON has no word for (NaN, infinity) become null.
    """
    texts = [
        as_text(report, f"{split} / {task}")
        for split, tasks in reports.items()
        for task, report in tasks.items()
    ]
    if ends:
        texts.append("\n".join([*ends, ""]))
    tree = json.dumps(plain(reports), indent=2, ensure_ascii=False, allow_nan=False)
    workdir = Path(workdir)
    workdir.mkdir(parents=True, exist_ok=True)
    for name, text in (("report.json", f"{tree}\n"), ("report.txt", "\n".join(texts))):
        files.write_text(workdir / name, text)
