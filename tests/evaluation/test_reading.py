"""A file as an evaluation set: labels as the model knows them, and one sentence where not."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scripted_model import ScriptedModel

from tfsocial.errors import InputError
from tfsocial.evaluation.reading import Columns, read

MOOD = ScriptedModel({"mood": np.zeros((1, 3))}).manifest
ALL = ScriptedModel(
    {"mood": np.zeros((1, 3)), "topics": np.zeros((1, 2)), "stars": np.zeros((1, 1))}
).manifest


@pytest.fixture
def file(tmp_path):
    """`file(text, name)`: the path of a file with this text."""

    def written(text, name="data.csv"):
        path = tmp_path / name
        path.write_text(text, "utf-8")
        return path

    return written


def test_labels_of_all_kinds_and_attributes(file):
    """Rows without a label stay, rows without a text are left out and named."""
    path = file(
        "text,mood,topics,stars,language\n"
        "one,sad,card|order,4.5,de\n"
        "two,,,,\n"
        " ,sad,card,1,de\n"
        "three,happy, order ,0,fr\n"
    )
    found, unreadable = read(path, ALL, Columns(attributes=("language",)))
    assert found.texts == [("one",), ("two",), ("three",)]
    assert found.labels["mood"].tolist() == [1, -1, 0]
    np.testing.assert_array_equal(found.labels["topics"], [[1, 1], [np.nan, np.nan], [0, 1]])
    np.testing.assert_array_equal(found.labels["stars"], [[4.5], [np.nan], [0]])
    assert found.attributes == {"language": ["de", "", "fr"]}
    assert [(row.line, row.reason) for row in unreadable] == [(4, "no text in column 'text'")]


def test_a_json_list_may_say_that_no_label_applies(file):
    rows = [{"text": "a", "topics": []}, {"text": "b", "topics": ["card"]}, {"text": "c"}]
    path = file("".join(json.dumps(row) + "\n" for row in rows), "data.jsonl")
    labels = read(path, ALL).examples.labels
    np.testing.assert_array_equal(labels["topics"], [[0, 0], [1, 0], [np.nan, np.nan]])
    assert set(labels) == {"topics"}


def test_the_only_task_takes_the_column_label(file):
    assert read(file("text,label\na,sad\n"), MOOD).examples.labels["mood"].tolist() == [1]
    named = Columns(labels={"mood": "feeling"}, text=("body",))
    assert read(file("body,feeling\na,sad\n"), MOOD, named).examples.labels["mood"].tolist() == [1]


@pytest.mark.parametrize(
    ("text", "columns", "words"),
    [
        ("body,label\na,sad\n", {}, "no column 'text', which --text names"),
        ("text,label\na,sad\n", {"attributes": ("langage",)}, "'langage', which --attribute names"),
        ("text,label\na,sad\n", {"labels": {"mood": "labl"}}, "--label names; did you mean label"),
        ("text,label\na,sad\n", {"labels": {"mod": "label"}}, "no task 'mod'; did you mean mood"),
        ("text,tag\na,sad\n", {}, "--label=mood:COLUMN"),
        ("text,label\na,sadd\n", {}, "data.csv:2: 'sadd' is no label .* did you mean sad"),
        ("text,label\na,\n", {}, "no row has a label in column 'label'"),
        ("text,label\n ,sad\n", {}, "data.csv:2: no text in column 'text'; no row can be used"),
        ("text,label\na,sad\n", {"text": ("text", "label")}, "names 2 columns, and the model"),
    ],
)
def test_what_does_not_fit_the_model_is_one_sentence(file, text, columns, words):
    with pytest.raises(InputError, match=words) as caught:
        read(file(text), MOOD, Columns(**columns))
    assert "\n" not in str(caught.value)


def test_a_number_that_is_none(file):
    with pytest.raises(InputError, match=r"data.csv:2: column 'stars' holds no number: 'many'"):
        read(file("text,stars\na,many\n"), ALL)


def test_a_model_without_a_task(file):
    with pytest.raises(InputError, match="without a task"):
        read(file("text,label\na,sad\n"), ScriptedModel({}).manifest)
