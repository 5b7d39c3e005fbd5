"""The signatures of a SavedModel: strings in, answers out."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tensorflow as tf
from served_models import loaded, served

from tfsocial.checkpoints.manifest import ModelManifest, of_values, to_values
from tfsocial.models.spec import HeadSpec
from tfsocial.serving.export import saved_model

TEXTS = ["my card is good thanks", "", "it is late", "good " * 500]


# --- the signature -----------------------------------------------------------------------


def test_the_signature_of_one_classification(folders):
    """Answers and the embedding; one row a text, whatever the text."""
    answers = served(folders("classify")[1], text=TEXTS)
    assert {name: value.shape for name, value in answers.items()} == {
        "label": (4,), "probabilities": (4, 3), "embedding": (4, 32), "out_of_distribution": (4,),
        "top_labels": (4, 3), "top_probabilities": (4, 3),
    }  # fmt: skip
    assert answers["probabilities"].sum(-1) == pytest.approx(np.ones(4), abs=1e-6)
    names = np.array([b"happy", b"sad", b"neither"])
    order = np.argsort(-answers["probabilities"], -1)
    assert (answers["top_labels"] == names[order]).all()
    assert (answers["label"] == names[order[:, 0]]).all()
    best = np.take_along_axis(answers["probabilities"], order, -1)
    np.testing.assert_array_equal(answers["top_probabilities"], best)
    np.testing.assert_allclose(answers["out_of_distribution"], 1 - best[:, 0], atol=1e-6)
    assert np.isfinite(answers["embedding"]).all()


def test_the_signature_of_a_regression(folders):
    """A value instead of labels."""
    answers = served(folders("regress")[1], text=TEXTS)
    assert {name: value.shape for name, value in answers.items()} == {
        "value": (4,), "embedding": (4, 32),
    }  # fmt: skip


def test_the_signature_of_several_tasks(folders):
    """Each task's outputs carry its name; the embedding is all tasks' own."""
    answers = served(folders("three")[1], text=TEXTS)
    assert {name: value.shape for name, value in answers.items()} == {
        "mood_label": (4,), "mood_probabilities": (4, 3), "mood_out_of_distribution": (4,),
        "mood_top_labels": (4, 3), "mood_top_probabilities": (4, 3),
        "embedding_label": (4,), "embedding_probabilities": (4, 3),
        "embedding_top_labels": (4, 3), "embedding_top_probabilities": (4, 3),
        "stars_value": (4,), "embedding": (4, 32),
    }  # fmt: skip


def test_labels_of_a_multilabel_task_reach_their_thresholds(folders):
    """card counts from 0 on, order never, thanks from 0.5 on; joined by | in label order."""
    answers = served(folders("three")[1], text=["good", "bad", "late", "my order", "it is"])
    thanks = answers["embedding_probabilities"][:, 2] >= 0.5
    expected = [b"card|thanks" if found else b"card" for found in thanks]
    assert answers["embedding_label"].tolist() == expected


def test_no_threshold_means_one_half(folders):
    """A model that was never tuned: what is likelier than not."""
    answers = served(folders("multilabel")[1], text=["good", "bad", "late", "my order"])
    names = np.array(["card", "order", "thanks"])
    expected = ["|".join(names[row >= 0.5]).encode() for row in answers["probabilities"]]
    assert answers["label"].tolist() == expected


def test_a_pair_has_two_inputs(folders):
    """Both count, and which comes first counts."""
    saved_model = folders("pair")[1]
    answer = served(saved_model, text=["good"], text_pair=["late"])["embedding"]
    other = served(saved_model, text=["good"], text_pair=["card"])["embedding"]
    turned = served(saved_model, text=["late"], text_pair=["good"])["embedding"]
    assert np.abs(answer - other).max() > 1e-3
    assert np.abs(answer - turned).max() > 1e-3


def test_a_text_is_answered_as_it_would_be_alone(folders):
    """Neither the number of texts nor their neighbours in a packed row change an answer."""
    saved_model = folders("classify")[1]
    together = served(saved_model, text=TEXTS * 10)
    for number, text in enumerate(TEXTS):
        alone = served(saved_model, text=[text])
        for name in ("probabilities", "embedding"):
            assert np.abs(together[name][number::4] - alone[name]).max() < 1e-5


def test_no_text_at_all_has_no_answers(folders):
    """A batch of none is a batch: [0, ...] comes back and nothing fails."""
    answers = served(folders("classify")[1], text=np.array([], np.str_))
    assert (answers["label"].shape, answers["probabilities"].shape) == ((0,), (0, 3))


def test_a_long_text_is_cut_to_the_row(folders):
    """Rows have 16 tokens: of 500 words the first 14 count."""
    answers = served(folders("classify")[1], text=["good " * 500, "good " * 14, "good " * 13])
    first, same, shorter = answers["embedding"]
    assert np.abs(first - same).max() < 1e-5
    assert np.abs(first - shorter).max() > 1e-5


@pytest.mark.parametrize("text", [b"caf\xe9 \xff good", "\0 good", "\u202e good", "🙂" * 50])
def test_no_string_breaks_a_server(folders, text):
    """Whatever bytes somebody sends, the answer is finite."""
    answers = served(folders("classify")[1], text=[text, "good"])
    assert np.isfinite(answers["probabilities"]).all()


def test_classify_and_regress_take_examples(folders):
    """Serialized tf.Example in; what `serving_default` says, the likeliest label first."""
    saved_model = folders("three")[1]
    signatures = loaded(str(saved_model)).signatures
    texts = ["good", "my order is late"]
    features = [
        tf.train.Features(
            feature={"text": tf.train.Feature(bytes_list=tf.train.BytesList(value=[t.encode()]))}
        )
        for t in texts
    ]
    inputs = tf.constant([tf.train.Example(features=one).SerializeToString() for one in features])
    plain = served(saved_model, text=texts)
    answers = signatures["classify_mood"](inputs=inputs)
    np.testing.assert_array_equal(answers["classes"], plain["mood_top_labels"])
    np.testing.assert_allclose(answers["scores"], plain["mood_top_probabilities"], atol=1e-6)
    stars = signatures["regress_stars"](inputs=inputs)["outputs"]
    np.testing.assert_allclose(stars, plain["stars_value"], atol=1e-5)
    vectors = signatures["embed"](text=tf.constant(texts))["embedding"]
    np.testing.assert_allclose(vectors, plain["embedding"], atol=1e-6)


def test_labels_are_joined_by_the_tasks_own_separator():
    """It is kept with the model; one that was saved before there was a choice has a bar."""
    tags = HeadSpec("multilabel", ("a|b", "c"), separator="; ")
    values = to_values(ModelManifest({"tags": tags}, "mean", 8, 2, ("text",)))
    found = of_values(json.loads(json.dumps(values)))
    answers = saved_model.task_answers(found, "tags", tf.constant([[0.9, 0.8], [0.1, 0.2]]))
    assert answers["label"].numpy().tolist() == [b"a|b; c", b""]
    del values["tasks"]["tags"]["separator"]
    assert of_values(values).tasks["tags"].separator == "|"
