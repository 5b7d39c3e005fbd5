"""A pruned model is the whole one in which what was left out says nothing."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tiny_run

from tfsocial.checkpoints import community, model_folder
from tfsocial.checkpoints.manifest import ModelManifest
from tfsocial.checkpoints.model_folder import TextModelBundle
from tfsocial.compression import pruning, student
from tfsocial.compression.plan import Plan
from tfsocial.compression.pruning import Kept
from tfsocial.config import Model
from tfsocial.data.examples import Examples
from tfsocial.data.pipeline.tokenized_split import tokenize_split
from tfsocial.errors import InputError
from tfsocial.models import parameters
from tfsocial.models.spec import HeadSpec
from tfsocial.models.text_model import TextModel
from tfsocial.text.tokenizer import Tokenizer

SPECS = {
    "mood": HeadSpec("classify", ("happy", "sad")),
    "topics": HeadSpec("multilabel", ("card", "order")),
    "stars": HeadSpec("regress", ()),
}
TEXTS = ["my card is good thanks", "late", "it is broken", "the order"]
LAYERS, HEADS, WIDTH, HEAD_SIZE = 3, 4, 64, 8


@pytest.fixture(scope="module")
def bundle(tmp_path_factory, randomize) -> TextModelBundle:
    """Three random layers; the vocabulary of the tiny runs."""
    folder = tiny_run.write_vocabulary(tmp_path_factory.mktemp("m0") / "vocabulary")
    sizes = {**tiny_run.SIZES, "layers": LAYERS, "positions": 32, "vocabulary": str(folder)}
    m0 = community.of_config(Model(checkpoint="random", random=sizes))
    manifest = ModelManifest(SPECS, "mean", row_length=16, slots=4, text_columns=("text",))
    model = TextModel.of(m0.architecture(), manifest)
    randomize(model)
    return TextModelBundle(model, Tokenizer.load(folder), manifest)


def kept(layers=range(LAYERS), heads=range(HEADS), neurons=range(WIDTH), tokens=range(17)) -> Kept:
    """The same heads and neurons in each layer."""
    return Kept(
        tuple(layers),
        {layer: tuple(heads) for layer in layers},
        {layer: np.array(neurons) for layer in layers},
        np.array(tokens),
    )


def embeddings(bundle: TextModelBundle, texts: list[str] = TEXTS) -> np.ndarray:
    return bundle.answer([tf.constant(texts)])[1].numpy()


def silenced(bundle: TextModelBundle, columns: dict[str, list[int]]) -> TextModelBundle:
    """A copy in which these inputs of these matrices count nothing."""
    model = TextModel.of(bundle.model.encoder.config, bundle.manifest)
    arrays = parameters.of_text_model(bundle.model).arrays()
    for name, some in columns.items():
        arrays[name] = arrays[name].copy()
        arrays[name][:, some] = 0
    parameters.of_text_model(model).assign(arrays)
    return TextModelBundle(model, bundle.tokenizer, bundle.manifest)


def smaller(bundle: TextModelBundle, some: Kept, folder) -> TextModelBundle:
    student.write(folder / "small", bundle, some, folder)
    return model_folder.load(folder / "small")


def test_heads_that_are_gone_are_heads_that_say_nothing(bundle, tmp_path):
    """Heads 1 and 3 of each layer: as if what comes of them were multiplied by 0."""
    small = smaller(bundle, kept(heads=[0, 2]), tmp_path)
    assert small.model.encoder.config.pruned_heads == {layer: [1, 3] for layer in range(LAYERS)}
    gone = [*range(8, 16), *range(24, 32)]
    names = [f"encoder.layer.{layer}.attention.output.dense.weight" for layer in range(LAYERS)]
    expected = silenced(bundle, dict.fromkeys(names, gone))
    np.testing.assert_allclose(embeddings(small), embeddings(expected), atol=1e-5)
    assert np.abs(embeddings(small) - embeddings(bundle)).max() > 1e-2


def test_neurons_that_are_gone_say_nothing(bundle, tmp_path):
    small = smaller(bundle, kept(neurons=range(10, 42)), tmp_path)
    assert small.model.encoder.config.intermediate_size == 32
    gone = [*range(10), *range(42, 64)]
    names = [f"encoder.layer.{layer}.output.dense.weight" for layer in range(LAYERS)]
    expected = silenced(bundle, dict.fromkeys(names, gone))
    np.testing.assert_allclose(embeddings(small), embeddings(expected), atol=1e-5)


def test_layers_that_are_gone_are_passed_by(bundle, tmp_path):
    """The encoder itself can leave layers out; the pruned one has no others."""
    small = smaller(bundle, kept(layers=[0, 2]), tmp_path)
    encoder = bundle.model.encoder

    def some(batch, training=False, words=None):
        return type(encoder).call(encoder, batch, training, words, layers=[0, 2])

    expected = embeddings(bundle)
    encoder.call, usual = some, encoder.call
    try:
        expected = embeddings(bundle)
    finally:
        encoder.call = usual
    np.testing.assert_allclose(embeddings(small), expected, atol=1e-5)


def test_words_that_stay_mean_what_they_meant(bundle, tmp_path):
    """Ids are other ones, vectors the same; what is gone is spelled or unknown."""
    words = bundle.tokenizer.vocabulary
    stay = [number for number, word in enumerate(words) if word not in ("card", "order")]
    small = smaller(bundle, kept(tokens=stay), tmp_path)
    assert small.tokenizer.vocabulary == tuple(words[number] for number in stay)
    same = ["late", "it is broken"]
    np.testing.assert_allclose(embeddings(small, same), embeddings(bundle, same), atol=1e-5)
    unknown = ["my card"], ["my [UNK]x"]
    assert np.abs(embeddings(small, unknown[0]) - embeddings(bundle, unknown[0])).max() > 1e-2


def test_a_small_model_can_be_made_smaller(bundle, tmp_path):
    """What was pruned once keeps the numbers of the heads that it first had."""
    small = smaller(bundle, kept(heads=[0, 2]), tmp_path)
    (tmp_path / "again").mkdir()
    twice = smaller(small, kept(layers=[1], heads=[1]), tmp_path / "again")
    assert twice.model.encoder.config.pruned_heads == {0: [0, 1, 3]}
    assert np.isfinite(embeddings(twice)).all()


def test_heads_answer_as_before(bundle, tmp_path):
    """Nothing left out: the same answers of every task."""
    small = smaller(bundle, kept(), tmp_path)
    texts = [tf.constant(TEXTS)]
    for task, values in bundle.answer(texts)[0].items():
        np.testing.assert_allclose(small.answer(texts)[0][task], values, atol=1e-6)


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (Plan(layers=4), r"--layers=4: the model has 3; give 1 to 3"),
        (Plan(heads=5), r"--heads=5: the model has 4; give 1 to 4"),
        (Plan(vocabulary=3), r"--vocabulary=3: the model has 17; give 5 to 17"),
    ],
)
def test_a_plan_has_to_fit(bundle, plan, message):
    with pytest.raises(InputError, match=message):
        plan.completed(bundle)


def test_a_plan_is_completed(bundle):
    """Half of the layers, rounded up."""
    assert Plan(vocabulary=10).completed(bundle) == Plan(layers=2, vocabulary=10)


@pytest.mark.parametrize(("texts", "stay"), [(["a late card"], ""), (["我的卡 late"], "号")])
def test_all_ideographs_stay_where_texts_have_some(texts, stay):
    """One that train lacks could not be spelled; in English texts it is just another word."""
    words = [*tiny_run.SPECIALS, *"alte", *"我的卡号", "late", "card"]
    tokenizer = Tokenizer(words)
    train = tokenize_split(Examples.of_texts(texts), tokenizer, 16)
    kept_words = {words[number] for number in student._tokens(tokenizer, train, 6)}
    assert kept_words >= {*tiny_run.SPECIALS, *"alte", *stay}
    assert ("号" in kept_words) == bool(stay)


def test_tokens_by_how_often_train_has_them():
    """[1, 5, 0, 5, 0] times, the last must stay: of three it stays, and both with 5."""
    counts, always = np.array([1, 5, 0, 5, 0]), np.array([False] * 4 + [True])
    assert pruning.tokens(counts, always, 3).tolist() == [1, 3, 4]
    assert pruning.tokens(counts, always, 4).tolist() == [0, 1, 3, 4]
