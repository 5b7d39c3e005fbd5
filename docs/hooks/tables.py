"""Every table and every inline number that a page can ask for, by name.

A page says `<!-- table: few_shot -->` on a line of its own, or within a sentence
`{{ mean | quality.jsonl | banking77 }}`.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable

from docs.hooks import (
    composition_tables,
    elastic_tables,
    few_shot_tables,
    gateway_tables,
    init_tables,
    left_out_tables,
    masking_tables,
    monitor_tables,
    quality_tables,
    recommend_tables,
    results,
    selection_tables,
    serving_tables,
    support_tables,
    system_tables,
    tuning_tables,
)

TABLES: dict[str, Callable[[], str]] = {
    "monitor_surges": monitor_tables.monitor_surges,
    "monitor_replay": monitor_tables.monitor_replay,
    "monitor_nab": monitor_tables.monitor_nab,
    "monitor_load": monitor_tables.monitor_load,
    "recommend_pairs": recommend_tables.recommend_pairs,
    "recommend_ranking": recommend_tables.recommend_ranking,
    "recommend_diversity": recommend_tables.recommend_diversity,
    "recommend_text": recommend_tables.recommend_text,
    "recommend_load": recommend_tables.recommend_load,
    "recommend_loop": recommend_tables.recommend_loop,
    "support_found": support_tables.support_found,
    "support_sure": support_tables.support_sure,
    "support_load": support_tables.support_load,
    "quality": quality_tables.quality,
    "second_terms": quality_tables.second_terms,
    "full_recipe": quality_tables.full_recipe,
    "out_of_distribution": quality_tables.out_of_distribution,
    "pretrain": quality_tables.pretrain,
    "noisy_labels": quality_tables.noisy_labels,
    "calibration": quality_tables.calibration,
    "few_shot": few_shot_tables.few_shot,
    "paired": few_shot_tables.paired,
    "parts_of_the_recipe": few_shot_tables.parts_of_the_recipe,
    "pool": few_shot_tables.pool,
    "propagated": few_shot_tables.propagated,
    "left_out_candidates": left_out_tables.candidates,
    "left_out": left_out_tables.left_out,
    "kept_aside": left_out_tables.kept_aside,
    "screening": few_shot_tables.screening,
    "augmentation": few_shot_tables.augmentation,
    "trials": few_shot_tables.trials,
    "speed": system_tables.speed,
    "preflight": system_tables.preflight,
    "memory": system_tables.memory,
    "scale": system_tables.scale,
    "input_pipeline": system_tables.input_pipeline,
    "startup": system_tables.startup,
    "batch": system_tables.batch,
    "composition": composition_tables.soups,
    "wise_ft": composition_tables.wise_ft,
    "serving": serving_tables.serving,
    "serving_latency": serving_tables.latency,
    "bfloat16": serving_tables.bfloat16,
    "serving_sets": serving_tables.sets,
    "selection": selection_tables.strategies,
    "selection_half": selection_tables.half_of_the_labels,
    "label_errors": selection_tables.label_errors,
    "learning_curves": selection_tables.learning_curves,
    "selection_recipe": selection_tables.with_recipe,
    "tuning": tuning_tables.searches,
    "masking": masking_tables.scores,
    "masking_sets": masking_tables.sets,
    "gateway_servers": gateway_tables.servers,
    "gateway_beside": gateway_tables.beside,
    "gateway_aims": gateway_tables.aims,
    "gateway_overload": gateway_tables.overload,
    "gateway_settings": gateway_tables.settings,
    "gateway_soak": gateway_tables.soak,
    "gateway_tenants": gateway_tables.tenants,
    "elastic": elastic_tables.policies,
    "elastic_curve": elastic_tables.curve,
    "init": init_tables.init,
    "suspected_labels": init_tables.suspected_labels,
}


def mean(file: str, name: str, score: str = "accuracy") -> str:
    """Write an experiment's mean over seeds, in points."""
    return f"{statistics.mean(results.scores(file, name, score).values()):.1f}"


def spread(file: str, name: str, score: str = "accuracy") -> str:
    """Write an experiment's mean with its lowest and highest seed."""
    return results.mean_range(results.scores(file, name, score).values(), count=False)


def gain(file: str, own: str, other: str, score: str = "accuracy") -> str:
    """Write one experiment's mean gain over another on the same seeds."""
    apart = results.gains(results.scores(file, own, score), results.scores(file, other, score))
    return f"{statistics.mean(apart):+.1f}"


def cost(name: str) -> str:
    """Write how many times the plain step a term's step takes."""
    return f"{results.tree('cost.json')['ratios'][name]:.2f}"


def timed(day: str, name: str) -> str:
    """Write how many examples a second one program did on a day of the speed benchmark."""
    return f"{system_tables.timed(day, name)['median']:.0f}"


NUMBERS: dict[str, Callable[..., str]] = {
    "mean": mean,
    "spread": spread,
    "gain": gain,
    "cost": cost,
    "timed": timed,
    "pretrain_gain": quality_tables.pretrain_gain,
    "overload_at": gateway_tables.overload_at,
    "greedy_quota": gateway_tables.greedy_quota,
}
_TABLE = re.compile(r"^<!-- table: (\w+) -->$", re.M)
_NUMBER = re.compile(r"\{\{ (\w+)((?: \| [^|}]+)*) \}\}")


def filled(markdown: str) -> str:
    """Put tables and numbers where a page asks for them.

    Raises:
        KeyError: there is no such table, number, file or experiment.

    >>> filled("{{ mean | quality.jsonl | banking77 }} of 100")
    '93.7 of 100'
    """
    markdown = _TABLE.sub(lambda match: TABLES[match[1]](), markdown)
    return _NUMBER.sub(lambda match: NUMBERS[match[1]](*_arguments(match[2])), markdown)


def _arguments(written: str) -> list[str]:
    return [argument.strip() for argument in written.split(" | ")[1:]]
