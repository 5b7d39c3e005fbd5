"""Mixtures: each source's own columns, tasks and labels, and how much of each an epoch has."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfsocial import config
from tfsocial.data.reading.splits import read_splits
from tfsocial.data.sampling import mixture
from tfsocial.errors import InputError
from tfsocial.provenance import resources

TASKS = {"mood": {}, "topic": {"kind": "multilabel"}}


@pytest.fixture
def files(tmp_path):
    """Six rows of our own, with mood and topic; four open ones, of mood in other words."""
    own = "".join(f"own {i},{'sad' if i % 2 else 'happy'},card|late\n" for i in range(6))
    for name in ("own.csv", "dev.csv"):
        (tmp_path / name).write_text("text,mood,topic\n" + own)
    opened = "".join(f"open {i},{i % 2}\n" for i in range(4))
    (tmp_path / "open.csv").write_text("review,sentiment\n" + opened)
    return tmp_path


def parsed(files, own=None, opened=None, **data):
    tree = {
        "own": {
            "root": str(files),
            "splits": {"train": "own.csv", "dev": "dev.csv"},
            **(own or {}),
        },
        "open": {
            "root": str(files),
            "splits": {"train": "open.csv"},
            "text": "review",
            "tasks": ["mood"],
            "columns": {"mood": "sentiment"},
            "labels": {"mood": {"0": "sad", "1": "happy"}},
            **(opened or {}),
        },
    }
    tasks = {name: {"column": name, **task} for name, task in TASKS.items()}
    return config.parse({"data": {"mixture": tree, **data}, "tasks": tasks})


def texts(files, seed=0, **knobs):
    chosen = parsed(files, **knobs)
    corpus = read_splits(chosen.data, chosen.tasks)
    return Counter(mixture.mixed(corpus, chosen.data, seed).splits["train"].text)


def refusal(call, *arguments, **knobs):
    with pytest.raises(InputError) as caught:
        call(*arguments, **knobs)
    return str(caught.value)


def test_each_source_labels_what_it_can(files):
    chosen = parsed(files)
    corpus = read_splits(chosen.data, chosen.tasks)
    train = corpus.splits["train"]
    assert corpus.label_names == {"mood": ("happy", "sad"), "topic": ("card", "late")}
    assert train.text[5:8] == ["own 5", "open 0", "open 1"]
    assert train.labels["mood"].tolist() == [0, 1, 0, 1, 0, 1, 1, 0, 1, 0]
    assert np.isnan(train.labels["topic"][6:]).all()
    assert (train.labels["topic"][:6] == 1).all()
    assert train.origin.where(7) == f"{files}/open.csv:3"
    assert list(corpus.splits) == ["train", "dev"]
    assert len(corpus.splits["dev"]) == 6
    assert corpus.counts["train"].usable == 10
    assert [part.size for part in corpus.parts["train"].values()] == [6, 4]


def test_without_rates_every_example_stands_once(files):
    assert set(texts(files).values()) == {1}
    assert len(texts(files)) == 10


def test_rates_are_parts_of_an_epoch(files):
    found = texts(
        files, own={"sampling_weight": 1}, opened={"sampling_weight": 4}
    )  # of 10 examples 2 and 8
    assert sum(found[f"own {i}"] for i in range(6)) == 2
    assert [found[f"open {i}"] for i in range(4)] == [2, 2, 2, 2]


def test_a_draw_is_a_function_of_the_seed(files):
    rates = {"own": {"sampling_weight": 1}, "opened": {"sampling_weight": 1}}
    assert texts(files, seed=3, **rates) == texts(files, seed=3, **rates)
    assert len({tuple(sorted(texts(files, seed=seed, **rates))) for seed in range(5)}) > 1


def test_temperature_evens_out():
    sizes = [10_000, 100]
    rates = [size ** (1 / 2) for size in sizes]
    assert mixture.parts(sizes, rates) == [9182, 918]  # 100 : 10 of 10,100


def test_temperature_of_the_config(files):
    found = texts(files, temperature=1000.0)  # as good as even
    assert sum(count for text, count in found.items() if text.startswith("open")) == 5


def test_epoch_examples_is_the_length_of_an_epoch(files):
    found = texts(
        files, own={"sampling_weight": 3}, opened={"sampling_weight": 1}, epoch_examples=32
    )
    assert [found[f"own {i}"] for i in range(6)] == [4] * 6
    assert [found[f"open {i}"] for i in range(4)] == [2] * 4


def test_a_source_without_a_part_is_refused(files):
    message = refusal(
        texts, files, own={"sampling_weight": 1000}, opened={"sampling_weight": 0.001}
    )
    assert "data.mixture.open: its part of an epoch is less than one example" in message


@given(
    st.lists(st.integers(1, 500), min_size=1, max_size=5),
    st.integers(1, 1000),
    st.integers(0, 9),
)
def test_parts_and_draws_are_exact(sizes, total, seed):
    counts = mixture.parts(sizes, sizes[::-1], total)
    assert sum(counts) == total
    for place, (size, count) in enumerate(zip(sizes, counts, strict=True)):
        assert abs(count - sizes[-1 - place] / sum(sizes) * total) < 1
        rows = mixture.draw_rows(size, count, seed, str(place))
        often = np.bincount(rows, minlength=size)
        assert len(rows) == count
        assert often.max() - often.min() <= 1
        more = np.bincount(mixture.draw_rows(size, count + 3, seed, str(place)), minlength=size)
        assert (more >= often).all()


def test_the_dev_split_is_not_mixed(files):
    chosen = parsed(files, own={"sampling_weight": 1}, opened={"sampling_weight": 9})
    corpus = read_splits(chosen.data, chosen.tasks)
    assert mixture.mixed(corpus, chosen.data, 0).splits["dev"] is corpus.splits["dev"]


def test_bad_rows_are_counted_by_source(files):
    (files / "open.csv").write_text("review,sentiment\nfine,1\n,0\n")
    chosen = parsed(files, max_bad_fraction=0.2)  # one of eight, but one of the source's two
    message = refusal(read_splits, chosen.data, chosen.tasks)
    assert message.startswith("data.mixture.open.splits.train: 1 of 2 rows are bad")


def test_messages_name_the_source(files):
    chosen = parsed(files, opened={"columns": {"mood": "sentimant"}})
    message = refusal(read_splits, chosen.data, chosen.tasks)
    assert "which data.mixture.open.columns.mood names" in message
    chosen = parsed(files, opened={"splits": {"train": "none.csv"}})
    message = refusal(read_splits, chosen.data, chosen.tasks)
    assert message.startswith("data.mixture.open.splits.train: 'none.csv' matches no file")
    assert "--set data.mixture.open.root=DIR" in message


def test_each_source_has_its_licence_and_its_hash(files):
    data = parsed(files, own={"licence": "MIT"}, opened={"name": "Reviews"}).data
    message = refusal(resources.check, resources.of_sources(data), "permissive")
    assert "data.mixture.open.licence: nothing says under which licence the data (Reviews)" in (
        message
    )
    assert "--set data.mixture.open.licence_ack='WHY'" in message
    own, opened = resources.of_sources(data, hashed=True)
    assert (own.name, own.licence, opened.name) == ("own", "MIT", "Reviews")
    twice = [str(files / "own.csv"), str(files / "dev.csv")]
    assert own.sha256 == resources.digest(twice) != opened.sha256


# --- unlabelled text -----------------------------------------------------------------------


def with_pool(files, name, lines, **pool):
    """A mixture of our own rows and of a file of other texts."""
    (files / name).write_text(lines, encoding="utf-8")
    tree = {
        "own": {"root": str(files), "splits": {"train": "own.csv"}},
        "pool": {"root": str(files), "splits": {"train": name}, "tasks": [], **pool},
    }
    tasks = {task: {"column": task, **given} for task, given in TASKS.items()}
    chosen = config.parse({"data": {"mixture": tree}, "tasks": tasks})
    return read_splits(chosen.data, chosen.tasks)


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("pool.txt", "first text\n\nsecond, text\n \n"),  # blank lines are no texts
        ("pool.csv", 'id,text\n1,first text\n2,"second, text"\n'),
        ("pool.jsonl", '{"text": "first text"}\n{"text": "second, text", "mood": 3.5}\n'),
        ("pool.data", "first text\n\nsecond, text\n"),
    ],
)
def test_texts_without_labels_are_a_source(files, name, lines):
    """No label column is needed; one that is there is not read."""
    told = {"format": "txt"} if name == "pool.data" else {}
    corpus = with_pool(files, name, lines, **told)
    train = corpus.splits["train"]
    assert train.text[6:] == ["first text", "second, text"]
    assert train.labels["mood"].tolist() == [0, 1, 0, 1, 0, 1, -1, -1]
    assert np.isnan(train.labels["topic"]).all(-1).tolist() == [False] * 6 + [True] * 2
    assert [(part.size, part.counts.quarantined) for part in corpus.parts["train"].values()] == [
        (6, 0),
        (2, 0),
    ]


def test_lines_are_counted_over_blank_ones(files):
    train = with_pool(files, "pool.txt", "first text\n\nsecond text\n").splits["train"]
    assert train.origin.where(7) == f"{files}/pool.txt:3"


def test_a_file_of_blank_lines_has_no_texts(files):
    assert "pool.txt: has no rows" in refusal(with_pool, files, "pool.txt", "\n \n")


def test_a_missing_label_column_may_be_no_mistake(files):
    (files / "pool.csv").write_text("text\nfirst text\n")
    message = refusal(with_pool, files, "pool.csv", "text\nfirst\n", tasks=["mood"])
    assert "if its rows have no labels at all, set data.mixture.pool.tasks to []" in message
    alone = config.parse({"data": {"root": str(files), "splits": {"train": "pool.csv"}}})
    message = refusal(read_splits, alone.data, alone.tasks)
    assert "give it to data.mixture with `tasks: []`" in message


# --- the config ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("knobs", "expected"),
    [
        ({"splits": {"train": "a.csv"}}, "mixture and a source of its own"),
        ({"own": {"sampling_weight": 2}}, "with a sampling_weight and without; give open one"),
        (
            {"own": {"sampling_weight": 2}, "opened": {"sampling_weight": 1}, "temperature": 2.0},
            "drop one of them",
        ),
        ({"own": {"text": ["text", "mood"]}}, "mixes texts and pairs"),
        ({"own": {"columns": {"moood": "x"}}}, "moood is no task; did you mean mood?"),
        ({"own": {"tasks": ["mood"]}}, "tasks.topic: no source of data.mixture has labels for it"),
        ({"own": {"sampling_weigth": 2}}, "did you mean data.mixture.own.sampling_weight?"),
    ],
)
def test_what_does_not_fit_is_refused(files, knobs, expected):
    assert expected in refusal(parsed, files, **knobs)


def test_a_temperature_needs_a_mixture():
    message = refusal(config.parse, {"data": {"temperature": 2.0}})
    assert "temperature, which is for a mixture" in message


def test_roots_are_relative_to_the_config_file(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("data: {mixture: {own: {root: here}, far: {root: 'gs://b/c'}}}\n")
    found = config.load(path).data.mixture
    assert found["own"].root == str(tmp_path / "here")
    assert found["far"].root == "gs://b/c"


def test_sources_without_a_root_share_that_of_data(tmp_path):
    """One folder for all, but for a source that names its own and for sets by name."""
    tree = {
        "root": "/shared",
        "mixture": {
            "a": {"splits": {"train": "a.csv"}, "tasks": ["label"]},
            "b": {"splits": {"train": "b.csv"}, "root": "/own"},
            "c": {"source": "tfds:imdb_reviews", "splits": {"train": "train"}},
        },
    }
    found = config.parse({"data": tree}).data.sources
    assert [own.root for own in found.values()] == ["/shared", "/own", None]


def test_a_source_that_is_all_out_of_scope_has_no_part(files):
    """Nothing of it is learned, since a score tells what is out of scope; the others are mixed."""
    (files / "outside.csv").write_text("text,mood\nthe weather,weather\n")
    parts = {
        name: {"root": str(files), "splits": {"train": f"{name}.csv"}, "sampling_weight": 1}
        for name in ("own", "outside")
    }
    task = {"column": "mood", "ood_label": "weather", "ood_detector": "energy"}
    chosen = config.parse({"data": {"mixture": parts}, "tasks": {"mood": task}})
    corpus = read_splits(chosen.data, chosen.tasks)
    assert len(mixture.mixed(corpus, chosen.data, 0).splits["train"]) == 6


def test_a_label_that_no_row_has_is_said(files, caplog):
    """0 is renamed, 2 was meant to be 1, which stays a class of its own."""
    opened = {"labels": {"mood": {"0": "sad", "2": "happy"}}}
    chosen = parsed(files, opened=opened)
    with caplog.at_level("WARNING"):
        corpus = read_splits(chosen.data, chosen.tasks)
    assert caplog.messages == ["data.mixture.open.labels.mood: no row has the label '2'"]
    assert corpus.label_names["mood"] == ("1", "happy", "sad")
    caplog.clear()
    with caplog.at_level("WARNING"):
        read_splits((well := parsed(files)).data, well.tasks)
    assert not caplog.messages
