"""Sets by name: TensorFlow Datasets and Hub folders made here, and what is said without them."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from tfsocial import config
from tfsocial.config import Task
from tfsocial.data.reading import hub, source_types, tfds
from tfsocial.data.reading.splits import read_splits
from tfsocial.errors import InputError
from tfsocial.provenance import resources

TASKS = {
    "mood": Task(column="mood"),
    "tags": Task(kind="multilabel", column="tags"),
    "stars": Task(kind="regress", column="stars"),
}
MOODS, TAGS = ("sad", "happy"), ("card", "late")


def rows(count):
    """The third has no mood; tags are none, one and both in turn."""
    return [
        {
            "text": f"text {i} ü",
            "mood": -1 if i == 2 else i % 2,
            "tags": [0, 1][: i % 3],
            "stars": i / 2,
        }
        for i in range(count)
    ]


@pytest.fixture(scope="session")  # a class of one name is registered once in a process
def prepared(tmp_path_factory):
    """A data_dir with the set moods_here/plain:1.0.0, ten rows in train, three in test."""
    library = pytest.importorskip("tensorflow_datasets", reason="needs tensorflow-datasets")

    class MoodsHere(library.core.GeneratorBasedBuilder):
        """Moods of a few texts."""

        VERSION = library.core.Version("1.0.0")
        BUILDER_CONFIGS = (library.core.BuilderConfig(name="plain"),)

        def _info(self):
            feature = library.features
            return library.core.DatasetInfo(
                builder=self,
                features=feature.FeaturesDict(
                    {
                        "text": feature.Text(),
                        "mood": feature.ClassLabel(names=MOODS),
                        "tags": feature.Sequence(feature.ClassLabel(names=TAGS)),
                        "stars": feature.Scalar(np.float32),
                        "picture": feature.Image(shape=(1, 1, 3)),
                    }
                ),
            )

        def _split_generators(self, _):
            return {"train": self._generate_examples(10), "test": self._generate_examples(3)}

        def _generate_examples(self, count):
            for number, row in enumerate(rows(count)):
                yield number, {**row, "picture": np.zeros((1, 1, 3), np.uint8)}

    folder = tmp_path_factory.mktemp("tfds")
    MoodsHere(data_dir=folder).download_and_prepare()
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A data set's folder as the Hub keeps it: a card, and train and test as parquet."""
    library = pytest.importorskip("datasets", reason="needs datasets")
    features = library.Features(
        {
            "text": library.Value("string"),
            "mood": library.ClassLabel(names=list(MOODS)),
            "tags": library.Sequence(library.ClassLabel(names=list(TAGS))),
            "stars": library.Value("float32"),
            "when": library.Value("timestamp[s]"),
        }
    )
    path = tmp_path_factory.mktemp("hub") / "moods"
    (path / "data").mkdir(parents=True)
    for split, count in (("train", 10), ("test", 3)):
        made = [{**row, "when": None} for row in rows(count)]
        table = library.Dataset.from_list(made, features=features)
        table.to_parquet(str(path / "data" / f"{split}-00000-of-00001.parquet"))
    files = "".join(
        f"  - {{split: {split}, path: data/{split}-*}}\n" for split in ("train", "test")
    )
    card = f"---\nlicense: mit\nconfigs:\n- config_name: default\n  data_files:\n{files}---\n"
    (path / "README.md").write_text(card, "utf-8")
    return path


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """What datasets keeps of what it read stays in the test."""
    library = pytest.importorskip("datasets") if _installed("datasets") else None
    if library:
        monkeypatch.setattr(library.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def _installed(name):
    try:
        return bool(__import__(name))
    except ImportError:
        return False


def data(source, root=None, train="train", **splits):
    splits = {"train": train, **splits}
    return config.Data(source=source, root=root and str(root), splits=splits)


def read(*arguments, **splits):
    return read_splits(data(*arguments, **splits), TASKS)


def refusal(call, *arguments, **knobs):
    with pytest.raises(InputError) as caught:
        call(*arguments, **knobs)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def check(corpus, source):
    """Nine or fewer rows as `rows` makes them, in whatever order the set has."""
    assert corpus.label_names == {"mood": ("happy", "sad"), "tags": ("card", "late"), "stars": ()}
    for split, examples in corpus.splits.items():
        made = {row["text"]: row for row in rows(10)}
        for place, text in enumerate(examples.text):
            row = made[text]
            assert examples.labels["mood"][place] == {-1: -1, 0: 1, 1: 0}[row["mood"]]
            assert examples.labels["tags"][place].tolist() == [
                float(tag in row["tags"]) for tag in (0, 1)
            ]
            assert examples.labels["stars"][place] == row["stars"]
        assert examples.origin.where(0).startswith(f"{source}#"), split


# --- TensorFlow Datasets -------------------------------------------------------------------


def test_tfds_parts_by_name(prepared):
    source = "tfds:moods_here/plain:1.0.0"
    corpus = read(source, prepared, "train[:80%]", dev="train[80%:]", test="test")
    assert [len(corpus.splits[split]) for split in ("train", "dev", "test")] == [8, 2, 3]
    together = corpus.splits["train"].text + corpus.splits["dev"].text
    assert sorted(together) == sorted(row["text"] for row in rows(10))
    check(corpus, source)
    assert corpus.splits["train"].origin.where(7) == f"{source}#train[:80%]:8"


@pytest.mark.parametrize(
    ("source", "part", "expected"),
    [
        ("tfds:moods_here", "dev", "data.splits.train: tfds:moods_here has no 'dev'"),
        ("tfds:moods_here", "train[:x%]", "its splits are 'test', 'train'"),
        ("tfds:moods_here", "train[:0%]", "holds no example"),
        ("tfds:moods_here/fancy", "train", "data.source: tfds:moods_here/fancy cannot be found"),
        ("tfds:moods_here:9.0.0", "train", "cannot be found"),
        ("tfds:moods_there", "train", "Dataset moods_there not found"),
    ],
)
def test_what_a_tfds_set_lacks(prepared, source, part, expected):
    assert expected in refusal(read, source, prepared, part)


def test_tfds_offline(prepared, tmp_path, monkeypatch):
    monkeypatch.setattr(tfds, "_offline", lambda: True)
    message = refusal(read, "tfds:moods_here/plain", tmp_path)
    assert (
        f"is not prepared in {tmp_path} and cannot be downloaded (there is no network)" in message
    )
    assert "`tfds build moods_here/plain --data_dir=DIR`" in message
    assert "--set data.root=DIR" in message


def test_what_fails_while_tfds_prepares_is_said(prepared, tmp_path, monkeypatch):
    library = pytest.importorskip("tensorflow_datasets")

    def fail(self, **_):
        raise ConnectionError("the server is away\nand more")

    monkeypatch.setattr(tfds, "_offline", lambda: False)
    monkeypatch.setattr(library.core.DatasetBuilder, "download_and_prepare", fail)
    message = refusal(read, "tfds:moods_here", tmp_path)
    assert "cannot be downloaded (the server is away)" in message


# --- the Hub -------------------------------------------------------------------------------


def test_hub_parts_of_a_folder(folder):
    corpus = read("hub:us/moods", folder, "train[:80%]", dev="train[80%:]", test="test")
    assert [len(corpus.splits[split]) for split in ("train", "dev", "test")] == [8, 2, 3]
    assert corpus.splits["train"].text == [row["text"] for row in rows(8)]
    check(corpus, "hub:us/moods")


@pytest.mark.parametrize(
    ("source", "part", "expected"),
    [
        ("hub:us/moods", "dev", "data.splits.train: 'dev' of hub:us/moods cannot be had"),
        ("hub:us/moods", "train[:4", "cannot be had"),
        ("hub:us/moods", "train[:0%]", "corresponds to no data"),
        ("hub:us/moods/fancy", "train", "BuilderConfig 'fancy' not found"),
    ],
)
def test_what_a_hub_folder_lacks(folder, source, part, expected):
    assert expected in refusal(read, source, folder, part)


def test_a_damaged_hub_folder_is_one_sentence(tmp_path):
    """The package wraps what went wrong in an error of its own."""
    (tmp_path / "train.jsonl").write_text('{"text": "a", "mood": "sad"}\n{"text": \n')
    message = refusal(read, "hub:us/broken", tmp_path)
    assert message.startswith("data.splits.train: 'train' of hub:us/broken cannot be read (")
    assert "\n" not in message


def test_hub_offline(folder, tmp_path):
    """The tests' environment says HF_HUB_OFFLINE."""
    message = refusal(read, "hub:nobody/nothing")
    assert message.startswith("data.source: hub:nobody/nothing cannot be fetched or read")
    assert "download its folder" in message
    assert "--set data.root=DIR" in message
    assert "cannot be fetched or read" in refusal(read, "hub:us/moods", tmp_path / "none")


# --- both ----------------------------------------------------------------------------------


def test_a_named_set_has_a_content_hash(folder):
    def digest(part):
        (found,) = resources.of_sources(data("hub:us/moods", folder, part), hashed=True)
        return found.sha256

    assert digest("train") == digest("train") != digest("train[:50%]")
    (found,) = resources.of_sources(data("hub:us/moods", folder))
    assert found.name == "hub:us/moods"


@pytest.mark.parametrize(
    ("source", "module", "package"),
    [
        ("tfds:imdb_reviews", "tensorflow_datasets", "tensorflow-datasets"),
        ("hub:a/b", "datasets", "datasets"),
    ],
)
def test_without_the_package(monkeypatch, source, module, package):
    monkeypatch.setitem(sys.modules, module, None)  # as if it were not installed
    message = refusal(read, source)
    assert f"{source}: needs the package {package}, which cannot be imported" in message
    assert "tfsocial[data]" in message


@pytest.mark.parametrize("source", ["imdb", "tfds:", "hub:", "tfds:a/b/c", "hub:a/b/c/d", "hf:a"])
def test_the_form_of_a_name(source):
    with pytest.raises(InputError, match="write files, tfds:NAME"):
        config.parse({"data": {"source": source}})


def test_the_parts_of_a_hub_name():
    assert hub.split_name("hub:a/b") == ("a/b", None, None)
    assert hub.split_name("hub:a/b/c@refs/pr/1") == ("a/b", "c", "refs/pr/1")


def test_every_kind_is_in_the_table():
    for source in ("files", "tfds:a", "hub:a/b"):
        assert config.Data(source=source).kind in source_types.SOURCE_TYPES
