"""Write the one table of results into README.md and README.zh-CN.md, and say when one is old.

    python -m docs.hooks.readme

It stands between two comments, and a test compares it with what `benchmarks/results` says today.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from docs.hooks.few_shot_tables import peer
from docs.hooks.results import ROOT, lines, mean_range, scores, table
from docs.hooks.system_tables import timed

_BETWEEN = re.compile(r"(?<=<!-- results -->\n).*?(?=<!-- end of results -->)", re.S)
Values = Iterable[float]


def measured() -> list[tuple[Values, str, Values]]:
    """List what tfsocial has, which peer stands beside it, and what that has."""
    full = scores("quality.jsonl", "banking77 + feature_cosine").values()
    plain = scores("quality.jsonl", "banking77").values()
    rows: list[tuple[Values, str, Values]] = [(full, "L", plain)]
    for name, draws in (("banking77 10-shot", "banking77-10"), ("trec6 16-shot", "trec6-16")):
        recipe = scores("few_shot.jsonl", f"{name}: recipe").values()
        rows.append((recipe, "SetFit", peer("setfit", draws).values()))
    beside = scores("few_shot.jsonl", "banking77 10-shot pool: beside few_shot").values()
    rows.append((beside, "frozen", peer("frozen", "banking77-10").values()))
    noisy = [
        scores("noisy_labels.jsonl", f"banking77, 20 % wrong: {name}").values()
        for name in ("recipe", "L")
    ]
    return [*rows, (noisy[0], "L", noisy[1])]


ENGLISH: dict[str, Any] = {
    "header": ["what", "tfsocial", "beside it"],
    "rows": [
        "BANKING77, all labels, recipe `full`: accuracy",
        "BANKING77, 10 labels a class, recipe `few_shot`: accuracy",
        "TREC, 16 labels a class, recipe `few_shot`: accuracy",
        "BANKING77, 10 labels a class and texts without, recipe `pool` beside `few_shot`: accuracy",
        "BANKING77, 20 % of the labels wrong, recipe `noisy_labels`: accuracy",
    ],
    "L": "L alone",
    "frozen": "logistic regression on frozen MiniLM, no pool",
    "speed": "training on 2 CPU cores, bfloat16: examples/s",
    "trainer": "Hugging Face Trainer, dynamic padding; sorted by length",
    "one": "one text of 8 tokens on 2 CPU cores, int8; compressed ({lost:.1f} points less): ms",
    "many": "BANKING77's test on 2 CPU cores, the same: texts/s",
}
CHINESE: dict[str, Any] = {
    "header": ["内容", "tfsocial", "对照"],
    "rows": [
        "BANKING77，全部标签，配方 `full`：准确率",
        "BANKING77，每类 10 个标签，配方 `few_shot`：准确率",
        "TREC，每类 16 个标签，配方 `few_shot`：准确率",
        "BANKING77，每类 10 个标签加一批无标签文本，配方 `pool` 结合一次 `few_shot` 训练：准确率",
        "BANKING77，20 % 的标签有错，配方 `noisy_labels`：准确率",
    ],
    "L": "只用 L",
    "frozen": "冻结的 MiniLM + 逻辑回归，不用无标签文本",
    "speed": "2 个 CPU 核心上的训练，bfloat16：样本/秒",
    "trainer": "Hugging Face Trainer，动态填充；按长度排序",
    "one": "2 个 CPU 核心上一条 8 个词元的文本，int8；压缩后（低 {lost:.1f} 个百分点）：毫秒",
    "many": "2 个 CPU 核心上 BANKING77 测试集，同上：文本/秒",
}
LANGUAGES = {"README.md": ENGLISH, "README.zh-CN.md": CHINESE}


def results(words: dict[str, Any]) -> str:
    """Write the table in the words of one language."""
    rows = [_row(title, one, words) for title, one in zip(words["rows"], measured(), strict=True)]
    return table(words["header"], [*rows, _speed(words), *_serving(words)])


def _row(title: str, one: tuple[Values, str, Values], words: dict[str, Any]) -> Sequence[str]:
    own, beside, other = one
    return [title, _said(own, words), f"{words.get(beside, beside)} {_said(other, words)}"]


def _said(values: Values, words: dict[str, Any]) -> str:
    written = mean_range(values, digits=1)
    return written.replace(" to ", " – ") if words is CHINESE else written


def _speed(words: dict[str, Any]) -> Sequence[str]:
    ours, padded, grouped = (
        f"{timed('torch', name)['median']:.0f}"
        for name in ("ours_train_bf16", "trainer_bf16", "trainer_grouped_bf16")
    )
    return [words["speed"], ours, f"{words['trainer']}: {padded}; {grouped}"]


def _serving(words: dict[str, Any]) -> list[Sequence[str]]:
    """Say what one text and many cost in int8, beside the pipeline and `encode`."""
    of = {line["name"]: line for line in lines("serving.jsonl") if line["set"] == "banking77"}
    one = [f"{of[name]['1x8']['p50']:.2g}" for name in ("litert", "small", "pipeline")]
    many = [f"{of[name]['texts_per_second']:,.0f}" for name in ("litert", "small", "encode")]
    lost = 100 * (of["saved_model"]["accuracy"] - of["small"]["accuracy"])
    pipeline, encode = "`transformers.pipeline`", "sentence-transformers `encode`"
    return [
        [words["one"].format(lost=lost), f"{one[0]}; {one[1]}", f"{pipeline} {one[2]}"],
        [words["many"], f"{many[0]}; {many[1]}", f"{encode} {many[2]}"],
    ]


def rewritten(name: str) -> str:
    """Return a README with the table of today in it."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return _BETWEEN.sub(lambda _: f"\n{results(LANGUAGES[name])}\n\n", text)


def main() -> None:
    for name in LANGUAGES:
        (ROOT / name).write_text(rewritten(name), encoding="utf-8")


if __name__ == "__main__":
    main()
