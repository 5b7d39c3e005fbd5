"""What every provider promises, and that objectives and providers know each other."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from transformers import BertConfig

from tfsocial import config
from tfsocial.errors import InputError
from tfsocial.models.spec import HeadSpec
from tfsocial.models.text_model import TextModel
from tfsocial.objectives import table as objectives
from tfsocial.objectives.contract import Objective
from tfsocial.objectives.table import Term
from tfsocial.training.providers import contract, table
from tfsocial.training.providers.contract import Context, Provider, Settings

MENUS = {"L": objectives.TASK, "L0": objectives.COMMUNITY, "L_paper": objectives.PAPERS}
CLASSES = {name: kind for menu in MENUS.values() for name, kind in menu.items()}


def _settings(chosen: config.Config) -> Settings:
    return Settings(chosen.data, chosen.model, chosen.training, chosen.seed)


@pytest.mark.parametrize("name", CLASSES)
def test_every_need_has_a_provider(name):
    """In the order of the table, so that what one is made of is declared before it."""
    needs = CLASSES[name].needs
    assert list(needs) == sorted(set(needs), key=[*table.PROVIDERS].index)


@pytest.mark.parametrize("need", table.PROVIDERS)
def test_every_provider_is_needed(need):
    """Nothing is provided for nobody; a provider says what it makes."""
    assert any(need in kind.needs for kind in CLASSES.values())
    assert isinstance(table.PROVIDERS[need], Provider)
    assert type(table.PROVIDERS[need]).__doc__


@pytest.mark.parametrize(
    ("tree", "sentence"),
    [
        (
            {"objectives": {"papers": {"mean_teacher": {}}}},
            "objectives.papers.mean_teacher needs an average of the weights: set training.ema",
        ),
        (
            {"objectives": {"papers": {"cutoff": {}}}},
            "objectives.papers.cutoff compares two views of a text: say in data.second_view how",
        ),
        (
            {"data": {"second_view": ["word_drop"]}},
            "data.second_view: no objective compares two views of a text; what L reads is "
            "data.augment",
        ),
    ],
)
def test_sections_that_do_not_fit_a_need_are_refused(tree, sentence):
    """By key path, before step one."""
    chosen = config.parse(tree)
    terms = objectives.formula(chosen.tasks, chosen.objectives)
    with pytest.raises(InputError, match=sentence):
        table.check(terms, _settings(chosen))


@pytest.fixture
def context(monkeypatch):
    """Of one term of L0 beside a task, on three examples whose vectors are known."""

    def make(name: str) -> Context:
        chosen = config.parse({"objectives": {"community": {name: {}}}})
        sizes = BertConfig(
            vocab_size=9,
            hidden_size=8,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=8,
        )
        specs = {"label": HeadSpec("classify", ("a", "b"))}
        model = TextModel(sizes, specs, "mean", mlm_head=True)
        model.build()
        train = SimpleNamespace(labels={"label": np.array([0, 1, 1], np.int32)})
        tokenizer = SimpleNamespace(word_parts=lambda ids: ids)
        found = Context(
            objectives.formula(chosen.tasks, chosen.objectives),
            _settings(chosen),
            model,
            train,
            range(3),
            {},
            tokenizer,
            np.arange(9),
            contract.Shape(1, 8, 2),
            {},
            mlm_head_is_m0s=True,
        )
        vars(found)["vectors"] = np.ones([3, 8], np.float32)
        return found

    return make


@pytest.mark.parametrize(
    ("name", "copied"), [("l2_sp", True), ("feature_cosine", True), ("masked_lm", False)]
)
def test_m0_is_copied_for_those_who_read_it(context, name, copied):
    """Masked words ask for M0's head, which learns on, and for nothing frozen."""
    made = context(name)
    constants = table.build(made)
    assert (constants.get("m0") is not None) == copied
    assert constants.provided.keys() == set(CLASSES[name].needs)
    if copied:
        pairs = zip(
            constants["m0"].get_weights(), made.text_model.encoder.get_weights(), strict=True
        )
        assert all(np.array_equal(*pair) for pair in pairs)
        assert not constants["m0"].trainable


def test_vectors_are_kept_up_to_a_size(context, monkeypatch):
    """Beyond it M0 reads each batch."""
    assert table.build(context("feature_cosine"))["m0_vectors"].shape == (3, 8)
    monkeypatch.setattr(contract, "MOST_NUMBERS", 23)
    assert table.build(context("feature_cosine"))["m0_vectors"] is None


def test_a_new_need_is_a_class_and_a_line(context, monkeypatch):
    """An objective that declares it finds what its provider made."""

    class Moon(Provider):
        def build(self, context, constants):
            return "made of cheese"

    class Gaze(Objective):
        needs = ("moon",)

    monkeypatch.setattr(table, "PROVIDERS", {**table.PROVIDERS, "moon": Moon()})
    made = context("l2_sp")
    vars(made)["terms"] = [Term("L_paper/gaze", Gaze(), 1.0)]
    assert table.build(made).provided == {"moon": "made of cheese"}
