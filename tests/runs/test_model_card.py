"""The model card: YAML that is read back, and words from what was recorded."""

from __future__ import annotations

import re

import pytest
import yaml

from tfsocial import config
from tfsocial.models.spec import HeadSpec
from tfsocial.provenance.resources import Resource
from tfsocial.runs import model_card

M0 = Resource(
    "model", "hub:some/bert", key="model", licence="Apache-2.0", licence_source="README.md"
)
DATA = Resource("data", "A|B <tickets>", key="data", licence="CC-BY-4.0", citation="A & B (2020)")
METHOD = Resource("method", "L/mood (CrossEntropy)", licence="Apache-2.0", citation="C (2016), T")
SPECS = {
    "mood": HeadSpec("classify", ("happy", "sad: 'very'")),
    "topics": HeadSpec("multilabel", ("a", "b")),
    "stars": HeadSpec("regress", ()),
}
TREE = {
    "name": "first run",
    "data": {"name": "A|B <tickets>", "text": ["title", "body"]},
    "tasks": {
        "mood": {"ood_label": "sad: 'very'"},
        "topics": {"kind": "multilabel", "column": "t"},
        "stars": {"kind": "regress", "column": "s"},
    },
    "model": {"checkpoint": "hub:some/bert"},
}


def written(*resources: Resource, reports=None, **sections) -> str:
    chosen = config.parse({**TREE, **sections})
    return model_card.text(chosen, SPECS, resources or (M0, DATA, METHOD), reports)


def front(text: str) -> dict:
    opening, values, _ = text.split("---\n", 2)
    assert opening == ""
    return yaml.safe_load(values)


def section(text: str, title: str) -> str:
    return re.search(rf"^## {title}\n\n(.*?)(?=^## |\Z)", text, re.S | re.M)[1]


def test_the_front_matter_is_yaml_as_hubs_read_it():
    assert front(written()) == {
        "license": "apache-2.0",
        "base_model": "some/bert",
        "library_name": "tfsocial",
        "pipeline_tag": "text-classification",
        "tags": ["text-classification", "bert", "tfsocial"],
        "datasets": ["A|B <tickets>"],
        "metrics": ["accuracy", "f1", "mse", "pearsonr"],
    }


@pytest.mark.parametrize(
    ("licence", "shown"),
    [
        ("CC-BY-NC-SA-4.0", "cc-by-nc-sa-4.0"),
        ("MIT", "apache-2.0"),
        ("unknown", "unknown"),
        ("GPL-3.0-only OR CC-BY-SA-4.0", "other"),
    ],
)
def test_the_card_has_the_strictest_licence(licence, shown):
    data = Resource("data", "tickets", key="data", licence=licence)
    assert front(written(M0, data, METHOD))["license"] == shown


def test_names_cannot_break_the_page():
    """Pipes, angle brackets and newlines in what users name things."""
    text = written(
        M0,
        Resource(
            "data", "x|y\n# <b>z</b>", key="data", acknowledgement="own\n## data", licence="MIT"
        ),
        data={"name": "x|y\n# <b>z</b>"},
        name="run\n## two",
    )
    assert front(text)["datasets"] == ["x|y\n# <b>z</b>"]
    assert "<b>" not in text.split("---\n", 2)[2]
    (row,) = [line for line in text.splitlines() if line.startswith("| data |")]
    assert len(re.split(r"(?<!\\)\|", row)) == 6
    titles = re.findall(r"^#+ (.*)", text.split("---\n", 2)[2], re.M)
    assert titles == [
        "run ## two",
        "Intended use",
        "Licence",
        "Data",
        "Training",
        "Results",
        "Use",
        "Citation",
    ]


def test_every_task_is_described():
    lines = section(written(), "Intended use")
    assert (
        "* `mood`: one of its labels (2: `happy`, `sad: 'very'`); `sad: 'very'` means none" in lines
    )
    assert "* `topics`: any number of its labels (2: `a`, `b`)" in lines
    assert "* `stars`: a number\n" in lines
    assert "`title` and `body`" in lines


def test_a_hundred_labels_are_not_all_listed():
    spec = {"mood": HeadSpec("classify", tuple(f"label{number}" for number in range(100)))}
    text = model_card.text(config.parse(TREE), spec, (M0, DATA))
    assert "`label29` and 70 more)" in text
    assert "label30" not in text


def test_every_licence_and_every_reason_is_in_it():
    own = Resource(
        "data", "tickets", key="data", acknowledgement="they are ours", licence="unknown"
    )
    lines = section(written(M0, own, METHOD), "Licence")
    assert "| model | hub:some/bert | Apache-2.0 | README.md |" in lines
    assert "| data | tickets | unknown |  |" in lines
    assert "| method | L/mood (CrossEntropy) | Apache-2.0 |" in lines
    assert "* tickets: they are ours" in lines


def test_citations_stand_in_it_once():
    lines = section(written(M0, DATA, METHOD, METHOD), "Citation").strip().splitlines()
    assert lines == ["* A &amp; B (2020)", "* C (2016), T"]


def test_results_are_those_of_the_report():
    reports = {
        "test": {"mood": {"kind": "classify", "count": 12, "accuracy": 0.91666, "classes": {}}}
    }
    assert section(written(), "Results").strip() == "Not measured yet."
    assert "no dev or test split" in section(written(reports={}), "Results")
    lines = section(written(reports=reports), "Results")
    assert "| test | mood | accuracy | 0.9167 | 12 |" in lines
    assert lines.count("| test |") == 1


def test_an_untrained_encoder_began_at_random():
    """Of the checkpoint it has the words alone."""
    chosen = {"model": {"checkpoint": "random", "random": {"vocabulary": "hub:some/bert"}}}
    assert "started with random weights and the words of `hub:some/bert`" in written(**chosen)
    assert "started from `hub:some/bert`" in written()
