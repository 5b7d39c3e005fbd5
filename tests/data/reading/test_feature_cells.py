"""Cells of columns that heads read: what they may hold, and what is said of others."""

from __future__ import annotations

import pytest
from splits_by_hand import LABEL, data, put, quarantined, read, refusal

from tfsocial import config
from tfsocial.config import Feature
from tfsocial.data.reading.feature_cells import FeatureColumn, cell_of, cells_of
from tfsocial.data.reading.rows import BadRow
from tfsocial.data.reading.splits import read_splits
from tfsocial.data.reading.text_cells import CellError
from tfsocial.data.reading.texts import read_texts
from tfsocial.errors import InputError

PRICE, COUNTRY = FeatureColumn("price", "numeric"), FeatureColumn("country", "categorical")
FEATURES = {"price": Feature(kind="numeric"), "country": Feature(kind="categorical")}
SOUND = "text,label,price,country\na,x,3.5, de \nb,y,,\n"


@pytest.mark.parametrize(
    ("written", "number"),
    [("3.5", 3.5), (" -1e3 ", -1000.0), (7, 7.0), ("", None), ("  ", None), (None, None)],
)
def test_a_number_or_none(written, number):
    assert cell_of(written, PRICE) == number


@pytest.mark.parametrize(
    ("written", "what"),
    [
        ("nan", "not a finite float32 number"),
        ("-inf", "not a finite float32 number"),
        ("1e39", "not a finite float32 number"),
        (float("inf"), "not a finite float32 number"),
        ("3,50", "is not a number"),
        ("cheap", "is not a number"),
        (True, "is a boolean"),
        ([1], "is a list"),
    ],
)
def test_what_is_no_number_is_named_with_the_remedy(written, what):
    with pytest.raises(CellError, match=f"column 'price' .*{what}.*; write one, or leave it empty"):
        cell_of(written, PRICE)


def test_a_number_below_zero_has_no_logarithm():
    """Only where logarithms are taken."""
    assert cell_of("-1", PRICE) == -1
    with pytest.raises(CellError, match="column 'price' is below 0"):
        cell_of("-1", PRICE._replace(log=True))


def test_a_category_is_its_text_without_spaces_around():
    """A number of JSON is the same category as its digits in a csv file."""
    assert cells_of([" de ", "", None, 3, True], [COUNTRY] * 5) == ("de", "", "", "3", "true")
    with pytest.raises(CellError, match="column 'country' is an object; expected one value"):
        cell_of({}, COUNTRY)
    with pytest.raises(CellError, match="NUL character in column 'country'"):
        cell_of("a\0", COUNTRY)


# --- splits ----------------------------------------------------------------------------


def test_features_are_attributes_of_a_single_source(tmp_path):
    """Their columns are read without being named twice, or under another name."""
    corpus = read(tmp_path, SOUND, features=FEATURES)
    columns = corpus.splits["train"].attributes
    assert {name: list(column) for name, column in columns.items()} == {
        "price": ["3.5", ""],
        "country": [" de ", ""],
    }
    renamed = SOUND.replace("price", "Price (EUR)")
    corpus = read(tmp_path, renamed, features=FEATURES, attributes={"price": "Price (EUR)"})
    assert list(corpus.splits["train"].attributes["price"]) == ["3.5", ""]


@pytest.mark.parametrize("written", ["cheap", "NaN", "inf"])
def test_a_row_whose_number_is_none_is_a_bad_row(tmp_path, written):
    """File, line, column and remedy stand in the quarantine, and in the refusal of too many."""
    content = SOUND + f"c,x,{written},fr\n"
    quarantine = tmp_path / "quarantine.jsonl"
    corpus = read(tmp_path, content, features=FEATURES, quarantine=quarantine)
    assert corpus.splits["train"].text == ["a", "b"]
    (row,) = quarantined(quarantine)
    assert (row["file"], row["line"]) == (f"{tmp_path}/train.csv", 4)
    said = refusal(read, tmp_path, content, features=FEATURES, max_bad_fraction=0.0)
    assert f"train.csv:4: {row['reason']}" in said
    assert "leave it empty where it is not known" in said


def test_a_column_that_is_not_there_is_named(tmp_path):
    """With what can be done about it."""
    said = refusal(read, tmp_path, "text,label,price\na,x,1\n", features=FEATURES)
    assert "has no column 'country'" in said
    assert "leave the feature out of data.features" in said


def test_sources_of_a_mixture_say_which_column_it_is(tmp_path):
    """A source that does not has no value for it."""
    put(tmp_path, "text,label,cost\na,x,2\n", "own.csv")
    put(tmp_path, "text\nb\n", "pool.csv")
    own = {"splits": {"train": "own.csv"}, "attributes": {"price": "cost"}}
    mixture = {"own": own, "pool": {"splits": {"train": "pool.csv"}, "tasks": []}}
    chosen = config.Data(
        root=str(tmp_path), mixture=mixture, features={"price": {"kind": "numeric"}}
    )
    assert list(read_splits(chosen, LABEL).splits["train"].attributes["price"]) == ["2", ""]
    assert chosen.feature_column("price") == "cost"


# --- texts to answer ---------------------------------------------------------------------


def test_rows_to_answer_have_their_features_beside_the_text(tmp_path):
    """A row whose number is none keeps its place as a bad one."""
    path = put(tmp_path, SOUND + "c,x,cheap,fr\n")
    first, second, third = read_texts(path, features=[PRICE, COUNTRY])
    assert (first.columns, second.columns) == (("a", 3.5, "de"), ("b", None, ""))
    assert isinstance(third, BadRow)
    assert (third.line, "column 'price' is not a number" in third.reason) == (4, True)


def test_a_file_to_answer_has_the_columns(tmp_path):
    path = put(tmp_path, "text,prize\na,1\n")
    with pytest.raises(InputError, match=r"has no column 'price', .*did you mean prize"):
        list(read_texts(path, features=[PRICE]))


# --- config ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"features.price.kind": "text"}, "data.features.price.kind"),
        ({"features.price.log": "true"}, "data.features.price.kind"),
        ({"features.price": "{kind: categorical, log: true}"}, "is for features of kind"),
        (
            {"features.price": "{kind: numeric, min_count: 2}"},
            "is for features of kind",
        ),
        ({"features.text.kind": "numeric"}, "names a feature text"),
        ({"features.price": "{kind: numeric, min_count: true}"}, "input should be a number"),
        ({"features.label.kind": "categorical"}, "is the label of tasks.label"),
        ({"features.y.kind": "numeric", "text": "y"}, "of data is the text"),
        (
            {"features.price.kind": "numeric", "mixture.own.splits.train": "a.csv"},
            "names a feature price that no source of the mixture has",
        ),
    ],
)
def test_what_cannot_be_a_feature_is_refused(values, said):
    overrides = [f"data.{key}={value}" for key, value in values.items()]
    with pytest.raises(InputError, match=said):
        config.load([], overrides)


def test_data_without_features_is_its_own_source(tmp_path):
    """Nothing changes where nobody asks."""
    chosen = data(tmp_path)
    assert chosen.sources["data"] is chosen


def test_heads_at_class_means_have_no_scale_for_columns():
    with pytest.raises(InputError, match=r"model.head_init: class_means .*; take probe"):
        config.load([], ["data.features.price.kind=numeric", "model.head_init=class_means"])


def test_a_config_with_features_is_written_and_read(tmp_path):
    """As a run does, with every key."""
    features = ("data.features.price.kind=numeric", "data.features.country.kind=categorical")
    chosen = config.load([], features)
    chosen.write(tmp_path / "config.yaml")
    assert config.load(tmp_path / "config.yaml").data.features == chosen.data.features
