"""What is refused before a model is built."""

from __future__ import annotations

import json

import pytest
import tiny_run

from tfsocial import config
from tfsocial.errors import InputError
from tfsocial.runs.prepare import prepare
from tfsocial.training import devices


def test_a_label_that_holds_the_separator_is_refused(tmp_path):
    """In the config and, of a list of JSON, in train: answers are joined with it."""
    with pytest.raises(InputError) as caught:
        config.parse({"tasks": {"tags": {"kind": "multilabel", "labels": ["new", "a|b;c"]}}})
    assert "tasks.tags has the label 'a|b;c', which contains the separator '|'" in str(caught.value)
    assert str(caught.value).endswith("set its separator to another, as ','")
    row = {"text": "my card", "label": ["a|b", "c"]}
    (tmp_path / "train.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    chosen = tiny_run.settings(
        tmp_path,
        "data.splits={train: train.jsonl}",
        tasks={"tags": {"kind": "multilabel", "column": "label"}},
    )
    (tmp_path / "run").mkdir()
    with pytest.raises(InputError, match=r"^tasks\.tags has the label 'a\|b', .*, as ';'$"):
        prepare(chosen, tmp_path / "run", devices.choose("cpu", chosen.training))
