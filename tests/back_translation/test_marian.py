"""Marian's real code on a tiny checkpoint of random weights, made here."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import asdict

import numpy as np
import pytest
import tensorflow as tf
import tiny_marian
import tiny_run

from tfsocial import __main__
from tfsocial.back_translation import marian, translation
from tfsocial.back_translation.marian import Draw, Marian
from tfsocial.config import MarianTranslator, Sampling
from tfsocial.data.augment import paraphrase_cache
from tfsocial.data.augment.paraphrase_cache import Identity
from tfsocial.data.augment.random_stream import RandomStream
from tfsocial.errors import InputError

pytest.importorskip("sentencepiece", reason="the optional package is not installed")

TEXTS = ["the card is late", "nice order", "my card is good thanks"]


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    return tiny_marian.write(tmp_path_factory.mktemp("marian") / "there", seed=1)


@pytest.fixture(scope="module")
def back(tmp_path_factory):
    return tiny_marian.write(tmp_path_factory.mktemp("marian") / "back", seed=2)


def knobs(there, back, **sampling) -> MarianTranslator:
    return MarianTranslator(
        translator="marian",
        cache="c",
        forward=str(there),
        backward=str(back),
        sampling=sampling,
        batch=4,
    )


@pytest.fixture(scope="module")
def translate(there, back) -> Marian:
    return Marian.load(knobs(there, back), compiled=False)


@pytest.fixture(scope="module")
def first(translate) -> list[str]:
    """What the first draw makes of `TEXTS`."""
    return translate(TEXTS)


class TestMarian:
    def test_goes_there_and_back(self, translate, first):
        """The way back reads what the way there wrote, and the two differ."""
        stream = RandomStream.of(0, 0, tf.constant([marian._number(text) for text in TEXTS]))
        abroad = translate.forward(TEXTS, stream.branch(0))
        home = translate.backward(abroad, stream.branch(1))
        assert first == home
        assert len(set(abroad)) == 3
        assert abroad != home
        assert not any(mark in text for text in home for mark in ("<pad>", "</s>", "▁"))

    @pytest.mark.long
    def test_same_seed_same_output(self, translate, first, there, back):
        """Loaded anew too; another draw and another seed give others."""
        assert translate(TEXTS) == first
        assert translate(TEXTS, 1) != first
        again = Marian.load(knobs(there, back), compiled=False)
        assert again(TEXTS) == first
        other = Marian(again.forward, again.backward, seed=7)
        assert other(TEXTS) != first

    @pytest.mark.long
    def test_a_text_does_not_depend_on_its_batch(self, translate, first):
        """So a run that was killed and went on made what it would have made."""
        assert [translate([text])[0] for text in TEXTS] == first
        assert translate(TEXTS[::-1])[::-1] == first

    @pytest.mark.long
    def test_the_graph_gives_the_same(self, there, back, translate):
        """What is traced for many texts draws as what runs at once for few."""
        graph = Marian.load(knobs(there, back), compiled=True).forward
        stream = RandomStream.of(0, 0, tf.constant([1, 2, 3], tf.int64))
        assert graph(TEXTS, stream) == translate.forward(TEXTS, stream)

    def test_long_texts_are_cut_to_the_positions(self, translate):
        """24 of them; nothing fails."""
        assert len(translate(["the card is late " * 30])) == 1

    def test_fills_a_cache(self, translate, there, back, tmp_path):
        """As any translator; its checkpoints are its identity."""
        chosen = knobs(there, back)
        taken = marian.resources(chosen)
        with paraphrase_cache.filling(
            tmp_path, Identity(chosen.identity, tuple(map(asdict, taken)))
        ) as cache:
            assert translation.fill(cache, translate, TEXTS, 1, 4) == 3
            assert set(cache.paraphrases(TEXTS, 1)) == set(TEXTS)
        first, second = taken
        assert (first.licence, first.licence_source) == (
            "CC-BY-4.0",
            "README.md, license of the checkpoint",
        )
        assert first.sha256 != second.sha256


def test_augment_by_marian(there, back, tmp_path, capsys, monkeypatch):
    """The command, end to end; run again, it loads no checkpoint."""
    moods = tiny_run.write_moods(tmp_path / "moods", times=1)
    section = knobs(there, back, temperature=1.5).model_dump(mode="json")
    section |= {"cache": str(tmp_path / "cache"), "count": 1, "similarity": None}
    path = tiny_run.write_config(moods, f"data.back_translation={json.dumps(section)}")
    assert __main__.main(["augment", f"--config={path}"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [
        "4 texts of train, up to 1 paraphrases each",
        "4 paraphrases made; asked for now: 4",
    ]
    monkeypatch.setattr(Marian, "load", None)
    assert __main__.main(["augment", f"--config={path}"]) == 0
    assert "asked for now: 0" in capsys.readouterr().out


class TestDraw:
    """Scores of 5 pieces for many rows: log of 1, 2, 3, 4 and 5."""

    SCORES = np.log([1.0, 2.0, 3.0, 4.0, 5.0]).astype(np.float32)
    ROWS = 20_000

    def drawn(self, step: int = 3, **sampling) -> np.ndarray:
        stream = RandomStream.of(0, 0, tf.range(self.ROWS, dtype=tf.int64))
        scores = tf.tile(self.SCORES[None], [self.ROWS, 1])
        left = Draw(Sampling(**sampling), stream)(tf.zeros([self.ROWS, 1]), scores, step)
        assert np.sum(left == 0) == self.ROWS
        return np.argmax(left, axis=-1)

    @pytest.mark.parametrize(
        ("sampling", "shares"),
        [
            ({"temperature": 1.0, "top_k": 5}, [1 / 15, 2 / 15, 3 / 15, 4 / 15, 5 / 15]),
            ({"temperature": 1.0, "top_k": 2}, [0, 0, 0, 4 / 9, 5 / 9]),
            ({"temperature": 0.5, "top_k": 3}, [0, 0, 9 / 50, 16 / 50, 25 / 50]),
            ({"temperature": 3.0, "top_k": 1}, [0, 0, 0, 0, 1]),
        ],
    )
    def test_in_proportion(self, sampling, shares):
        """exp(score / T) of the k highest, by hand."""
        counts = Counter(self.drawn(**sampling).tolist())
        for piece, share in enumerate(shares):
            spread = 5 * (share * (1 - share) / self.ROWS) ** 0.5
            assert counts[piece] / self.ROWS == pytest.approx(share, abs=spread)

    def test_each_step_has_noise_of_its_own(self):
        """Two steps agree as often as independent draws do: sum of the squared shares."""
        one, other = (self.drawn(step, temperature=1.0, top_k=5) for step in (3, 4))
        expected = sum((number / 15) ** 2 for number in range(1, 6))
        assert np.mean(one == other) == pytest.approx(expected, abs=0.02)


class TestLoading:
    @pytest.fixture
    def copied(self, there, tmp_path):
        """A copy of the checkpoint, to be broken."""
        return shutil.copytree(there, tmp_path / "copy")

    def refusal(self, folder) -> str:
        with pytest.raises(InputError) as caught:
            Marian.load(knobs(folder, folder), compiled=False)
        assert "\n" not in str(caught.value)
        return str(caught.value).replace(str(folder), "DIR")

    def test_a_pickle_is_not_read(self, copied):
        """The sentence says how to convert it."""
        (copied / "model.safetensors").rename(copied / "pytorch_model.bin")
        message = self.refusal(copied)
        assert message.startswith("data.back_translation.forward: DIR has its weights only in")
        assert "t.MarianMTModel.from_pretrained('DIR').save_pretrained('DIR')" in message

    def test_weights_under_other_names_are_refused(self, copied, there):
        """transformers would go on with random ones."""
        from safetensors import numpy as safetensors

        whole = safetensors.load_file(there / "model.safetensors")
        renamed = {name.replace("model.encoder.", "encoder."): a for name, a in whole.items()}
        safetensors.save_file(renamed, copied / "model.safetensors", {"format": "pt"})
        assert "tensors in all) under the names that transformers' TFM" in self.refusal(copied)

    @pytest.mark.parametrize(
        ("name", "content", "sentence"),
        [
            ("source.spm", None, "DIR is no Marian checkpoint; it lacks source.spm"),
            ("model.safetensors", None, "DIR has no weights; expected tf_model.h5 or model"),
            ("model.safetensors", "damaged", "DIR cannot be loaded ("),
            ("config.json", '{"model_type": "t5"}', "model_type is 't5'; this translator loads"),
            ("source.spm", "damaged", "DIR: its source.spm or target.spm cannot be read by sen"),
            ("vocab.json", "damaged", "DIR: its tokenizer cannot be loaded ("),
        ],
    )
    def test_refuses_what_is_broken(self, copied, name, content, sentence):
        """One sentence with the key and the folder."""
        (copied / name).unlink()
        if content is not None:
            (copied / name).write_text(content, "utf-8")
        assert sentence in self.refusal(copied)

    def test_no_such_folder(self, tmp_path):
        """Both forms are named."""
        with pytest.raises(InputError, match="there is no such folder; hub:NAME is the other"):
            Marian.load(knobs(tmp_path / "nowhere", tmp_path))


def test_without_sentencepiece_it_says_what_to_install(there, back, monkeypatch):
    """The package is optional."""
    monkeypatch.setattr(marian.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"not installed; pip install sentencepiece"):
        Marian.load(knobs(there, back))
