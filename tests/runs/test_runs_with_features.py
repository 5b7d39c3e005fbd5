"""Runs whose heads read columns beside the text: learned, saved, loaded, asked."""

from __future__ import annotations

import csv
import itertools
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tiny_run
from rows_by_hand import first
from small_runs import points

from tfsocial import api
from tfsocial.config import Model
from tfsocial.data.pipeline.batches import evaluation_batches
from tfsocial.errors import InputError
from tfsocial.models import inference
from tfsocial.runs import report
from tfsocial.runs.prepare import prepare
from tfsocial.selection.readers import reader
from tfsocial.serving import inputs
from tfsocial.serving.gateway.backends.worker import WorkerBackend
from tfsocial.serving.loading import load_predictor
from tfsocial.serving.predictor import predict_file
from tfsocial.serving.rest_server import RestServer
from tfsocial.serving.saved_model import SavedModelPredictor
from tfsocial.serving.tf_serving.client import RestPredictor
from tfsocial.serving.triton import repository
from tfsocial.text import batch as keys
from tfsocial.training import devices

FEATURES = ("data.features.price.kind=numeric", "data.features.country.kind=categorical")
# The texts are the same under both labels; the price is high where the mood is happy, and the
# country says the same.
SAYS = {"happy": (("30", "de"), ("40", "fr"), ("", "de")), "sad": (("2", "uk"), ("4", "pl"))}


def write_table(folder: Path) -> Path:
    """train.csv and dev.csv: text, label, price, country."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = tiny_run.HAPPY + tiny_run.SAD
    rows = [
        (text, label, *cells)
        for label, several in SAYS.items()
        for cells, text in itertools.product(several[:2], texts)
    ] * 4
    rows += [(text, "happy", *SAYS["happy"][2]) for text in texts]
    for split in ("train", "dev"):
        tiny_run.write_csv(folder / f"{split}.csv", ("text", "label", "price", "country"), rows)
    return folder


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return write_table(tmp_path_factory.mktemp("table"))


@pytest.fixture(scope="module")
def run(table, tmp_path_factory):
    """A finished run with features."""
    workdir = tmp_path_factory.mktemp("features") / "run"
    return tiny_run.train(tiny_run.settings(table, *FEATURES, "training.epochs=2"), workdir)


def on_dev(run) -> float:
    """The share of dev that the model as it was saved is right about."""
    batches = evaluation_batches(run.encoded["dev"], keys.Shape(2, 16, 2))
    said = inference.predict(run.loaded.model, batches)["mood"].argmax(-1)
    return float(np.mean(said == run.encoded["dev"].labels["mood"].numpy()))


# --- learning ----------------------------------------------------------------------------


def test_what_columns_alone_say_is_learned_with_them(run, table, tmp_path):
    """Each text stands under both labels about as often: alone it tells nothing."""
    assert on_dev(run) == 1.0
    without = tiny_run.train(tiny_run.settings(table, "training.epochs=2"), tmp_path / "without")
    assert on_dev(without) < 0.7


def test_heads_fitted_to_vectors_read_the_columns(table, tmp_path):
    """Before the first step and after the last one; here the steps in between move nothing."""
    chosen = tiny_run.settings(
        table, *FEATURES, "training.max_steps=1", "optimizer.learning_rate=1e-9",
        "model.head_init=probe", "model.head_normalize=true", "model.final_probe_c=10",
    )  # fmt: skip
    assert on_dev(tiny_run.train(chosen, tmp_path / "run")) == 1.0


def test_a_number_is_learned_from_a_column(table, tmp_path):
    """A regression of the price itself: the column alone has all of it."""
    tasks = {"cost": {"kind": "regress", "column": "price"}}
    data = {"attributes": {"paid": "copy"}, "features": {"paid": {"kind": "numeric"}}}
    folder = tmp_path / "data"
    folder.mkdir()
    rows = [(text, price, price) for text, _ in tiny_run.MOODS for price in (1, 2, 5)]
    for split in ("train", "dev"):
        tiny_run.write_csv(folder / f"{split}.csv", ("text", "price", "copy"), rows * 2)
    tree = tiny_run.tree(folder)
    chosen = tiny_run.settings(
        folder, "optimizer.learning_rate=1e-9", data={**tree["data"], **data}, tasks=tasks
    )
    run = tiny_run.train(chosen, tmp_path / "run")
    batches = evaluation_batches(run.encoded["dev"], keys.Shape(2, 16, 2))
    said = inference.predict(run.loaded.model, batches)["cost"][:, 0]
    assert np.corrcoef(said, [float(price) for _, price, _ in rows * 2])[0, 1] > 0.95


TERMS = {
    "objectives.papers": "{mixup: {}, uda: {confidence: 0.0}, label_prototypes: {}, "
    "mean_teacher: {}, multi_sample_dropout: {}}",
    "objectives.community": "{soft_labels: {}, m0_task: {}}",
    "data.second_view": "[cutoff]",
    "data.augment": "[{word_drop: {rate: 0.3}}]",
    "training.ema": "0.9",
    "training.micro_batches": "2",
}


def test_columns_stand_beside_every_term_of_the_formula(table, tmp_path):
    """Second views, mixed texts, names of labels, M0's probes, averages: all steps are finite."""
    overrides = [f"{key}={value}" for key, value in TERMS.items()]
    chosen = tiny_run.settings(table, *FEATURES, *overrides)
    run = tiny_run.train(chosen, tmp_path / "run")
    for term in ("L/mood", "L_paper/mixup", "L_paper/uda", "L0/soft_labels"):
        assert np.isfinite(points(tmp_path / "run", f"train/raw/{term}")).all()
    assert on_dev(run) == 1.0


# --- batches -------------------------------------------------------------------------------


def prepared(table, tmp_path, *overrides):
    chosen = tiny_run.settings(table, *FEATURES, *overrides)
    tmp_path.mkdir(exist_ok=True)
    return prepare(chosen, tmp_path, devices.choose("cpu", chosen.training))


@pytest.mark.parametrize("augment", [(), ("data.augment=[{word_drop: {rate: 0.5}}]",)])
def test_each_example_of_a_batch_has_its_own_columns(table, tmp_path, augment):
    """Packed, shuffled and augmented: example i has the columns of row i, an empty slot zeros."""
    ready = prepared(table, tmp_path, *augment)
    expected = ready.texts.encoded["train"].feature_vectors.numpy()
    assert expected.shape == (68, 2 + 5)
    for batch in first(ready.training_batches(), 5):
        ids = batch[keys.EXAMPLE_ID]
        assert batch[keys.FEATURES].shape == (2, 2, 7)
        there = ids >= 0
        np.testing.assert_array_equal(batch[keys.FEATURES][there], expected[ids[there]])
        assert not batch[keys.FEATURES][~there].any()


def test_statistics_are_of_train_alone(table, tmp_path):
    """A test split with other numbers changes nothing; its own level has the slot of others."""
    tiny_run.write_csv(
        table / "test.csv", ("text", "label", "price", "country"), [("it is", "sad", "1e6", "xx")]
    )
    ready = prepared(table, tmp_path, "data.splits.test=test.csv")
    specs = ready.texts.features
    assert specs["country"].levels == ("de", "fr", "pl", "uk")
    assert specs["price"].mean == pytest.approx((30 + 40 + 2 + 4) / 4)
    vector = ready.texts.encoded["test"].feature_vectors.numpy()[0]
    assert vector.tolist() == [10, 0, 1, 0, 0, 0, 0]


def test_other_columns_are_another_data_set(table, tmp_path):
    """A run goes on only on the data that it began with."""
    folder = write_table(tmp_path / "other")
    path = folder / "train.csv"
    path.write_text(path.read_text("utf-8").replace("30,de", "31,de"), "utf-8")
    fingerprints = [
        prepared(one, tmp_path / name).texts.fingerprint
        for name, one in (("a", table), ("b", folder))
    ]
    assert fingerprints[0] != fingerprints[1]


# --- loaded again and asked ----------------------------------------------------------------


@pytest.fixture(scope="module")
def forms(run, tmp_path_factory):
    """The run's model folder and its SavedModel."""
    model = run.workdir / "model"
    return model, api.export(model, tmp_path_factory.mktemp("served") / "moods")


ASKED = [
    {"text": "nice order", "price": 33, "country": "de"},
    {"text": "nice order", "price": "2.5", "country": " uk "},
    {"text": "my card is good thanks", "price": None, "country": "none of train's"},
]


def test_run_model_and_export_say_the_same(run, table, forms):
    """Of dev's rows, packed in training's batches, from the file, and in the served graph."""
    batches = evaluation_batches(run.encoded["dev"], keys.Shape(2, 16, 2))
    expected = inference.predict(run.loaded.model, batches)["mood"]
    with (table / "dev.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for folder in forms:
        predictor = load_predictor(folder)
        found = predictor.many(inputs.tuples(predictor.manifest, rows)).tasks["mood"]
        np.testing.assert_allclose(found, expected, atol=1e-5)
        alone = predictor(inputs.tuples(predictor.manifest, rows[3:4])).tasks["mood"]
        np.testing.assert_allclose(alone, expected[3:4], atol=1e-5)


def test_rows_are_asked_from_python(forms):
    """The columns decide, whatever the text says; both forms answer the same."""
    answers = [api.predict(str(folder), ASKED) for folder in forms]
    assert [one["mood"]["label"] for one in answers[0]][:2] == ["happy", "sad"]
    for one, other in zip(*answers, strict=True):
        assert one["mood"]["probabilities"] == pytest.approx(
            other["mood"]["probabilities"], abs=1e-5
        )
    (alone,) = api.predict(str(forms[0]), [("nice order", "33", "de")])
    assert alone["mood"]["label"] == answers[0][0]["mood"]["label"]
    assert alone["mood"]["probabilities"] == pytest.approx(answers[0][0]["mood"]["probabilities"])


def test_a_file_is_answered_row_by_row(table, forms, tmp_path):
    """A row whose number is none is told so in its own line."""
    path = tiny_run.write_csv(
        tmp_path / "new.csv", ("text", "price", "country"), [("it is", 33, "de"), ("it", "x", "de")]
    )
    for number, folder in enumerate(forms):
        target = tmp_path / f"{number}.jsonl"
        assert predict_file(load_predictor(folder), path, target) == (1, 1)
        first, second = map(json.loads, target.read_text("utf-8").splitlines())
        assert first["mood"]["label"] == "happy"
        assert "new.csv:3: column 'price' is not a number; write one" in second["error"]


def test_a_labelled_file_is_scored(table, forms):
    """Both forms score alike; baselines read the text alone."""
    for folder in forms:
        found = api.evaluate(str(folder), table / "dev.csv", train=table / "train.csv")
        assert found.findings["quality"].numbers["mood"]["accuracy"] == 1.0
        assert not found.unreadable


def test_a_report_on_another_split_reads_the_columns(run, table):
    """As `tune` and `fit` ask for it."""
    config = tiny_run.settings(table, *FEATURES, "data.splits.test=dev.csv", "data.splits.dev=[]")
    assert report.of_split(run.workdir / "model", config, "test")["mood"]["accuracy"] == 1.0


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"text": "it", "price": 1}, "texts[0]: has no 'country'"),
        ("it", "texts[0]: has 1 values, and the model reads text, price, country"),
        ({"text": "it", "price": "x", "country": ""}, "texts[0]: column 'price' is not a number"),
        ({"text": "it", "price": np.inf, "country": ""}, "not a finite float32 number"),
    ],
)
def test_rows_without_their_columns_are_refused(forms, row, said):
    for folder in forms:
        with pytest.raises(InputError) as caught:
            api.predict(str(folder), [row])
        assert said in str(caught.value)


def test_a_file_without_the_column_is_refused(forms, tmp_path):
    """By `predict` and by `evaluate`."""
    path = tiny_run.write_csv(tmp_path / "new.csv", ("text", "label", "price"), [("it", "sad", 1)])
    for ask in (
        lambda: predict_file(load_predictor(forms[0]), path, tmp_path / "out.jsonl"),
        lambda: api.evaluate(str(forms[0]), path),
    ):
        with pytest.raises(InputError, match=r"new.csv: has no column 'country', which the model"):
            ask()


# --- what takes texts alone ----------------------------------------------------------------


def serve_by_gateway(version: Path) -> None:
    WorkerBackend(version)


def serve_remotely(version: Path) -> None:
    RestPredictor("http://127.0.0.1:1/v1/models/x", version)


def serve_to_try(version: Path) -> None:
    RestServer(SavedModelPredictor(version), "moods")


def write_for_triton(version: Path) -> None:
    repository.write(version.parent, version.parent.parent / "triton", "moods", "/models")


@pytest.mark.parametrize("use", [serve_by_gateway, serve_remotely, serve_to_try, write_for_triton])
def test_what_serves_texts_alone_refuses_the_version(forms, use):
    with pytest.raises(InputError, match="reads price, country beside the text"):
        use(forms[1])


def test_what_shapes_models_of_texts_alone_refuses_the_run(run, forms, tmp_path):
    """Token graphs, composition, compression, selection: one sentence each, and nothing written."""
    model, output = run.workdir / "model", tmp_path / "out"
    for ask in (
        lambda: api.export(model, output, format="litert"),
        lambda: api.compose([run.workdir], output),
        lambda: api.compress(run.workdir, output),
        lambda: reader(model, Model()),
        lambda: reader(forms[1], Model()),
    ):
        with pytest.raises(InputError, match="reads price, country beside the text"):
            ask()
        assert not any(path.is_file() for path in output.rglob("*"))


def test_models_of_other_statistics_do_not_answer_as_one(run, table, tmp_path):
    """One standardises by another mean than the other."""
    other = shutil.copytree(run.workdir / "model", tmp_path / "other")
    path = other / "config.json"
    values = json.loads(path.read_text("utf-8"))
    alone, together = load_predictor(other), api.load_predictor([str(other), str(other)])
    row = [("it", 3.0, "de")]
    np.testing.assert_allclose(together(row).tasks["mood"], alone(row).tasks["mood"], atol=1e-6)
    values["tfsocial"]["features"]["price"]["mean"] += 1.0
    path.write_text(json.dumps(values), "utf-8")
    with pytest.raises(InputError, match="is not what the first model's read"):
        api.load_predictor([str(run.workdir / "model"), str(other)])


def test_the_graph_s_inputs_are_named(forms):
    """What callers of a server find in its manifest, and Classify's examples."""
    values = json.loads((forms[1] / "manifest.json").read_text("utf-8"))
    assert values["signatures"]["serving_default"]["inputs"] == {
        "text": ["string", None], "price": ["float32", None], "country": ["string", None],
    }  # fmt: skip
    module = tf.saved_model.load(str(forms[1]))
    example = tf.train.Example()
    for name, text in (("text", b"nice order"), ("country", b"de")):
        example.features.feature[name].bytes_list.value.append(text)
    example.features.feature["price"].float_list.value.append(33.0)
    asked = tf.constant([example.SerializeToString()])
    assert module.signatures["classify"](asked)["classes"].numpy()[0, 0] == b"happy"
    del example.features.feature["price"]
    with pytest.raises(tf.errors.InvalidArgumentError, match="price"):
        module.signatures["classify"](tf.constant([example.SerializeToString()]))
